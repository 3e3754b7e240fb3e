from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, not_, select
from sqlalchemy.orm import joinedload

from api.accounts.actors import Actor, ActorKind, without_actor
from api.edges.tables import Edge, EdgeKind, EnrolmentCode
from api.kit.database import Work
from api.kit.prepared import prepared
from api.places.repository import shop_is_visible


def _visible(actor: Actor) -> ColumnElement[bool]:
    if actor.kind is ActorKind.EDGE:
        return Edge.id == actor.id
    return shop_is_visible(actor, Edge.shop_id)


def _readable(actor: Actor) -> Select[Edge]:
    return select(Edge).where(_visible(actor)).options(joinedload(Edge.shop))


async def list_edges(
    work: Work, actor: Actor, *, shop_id: str | None = None, waiting: bool | None = None, after: str | None = None,
    limit: int | None = None,
) -> list[Edge]:
    """Boxes of ours; `waiting` are those that nobody has approved or turned away yet."""
    query = _readable(actor).where(Edge.kind == EdgeKind.EDGE).order_by(Edge.id).limit(limit)
    if shop_id is not None:
        query = query.where(Edge.shop_id == shop_id)
    if waiting is not None:
        waits = and_(Edge.approved_at.is_(None), Edge.revoked_at.is_(None))
        query = query.where(waits if waiting else not_(waits))
    if after is not None:
        query = query.where(Edge.id > after)
    return list(await work.scalars(query))


async def own_edge(work: Work, actor: Actor) -> Edge:
    """The row of the edge that asks; it has been found before, when its token was checked."""
    return await work.get_one(Edge, actor.id)


async def get_edge(work: Work, actor: Actor, edge_id: str) -> Edge | None:
    """Locked until the end of the transaction: nobody approves it while another turns it away. What only names it need not wait:
    who files its clip may hold the camera that is taken from it."""
    query = _readable(actor).where(Edge.id == edge_id, Edge.kind == EdgeKind.EDGE)
    edge: Edge | None = await work.scalar(query.with_for_update(of=Edge, key_share=True))
    return edge


@dataclass(frozen=True)
class ClaimedEdge:
    """What its token is checked with."""

    id: str
    name: str
    public_key: str
    revoked_at: datetime | None


@prepared
def _claimed(edge_id: Any) -> Select[str, str, str, datetime | None]:
    return select(Edge.id, Edge.name, Edge.public_key, Edge.revoked_at).where(Edge.id == edge_id)


@without_actor("the edge's token says who it claims to be; its signature is checked with the key found here")
async def find_claimed_edge(work: Work, edge_id: str) -> ClaimedEdge | None:
    row = (await work.execute(*_claimed(edge_id))).first()
    return None if row is None else ClaimedEdge(*row)


@without_actor("a key that is registered already must be found whoever asks, so that a repeated enrolment is told apart")
async def find_by_key(work: Work, public_key: str) -> Edge | None:
    edge: Edge | None = await work.scalar(select(Edge).where(Edge.public_key == public_key))
    return edge


@without_actor("the one-time code is the proof")
async def find_code(work: Work, code_hash: str) -> EnrolmentCode | None:
    return await work.get(EnrolmentCode, code_hash, with_for_update=True)
