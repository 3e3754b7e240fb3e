"""The end of messages: those about a case go when its evidence would (configs/retention.yaml), the others after a month. Their
log holds names and telephone numbers, and is needed no longer than that. What waits goes to nobody after a week."""

import asyncio
from datetime import timedelta

from api.centre import Centre
from api.deliveries import repository

# Tests, and that a target is dead: longer than anybody looks for why something did not arrive.
OTHERS_KEPT = timedelta(days=30)
# A target that takes nothing, dead or switched off, is put right by then; what was news is read in the centre. Without an end,
# the dispatcher would look through all of it each second, and whoever came back after months be sent every message of them.
WAITS_FOR = timedelta(days=7)
# Of one transaction; the rest comes right after it.
BATCH = 500


async def forget_old(centre: Centre, stopping: asyncio.Event) -> None:
    async with centre.database.writing() as work:
        await repository.fail_waiting(work, centre.clock() - WAITS_FOR)
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
