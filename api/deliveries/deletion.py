"""The end of messages: those about a case go when its evidence would (configs/retention.yaml), the others after a month. Their
log holds names and telephone numbers, and is needed no longer than that."""

import asyncio
from datetime import timedelta

from api.centre import Centre
from api.deliveries import repository

# Tests, and that a target is dead: longer than anybody looks for why something did not arrive.
OTHERS_KEPT = timedelta(days=30)
# Of one transaction; the rest comes right after it.
BATCH = 500


async def forget_old(centre: Centre, stopping: asyncio.Event) -> None:
    count = BATCH
    while count == BATCH and not stopping.is_set():
        at = centre.clock()
        cuts, before = centre.retention.cuts(at), at - OTHERS_KEPT
        async with centre.database.reading() as work:
            if not await repository.list_expired(work, cuts, before, 1):
                return
        async with centre.database.writing() as work:
            expired = await repository.list_expired(work, cuts, before, BATCH)
            await repository.delete_with_attempts(work, expired)
        count = len(expired)
