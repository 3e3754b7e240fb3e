"""Sending the latest picture of each camera, for the centre's wall of cameras. None is kept on the disk, and of each camera one
at most waits to be sent: a newer one takes its place."""

import random
import threading
import time
from collections.abc import Callable

import structlog

from ingest.centre import Centre
from ingest.centre_errors import CentreFailed, CentreRefused, CentreUnavailable
from ingest.findings import Latest
from ingest.steps import Steps

# With nothing to do the sender still looks this often, should a wake-up be missed.
IDLE_S = 60.0
log = structlog.get_logger(__name__)


class LatestSender(Steps):
    """In a thread of its own, so that no evidence waits for a picture. What the centre does not want is let go: the next one
    comes in minutes."""

    def __init__(
        self, centre: Centre, *, timer: Callable[[], float] = time.monotonic, chance: Callable[[], float] = random.random
    ) -> None:
        super().__init__(timer, chance)
        self._centre = centre
        self._lock = threading.Lock()
        self._waiting: dict[str, Latest] = {}

    def offer(self, picture: Latest) -> None:
        with self._lock:
            self._waiting[picture.camera_id] = picture
        self.wake()

    def step(self) -> float:
        while self._goes_on() and (picture := self._take()) is not None:
            try:
                self._centre.show(picture.camera_id, picture.taken_at, picture.jpeg)
            except CentreUnavailable as error:
                self._give_back(picture)
                self._pause_for(error)
                continue
            except (CentreRefused, CentreFailed) as error:
                log.warning("latest_picture_refused", camera=picture.camera_id, reason=str(error))
            self._pause.reset()
        return max(0.0, self._paused_until - self._timer()) or IDLE_S

    def _take(self) -> Latest | None:
        with self._lock:
            return self._waiting.pop(next(iter(self._waiting)), None) if self._waiting else None

    def _give_back(self, picture: Latest) -> None:
        with self._lock:
            self._waiting.setdefault(picture.camera_id, picture)
