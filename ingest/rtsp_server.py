"""A small RTSP 1.0 server (RFC 2326) that plays a file for ever, as a camera would: `python -m ingest.rtsp_server FILE`.

It sends the pictures as they are coded, so one core serves hundreds of receivers. Everybody sees the same moment; the
clip stands still while nobody watches.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import hmac
import os
import secrets
import signal
import sys
import threading
from base64 import b64decode
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from contract.lifetime import end_with_input
from ingest import rtp
from ingest.clip import Clip
from ingest.rtp import AccessUnit
from ingest.rtsp_connection import Connection, Request, Response

Auth = Literal["none", "basic", "digest"]

REALM = "camera"
# Falling this far behind means the machine slept; the clip goes on from where it was instead of racing.
MAX_LAG_S = 1.0
PASSWORD_VARIABLE = "SUNSHINE_RTSP_PASSWORD"


class RtspServer:
    """Serves one file under one path to any number of receivers, over TCP (interleaved) or UDP.

    Args:
        path: a file in H.264, H.265 or MPEG-4 Visual.
        mount: the path of the stream; any other one is answered with 404.
        port: 0 takes a free one; `port` and `url` tell it once the server runs.
        username, password: what "basic" and "digest" ask for.

    Raises:
        ValueError: the file cannot be served; the text says why.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        mount: str = "/kitchen",
        host: str = "127.0.0.1",
        port: int = 0,
        username: str | None = None,
        password: str | None = None,
        auth: Auth = "none",
    ) -> None:
        if auth != "none" and not (username and password):
            raise ValueError(f"{auth} authentication needs a username and a password.")
        self.clip = Clip(Path(path))
        self.mount = "/" + mount.strip("/")
        self.host = host
        self.port = port
        self.auth: Auth = auth
        self._username = username or ""
        self._password = password or ""
        self._running = contextlib.AsyncExitStack()
        self._pump: asyncio.Task[None] | None = None
        self._connections: dict[Connection, asyncio.Task[None] | None] = {}
        self._watched = asyncio.Event()
        self.rtp_socket: asyncio.DatagramTransport | None = None
        self.rtcp_socket: asyncio.DatagramTransport | None = None
        self.udp_ports = (0, 0)

    @property
    def url(self) -> str:
        """The address of the stream, without credentials."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"rtsp://{host}:{self.port}{self.mount}"

    @property
    def receivers(self) -> int:
        """How many receivers are playing."""
        return sum(connection.playing for connection in self._connections)

    # What a subclass may change.

    def units(self) -> Iterator[AccessUnit]:
        """The pictures to send, in coding order."""
        return self.clip.units()

    def answer(self, request: Request) -> Response | None:
        """An answer in place of the server's own; None for the server's own."""
        return None

    def outgoing(self, packets: list[bytes], unit: AccessUnit) -> list[bytes]:
        """The RTP packets of one picture, on their way to one receiver."""
        return packets

    def drop_receivers(self) -> None:
        """Cuts every connection, as a camera that restarts does."""
        for connection in self._connections:
            connection.abort()

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            listening = await asyncio.start_server(self._accept, self.host, self.port)
            stack.callback(listening.close)
            self.port = listening.sockets[0].getsockname()[1]
            self.rtp_socket, self.rtcp_socket = await self._open_udp()
            stack.callback(self.rtp_socket.close)
            stack.callback(self.rtcp_socket.close)
            stack.push_async_callback(self._hang_up)
            self._pump = asyncio.create_task(self._play())
            stack.push_async_callback(_cancel, self._pump)
            self._running = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._running.aclose()

    async def serve_until(self, stop: asyncio.Event) -> None:
        """Waits for `stop`, or raises what ended the clip."""
        stopped = asyncio.create_task(stop.wait())
        waited = {stopped, self._pump} if self._pump else {stopped}
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        if self._pump and self._pump.done():
            self._pump.result()
        stopped.cancel()

    def authorised(self, request: Request, nonce: str) -> bool:
        given = request.headers.get("authorization", "")
        scheme, _, rest = given.partition(" ")
        if self.auth == "none":
            return True
        if scheme.lower() != self.auth:
            return False
        if self.auth == "basic":
            with contextlib.suppress(ValueError):
                return hmac.compare_digest(b64decode(rest.strip()), f"{self._username}:{self._password}".encode())
            return False
        fields = dict(part.strip().partition("=")[::2] for part in rest.split(","))
        values = {name: value.strip('"') for name, value in fields.items()}
        secret = _md5(f"{self._username}:{REALM}:{self._password}")
        asked = _md5(f"{request.method}:{values.get('uri', '')}")
        expected = _md5(f"{secret}:{nonce}:{asked}")
        return hmac.compare_digest(values.get("response", "").encode(), expected.encode())

    def challenge(self, nonce: str) -> str:
        return f'Basic realm="{REALM}"' if self.auth == "basic" else f'Digest realm="{REALM}", nonce="{nonce}"'

    def sdp(self) -> str:
        lines = [
            "v=0",
            f"o=- 0 0 IN {'IP6' if ':' in self.host else 'IP4'} {self.host}",
            "s=camera",
            f"c=IN {'IP6 ::' if ':' in self.host else 'IP4 0.0.0.0'}",
            "t=0 0",
            "a=control:*",
            f"m=video 0 RTP/AVP {rtp.PAYLOAD_TYPE}",
            *rtp.describe(self.clip.codec, self.clip.extradata),
            "a=control:trackID=0",
        ]
        return "\r\n".join(lines) + "\r\n"

    def watch_changed(self) -> None:
        if self.receivers:
            self._watched.set()
        else:
            self._watched.clear()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(self, reader, writer)
        self._connections[connection] = asyncio.current_task()
        try:
            await connection.serve()
        finally:
            del self._connections[connection]
            connection.close()
            self.watch_changed()

    async def _hang_up(self) -> None:
        self.drop_receivers()
        if tasks := {task for task in self._connections.values() if task}:
            await asyncio.wait(tasks)

    async def _open_udp(self) -> tuple[asyncio.DatagramTransport, asyncio.DatagramTransport]:
        loop = asyncio.get_running_loop()
        for _ in range(50):
            # RTP takes an even port and RTCP the odd one above it (RFC 3550, section 11).
            even = 2 * secrets.SystemRandom().randrange(16_384, 32_000)
            try:
                first = (await loop.create_datagram_endpoint(asyncio.DatagramProtocol, (self.host, even)))[0]
            except OSError:
                continue
            try:
                second = (await loop.create_datagram_endpoint(asyncio.DatagramProtocol, (self.host, even + 1)))[0]
            except OSError:
                first.close()
                continue
            self.udp_ports = (even, even + 1)
            return first, second
        raise OSError("No free pair of UDP ports was found.")

    async def _play(self) -> None:
        loop = asyncio.get_running_loop()
        origin: float | None = None
        for unit in self.units():
            if not self._watched.is_set():
                await self._watched.wait()
                origin = None
            now = loop.time()
            if origin is None or now - (origin + unit.dts_s) > MAX_LAG_S:
                origin = now - unit.dts_s
            await asyncio.sleep(max(0.0, origin + unit.dts_s - now))
            for connection in list(self._connections):
                connection.send(unit)


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()  # serve_until has told it


def _md5(text: str) -> str:
    # RFC 2326 takes digest authentication from RFC 2069 and 2617: MD5, whatever one thinks of it.
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@contextlib.contextmanager
def running(server: RtspServer) -> Iterator[asyncio.AbstractEventLoop]:
    """Runs the server in a thread of its own; its methods are called through the loop's `call_soon_threadsafe`."""
    ready: Future[asyncio.AbstractEventLoop] = Future()
    stop = asyncio.Event()

    async def run() -> None:
        async with server:
            ready.set_result(asyncio.get_running_loop())
            await server.serve_until(stop)

    def in_thread() -> None:
        try:
            asyncio.run(run())
        except BaseException as error:
            if ready.done():
                raise
            ready.set_exception(error)

    thread = threading.Thread(target=in_thread, name="rtsp-server", daemon=True)
    thread.start()
    loop = ready.result()
    try:
        yield loop
    finally:
        with contextlib.suppress(RuntimeError):  # the clip has ended the server already
            loop.call_soon_threadsafe(stop.set)
        thread.join()


