"""One camera of a worker: how it is read, and what has been seen of it."""

import hashlib
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Self

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from contract.cameras import CameraConfig
from contract.catalogue import Catalogue
from contract.credentials import open_credential
from contract.edges import StreamFault
from detector.motion import MotionGate
from detector.observation import AttributeName
from detector.tracks import Tracker
from detector.violation import Repeat
from ingest.address import BadAddress, parse_address
from ingest.backoff import Backoff
from ingest.decoding import Decoding
from ingest.errors import SourceError
from ingest.frames import Picture
from ingest.logins import Door, Gate
from ingest.parts import Reader, Rules
from ingest.pipe import PREROLL_BYTES
from ingest.preroll import PreRoll
from ingest.reader import CameraReader
from ingest.source import AvSource, open_source
from ingest.timeline import ClockRecord
from ingest.work_log import WorkLog

# A picture in which nothing moves is looked at all the same this often: a violator whom no movement announced is then found so
# much later at most, because from the first look on the suspicion keeps the detector looking.
HEARTBEAT_LOOK_S = 10.0


def open_reader(
    camera: CameraConfig, password: str | None, preroll_bytes: int = PREROLL_BYTES, device: str | None = None,
    on_picture: Callable[[], None] | None = None, gate: Gate | None = None,
) -> CameraReader:
    """The reader of a camera, not yet started. Nothing about the camera can make this fail: the reader tells its faults.

    `preroll_bytes`: how much of its stream is kept in memory at most. `device`: what decodes it, if it can, instead of
    the processor. `on_picture` is called for each picture that can be taken, by a thread of the reader. `gate`: is asked before
    a camera is.
    """
    work, clock, door = WorkLog(), ClockRecord(), _door(camera, password, gate)

    def make_source() -> AvSource:
        try:
            address = parse_address(camera.url, camera.username, password)
        except BadAddress as error:
            raise SourceError(StreamFault.BAD_URL, str(error)) from None
        decoding = Decoding(interval_s=camera.interval_s)
        return open_source(
            address, transport=camera.transport, decoding=decoding, on_decode=on_decode, preroll=PreRoll(preroll_bytes),
            device=device, clock=clock, on_open=None if door is None else partial(door.tell, "in"),
        )

    def on_decode(packet: int, alone: bool) -> None:
        work.decoded(camera.id, packet, alone=alone)

    return CameraReader(
        f"{camera.name} ({camera.id})", make_source, on_drop=lambda: work.dropped(camera.id), on_picture=on_picture,
        camera_id=camera.id, door=door,
    )


def _door(camera: CameraConfig, password: str | None, gate: Gate | None) -> Door | None:
    """None where nothing can be locked."""
    try:
        address = parse_address(camera.url, camera.username, password)
    except BadAddress:
        return None
    if gate is None or address.kind != "rtsp":
        return None
    login = repr((address.host, address.port, address.username, address.password))
    return Door(gate, hashlib.sha256(login.encode()).hexdigest(), camera.id)


@dataclass(frozen=True)
class Login:
    """A camera's password, in memory only; None where it needs none."""

    password: str | None = field(repr=False)

    @classmethod
    def open(cls, camera: CameraConfig, key: X25519PrivateKey) -> Self:
        """Raises CredentialError."""
        sealed = camera.password_sealed
        return cls(None if sealed is None else open_credential(key, camera.id, sealed))


@dataclass
class Pending:
    """A camera of the list that is still to be set up, or changed, and when that is tried again if it fails."""

    camera: CameraConfig
    catalogue: Catalogue
    due_at: float = float("-inf")
    has_failed: bool = False
    backoff: Backoff = field(default_factory=Backoff)
    # What is not to be told again, once that is known.
    repeats: Future[list[Repeat]] | None = None


@dataclass
class Watched:
    config: CameraConfig
    login: Login | None  # None: its password cannot be opened
    catalogue_version: str
    reader: Reader | None  # None without a login
    tracker: Tracker
    rules: Rules
    # What the rules in force here ask of people: where no rule asks for gloves, no hand is read.
    asked: frozenset[AttributeName]
    gate: MotionGate = field(default_factory=MotionGate)
    # Camera time of the last look of the detector; how often one is needed now for a suspicion, and when at the latest.
    looked_s: float | None = None
    wanted_s: float | None = None
    wanted_at_s: float | None = None
    looks: int = 0
    stills: int = 0
    # What the last look failed with: told once, not once for each frame.
    failure: str | None = None
    show_at: float = float("-inf")

    def is_wanted(self, picture: Picture) -> bool:
        """Whether the detector has to look: something moves, somebody is suspected, or the last look is long ago."""
        luma = picture.luma()
        moved = luma is None or self.gate.moved(luma)
        since = self.looked_s
        due = since is None or not 0 <= picture.camera_time_s - since < HEARTBEAT_LOOK_S
        return moved or due or self.wanted_s is not None or self.failure is not None


def stream_of(camera: CameraConfig) -> tuple[object, ...]:
    """What a reader depends on; zone, hours and names may change under it."""
    return (camera.url, camera.username, camera.transport, camera.interval_s)
