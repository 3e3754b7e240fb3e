"""A case, and the acts on it."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated

import anyio.to_thread
from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from api.accounts.actors import Actor
from api.accounts.dependencies import CentreOf, SignedIn, SignedInForUpdate
from api.accounts.permissions import STORE_ROLES, Permission
from api.answers import service as answers
from api.audit.service import REASON_LENGTH
from api.cases import review, spots
from api.cases import service as cases
from api.cases.clock import BadDeadline
from api.cases.endpoints import CaseId
from api.cases.queues import Queue
from api.cases.service import ActNotPossible
from api.cases.states import OPEN, Act, CaseState, Given, Reason, Step, step_of
from api.cases.tables import Case
from api.centre import Centre
from api.console.case_rows import case_url
from api.console.case_views import AskedAgain, CaseView, case_link, case_view, overtaken, with_form
from api.console.case_words import EVENTS, NEXT, WHY_NOT
from api.console.exhibits import exhibit_of
from api.console.geometry import close_up
from api.console.i18n import N_
from api.console.keeping import keeping_view
from api.console.notice_pages import obstacles
from api.console.phone_views import standing
from api.console.rendering import page, speaker_of
from api.console.speech import Speaker
from api.console.thumbnails import ASPECT, at_once, thumbnail
from api.console.views import Fact, Link
from api.console.ways_back import TABS, CaseList, Tab, came_facts, came_from, came_link, case_address, queue_link
from api.deliveries import targets
from api.evidence import deletion
from api.evidence import service as evidence
from api.evidence.endpoints import given_reason, look
from api.kit.database import Work
from api.kit.not_found import not_found
from api.kit.problems import VersionConflict
from api.kit.times import SHOP_TIME
from api.kit.work import At, Reading
from api.notices import service as notices
from api.notices.citations import accepted_texts
from api.notices.service import NoticeNotPossible

router = APIRouter()

# A shop rarely has more open at once; what is older is merged through the API.
_MERGED_WITH = 30
_LOOKED_AHEAD = 30
# Now, or with the next act, the shop is sent a notice.
_TOLD_OF = frozenset({CaseState.CONFIRMED, CaseState.ISSUED})
# Evidence never changes; a browser that is left alone forgets it by the next day.
_THUMBNAIL_CACHE = "private, max-age=86400, immutable"


@router.get("/cases/{case_id}")
async def case_page(
    request: Request, case_id: CaseId, actor: SignedIn, work: Reading, centre: CentreOf, at: At, done: str = "",
    why: str = "",
) -> Response:
    """`why` is the reason for which the pictures are shown with faces; each of them is recorded with it."""
    if why and (wrong := wrong_text(why)):
        return await asked_again(request, actor, centre, case_id, request.url.path, why, wrong, at)
    speaker = speaker_of(request)
    view = await _case(request, work, actor, centre, case_id, at, done, given_reason(request, why))
    if actor.may(Permission.CASES_JUDGE):
        async with centre.database.writing() as lending:
            lease = await review.look_at(lending, actor, case_id, at)
        if lease is not None:
            view = replace(view, looking=speaker.say(N_("%(who)s looks at it just now."), who=lease.actor_name))
    return page(request, "case.html", actor=actor, case=view)


@router.get("/cases/{case_id}/thumbnail.jpg")
async def case_thumbnail(case_id: CaseId, actor: SignedInForUpdate, centre: CentreOf) -> Response:
    async with centre.database.reading() as work:
        exhibits = (await evidence.of_cases(work, actor, [case_id]))[case_id]
    if not exhibits:
        raise not_found("picture")
    name = evidence.ORIGINAL if evidence.is_in_review(actor, exhibits[0].case) else evidence.BLURRED
    file = await look(centre, actor, exhibits[0].violation_id, name)
    manifest = evidence.manifest_of(exhibits[0])
    window = close_up(manifest.boxes, manifest.frame_width, manifest.frame_height, ASPECT)
    small = await anyio.to_thread.run_sync(thumbnail, file.content, window, limiter=at_once)
    return Response(small, media_type="image/jpeg", headers={"Cache-Control": _THUMBNAIL_CACHE})


@router.post("/cases/{case_id}/{act}")
async def act_on_case(
    request: Request, case_id: CaseId, act: Act, actor: SignedIn, centre: CentreOf, at: At, version: Annotated[int, Form()],
    reason: Annotated[str, Form()] = "", note: Annotated[str, Form()] = "", into: Annotated[str, Form()] = "",
    due: Annotated[str, Form()] = "",
) -> Response:
    # A line's end is one character where it was typed and counted, two where it is sent.
    typed = {"reason": reason, "note": note.replace("\r\n", "\n"), "into": into, "due": due}
    async with centre.database.reading() as work:
        case = await cases.get_case(work, actor, case_id)
    step = step_of(case.state, act)
    if step is not None and case.version == version and (wrong := _missing(step, typed, at)):
        return await again(request, actor, centre, case_id, act, typed, at, 422, wrong=wrong)
    try:
        async with centre.database.writing() as work:
            await cases.act(
                work, actor, case_id, version, act, at, centre.deadlines, centre.keyring, reason=_reason(step, reason),
                note=typed["note"], into=_case_number(into), due_at=_moment(due),
            )
    except BadDeadline:
        wrong = {"due": N_("Choose a time after the deadline that there is, and within a year.")}
        return await again(request, actor, centre, case_id, act, typed, at, 422, wrong=wrong)
    except NoticeNotPossible as problem:
        speaker = speaker_of(request)
        told = Fact(speaker.say(N_("The notice cannot be issued yet")), obstacles(problem.hindrances, speaker))
        return await again(request, actor, centre, case_id, act, typed, at, problem.status, problem=told)
    except (VersionConflict, ActNotPossible) as problem:
        return await too_late(request, actor, centre, case_id, act, typed, at, problem)
    return to_case(request, actor, case_id, act)


def to_case(request: Request, actor: Actor, case_id: int, act: Act) -> Response:
    """After what was done, with where one comes from."""
    return RedirectResponse(case_address(case_id, came_from(request, actor), done=act.value), 303)


def _missing(step: Step, typed: dict[str, str], at: datetime) -> dict[str, str]:
    """What is wrong with a form, by field, in words not yet translated."""
    wrong = {}
    reason = _reason(step, typed["reason"])
    if step.reasons is not None and reason is None:
        wrong["reason"] = N_("Choose one of the reasons.")
    if len(typed["note"]) > cases.NOTE_LENGTH:
        wrong["note"] = N_("This is longer than it can be.")
    elif not typed["note"].strip() and reason is not None and reason.value == "other":
        wrong["note"] = N_("Say in the remark which other reason it is.")
    elif not typed["note"].strip() and Given.NOTE in step.given:
        wrong["note"] = N_("Fill this in.")
    if Given.CASE in step.given and _case_number(typed["into"]) is None:
        wrong["into"] = N_("Choose one of the cases.")
    if Given.DEADLINE in step.given:
        due = _moment(typed["due"])
        if due is None or due <= at:
            wrong["due"] = N_("Choose a day and a time that are still to come.")
    return wrong


def _case_number(typed: str) -> int | None:
    return int(typed) if typed.isascii() and typed.isdecimal() and len(typed) < 10 else None


def _moment(typed: str) -> datetime | None:
    """As a browser sends it, in the time of the shops."""
    try:
        return datetime.fromisoformat(typed).replace(tzinfo=SHOP_TIME)
    except ValueError:
        return None


def _reason(step: Step | None, typed: str) -> Reason | None:
    if step is None or step.reasons is None or typed not in list(step.reasons):
        return None
    return step.reasons(typed)


async def again(
    request: Request, actor: Actor, centre: Centre, case_id: int, act: Act, typed: dict[str, str], at: datetime, status: int, *,
    wrong: dict[str, str] | None = None, problem: Fact | None = None,
) -> Response:
    """The page as it is now, with what was typed, and what is wrong with it or with the moment."""
    speaker = speaker_of(request)
    async with centre.database.reading() as work:
        view = await _case(request, work, actor, centre, case_id, at)
    words = {field: speaker.say(text) for field, text in (wrong or {}).items()}
    view = with_form(view, act, typed, wrong=words, problem=problem)
    return page(request, "case.html", actor=actor, here=case_url(case_id), status=status, case=view)


def wrong_text(typed: str, length: int = REASON_LENGTH) -> str | None:
    """What is wrong with a text that is needed, in words not yet translated."""
    if not typed.strip():
        return N_("Fill this in.")
    return N_("This is longer than it can be.") if len(typed.strip()) > length else None


async def asked_again(
    request: Request, actor: Actor, centre: Centre, case_id: int, form: str, typed: str, wrong: str, at: datetime
) -> Response:
    """The page as it is now, with one of its small forms open: see `AskedAgain`."""
    speaker = speaker_of(request)
    async with centre.database.reading() as work:
        view = await _case(request, work, actor, centre, case_id, at)
    view = replace(view, asked_again=AskedAgain(form, typed, speaker.say(wrong)))
    return page(request, "case.html", actor=actor, here=case_url(case_id), status=422, case=view)


async def too_late(
    request: Request, actor: Actor, centre: Centre, case_id: int, act: Act, typed: dict[str, str], at: datetime,
    problem: VersionConflict | ActNotPossible,
) -> Response:
    """The case as it is now, who changed it, and what was typed. A form that was sent twice has done what it should."""
    speaker = speaker_of(request)
    async with centre.database.reading() as work:
        transitions = await cases.list_transitions(work, actor, case_id)
    if (transitions[-1].actor_id, transitions[-1].act) == (actor.id, act):
        return to_case(request, actor, case_id, act)
    told = overtaken(transitions, speaker)
    if isinstance(problem, ActNotPossible) and problem.condition is not None:
        told = Fact(speaker.say(N_("Not possible now")), speaker.say(WHY_NOT[problem.condition]))
    return await again(request, actor, centre, case_id, act, typed, at, problem.status, problem=told)


async def _case(
    request: Request, work: Work, actor: Actor, centre: Centre, case_id: int, at: datetime, done: str = "",
    why: str | None = None,
) -> CaseView:
    """`done` is the act that the reader has just done, if it is still the last one; `why`, for what faces are shown."""
    speaker, came = speaker_of(request), came_from(request, actor)
    case = await cases.get_case(work, actor, case_id)
    transitions = await cases.list_transitions(work, actor, case_id)
    choices = await cases.choices(work, actor, case, transitions, at)
    reminders = await cases.list_reminders(work, actor, case_id)
    others: list[Case] = []
    if any(choice.step.act is Act.MERGE and choice.refused is None for choice in choices):
        found = await cases.list_cases(work, actor, states=OPEN, shop_id=case.shop_id, limit=_MERGED_WITH)
        others = [other for other in found if other.id != case_id]
    exhibits = (await evidence.of_cases(work, actor, [case_id]))[case_id]
    why = (why or "").strip() if actor.may(Permission.EVIDENCE_READ) else ""
    exhibit = await exhibit_of(work, actor, centre, case, exhibits, why)
    notice = await notices.find_notice(work, actor, case_id)
    accepted = await accepted_texts(work, actor)
    given = await answers.list_answers(work, actor, case_id)
    since = await answers.seen_since(work, actor, case, given, at, timedelta(days=centre.settings.minutes_kept_days))
    view = case_view(
        case, exhibit, transitions, choices, others, reminders, notice, given, since, accepted, why, actor, speaker,
        centre.catalogue,
    )
    view = replace(view, parts=[case_link(part.id, speaker) for part in await cases.list_parts(work, actor, case)])
    holds, deleted = await deletion.list_holds(work, actor, case_id), await deletion.list_deleted(work, actor, case_id)
    is_there = bool(exhibits) or any(one.deleted_at is None for answer in given for one in answer.photographs)
    can_be_held = is_there or (bool(view.parts) and await deletion.is_anything_left(work, actor, case))
    keeping = keeping_view(case, transitions, holds, deleted, is_there, can_be_held, centre.retention, actor, speaker)
    may_export = bool(exhibits) and actor.may(Permission.EVIDENCE_READ)
    export_url = f"{case_url(case_id)}/export" if may_export else None
    view = replace(view, keeping=keeping, is_deleted=bool(deleted), export_url=export_url)
    if actor.may(Permission.EVIDENCE_READ):
        muted = await spots.list_muted_spots(work, actor, case.camera_id)
        if any(case_id in (spot.because_of, spot.case_id) for spot in muted):
            view = replace(view, muted_at=f"/cameras/{case.camera_id}")
    if case.state is CaseState.CONFIRMED and actor.may(Permission.CASES_HANDLE):
        hindrances = await notices.hindrances(work, actor, case, centre.deadlines, at)
        view = replace(view, hindrance=obstacles(hindrances, speaker))
    if case.state in _TOLD_OF and actor.may(Permission.CASES_HANDLE):
        told_url = f"/shops/{case.shop_id}#told" if actor.may(Permission.TARGETS_WRITE) else ""
        view = replace(view, is_unreached=not await targets.is_shop_reached(work, case.shop_id), told_url=told_url)
    if actor.role in STORE_ROLES:
        view = replace(view, standing=standing(case, transitions, speaker))
    last = transitions[-1]
    if done and (last.act, last.actor_id) == (done, actor.id):
        view = replace(view, done=speaker.say(N_("Done: %(what)s."), what=speaker.say(EVENTS[last.act])))
        view = replace(view, back=queue_link(last.before, actor, speaker) or view.back)
        if actor.may(Permission.CASES_JUDGE):
            following = await _next_of(work, actor, came, case_id, at, speaker) if came else None
            view = replace(view, next=following or await _next(work, actor, last.before, speaker))
            view = replace(view, is_last_judged=view.next is None and last.before is CaseState.PENDING_REVIEW)
    if came is not None:
        view = replace(view, came=came_facts(came), back=came_link(came, view.shop, speaker, centre.catalogue))
    return view


async def _next_of(
    work: Work, actor: Actor, came: Queue | CaseList, case_id: int, at: datetime, speaker: Speaker
) -> Link | None:
    """The next in the queue or below it in the list that one comes from, as it was narrowed."""
    if isinstance(came, Queue):
        waiting = await review.list_queue(work, actor, came, at, _LOOKED_AHEAD)
    else:
        waiting = await cases.list_cases(
            work, actor, states=TABS[came.tab][1], rule=came.rule or None, shop_id=came.shop or None,
            is_overdue=came.tab is Tab.OVERDUE, before=case_id, limit=_LOOKED_AHEAD,
        )
    for case in waiting:
        if case.id != case_id and case.state in NEXT:
            return Link(case_address(case.id, came), speaker.say(NEXT[case.state]))
    return None


async def _next(work: Work, actor: Actor, before: CaseState | None, speaker: Speaker) -> Link | None:
    """A case that waits for what was just done to one; without any, one to judge."""
    for state in (before, CaseState.PENDING_REVIEW):
        if state in NEXT and (waiting := await cases.list_cases(work, actor, states=(state,), limit=1)):
            return Link(case_url(waiting[0].id), speaker.say(NEXT[state]))
    return None
