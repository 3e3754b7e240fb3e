"""The page of cameras."""

from fastapi import APIRouter, Request, Response
from markupsafe import Markup

from api.accounts.actors import Actor
from api.accounts.dependencies import SignedIn, SignedInForUpdate
from api.accounts.permissions import Permission
from api.cameras import service as cameras
from api.console.camera_views import camera_row
from api.console.rendering import page, partial, partial_etag, partial_response, speaker_of
from api.kit.database import Work
from api.kit.work import Reading

router = APIRouter()


@router.get("/cameras")
async def camera_page(request: Request, actor: SignedIn, work: Reading) -> Response:
    part = await _list(request, actor, work)
    return page(
        request, "cameras.html", actor=actor, partial=part, partial_etag=partial_etag(part),
        may_add_shop=actor.may(Permission.PLACES_WRITE), may_add=actor.may(Permission.CAMERAS_WRITE),
        may_enrol=actor.may(Permission.EDGES_WRITE),
    )


@router.get("/cameras/list")
async def camera_list(request: Request, actor: SignedInForUpdate, work: Reading) -> Response:
    return partial_response(request, await _list(request, actor, work))


async def _list(request: Request, actor: Actor, work: Work) -> Markup:
    speaker = speaker_of(request)
    rows = [camera_row(status, speaker) for status in await cameras.list_cameras(work, actor)]
    return partial(request, "cameras_list.html", cameras=rows)
