"""The time of pictures, from the stamps that a camera puts on them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from av.packet import Packet
from av.video.stream import VideoStream

# A leap of the camera's clock beyond the time that really went by: it was set, or the stream began anew.
MAX_LEAP_S = 10.0
# Stamps that run back by less are out of order (B frames from a file that has only coding times), not a new beginning.
DISORDER_S = 1.0
# Some cameras' stamps stand still, count another unit than the stream says, or go on as in daylight while at night half as many
# pictures come. One that is off by more than `WRONG` twice in a row, over so long each, has no clock: a line that stood still for
# a moment, or a clock that was set, is off once.
JUDGED_S, WRONG = 10.0, 1.5
# Nor is a camera judged over a time of which its reader waited less than this share for packets: a box that is too slow finds old
# ones in the socket, so that their stamps seem to go slower than time, and faster once it catches up.
WAITED = 0.25
log = structlog.get_logger(__name__)


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


@dataclass
class ClockRecord:
    """What a connection to a camera leaves to the next one: whether its stamps were off when last judged, and whether they are to
    be replaced."""

    was_off: bool | None = None
    is_useless: bool = False


class Stamps:
    """Whether the stamps of one connection to a camera go as time does. Of one that has no clock, packets get the time at which
    they came in instead, from where that shows to the end, and from the beginning of the next connection: else its rules would
    hold for seconds or for hours. A camera whose clock goes again is believed from the next connection on."""

    def __init__(
        self, camera: str, record: ClockRecord | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._record = record or ClockRecord()
        self.are_useless = self._record.is_useless
        self._camera = camera
        self._clock = clock
        # Arrival (s) and stamp of the key frame from which on is judged, and of the packet from which on stamps are replaced.
        self._judged: tuple[float, int] | None = None
        self._replaced: tuple[float, int] | None = None
        self._waited_s = 0.0

    def waited(self, seconds: float) -> None:
        """Nothing had come in for so long."""
        self._waited_s += seconds

    def see(self, packet: Packet[VideoStream]) -> None:
        """Each key frame, and each packet once they `are_useless`."""
        now, stamp = self._clock(), packet.dts if packet.dts is not None else packet.pts
        if packet.is_keyframe and stamp is not None:
            self._judge(now, stamp, float(packet.time_base))
        if self.are_useless:
            self._replaced = self._replaced or (now, stamp or 0)
            packet.pts = packet.dts = self._replaced[1] + round((now - self._replaced[0]) / packet.time_base)

    def _judge(self, now: float, stamp: int, tick_s: float) -> None:
        if self._judged is None:
            self._judged, self._waited_s = (now, stamp), 0.0
        passed_s, told_s = now - self._judged[0], (stamp - self._judged[1]) * tick_s
        if passed_s < JUDGED_S:
            return
        is_off = None if self._waited_s <= WAITED * passed_s else not passed_s / WRONG <= told_s <= passed_s * WRONG
        if is_off is not None and is_off == self._record.was_off:
            self._record.is_useless = is_off
        if self._record.is_useless and not self.are_useless:
            self.are_useless = True
            log.warning(
                "camera_has_no_clock", camera=self._camera, told_s=round(told_s, 1), passed_s=round(passed_s, 1),
                words="The camera's time stamps do not go as time does; its pictures are timed as they come in. "
                "摄像头的时间戳快慢不准，改按画面到达的时间计时。",
            )
        self._judged, self._waited_s, self._record.was_off = (now, stamp), 0.0, is_off
