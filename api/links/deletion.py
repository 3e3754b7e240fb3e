"""The end of links: with the messages that carried them (api/deliveries/deletion.py). They hold names and numbers, and from where
and with what they were opened."""

import asyncio

from api.centre import Centre
from api.links import repository

# Of one transaction; the rest comes right after it.
BATCH = 500


async def forget_old(centre: Centre, stopping: asyncio.Event) -> None:
    count = BATCH
    while count == BATCH and not stopping.is_set():
        cuts = centre.retention.cuts(centre.clock())
        async with centre.database.reading() as work:
            if not await repository.list_expired(work, cuts, 1):
                return
        async with centre.database.writing() as work:
            expired = await repository.list_expired(work, cuts, BATCH)
            await repository.delete_links(work, expired)
        count = len(expired)
