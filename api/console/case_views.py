"""Cases as the pages show them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from api.accounts.actors import Actor
from api.accounts.permissions import Permission
from api.answers.service import Since
from api.answers.tables import Answer
from api.cases.service import Choice
from api.cases.states import Act, CaseState
from api.cases.tables import Case, CaseTransition, Reminder, Stage
from api.console.answer_views import AnswerView, SinceView, answer_view, since_view
from api.console.case_acts import ActForm, NotOffered, act_forms, not_offered
from api.console.case_rows import case_row, case_url, seen_again, votes_view
from api.console.case_words import DUE, EVENTS, LEVELS, REASONS, REMINDERS
from api.console.exhibit_views import ClipView, Exhibit, PictureView, clip_view, lasted, picture_view
from api.console.i18n import N_
from api.console.keeping import KeepingView
from api.console.progress import ProgressStep, progress_view
from api.console.seals import SealView, seal_view
from api.console.speech import RuleView, Speaker, VotesView
from api.console.times import LocalTime
from api.console.views import Fact, Link
from api.console.ways_back import cases_of_shop
from api.console.words import Chip
from api.evidence.service import is_of_another
from api.notices.citations import may_accept
from api.notices.schemas import Facts
from api.notices.service import DRAFTABLE
from contract.catalogue import Catalogue
from contract.signing import fingerprint


@dataclass(frozen=True)
class EventView:
    words: str
    at: LocalTime
    actor: str
    reason: str | None
    note: str | None


@dataclass(frozen=True)
class NoticeCard:
    """The notice of a case, or its draft; `order_url` leads to a draft of the formal order, for who may make one, `links_url` to
    the links that the shop's people were sent, for who may revoke one, `messages_url` to what was told to whom and whether it
    arrived."""

    title: str
    url: str
    pdf_url: str | None
    order_url: str | None
    links_url: str | None = None
    messages_url: str | None = None


@dataclass(frozen=True)
class AskedAgain:
    """A form that needs a text and came without: `form` is where it is sent, and the text of the citation that it is about."""

    form: str
    typed: str = ""
    wrong: str | None = None


@dataclass(frozen=True)
class CaseView:
    """`acts` are what this person can do now, `not_offered` what others could or what does not hold yet. `problem` is a title and
    a sentence; `muted_at` leads to the camera at which this spot is muted; `lost_note` is a remark that was typed for an act that
    can no longer be done; `looking` says who else looks at the case just now, `hindrance` what stands in the way of a notice,
    `is_unreached` that no message about it reaches the shop, which is put in order at `told_url`; `came` is what the address
    carries of the queue or the list that the reader comes from; `cases_url` leads to all cases of the shop; `standing`
    tells a shop how it stands."""

    id: int
    title: str
    back: Link
    severity: Chip
    state: Chip
    shop: str
    area: str
    camera: str
    captured: LocalTime
    time_doubt: str | None
    lasted: str | None
    seen_again: str | None
    picture: PictureView | None
    votes: VotesView
    rule: RuleView
    seal: SealView | None
    facts: Sequence[Fact]
    timeline: Sequence[EventView]
    acts: Sequence[ActForm]
    not_offered: Sequence[NotOffered]
    merged_into: Link | None
    overdue: Chip | None
    due: str | None
    notice: NoticeCard | None
    answers: Sequence[AnswerView]
    since: SinceView | None
    progress: Sequence[ProgressStep]
    looking: str | None = None
    clip: ClipView | None = None
    muted_at: str | None = None
    keeping: KeepingView | None = None
    is_deleted: bool = False
    done: str | None = None
    next: Link | None = None
    is_last_judged: bool = False
    problem: Fact | None = None
    lost_note: str = ""
    hindrance: str = ""
    is_unreached: bool = False
    told_url: str = ""
    export_url: str | None = None
    asked_again: AskedAgain | None = None
    parts: Sequence[Link] = ()
    came: Sequence[Fact] = ()
    cases_url: str | None = None
    standing: Fact | None = None

    def again(self, form: str) -> AskedAgain:
        return self.asked_again if self.asked_again and self.asked_again.form == form else AskedAgain(form)


def case_view(
    case: Case, exhibit: Exhibit | None, transitions: Sequence[CaseTransition], choices: Sequence[Choice], others: Sequence[Case],
    reminders: Sequence[Reminder], notice: Facts | None, answers: Sequence[Answer], since: Since | None,
    accepted: Collection[str], why: str, actor: Actor, speaker: Speaker, catalogue: Catalogue,
) -> CaseView:
    """`why` is the reason for which faces are shown; empty where they are not, or need none."""
    row = case_row(case, None, actor, speaker, catalogue)
    seal = seal_view(exhibit.seal, exhibit.evidence.chain, speaker) if exhibit else None
    return CaseView(
        id=case.id, title=row.title, back=Link("/cases", speaker.say(N_("Cases"))), severity=row.severity, state=row.state,
        shop=row.shop, area=row.area, camera=row.camera, captured=row.captured,
        time_doubt=speaker.time_doubt(case), lasted=lasted(exhibit, speaker) if exhibit else None,
        seen_again=seen_again(case, speaker),
        picture=picture_view(exhibit, row, actor, speaker) if exhibit else None,
        votes=votes_view(case, speaker, catalogue),
        rule=speaker.rule(case.rule, catalogue, accepted, may_accept(actor)), seal=seal,
        notice=_notice(case, notice, actor, speaker),
        answers=[answer_view(answer, case, why, actor, speaker) for answer in reversed(answers)],
        since=since_view(since, case, speaker) if since else None,
        facts=_facts(exhibit, speaker), timeline=_timeline(transitions, reminders, actor, speaker),
        acts=act_forms(case, choices, others, actor, speaker, catalogue), not_offered=not_offered(choices, actor, speaker),
        progress=progress_view(case, transitions, speaker), overdue=row.overdue, due=row.due,
        cases_url=cases_of_shop(case.shop_id) if actor.shop_id is None else None,
        merged_into=case_link(case.merged_into, speaker) if case.merged_into else None,
        clip=clip_view(exhibit.evidence, exhibit.is_in_review, exhibit.reason, speaker)
        if exhibit and actor.may(Permission.EVIDENCE_READ) else None,
    )


def with_form(
    view: CaseView, act: Act, typed: dict[str, str], *, wrong: dict[str, str], problem: Fact | None
) -> CaseView:
    """The page as it comes back after an act that was not done, with what was typed."""
    acts = [replace(form, typed=typed, wrong=wrong) if form.act == act and not form.is_bare else form for form in view.acts]
    is_lost = not any(form.typed for form in acts)
    return replace(view, acts=acts, problem=problem, lost_note=typed.get("note", typed.get("text", "")) if is_lost else "")


def overtaken(transitions: Sequence[CaseTransition], speaker: Speaker) -> Fact:
    """What somebody else did last."""
    last = transitions[-1]
    what = speaker.say(EVENTS[last.act])
    sentence = speaker.say(
        N_("%(actor)s has done this at %(at)s: %(what)s."), actor=speaker.actor(last), at=speaker.time(last.at).short, what=what
    )
    return Fact(speaker.say(N_("Somebody else was faster")), sentence)


def case_link(case_id: int, speaker: Speaker) -> Link:
    return Link(case_url(case_id), speaker.say(N_("No. %(id)s"), id=case_id))


def _notice(case: Case, notice: Facts | None, actor: Actor, speaker: Speaker) -> NoticeCard | None:
    """Who issues notices sees the draft of one before."""
    url = f"{case_url(case.id)}/notice"
    order_url = f"{case_url(case.id)}/order" if actor.may(Permission.CASES_HANDLE) and case.state in DRAFTABLE else None
    if notice is not None:
        pdf_url = f"/api/v1/cases/{case.id}/notice.pdf?language={speaker.language.value}"
        links_url = f"{case_url(case.id)}/links" if actor.may(Permission.CASES_HANDLE) else None
        messages_url = f"/deliveries?case={case.id}" if actor.may(Permission.DELIVERIES_READ) else None
        return NoticeCard(notice.reference, url, pdf_url, order_url, links_url, messages_url)
    if case.state is CaseState.CONFIRMED and actor.may(Permission.CASES_HANDLE):
        return NoticeCard(speaker.say(N_("Not issued yet")), url, None, order_url)
    return None


def _facts(exhibit: Exhibit | None, speaker: Speaker) -> list[Fact]:
    if exhibit is None:
        return []
    say, manifest = speaker.say, exhibit.manifest
    of_another = is_of_another(exhibit.evidence)
    facts = [
        Fact(
            say(N_("Shop's own box")) if of_another else say(N_("Edge box")),
            f"{exhibit.evidence.edge.name} ({manifest.software_version})",
        ),
        Fact(say(N_("Its alarm")), manifest.models[0].name) if of_another
        else Fact(say(N_("Models")), speaker.listed(f"{model.name} {model.sha256[:12]}" for model in manifest.models)),
        Fact(say(N_("Rule catalogue")), manifest.catalogue_version),
        Fact(say(N_("Picture size")), f"{manifest.frame_width} × {manifest.frame_height}"),
        Fact(say(N_("Record")), str(manifest.violation_id) if of_another else f"{manifest.sequence} · {manifest.violation_id}"),
    ]
    if statements := exhibit.seal.statements:
        signed = say(
            N_("On receipt at %(at)s and at each judgement since, %(times)s in all; key %(key)s"), times=len(statements),
            at=speaker.time(exhibit.evidence.received_at).short, key=fingerprint(statements[-1].statement.key),
        )
        facts.append(Fact(say(N_("Signed by the server")), signed))
    return facts


def _timeline(
    transitions: Sequence[CaseTransition], reminders: Sequence[Reminder], actor: Actor, speaker: Speaker
) -> list[EventView]:
    """What people did and what the clock told, in order of time; what people did in its own order, also where a clock was put
    back."""
    latest = accumulate((step.at for step in transitions), max)
    events = [(at, _event(step, actor, speaker)) for at, step in zip(latest, transitions, strict=True)]
    for reminder in reminders:
        words = LEVELS[reminder.level] if reminder.level is not None else REMINDERS[reminder.kind]
        due = speaker.say(DUE[reminder.stage], at=speaker.time(reminder.due_at).short)
        event = EventView(speaker.say(words), speaker.time(reminder.at), speaker.say(N_("The system")), due, None)
        events.append((reminder.at, event))
    return [event for _, event in sorted(events, key=lambda pair: pair[0])]


def _event(transition: CaseTransition, actor: Actor, speaker: Speaker) -> EventView:
    reason = REASONS.get(transition.reason) if transition.reason else None  # type: ignore[call-overload]
    words = speaker.say(reason) if reason else None
    if transition.merged_into is not None:
        words = speaker.say(N_("No. %(id)s"), id=transition.merged_into)
    elif transition.act is Act.MERGE and actor.sees_unconfirmed:
        words = speaker.say(N_("Into which case was not recorded at that time."))
    if transition.due_at is not None:
        words = speaker.say(DUE[Stage.RECTIFY], at=speaker.time(transition.due_at).short)
    return EventView(
        words=speaker.say(EVENTS[transition.act]), at=speaker.time(transition.at), actor=speaker.actor(transition),
        reason=words, note=transition.note,
    )
