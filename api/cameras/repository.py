from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, delete, func, or_, select, update
from sqlalchemy.orm import joinedload, load_only

from api.accounts.actors import Actor, ActorKind
from api.alarms.tables import AlarmChannel
from api.cameras.tables import Camera, CameraMinuteRow
from api.edges.tables import Edge, EdgeKind
from api.kit.database import Work, insert_or_update
from api.kit.prepared import prepared
from api.places.repository import shop_is_visible, shops_below
from api.places.tables import Shop


def _visible(actor: Actor) -> ColumnElement[bool]:
    return _is_of_edge(actor.id) if actor.kind is ActorKind.EDGE else shop_is_visible(actor, Camera.shop_id)


def _is_of_edge(edge_id: Any) -> ColumnElement[bool]:
    # A box of the shop's own sees those that its device codes mean.
    told_of = select(AlarmChannel.camera_id).where(AlarmChannel.edge_id == edge_id)
    return or_(Camera.edge_id == edge_id, Camera.id.in_(told_of))


def _readable(actor: Actor) -> Select[Camera]:
    return (
        select(Camera)
        .where(_visible(actor))
        .options(joinedload(Camera.shop), joinedload(Camera.area), joinedload(Camera.edge))
    )


async def list_cameras(
    work: Work, actor: Actor, *, shop_id: str | None = None, district_id: str | None = None, shop_name: str = "",
    after: str | None = None, limit: int | None = None,
) -> list[Camera]:
    """Of a shop, of all shops in a district, of shops with these letters in their name."""
    query: Select[Any] = _readable(actor).order_by(Camera.id).limit(limit)
    if shop_id is not None:
        query = query.where(Camera.shop_id == shop_id)
    if district_id is not None:
        query = query.where(Camera.shop_id.in_(shops_below(district_id)))
    if shop_name:
        query = query.where(Camera.shop_id.in_(select(Shop.id).where(Shop.name.icontains(shop_name, autoescape=True))))
    if after is not None:
        query = query.where(Camera.id > after)
    return list(await work.scalars(query))


async def list_states(work: Work, actor: Actor) -> list[Camera]:
    """Only with what `state_of` asks: whoever counts them has 6,000 in a county, every few seconds on a wall."""
    asked = (Camera.enabled, Camera.edge_id, Camera.last_minute, Camera.last_looked_at, Camera.last_looks, Camera.last_fault)
    query = select(Camera).where(_visible(actor))
    edge = joinedload(Camera.edge).load_only(Edge.clock_offset_s)
    return list(await work.scalars(query.options(load_only(*asked, raiseload=True), edge)))


async def get_camera(work: Work, actor: Actor, camera_id: str, *, for_change: bool = False) -> Camera | None:
    query = _readable(actor).where(Camera.id == camera_id)
    if for_change:
        query = query.with_for_update(of=Camera, key_share=True).execution_options(populate_existing=True)
    camera: Camera | None = await work.scalar(query)
    return camera


@dataclass(frozen=True)
class OwnCamera:
    """Of the edge that asks: what its reports are filed by."""

    id: str
    shop_id: str
    area_id: str
    district_id: str
    edge_kind: EdgeKind
    edge_key: str


def _own(edge_id: Any, camera_id: Any) -> Select[str, str, str, str, EdgeKind, str]:
    return (
        select(Camera.id, Camera.shop_id, Camera.area_id, Shop.district_id, Edge.kind, Edge.public_key)
        .join(Shop, Shop.id == Camera.shop_id)
        .join(Edge, Edge.id == edge_id)
        .where(_is_of_edge(edge_id), Camera.id == camera_id)
    )


_own_camera = prepared(_own)
# Rows that only name the camera need not wait: who writes one may hold the case that the report will want.
_own_camera_locked = prepared(lambda edge_id, camera_id: _own(edge_id, camera_id).with_for_update(of=Camera, key_share=True))


async def own_camera(work: Work, actor: Actor, camera_id: str, *, for_change: bool = False) -> OwnCamera | None:
    find = _own_camera_locked if for_change else _own_camera
    row = (await work.execute(*find(actor.id, camera_id))).first()
    return None if row is None else OwnCamera(*row)


