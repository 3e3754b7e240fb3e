"""Who is not in and why: the first thing that is missing, since the others come after it."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from api.accounts.actors import Actor
from api.accounts.permissions import Permission
from api.accounts.tables import Invitation
from api.cameras.schemas import CameraState
from api.cameras.service import NEWS_MAX_AGE, state_of
from api.cameras.tables import Camera
from api.coverage import repository
from api.coverage.schemas import Counts, NotIn, Obstacle, Reached
from api.edges.tables import Edge, EdgeKind
from api.kit.database import Work
from api.kit.times import in_shop_time
from api.places.tables import District, Shop
from api.public.tables import ShopStatus


class _OfShop(Protocol):
    @property
    def shop_id(self) -> str | None: ...


Row = TypeVar("Row", bound=_OfShop)


async def count_by_station(
    work: Work, actor: Actor, at: datetime, *, shop_id: str | None = None
) -> list[tuple[District, Counts]]:
    actor.require(Permission.CAMERAS_READ)
    return await repository.count_by_station(work, actor, in_shop_time(at).date(), shop_id=shop_id)


async def list_not_in(
    work: Work, actor: Actor, at: datetime, *, reached: Reached | None = None, district_id: str | None = None,
    after: str | None = None, limit: int = 50,
) -> list[NotIn]:
    actor.require(Permission.CAMERAS_READ)
    shops = await repository.list_shops(work, actor, reached=reached, district_id=district_id, after=after, limit=limit)
    ids = [shop.id for shop in shops]
    invitations = _by_shop(await repository.list_invitations(work, actor, ids))
    edges = _by_shop(await repository.list_edges(work, actor, ids))
    cameras = _by_shop(await repository.list_cameras(work, actor, ids))
    statuses = {status.shop_id: status for status in await repository.list_statuses(work, actor, ids)}
    begun = await repository.list_begun(work, actor, ids)
    return [
        _obstacle(shop, invitations[shop.id], shop.id in begun, edges[shop.id], cameras[shop.id], statuses.get(shop.id), at)
        for shop in shops
    ]


def _by_shop(rows: Sequence[Row]) -> dict[str | None, list[Row]]:
    found: dict[str | None, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.shop_id].append(row)
    return found


def _obstacle(
    shop: Shop, invitations: Sequence[Invitation], has_begun: bool, edges: Sequence[Edge], cameras: Sequence[Camera],
    status: ShopStatus | None, at: datetime,
) -> NotIn:
    """`has_begun`: there is an account of the shop, or a code for a box was made."""
    boxes = [edge for edge in edges if edge.is_trusted]
    if not edges and not has_begun:
        return _not_invited(shop, invitations, at)
    if not boxes:
        return NotIn(shop, Obstacle.BOX_WAITS if edges else Obstacle.NO_BOX)
    if not cameras:
        return NotIn(shop, Obstacle.NO_CAMERA)
    ours = [edge for edge in boxes if edge.kind is EdgeKind.EDGE]
    for edge in ours:
        if edge.last_seen_at is None:
            return NotIn(shop, Obstacle.BOX_NEVER_SEEN)
        if at - edge.last_seen_at > NEWS_MAX_AGE:
            return NotIn(shop, Obstacle.BOX_SILENT, since=edge.last_seen_at)
    read = [camera for camera in cameras if camera.edge_id is not None]
    down = next((camera for camera in read if state_of(camera, at) is not CameraState.LOOKING), None)
    if down is not None:
        return NotIn(shop, Obstacle.CAMERA_DOWN, camera=down)
    if status is None:
        return NotIn(shop, Obstacle.NOT_ACCEPTED)
    share = status.observed_minutes / status.required_minutes if status.required_minutes else None
    return NotIn(shop, Obstacle.TOO_LITTLE, share=share)


def _not_invited(shop: Shop, invitations: Sequence[Invitation], at: datetime) -> NotIn:
    if not invitations:
        return NotIn(shop, Obstacle.NOT_INVITED)
    latest = invitations[-1]
    if latest.used_at is not None:
        return NotIn(shop, Obstacle.NO_BOX)
    is_open = latest.expires_at > at
    return NotIn(shop, Obstacle.INVITATION_OPEN if is_open else Obstacle.INVITATION_OVER, since=latest.created_at)
