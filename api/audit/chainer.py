"""Chains what was recorded while the centre runs, within a second."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog

from api.accounts.actors import the_system
from api.audit import repository
from api.audit.service import BATCH, chain_waiting
from api.centre import Centre

log = structlog.get_logger(__name__)


@asynccontextmanager
async def chaining(centre: Centre) -> AsyncIterator[None]:
    stopping = asyncio.Event()
    task = asyncio.create_task(_keep(centre, stopping))
    try:
        yield
    finally:
        # Not cancelled: what was recorded up to the end is chained too.
        stopping.set()
        await task


async def _keep(centre: Centre, stopping: asyncio.Event) -> None:
    is_failing, is_last = False, False
    while not is_last:
        is_last = stopping.is_set()
        try:
            await chain_all(centre)
            is_failing = False
        except Exception as error:
            # A busy database passes; what waits is still there the next time.
            if not is_failing:
                log.error("the audit could not be chained; trying again", error=type(error).__name__)
            is_failing = True
        if not is_last:
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), centre.settings.audit_chained_every_s)


async def chain_all(centre: Centre) -> int:
    """All that waits now; returns how many entries. Where nothing waits, nothing is locked."""
    done, count = 0, BATCH
    while count == BATCH:
        async with centre.database.reading() as work:
            if not await repository.list_waiting(work, the_system(), 1):
                break
        async with centre.database.writing() as work:
            count = await chain_waiting(work)
        done += count
    return done
