"""What the edge and its worker processes say to each other: pickled over one socket pair for each worker.

The edge sends a `Setup`, then lists of cameras (`EdgeConfig`), answers to calls, `ClockOff`, and at the end `STOP`. A worker
sends `Ready` or `Unfit`, then `Notes` for the book of minutes, calls to the recorder, a `Knock` before each connection to a
camera and `Tried` when it is made and when it ends, now and then a picture (`ingest.findings.Latest`), and a `Beat` every second.
Either side notices the other's death by the end of the stream.
"""

import itertools
import pickle
import socket
import struct
import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from mmap import mmap
from pathlib import Path
from typing import Any

from contract.cameras import CameraConfig
from contract.catalogue import Catalogue
from contract.edges import EdgeTrouble, StreamFault
from contract.evidence import ClipFlaw, Manifest
from contract.trials import Trial
from detector.providers import Wanted
from detector.violation import Repeat, Violation
from ingest.camera_state import CameraBeat
from ingest.findings import Clip, Sight
from ingest.logins import Outcome
from ingest.memory import lend

STOP = "stop"
# Before each message: its bytes, and how many large contents come after it; before each of these: its bytes.
HEAD, SIZE = struct.Struct("!QB"), struct.Struct("!Q")
# 4 Mb/s for half a minute, 8 Mb/s for as long as a clip with key frames every two seconds lasts.
PREROLL_BYTES = 16 * 2**20
# How often the latest picture of each camera is sent.
LATEST_EVERY_S = 600.0
# How often a worker tells of itself and of what it looked at; and after how long it does so in the middle of a round, which on
# a slow box with many cameras may take longer than a worker may be silent.
TELL_INTERVAL_S, LATEST_TOLD_S = 1.0, 5.0


@dataclass(frozen=True)
class Setup:
    """`key`: the raw private key that camera passwords are encrypted to. `preroll_bytes`: of each camera's stream in memory.
    `latest_every_s`: how often the latest picture of each is told; 0 is never. `in_hardware`: decode there, if it works.
    `provider`: what is to compute, if it works; `engines`: the folder where TensorRT keeps what it builds. `stack`: the
    descriptor to write to, at a crash, where the thread was that crashed."""

    key: bytes = field(repr=False)
    weights: Path | None
    threads: int
    preroll_bytes: int = PREROLL_BYTES
    latest_every_s: float = LATEST_EVERY_S
    in_hardware: bool = False
    provider: Wanted = "cpu"
    engines: Path | None = None
    stack: int | None = None


@dataclass(frozen=True)
class ClockOff:
    """By how much this box's clock is ahead of the centre's: hours of cameras go by the right time."""

    seconds: float


@dataclass(frozen=True)
class Errand:
    """`allow_loopback`: the camera may be on this machine, as in the demo."""

    setup: Setup
    trial: Trial
    allow_loopback: bool = False


@dataclass(frozen=True)
class Ready:
    """`is_exact`: the fast weights go wrong on this machine, and the exact ones are used. The others: what was asked for is
    missing or does not work, and the processor does it."""

    is_exact: bool
    no_provider: bool = False
    no_decoder: bool = False


@dataclass(frozen=True)
class Unfit:
    """The worker cannot work, and would not the next time either; the words say what to do."""

    words: str


@dataclass(frozen=True)
class ProviderLost:
    """What computed in the processor's place has stopped working; the worker ends."""

    cause: str


@dataclass(frozen=True)
class Notes:
    """Calls of methods of the book of minutes (name and arguments), in their order; nobody waits for them."""

    calls: list[tuple[str, tuple[Any, ...]]]


@dataclass(frozen=True)
class Call:
    """A call of a method of the recorder. The calls of a worker are answered in their order."""

    number: int
    method: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Knock:
    """May this camera be connected to with this login? Answered when it is known (`ingest.logins`)."""

    number: int
    login: str = field(repr=False)
    camera_id: Hashable


@dataclass(frozen=True)
class Tried:
    login: str = field(repr=False)
    camera_id: Hashable
    outcome: Outcome


@dataclass(frozen=True)
class Answer:
    number: int
    value: Any = None
    error: Exception | None = None


@dataclass(frozen=True)
class Beat:
    """`looks`, `look_s`: pictures that the detector has looked at since the start, and the seconds that took. `at`: when, on the
    monotonic clock, which all processes of a machine share."""

    cameras: dict[str, CameraBeat]
    looks: int
    look_s: float
    trouble: EdgeTrouble | None
    at: float


