"""Publishes what is ready while the centre runs. Any number of processes may: of those that try at once, one does."""

import asyncio
from datetime import timedelta

from api.centre import Centre
from api.feed import repository
from api.feed.service import BATCH, publish

# Partners hear within 3 s; asking costs two indexed queries.
PUBLISHED_EVERY_S = 0.5


async def publish_all(centre: Centre, stopping: asyncio.Event | None = None) -> None:
    """All that is ready now, whoever publishes it, and ring for it."""
    at, count = centre.clock(), BATCH
    while count == BATCH and not (stopping is not None and stopping.is_set()):
        async with centre.database.reading() as work:
            if not await repository.is_any_ready(work, at):
                break
        async with centre.database.writing() as work:
            count = await publish(work, at)
    async with centre.database.reading() as work:
        centre.bell.ring(await repository.latest_position(work))


async def forget_old(centre: Centre, stopping: asyncio.Event | None = None) -> None:
    """What is older than SUNSHINE_FEED_DAYS."""
    before = centre.clock() - timedelta(days=centre.settings.feed_days)
    count = BATCH
    while count == BATCH and not (stopping is not None and stopping.is_set()):
        async with centre.database.writing() as work:
            count = await repository.forget(work, before, BATCH)
