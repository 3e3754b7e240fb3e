"""Looks for what is due while the centre runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog

from api.cases.clock import BATCH, tick
from api.centre import Centre

log = structlog.get_logger(__name__)


@asynccontextmanager
async def keeping_time(centre: Centre) -> AsyncIterator[None]:
    stopping = asyncio.Event()
    task = asyncio.create_task(_keep(centre, stopping))
    try:
        yield
    finally:
        # Not cancelled: a transaction that has begun comes to its end.
        stopping.set()
        await task


async def _keep(centre: Centre, stopping: asyncio.Event) -> None:
    is_failing = False
    while not stopping.is_set():
        try:
            await catch_up(centre, stopping)
            is_failing = False
        except Exception as error:
            # A busy database passes; what was due is still due the next time.
            if not is_failing:
                log.error("deadlines could not be looked at; trying again", error=type(error).__name__)
            is_failing = True
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), centre.settings.clock_every_s)


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
