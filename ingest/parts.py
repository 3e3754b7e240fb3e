"""What the fleet works with, as the fleet sees it: in a worker process some of it stands for what lives in the edge's own."""

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from datetime import datetime
from typing import Protocol

import numpy as np
import numpy.typing as npt

from contract.cameras import CameraConfig
from contract.catalogue import Catalogue
from contract.edges import StreamFault
from contract.evidence import Manifest, ModelVersion
from detector.observation import AttributeName, Observation
from detector.violation import Repeat, Violation
from ingest.camera_state import ReaderState
from ingest.findings import Sight
from ingest.frames import Frame, Picture, Still
from ingest.preroll import Gathering


class Reader(Protocol):
    """Of `ingest.reader.CameraReader`."""

    def start(self) -> None: ...
    def stop(self, timeout_s: float) -> None: ...
    def take(
        self, timeout_s: float = 0.0, max_age_s: float | None = None, *, wanted: Callable[[Picture], bool]
    ) -> Frame | Still | None: ...
    def want(self, interval_s: float | None, at_s: float | None) -> None: ...
    def stretch(self, factor: float) -> None: ...
    def state(self) -> ReaderState: ...


class Keeper(Protocol):
    """Of `ingest.recorder.Recorder`, which may be busy, or wait for a disk that hangs: nobody waits for it."""

    def repeats(self, camera_id: str, catalogue: Catalogue, now: datetime) -> Future[list[Repeat]]: ...
    def record(self, camera: CameraConfig, catalogue_version: str, sight: Sight, violation: Violation) -> Future[Manifest]: ...
    def try_out(self, camera_id: str) -> Future[None]: ...


class Clips(Protocol):
    """Of `ingest.cutting.Cutter`."""

    refused: tuple[str, OSError] | None

    def add(self, manifest: Manifest, gathering: Gathering | None) -> None: ...


class Book(Protocol):
    """Of `ingest.minutes.MinuteBook`."""

    def looked(self, camera_id: str, width: int, height: int) -> None: ...
    def still(self, camera_id: str) -> None: ...
    def state(self, camera_id: str, fault: StreamFault | None) -> None: ...


class Looker(Protocol):
    """The detector, as far as the edge needs it."""

    @property
    def models(self) -> list[ModelVersion]: ...

    def look(
        self, images: Sequence[npt.NDArray[np.uint8]], asked: Sequence[Collection[AttributeName]] | None = None
    ) -> list[Observation]: ...


class Rules(Protocol):
    def update(
        self, observation: Observation, time_s: float, wall_time: datetime, clock_off_s: float
    ) -> list[Violation]: ...
    def committed(self, violation: Violation) -> None: ...
    def refused(self, violation: Violation) -> None: ...
    def wanted_interval_s(self, time_s: float) -> float | None: ...
    def wanted_at_s(self, time_s: float) -> float | None: ...


OpenReader = Callable[[CameraConfig, str | None], Reader]
MakeRules = Callable[[CameraConfig, Catalogue, list[Repeat]], Rules]
