"""Cases as the pages show them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from api.accounts.actors import Actor
from api.accounts.permissions import STORE_ROLES, Permission
from api.answers.service import Since
from api.answers.tables import Answer
from api.cases.service import Choice
from api.cases.states import ANSWERS, Act, CaseState, Given
from api.cases.tables import Case, CaseTransition, Reminder
from api.console.answer_views import answer_view, since_view
from api.console.geometry import close_up
from api.console.i18n import N_
from api.console.progress import progress_view
from api.console.seals import seal_view
from api.console.speech import Speaker, find_rule
from api.console.views import (
    ActForm,
    BoxView,
    CaseRow,
    CaseView,
    ClipView,
    EventView,
    Fact,
    LegendItem,
    Link,
    NoticeCard,
    NotOffered,
    Option,
    PictureView,
    VotesView,
)
from api.console.words import ACTS, BOX_KINDS, CLIP_FLAWS, DUE, EVENTS, LEVELS, NOTES, REASONS, REMINDERS, WHY_NOT
from api.evidence.service import BLURRED, ORIGINAL, PREVIEW, SealCheck, clip_of, is_of_another
from api.evidence.tables import Evidence
from api.notices.schemas import Facts
from api.notices.service import DRAFTABLE
from contract.catalogue import Catalogue
from contract.evidence import CLIP, Manifest, MarkedBox
from contract.signing import fingerprint

# Square: beside the wide picture there is a column.
_CROP_ASPECT = 1.0


@dataclass(frozen=True)
class Exhibit:
    """The evidence that a case is shown with: its first, on which it was opened."""

    evidence: Evidence
    manifest: Manifest
    seal: SealCheck
    is_in_review: bool
    # For which faces are shown outside the review; empty where they are not.
    reason: str


def case_url(case_id: int) -> str:
    return f"/cases/{case_id}"


def blurred_url(evidence: Evidence) -> str:
    return f"/api/v1/evidence/{evidence.violation_id}/{BLURRED}"


def picture_url(exhibit: Exhibit) -> str:
    return _with_faces(exhibit, ORIGINAL) or blurred_url(exhibit.evidence)


def _with_faces(exhibit: Exhibit, name: str) -> str | None:
    """None where faces are not shown now."""
    url = f"/api/v1/evidence/{exhibit.evidence.violation_id}/{name}"
    if exhibit.is_in_review:
        return url
    return f"{url}?{urlencode({'reason': exhibit.reason})}" if exhibit.reason else None


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
        lasted=_lasted(exhibit, speaker) if exhibit else None,
        picture=picture_view(exhibit, row, actor, speaker) if exhibit else None,
        votes=votes_view(case, speaker, catalogue),
        rule=speaker.rule(case.rule, catalogue, accepted, actor.may(Permission.CASES_DECIDE)), seal=seal,
        notice=_notice(case, notice, actor, speaker),
        answers=[answer_view(answer, case, why, actor, speaker) for answer in reversed(answers)],
        since=since_view(since, case, speaker) if since else None,
        facts=_facts(case, exhibit, speaker), timeline=_timeline(transitions, reminders, speaker),
        acts=_forms(case, choices, others, actor, speaker, catalogue), not_offered=_not_offered(choices, speaker),
        progress=progress_view(case, transitions, speaker), merged_into=_merged_into(case, speaker), overdue=row.overdue,
        due=row.due,
        judges=actor.may(Permission.CASES_JUDGE),
        clip=_clip(exhibit, speaker) if exhibit and actor.may(Permission.EVIDENCE_READ) else None,
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


def _lasted(exhibit: Exhibit, speaker: Speaker) -> str | None:
    """Another's box tells of one moment."""
    manifest = exhibit.manifest
    return None if is_of_another(exhibit.evidence) else speaker.lasted(manifest.since, manifest.captured_at)


def picture_view(exhibit: Exhibit, row: CaseRow, actor: Actor, speaker: Speaker) -> PictureView:
    manifest = exhibit.manifest
    window = close_up(manifest.boxes, manifest.frame_width, manifest.frame_height, _CROP_ASPECT)
    drawn = {box.kind for box in manifest.boxes if not box.violating}
    legend = [LegendItem("violating", speaker.say(N_("What this is about")))] if window else []
    legend += [LegendItem(f"kind-{kind}", speaker.say(BOX_KINDS[kind])) for kind in BOX_KINDS if kind in drawn]
    return PictureView(
        url=picture_url(exhibit),
        alt=speaker.say(N_("%(camera)s at %(at)s: %(title)s"), camera=row.camera, at=row.captured.full, title=row.title),
        width=manifest.frame_width, height=manifest.frame_height, boxes=[box_view(box) for box in manifest.boxes], legend=legend,
        crop=window.view_box if window else None, is_blurred=not exhibit.is_in_review and not exhibit.reason,
        is_all_hidden=is_of_another(exhibit.evidence),
        reason=exhibit.reason, ask_url=row.url if actor.may(Permission.EVIDENCE_READ) and not exhibit.is_in_review else None,
    )


