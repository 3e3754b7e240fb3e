"""Where pictures come from: cameras over RTSP, webcams and files, all read with PyAV.

By default only key frames are decoded, which costs a tenth of decoding everything; see `Decoding`.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from contract.edges import StreamFault
from contract.evidence import ClipFlaw
from ingest.address import CameraAddress
from ingest.camera_state import StreamInfo
from ingest.decoding import MOST_PIXELS, Decoder, Decoding
from ingest.errors import SourceError, classify, describe
from ingest.frames import Picture
from ingest.opening import OPEN_TIMEOUT_S, READ_TIMEOUT_S, Opening
from ingest.preroll import Moment, PreRoll
from ingest.timeline import MAX_LEAP_S, ClockRecord, Stamps, Timeline

# The longest time without a picture. "Smart" codecs stretch the distance of key frames to ten seconds and more.
PICTURE_TIMEOUT_S = 40.0
# What a file may lack of the length that it claims: containers round, and the last picture is shown for a while.
CUT_OFF_S = 2.0
# Having waited for a packet as long as this, a reader has read all that there was, and rests; what comes meanwhile is read in one
# go. 25 times a second awake, each time with its code gone from the processor's caches, a camera costs a twelfth more. Over TCP
# nothing is lost: the kernel holds what comes, and the camera what is more than that. A picture is seen so much later at most.
CAUGHT_UP_S, REST_S = 0.005, 0.2
# Else FFmpeg watches a stream for seconds, only to learn its frame rate; and it would fetch the sound.
_RTSP = {"fpsprobesize": "0", "allowed_media_types": "video"}


class AvSource:
    """A source that FFmpeg reads. Make it with `open_source`, `camera_source` or `file_source`."""

    def __init__(
        self,
        opening: Opening,
        *,
        decoding: Decoding | None = None,
        realtime: bool = False,
        picture_timeout_s: float = PICTURE_TIMEOUT_S,
        on_decode: Callable[[int, bool], None] | None = None,
        preroll: PreRoll | None = None,
        clock: ClockRecord | None = None,
        on_open: Callable[[], None] | None = None,
    ) -> None:
        self.live = opening.live
        self.info: StreamInfo | None = None
        self.packets = 0
        self._decoder: Decoder | None = None
        self._wanted: tuple[float | None, float | None] = (None, None)
        self._stretch = 1.0
        self._opening = opening
        self._decoding = decoding or Decoding()
        self._realtime = realtime
        self._on_decode = on_decode
        self._on_open = on_open
        self._preroll = preroll
        self._clock = clock
        self._picture_timeout_s = max(picture_timeout_s, 3 * self._decoding.interval_s)
        self._stopped = threading.Event()

    def __repr__(self) -> str:
        return f"AvSource({self._opening.shown})"

    @property
    def damaged(self) -> int:
        return self._decoder.damaged if self._decoder else 0

    @property
    def kept_bytes(self) -> int:
        return self._preroll.bytes if self._preroll else 0

    def stop(self) -> None:
        self._stopped.set()
        if self._preroll is not None:
            self._preroll.end(ClipFlaw.STREAM)

    def want(self, interval_s: float | None, at_s: float | None = None) -> None:
        self._wanted = (interval_s, at_s)
        if self._decoder is not None:
            self._decoder.want(interval_s, at_s)

    def stretch(self, factor: float) -> None:
        self._stretch = factor
        if self._decoder is not None:
            self._decoder.stretch = factor

    def pictures(self) -> Generator[Picture, None, None]:
        container = self._opening.open()
        try:
            if self._on_open is not None:
                self._on_open()
            yield from self._read(container, self._video(container))
        finally:
            if self._preroll is not None:
                self._preroll.end(ClipFlaw.STREAM)
            if self._decoder is not None:
                self._decoder.end()
            container.close()

    def _video(self, container: InputContainer) -> VideoStream:
        if not container.streams.video:
            raise SourceError(StreamFault.NO_PICTURE if self.live else StreamFault.NOT_A_VIDEO, "no video stream")
        stream = container.streams.video[0]
        if stream.codec_context is None:
            raise SourceError(StreamFault.UNSUPPORTED_CODEC)
        width, height = stream.codec_context.width, stream.codec_context.height
        if width * height > MOST_PIXELS:
            raise SourceError(StreamFault.NO_PICTURE, f"{width}x{height} is more than {MOST_PIXELS} pixels")
        return stream

    def _read(self, container: InputContainer, stream: VideoStream) -> Iterator[Picture]:
        decoder = self._decoder = Decoder(stream, self._decoding, Timeline(live=self.live), self._tell_decoded)
        decoder.want(*self._wanted)
        decoder.stretch = self._stretch
        fps = float(stream.average_rate) if stream.average_rate else None
        context, has_lost_device = stream.codec_context, self._opening.has_lost_device
        self.info = StreamInfo(context.name, context.width, context.height, fps, context.is_hwaccel, has_lost_device)
        if self._preroll is not None:
            self._preroll.begin(stream)
        packets = container.demux(stream)
        rests = self._opening.transport == "tcp"
        seen = time.monotonic()
        stamps = Stamps(self._opening.shown, self._clock)
        pace = _Pace()
        last_s = 0.0
        index = 0
        while not self._stopped.is_set():
            failure: Exception | None = None
            packet = None
            asked = time.monotonic()
            try:
                packet = next(packets, None)
            except (av.FFmpegError, OSError, ValueError) as error:
                failure = error
            waited_s = time.monotonic() - asked
            stamps.waited(waited_s)
            if failure:
                raise SourceError(self._read_fault(failure, index), describe(failure))
            if packet is None:
                break
            self.packets += bool(packet.size)
            if self.live and packet.size and (packet.is_keyframe or stamps.are_useless):
                stamps.see(packet)
            if self._preroll is not None:
                self._preroll.add(packet)
            if not self.live and packet.pts is not None and stream.time_base:
                last_s = max(last_s, float((packet.pts - (stream.start_time or 0)) * stream.time_base))
            if self._realtime and self._stopped.wait(pace.left_s(packet)):
                break
            for decoded, camera_time_s in decoder.decode(packet):
                seen = time.monotonic()
                if (decoded.width, decoded.height) != (self.info.width, self.info.height):
                    self.info = replace(self.info, width=decoded.width, height=decoded.height)
                moment = Moment(self._preroll, decoded.pts) if self._preroll is not None else None
                yield Picture(decoded, camera_time_s, datetime.now(UTC), index, moment)
                index += 1
                del decoded  # three megabytes, until the next one comes
            if self.live and time.monotonic() - seen > self._picture_timeout_s:
                raise SourceError(StreamFault.NO_PICTURE, f"{self.packets} packets, {self.damaged} damaged pictures")
            if rests and waited_s > CAUGHT_UP_S and (rest_s := min(REST_S, decoder.rest_s)):
                time.sleep(rest_s)
                stamps.waited(rest_s)
        if self._stopped.is_set():
            return
        if self.live:
            raise SourceError(StreamFault.DISCONNECTED)
        if not index:
            raise SourceError(StreamFault.NOT_A_VIDEO, "no picture in it can be decoded")
        promised_s = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else 0.0
        if promised_s - last_s > CUT_OFF_S:
            raise SourceError(StreamFault.CUT_OFF, f"{last_s:.0f} s of {promised_s:.0f} s")

    def _tell_decoded(self, alone: bool, ago: int) -> None:
        if self._on_decode is not None:
            self._on_decode(self.packets - 1 - ago, alone)

    def _read_fault(self, failure: Exception, pictures: int) -> StreamFault:
        if self.live:
            return classify(failure) or StreamFault.DISCONNECTED
        return classify(failure) or (StreamFault.DISCONNECTED if pictures else StreamFault.NOT_A_VIDEO)


class _Pace:
    """Real time for a file: how long until a packet would come if a camera sent it. A gap in a recording is not waited for."""

    def __init__(self) -> None:
        self._start: float | None = None

    def left_s(self, packet: av.Packet[VideoStream]) -> float:
        if packet.dts is None:
            return 0.0
        now, stamp_s = time.monotonic(), float(packet.dts * packet.time_base)
        if self._start is None or self._start + stamp_s - now > MAX_LEAP_S:
            self._start = now - stamp_s
        return max(0.0, self._start + stamp_s - now)


def camera_source(
    address: CameraAddress,
    *,
    transport: Literal["tcp", "udp"] = "tcp",
    decoding: Decoding | None = None,
    open_timeout_s: float = OPEN_TIMEOUT_S,
    read_timeout_s: float = READ_TIMEOUT_S,
    picture_timeout_s: float = PICTURE_TIMEOUT_S,
    on_decode: Callable[[int, bool], None] | None = None,
    preroll: PreRoll | None = None,
    device: str | None = None,
    clock: ClockRecord | None = None,
    on_open: Callable[[], None] | None = None,
) -> AvSource:
    """A camera over RTSP, or a webcam. One that refuses the transport gets the other one.

    Raises:
        SourceError: the webcam is not there.
    """
    is_webcam = address.kind == "webcam"
    if is_webcam and not os.path.exists(address.url):
        raise SourceError(StreamFault.DEVICE_MISSING, address.url)
    opening = Opening(
        address.with_credentials(), live=True, shown=str(address), address=address,
        format_name="v4l2" if is_webcam else "rtsp", options=None if is_webcam else _RTSP,
        transport=None if is_webcam else transport, device=None if is_webcam else device,
        timeouts_s=(open_timeout_s, read_timeout_s),
    )
    return AvSource(
        opening, decoding=decoding, picture_timeout_s=picture_timeout_s, on_decode=on_decode, preroll=preroll, clock=clock,
        on_open=on_open,
    )


def file_source(
    path: Path | str, *, realtime: bool = True, decoding: Decoding | None = None, preroll: PreRoll | None = None
) -> AvSource:
    """A video file: in its own time, as a camera would show it, or as fast as it can be read.

    Raises:
        SourceError: there is no such file.
    """
    if not os.path.exists(path):  # not Path.exists(), which fails in a folder that is closed to us
        raise SourceError(StreamFault.DEVICE_MISSING, str(path))
    # With "file:" a name with a colon in it is not taken for a protocol.
    opening = Opening(f"file:{path}", live=False, shown=str(path))
    return AvSource(opening, realtime=realtime, decoding=decoding, preroll=preroll)


def open_source(
    address: CameraAddress, *, transport: Literal["tcp", "udp"] = "tcp", decoding: Decoding | None = None,
    on_decode: Callable[[int, bool], None] | None = None, preroll: PreRoll | None = None, device: str | None = None,
    clock: ClockRecord | None = None, on_open: Callable[[], None] | None = None,
) -> AvSource:
    """Whatever the address names; a file plays in its own time. `device` decodes what comes over RTSP, if it can. `on_decode`:
    number of the packet, and whether alone. `clock`: what earlier connections showed of the camera's. `on_open`: a camera has
    taken the login.

    Raises:
        SourceError: the file or the webcam is not there.
    """
    if address.kind == "file":
        return file_source(address.url, decoding=decoding, preroll=preroll)
    return camera_source(
        address, transport=transport, decoding=decoding, on_decode=on_decode, preroll=preroll, device=device, clock=clock,
        on_open=on_open,
    )
