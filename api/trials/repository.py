from datetime import datetime

from sqlalchemy import ColumnElement, Select, delete, or_, select, update
from sqlalchemy.orm import joinedload, undefer

from api.accounts.actors import Actor, ActorKind
from api.kit.database import Work
from api.places.repository import shop_is_visible
from api.trials.tables import CameraTrial


def _visible(actor: Actor) -> ColumnElement[bool]:
    if actor.kind is ActorKind.EDGE:
        return CameraTrial.edge_id == actor.id
    return shop_is_visible(actor, CameraTrial.shop_id)


def _readable(actor: Actor) -> Select[CameraTrial]:
    entries = (joinedload(CameraTrial.shop), joinedload(CameraTrial.edge))
    return select(CameraTrial).where(_visible(actor)).options(*entries)


async def get_trial(
    work: Work, actor: Actor, trial_id: str, *, for_change: bool = False, with_picture: bool = False
) -> CameraTrial | None:
    query = _readable(actor).where(CameraTrial.id == trial_id)
    if for_change:
        query = query.with_for_update(of=CameraTrial)
    if with_picture:
        query = query.options(undefer(CameraTrial.picture))
    trial: CameraTrial | None = await work.scalar(query)
    return trial


async def list_trials(work: Work, actor: Actor, shop_id: str, since: datetime) -> list[CameraTrial]:
    query = _readable(actor).where(CameraTrial.shop_id == shop_id, CameraTrial.created_at > since)
    return list(await work.scalars(query.order_by(CameraTrial.created_at)))


async def next_waiting(work: Work, actor: Actor, since: datetime) -> CameraTrial | None:
    """The oldest that no edge has taken. Of two that ask at once, one gets it."""
    query = _readable(actor).where(_waits(since)).order_by(CameraTrial.created_at).limit(1)
    trial: CameraTrial | None = await work.scalar(query.with_for_update(of=CameraTrial, skip_locked=True))
    return trial


async def edges_waited_for(work: Work, actor: Actor, since: datetime) -> list[str]:
    query = select(CameraTrial.edge_id).where(_visible(actor), _waits(since)).distinct()
    return list(await work.scalars(query))


async def list_to_end(work: Work, actor: Actor, before: datetime) -> list[CameraTrial]:
    return list(await work.scalars(_readable(actor).where(CameraTrial.over_at.is_(None), CameraTrial.created_at <= before)))


async def end(work: Work, actor: Actor, trial_ids: list[str], at: datetime) -> None:
    """Nothing of them is kept but that they were."""
    nothing = {"password_sealed": None, "picture": None, "answer": None, "username": None, "over_at": at}
    await work.execute(update(CameraTrial).where(_visible(actor), CameraTrial.id.in_(trial_ids)).values(nothing))


async def forget(work: Work, actor: Actor, before: datetime) -> None:
    await work.execute(delete(CameraTrial).where(_visible(actor), CameraTrial.created_at <= before))


async def any_older(work: Work, actor: Actor, kept_since: datetime, counted_since: datetime) -> bool:
    old = or_(
        CameraTrial.over_at.is_(None) & (CameraTrial.created_at <= kept_since), CameraTrial.created_at <= counted_since
    )
    return await work.scalar(select(CameraTrial.id).where(_visible(actor), old).limit(1)) is not None


def _waits(since: datetime) -> ColumnElement[bool]:
    return CameraTrial.taken_at.is_(None) & CameraTrial.over_at.is_(None) & (CameraTrial.created_at > since)
