"""The edge boxes: getting the code with which one joins, approving and revoking."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from api.accounts.dependencies import CentreOf, SignedIn
from api.accounts.permissions import Permission
from api.console.edge_box_views import box_row
from api.console.rendering import page, speaker_of
from api.console.shop_choice import choose_shop
from api.edges import service as edges
from api.kit.cursors import decode_text, encode_cursor
from api.kit.work import Reading, Writing

router = APIRouter()

_PAGE = 50


@router.get("/edge-boxes")
async def edge_boxes(request: Request, actor: SignedIn, work: Reading, cursor: str | None = None) -> Response:
    """Those that wait for approval are on every page."""
    speaker, after = speaker_of(request), decode_text(cursor)
    waiting = await edges.list_edges(work, actor, waiting=True, limit=_PAGE)
    found = await edges.list_edges(work, actor, waiting=False, after=after, limit=_PAGE + 1)
    return page(
        request, "edge_boxes.html", actor=actor, waiting=[box_row(edge, actor, speaker) for edge in waiting],
        boxes=[box_row(edge, actor, speaker) for edge in found[:_PAGE]], may_enrol=actor.may(Permission.EDGES_WRITE),
        first_url="/edge-boxes" if cursor else None,
        next_url=f"/edge-boxes?cursor={encode_cursor(found[_PAGE - 1].id)}" if len(found) > _PAGE else None,
    )


@router.post("/edge-boxes/{edge_id}/approve")
async def approve(actor: SignedIn, work: Writing, edge_id: str) -> Response:
    await edges.approve_edge(work, actor, edge_id)
    return RedirectResponse("/edge-boxes", 303)


@router.post("/edge-boxes/{edge_id}/revoke")
async def revoke(actor: SignedIn, work: Writing, edge_id: str) -> Response:
    await edges.revoke_edge(work, actor, edge_id)
    return RedirectResponse("/edge-boxes", 303)


@router.get("/edge-boxes/new")
async def edge_box_form(request: Request, actor: SignedIn, work: Reading, shop_id: str = "") -> Response:
    """`shop_id` is of a shop that was just added."""
    actor.require(Permission.EDGES_WRITE)
    choice = await choose_shop(request, work, actor, [shop_id])
    chosen = next((shop for shop in choice.options if shop.value == shop_id), None)
    return page(request, "edge_box_new.html", actor=actor, choice=choice, chosen=chosen, code=None)


@router.post("/edge-boxes/new")
async def make_code(
    request: Request, actor: SignedIn, work: Writing, centre: CentreOf, shop_id: Annotated[str, Form()]
) -> Response:
    """The code is on this answer only: it is kept nowhere in the clear."""
    code, expires_at = await edges.create_code(work, actor, centre.settings, shop_id)
    command = f"sunshine edge enroll --centre {request.url.scheme}://{request.url.netloc} --code {code}"
    until = speaker_of(request).time(expires_at)
    return page(
        request, "edge_box_new.html", actor=actor, chosen=None, code=code, command=command, until=until,
        waits=not actor.may(Permission.EDGES_APPROVE),
    )
