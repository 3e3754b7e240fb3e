"""The last seconds of a camera's own packets, and what is gathered of them around a violation. In memory, nothing is copied.

Packets are kept and dropped in whole groups: a key frame and what is built on it. There is a bound in bytes; what it costs a clip
is told with the clip.
"""

from __future__ import annotations

import io
import threading
import time
from collections import deque
from dataclasses import dataclass, field

import av
from av.packet import Packet
from av.video.stream import VideoStream

from contract.evidence import LARGEST_CLIP, ClipFlaw
from ingest.timeline import MAX_LEAP_S

# DOMAIN: from the key frame before -5 s to +10 s.
BEFORE_S, AFTER_S = 5.0, 10.0
# Violations whose moments are no farther apart share a clip, which so has 20 s at most, as DOMAIN says.
TOGETHER_S = 5.0
# From this share of the bytes on that may be kept, nothing that could be cut waits for more.
SHORT = 0.75
# With nothing to gather: a violation is told some seconds after its picture came in, later on a box that is too small.
KEPT_S = 10.0
# What a packet takes beside its content: FFmpeg's structures, padding, Python's object.
PACKET_BYTES = 512
# A stream that stands still breaks off after ten seconds; longer than that and the clip itself nothing is waited for.
LONGEST_S = AFTER_S + 15.0
CODECS = ("h264", "hevc")


class NoFootage(Exception):
    """There is nothing of the moment; `flaw` says why."""

    def __init__(self, flaw: ClipFlaw) -> None:
        super().__init__(flaw.value)
        self.flaw = flaw


@dataclass(frozen=True)
class Footage:
    """Packets as they came, from a key frame on. `template` is a stream with their parameters; `moment` is in their time base."""

    template: VideoStream
    packets: list[Packet[VideoStream]]
    moment: int
    begins_late: ClipFlaw | None
    ends_early: ClipFlaw | None


@dataclass
class _Group:
    start: int
    packets: list[Packet[VideoStream]] = field(default_factory=list)
    size: int = 0


