"""The review queue as its page shows it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from api.accounts.actors import Actor
from api.cases.states import Act
from api.cases.tables import Case, CaseTransition
from api.console.case_rows import CaseRow, case_row, seen_again, votes_view
from api.console.case_words import REASONS
from api.console.exhibit_views import ClipView, Exhibit, PictureView, clip_view, lasted, picture_view
from api.console.i18n import N_
from api.console.seals import SealView, seal_view
from api.console.speech import RuleView, Speaker, VotesView
from api.console.times import LocalTime
from api.console.views import Fact, Link, Option
from contract.catalogue import Catalogue

_SHOWN = 3


@dataclass(frozen=True)
class VerdictLine:
    words: str
    at: LocalTime
    by: str


@dataclass(frozen=True)
class ReviewCase:
    """A case with all that a judgement needs. `past` says in words what was judged at this camera before."""

    row: CaseRow
    version: int
    picture: PictureView | None
    clip: ClipView | None
    votes: VotesView
    time_doubt: str | None
    lasted: str | None
    seen_again: str | None
    rule: RuleView
    seal: SealView | None
    past: str
    past_lines: Sequence[VerdictLine]


@dataclass(frozen=True)
class QueueTab:
    name: str
    url: str
    words: str
    left: int
    current: bool


@dataclass(frozen=True)
class Undo:
    """What was judged last, for as long as it can be taken back."""

    words: str
    cases: Sequence[str]


@dataclass(frozen=True)
class ReviewView:
    """`cases` are this person's for now, `rows` those of a queue that is worked off on the pages of its cases; `looking` says
    who looks at which row, `elsewhere` who looks at how many others."""

    queue: str
    tabs: Sequence[QueueTab]
    rules: Sequence[Option]
    severities: Sequence[Option]
    rule: str
    severity: str
    words: str
    filters: Sequence[Fact]
    is_filtered: bool
    may_issue: bool
    cases: Sequence[ReviewCase]
    rows: Sequence[CaseRow]
    looking: dict[int, str]
    elsewhere: Sequence[str]
    more: int
    all_url: str
    undo: Undo | None
    problems: Sequence[Link]


def review_case(
    case: Case, exhibit: Exhibit | None, past: Sequence[CaseTransition], actor: Actor, speaker: Speaker, catalogue: Catalogue
) -> ReviewCase:
    row = case_row(case, exhibit.evidence.digest if exhibit else None, actor, speaker, catalogue, is_in_review=True)
    return ReviewCase(
        row=row, version=case.version, picture=picture_view(exhibit, row, actor, speaker) if exhibit else None,
        clip=clip_view(exhibit.evidence, exhibit.is_in_review, exhibit.reason, speaker) if exhibit else None,
        votes=votes_view(case, speaker, catalogue),
        time_doubt=speaker.time_doubt(case), lasted=lasted(exhibit, speaker) if exhibit else None,
        seen_again=seen_again(case, speaker),
        rule=speaker.rule(case.rule, catalogue, (), False),
        seal=seal_view(exhibit.seal, exhibit.evidence.chain, speaker) if exhibit else None,
        past=_past(past, speaker), past_lines=[_line(verdict, speaker) for verdict in past[:_SHOWN]],
    )


def _past(past: Sequence[CaseTransition], speaker: Speaker) -> str:
    if not past:
        return speaker.say(N_("Nobody has judged this rule at this camera yet."))
    counts = Counter(verdict.reason if verdict.act is Act.DISMISS else "violation" for verdict in past)
    told = speaker.say(N_("%(times)s violations"), times=counts.pop("violation", 0))
    others = [
        speaker.say(N_("%(times)s times: %(reason)s"), times=times, reason=_reason(reason, speaker))
        for reason, times in counts.most_common()
    ]
    head = speaker.say(N_("The last %(count)s judgements of this rule at this camera:"), count=len(past))
    return f"{head} {' · '.join([told, *others])}"


def _line(verdict: CaseTransition, speaker: Speaker) -> VerdictLine:
    words = speaker.say(N_("Violation")) if verdict.act is Act.CONFIRM else _reason(verdict.reason, speaker)
    return VerdictLine(words, speaker.time(verdict.at), verdict.actor_name)


def _reason(reason: str | None, speaker: Speaker) -> str:
    return speaker.say(REASONS[reason]) if reason else speaker.say(N_("Dismissed"))  # type: ignore[index]
