"""The time of pictures, from the stamps that a camera puts on them."""

import time
from collections.abc import Callable

# A leap of the camera's clock beyond the time that really went by: it was set, or the stream began anew.
MAX_LEAP_S = 10.0
# Stamps that run back by less are out of order (B frames from a file that has only coding times), not a new beginning.
DISORDER_S = 1.0


class Timeline:
    """The camera's clock, from 0 on, without gaps that never were: it does not run back, and leaps only with real time."""

    def __init__(self, *, live: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._live = live
        self._clock = clock
        self._shift_s: float | None = None
        self._last_s = 0.0
        self._last_arrival = 0.0

    def expected(self, stamp_s: float | None) -> float:
        """What `at` would say unless the camera's clock leaps."""
        return self._last_s if stamp_s is None or self._shift_s is None else stamp_s + self._shift_s

    def at(self, stamp_s: float | None) -> float:
        """The time of a picture that has arrived now and carries this stamp (None: it carries none)."""
        arrival = self._clock()
        passed = arrival - self._last_arrival
        if self._shift_s is None:
            # FFmpeg counts an RTSP stream from its first packet, and leaves just that one without a stamp.
            now_s, self._shift_s = 0.0, -(stamp_s or 0.0)
        elif stamp_s is None:
            now_s = self._last_s + passed
        else:
            now_s = stamp_s + self._shift_s
            step = now_s - self._last_s
            if -DISORDER_S < step < 0:
                now_s = self._last_s
            elif step < 0 or (self._live and step > passed + MAX_LEAP_S):
                now_s = self._last_s + passed
                self._shift_s = now_s - stamp_s
        self._last_s, self._last_arrival = now_s, arrival
        return now_s
