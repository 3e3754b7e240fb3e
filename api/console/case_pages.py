"""The list of cases, a case, and the acts on it."""

from dataclasses import replace
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlencode

import anyio
import anyio.to_thread
from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from api.accounts.actors import Actor
from api.accounts.dependencies import CentreOf, SignedIn, SignedInForUpdate
from api.cases import service as cases
from api.cases.endpoints import CaseId
from api.cases.service import ActNotPossible
from api.cases.states import CaseState, DismissalReason
from api.centre import Centre
from api.console.case_views import Exhibit, case_row, case_url, case_view, overtaken, with_form
from api.console.geometry import close_up
from api.console.i18n import N_
from api.console.rendering import page, partial, partial_etag, partial_response, speaker_of
from api.console.speech import Speaker
from api.console.thumbnails import ASPECT, thumbnail
from api.console.views import CaseListView, CaseView, Link, Option
from api.console.words import DONE, STATES
from api.evidence import service as evidence
from api.evidence.endpoints import look
from api.kit.cursors import decode_number, encode_cursor
from api.kit.database import Work
from api.kit.problems import NotFound, VersionConflict
from api.kit.work import Reading

router = APIRouter()

# About eight screens; with lazy pictures a page of it weighs some 30 kB.
_PAGE = 40
# Evidence never changes; a browser that is left alone forgets it by the next day.
# Each unfolds a whole picture, 100 MB of one in 8K: forty at once (anyio's default) would leave nothing for the evidence.
_thumbnails_at_once = anyio.CapacityLimiter(2)
_THUMBNAIL_CACHE = "private, max-age=86400, immutable"


class StateFilter(StrEnum):
    """What `state` in the address can be."""

    PENDING_REVIEW = "pending_review"
    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"
    ALL = "all"


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
    request: Request, case_id: CaseId, actor: SignedIn, work: Reading, centre: CentreOf, done: str = ""
) -> Response:
    speaker = speaker_of(request)
    view = await _case(work, actor, centre, speaker, case_id, done)
    return page(request, "case.html", actor=actor, case=view)


@router.get("/cases/{case_id}/thumbnail.jpg")
async def case_thumbnail(case_id: CaseId, actor: SignedInForUpdate, centre: CentreOf) -> Response:
    async with centre.database.reading() as work:
        exhibits = (await evidence.of_cases(work, actor, [case_id]))[case_id]
    if not exhibits:
        raise NotFound("There is no such picture, or it is not yours to see.")
    file = await look(centre, actor, exhibits[0].violation_id, evidence.ORIGINAL)
    manifest = evidence.manifest_of(exhibits[0])
    window = close_up(manifest.boxes, manifest.frame_width, manifest.frame_height, ASPECT)
    small = await anyio.to_thread.run_sync(thumbnail, file.content, window, limiter=_thumbnails_at_once)
    return Response(small, media_type="image/jpeg", headers={"Cache-Control": _THUMBNAIL_CACHE})


@router.post("/cases/{case_id}/confirm")
async def confirm(
    request: Request, case_id: CaseId, actor: SignedIn, centre: CentreOf, version: Annotated[int, Form()]
) -> Response:
    try:
        async with centre.database.writing() as work:
            await cases.confirm(work, actor, case_id, version)
    except (VersionConflict, ActNotPossible):
        return await _too_late(request, actor, centre, case_id, CaseState.CONFIRMED, None, "")
    return RedirectResponse(f"{case_url(case_id)}?done={CaseState.CONFIRMED}", 303)


@router.post("/cases/{case_id}/dismiss")
async def dismiss(
    request: Request, case_id: CaseId, actor: SignedIn, centre: CentreOf, version: Annotated[int, Form()],
    reason: Annotated[DismissalReason | None, Form()] = None, note: Annotated[str, Form()] = "",
) -> Response:
    note = note.replace("\r\n", "\n")  # one character where it was typed and counted, two where it is sent
    wrong, wrong_note = None, None
    if reason is None:
        wrong = N_("Choose one of the reasons.")
    elif reason is DismissalReason.OTHER and not note.strip():
        wrong_note = N_("Say in the remark which other reason it is.")
    if len(note) > cases.NOTE_LENGTH:
        wrong_note = N_("This is longer than it can be.")
    if reason is None or wrong_note:
        return await _incomplete(request, actor, centre, case_id, reason, note, wrong, wrong_note)
    try:
        async with centre.database.writing() as work:
            await cases.dismiss(work, actor, case_id, version, reason, note)
    except (VersionConflict, ActNotPossible):
        return await _too_late(request, actor, centre, case_id, CaseState.DISMISSED, reason, note)
    return RedirectResponse(f"{case_url(case_id)}?done={CaseState.DISMISSED}", 303)


