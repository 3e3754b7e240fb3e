"""Whether the disk answers: one that fails says so, one that hangs just does not come back."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from contract.edges import EdgeTrouble
from contract.faults import TROUBLE_TEXTS

# What it is to write is a megabyte or two at a time: seconds on a bad card. A disk that wakes up, or tries a bad sector again and
# again before it gives up on it, takes up to ten.
HANGS_S = 15.0
log = structlog.get_logger(__name__)


class Disk:
    """Any thread may ask it, and ask about it."""

    def __init__(self, timer: Callable[[], float] = time.monotonic) -> None:
        self._timer = timer
        self._asked: dict[object, float] = {}
        self._lock = threading.Lock()
        self._told = False

    @contextmanager
    def asked(self) -> Iterator[None]:
        """Something is written or read in here."""
        token = object()
        with self._lock:
            self._asked[token] = self._timer()
        try:
            yield
        finally:
            with self._lock:
                del self._asked[token]

    @property
    def waiting_s(self) -> float:
        """For how long the one that waits longest has waited."""
        with self._lock:
            since = min(self._asked.values(), default=None)
        return 0.0 if since is None else self._timer() - since

    @property
    def hangs(self) -> bool:
        return self.waiting_s > HANGS_S

    def tell(self) -> None:
        """Say it once when the disk hangs, and once when it answers again."""
        waiting_s = self.waiting_s
        if (waiting_s > HANGS_S) == self._told:
            return
        self._told = not self._told
        if self._told:
            text = TROUBLE_TEXTS[EdgeTrouble.DISK_HANGS]
            log.error("disk_hangs", seconds=round(waiting_s), words=f"{text.en} {text.zh}")
        else:
            log.info("disk_answers_again")
