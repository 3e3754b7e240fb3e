from collections.abc import Mapping

from sqlalchemy import Select, delete, select
from sqlalchemy.orm import contains_eager, joinedload

from api.accounts.actors import Actor, without_actor
from api.alarms.tables import AlarmBox, AlarmChannel
from api.edges.tables import Edge
from api.kit.database import Work
from api.places.repository import shop_is_visible


def _readable(actor: Actor) -> Select[AlarmBox]:
    query = select(AlarmBox).join(Edge, Edge.id == AlarmBox.edge_id).where(shop_is_visible(actor, Edge.shop_id))
    return query.options(contains_eager(AlarmBox.edge).joinedload(Edge.shop))


async def list_boxes(work: Work, actor: Actor, *, after: str | None = None, limit: int | None = None) -> list[AlarmBox]:
    query = _readable(actor).order_by(AlarmBox.edge_id).limit(limit)
    if after is not None:
        query = query.where(AlarmBox.edge_id > after)
    return list(await work.scalars(query))


async def get_box(work: Work, actor: Actor, box_id: str, *, for_change: bool = False) -> AlarmBox | None:
    query = _readable(actor).where(AlarmBox.edge_id == box_id)
    if for_change:
        query = query.with_for_update(of=Edge)
    box: AlarmBox | None = await work.scalar(query)
    return box


@without_actor("the token is the proof of who asks")
async def find_by_token(work: Work, token_hash: str) -> AlarmBox | None:
    query = select(AlarmBox).where(AlarmBox.token_hash == token_hash).options(joinedload(AlarmBox.edge))
    box: AlarmBox | None = await work.scalar(query)
    return box


async def own_box(work: Work, actor: Actor) -> AlarmBox:
    """The row of the box that asks."""
    query = select(AlarmBox).where(AlarmBox.edge_id == actor.id).options(joinedload(AlarmBox.edge))
    return (await work.scalars(query)).one()


async def find_camera_id(work: Work, actor: Actor, device_code: str) -> str | None:
    """Which camera the box that asks means."""
    query = select(AlarmChannel.camera_id).where(AlarmChannel.edge_id == actor.id, AlarmChannel.device_code == device_code)
    camera_id: str | None = await work.scalar(query)
    return camera_id


async def list_channels(work: Work, actor: Actor, box_id: str) -> dict[str, str]:
    """Device codes by camera."""
    if await get_box(work, actor, box_id) is None:
        return {}
    query = select(AlarmChannel).where(AlarmChannel.edge_id == box_id)
    return {channel.camera_id: channel.device_code for channel in await work.scalars(query)}


async def list_told_cameras(work: Work, actor: Actor, shop_id: str) -> set[str]:
    """The ids of the shop's cameras that a box of its own tells of."""
    query = select(AlarmChannel.camera_id).join(Edge, Edge.id == AlarmChannel.edge_id)
    query = query.where(Edge.shop_id == shop_id, Edge.revoked_at.is_(None), shop_is_visible(actor, Edge.shop_id))
    return set(await work.scalars(query))


async def set_channels(work: Work, actor: Actor, box_id: str, codes: Mapping[str, str]) -> None:
    if await get_box(work, actor, box_id) is None:
        return
    await work.execute(delete(AlarmChannel).where(AlarmChannel.edge_id == box_id))
    work.add_all(AlarmChannel(edge_id=box_id, camera_id=camera_id, device_code=code) for camera_id, code in codes.items())
