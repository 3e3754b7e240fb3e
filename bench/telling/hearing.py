"""How soon partners and the shop hear of what an edge reports and of what people decide."""

import asyncio
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

from bench.telling.centre import Centre, running_centre, until
from bench.telling.figures import Figure, percentiles
from bench.telling.partner import Partner, follow, watch
from bench.telling.reports import new_picture, report
from tests.api.deliveries.receiver import Answer, Receiver, receiving


async def measure(engine: str, folder: Path, server: str, reports: int) -> list[Figure]:
    """From the moment at which the edge has the record (its sender is woken at once) to a partner, with and without a dead
    channel beside it; and from what people do to the shop's chat."""
    picture, figures = new_picture(), []
    async with receiving() as receiver, running_centre(engine, folder, server, receiver) as centre:
        await _target(centre, "webhook", url=f"{receiver.url}/hook")
        for is_dead in (False, True):
            if is_dead:
                async with receiving() as hanging:
                    hanging.answers = [Answer(hangs=True)]
                    await _target(centre, "webhook", url=f"{hanging.url}/dead")
                    waits = await _hear(centre, receiver, picture, reports)
            else:
                waits = await _hear(centre, receiver, picture, reports)
            beside = ", another channel dead" if is_dead else ""
            figures += [
                Figure(f"{engine}: record to {name}{beside}, p50 / p95", f"{p50:.2f} s / {p95:.2f} s")
                for name, (p50, p95) in ((name, percentiles(of, 50, 95)) for name, of in waits.items())
            ]
        figures += await _deciding(engine, centre, receiver, picture, max(3, reports // 10))
    return figures


async def _hear(centre: Centre, receiver: Receiver, picture: bytes, reports: int) -> dict[str, list[float]]:
    sent: dict[int, float] = {}
    partner = Partner()
    following = asyncio.create_task(follow(centre, partner))
    watching = asyncio.create_task(watch(receiver, partner))
    await asyncio.sleep(1.0)
    for _ in range(reports):
        begun = time.monotonic()
        answer = await centre.box.client.post(**report(centre.box, picture))
        sent[answer.json()["case_id"]] = begun
        await asyncio.sleep(0.37)  # no multiple of what the centre looks after
    await until(lambda: sent.keys() <= partner.webhook.keys() and sent.keys() <= partner.stream.keys())
    for task in (following, watching):
        task.cancel()
    await asyncio.gather(following, watching, return_exceptions=True)
    return {
        "webhook": [partner.webhook[case] - at for case, at in sent.items()],
        "SSE event": [partner.stream[case] - at for case, at in sent.items()],
    }


async def _deciding(engine: str, centre: Centre, receiver: Receiver, picture: bytes, cases: int) -> list[Figure]:
    """A confirmation can be taken back for 10 s, and is told a second later; the shop hears of the notice, at once."""
    await _target(centre, "wecom", token="shop-robot", audience="shop", shop_id=centre.place.shop_id, events=["case.issued"])
    receiver.answers = [Answer(body=b'{"errcode":0}')]
    confirmed, shop = [], []
    for _ in range(cases):
        case_id = (await centre.box.client.post(**report(centre.box, picture))).json()["case_id"]
        before = len(receiver.requests)
        await _act(centre, case_id, "confirm", 1)
        begun = time.monotonic()
        await until(lambda: any(b'"case.confirmed"' in one.body for one in receiver.requests[before:]))  # noqa: B023
        confirmed.append(time.monotonic() - begun)
        before = len(receiver.requests)
        begun = time.monotonic()
        await _act(centre, case_id, "issue", 2)
        await until(lambda: any("shop-robot" in one.path for one in receiver.requests[before:]))  # noqa: B023
        shop.append(time.monotonic() - begun)
    return [
        Figure(f"{engine}: confirmation to webhook, without its 10 s to take it back, max", f"{max(confirmed) - 10:.2f} s"),
        Figure(f"{engine}: notice issued to the shop's chat, max", f"{max(shop):.2f} s"),
    ]


async def _target(centre: Centre, channel: str, **fields: Any) -> None:
    body = {"name": channel, "channel": channel, "audience": "authority", "events": ["case.opened", "case.confirmed"], **fields}
    answer = await centre.officer.post("/api/v1/targets", json=body, headers={"Idempotency-Key": str(uuid4())})
    answer.raise_for_status()


async def _act(centre: Centre, case_id: int, act: str, version: int) -> None:
    headers = {"If-Match": f'"{version}"', "Idempotency-Key": str(uuid4())}
    answer = await centre.officer.post(f"/api/v1/cases/{case_id}/{act}", json={}, headers=headers)
    answer.raise_for_status()
