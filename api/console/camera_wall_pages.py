"""The wall of cameras: what each shows now, as its edge sent it last, faces hidden."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from markupsafe import Markup

from api.accounts.actors import Actor
from api.accounts.dependencies import SignedIn, SignedInForUpdate
from api.cameras import service as cameras
from api.cameras.service import CameraStatus
from api.console.camera_views import CameraRow, Shown, camera_row, shown
from api.console.rendering import page, partial, partial_etag, partial_response, speaker_of
from api.console.shop_choice import offer_districts
from api.console.speech import Speaker
from api.kit.cursors import decode_text, encode_cursor
from api.kit.database import Work
from api.kit.work import Reading

router = APIRouter()

# Some two megabytes of pictures, of which a browser fetches those that come into sight.
_PAGE = 48


@dataclass(frozen=True)
class OnTheWall:
    row: CameraRow
    shown: Shown | None


@router.get("/cameras/wall")
async def wall_page(
    request: Request, actor: SignedIn, work: Reading, station: str = "", shop: str = "", cursor: str | None = None
) -> Response:
    part = await _wall(request, actor, work, station, shop, cursor)
    stations = await offer_districts(work, actor)
    return page(
        request, "camera_wall.html", actor=actor, partial=part, partial_etag=partial_etag(part), stations=stations,
        station=station, shop=shop, live_url=_url("/cameras/wall/list", station, shop, cursor),
    )


@router.get("/cameras/wall/list")
async def wall_list(
    request: Request, actor: SignedInForUpdate, work: Reading, station: str = "", shop: str = "", cursor: str | None = None
) -> Response:
    return partial_response(request, await _wall(request, actor, work, station, shop, cursor))


async def _wall(request: Request, actor: Actor, work: Work, station: str, shop: str, cursor: str | None) -> Markup:
    speaker = speaker_of(request)
    found = await cameras.list_cameras(
        work, actor, district_id=station or None, shop_name=shop.strip(), after=decode_text(cursor), limit=_PAGE + 1
    )
    following = encode_cursor(found[_PAGE - 1].camera.id) if len(found) > _PAGE else None
    return partial(
        request, "camera_wall_list.html", cameras=_items(found[:_PAGE], speaker), is_filtered=bool(station or shop.strip()),
        first_url=_url("/cameras/wall", station, shop, None) if cursor else None,
        next_url=_url("/cameras/wall", station, shop, following) if following else None,
    )


def _items(found: Sequence[CameraStatus], speaker: Speaker) -> list[OnTheWall]:
    return [OnTheWall(camera_row(status, speaker), shown(status.camera, speaker)) for status in found]


def _url(path: str, station: str, shop: str, cursor: str | None) -> str:
    asked = {name: value for name, value in (("station", station), ("shop", shop), ("cursor", cursor)) if value}
    return f"{path}?{urlencode(asked)}" if asked else path