class PreRoll:
    """Of one connection. One thread adds, any may gather.

    While a clip is gathered, nothing that it needs is dropped but for the bound, and its moment not even for that: then nothing
    more is taken in until the clip is cut.
    """

    def __init__(self, most_bytes: int) -> None:
        self.bytes = 0
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._template: VideoStream | None = None
        self._ticks = 0.0  # of the time base in a second
        self._groups: deque[_Group] = deque()
        self._gatherings: list[Gathering] = []
        self._last: int | None = None
        # Something was here and is no longer; nothing more is taken in.
        self._has_dropped = self._is_full = self._is_over = self._has_begun = False

    def begin(self, stream: VideoStream) -> None:
        """The parameters outlive the connection in an output that is never written."""
        if stream.codec_context.codec.canonical_name in CODECS and stream.time_base:
            self._template = av.open(io.BytesIO(), "w", format="mp4").add_stream_from_template(stream, opaque=True)
            self._ticks = float(1 / stream.time_base)

    def add(self, packet: Packet[VideoStream]) -> None:
        if self._template is None or not packet.size:
            return
        with self._lock:
            if packet.pts is None and not self._has_begun:
                packet.pts = 0  # FFmpeg counts an RTSP stream from its first packet, and leaves just that one without a stamp
            self._has_begun = True
            stamp = packet.pts
            if stamp is None or (self._last is not None and abs(stamp - self._last) > MAX_LEAP_S * self._ticks):
                self._break(ClipFlaw.STREAM)  # across a leap nobody could say where the moment is
            self._last = stamp
            if stamp is None or self._is_over or not self._make_room(packet.size + PACKET_BYTES):
                return
            if packet.is_keyframe:
                self._groups.append(_Group(stamp))
            elif not self._groups:
                return
            self._groups[-1].packets.append(packet)
            self._groups[-1].size += packet.size + PACKET_BYTES
            self.bytes += packet.size + PACKET_BYTES
            for gathering in self._gatherings:
                gathering.is_whole = gathering.is_whole or stamp >= gathering.moment + AFTER_S * self._ticks
            if packet.is_keyframe:
                self._drop_old(stamp)

    def end(self, flaw: ClipFlaw) -> None:
        """Nothing more will come."""
        with self._lock:
            self._is_over = True
            for gathering in self._gatherings:
                gathering.close(flaw)
            if not self._gatherings:
                self._clear()

    def gather(self, moment: int | None) -> Gathering:
        """Of the picture with this stamp."""
        with self._lock:
            gathering = Gathering(self, -1 if moment is None else moment)
            if moment is None or self._template is None:
                gathering.missing = ClipFlaw.FORMAT
            elif not self._groups or self._groups[0].start > moment:
                gathering.missing = ClipFlaw.MEMORY if self._has_dropped or self._is_full else ClipFlaw.STREAM
            else:
                gathering.is_whole = self._last is not None and self._last >= moment + AFTER_S * self._ticks
                if self._is_over or self._is_full:
                    gathering.close(ClipFlaw.STREAM if self._is_over else ClipFlaw.MEMORY)
                self._gatherings.append(gathering)
            return gathering

    def footage(self, gathering: Gathering) -> Footage:
        """Raises NoFootage."""
        with self._lock:
            groups, moment = list(self._groups), gathering.moment
            if gathering.missing is not None or self._template is None or not groups or groups[0].start > moment:
                raise NoFootage(gathering.missing or ClipFlaw.MEMORY)
            wanted = moment - BEFORE_S * self._ticks
            begins_late = None
            if groups[0].start > wanted:
                begins_late = ClipFlaw.MEMORY if self._has_dropped else ClipFlaw.STREAM
            while len(groups) > 1 and groups[1].start <= wanted:
                del groups[0]
            packets: list[Packet[VideoStream]] = []
            for packet in (packet for group in groups for packet in group.packets):
                if packet.pts is None or packet.pts >= moment + AFTER_S * self._ticks:
                    break
                if packet.pts >= groups[0].start:  # what is shown before its key frame builds on the group before
                    packets.append(packet)
            ends_early = None if gathering.is_whole else gathering.ends_early or ClipFlaw.STREAM
            return Footage(self._template, packets, moment, begins_late, ends_early)

    @property
    def is_short(self) -> bool:
        """Whether waiting would soon cost a clip its beginning."""
        return self.bytes > SHORT * self._most_bytes

    def is_one_clip(self, first: int, moment: int) -> bool:
        """Whether two moments are so near to each other that one clip shows both. Where more may be kept than a centre takes, the
        longer clip could be too large: each has its own."""
        return self._most_bytes <= LARGEST_CLIP and 0 <= moment - first <= TOGETHER_S * self._ticks

    def release(self, gathering: Gathering) -> None:
        """Nothing is kept for it any more."""
        with self._lock:
            if gathering in self._gatherings:
                self._gatherings.remove(gathering)
            if not self._gatherings and (self._is_full or self._is_over):
                self._is_full = False
                self._clear()

    def _make_room(self, size: int) -> bool:
        while not self._is_full and self._groups and self.bytes + size > self._most_bytes:
            following = self._groups[1].start if len(self._groups) > 1 else None
            if any(following is None or gathering.moment < following for gathering in self._gatherings):
                self._is_full = True
                for gathering in self._gatherings:
                    gathering.close(ClipFlaw.MEMORY)
            else:
                self._drop()
        return not self._is_full and size <= self._most_bytes

    def _drop_old(self, now: int) -> None:
        needed = [gathering.moment - BEFORE_S * self._ticks for gathering in self._gatherings]
        oldest = min([now - KEPT_S * self._ticks, *needed])
        while len(self._groups) > 1 and self._groups[1].start <= oldest:
            self._drop()

    def _drop(self) -> None:
        self.bytes -= self._groups.popleft().size
        self._has_dropped = True

    def _break(self, flaw: ClipFlaw) -> None:
        """What is gathered is cut of what is here; the rest begins anew at the next key frame."""
        if self._gatherings:
            self._is_full = True
            for gathering in self._gatherings:
                gathering.close(flaw)
        else:
            self._clear()

    def _clear(self) -> None:
        self._groups.clear()
        self.bytes = 0
        self._has_dropped = False


@dataclass(eq=False)
class Gathering:
    """A clip that is being gathered: to be cut once it `is_ready`, then to be released."""

    preroll: PreRoll
    moment: int
    is_whole: bool = False
    ends_early: ClipFlaw | None = None
    missing: ClipFlaw | None = None
    until: float = field(default_factory=lambda: time.monotonic() + LONGEST_S)

    @property
    def is_ready(self) -> bool:
        return self.is_whole or self.ends_early is not None or self.missing is not None or time.monotonic() > self.until

    def close(self, flaw: ClipFlaw) -> None:
        """As far as it has come."""
        if not self.is_whole:
            self.ends_early = self.ends_early or flaw

    def footage(self) -> Footage:
        """Raises NoFootage."""
        return self.preroll.footage(self)

    def is_with(self, first: Gathering) -> bool:
        """Whether one clip is enough for both."""
        return self.preroll is first.preroll and self.preroll.is_one_clip(first.moment, self.moment)

    def release(self) -> None:
        self.preroll.release(self)


@dataclass(frozen=True)
class Moment:
    """Where a picture is in the stream that it came from; `stamp` in the stream's time base."""

    preroll: PreRoll
    stamp: int | None

    def gather(self) -> Gathering:
        return self.preroll.gather(self.stamp)
