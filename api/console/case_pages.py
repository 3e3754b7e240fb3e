"""The list of cases, a case, and the acts on it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlencode

import anyio.to_thread
from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from api.accounts.actors import Actor
from api.accounts.dependencies import CentreOf, SignedIn, SignedInForUpdate
from api.accounts.permissions import Permission
from api.answers import service as answers
from api.audit.service import REASON_LENGTH
from api.cases import review, spots
from api.cases import service as cases
from api.cases.clock import BadDeadline
from api.cases.endpoints import CaseId
from api.cases.queues import Queue
from api.cases.service import ActNotPossible
from api.cases.states import OPEN, TOLD, UNTIL_CLOSED, Act, CaseState, Given, Reason, Step, step_of
from api.cases.tables import Case
from api.centre import Centre
from api.console.case_rows import CaseRow, case_row, case_url
from api.console.case_views import AskedAgain, CaseView, case_link, case_view, overtaken, with_form
from api.console.case_words import EVENTS, NEXT, WHY_NOT
from api.console.exhibits import exhibit_of
from api.console.geometry import close_up
from api.console.i18n import N_
from api.console.keeping import keeping_view
from api.console.notice_pages import obstacles
from api.console.rendering import page, partial, partial_etag, partial_response, speaker_of
from api.console.review_pages import narrowed_queue_link, queue_from, queue_link, queue_query
from api.console.speech import Speaker
from api.console.thumbnails import ASPECT, at_once, thumbnail
from api.console.views import Fact, Link, Option
from api.deliveries import service as deliveries
from api.evidence import deletion
from api.evidence import service as evidence
from api.evidence.endpoints import given_reason, look
from api.kit.cursors import decode_number, encode_cursor
from api.kit.database import Work
from api.kit.problems import NotFound, VersionConflict
from api.kit.times import SHOP_TIME
from api.kit.work import At, Reading
from api.notices import service as notices
from api.notices.citations import accepted_texts
from api.notices.service import NoticeNotPossible

router = APIRouter()


@dataclass(frozen=True)
class CaseListView:
    """`live_url` is where the list updates itself from; None away from the first page, where nothing new can appear.
    `judges`: whether the reader's is to judge what cameras noticed, rather than to answer what was confirmed."""

    judges: bool
    rows: Sequence[CaseRow]
    tabs: Sequence[Link]
    rules: Sequence[Option]
    state: str
    rule: str
    names_state: bool
    filtered: bool
    older_url: str | None
    newest_url: str | None
    live_url: str | None


# About eight screens; with lazy pictures a page of it weighs some 30 kB.
_PAGE = 40
# A shop rarely has more open at once; what is older is merged through the API.
_MERGED_WITH = 30
# Now, or with the next act, the shop is sent a notice.
_TOLD_OF = frozenset({CaseState.CONFIRMED, CaseState.ISSUED})
# Evidence never changes; a browser that is left alone forgets it by the next day.
_THUMBNAIL_CACHE = "private, max-age=86400, immutable"


class StateFilter(StrEnum):
    """What `state` in the address can be: what a person looks for, not each single state."""

    PENDING_REVIEW = "pending_review"
    CONFIRMED = "confirmed"
    WITH_SHOP = "with_shop"
    ENDED = "ended"
    DISMISSED = "dismissed"
    OVERDUE = "overdue"
    ALL = "all"


TABS: dict[StateFilter, tuple[str, frozenset[CaseState] | None]] = {
    StateFilter.PENDING_REVIEW: (N_("To judge"), frozenset({CaseState.PENDING_REVIEW})),
    StateFilter.CONFIRMED: (N_("Confirmed"), frozenset({CaseState.CONFIRMED})),
    StateFilter.WITH_SHOP: (N_("Being put right"), frozenset(UNTIL_CLOSED)),
    StateFilter.ENDED: (N_("Ended"), TOLD - frozenset(UNTIL_CLOSED)),
    StateFilter.DISMISSED: (N_("Dismissed"), frozenset({CaseState.DISMISSED, CaseState.MERGED})),
    StateFilter.OVERDUE: (N_("Overdue"), None),
    StateFilter.ALL: (N_("All"), None),
}
TABS_OUTSIDE = (StateFilter.WITH_SHOP, StateFilter.OVERDUE, StateFilter.ENDED, StateFilter.ALL)


@router.get("/cases")
async def case_list_page(
    request: Request, actor: SignedIn, work: Reading, centre: CentreOf,
    state: StateFilter | None = None, rule: str = "", cursor: str | None = None,
) -> Response:
    view = await _list(work, actor, centre, speaker_of(request), state, rule, cursor)
    part = partial(request, "cases_list.html", cases=view)
    return page(request, "cases.html", actor=actor, cases=view, partial=part, partial_etag=partial_etag(part))


