from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select, true, update

from api.accounts.actors import Actor, without_actor
from api.accounts.permissions import Permission
from api.feed.tables import FeedEvent
from api.kit.database import Work
from api.places.repository import shop_is_visible

# Of PostgreSQL's advisory locks; any number that nothing else here uses.
LOCK = 7_041_902


@dataclass(frozen=True)
class Bounds:
    """Of what is there: the first and the last position, of an empty feed 1 and 0, and when the event at the last one was ready;
    and when the one that was asked for was."""

    first: int
    last: int
    last_ready_at: datetime | None
    ready_at: datetime | None


async def list_events(work: Work, actor: Actor, after: int, until: int, limit: int) -> list[FeedEvent]:
    """Those that the actor may know of, in order; `until` is included."""
    if not actor.may(Permission.CASES_READ):
        return []
    known = true() if actor.sees_unconfirmed else FeedEvent.outside
    within = (FeedEvent.position > after, FeedEvent.position <= until)
    query = select(FeedEvent).where(*within, shop_is_visible(actor, FeedEvent.shop_id), known)
    return list(await work.scalars(query.order_by(FeedEvent.position).limit(limit)))


@without_actor("an act that is taken back was never told")
async def take_back(work: Work, key: str) -> bool:
    """Whether it was there and had no position yet."""
    waiting = delete(FeedEvent).where(FeedEvent.key == key, FeedEvent.position.is_(None)).returning(FeedEvent.id)
    return (await work.execute(waiting)).first() is not None


@without_actor("the next step of a case settles the one before it")
async def hold_no_longer(work: Work, case_id: int, at: datetime) -> None:
    held = (FeedEvent.case_id == case_id, FeedEvent.position.is_(None), FeedEvent.ready_at > at)
    await work.execute(update(FeedEvent).where(*held).values(ready_at=at))


@without_actor("the publisher serves all followers")
async def latest_position(work: Work) -> int:
    return await work.scalar(select(func.max(FeedEvent.position))) or 0


@without_actor("how far the feed reaches tells nothing of what is in it")
async def bounds(work: Work, position: int) -> Bounds:
    first, last = select(func.min(FeedEvent.position)), select(func.max(FeedEvent.position))
    of_last = select(FeedEvent.ready_at).where(FeedEvent.position == last.scalar_subquery())
    of_position = select(FeedEvent.ready_at).where(FeedEvent.position == position)
    found = await work.execute(select(*(query.scalar_subquery() for query in (first, last, of_last, of_position))))
    first_there, last_there, *ready_at = found.one()
    return Bounds(first_there or 1, last_there or 0, *ready_at)


@without_actor("old events go for all followers")
async def forget(work: Work, before: datetime, limit: int) -> int:
    """The oldest that were told before then, in their order and without a gap; never the last one, which says where the next one
    stands. Returns how many."""
    young = select(func.min(FeedEvent.position)).where(FeedEvent.position.is_not(None), FeedEvent.ready_at >= before)
    last = select(func.max(FeedEvent.position))
    end = await work.scalar(select(func.coalesce(young.scalar_subquery(), last.scalar_subquery()))) or 0
    old = select(FeedEvent.id).where(FeedEvent.position < end).order_by(FeedEvent.position).limit(limit)
    gone = delete(FeedEvent).where(FeedEvent.id.in_(old)).returning(FeedEvent.id)
    return len((await work.execute(gone.execution_options(synchronize_session=False))).all())


@without_actor("the publisher serves all followers")
async def is_any_ready(work: Work, at: datetime) -> bool:
    ready = select(FeedEvent.id).where(FeedEvent.position.is_(None), FeedEvent.ready_at <= at).limit(1)
    return await work.scalar(ready) is not None


@without_actor("the publisher serves all followers")
async def take_ready(work: Work, at: datetime, limit: int) -> list[FeedEvent]:
    """In the order in which they are to be told; empty while another process is at it. Locked: a step can still be taken back."""
    if work.get_bind().dialect.name == "postgresql" and not await work.scalar(select(func.pg_try_advisory_xact_lock(LOCK))):
        return []
    query = select(FeedEvent).where(FeedEvent.position.is_(None), FeedEvent.ready_at <= at)
    return list(await work.scalars(query.order_by(FeedEvent.ready_at, FeedEvent.id).limit(limit).with_for_update()))
