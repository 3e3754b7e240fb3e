"""Who hears of what happens: by webhook, and by server-sent events."""

import asyncio
import json
import time
from dataclasses import dataclass, field

import httpx

from bench.telling.centre import PATIENCE_S, Centre
from tests.api.deliveries.receiver import Receiver


@dataclass
class Partner:
    """Hears by webhook and by server-sent events: when of which case."""

    webhook: dict[int, float] = field(default_factory=dict)
    stream: dict[int, float] = field(default_factory=dict)
    is_following: asyncio.Event = field(default_factory=asyncio.Event)


async def watch(receiver: Receiver, partner: Partner) -> None:
    seen = len(receiver.requests)
    while True:
        async with receiver.arrived:
            await receiver.arrived.wait_for(lambda: len(receiver.requests) > seen)  # noqa: B023
        for request in receiver.requests[seen:]:
            partner.webhook.setdefault(json.loads(request.body)["data"]["case_id"], time.monotonic())
        seen = len(receiver.requests)


async def follow(centre: Centre, partner: Partner) -> None:
    cookies = centre.officer.cookies
    async with (
        # There is no TLS here: reading the certificates of the world for each of 500 clients would take a quarter of a minute.
        httpx.AsyncClient(base_url=centre.url, timeout=PATIENCE_S, cookies=cookies, verify=False) as client,
        client.stream("GET", "/api/v1/events/stream") as response,
    ):
        response.raise_for_status()
        partner.is_following.set()
        async for line in response.aiter_lines():
            if line.startswith("data: "):
                partner.stream.setdefault(json.loads(line[6:])["data"]["case_id"], time.monotonic())