@router.get("/cases/list")
async def case_list(
    request: Request, actor: SignedInForUpdate, work: Reading, centre: CentreOf,
    state: StateFilter | None = None, rule: str = "",
) -> Response:
    view = await _list(work, actor, centre, speaker_of(request), state, rule, None)
    return partial_response(request, partial(request, "cases_list.html", cases=view))


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
        raise NotFound("There is no such picture, or it is not yours to see.")
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
    """After what was done, with the queue that one comes from."""
    came = queue_query(queue_from(request, actor))
    return RedirectResponse(f"{case_url(case_id)}?done={act}{'&' if came else ''}{came}", 303)


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
    speaker, queue = speaker_of(request), queue_from(request, actor)
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
    keeping = keeping_view(case, transitions, holds, deleted, is_there, centre.retention, actor, speaker)
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
        view = replace(view, is_unreached=not await deliveries.is_shop_reached(work, case.shop_id), told_url=told_url)
    last = transitions[-1]
    if done and (last.act, last.actor_id) == (done, actor.id):
        view = replace(view, done=speaker.say(N_("Done: %(what)s."), what=speaker.say(EVENTS[last.act])))
        view = replace(view, back=queue_link(last.before, actor, speaker) or view.back)
        if actor.may(Permission.CASES_JUDGE):
            following = await _next_of(work, actor, queue, case_id, at, speaker) if queue else None
            view = replace(view, next=following or await _next(work, actor, last.before, speaker))
            view = replace(view, is_last_judged=view.next is None and last.before is CaseState.PENDING_REVIEW)
    if queue is not None:
        view = replace(view, came=queue_query(queue), back=narrowed_queue_link(queue, speaker, centre.catalogue))
    return view


async def _next_of(work: Work, actor: Actor, queue: Queue, case_id: int, at: datetime, speaker: Speaker) -> Link | None:
    """The next in the queue that one comes from, as it was narrowed."""
    for case in await review.list_queue(work, actor, queue, at, _MERGED_WITH):
        if case.id != case_id and case.state in NEXT:
            return Link(f"{case_url(case.id)}?{queue_query(queue)}", speaker.say(NEXT[case.state]))
    return None


async def _next(work: Work, actor: Actor, before: CaseState | None, speaker: Speaker) -> Link | None:
    """A case that waits for what was just done to one; without any, one to judge."""
    for state in (before, CaseState.PENDING_REVIEW):
        if state in NEXT and (waiting := await cases.list_cases(work, actor, states=(state,), limit=1)):
            return Link(case_url(waiting[0].id), speaker.say(NEXT[state]))
    return None


async def _list(
    work: Work, actor: Actor, centre: Centre, speaker: Speaker, asked: StateFilter | None, rule: str, cursor: str | None
) -> CaseListView:
    state = asked or _first_tab(actor)
    found = await cases.list_cases(
        work, actor, states=TABS[state][1], rule=rule or None, is_overdue=state is StateFilter.OVERDUE,
        before=decode_number(cursor), limit=_PAGE + 1,
    )
    shown = found[:_PAGE]
    digests = {
        case_id: exhibits[0].digest
        for case_id, exhibits in (await evidence.of_cases(work, actor, [case.id for case in shown])).items()
        if exhibits
    }
    tabs = TABS if actor.sees_unconfirmed else TABS_OUTSIDE
    seen_by_models = [item for item in centre.catalogue.rules if item.available]
    return CaseListView(
        judges=actor.sees_unconfirmed,
        rows=[
            case_row(case, digests.get(case.id), actor, speaker, centre.catalogue, evidence.is_in_review(actor, case))
            for case in shown
        ],
        tabs=[Link(_address("/cases", kind, rule), speaker.say(TABS[kind][0]), kind is state) for kind in tabs],
        rules=[Option(known.code, f"{known.code} {speaker.choose(known.name)}") for known in seen_by_models],
        state="" if state is StateFilter.PENDING_REVIEW else state.value, rule=rule, names_state=len(TABS[state][1] or "all") > 1,
        filtered=state is not StateFilter.PENDING_REVIEW or rule != "",
        older_url=_address("/cases", state, rule, encode_cursor(shown[-1].id)) if len(found) > _PAGE else None,
        newest_url=_address("/cases", state, rule) if cursor else None,
        live_url=None if cursor else _address("/cases/list", state, rule),
    )


def _first_tab(actor: Actor) -> StateFilter:
    return StateFilter.PENDING_REVIEW if actor.sees_unconfirmed else StateFilter.WITH_SHOP


def _address(path: str, state: StateFilter, rule: str, cursor: str = "") -> str:
    named = {"state": "" if state is StateFilter.PENDING_REVIEW else state.value, "rule": rule, "cursor": cursor}
    query = urlencode({name: value for name, value in named.items() if value})
    return f"{path}?{query}" if query else path
