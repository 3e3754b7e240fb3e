"""From coded packets to pictures with times: which ones are decoded, and which are thrown away as damaged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

import av
from av.codec.context import CodecContext
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from ingest.timeline import MAX_LEAP_S, Timeline

# The share of an interval by which a picture may come early: cameras stamp a "one second" key frame at 0.98 s.
EARLY = 0.05
# Cameras come with a key frame every 1 to 2 s. With fewer than one in 3 s the short rules (smoking) would wait too long for
# the three looks that they need.
MAX_KEY_GAP_S = 3.0
# What a camera may spend on bursts: a tenth of its time, saved up for no more than the suspicion of one cigarette needs
# (16 s, the longest spell of that rule). Full decoding costs eight times as much as key frames alone.
BURST_SHARE = 0.1
BURST_MOST_S = 16.0
SAME_TIME_S = 1e-6  # rounding of time stamps
# Of the usual distance: one that was lost on the way is not yet a camera that sends fewer.
OVERDUE = 2.5
# Coded pictures that are held since the last key frame: `MAX_KEY_GAP_S` of a camera with a hundred a second.
MOST_HELD = 300
# Key frames in a row that gave no picture although nothing is wrong with them: with intra refresh, which comes in stripes over
# many pictures, those with which one can begin do not stand alone.
MOST_BARREN = 2
# Of what cameras send in these, a new decoder is told the header and no more; a file may also say that it was filmed sideways.
# A flushed decoder keeps the memory of all the pictures that it ever held at once. At 1080p that is 4 MB after single ones, and
# making another for each would cost 8 % of decoding a key frame (2.4 of 30 ms). After a burst it is up to 20 MB: another is made.
MADE_ANEW = frozenset({("rtsp", "h264"), ("rtsp", "hevc")})
# 8K, and no centre takes more: 50 MB decoded, 100 as BGR. A camera gone wrong, or whatever has its address, may claim 16,384 x
# 16,384 in some kilobytes; without a bound the worker would be killed for its memory, again and again, with all its cameras.
MOST_PIXELS = 7680 * 4320
BOUNDED = {"max_pixels": str(MOST_PIXELS)}


@dataclass(frozen=True, slots=True)
class Decoding:
    """What to decode.

    Attributes:
        keyframes_only: pictures that stand alone, and no other: a tenth of the cost.
        interval_s: the wanted distance of pictures in camera time; 0 takes every one.
        max_key_gap_s: a stream whose key frames are further apart than this is decoded in full after all, from where the next
            one fails to come: with "smart codecs" that may be never. None: it is not.
    """

    keyframes_only: bool = True
    interval_s: float = 0.0
    max_key_gap_s: float | None = MAX_KEY_GAP_S


class Decoder:
    """Decodes the wanted pictures of one stream."""

    def __init__(
        self, stream: VideoStream, decoding: Decoding, timeline: Timeline, on_decode: Callable[[bool, int], None] | None = None
    ) -> None:
        """`on_decode` is called for each packet that is decoded: whether with nothing before or after it, and how many came in
        after it."""
        self.damaged = 0
        self._on_decode = on_decode
        # By how much the distance of pictures is lengthened, because the box is too small; set by another thread.
        self.stretch = 1.0
        self._stream = stream
        self._decoding = decoding
        self._timeline = timeline
        # In which all packets of the stream count time, as integers: fractions would be most of the work for a packet.
        base = stream.time_base
        self._base = (base.numerator, base.denominator) if base else None
        own = stream.codec_context
        own.thread_count, own.options = 1, own.options | BOUNDED
        coded = (stream.container.format.name, own.codec.canonical_name)
        self._is_made_anew = coded in MADE_ANEW and not own.is_hwaccel
        self._context: VideoCodecContext | None = None
        self._due_s = float("-inf")
        self._last_key_s: float | None = None
        self._wanted_s: float | None = None
        # When a picture is wanted besides, the last such time that was served, and whether everything is decoded for it now.
        self._wanted_at_s: float | None = None
        self._served_s = float("-inf")
        self._approaching = False
        self._key_gap_s: float | None = None
        self._everything = not decoding.keyframes_only
        self._barren = 0
        self._burst_s: float | None = None
        self._budget_s, self._budget_at = BURST_MOST_S, 0.0
        self._needs_keyframe = True
        # What came since the last key frame, as long as not everything is decoded.
        self._held: list[Packet[VideoStream]] = []

    def want(self, interval_s: float | None, at_s: float | None = None) -> None:
        """Something needs a picture this often, in camera time, for as long as this is said; None: nothing does any more.

        Where key frames come less often, everything is decoded from the next one on, until the budget is spent. For a picture at
        the time `at_s`, everything is decoded from the last key frame before it until it is there. May be called by another
        thread.
        """
        self._wanted_s, self._wanted_at_s = interval_s, at_s

    def decode(self, packet: Packet[VideoStream]) -> Iterator[tuple[av.VideoFrame, float]]:
        """The wanted pictures that this packet completes, with their camera time in seconds."""
        now_s = self._coding_s(packet)
        if packet.size and packet.is_keyframe:
            self._watch_key_gap(now_s)
        self._watch_burst(packet, now_s)
        if self._is_key_overdue(packet, now_s):
            self._catch_up()
        if not self._everything and self._burst_s is None:
            yield from self._decode_towards(packet) if self._approaches(packet) else self._decode_alone(packet)
            return
        if packet.is_keyframe:
            self._needs_keyframe = False
        if self._needs_keyframe and packet.size:
            return
        for frame in self._frames(packet):
            camera_time_s = self._timeline.at(_seconds(frame.pts, frame.time_base or packet.time_base))
            if self._is_due(camera_time_s):
                yield frame, camera_time_s

    def end(self) -> None:
        """Nothing more comes. What it holds goes back now: a source and its decoder refer to each other, and would keep megabytes
        until the garbage collector comes by, with each connection anew."""
        self._context = None
        self._held.clear()

    def _decode_towards(self, packet: Packet[VideoStream]) -> Iterator[tuple[av.VideoFrame, float]]:
        """Of everything that is decoded, the key frame and the picture that is wanted at its time."""
        for frame in self._frames(packet):
            camera_time_s = self._timeline.at(_seconds(frame.pts, frame.time_base or packet.time_base))
            if (frame.key_frame or self._is_awaited(camera_time_s)) and self._is_due(camera_time_s):
                yield frame, camera_time_s

    def _approaches(self, packet: Packet[VideoStream]) -> bool:
        """Whether a picture is wanted between this key frame and the next; a packet in between goes on as its key frame began."""
        begun, at_s, gap_s = self._approaching, self._awaited_s, self._key_gap_s
        if packet.size and packet.is_keyframe:
            left_s = 0.0 if at_s is None else at_s - self._timeline.expected(_seconds(packet.pts, packet.time_base))
            self._approaching = (
                gap_s is not None and EARLY * gap_s < left_s < (1 - EARLY) * gap_s and self._budget_s >= left_s
            )
            self._needs_keyframe = self._needs_keyframe and not self._approaching
        elif at_s is None or self._needs_keyframe:
            self._approaching = False
        if begun and not self._approaching:
            self._forget()
        return self._approaching

    @property
    def rest_s(self) -> float:
        """How long nothing need be decoded: no two pictures that are wanted may come out of one rest, or the first would give way
        to the second."""
        return 0.0 if self._approaching else self._interval_s / 2

    @property
    def _awaited_s(self) -> float | None:
        """The time at which a picture is wanted besides, until there is one."""
        at_s = self._wanted_at_s
        return None if at_s is None or at_s <= self._served_s else at_s

    def _is_awaited(self, camera_time_s: float) -> bool:
        at_s = self._awaited_s
        return at_s is not None and at_s <= camera_time_s + SAME_TIME_S

    def _decode_alone(self, packet: Packet[VideoStream]) -> Iterator[tuple[av.VideoFrame, float]]:
        if not packet.size or not packet.is_keyframe:
            return
        camera_time_s = self._timeline.at(_seconds(packet.pts, packet.time_base))
        if not self._is_due(camera_time_s):
            return
        damaged, frames = self.damaged, self._frames(packet, alone=True)
        if frames:
            self._barren = 0
            yield frames[-1], camera_time_s
            return
        self._due_s = float("-inf")
        if self.damaged == damaged:
            self._barren += 1

    def _is_key_overdue(self, packet: Packet[VideoStream], now_s: float | None) -> bool:
        """Whether the next key frame fails to come; until it does, what comes is held."""
        limit, last_s = self._decoding.max_key_gap_s, self._last_key_s
        if packet.is_keyframe or self._everything or limit is None or len(self._held) >= MOST_HELD:
            self._held.clear()
        if self._everything or limit is None or not packet.size or not (packet.is_keyframe or self._held):
            return False
        self._held.append(packet)
        limit = max(limit, OVERDUE * (self._key_gap_s or 0.0))
        return last_s is not None and now_s is not None and now_s - last_s > limit

    def _catch_up(self) -> None:
        """Everything is decoded from now on; what came since the last key frame too, because the next picture builds on it."""
        if self._burst_s is None and not self._approaching:
            self._needs_keyframe = False
            *before, _ = self._held
            for number, packet in enumerate(before):
                if not self._needs_keyframe:
                    self._frames(packet, ago=len(before) - number)
        self._everything, self._burst_s, self._approaching = True, None, False
        self._held.clear()

    def _frames(self, packet: Packet[VideoStream], *, alone: bool = False, ago: int = 0) -> list[av.VideoFrame]:
        """The sound pictures that this packet completes."""
        if packet.is_corrupt:
            self._damage()
            return []
        if self._on_decode is not None and packet.size:
            self._on_decode(alone, ago)
        context = self._context = self._context or self._made()
        try:
            frames = context.decode(packet if packet.size else None)
            if alone:
                # Draining gives the picture at once; a stream with B frames would hold it back for a key frame or two.
                frames += context.decode(None)
                context.flush_buffers()
        except av.FFmpegError:
            self._damage()
            return []
        # FFmpeg flags a picture with a guessed part; in H.264 it notices nearly all of them, in H.265 hardly one.
        sound = [frame for frame in frames if not frame.is_corrupt]
        if len(sound) < len(frames):
            self._damage(len(frames) - len(sound))
        return sound

    def _coding_s(self, packet: Packet[VideoStream]) -> float | None:
        stamp = packet.dts if packet.dts is not None else packet.pts
        if stamp is None or self._base is None:
            return None
        numerator, denominator = self._base
        return stamp * numerator / denominator

    def _damage(self, pictures: int = 1) -> None:
        self.damaged += pictures
        # Until the next key frame every picture would be built on the damaged one.
        self._needs_keyframe = True
        self._forget()

    def _made(self) -> VideoCodecContext:
        own = self._stream.codec_context
        if not self._is_made_anew:
            return own
        made = cast(VideoCodecContext, CodecContext.create(own.codec.name, "r"))
        made.extradata, made.thread_count, made.options = own.extradata, 1, dict(BOUNDED)
        return made

    def _forget(self) -> None:
        """What was decoded so far is no ground for what comes."""
        if not self._is_made_anew and self._context is not None and self._context.is_open:
            self._context.flush_buffers()
        self._context = None

    def _watch_key_gap(self, key_s: float | None) -> None:
        if key_s is None and self._last_key_s is None:
            key_s = 0.0  # FFmpeg counts an RTSP stream from its first packet, and leaves just that one without a stamp
        limit = self._decoding.max_key_gap_s
        if key_s is None or limit is None or not self._decoding.keyframes_only:
            return
        if self._last_key_s is not None and key_s > self._last_key_s:
            self._key_gap_s = key_s - self._last_key_s
            everything = self._key_gap_s > limit or self._barren >= MOST_BARREN
            if self._everything and not everything:
                self._forget()
            self._everything = everything
        self._last_key_s = key_s

    def _watch_burst(self, packet: Packet[VideoStream], now_s: float | None) -> None:
        """Begins a burst at a key frame, and ends it wherever it is no longer wanted or the budget is spent."""
        wanted_s = self._wanted_s
        if now_s is not None:
            passed_s = min(max(0.0, now_s - self._budget_at), MAX_LEAP_S)
            self._budget_at = now_s
            spent_s = passed_s if self._burst_s is not None or self._approaching else 0.0
            self._budget_s = min(BURST_MOST_S, self._budget_s + BURST_SHARE * passed_s - spent_s)
        # Not for one key frame that comes early, as where the scene changes: only once pictures are wanted less often.
        relaxed = self._burst_s is not None and (wanted_s is None or wanted_s > self._burst_s) and not self._is_too_rare(wanted_s)
        if self._burst_s is not None and (relaxed or self._budget_s <= 0 or self._everything):
            self._burst_s = None
            if not self._everything:
                self._forget()
        elif self._burst_s is None and packet.is_keyframe and self._is_burst_due(wanted_s):
            self._burst_s = wanted_s
            self._due_s = float("-inf")

    def _is_burst_due(self, wanted_s: float | None) -> bool:
        # One that would have to end before it has told anything is not begun.
        return wanted_s is not None and self._is_too_rare(wanted_s) and self._budget_s >= 2 * wanted_s

    def _is_too_rare(self, wanted_s: float | None) -> bool:
        """Whether key frames alone come less often than a picture is wanted; where everything is decoded anyway, never."""
        if wanted_s is None or self._key_gap_s is None or self._everything:
            return False
        return self._key_gap_s > wanted_s * (1 + EARLY)

    @property
    def _interval_s(self) -> float:
        """The distance of the pictures that are wanted now; where somebody is suspected, twice as often as needed: of the looks,
        half may be unsure."""
        wanted_s = self._wanted_s
        if self._burst_s is not None:
            return self._burst_s / 2
        if wanted_s is not None and self._everything:
            return min(self._decoding.interval_s, wanted_s / 2)
        return self._decoding.interval_s

    def _is_due(self, camera_time_s: float) -> bool:
        if self._is_awaited(camera_time_s):
            self._served_s = camera_time_s + SAME_TIME_S
            return True
        interval_s = self._interval_s
        if self.stretch > 1.0:
            # Of key frames that come less often than wanted, some must be left out too.
            natural_s = 0.0 if self._everything or self._key_gap_s is None else self._key_gap_s
            interval_s = max(interval_s, natural_s) * self.stretch
        if camera_time_s < self._due_s - EARLY * interval_s:
            return False
        on_grid = self._due_s + interval_s
        self._due_s = on_grid if camera_time_s < on_grid else camera_time_s + interval_s
        return True


def _seconds(stamp: int | None, time_base: object) -> float | None:
    return None if stamp is None or time_base is None else float(stamp * time_base)  # type: ignore[operator]