def _clip(exhibit: Exhibit, speaker: Speaker) -> ClipView | None:
    if is_of_another(exhibit.evidence):
        return None  # a box of the shop's own sends none
    if exhibit.evidence.clip is None:
        return ClipView(None, None, [speaker.say(N_("The clip has not arrived yet. The edge box sends it after the picture."))])
    manifest, say = clip_of(exhibit.evidence.clip), speaker.say
    if manifest.missing is not None:
        return ClipView(None, None, [say(N_("There is no clip: %(why)s."), why=say(CLIP_FLAWS[manifest.missing]))])
    sentences = [
        say(
            N_("%(seconds)s s of the camera's own video, unchanged; the moment of the picture is at %(moment)s s."),
            seconds=f"{manifest.duration_s:.1f}", moment=f"{manifest.moment_s:.1f}",
        )
    ]
    if manifest.begins_late is not None:
        sentences.append(say(N_("It begins late: %(why)s."), why=say(CLIP_FLAWS[manifest.begins_late])))
    if manifest.ends_early is not None:
        sentences.append(say(N_("It ends early: %(why)s."), why=say(CLIP_FLAWS[manifest.ends_early])))
    url = _with_faces(exhibit, CLIP)
    if url is None:
        sentences.append(say(N_("Faces can be seen in it, so it is shown only with the original picture, for a reason.")))
    if manifest.codec == "h264" or url is None:
        return ClipView(url, None, sentences)
    sentences.append(
        say(N_("Browsers do not play H.265: you see a smaller preview, which is no evidence and takes some seconds at first."))
    )
    return ClipView(_with_faces(exhibit, PREVIEW), url, sentences)


def box_view(box: MarkedBox) -> BoxView:
    x1, y1, x2, y2 = (round(value) for value in box.box)
    return BoxView(box.kind, x1, y1, x2 - x1, y2 - y1, box.violating)


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


def _facts(case: Case, exhibit: Exhibit | None, speaker: Speaker) -> list[Fact]:
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
    if case.observations > 1:
        facts.insert(0, Fact(say(N_("Seen again")), say(N_("%(times)s times in all, kept as one case"), times=case.observations)))
    return facts


def _timeline(
    transitions: Sequence[CaseTransition], reminders: Sequence[Reminder], speaker: Speaker
) -> list[EventView]:
    """What people did and what the clock told, in order of time."""
    events = [(step.at, _event(step, speaker)) for step in transitions]
    for reminder in reminders:
        words = LEVELS[reminder.level] if reminder.level is not None else REMINDERS[reminder.kind]
        due = speaker.say(DUE[reminder.stage], at=speaker.time(reminder.due_at).short)
        event = EventView(speaker.say(words), speaker.time(reminder.at), speaker.say(N_("The system")), due, None)
        events.append((reminder.at, event))
    return [event for _, event in sorted(events, key=lambda pair: pair[0])]


def _event(transition: CaseTransition, speaker: Speaker) -> EventView:
    reason = REASONS.get(transition.reason) if transition.reason else None  # type: ignore[call-overload]
    return EventView(
        words=speaker.say(EVENTS[transition.act]), at=speaker.time(transition.at), actor=speaker.actor(transition),
        reason=speaker.say(reason) if reason else None, note=transition.note,
    )


def _forms(
    case: Case, choices: Sequence[Choice], others: Sequence[Case], actor: Actor, speaker: Speaker, catalogue: Catalogue
) -> list[ActForm]:
    """`others` are the cases that this one can be merged into. What an officer does for a shop (代办) says so."""
    forms: list[ActForm] = []
    for step in (choice.step for choice in choices if choice.refused is None):
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
                speaker.say(N_("For the shop: %(act)s"), act=words) if is_for_shop else words, not forms and not is_for_shop,
                [Option(reason.value, speaker.say(REASONS[reason])) for reason in step.reasons or ()],
                speaker.say(note) if step.given & {Given.NOTE} or step.reasons else None, cases, Given.DEADLINE in step.given,
                step.act in ANSWERS, Given.PHOTOGRAPH in step.given, "" if is_for_shop else actor.name,
            )
        )
    return forms


def _named(case: Case, speaker: Speaker, catalogue: Catalogue) -> str:
    row = case_row(case, None, speaker, catalogue)
    return f"{speaker.say(N_('No. %(id)s'), id=case.id)} {row.title} · {row.camera} · {row.captured.short}"


def _not_offered(choices: Sequence[Choice], speaker: Speaker) -> list[NotOffered]:
    """Those with the same ground together."""
    acts: dict[str, list[str]] = {}
    for choice in choices:
        if choice.refused is not None:
            acts.setdefault(speaker.say(WHY_NOT[choice.refused]), []).append(speaker.say(ACTS[choice.step.act]))
    return [NotOffered(" · ".join(words), why) for why, words in acts.items()]
