"""Counting all shops anew, one after the other."""

import asyncio

from api.accounts.actors import the_system
from api.centre import Centre
from api.public import repository, service


async def measure_all(centre: Centre, stopping: asyncio.Event) -> None:
    async with centre.database.reading() as work:
        shops = await repository.list_accepted(work, the_system())
    for shop_id in shops:
        if stopping.is_set():
            return
        async with centre.database.writing() as work:
            await service.measure(work, centre.settings, shop_id, centre.clock())
