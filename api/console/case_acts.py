"""What a person can do with a case now, as forms; and what not, and why."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from api.accounts.actors import Actor
from api.accounts.permissions import STORE_ROLES, Permission
from api.cases.service import Choice
from api.cases.states import ANSWERS, Act, Given
from api.cases.tables import Case
from api.console.case_rows import case_row, case_url
from api.console.case_words import ACTS, NOTES, REASONS, WHY_NOT
from api.console.i18n import N_
from api.console.speech import Speaker
from api.console.views import Option
from contract.catalogue import Catalogue


@dataclass(frozen=True)
class ActForm:
    """One act that the reader can do now. `note` says what the remark is for, None where none is asked; `deadline` what the
    deadline is that a new one is asked for, None where none is; `person` is who is in charge, as far as it is known; `typed` and
    `wrong` are of a form that came back, by field."""

    act: str
    url: str
    version: int
    words: str
    is_main: bool
    reasons: Sequence[Option]
    note: str | None
    cases: Sequence[Option]
    deadline: str | None
    is_answer: bool
    photograph_needed: bool
    person: str
    typed: dict[str, str] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)

    @property
    def is_bare(self) -> bool:
        """Nothing is asked: the button alone does it."""
        return not self.reasons and not self.cases and self.note is None and self.deadline is None

    @property
    def note_name(self) -> str:
        return "text" if self.is_answer else "note"

    @property
    def open(self) -> bool:
        return bool(self.typed)


@dataclass(frozen=True)
class NotOffered:
    acts: str
    why: str


# As on the page of a link: who answers for a shop need not know the law's words.
_OF_SHOP = {Act.ACKNOWLEDGE: N_("Received"), Act.SUBMIT: N_("I fixed it"), Act.APPEAL: N_("I disagree")}


def _act_words(act: Act, actor: Actor, speaker: Speaker) -> str:
    return speaker.say(_OF_SHOP.get(act, ACTS[act]) if actor.role in STORE_ROLES else ACTS[act])


def act_forms(
    case: Case, choices: Sequence[Choice], others: Sequence[Case], actor: Actor, speaker: Speaker, catalogue: Catalogue
) -> list[ActForm]:
    """`others` are the cases that this one can be merged into. What an officer does for a shop (代办) says so."""
    forms: list[ActForm] = []
    # What leads on comes before the way back.
    open_to = sorted((choice.step for choice in choices if choice.refused is None), key=lambda step: step.act is Act.UNDO)
    for step in open_to:
        cases = []
        if Given.CASE in step.given:
            cases = [Option(str(other.id), _named(other, actor, speaker, catalogue)) for other in others]
            if not cases:
                continue
        is_for_shop = step.who is Permission.CASES_ANSWER and actor.role not in STORE_ROLES
        words = _act_words(step.act, actor, speaker)
        note = NOTES[step.act] if Given.NOTE in step.given else N_("Needed for “other reason”, welcome otherwise")
        forms.append(
            ActForm(
                step.act, f"{case_url(case.id)}/{'answer' if step.act in ANSWERS else step.act}", case.version,
                speaker.say(N_("For the shop: %(act)s"), act=words) if is_for_shop else words,
                not forms and not is_for_shop and step.act is not Act.UNDO,
                [Option(reason.value, speaker.say(REASONS[reason])) for reason in step.reasons or ()],
                speaker.say(note) if step.given & {Given.NOTE} or step.reasons else None, cases,
                _deadline(case, speaker) if Given.DEADLINE in step.given else None,
                step.act in ANSWERS, Given.PHOTOGRAPH in step.given, "" if is_for_shop else actor.name,
            )
        )
    return forms


def not_offered(choices: Sequence[Choice], actor: Actor, speaker: Speaker) -> list[NotOffered]:
    """Those with the same ground together. What the authority does is no matter of a shop's."""
    acts: dict[str, list[str]] = {}
    for choice in choices:
        is_of_others = actor.role in STORE_ROLES and choice.step.who is not Permission.CASES_ANSWER
        if choice.refused is not None and not is_of_others:
            acts.setdefault(speaker.say(WHY_NOT[choice.refused]), []).append(_act_words(choice.step.act, actor, speaker))
    return [NotOffered(" · ".join(words), why) for why, words in acts.items()]


def _deadline(case: Case, speaker: Speaker) -> str:
    """What a browser asks for has no time zone, so the sentence names it."""
    at = speaker.time(case.rectify_due_at).short if case.rectify_due_at else "–"
    return speaker.say(N_("So far: %(at)s. Beijing time."), at=at)


def _named(case: Case, actor: Actor, speaker: Speaker, catalogue: Catalogue) -> str:
    row = case_row(case, None, actor, speaker, catalogue)
    return f"{speaker.say(N_('No. %(id)s'), id=case.id)} {row.title} · {row.camera} · {row.captured.short}"