async def _until_told(server: RtspServer) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):  # Windows; there Ctrl-C ends asyncio.run by itself
            loop.add_signal_handler(number, stop.set)
    end_with_input()
    async with server:
        print(server.url, flush=True)
        await server.serve_until(stop)


def main(arguments: list[str] | None = None) -> int:
    """The command line; the password comes from the environment, where a list of processes does not show it."""
    parser = argparse.ArgumentParser(prog="python -m ingest.rtsp_server", description=main.__doc__)
    parser.add_argument("file", type=Path, help="a video in H.264, H.265 or MPEG-4 Visual")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8554, help="0 takes a free one")
    parser.add_argument("--mount", default="/kitchen", help="the path of the stream")
    parser.add_argument("--auth", choices=("none", "basic", "digest"), default="none")
    parser.add_argument("--username", help=f"with --auth; the password is taken from {PASSWORD_VARIABLE}")
    given = parser.parse_args(arguments)
    try:
        server = RtspServer(
            given.file,
            mount=given.mount,
            host=given.host,
            port=given.port,
            username=given.username,
            password=os.environ.get(PASSWORD_VARIABLE),
            auth=given.auth,
        )
        asyncio.run(_until_told(server))
    except (ValueError, OSError, OverflowError) as error:  # the last one: no such port
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