async def _incomplete(
    request: Request, actor: Actor, centre: Centre, case_id: int, reason: DismissalReason | None, note: str, wrong: str | None,
    wrong_note: str | None,
) -> Response:
    """The form again, with what was typed and what is missing."""
    speaker = speaker_of(request)
    async with centre.database.reading() as work:
        view = await _case(work, actor, centre, speaker, case_id)
    view = with_form(
        view, reason=reason, note=note, wrong=speaker.say(wrong) if wrong else None,
        wrong_note=speaker.say(wrong_note) if wrong_note else None,
    )
    return page(request, "case.html", actor=actor, here=case_url(case_id), status=422, case=view)


async def _too_late(
    request: Request, actor: Actor, centre: Centre, case_id: int, wanted: CaseState, reason: DismissalReason | None, note: str
) -> Response:
    """The case as it is now, who changed it, and what was typed. A form that was sent twice has done what it should."""
    speaker = speaker_of(request)
    async with centre.database.reading() as work:
        view = await _case(work, actor, centre, speaker, case_id)
        transitions = await cases.list_transitions(work, actor, case_id)
    if (transitions[-1].actor_id, transitions[-1].after) == (actor.id, wanted):
        return RedirectResponse(f"{case_url(case_id)}?done={wanted}", 303)
    view = with_form(view, reason=reason, note=note, conflict=overtaken(transitions, speaker))
    return page(request, "case.html", actor=actor, here=case_url(case_id), status=412, case=view)


async def _case(work: Work, actor: Actor, centre: Centre, speaker: Speaker, case_id: int, done: str = "") -> CaseView:
    """`done` is the state that the reader has just brought the case into, if it is still in it."""
    case = await cases.get_case(work, actor, case_id)
    transitions = await cases.list_transitions(work, actor, case_id)
    exhibits = (await evidence.of_cases(work, actor, [case_id]))[case_id]
    exhibit = None
    if exhibits:
        seal = await evidence.check_seal(work, actor, centre.files, exhibits[0].violation_id)
        exhibit = Exhibit(exhibits[0], evidence.manifest_of(exhibits[0]), seal)
    view = case_view(case, exhibit, transitions, actor, speaker, centre.catalogue)
    if done in DONE and done == case.state.value:
        waiting = await cases.list_cases(work, actor, state=CaseState.PENDING_REVIEW, limit=1)
        view = replace(view, done=speaker.say(DONE[done]), next_url=case_url(waiting[0].id) if waiting else None)
    return view


async def _list(
    work: Work, actor: Actor, centre: Centre, speaker: Speaker, asked: StateFilter | None, rule: str, cursor: str | None
) -> CaseListView:
    state = asked or (StateFilter.PENDING_REVIEW if actor.sees_unconfirmed else StateFilter.CONFIRMED)
    wanted = None if state is StateFilter.ALL else CaseState(state.value)
    found = await cases.list_cases(
        work, actor, state=wanted, rule=rule or None, before=decode_number(cursor), limit=_PAGE + 1
    )
    shown = found[:_PAGE]
    digests = {
        case_id: exhibits[0].digest
        for case_id, exhibits in (await evidence.of_cases(work, actor, [case.id for case in shown])).items()
        if exhibits
    }
    tabs = [(StateFilter(kind.value), tone.words) for kind, tone in STATES.items()] + [(StateFilter.ALL, N_("All"))]
    if not actor.sees_unconfirmed:
        tabs = [tab for tab in tabs if tab[0] is StateFilter.CONFIRMED]
    seen_by_models = [item for item in centre.catalogue.rules if item.available]
    return CaseListView(
        rows=[case_row(case, digests.get(case.id), speaker, centre.catalogue) for case in shown],
        tabs=[Link(_address("/cases", kind, rule), speaker.say(words), kind is state) for kind, words in tabs],
        rules=[Option(known.code, f"{known.code} {speaker.choose(known.name)}") for known in seen_by_models],
        state="" if state is StateFilter.PENDING_REVIEW else state.value, rule=rule,
        filtered=state is not StateFilter.PENDING_REVIEW or rule != "",
        older_url=_address("/cases", state, rule, encode_cursor(shown[-1].id)) if len(found) > _PAGE else None,
        newest_url=_address("/cases", state, rule) if cursor else None,
        live_url=None if cursor else _address("/cases/list", state, rule),
    )


def _address(path: str, state: StateFilter, rule: str, cursor: str = "") -> str:
    named = {"state": "" if state is StateFilter.PENDING_REVIEW else state.value, "rule": rule, "cursor": cursor}
    query = urlencode({name: value for name, value in named.items() if value})
    return f"{path}?{query}" if query else path
