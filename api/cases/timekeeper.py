"""Looks for what is due while the centre runs."""

import asyncio

from api.cases.clock import BATCH, tick
from api.centre import Centre


async def catch_up(centre: Centre, stopping: asyncio.Event | None = None) -> int:
    """All that is due by now; returns for how many cases."""
    at, done = centre.clock(), 0
    while stopping is None or not stopping.is_set():
        async with centre.database.writing() as work:
            count = await tick(work, at, centre.deadlines)
        done += count
        if count < BATCH:
            break
    return done
