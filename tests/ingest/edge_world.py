"""An edge's surroundings for tests: cameras, violations, a centre that answers from memory, clocks that are set by hand."""

import email
import email.policy
import json
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import av
import httpx
import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contract.cameras import CameraConfig, EdgeConfig
from contract.catalogue import AreaKind, Catalogue, load_catalogue
from contract.edges import AGE, LatestPicture, StreamFault
from contract.evidence import AttributeVotes, ClipFlaw, Manifest, ModelVersion, SealedClip, SealedManifest
from detector.observation import Attribute, Head, Observation, Person
from detector.violation import Repeat, Violation
from ingest.camera_state import ReaderState, Status
from ingest.centre import Centre
from ingest.cleaning import Cleaner
from ingest.database import Database
from ingest.evidence import EvidenceFolder
from ingest.findings import Clip, Sight
from ingest.frames import Frame, Picture, Still
from ingest.outbox import Outbox
from ingest.recorder import Recorder
from ingest.sender import Sender
from ingest.sight import sights

START = datetime(2026, 5, 1, 3, 0, tzinfo=UTC)
KEY = Ed25519PrivateKey.generate()
MODELS = [ModelVersion(name="finder", sha256="0" * 64)]
EDGE_ID = "edge-1"


def camera(camera_id: str = "cam-1", **changes: object) -> CameraConfig:
    given: dict[str, object] = {
        "id": camera_id, "name": f"Kitchen {camera_id}", "shop_id": "shop-1", "shop_name": "Noodles",
        "area": AreaKind.SPECIAL_ROOM, "url": f"rtsp://10.0.0.5/{camera_id}",
    }
    return CameraConfig.model_validate(given | changes)


@cache
def catalogue() -> Catalogue:
    return load_catalogue()


def edge_config(*cameras: CameraConfig, version: str = "v1") -> EdgeConfig:
    return EdgeConfig(version=version, catalogue=catalogue(), cameras=list(cameras))


def bareheaded() -> Observation:
    unknown = Attribute("unknown", 0.5)
    head = Head((60.0, 20.0, 90.0, 50.0), 0.9, Attribute("missing", 0.95), unknown, unknown)
    return Observation(160, 120, (Person((40.0, 20.0, 110.0, 118.0), 0.9, head, (), track=1),))


def image(shade: int = 120) -> npt.NDArray[np.uint8]:
    return np.full((120, 160, 3), shade, np.uint8)


def sight(moment: datetime = START) -> Sight:
    return sights(Frame(image(), 12.5, moment, 0), bareheaded(), [violation(moment)], MODELS)[0]


def violation(moment: datetime = START, rule: str = "K01") -> Violation:
    found = catalogue().rule(rule)
    person = bareheaded().people[0]
    assert person.box is not None
    return Violation(
        rule=found, track=1, since_s=0.5, since=moment - timedelta(seconds=12),
        votes=AttributeVotes(looks=9, sure=8, violating=8), box=person.box, person=person,
        repeat=Repeat(rule, person.box, moment + timedelta(seconds=found.repeat_s)),
    )


@dataclass
class Clock:
    """Seconds that pass when a test says so."""

    now: float = START.timestamp()

    def __call__(self) -> float:
        return self.now

    def moment(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)


