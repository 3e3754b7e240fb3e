"""The latest picture of each camera, small and without faces, for the centre's wall of cameras. None is kept on the disk, and of
each camera one at most waits to be sent: a newer one takes its place."""

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import cv2
import numpy as np
import structlog

from contract.blur import Picture, hide_faces
from contract.edges import LATEST_SIDE_PX
from contract.evidence import MarkedBox
from ingest.backoff import Backoff
from ingest.centre import Centre, CentreFailed, CentreRefused, CentreUnavailable

# How often one of each camera is sent.
EVERY_S = 600.0
# With nothing to do the sender still looks this often, should a wake-up be missed.
IDLE_S = 60.0
LONGEST_WAIT_S = 300.0
# 20 to 60 kB for a kitchen.
_JPEG_QUALITY = 75
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Latest:
    camera_id: str
    taken_at: datetime
    jpeg: bytes


def shown(image: Picture, boxes: Sequence[MarkedBox]) -> bytes:
    """A small JPEG of `image`, which stays as it is; `boxes` are people and heads in pixels of it. Raises ValueError."""
    height, width = image.shape[:2]
    scale = min(1.0, LATEST_SIDE_PX / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8) if scale < 1 else image.copy()
    hide_faces(small, [_scaled(box, scale) for box in boxes])
    written, content = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    if not written:
        raise ValueError(f"A picture of {image.shape} could not be written as JPEG.")
    return content.tobytes()


def _scaled(box: MarkedBox, scale: float) -> MarkedBox:
    x1, y1, x2, y2 = box.box
    return box.model_copy(update={"box": (x1 * scale, y1 * scale, x2 * scale, y2 * scale)})


class LatestSender:
    """`step` sends what waits; `run` calls it in a thread of its own until `stop`, so that no evidence waits for a picture. What
    the centre does not want is let go: the next one comes in minutes."""

    def __init__(
        self, centre: Centre, *, timer: Callable[[], float] = time.monotonic, chance: Callable[[], float] = random.random
    ) -> None:
        self._centre = centre
        self._timer = timer
        self._pause = Backoff(limit_s=LONGEST_WAIT_S, chance=chance)
        self._paused_until = float("-inf")
        self._lock = threading.Lock()
        self._waiting: dict[str, Latest] = {}
        self._wake = threading.Event()
        self._stopped = False

    def offer(self, picture: Latest) -> None:
        with self._lock:
            self._waiting[picture.camera_id] = picture
        self._wake.set()

    def stop(self) -> None:
        self._stopped = True
        self._wake.set()

    def run(self) -> None:
        while not self._stopped:
            self._wake.wait(self.step())
            self._wake.clear()

    def step(self) -> float:
        """Returns the seconds until it is worth trying again."""
        while not self._stopped and self._timer() >= self._paused_until and (picture := self._take()) is not None:
            try:
                self._centre.show(picture.camera_id, picture.taken_at, picture.jpeg)
            except CentreUnavailable as error:
                self._give_back(picture)
                self._paused_until = self._timer() + max(self._pause.pause_s(), error.retry_after_s or 0.0)
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
