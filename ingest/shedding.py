"""Load shedding: a box that is too small looks less often instead of growing a queue."""

import structlog

INTERVAL_S = 10.0
# Too small a box shows in pictures that give way to newer ones before anybody has looked. Then all sampling is lengthened by a
# quarter at a time; it comes back when even the shorter one would leave the detector a fifth of its time.
DROPPED, LEAST, STEP, MOST = 0.1, 3, 1.25, 10.0
RESTORE_BUSY = 0.8
log = structlog.get_logger(__name__)


class Shedding:
    """`stretch`: by how much the distance of looks is lengthened now; 1.0 as configured."""

    def __init__(self, now: float) -> None:
        self.stretch = 1.0
        # When it was last judged, and what had been counted by then.
        self._judged = (now, 0.0, 0, 0)

    def judge(self, now: float, look_s: float, pictures: int, dropped: int) -> bool:
        """True when `stretch` has changed.

        `now` in seconds; since the start: seconds of looking, pictures that came in, and those that nobody looked at.
        """
        at, looked_before_s, pictures_before, dropped_before = self._judged
        if now - at < INTERVAL_S:
            return False
        self._judged = (now, look_s, pictures, dropped)
        busy, came, lost = (look_s - looked_before_s) / (now - at), pictures - pictures_before, dropped - dropped_before
        stretch = self.stretch
        if lost >= LEAST and lost > DROPPED * came:
            stretch = min(MOST, stretch * STEP)
        elif stretch > 1.0 and busy * STEP < RESTORE_BUSY and lost == 0:
            stretch = 1.0 if stretch / STEP < 1.01 else stretch / STEP
        if stretch == self.stretch:
            return False
        self.stretch = stretch
        log.info("sampling_changed", stretch=round(stretch, 2), dropped=lost, pictures=came, busy=round(busy, 2))
        return True
