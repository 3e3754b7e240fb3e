"""A real server and bare sockets: what brings no request is closed, and what is being answered is not."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from uvicorn._types import ASGIReceiveCallable, ASGISendCallable

from api.kit import connections, middleware
from api.kit.connections import HttpProtocol
from api.kit.middleware import Guard
from tests.ports import hold_port

PATIENCE_S = 60
LATE_S = 0.3


@asynccontextmanager
async def serving(
    app: Any, listening: socket.socket | None = None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    with listening or hold_port() as listener:
        server = uvicorn.Server(uvicorn.Config(app, http=HttpProtocol, lifespan="off", ws="none", log_config=None))
        listener.listen()
        running = asyncio.create_task(server.serve(sockets=[listener]))
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.getsockname()[1])
        try:
            async with asyncio.timeout(PATIENCE_S):
                yield reader, writer
        finally:
            writer.close()
            server.should_exit = True
            await running


async def answers_late(scope: Any, _receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    await asyncio.sleep(2 * LATE_S if scope["path"] == "/late" else 0)
    await send({"type": "http.response.start", "status": 204, "headers": []})  # type: ignore[typeddict-item]
    await send({"type": "http.response.body", "body": b""})  # type: ignore[typeddict-item]


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHo", b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /"])
async def test_a_head_that_does_not_come_ends_the_connection(monkeypatch: pytest.MonkeyPatch, sent: bytes):
    monkeypatch.setattr(connections, "HEAD_S", LATE_S)
    async with serving(answers_late) as (reader, writer):
        writer.write(sent)
        await reader.read()


async def test_an_answer_may_take_longer(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connections, "HEAD_S", LATE_S)
    async with serving(answers_late) as (reader, writer):
        writer.write(b"GET /late HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 204")


async def test_a_body_that_does_not_come_is_as_one_whose_sender_went_away(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(middleware, "FIRST_BYTES_S", LATE_S)
    told = asyncio.Queue[str]()

    async def reads(scope: Any, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        kind = "http.request"
        while kind == "http.request":
            kind = (await receive())["type"]
        await told.put(kind)

    async with serving(Guard(reads, {})) as (_, writer):  # type: ignore[arg-type]
        writer.write(b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345")
        assert await told.get() == "http.disconnect"


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 here")
async def test_an_address_of_ipv4_is_one_at_a_socket_of_ipv6_too():
    told = asyncio.Queue[str]()

    async def tells(scope: Any, _receive: ASGIReceiveCallable, _send: ASGISendCallable) -> None:
        await told.put(scope["client"][0])

    async with serving(tells, socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)) as (_, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await told.get() == "127.0.0.1"
