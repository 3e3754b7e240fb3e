"""How fast findings are taken, and how soon others hear of them: real centres in processes of their own, spoken to over HTTP."""

import asyncio
import json
import os
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import cv2
import httpx
import numpy as np
from sqlalchemy import insert, text

from api.accounts.dependencies import COOKIE
from api.accounts.permissions import Role
from api.app import create_app
from api.feed.tables import FeedEvent
from api.kit.cursors import encode_cursor
from api.kit.settings import Settings
from api.migrations import upgrade
from bench.cases import START, Tell, new_database
from contract.evidence import Manifest
from tests.api.deliveries.receiver import Answer, Receiver, receiving
from tests.api.postgres_server import running_server
from tests.api.world import EdgeBox, Place, World

# As an edge sends it: 1080p, some 300 kB.
WIDTH, HEIGHT = 1920, 1080
PATIENCE_S = 120
_PROGRAM = """
import sys, uvicorn
from api.app import create_app
from api.kit.settings import Settings
from bench.bare import create_bare_app
make = {"centre": create_app, "bare": create_bare_app}[sys.argv[1]]
uvicorn.run(make(Settings()), fd=int(sys.argv[2]), log_level="warning")
"""


@dataclass(frozen=True)
class Figure:
    what: str
    value: str


@dataclass
class Partner:
    """Hears by webhook and by server-sent events: when of which case."""

    webhook: dict[int, float] = field(default_factory=dict)
    stream: dict[int, float] = field(default_factory=dict)


@dataclass
class Centre:
    url: str
    place: Place
    box: EdgeBox
    officer: httpx.AsyncClient


