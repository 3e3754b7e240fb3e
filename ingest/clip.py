"""A video file as an endless run of coded pictures, without decoding one of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
from av.video.stream import VideoStream

from ingest.rtp import ENCODING_NAMES, AccessUnit, is_parameter_set, nal_length_size, parameter_sets, split_nals

# Where a raw stream carries no times at all, FFmpeg's own default for raw video.
DEFAULT_FPS = 25.0


class Clip:
    """A file whose pictures can be sent as they are.

    Raises:
        ValueError: the file is no video, or one that RTP cannot carry as it is; the text says which.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with av.open(str(path), metadata_errors="replace") as container:
                if not container.streams.video:
                    raise ValueError(f"{path} has no video in it.")
                context = container.streams.video[0].codec_context
                self.codec = context.codec.canonical_name
                self.extradata = bytes(context.extradata or b"")
        except (av.FFmpegError, OSError) as error:
            raise ValueError(f"{path} cannot be read as a video: {error.strerror}.") from error
        if self.codec not in ENCODING_NAMES:
            raise ValueError(
                f"{path} is coded as {self.codec}; give a file in {', '.join(sorted(ENCODING_NAMES))}."
            )

    def units(self) -> Iterator[AccessUnit]:
        """Every picture in coding order, again and again, on one clock that starts at 0 and never jumps."""
        start_s = 0.0
        while True:
            first_dts_s: float | None = None
            end_s = 0.0
            for unit, duration_s in self._once():
                if first_dts_s is None:
                    first_dts_s = unit.dts_s
                pts_s, dts_s = unit.pts_s - first_dts_s, unit.dts_s - first_dts_s
                end_s = max(end_s, dts_s + duration_s)
                yield AccessUnit(unit.nals, start_s + pts_s, start_s + dts_s, unit.keyframe)
            if not end_s:
                raise ValueError(f"{self.path} has no picture in it.")
            start_s += end_s

    def _once(self) -> Iterator[tuple[AccessUnit, float]]:
        length_size = nal_length_size(self.codec, self.extradata)
        sets = parameter_sets(self.codec, self.extradata) if self.codec != "mpeg4" else []
        with av.open(str(self.path), metadata_errors="replace") as container:
            stream: VideoStream = container.streams.video[0]
            frame_s = 1 / float(stream.average_rate or DEFAULT_FPS)
            for number, packet in enumerate(container.demux(stream)):
                data = bytes(packet)
                if not data:
                    continue
                nals = [data] if self.codec == "mpeg4" else split_nals(data, length_size)
                if packet.is_keyframe and not any(is_parameter_set(self.codec, nal) for nal in nals):
                    # As cameras do, so that a receiver can begin at any key frame.
                    nals = sets + nals
                base = packet.time_base
                dts_s = number * frame_s if packet.dts is None else float(packet.dts * base)
                pts_s = dts_s if packet.pts is None else float(packet.pts * base)
                duration_s = float(packet.duration * base) if packet.duration else frame_s
                yield AccessUnit(nals, pts_s, dts_s, packet.is_keyframe), duration_s