@dataclass
class CentreInMemory:
    """Answers like the centre. `before` may answer instead, or raise what the network would."""

    config: EdgeConfig | None = None
    before: Callable[[httpx.Request], httpx.Response | None] = lambda request: None
    reports: dict[str, tuple[SealedManifest, dict[str, bytes]]] = field(default_factory=dict)
    clips: dict[str, tuple[SealedClip, bytes | None]] = field(default_factory=dict)
    ages: dict[str, str | None] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    heartbeats: list[dict[str, object]] = field(default_factory=list)
    pictures: list[LatestPicture] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)

    def client(self, clock: Callable[[], float] = START.timestamp) -> Centre:
        return Centre("https://centre.test", EDGE_ID, KEY, transport=httpx.MockTransport(self.answer), clock=clock, uptime=clock)

    def answer(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        instead = self.before(request)
        if instead is not None:
            return instead
        path = request.url.path.removeprefix("/api/v1")
        if path == "/edge/violations":
            return self._take(request)
        if path == "/edge/clips":
            return self._take_clip(request)
        if path == "/edge/heartbeats":
            self.heartbeats.append(json.loads(request.content))
            return httpx.Response(204)
        if path == "/edge/pictures":
            self.pictures.append(LatestPicture.model_validate_json(request.content))
            return httpx.Response(204)
        if path == "/edge/config" and self.config is not None:
            etag = f'"{self.config.version}"'
            if request.headers.get("If-None-Match") == etag:
                return httpx.Response(304, headers={"ETag": etag})
            return httpx.Response(200, content=self.config.model_dump_json(), headers={"ETag": etag})
        return httpx.Response(404)

    def _take_clip(self, request: httpx.Request) -> httpx.Response:
        key = request.headers["Idempotency-Key"]
        parts = multipart(request)
        sealed = SealedClip.model_validate_json(parts["manifest"])
        if "clip" not in parts and sealed.manifest.files not in [{}, *(one.manifest.files for one, _ in self.clips.values())]:
            return problem(422, "The clip is missing.")
        self.clips[key] = (sealed, parts.get("clip"))
        self.order.append(f"{key} clip")
        return httpx.Response(201, json={"violation_id": key, "case_id": 1})

    def _take(self, request: httpx.Request) -> httpx.Response:
        key = request.headers["Idempotency-Key"]
        parts = multipart(request)
        sealed = SealedManifest.model_validate_json(parts["manifest"])
        self.ages[key] = request.headers.get(AGE)
        self.reports[key] = (sealed, {name: content for name, content in parts.items() if name != "manifest"})
        self.order.append(key)
        case_id = list(self.reports).index(key) + 1
        answer = {"violation_id": key, "case_id": case_id, "result": "case_opened", "url": f"https://centre.test/cases/{case_id}"}
        return httpx.Response(201, json=answer)


def multipart(request: httpx.Request) -> dict[str, bytes]:
    head = b"Content-Type: " + request.headers["Content-Type"].encode() + b"\r\n\r\n"
    message = email.message_from_bytes(head + request.content, policy=email.policy.HTTP)
    parts: dict[str, bytes] = {}
    for part in message.iter_parts():
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        parts[str(part.get_param("name", header="content-disposition"))] = content
    return parts


def problem(status: int, detail: str = "No.", **headers: str) -> httpx.Response:
    return httpx.Response(
        status, json={"type": "about:blank", "title": "Title", "status": status, "detail": detail},
        headers={"Content-Type": "application/problem+json"} | {name.replace("_", "-"): value for name, value in headers.items()},
    )


class Parts:
    """The parts of an edge on one folder, with clocks set by hand and a centre in memory; not started."""

    def __init__(self, folder: Path, centre: CentreInMemory | None = None, keep_days: float = 30) -> None:
        self.clock = Clock()
        self.timer = Clock(0.0)
        self.centre = centre or CentreInMemory()
        self.database = Database(folder / "edge.sqlite3", busy_timeout_s=0.05)
        self.outbox = Outbox(self.database)
        self.evidence = EvidenceFolder(folder / "evidence")
        self.recorder = Recorder(
            self.evidence, self.outbox, EDGE_ID, KEY, lambda: None, clock=self.clock, uptime=self.timer,
        )
        self.client = self.centre.client(self.clock)
        self.client.machine_started = 0.0  # compared, and right
        cleaner = Cleaner(self.outbox, self.evidence, self.client, keep_days, clock=self.clock, timer=self.timer)
        self.sender, self.clip_sender = (
            Sender(
                self.outbox, self.evidence, self.recorder, self.client, cleaner=None if is_clip else cleaner,
                clock=self.clock, timer=self.timer, chance=lambda: 1.0, is_clip=is_clip,
            )
            for is_clip in (False, True)
        )

    def recover(self) -> None:
        self.recorder.recover(self.clock.moment())

    def record(self, camera_id: str = "cam-1", moment: datetime | None = None) -> UUID:
        moment = moment or self.clock.moment()
        return self.recorder.record(camera(camera_id), catalogue().version, sight(moment), violation(moment)).violation_id

    def record_clip(self, violation_id: UUID, clip: Clip | ClipFlaw | None = None) -> None:
        """Of a violation that was recorded before; without `clip`, one that is no video."""
        (snapshot,) = (
            entry.manifest for entry in self.evidence.committed(set())
            if entry.manifest.violation_id == violation_id and isinstance(entry.manifest, Manifest)
        )
        self.recorder.record_clip(snapshot.camera_id, violation_id, snapshot.digest(), clip or a_clip())


def a_clip(content: bytes = b"clip") -> Clip:
    return Clip(content, "h264", 15.0, 5.0, None, None)


class RecorderAtHand:
    """The recorder as a fleet sees it, without a process in between: whatever is handed over is recorded at once."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        # What is asked while this is no None waits in it.
        self.waiting: list[tuple[Future[Any], Callable[..., Any], tuple[Any, ...]]] | None = None

    def record(self, *arguments: Any) -> Future[Manifest]:
        return self._asked(self._recorder.record, *arguments)

    def repeats(self, *arguments: Any) -> Future[list[Repeat]]:
        return self._asked(self._recorder.repeats, *arguments)

    def try_out(self, *arguments: Any) -> Future[None]:
        return self._asked(self._recorder.try_out, *arguments)

    def _asked(self, method: Callable[..., Any], *arguments: Any) -> Future[Any]:
        future: Future[Any] = Future()
        if self.waiting is not None:
            self.waiting.append((future, method, arguments))
        else:
            _answer(future, method, arguments)
        return future

    def answer(self) -> None:
        """The disk that hung answers again."""
        waiting, self.waiting = self.waiting, None
        for one in waiting or []:
            _answer(*one)


def _answer(future: Future[Any], method: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    try:
        future.set_result(method(*arguments))
    except OSError as error:
        future.set_exception(error)


class FakeReader:
    """A camera whose pictures and faults a test sets."""

    def __init__(self) -> None:
        self.frames: list[Frame | Exception] = []
        self.fault: StreamFault | None = None
        self.started = self.stopped = 0
        self.wanted: list[float | None] = []
        self.stretches: list[float] = []
        self.max_age_s: float | None = None
        self.pictures = self.dropped = 0

    def start(self) -> None:
        self.started += 1

    def stop(self, timeout_s: float) -> None:
        self.stopped += 1

    def take(
        self, timeout_s: float = 0.0, max_age_s: float | None = None, *, wanted: Callable[[Picture], bool] = lambda _: True
    ) -> Frame | Still | None:
        self.max_age_s = max_age_s
        if not self.frames:
            return None
        frame = self.frames.pop(0)
        if isinstance(frame, Exception):
            raise frame
        grey = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame.image[:, :, 0]), "gray")
        if not wanted(Picture(grey, frame.camera_time_s, frame.wall_time, frame.index)):
            return Still(frame.camera_time_s, frame.wall_time)
        return frame

    def want(self, interval_s: float | None, at_s: float | None) -> None:
        self.wanted.append(interval_s)

    def stretch(self, factor: float) -> None:
        self.stretches.append(factor)

    def state(self) -> ReaderState:
        status = Status.NOT_LOOKING if self.fault else Status.LOOKING
        return ReaderState(status, self.fault, self.pictures, 0, self.dropped, 0, {}, None, None)

    def show(self, time_s: float = 0.0, shade: int = 120) -> None:
        self.frames.append(Frame(image(shade), time_s, START + timedelta(seconds=time_s), 0))
