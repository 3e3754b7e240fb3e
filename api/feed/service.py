"""The feed of events: written with each step, put into one order by one writer at a time, read from where a follower stands."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from api.accounts.actors import Actor
from api.accounts.permissions import Permission
from api.feed import repository
from api.feed.tables import FeedEvent
from api.kit.cursors import decode_number, decode_position, encode_cursor
from api.kit.database import Work
from api.kit.problems import Gone


class CursorExpired(Gone):
    code = "cursor-expired"


_LIST = "events"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Stand:
    """How far a follower has read: to the event at this position. A centre that was set back to a copy gives positions anew, and
    the mark tells which event is meant; None in cursors from before there were any, and at the beginning."""

    position: int = 0
    mark: int | None = None

    @classmethod
    def at(cls, event: FeedEvent) -> "Stand":
        return cls(event.position or 0, _mark(event.ready_at))

    @classmethod
    def read(cls, cursor: str | None) -> "Stand | None":
        """Raises BadCursor."""
        number, position = decode_number(cursor, _LIST), decode_position(cursor, _LIST)
        return None if number is None or position is None else cls(number, position.mark)

    @property
    def cursor(self) -> str:
        return encode_cursor(self.position, _LIST, self.mark)


def _mark(ready_at: datetime | None) -> int | None:
    """Of an event: the centre never comes to the same microsecond twice."""
    return None if ready_at is None else (ready_at - _EPOCH) // timedelta(microseconds=1)


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


async def list_events(work: Work, actor: Actor, *, after: Stand | None, limit: int) -> tuple[list[FeedEvent], Stand]:
    """And where the next request goes on: past what was no matter of the actor's, too, so that a follower of few places does not
    fall behind what is kept. Raises CursorExpired."""
    actor.require(Permission.CASES_READ)
    begun = after or Stand()
    bounds = await repository.bounds(work, begun.position)
    if after is not None:
        _check(after, bounds)
    found = await repository.list_events(work, actor, begun.position, bounds.last, limit)
    return found, Stand.at(found[-1]) if len(found) == limit else Stand(bounds.last, _mark(bounds.last_ready_at))


def _check(after: Stand, bounds: repository.Bounds) -> None:
    again = "Start again: drop what you keep, read all of GET /api/v1/cases, then GET /api/v1/events without `after`."
    if after.position + 1 < bounds.first:
        raise CursorExpired(f"What came after this cursor was too long ago and is not kept any more. {again}")
    there = _mark(bounds.ready_at)  # None of one that is not kept any more
    is_another = None not in (after.mark, there) and after.mark != there
    if after.position > bounds.last or is_another:
        raise CursorExpired(f"The centre was set back to a copy, and what you have read after it is lost there. {again}")
