"""Cases as the pages show them."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import accumulate

from api.accounts.actors import Actor
from api.accounts.permissions import STORE_ROLES, Permission
from api.answers.service import Since
from api.answers.tables import Answer
from api.cases.service import Choice
from api.cases.states import ANSWERS, Act, CaseState, Given
from api.cases.tables import Case, CaseTransition, Reminder, Stage
from api.console.answer_views import answer_view, since_view
from api.console.exhibit_views import Exhibit, clip_view, lasted, picture_view
from api.console.i18n import N_
from api.console.progress import progress_view
from api.console.seals import seal_view
from api.console.speech import Speaker, find_rule
from api.console.views import (
    ActForm,
    CaseRow,
    CaseView,
    EventView,
    Fact,
    Link,
    NoticeCard,
    NotOffered,
    Option,
    VotesView,
)
from api.console.words import ACTS, DUE, EVENTS, LEVELS, NOTES, REASONS, REMINDERS, WHY_NOT
from api.evidence.service import is_of_another
from api.notices.citations import may_accept
from api.notices.schemas import Facts
from api.notices.service import DRAFTABLE
from contract.catalogue import Catalogue
from contract.signing import fingerprint


def case_url(case_id: int) -> str:
    return f"/cases/{case_id}"


def case_row(
    case: Case, digest: str | None, speaker: Speaker, catalogue: Catalogue, is_in_review: bool = False
) -> CaseRow:
    """`digest` is of the manifest that the thumbnail is made of; None without a picture. With faces it has another address."""
    version = f"{digest[:12]}{'' if is_in_review else '-blurred'}" if digest else None
    return CaseRow(
        id=case.id, url=case_url(case.id), thumbnail=f"/cases/{case.id}/thumbnail.jpg?v={version}" if version else None,
        title=speaker.rule_title(case.rule, catalogue), severity=speaker.severity(case.severity), state=speaker.state(case.state),
        shop=case.shop.name, area=speaker.area(case.area.kind), camera=case.camera.name, captured=speaker.time(case.captured_at),
        votes=votes_view(case, speaker, catalogue).sentence, overdue=speaker.overdue(case),
        due=speaker.due(case),
    )


def case_view(
    case: Case, exhibit: Exhibit | None, transitions: Sequence[CaseTransition], choices: Sequence[Choice], others: Sequence[Case],
    reminders: Sequence[Reminder], notice: Facts | None, answers: Sequence[Answer], since: Since | None,
    accepted: Collection[str], why: str, actor: Actor, speaker: Speaker, catalogue: Catalogue,
) -> CaseView:
    """`why` is the reason for which faces are shown; empty where they are not, or need none."""
    row = case_row(case, None, speaker, catalogue)
    seal = seal_view(exhibit.seal, exhibit.evidence.chain, speaker) if exhibit else None
    return CaseView(
        id=case.id, title=row.title, back_url="/cases", severity=row.severity, state=row.state, shop=row.shop, area=row.area,
        camera=row.camera, captured=row.captured,
        lasted=lasted(exhibit, speaker) if exhibit else None, seen_again=seen_again(case, speaker),
        picture=picture_view(exhibit, row, actor, speaker) if exhibit else None,
        votes=votes_view(case, speaker, catalogue),
        rule=speaker.rule(case.rule, catalogue, accepted, may_accept(actor)), seal=seal,
        notice=_notice(case, notice, actor, speaker),
        answers=[answer_view(answer, case, why, actor, speaker) for answer in reversed(answers)],
        since=since_view(since, case, speaker) if since else None,
        facts=_facts(exhibit, speaker), timeline=_timeline(transitions, reminders, speaker),
        acts=_forms(case, choices, others, actor, speaker, catalogue), not_offered=_not_offered(choices, actor, speaker),
        progress=progress_view(case, transitions, speaker), merged_into=_merged_into(case, speaker), overdue=row.overdue,
        due=row.due,
        clip=clip_view(exhibit.evidence, exhibit.is_in_review, exhibit.reason, speaker)
        if exhibit and actor.may(Permission.EVIDENCE_READ) else None,
    )


def with_form(
    view: CaseView, act: Act, typed: dict[str, str], *, wrong: dict[str, str] | None = None, problem: Fact | None = None
) -> CaseView:
    """The page as it comes back after an act that was not done, with what was typed."""
    acts = [replace(form, typed=typed, wrong=wrong or {}) if form.act == act and not form.is_bare else form for form in view.acts]
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


def _merged_into(case: Case, speaker: Speaker) -> Link | None:
    if case.merged_into is None:
        return None
    return Link(case_url(case.merged_into), speaker.say(N_("No. %(id)s"), id=case.merged_into))


def votes_view(case: Case, speaker: Speaker, catalogue: Catalogue) -> VotesView:
    return speaker.votes(case.looks, case.sure_looks, case.violating_looks, find_rule(case.rule, catalogue))


def _notice(case: Case, notice: Facts | None, actor: Actor, speaker: Speaker) -> NoticeCard | None:
    """Who issues notices sees the draft of one before."""
    url = f"{case_url(case.id)}/notice"
    order_url = f"{case_url(case.id)}/order" if actor.may(Permission.CASES_HANDLE) and case.state in DRAFTABLE else None
    if notice is not None:
        pdf_url = f"/api/v1/cases/{case.id}/notice.pdf?language={speaker.language.value}"
        links_url = f"{case_url(case.id)}/links" if actor.may(Permission.CASES_HANDLE) else None
        return NoticeCard(notice.reference, url, pdf_url, order_url, links_url)
    if case.state is CaseState.CONFIRMED and actor.may(Permission.CASES_HANDLE):
        return NoticeCard(speaker.say(N_("Not issued yet")), url, None, order_url)
    return None


def seen_again(case: Case, speaker: Speaker) -> str | None:
    """How much has joined the case."""
    if case.observations == 1:
        return None
    words = N_("Seen %(times)s times in all, kept as one case; the last time at %(at)s.")
    return speaker.say(words, times=case.observations, at=speaker.time(case.last_seen_at).short)


def _facts(exhibit: Exhibit | None, speaker: Speaker) -> list[Fact]:
    if exhibit is None:
        return []
    say, manifest = speaker.say, exhibit.manifest
    of_another = is_of_another(exhibit.evidence)
    facts = [
        Fact(
            say(N_("Box of the shop's own")) if of_another else say(N_("Edge box")),
            f"{exhibit.evidence.edge.name} ({manifest.software_version})",
        ),
        Fact(say(N_("Its alarm")), manifest.models[0].name) if of_another
        else Fact(say(N_("Models")), ", ".join(f"{model.name} {model.sha256[:12]}" for model in manifest.models)),
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
    transitions: Sequence[CaseTransition], reminders: Sequence[Reminder], speaker: Speaker
) -> list[EventView]:
    """What people did and what the clock told, in order of time; what people did in its own order, also where a clock was put
    back."""
    latest = accumulate((step.at for step in transitions), max)
    events = [(at, _event(step, speaker)) for at, step in zip(latest, transitions, strict=True)]
    for reminder in reminders:
        words = LEVELS[reminder.level] if reminder.level is not None else REMINDERS[reminder.kind]
        due = speaker.say(DUE[reminder.stage], at=speaker.time(reminder.due_at).short)
        event = EventView(speaker.say(words), speaker.time(reminder.at), speaker.say(N_("The system")), due, None)
        events.append((reminder.at, event))
    return [event for _, event in sorted(events, key=lambda pair: pair[0])]


def _event(transition: CaseTransition, speaker: Speaker) -> EventView:
    reason = REASONS.get(transition.reason) if transition.reason else None  # type: ignore[call-overload]
    words = speaker.say(reason) if reason else None
    if transition.due_at is not None:
        words = speaker.say(DUE[Stage.RECTIFY], at=speaker.time(transition.due_at).short)
    return EventView(
        words=speaker.say(EVENTS[transition.act]), at=speaker.time(transition.at), actor=speaker.actor(transition),
        reason=words, note=transition.note,
    )


def _forms(
    case: Case, choices: Sequence[Choice], others: Sequence[Case], actor: Actor, speaker: Speaker, catalogue: Catalogue
) -> list[ActForm]:
    """`others` are the cases that this one can be merged into. What an officer does for a shop (代办) says so."""
    forms: list[ActForm] = []
    # What leads on comes before the way back.
    open_to = sorted((choice.step for choice in choices if choice.refused is None), key=lambda step: step.act is Act.UNDO)
    for step in open_to:
        cases = []
        if Given.CASE in step.given:
            cases = [Option(str(other.id), _named(other, speaker, catalogue)) for other in others]
            if not cases:
                continue
        is_for_shop = step.who is Permission.CASES_ANSWER and actor.role not in STORE_ROLES
        words = speaker.say(ACTS[step.act])
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


def _deadline(case: Case, speaker: Speaker) -> str:
    """What a browser asks for has no time zone, so the sentence names it."""
    at = speaker.time(case.rectify_due_at).short if case.rectify_due_at else "–"
    return speaker.say(N_("So far: %(at)s. Beijing time."), at=at)


def _named(case: Case, speaker: Speaker, catalogue: Catalogue) -> str:
    row = case_row(case, None, speaker, catalogue)
    return f"{speaker.say(N_('No. %(id)s'), id=case.id)} {row.title} · {row.camera} · {row.captured.short}"


def _not_offered(choices: Sequence[Choice], actor: Actor, speaker: Speaker) -> list[NotOffered]:
    """Those with the same ground together. What the authority does is no matter of a shop's."""
    acts: dict[str, list[str]] = {}
    for choice in choices:
        is_of_others = actor.role in STORE_ROLES and choice.step.who is not Permission.CASES_ANSWER
        if choice.refused is not None and not is_of_others:
            acts.setdefault(speaker.say(WHY_NOT[choice.refused]), []).append(speaker.say(ACTS[choice.step.act]))
    return [NotOffered(" · ".join(words), why) for why, words in acts.items()]
