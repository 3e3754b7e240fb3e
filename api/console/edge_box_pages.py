"""Getting the code with which an edge box joins."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from api.accounts.actors import Actor
from api.accounts.dependencies import CentreOf, SignedIn
from api.accounts.permissions import Permission
from api.console.rendering import page, speaker_of
from api.console.views import Option
from api.edges import service as edges
from api.kit.database import Work
from api.kit.work import Reading, Writing
from api.places import service as places

router = APIRouter()


@router.get("/edge-boxes/new")
async def edge_box_form(request: Request, actor: SignedIn, work: Reading) -> Response:
    actor.require(Permission.EDGES_WRITE)
    return page(request, "edge_box_new.html", actor=actor, shops=await _shops(work, actor), code=None)


@router.post("/edge-boxes/new")
async def make_code(
    request: Request, actor: SignedIn, work: Writing, centre: CentreOf, shop_id: Annotated[str, Form()]
) -> Response:
    """The code is on this answer only: it is kept nowhere in the clear."""
    code, expires_at = await edges.create_code(work, actor, centre.settings, shop_id)
    command = f"sunshine edge enroll --centre {request.url.scheme}://{request.url.netloc} --code {code}"
    until = speaker_of(request).time(expires_at)
    shops = await _shops(work, actor)
    return page(request, "edge_box_new.html", actor=actor, shops=shops, code=code, command=command, until=until)


async def _shops(work: Work, actor: Actor) -> list[Option]:
    shops = [Option(shop.id, shop.name) for shop in await places.list_shops(work, actor)]
    return sorted(shops, key=lambda shop: shop.words)
