"""The page that a shop's people open from a message: read it, receive it, answer it. Nothing happens by opening it."""

import hashlib
import secrets
from dataclasses import replace
from datetime import datetime
from typing import Annotated

import anyio.to_thread
from fastapi import APIRouter, Depends, Form, Path, Query, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from api.accounts.dependencies import CentreOf, address_of, device_of, limited_link
from api.answers import service as answers
from api.answers.endpoints import PhotographTooLarge, look_at, read_answer
from api.cameras import service as cameras
from api.cases import service as cases
from api.cases.service import ActNotPossible
from api.cases.states import TOLD, Act, step_of
from api.centre import Centre
from api.console.answer_pages import PHOTOGRAPH_TOO_LARGE, hand_in
from api.console.camera_views import camera_row
from api.console.case_views import overtaken
from api.console.geometry import close_up
from api.console.i18n import N_
from api.console.phone_views import PhoneProblem, group_view, phone_view, practice_view
from api.console.rendering import page, speaker_of, static_url
from api.console.thumbnails import at_once, thumbnail
from api.console.views import Fact
from api.evidence import service as evidence
from api.evidence.endpoints import look
from api.kit.database import Work
from api.kit.not_found import not_found
from api.kit.problems import NotFound, Problem, VersionConflict
from api.kit.qr import qr_png
from api.kit.ranges import ASKED_EACH_TIME, file_response
from api.kit.work import At
from api.links import service as links
from api.links.paper import address_on_paper
from api.links.service import AskedTooOften, Device, LinkOver, NotYourDevice, Visit
from api.notices import service as notices
from api.notices.documents import notice_html
from api.places.schemas import Id
from api.repeats.routes import body_of

router = APIRouter(dependencies=[Depends(limited_link)])
COOKIE = "sunshine_device"
# Not there, or over.
_LEADS_NOWHERE = (404, 410)
_COOKIE_AGE_S = 365 * 24 * 3600
# Wide enough for a phone with two pixels to one; some 40 kB, so under a second at 400 kb/s.
_PICTURE_WIDTH_PX = 640
# Beside it, square; some 10 kB.
_CLOSE_UP_WIDTH_PX = 240
# Of what the shop itself has sent, shown at 8 rem.
_SENT_WIDTH_PX = 256
_HISTORY = 10
_SENT = N_("Sent. It is in the messages of that phone within a minute.")
_TOO_OFTEN = N_("A link was sent a moment ago, or five times today. Look into the messages first.")
_NOT_SENT = N_("Nothing can be sent to this person. Choose another one, or ring the station.")
_ONCE_MORE = N_("You can still answer: press the button once more.")
Token = Annotated[str, Path(max_length=64)]
# Of the same shop, for whose link it is; otherwise the case that the link is for.
EarlierCase = Annotated[int | None, Query(ge=1, lt=2**31)]


@router.get("/n/practice")
async def practice_page(request: Request, centre: CentreOf, at: At, done: str = "") -> Response:
    speaker = speaker_of(request)
    picture = static_url("practice.svg")
    view = practice_view(centre.catalogue, speaker, at, "/n/practice", picture, done)
    return page(request, "phone.html", actor=None, notice=view)


@router.get("/n/{token}")
async def notice_page(
    request: Request, token: Token, centre: CentreOf, at: At, done: str = "", asked: str = ""
) -> Response:
    device, fresh = _device(request)
    async with centre.database.reading() as work:
        visit = await links.visit(work, token, device, address_of(request), at)
        response = await _page(request, work, centre, visit, token, at, done=done, asked=asked)
    if fresh is not None:
        # The link is in the address, so the cookie says nothing to anybody who has not got it.
        response.set_cookie(
            COOKIE, fresh, max_age=_COOKIE_AGE_S, path="/n/", httponly=True, samesite="lax", secure=request.url.scheme == "https"
        )
    return response


