"""A part of the edge that sends to the centre in steps: each when the last one said, or sooner when there is something new; and
none for a while where the centre cannot be reached."""

import random
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable

from ingest.backoff import Backoff
from ingest.centre_errors import CentreUnavailable

FIRST_WAIT_S = 1.0
# A centre that is back after days is told within five minutes, without a crowd of edges asking every second until then.
LONGEST_WAIT_S = 300.0


class Steps(ABC):
    """`run` works in a thread of its own until `stop`."""

    def __init__(self, timer: Callable[[], float] = time.monotonic, chance: Callable[[], float] = random.random) -> None:
        self._timer = timer
        self._chance = chance
        self._pause = Backoff(FIRST_WAIT_S, LONGEST_WAIT_S, chance)
        self._paused_until = float("-inf")
        self._wake = threading.Event()
        self._stopped = False

    @abstractmethod
    def step(self) -> float:
        """All that is due. Returns the seconds until there is something to do."""

    def wake(self) -> None:
        """There is something new to send."""
        self._wake.set()

    def stop(self) -> None:
        self._stopped = True
        self._wake.set()

    def run(self) -> None:
        while not self._stopped:
            self._wake.wait(self.step())
            self._wake.clear()

    def _goes_on(self) -> bool:
        return not self._stopped and self._timer() >= self._paused_until

    def _pause_for(self, error: CentreUnavailable | None = None) -> None:
        self._paused_until = self._timer() + self._pause.pause_s(wish_s=None if error is None else error.retry_after_s)
