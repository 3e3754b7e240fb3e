"""The page of cameras."""

from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from markupsafe import Markup

from api.accounts.actors import Actor
from api.accounts.dependencies import SignedIn, SignedInForUpdate
from api.accounts.permissions import Permission
from api.cameras import service as cameras
from api.console.camera_views import camera_row
from api.console.rendering import page, partial, partial_etag, partial_response, speaker_of
from api.kit.cursors import decode_text, encode_cursor
from api.kit.database import Work
from api.kit.problems import NotFound
from api.kit.work import Reading

router = APIRouter()

# More than a station looks after at a glance; a city's thousands would be sent anew every ten seconds.
_PAGE = 100


@router.get("/cameras")
async def camera_page(
    request: Request, actor: SignedIn, work: Reading, cursor: str | None = None, added: str = ""
) -> Response:
    part = await _list(request, actor, work, cursor)
    address = "/cameras/list" + (f"?{urlencode({'cursor': cursor})}" if cursor else "")
    return page(
        request, "cameras.html", actor=actor, partial=part, partial_etag=partial_etag(part), live_url=address,
        may_add_shop=actor.may(Permission.PLACES_WRITE), may_add=actor.may(Permission.CAMERAS_ADD), is_added=added != "",
        may_enrol=actor.may(Permission.EDGES_WRITE), sign_url=await _sign(work, actor, added) if added else None,
    )


async def _sign(work: Work, actor: Actor, camera_id: str) -> str | None:
    """That the shop of a camera has to put up."""
    try:
        status = await cameras.get_camera(work, actor, camera_id)
    except NotFound:
        return None
    return f"/shops/{status.camera.shop_id}/sign"


@router.get("/cameras/list")
async def camera_list(request: Request, actor: SignedInForUpdate, work: Reading, cursor: str | None = None) -> Response:
    return partial_response(request, await _list(request, actor, work, cursor))


async def _list(request: Request, actor: Actor, work: Work, cursor: str | None) -> Markup:
    speaker = speaker_of(request)
    found = await cameras.list_cameras(work, actor, after=decode_text(cursor), limit=_PAGE + 1)
    return partial(
        request, "cameras_list.html", may_add=actor.may(Permission.CAMERAS_ADD),
        cameras=[camera_row(status, speaker) for status in found[:_PAGE]],
        first_url="/cameras" if cursor else None,
        next_url=f"/cameras?cursor={encode_cursor(found[_PAGE - 1].camera.id)}" if len(found) > _PAGE else None,
    )