def measure(
    engines: list[str], steps: list[str], reports: int, followers: int, sizes: list[int], tell: Tell
) -> Iterator[Figure]:
    """Each as soon as it is known. `steps`: accepting, hearing, following, feed."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sunshine-bench-")))
        server = stack.enter_context(running_server()) if "postgres" in engines else ""
        for engine in engines:
            for name in steps:
                tell(f"{engine}: {name}")
                place = folder / f"{engine}_{name}"
                match name:
                    case "accepting":
                        yield from asyncio.run(_accepting(engine, place, server, reports))
                    case "hearing":
                        yield from asyncio.run(_hearing(engine, place, server, reports))
                    case "following":
                        yield from asyncio.run(_following(engine, place, server, followers))
                    case "feed":
                        yield from asyncio.run(_feed(engine, place, server, sizes))
                    case _:
                        raise ValueError(f"There is no step {name}.")


async def _accepting(engine: str, folder: Path, server: str, reports: int) -> list[Figure]:
    """In turns of ten, so that what else the machine does falls on both alike; two at a time, as two edges send."""
    picture = _picture()
    took: dict[str, list[float]] = {"centre": [], "bare": []}
    async with (
        _centre(engine, folder / "centre", server) as centre, _process("bare", folder / "bare", engine, server) as bare,
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
    requests = [_report(box, picture) for _ in range(10)]
    begun = time.perf_counter()

    async def lane(mine: list[dict[str, Any]]) -> None:
        for request in mine:
            (await client.post(**request)).raise_for_status()

    await asyncio.gather(lane(requests[::2]), lane(requests[1::2]))
    return time.perf_counter() - begun


async def _hearing(engine: str, folder: Path, server: str, reports: int) -> list[Figure]:
    """From the moment at which the edge has the record (its sender is woken at once) to a partner, with and without a dead
    channel beside it; and from what people do to the shop's chat."""
    picture, figures = _picture(), []
    async with receiving() as receiver, _centre(engine, folder, server, receiver) as centre:
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
                Figure(f"{engine}: record to {name}{beside}, p50 / p95", f"{_p(of, 50):.2f} s / {_p(of, 95):.2f} s")
                for name, of in waits.items()
            ]
        figures += await _deciding(engine, centre, receiver, picture, max(3, reports // 10))
    return figures


async def _hear(centre: Centre, receiver: Receiver, picture: bytes, reports: int) -> dict[str, list[float]]:
    sent: dict[int, float] = {}
    partner = Partner()
    following = asyncio.create_task(_follow(centre, partner))
    watching = asyncio.create_task(_watch(receiver, partner))
    await asyncio.sleep(1.0)
    for _ in range(reports):
        begun = time.monotonic()
        answer = await centre.box.client.post(**_report(centre.box, picture))
        sent[answer.json()["case_id"]] = begun
        await asyncio.sleep(0.37)  # no multiple of what the centre looks after
    await _until(lambda: sent.keys() <= partner.webhook.keys() and sent.keys() <= partner.stream.keys())
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
        case_id = (await centre.box.client.post(**_report(centre.box, picture))).json()["case_id"]
        before = len(receiver.requests)
        await _act(centre, case_id, "confirm", 1)
        begun = time.monotonic()
        await _until(lambda: any(b'"case.confirmed"' in one.body for one in receiver.requests[before:]))  # noqa: B023
        confirmed.append(time.monotonic() - begun)
        before = len(receiver.requests)
        begun = time.monotonic()
        await _act(centre, case_id, "issue", 2)
        await _until(lambda: any("shop-robot" in one.path for one in receiver.requests[before:]))  # noqa: B023
        shop.append(time.monotonic() - begun)
    return [
        Figure(f"{engine}: confirmation to webhook, without its 10 s to take it back, max", f"{max(confirmed) - 10:.2f} s"),
        Figure(f"{engine}: notice issued to the shop's chat, max", f"{max(shop):.2f} s"),
    ]


async def _following(engine: str, folder: Path, server: str, followers: int) -> list[Figure]:
    picture = _picture()
    async with _centre(engine, folder, server) as centre:
        partners = [Partner() for _ in range(followers)]
        tasks = [asyncio.create_task(_follow(centre, partner)) for partner in partners]
        await asyncio.sleep(followers / 50)
        waits: list[float] = []
        for _ in range(3):
            begun = time.monotonic()
            case_id = (await centre.box.client.post(**_report(centre.box, picture))).json()["case_id"]
            await _until(lambda: all(case_id in partner.stream for partner in partners))  # noqa: B023
            waits += [partner.stream[case_id] - begun for partner in partners]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return [Figure(f"{engine}: record to all of {followers} SSE followers, p50 / p95 / max",
                   f"{_p(waits, 50):.2f} s / {_p(waits, 95):.2f} s / {max(waits):.2f} s")]


async def _feed(engine: str, folder: Path, server: str, sizes: list[int]) -> list[Figure]:
    """One page of fifty from anywhere in the feed, in turns over the sizes."""
    filled = []
    for size in sizes:
        settings = await _settings(engine, folder / str(size), server, f"feed_{size}")
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
                after = encode_cursor(int(chance.integers(0, size)))
                begun = time.perf_counter()
                (await client.get("/api/v1/events", params={"after": after, "limit": 50})).raise_for_status()
                if turn >= 0:
                    took.setdefault((size, who), []).append(time.perf_counter() - begun)
    for _, world, _ in filled:
        for client in world.clients:
            await client.aclose()
        await world.centre.close()
    return [
        Figure(
            f"{engine}: feed page of {who}, {size} events, p50 / p95, ratio of p50",
            f"{_p(of, 50) * 1000:.1f} ms / {_p(of, 95) * 1000:.1f} ms, {_p(of, 50) / _p(took[sizes[0], who], 50):.2f}",
        )
        for (size, who), of in took.items()
    ]


_PAYLOAD = (
    '{"type":"case.opened","timestamp":"2026-01-05T02:00:00Z","data":{"case_id":CASE,"shop_id":"s","rule":"K01","severity":3,'
    '"state":"pending_review","version":1,"due_at":null,"escalation":null}}'
)


@asynccontextmanager
async def _centre(engine: str, folder: Path, server: str, receiver: Receiver | None = None) -> AsyncIterator[Centre]:
    """Filled by this process first, then served by another one."""
    settings = await _settings(engine, folder, server, folder.parent.name.replace("-", "_") + "_" + folder.name.replace("-", "_"))
    world = World(create_app(settings))
    await upgrade(world.centre.database)
    place = await world.place()
    box, officer = await world.edge(place), await world.person(Role.CHIEF, is_admin=True)
    citation = {"text": "《餐饮服务食品安全操作规范》（2018）14.3.1.3", "note": "Read."}
    (await officer.post("/api/v1/citations/accept", json=citation)).raise_for_status()
    cookie = officer.cookies[COOKIE]
    for client in world.clients:
        await client.aclose()
    await world.centre.close()
    robots = {"SUNSHINE_WECOM_URL": receiver.url} if receiver is not None else {}
    async with (
        _process("centre", folder, engine, server, settings, **robots) as url,
        httpx.AsyncClient(base_url=url, timeout=PATIENCE_S) as edge,
        httpx.AsyncClient(base_url=url, timeout=PATIENCE_S, cookies={COOKIE: cookie}) as people,
    ):
        box.client = edge
        yield Centre(url, place, box, people)


async def _settings(engine: str, folder: Path, server: str, name: str) -> Settings:
    url = {"database_url": await new_database(server, name)} if engine == "postgres" else {}
    return Settings.model_validate({"data": folder, "database_wait_s": 60, **url})


@asynccontextmanager
async def _process(
    kind: str, folder: Path, engine: str, server: str, settings: Settings | None = None, **more: str
) -> AsyncIterator[str]:
    settings = settings or await _settings(engine, folder, server, f"{kind}_{folder.parent.name}".replace("-", "_"))
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    environment = {
        **os.environ, "SUNSHINE_DATA": str(settings.data), "SUNSHINE_OUTBOUND_NETWORKS": "127.0.0.0/8",
        "SUNSHINE_DATABASE_WAIT_S": "60", "SUNSHINE_QUIET_FROM": "00:00", "SUNSHINE_QUIET_UNTIL": "00:00", **more,
    }
    if settings.database_url is not None:
        environment["SUNSHINE_DATABASE_URL"] = settings.database_url.get_secret_value()
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _PROGRAM, kind, str(listener.fileno()), env=environment, pass_fds=[listener.fileno()]
    )
    url = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient() as client:
            await _until(lambda: _answers(client, url))
        yield url
    finally:
        running.terminate()
        await running.wait()
        listener.close()


async def _answers(client: httpx.AsyncClient, url: str) -> bool:
    try:
        await client.get(f"{url}/healthz")
    except httpx.TransportError:
        return False
    return True


async def _until(holds: Callable[[], bool | Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            answer = holds()
            if answer if isinstance(answer, bool) else await answer:
                return
            await asyncio.sleep(0.01)


async def _target(centre: Centre, channel: str, **fields: Any) -> None:
    body = {"name": channel, "channel": channel, "audience": "authority", "events": ["case.opened", "case.confirmed"], **fields}
    answer = await centre.officer.post("/api/v1/targets", json=body)
    answer.raise_for_status()


async def _act(centre: Centre, case_id: int, act: str, version: int) -> None:
    answer = await centre.officer.post(f"/api/v1/cases/{case_id}/{act}", json={}, headers={"If-Match": f'"{version}"'})
    answer.raise_for_status()


async def _watch(receiver: Receiver, partner: Partner) -> None:
    seen = len(receiver.requests)
    while True:
        async with receiver.arrived:
            await receiver.arrived.wait_for(lambda: len(receiver.requests) > seen)  # noqa: B023
        for request in receiver.requests[seen:]:
            partner.webhook.setdefault(json.loads(request.body)["data"]["case_id"], time.monotonic())
        seen = len(receiver.requests)


async def _follow(centre: Centre, partner: Partner) -> None:
    cookies = centre.officer.cookies
    async with (
        httpx.AsyncClient(base_url=centre.url, timeout=PATIENCE_S, cookies=cookies) as client,
        client.stream("GET", "/api/v1/events/stream") as response,
    ):
        response.raise_for_status()
        async for line in response.aiter_lines():
            if line.startswith("data: "):
                partner.stream.setdefault(json.loads(line[6:])["data"]["case_id"], time.monotonic())


def _report(box: EdgeBox, picture: bytes) -> dict[str, Any]:
    """The keyword arguments of a signed report; made before the clock runs."""
    from contract.evidence import seal

    number = box.sequence
    x = 10 + 37 * (number % 50)
    y = 10 + 41 * (number // 50 % 25)
    pictures = {"original.jpg": picture, "overlay.jpg": picture}
    head = {"kind": "head", "box": (x, y, x + 30, y + 35), "score": 0.9, "violating": True}
    manifest: Manifest = box.manifest(pictures, frame_width=WIDTH, frame_height=HEIGHT, boxes=[head], track=number + 1)
    box.sequence, box.previous = manifest.sequence, manifest.digest()
    sealed = seal(manifest, box.key).model_dump_json()
    files = {"manifest": ("manifest.json", sealed, "application/json")}
    files |= {name: (f"{name}.jpg", picture, "image/jpeg") for name in ("original", "overlay")}  # type: ignore[misc]
    key: UUID = manifest.violation_id
    return {"url": "/api/v1/edge/violations", "files": files, "headers": {"Idempotency-Key": str(key)}, "auth": box.sign}


def _picture() -> bytes:
    """Some 300 kB: smooth, with grain."""
    chance = np.random.default_rng(7)
    smooth = cv2.resize(chance.integers(0, 255, (27, 48, 3)).astype(np.uint8), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    grain = chance.normal(0, 4, smooth.shape)
    done, encoded = cv2.imencode(".jpg", np.clip(smooth + grain, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 80])
    assert done
    return encoded.tobytes()


def _p(values: list[float], percent: int) -> float:
    return float(np.percentile(values, percent))
