"""Which worker reads which camera, and which camera none reads for a while, because it crashed its worker."""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from contract.cameras import CameraConfig
from ingest.backoff import Backoff

# A camera that crashes its worker costs that worker's other cameras some seconds each time. One crash may be chance; a stream
# that FFmpeg cannot bear is tried once an hour in the end, and at once when the camera is changed.
FIRST_ASIDE_S, LONGEST_ASIDE_S = 60.0, 3600.0
# One that was read for so long since is not in the same trouble again.
STEADY_S = 600.0


@dataclass
class _Aside:
    camera: CameraConfig
    backoff: Backoff = field(default_factory=lambda: Backoff(FIRST_ASIDE_S, LONGEST_ASIDE_S))
    until: float = 0.0
    crashes: int = 0


class Shares:
    """A new camera goes where the fewest are; a camera stays with its worker, but where one has two more than another because
    cameras were taken out. Not for several threads at once."""

    def __init__(self, most: int, timer: Callable[[], float] = time.monotonic) -> None:
        """`most` workers, no more than there are cameras."""
        self.workers = 0
        self._most = most
        self._timer = timer
        self._cameras: list[CameraConfig] = []
        self._worker: dict[str, int] = {}
        self._aside: dict[str, _Aside] = {}
        # At whose addresses another camera's device answers; none reads these.
        self.taken: set[str] = set()

    @property
    def cameras(self) -> list[CameraConfig]:
        return self._cameras

    def apply(self, cameras: list[CameraConfig]) -> set[str]:
        """Share out these. Returns those that are gone."""
        gone = self._worker.keys() - {camera.id for camera in cameras}
        for camera_id in gone:
            del self._worker[camera_id]
        # Of a camera that somebody has changed nothing is known yet.
        listed = {camera.id: camera for camera in cameras}
        self._aside = {
            camera_id: aside for camera_id, aside in self._aside.items()
            if camera_id in listed and listed[camera_id].is_same(aside.camera)
        }
        self.workers = max(self.workers, min(self._most, len(cameras)))
        for camera in cameras:
            if camera.id not in self._worker:
                self._worker[camera.id] = min(range(self.workers), key=self._count)
        while self._worker:
            fewest, most = (pick(range(self.workers), key=self._count) for pick in (min, max))
            if self._count(most) - self._count(fewest) < 2:
                break
            last = [camera_id for camera_id, worker in self._worker.items() if worker == most][-1]
            self._worker[last] = fewest
        self._cameras = cameras
        return gone

    def _count(self, worker: int) -> int:
        return list(self._worker.values()).count(worker)

    def of(self, worker: int, besides: Collection[str] = ()) -> list[CameraConfig]:
        """What it is to read now, but for `besides`."""
        now = self._timer()
        return [
            camera for camera in self._cameras
            if self._worker[camera.id] == worker and camera.id not in besides
            and camera.id not in self.taken and not self._is_aside(camera.id, now)
        ]

    def _is_aside(self, camera_id: str, now: float) -> bool:
        return camera_id in self._aside and now < self._aside[camera_id].until

    def set_aside(self, camera_id: str) -> tuple[CameraConfig, float] | None:
        """It has crashed its worker: nobody reads it for so many seconds, each time longer. None: it is not in the list."""
        camera = next((one for one in self._cameras if one.id == camera_id), None)
        if camera is None:
            return None
        now = self._timer()
        aside = self._aside.setdefault(camera_id, _Aside(camera))
        if now - aside.until > STEADY_S:
            aside.backoff.reset()
        pause_s = aside.backoff.pause_s()
        aside.until = now + pause_s
        aside.crashes += 1
        return camera, pause_s

    def crashes(self) -> dict[str, int]:
        """How often cameras crashed their worker, as they are now."""
        return {camera_id: aside.crashes for camera_id, aside in self._aside.items()}
