"""Many followers of server-sent events at one centre."""

import asyncio
import time
from pathlib import Path

from bench.telling.centre import PATIENCE_S, running_centre, until
from bench.telling.figures import Figure, percentiles
from bench.telling.partner import Partner, follow
from bench.telling.reports import new_picture, report


async def measure(engine: str, folder: Path, server: str, followers: int) -> list[Figure]:
    picture = new_picture()
    async with running_centre(engine, folder, server) as centre:
        partners = [Partner() for _ in range(followers)]
        tasks = [asyncio.create_task(follow(centre, partner)) for partner in partners]
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(*(partner.is_following.wait() for partner in partners))
        waits: list[float] = []
        for _ in range(3):
            begun = time.monotonic()
            case_id = (await centre.box.client.post(**report(centre.box, picture))).json()["case_id"]
            await until(lambda: all(case_id in partner.stream for partner in partners))  # noqa: B023
            waits += [partner.stream[case_id] - begun for partner in partners]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    p50, p95, longest = percentiles(waits, 50, 95, 100)
    what = f"{engine}: record to all of {followers} SSE followers, p50 / p95 / max"
    return [Figure(what, f"{p50:.2f} s / {p95:.2f} s / {longest:.2f} s")]
