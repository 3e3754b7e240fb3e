"""The feed of events: written with each step, put into one order by one writer at a time, read from where a follower stands."""

from datetime import datetime

from api.accounts.actors import Actor
from api.accounts.permissions import Permission
from api.feed import repository
from api.feed.tables import FeedEvent
from api.kit.database import Work

# Of one transaction: SQLite's other writers wait for it.
BATCH = 500


async def publish(work: Work, at: datetime) -> int:
    """Give positions to what is ready; returns to how many events. The caller commits."""
    ready = await repository.take_ready(work, at, BATCH)
    position = await repository.latest_position(work) if ready else 0
    for number, event in enumerate(ready, 1):
        event.position = position + number
    await work.flush()
    return len(ready)


async def list_events(work: Work, actor: Actor, *, after: int, limit: int) -> list[FeedEvent]:
    actor.require(Permission.CASES_READ)
    return await repository.list_events(work, actor, after, limit)