@router.get("/n/{token}/picture.jpg")
async def notice_picture(request: Request, token: Token, centre: CentreOf, at: At, close: bool = False) -> Response:
    """`close`: only who or what it is about, which is small in the whole picture."""
    async with centre.database.reading() as work:
        visit = await _visit(request, work, token, at)
        exhibits = (await evidence.of_cases(work, visit.actor, [visit.case.id]))[visit.case.id]
    if not exhibits:
        raise not_found("picture")
    file = await look(centre, visit.actor, exhibits[0].violation_id, evidence.BLURRED)
    manifest = evidence.manifest_of(exhibits[0])
    window = close_up(manifest.boxes, manifest.frame_width, manifest.frame_height, 1) if close else None
    width = _CLOSE_UP_WIDTH_PX if close else _PICTURE_WIDTH_PX
    small = await anyio.to_thread.run_sync(thumbnail, file.content, window, width, limiter=at_once)
    return _shown(request, small)


@router.get("/n/{token}/photographs/{photograph_id}")
async def own_photograph(request: Request, token: Token, photograph_id: Id, centre: CentreOf, at: At) -> Response:
    """Small, of what the shop has answered."""
    async with centre.database.reading() as work:
        visit = await _visit(request, work, token, at)
    links.require_own(visit)
    sent = await look_at(centre, visit.actor, photograph_id, case_id=visit.case.id)
    small = await anyio.to_thread.run_sync(thumbnail, sent.content, None, _SENT_WIDTH_PX, limiter=at_once)
    return _shown(request, small)


def _shown(request: Request, small: bytes) -> Response:
    return file_response(request, small, "image/jpeg", hashlib.sha256(small).hexdigest(), ASKED_EACH_TIME)


@router.get("/n/{token}/notice")
async def whole_notice(request: Request, token: Token, centre: CentreOf, at: At, case: EarlierCase = None) -> Response:
    """As it was issued, with its legal basis and what can be done against it."""
    async with centre.database.reading() as work:
        visit = await _visit(request, work, token, at)
        links.require_own(visit)
        facts = await notices.get_notice(work, visit.actor, case or visit.case.id)
    base = _base(token)
    language = speaker_of(request).language.value
    # Who prints this page must not put their own link on paper.
    url = await address_on_paper(centre, visit.actor, facts, at)
    document = notice_html(facts, language, url, f"{base}/answer.png?case={facts.case_id}")
    return page(request, "phone_notice.html", actor=None, title=facts.reference, back_url=base, document=document)


@router.get("/n/{token}/answer.png")
async def answer_code(request: Request, token: Token, centre: CentreOf, at: At, case: EarlierCase = None) -> Response:
    """The code on the notice."""
    async with centre.database.reading() as work:
        visit = await _visit(request, work, token, at)
        if case not in (None, visit.case.id):
            links.require_own(visit)
        facts = await notices.get_notice(work, visit.actor, case or visit.case.id)
    return Response(qr_png(await address_on_paper(centre, visit.actor, facts, at)), media_type="image/png")


@router.post("/n/{token}/opened", status_code=204)
async def opened(request: Request, token: Token, centre: CentreOf, at: At) -> Response:
    """Told by the page's script, which the programs that fetch previews of links do not run."""
    await _use(request, centre, token, at)
    return Response(status_code=204)


@router.post("/n/{token}/received")
async def received(request: Request, token: Token, centre: CentreOf, at: At, version: Annotated[int, Form()]) -> Response:
    visit = await _use(request, centre, token, at)
    try:
        async with centre.database.writing() as work:
            await cases.act(work, visit.actor, visit.case.id, version, Act.ACKNOWLEDGE, at, centre.deadlines, centre.keyring)
    except (VersionConflict, ActNotPossible):
        return await _too_late(request, centre, token, at, Act.ACKNOWLEDGE, {})
    return _done(request, token, Act.ACKNOWLEDGE)


