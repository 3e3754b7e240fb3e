"""Cases accepted with evidence, against a bare handler that stores the same bytes with the same database."""

import asyncio
import statistics
import time
from pathlib import Path
from typing import Any

import httpx

from bench.telling.centre import PATIENCE_S, running_centre, running_process
from bench.telling.figures import Figure
from bench.telling.reports import new_picture, report
from tests.api.world import EdgeBox


async def measure(engine: str, folder: Path, server: str, reports: int) -> list[Figure]:
    """In turns of ten, so that what else the machine does falls on both alike; two at a time, as two edges send."""
    picture = new_picture()
    took: dict[str, list[float]] = {"centre": [], "bare": []}
    async with (
        running_centre(engine, folder / "centre", server) as centre,
        running_process("bare", folder / "bare", engine, server) as bare,
        httpx.AsyncClient(base_url=bare, timeout=PATIENCE_S) as client,
    ):
        await client.post("/make-table")
        for _ in range(max(2, reports // 10)):
            took["centre"].append(await _send_ten(centre.box, centre.box.client, picture))
            took["bare"].append(await _send_ten(centre.box, client, picture))
    rates = {name: 10 / statistics.median(seconds) for name, seconds in took.items()}
    return [
        Figure(f"{engine}: cases accepted with evidence", f"{rates['centre']:.1f}/s"),
        Figure(f"{engine}: bare handler, same bytes, same database", f"{rates['bare']:.1f}/s"),
        Figure(f"{engine}: ratio", f"{rates['centre'] / rates['bare']:.2f}"),
    ]


async def _send_ten(box: EdgeBox, client: httpx.AsyncClient, picture: bytes) -> float:
    requests = [report(box, picture) for _ in range(10)]
    begun = time.perf_counter()

    async def lane(mine: list[dict[str, Any]]) -> None:
        for request in mine:
            (await client.post(**request)).raise_for_status()

    await asyncio.gather(lane(requests[::2]), lane(requests[1::2]))
    return time.perf_counter() - begun
