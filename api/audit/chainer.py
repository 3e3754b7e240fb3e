"""Chains what was recorded, within a second while the centre runs."""

import asyncio

from api.accounts.actors import the_system
from api.audit import repository
from api.audit.service import BATCH, chain_waiting
from api.centre import Centre


async def chain_all(centre: Centre, stopping: asyncio.Event | None = None) -> int:
    """All that waits now; returns how many entries. Where nothing waits, nothing is locked."""
    done, count = 0, BATCH
    while count == BATCH and not (stopping is not None and stopping.is_set()):
        async with centre.database.reading() as work:
            if not await repository.list_waiting(work, the_system(), 1):
                break
        async with centre.database.writing() as work:
            count = await chain_waiting(work)
        done += count
    return done