@router.post("/n/{token}/answer")
async def answer(request: Request, token: Token, centre: CentreOf, at: At) -> Response:
    """It is put right, with photographs; or an objection. Sent again after a connection that broke, it is done once."""
    visit = await _use(request, centre, token, at)
    with body_of(request, visit.actor.id):
        return await _answer(request, visit, token, centre, at)


async def _answer(request: Request, visit: Visit, token: str, centre: Centre, at: datetime) -> Response:
    try:
        form = await read_answer(request, centre.settings.picture_bytes)
    except PhotographTooLarge as problem:
        typed = {"act": problem.act.value, **problem.texts}
        return await _again(request, centre, token, at, {"photographs": PHOTOGRAPH_TOO_LARGE}, typed)
    typed = {"act": form.act.value, "text": form.text, "person": form.person}
    try:
        wrong = await hand_in(centre, visit.actor, visit.case, form, at)
    except (VersionConflict, ActNotPossible):
        return await _too_late(request, centre, token, at, form.act, typed)
    if wrong:
        return await _again(request, centre, token, at, wrong, typed)
    return _done(request, token, form.act)


@router.post("/n/{token}/own")
async def send_own(
    request: Request, token: Token, centre: CentreOf, at: At, who: Annotated[str, Form(max_length=64)] = ""
) -> Response:
    """A link of their own, to somebody who is registered at the shop."""
    try:
        async with centre.database.writing() as work:
            visit = await _visit(request, work, token, at)
            await links.send_own(work, visit, who, at)
    except AskedTooOften:
        return RedirectResponse(f"{_base(token)}?asked=too-often", 303)
    except NotFound as problem:
        if isinstance(problem, links.LinkUnknown):
            raise
        return RedirectResponse(f"{_base(token)}?asked=nobody", 303)
    return RedirectResponse(f"{_base(token)}?asked=sent", 303)


@router.post("/n/{token}/other")
async def open_other(
    request: Request, token: Token, centre: CentreOf, at: At, case: Annotated[int, Form(ge=1, lt=2**31)]
) -> Response:
    """Another notice of the same shop: each link answers one, and that message may be far up in the chat."""
    visit = await _use(request, centre, token, at)
    async with centre.database.writing() as work:
        other = await links.make_other(work, visit, case, at)
    return RedirectResponse(_base(other), 303)


@router.get("/n/{token}/received")
@router.get("/n/{token}/answer")
@router.get("/n/{token}/own")
@router.get("/n/{token}/other")
async def opened_again(request: Request, token: Token, centre: CentreOf, at: At) -> Response:
    """Browsers inside of chats open the last address again, and that may be where a form was sent to."""
    async with centre.database.reading() as work:
        await _visit(request, work, token, at)
    return RedirectResponse(_base(token), 303)


def is_of_link(request: Request) -> bool:
    return request.url.path.startswith("/n/")


def problem_page(request: Request, problem: Problem, title: str, sentence: str) -> Response:
    """Who comes by a link has no account, so nothing here leads to where one signs in."""
    base = "/".join(request.url.path.split("/")[:3])
    station, phone = problem.station if isinstance(problem, LinkOver) else ("", None)
    again_url = None if problem.status in _LEADS_NOWHERE else base
    view = PhoneProblem(title, sentence, station, phone, again_url, problem.code == LinkOver.code)
    response = page(request, "phone_problem.html", actor=None, here=base, status=problem.status, problem=view)
    response.headers.update(problem.headers())
    return response


def _base(token: str) -> str:
    return f"/n/{token}"


def _device(request: Request) -> tuple[Device, str | None]:
    """And the value of a new cookie, where the browser has none yet."""
    known = request.cookies.get(COOKIE, "")
    fresh = None if 20 <= len(known) <= 64 else secrets.token_urlsafe(24)
    return Device(hashlib.sha256((fresh or known).encode()).hexdigest(), device_of(request)), fresh


async def _visit(request: Request, work: Work, token: str, at: datetime) -> Visit:
    return await links.visit(work, token, _device(request)[0], address_of(request), at)


