"""A centre, or the bare handler, in a process of its own."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from api.accounts.dependencies import COOKIE
from api.accounts.permissions import Role
from api.app import create_app
from api.kit.settings import Settings
from api.migrations import upgrade
from bench.cases import new_database
from tests.api.deliveries.receiver import Receiver
from tests.api.world import EdgeBox, Place, World

PATIENCE_S = 120
_PROGRAM = """
import sys, uvicorn
from api.app import create_app
from api.kit.settings import Settings
from api.server import TURN_S
from bench.bare import create_bare_app
sys.setswitchinterval(TURN_S)
make = {"centre": create_app, "bare": create_bare_app}[sys.argv[1]]
uvicorn.run(make(Settings()), fd=int(sys.argv[2]), log_level="warning")
"""


@dataclass
class Centre:
    url: str
    place: Place
    box: EdgeBox
    officer: httpx.AsyncClient


@asynccontextmanager
async def running_centre(engine: str, folder: Path, server: str, receiver: Receiver | None = None) -> AsyncIterator[Centre]:
    """Filled by this process first, then served by another one."""
    settings = await settings_of(engine, folder, server, f"{folder.parent.name}_{folder.name}".replace("-", "_"))
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
        running_process("centre", folder, engine, server, settings, **robots) as url,
        httpx.AsyncClient(base_url=url, timeout=PATIENCE_S) as edge,
        httpx.AsyncClient(base_url=url, timeout=PATIENCE_S, cookies={COOKIE: cookie}) as people,
    ):
        box.client = edge
        yield Centre(url, place, box, people)


async def settings_of(engine: str, folder: Path, server: str, name: str) -> Settings:
    url = {"database_url": await new_database(server, name)} if engine == "postgres" else {}
    return Settings.model_validate({"data": folder, "database_wait_s": 60, **url})


@asynccontextmanager
async def running_process(
    kind: str, folder: Path, engine: str, server: str, settings: Settings | None = None, **more: str
) -> AsyncIterator[str]:
    settings = settings or await settings_of(engine, folder, server, f"{kind}_{folder.parent.name}".replace("-", "_"))
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    environment = {
        **os.environ, "SUNSHINE_DATA": str(settings.data), "SUNSHINE_OUTBOUND_NETWORKS": "127.0.0.0/8",
        "SUNSHINE_DATABASE_WAIT_S": "60", "SUNSHINE_QUIET_FROM": "00:00", "SUNSHINE_QUIET_UNTIL": "00:00",
        # One officer stands for all who follow.
        "SUNSHINE_STREAMS_AT_ONCE": "10000", **more,
    }
    if settings.database_url is not None:
        environment["SUNSHINE_DATABASE_URL"] = settings.database_url.get_secret_value()
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _PROGRAM, kind, str(listener.fileno()), env=environment, pass_fds=[listener.fileno()]
    )
    url = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient() as client:
            await until(lambda: _answers(client, url))
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


async def until(holds: Callable[[], bool | Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            answer = holds()
            if answer if isinstance(answer, bool) else await answer:
                return
            await asyncio.sleep(0.01)