class Pipe:
    """One end. Any thread may send; one thread receives.

    Not a `multiprocessing` connection: that takes twice the time for a clip, because it puts together what it receives. And a
    clip's content comes beside its message (PEP 574): packed into it and unpacked it would be copied twice more.
    """

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._sending = threading.Lock()

    def send(self, message: object) -> None:
        """Raises OSError when the other side is gone."""
        apart: list[pickle.PickleBuffer] = []
        content = pickle.dumps(message, 5, buffer_callback=apart.append)
        with self._sending:
            self._socket.sendall(HEAD.pack(len(content), len(apart)))
            self._socket.sendall(content)
            for large in apart:
                self._socket.sendall(SIZE.pack(len(large.raw())))
                self._socket.sendall(large)

    def receive(self) -> Any:
        """Raises EOFError or OSError when the other side is gone."""
        size, number = HEAD.unpack(self._received(HEAD.size))
        content = self._received(size)
        apart = [self._received_large(*SIZE.unpack(self._received(SIZE.size))) for _ in range(number)]
        return pickle.loads(content, buffers=apart)  # noqa: S301  between our own processes, over a pair nobody else can open

    def _received_large(self, size: int) -> mmap:
        content = lend(size)
        with memoryview(content) as left:
            taken = 0
            while taken < size:
                got = self._socket.recv_into(left[taken:], size - taken, socket.MSG_WAITALL)
                if not got:
                    raise EOFError
                taken += got
        return content

    def _received(self, size: int) -> bytes:
        content = self._socket.recv(size, socket.MSG_WAITALL)
        while len(content) < size:
            more = self._socket.recv(size - len(content), socket.MSG_WAITALL)
            if not more:
                raise EOFError
            content += more
        return content

    def close(self) -> None:
        with self._sending:  # or what is on its way would go to whatever is opened next and gets the same number
            self._socket.close()


class RemoteRecorder:
    """The edge's recorder as a worker sees it: the threads that look and cut call it, the one that listens brings the answers."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._numbers = itertools.count()
        self._asked: dict[int, Future[Any]] = {}

    def repeats(self, camera_id: str, catalogue: Catalogue, now: datetime) -> Future[list[Repeat]]:
        return self._call("repeats", camera_id, catalogue, now)

    def record(self, camera: CameraConfig, catalogue_version: str, sight: Sight, violation: Violation) -> Future[Manifest]:
        return self._call("record", camera, catalogue_version, sight, violation)

    def record_clip(self, manifest: Manifest, clip: Clip | ClipFlaw) -> Future[None]:
        return self._call("record_clip", manifest.camera_id, manifest.violation_id, manifest.digest(), clip)

    def try_out(self, camera_id: str) -> Future[None]:
        return self._call("try_out", camera_id)

    def answered(self, answer: Answer) -> None:
        future = self._asked.pop(answer.number)
        if answer.error is None:
            future.set_result(answer.value)
        else:
            future.set_exception(answer.error)

    def ask(self, message: Callable[[int], object]) -> Future[Any]:
        """Send what `message` makes of a number, which its answer bears."""
        number = next(self._numbers)
        future = self._asked[number] = Future()
        self._pipe.send(message(number))
        return future

    def _call(self, method: str, *arguments: Any) -> Future[Any]:
        return self.ask(lambda number: Call(number, method, arguments))


class RemoteLogins:
    """The edge's logins as a worker sees them; answers come in with the recorder's."""

    def __init__(self, pipe: Pipe, recorder: RemoteRecorder) -> None:
        self._pipe = pipe
        self._recorder = recorder

    def ask(self, login: str, who: Hashable) -> Future[float]:
        return self._recorder.ask(lambda number: Knock(number, login, who))

    def tell(self, login: str, who: Hashable, outcome: Outcome) -> None:
        self._pipe.send(Tried(login, who, outcome))


class RemoteBook:
    """The edge's book of minutes as a worker sees it, for the thread that looks. Which cameras there are it is told by the edge:
    a word of that from here would come in late, of a camera that was taken out meanwhile.

    What is told goes out together: `send` it once a second, between two rounds. Within a long one it goes by itself.
    """

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._calls: list[tuple[str, tuple[Any, ...]]] = []
        self._sent_at = float("-inf")

    def looked(self, camera_id: str, width: int, height: int) -> None:
        self._note("looked", camera_id, width, height)

    def still(self, camera_id: str) -> None:
        self._note("still", camera_id)

    def state(self, camera_id: str, fault: StreamFault | None) -> None:
        self._note("state", camera_id, fault)

    def send(self) -> None:
        self._sent_at = time.monotonic()
        if self._calls:
            calls, self._calls = self._calls, []
            self._pipe.send(Notes(calls))

    def _note(self, method: str, *arguments: Any) -> None:
        self._calls.append((method, arguments))
        if time.monotonic() - self._sent_at >= LATEST_TOLD_S:
            self.send()
