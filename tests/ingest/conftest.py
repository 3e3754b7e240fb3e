"""Clips made on the spot, and an RTSP server with faults to switch on."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from ingest.rtp import AccessUnit
from ingest.rtsp_connection import Request, Response
from ingest.rtsp_server import RtspServer, running
from tests.ports import hold_port

FPS = 20
GOP = 5
BITS = 10
DEADLINE_S = 120.0


def make_clip(
    path: Path,
    codec: str = "libx264",
    *,
    size: tuple[int, int] = (640, 360),
    seconds: float = 1.5,
    gop: int = GOP,
    pix_fmt: str = "yuv420p",
    full_range: bool = False,
    options: dict[str, str] | None = None,
    still: bool = False,
    fps: int = FPS,
    numbered: bool = False,
) -> Path:
    """A blue-grey picture (BGR 120, 60, 40) with a bright square that walks to the right; `numbered`: see `number_in`."""
    width, height = size
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps)
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        stream.codec_context.gop_size = gop
        given = dict(options or {})
        if codec == "libx265":
            extra = ":" + given.pop("x265-params") if "x265-params" in given else ""
            given["x265-params"] = f"log-level=none:pools=none:frame-threads=1:keyint={gop}" + extra
        stream.codec_context.options = {"preset": "ultrafast"} | given
        if full_range:
            stream.codec_context.color_range = 2
        for number in range(int(seconds * fps)):
            image = np.empty((height, width, 3), np.uint8)
            image[:] = (120, 60, 40)
            left = 0 if still else number * 12 % (width - 80)
            image[height // 2 : height // 2 + 80, left : left + 80] = (230, 230, 230)
            if numbered:
                for bit in range(BITS):
                    image[: height // 4, width * bit // BITS : width * (bit + 1) // BITS] = 230 if number >> bit & 1 else 20
            target = 2 if full_range else 1
            frame = av.VideoFrame.from_ndarray(image, format="bgr24").reformat(format=pix_fmt, dst_color_range=target)
            frame.color_range = target
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def number_in(picture: NDArray[np.uint8]) -> int:
    """Which picture of a `numbered` clip this is; grey, [H, W]. It survives any coding."""
    height, width = picture.shape
    row = picture[: height // 8]
    return sum((row[:, width * bit // BITS + 4 : width * (bit + 1) // BITS - 4].mean() > 125) << bit for bit in range(BITS))


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Makes a clip, or gives the one made before with the same settings."""
    folder = tmp_path_factory.mktemp("clips")
    made: dict[str, Path] = {}

    def clip(codec: str = "libx264", **settings: Any) -> Path:
        key = repr((codec, sorted(settings.items())))
        if key not in made:
            made[key] = make_clip(folder / f"{len(made)}.mp4", codec, **settings)
        return made[key]

    return clip


class RiggedServer(RtspServer):
    """A camera with faults."""

    def __init__(self, path: Path, **settings: Any) -> None:
        super().__init__(path, **settings)
        self.asked: list[Request] = []
        self.answers: dict[str, Response] = {}
        self.silent = False
        self.damage: Callable[[AccessUnit, list[bytes]], list[bytes]] | None = None
        self.then: RtspServer | None = None
        self.then_after = 0

    def units(self) -> Iterator[AccessUnit]:
        last = 0.0
        for number, unit in enumerate(self.clip.units()):
            if self.then and number >= self.then_after and unit.keyframe:
                break
            last = unit.dts_s
            yield unit
        if self.then:
            for unit in self.then.clip.units():
                yield AccessUnit(unit.nals, last + 1 / FPS + unit.pts_s, last + 1 / FPS + unit.dts_s, unit.keyframe)

    def answer(self, request: Request) -> Response | None:
        self.asked.append(request)
        return self.answers.get(request.method)

    def outgoing(self, packets: list[bytes], unit: AccessUnit) -> list[bytes]:
        if self.silent:
            return []
        return self.damage(unit, packets) if self.damage else packets


class Served:
    """A rigged server that runs in a thread."""

    def __init__(self, server: RiggedServer) -> None:
        self.server = server
        self._running = running(server)
        self._loop: asyncio.AbstractEventLoop = self._running.__enter__()
        self._over = False

    @property
    def url(self) -> str:
        return self.server.url

    def cut(self) -> None:
        self._loop.call_soon_threadsafe(self.server.drop_receivers)

    def stop(self) -> None:
        if not self._over:
            self._over = True
            self._running.__exit__(None, None, None)


@pytest.fixture
def serve(clips: Callable[..., Path]) -> Iterator[Callable[..., Served]]:
    """Starts a rigged server on a clip (the H.264 one where none is given)."""
    started: list[Served] = []

    def start(path: Path | None = None, **settings: Any) -> Served:
        started.append(Served(RiggedServer(path or clips(), **settings)))
        return started[-1]

    yield start
    for served in started:
        served.stop()


@pytest.fixture
def wait_until() -> Callable[..., None]:
    def wait(condition: Callable[[], object], deadline_s: float = DEADLINE_S) -> None:
        until = time.monotonic() + deadline_s
        tick = threading.Event()
        while not condition():
            assert time.monotonic() < until, "the condition did not come true in time"
            tick.wait(0.01)

    return wait


@pytest.fixture
def raw_server() -> Iterator[Callable[[bytes | None], int]]:
    """A TCP server that answers every connection with these bytes (None: says nothing); gives its port."""
    import socket

    with contextlib.ExitStack() as stack:

        def start(answer: bytes | None) -> int:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            held: list[socket.socket] = []

            def accept() -> None:
                with contextlib.suppress(OSError):
                    while True:
                        connection = listener.accept()[0]
                        held.append(connection)
                        if answer is not None:
                            with contextlib.suppress(OSError):  # the caller has hung up already
                                connection.recv(4096)
                                connection.sendall(answer)
                            connection.close()

            thread = threading.Thread(target=accept, daemon=True)
            thread.start()
            stack.callback(lambda: [connection.close() for connection in held])
            stack.callback(lambda: listener.shutdown(socket.SHUT_RDWR))
            return int(listener.getsockname()[1])

        yield start


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port where nobody listens, until the test itself does."""
    with hold_port() as holder:
        yield int(holder.getsockname()[1])