async def looks_since(work: Work, actor: Actor, camera_ids: Sequence[str], since: datetime) -> dict[str, int]:
    """Looks by camera."""
    query = (
        select(CameraMinuteRow.camera_id, func.sum(CameraMinuteRow.looks))
        .join(Camera, Camera.id == CameraMinuteRow.camera_id)
        .where(_visible(actor), CameraMinuteRow.camera_id.in_(camera_ids), CameraMinuteRow.minute >= since)
        .group_by(CameraMinuteRow.camera_id)
    )
    return {camera_id: int(looks) for camera_id, looks in await work.execute(query)}


async def count_observed_minutes(work: Work, actor: Actor, camera_id: str, since: datetime, until: datetime) -> int:
    """Minutes in which the camera was really looked at."""
    query = (
        select(func.count())
        .select_from(CameraMinuteRow)
        .join(Camera, Camera.id == CameraMinuteRow.camera_id)
        .where(
            _visible(actor), CameraMinuteRow.camera_id == camera_id, CameraMinuteRow.looks > 0, CameraMinuteRow.minute >= since,
            CameraMinuteRow.minute <= until,
        )
    )
    return await work.scalar(query) or 0


async def count_looked_at(work: Work, actor: Actor, camera_id: str, spans: Sequence[tuple[datetime, datetime]]) -> int:
    """Minutes within the spans, each without its end, in which the camera was really looked at."""
    if not spans:
        return 0
    within = or_(*(and_(CameraMinuteRow.minute >= begin, CameraMinuteRow.minute < end) for begin, end in spans))
    query = (
        select(func.count())
        .select_from(CameraMinuteRow)
        .join(Camera, Camera.id == CameraMinuteRow.camera_id)
        .where(_visible(actor), CameraMinuteRow.camera_id == camera_id, CameraMinuteRow.looks > 0, within)
    )
    return await work.scalar(query) or 0


async def first_minute(work: Work, actor: Actor, camera_id: str) -> datetime | None:
    """The oldest that is still known."""
    query = (
        select(CameraMinuteRow.minute)
        .join(Camera, Camera.id == CameraMinuteRow.camera_id)
        .where(_visible(actor), CameraMinuteRow.camera_id == camera_id)
        .order_by(CameraMinuteRow.minute).limit(1)
    )
    minute: datetime | None = await work.scalar(query)
    return minute


async def list_minutes(work: Work, actor: Actor, camera_id: str, since: datetime) -> list[CameraMinuteRow]:
    query = (
        select(CameraMinuteRow)
        .join(Camera, Camera.id == CameraMinuteRow.camera_id)
        .where(_visible(actor), CameraMinuteRow.camera_id == camera_id, CameraMinuteRow.minute >= since)
        .order_by(CameraMinuteRow.minute)
    )
    return list(await work.scalars(query))


async def store_minutes(work: Work, actor: Actor, rows: Iterable[dict[str, Any]], forget_before: datetime) -> None:
    """Rows of the actor's own cameras only; the same minute told again overwrites itself."""
    mine = set(await work.scalars(select(Camera.id).where(_visible(actor))))
    own = [row for row in rows if row["camera_id"] in mine]
    await insert_or_update(work, CameraMinuteRow, own, ("camera_id", "minute"))
    await work.execute(delete(CameraMinuteRow).where(CameraMinuteRow.camera_id.in_(mine), CameraMinuteRow.minute < forget_before))


async def give_to_edge(work: Work, actor: Actor, shop_id: str, edge_id: str) -> None:
    """Cameras of the shop that no edge watches become the edge's; also those that were given to one while it was revoked."""
    revoked = select(Edge.id).where(Edge.shop_id == shop_id, Edge.revoked_at.is_not(None))
    await work.execute(
        update(Camera)
        .where(_visible(actor), Camera.shop_id == shop_id, Camera.edge_id.is_(None) | Camera.edge_id.in_(revoked))
        .values(edge_id=edge_id, version=Camera.version + 1)
    )


async def take_from_edge(work: Work, actor: Actor, edge_id: str) -> None:
    await work.execute(
        update(Camera).where(_visible(actor), Camera.edge_id == edge_id).values(edge_id=None, version=Camera.version + 1)
    )


async def list_with_password(work: Work, actor: Actor) -> list[Camera]:
    return list(await work.scalars(select(Camera).where(_visible(actor), Camera.password_encrypted.is_not(None))))
