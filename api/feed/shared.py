"""One reading for all followers who wait for the same: when it rings, hundreds ask at once."""

import asyncio
from dataclasses import replace

from api.accounts.actors import Actor
from api.clients import repository as clients
from api.feed import service
from api.feed.service import Stand
from api.kit.database import Database

AT_ONCE = 100
_Wanted = tuple[Actor, Stand, int]


class SharedReading:
    """Followers share what is being read just now, never what was read before: it would not know of what came since."""

    def __init__(self) -> None:
        self._under_way: dict[_Wanted, asyncio.Task[tuple[Stand, str] | None]] = {}

    async def read(self, database: Database, actor: Actor, after: Stand, known: int) -> tuple[Stand, str] | None:
        """Where to go on from there, and what comes in between, as server-sent events; None for a program that is let in no
        longer. `known` is where the bell stood: what was begun before it rang may lack what it rang for, and is not shared with
        who has heard it.

        Raises CursorExpired.
        """
        wanted = (_sight(actor), after, known)
        reading = self._under_way.get(wanted)
        if reading is None:
            reading = self._under_way[wanted] = asyncio.create_task(_read(database, actor, after))
            reading.add_done_callback(lambda _: self._under_way.pop(wanted))
        return await asyncio.shield(reading)  # one follower who goes away takes nothing from the others


def _sight(actor: Actor) -> Actor:
    """Who sees the same: all that is known of somebody but who it is; of whom a program asks for, each may end that."""
    return replace(actor, id="" if actor.client is None else actor.id, name="", language="", address=None, device=None)


async def _read(database: Database, actor: Actor, after: Stand) -> tuple[Stand, str] | None:
    async with database.reading() as work:
        found, following = await service.list_events(work, actor, after=after if after.position else None, limit=AT_ONCE)
        # A program that is revoked hears nothing from that moment on. People are many, and asked again when their stream ends.
        if found and actor.client is not None and not await clients.is_still_let_in(work, actor):
            return None
    told = (f"id: {Stand.at(row).cursor}\nevent: {row.type}\ndata: {row.payload}\n\n" for row in found)
    return following, "".join(told)
