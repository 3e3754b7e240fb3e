"""The feed of events: written with each step, put into one order by one writer at a time, read from where a follower stands."""

from datetime import datetime

from api.accounts.actors import Actor
from api.accounts.permissions import Permission
from api.feed import repository
from api.feed.tables import FeedEvent
from api.kit.database import Work
from api.kit.problems import Gone


class CursorExpired(Gone):
    code = "cursor-expired"


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


async def list_events(work: Work, actor: Actor, *, after: int | None, limit: int) -> tuple[list[FeedEvent], int]:
    """And the position from which the next request goes on: past what was no matter of the actor's, too, so that a follower of
    few places does not fall behind what is kept. Raises CursorExpired."""
    actor.require(Permission.CASES_READ)
    first, last = await repository.bounds(work)
    if after is not None:
        _check(after, first, last)
    found = await repository.list_events(work, actor, after or 0, last, limit)
    return found, found[-1].position or 0 if len(found) == limit else last


def _check(after: int, first: int, last: int) -> None:
    again = "Start again: drop what you keep, read all of GET /api/v1/cases, then GET /api/v1/events without `after`."
    if after + 1 < first:
        raise CursorExpired(f"What came after this cursor was too long ago and is not kept any more. {again}")
    if after > last:
        raise CursorExpired(f"The centre knows nothing of this cursor: its database was set back. {again}")
