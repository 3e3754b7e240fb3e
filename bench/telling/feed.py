"""A page of the feed from anywhere in it, as the feed grows."""

import time
from pathlib import Path

import numpy as np
from sqlalchemy import insert, text

from api.accounts.permissions import Role
from api.app import create_app
from api.feed.service import Stand
from api.feed.tables import FeedEvent
from api.migrations import upgrade
from bench.cases import START
from bench.telling.centre import settings_of
from bench.telling.figures import Figure, percentiles
from tests.api.world import World

_PAYLOAD = (
    '{"type":"case.opened","timestamp":"2026-01-05T02:00:00Z","data":{"case_id":CASE,"shop_id":"s","rule":"K01","severity":3,'
    '"state":"pending_review","version":1,"due_at":null,"escalation":null}}'
)


async def measure(engine: str, folder: Path, server: str, sizes: list[int]) -> list[Figure]:
    """One page of fifty from anywhere in the feed, in turns over the sizes."""
    filled = []
    for size in sizes:
        settings = await settings_of(engine, folder / str(size), server, f"feed_{size}")
        world = World(create_app(settings))
        await upgrade(world.centre.database)
        place = await world.place()
        case_id = await world.case(place, await world.edge(place))
        async with world.centre.database.writing() as work:
            await work.execute(text("DELETE FROM feed_events"))
        for first in range(1, size + 1, 10_000):
            rows = [
                {
                    "position": number, "ready_at": START, "key": f"k {number}", "type": "case.opened", "case_id": case_id,
                    "shop_id": place.shop_id, "outside": number % 2 == 0, "payload": _PAYLOAD.replace("CASE", str(case_id)),
                }
                for number in range(first, first + 10_000)
            ]
            async with world.centre.database.writing() as work:
                await work.execute(insert(FeedEvent), rows)
        if engine == "postgres":
            async with world.centre.database.writing() as work:
                await work.execute(text("ANALYZE"))
        filled.append((size, world, [await world.person(), await world.person(Role.PARTNER)]))
    took: dict[tuple[int, str], list[float]] = {}
    chance = np.random.default_rng(7)
    for turn in range(-3, 40):
        for size, _, people in filled:
            for who, client in zip(("officer", "partner"), people, strict=True):
                after = Stand(int(chance.integers(0, size))).cursor
                begun = time.perf_counter()
                (await client.get("/api/v1/events", params={"after": after, "limit": 50})).raise_for_status()
                if turn >= 0:
                    took.setdefault((size, who), []).append(time.perf_counter() - begun)
    for _, world, _ in filled:
        for client in world.clients:
            await client.aclose()
        await world.centre.close()
    figures = []
    for (size, who), waits in took.items():
        p50, p95 = percentiles(waits, 50, 95)
        ratio = p50 / percentiles(took[sizes[0], who], 50)[0]
        what = f"{engine}: feed page of {who}, {size} events, p50 / p95, ratio of p50"
        figures.append(Figure(what, f"{p50 * 1000:.1f} ms / {p95 * 1000:.1f} ms, {ratio:.2f}"))
    return figures