async def _use(request: Request, centre: Centre, token: str, at: datetime) -> Visit:
    """Raises NotYourDevice, also for a browser that keeps no cookies: the page has just set one."""
    device, fresh = _device(request)
    if fresh is not None:
        raise NotYourDevice("Allow cookies in this browser, and open the link again.")
    async with centre.database.writing() as work:
        return await links.use(work, token, device, address_of(request), at)


def _done(request: Request, token: str, act: Act) -> Response:
    url = f"{_base(token)}?done={act}"
    return JSONResponse({"url": url}) if _is_script(request) else RedirectResponse(url, 303)


def _is_script(request: Request) -> bool:
    return "text/html" not in request.headers.get("accept", "")


async def _too_late(
    request: Request, centre: Centre, token: str, at: datetime, act: Act, typed: dict[str, str]
) -> Response:
    """The page as it is now, and who changed it. What was sent twice (a double tap, an answer that got lost) has done what it
    should."""
    async with centre.database.reading() as work:
        visit = await _visit(request, work, token, at)
    last = visit.transitions[-1]
    if (last.actor_id, last.act) == (visit.actor.id, act):
        return _done(request, token, act)
    speaker = speaker_of(request)
    told = overtaken(visit.transitions, speaker)
    if step_of(visit.case.state, act) is None:
        return await _again(request, centre, token, at, {}, typed, told, 409)
    told = replace(told, value=f"{told.value} {speaker.say(_ONCE_MORE)}")
    return await _again(request, centre, token, at, {}, typed, told, 409, version=visit.case.version)


async def _again(
    request: Request, centre: Centre, token: str, at: datetime, wrong: dict[str, str], typed: dict[str, str],
    problem: Fact | None = None, status: int = 422, *, version: int | None = None,
) -> Response:
    """`version` is what a script sends the next time, without a page that has lost the photographs."""
    speaker = speaker_of(request)
    said = {field: speaker.say(words) for field, words in wrong.items()}
    if _is_script(request):
        return JSONResponse({"wrong": said or {"problem": problem.value if problem else ""}, "version": version}, status)
    async with centre.database.reading() as work:
        visit = await _visit(request, work, token, at)
        return await _page(request, work, centre, visit, token, at, wrong=said, typed=typed, problem=problem, status=status)


async def _page(
    request: Request, work: Work, centre: Centre, visit: Visit, token: str, at: datetime, *, done: str = "", asked: str = "",
    wrong: dict[str, str] | None = None, typed: dict[str, str] | None = None, problem: Fact | None = None, status: int = 200,
) -> Response:
    speaker, case, base = speaker_of(request), visit.case, _base(token)
    notice = await notices.find_notice(work, visit.actor, case.id)
    exhibits = (await evidence.of_cases(work, visit.actor, [case.id]))[case.id]
    if not visit.is_own:
        people = await links.list_people(work, visit)
        trouble = {"too-often": _TOO_OFTEN, "nobody": _NOT_SENT}.get(asked)
        group = group_view(
            visit, base, notice, exhibits, people, speaker, centre.catalogue, speaker.say(_SENT) if asked == "sent" else None,
            speaker.say(trouble) if trouble else None,
        )
        return page(request, "phone_group.html", actor=None, here=base, notice=group)
    choices = await cases.choices(work, visit.actor, case, visit.transitions, at)
    acts = frozenset(choice.step.act for choice in choices if choice.refused is None)
    given = await answers.list_answers(work, visit.actor, case.id)
    history = await cases.list_cases(work, visit.actor, states=TOLD, limit=_HISTORY)
    seen = [camera_row(camera, speaker) for camera in await cameras.list_cameras(work, visit.actor)]
    view = phone_view(
        visit, base, notice, exhibits, acts, given, history, seen, speaker, centre.catalogue, at, done
    )
    view = replace(view, wrong=wrong or {}, typed=typed or {}, problem=problem)
    return page(request, "phone.html", actor=None, here=base, status=status, notice=view)
