"""Boxes that shops already own: adding one, its token, and which camera it means by which device code."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from api.accounts.actors import Actor
from api.accounts.dependencies import CentreOf, SignedIn
from api.accounts.permissions import Permission
from api.alarms import service as boxes
from api.alarms.schemas import AlarmBoxIn
from api.alarms.service import DeviceCodeTaken, NotAnAlarmBox
from api.alarms.tables import AlarmBox
from api.cameras import repository as cameras
from api.centre import Centre
from api.console.alarm_box_views import alarm_box_row
from api.console.rendering import page, speaker_of
from api.console.shop_choice import choose_shop
from api.console.shop_form import NEEDED
from api.console.views import Option
from api.kit.cursors import decode_text, encode_cursor
from api.kit.database import Work
from api.kit.names import is_name
from api.kit.work import At, Reading, Writing
from api.places.schemas import Id

router = APIRouter()

_PAGE = 50
# The field of a camera in the form.
_CODE = "code-"


@router.get("/alarm-boxes")
async def alarm_boxes(request: Request, actor: SignedIn, work: Reading, centre: CentreOf, cursor: str | None = None) -> Response:
    found = await boxes.list_boxes(work, actor, after=decode_text(cursor), limit=_PAGE + 1)
    speaker = speaker_of(request)
    return page(
        request, "alarm_boxes.html", actor=actor, may_add=actor.may(Permission.EDGES_WRITE),
        boxes=[alarm_box_row(box, centre.alarm_formats, speaker) for box in found[:_PAGE]],
        first_url="/alarm-boxes" if cursor else None,
        next_url=f"/alarm-boxes?cursor={encode_cursor(found[_PAGE - 1].edge_id)}" if len(found) > _PAGE else None,
    )


@router.get("/alarm-boxes/new")
async def alarm_box_form(request: Request, actor: SignedIn, work: Reading, centre: CentreOf) -> Response:
    actor.require(Permission.EDGES_WRITE)
    return await _form(request, actor, work, centre, "", "", "")


@router.post("/alarm-boxes/new")
async def add_alarm_box(
    request: Request, actor: SignedIn, work: Writing, centre: CentreOf, at: At, shop_id: Annotated[str, Form()] = "",
    name: Annotated[str, Form()] = "", form: Annotated[str, Form()] = "",
) -> Response:
    """The token is on this answer only."""
    actor.require(Permission.EDGES_WRITE)
    name = name.strip()
    if not is_name(name) or form not in centre.alarm_formats:
        return await _form(request, actor, work, centre, shop_id, name, form, is_wrong=True)
    new = AlarmBoxIn(shop_id=shop_id[:64], name=name, format=form)
    box, token = await boxes.create_box(work, actor, centre.keyring, centre.alarm_formats, new, at)
    return await _box_page(request, actor, work, centre, box.edge_id, token=token)


@router.get("/alarm-boxes/{box_id}")
async def alarm_box_page(
    request: Request, actor: SignedIn, work: Reading, centre: CentreOf, box_id: Id, done: str = ""
) -> Response:
    return await _box_page(request, actor, work, centre, box_id, is_saved=done == "saved")


@router.post("/alarm-boxes/{box_id}")
async def save_channels(request: Request, actor: SignedIn, work: Writing, centre: CentreOf, box_id: Id) -> Response:
    form = await request.form()
    typed = {name.removeprefix(_CODE): str(value) for name, value in form.items() if name.startswith(_CODE)}
    try:
        await boxes.set_channels(work, actor, box_id, typed)
    except (DeviceCodeTaken, NotAnAlarmBox):
        await work.rollback()
        return await _box_page(request, actor, work, centre, box_id, typed=typed)
    return RedirectResponse(f"/alarm-boxes/{box_id}?done=saved", 303)


@router.post("/alarm-boxes/{box_id}/token")
async def make_token(request: Request, actor: SignedIn, work: Writing, centre: CentreOf, box_id: Id) -> Response:
    """The new token is on this answer only."""
    _, token = await boxes.new_token(work, actor, box_id)
    return await _box_page(request, actor, work, centre, box_id, token=token)


@router.post("/alarm-boxes/{box_id}/revoke")
async def revoke(actor: SignedIn, work: Writing, at: At, box_id: Id) -> Response:
    await boxes.revoke_box(work, actor, box_id, at)
    return RedirectResponse(f"/alarm-boxes/{box_id}", 303)


async def _box_page(
    request: Request, actor: Actor, work: Work, centre: Centre, box_id: str, *, token: str | None = None,
    typed: dict[str, str] | None = None, is_saved: bool = False,
) -> Response:
    box: AlarmBox = await boxes.get_box(work, actor, box_id)
    codes = typed if typed is not None else await boxes.list_channels(work, actor, box_id)
    its = await cameras.list_cameras(work, actor, shop_id=box.edge.shop_id)
    is_on, may_write = box.edge.revoked_at is None, actor.may(Permission.EDGES_WRITE)
    return page(
        request, "alarm_box.html", actor=actor, here=f"/alarm-boxes/{box_id}", status=200 if typed is None else 422,
        box=alarm_box_row(box, centre.alarm_formats, speaker_of(request)), token=token, is_saved=is_saved,
        is_wrong=typed is not None, address=f"{centre.public_url}/api/v1/alarms", may_change=may_write and is_on,
        may_revoke=is_on and (may_write or actor.may(Permission.EDGES_APPROVE)),
        cameras=[(f"{_CODE}{camera.id}", camera.name, codes.get(camera.id, "")) for camera in its],
    )


async def _form(
    request: Request, actor: Actor, work: Work, centre: Centre, shop_id: str, name: str, form: str, *, is_wrong: bool = False
) -> Response:
    speaker = speaker_of(request)
    choice = await choose_shop(request, work, actor, [shop_id])
    forms = [Option(key, speaker.choose(one.name)) for key, one in centre.alarm_formats.items()]
    return page(
        request, "alarm_box_new.html", actor=actor, status=422 if is_wrong else 200, choice=choice, forms=forms, shop_id=shop_id,
        name=name, form=form, wrong=speaker.say(NEEDED) if is_wrong else None,
    )
