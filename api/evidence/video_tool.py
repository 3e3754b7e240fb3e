"""Takes a clip apart. What an edge sent is read by a great deal of C code, so this runs in a process of its own, with bounds on
memory and time that it sets itself before it looks at the first byte.

    python -m api.evidence.video_tool check FILE               prints a `Measure` as JSON
    python -m api.evidence.video_tool preview FILE INTO        writes an H.264 MP4 for browsers

Exit status 1 and a sentence on standard error where it is no such clip.
"""

import json
import os
import resource
import sys
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import av
from av.video.stream import VideoStream

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MEMORY_BYTES = 3 * 2**30  # the decoded pictures of an H.265 stream in 8K, and the libraries
CPU_S = 60
# 15 s of a camera with 120 pictures a second.
MOST_PICTURES = 2000
LONGEST_S = 60.0
# An index and its header.
BESIDE_BYTES, BESIDE_A_PICTURE_BYTES = 50_000, 64
# For a look, not for evidence: a quarter of full HD, half of the pictures.
PREVIEW_WIDTH, PREVIEW_FPS = 960, 12.5
BANNER = "PREVIEW - NOT EVIDENCE"


@dataclass(frozen=True)
class Measure:
    codec: str
    width: int
    height: int
    duration_s: float


class NoClip(Exception):
    pass


def check(path: str) -> Measure:
    """Raises NoClip, or whatever FFmpeg says."""
    with av.open(path, format="mp4", mode="r") as container:
        stream = _only_video(container)
        context = stream.codec_context
        times: list[Fraction] = []
        size = 0
        for packet in container.demux(stream):
            if not packet.size:
                continue
            if packet.pts is None or packet.is_corrupt or len(times) == MOST_PICTURES:
                raise NoClip("Its pictures have no times, or there are too many of them.")
            if not times:
                if not packet.is_keyframe:
                    raise NoClip("It does not begin with a key frame.")
                pictures = [*context.decode(packet), *context.decode(None)]
                if not pictures or pictures[0].is_corrupt:
                    raise NoClip("Its first picture cannot be decoded.")
            times.append(packet.pts * packet.time_base)
            size += packet.size
        if not times:
            raise NoClip("There is no picture in it.")
        if os.path.getsize(path) - size > BESIDE_BYTES + BESIDE_A_PICTURE_BYTES * len(times):
            raise NoClip("There is more in it than its video.")
        span = max(times) - min(times)
        duration_s = float(span * (1 + Fraction(1, len(times) - 1))) if span else 0.04
        if duration_s > LONGEST_S:
            raise NoClip("It is longer than any clip.")
        return Measure(codec=context.codec.canonical_name, width=context.width, height=context.height, duration_s=duration_s)


def preview(path: str, into: str) -> None:
    """Smaller, with fewer pictures, and marked in each of them."""
    to_begin_at_once = {"movflags": "+faststart"}
    with av.open(path, format="mp4", mode="r") as source, av.open(into, "w", format="mp4", options=to_begin_at_once) as out:
        stream = _only_video(source)
        stream.codec_context.thread_count = 1
        height, width = stream.codec_context.height, stream.codec_context.width
        scale = min(1.0, PREVIEW_WIDTH / width)
        coded: VideoStream = out.add_stream("libx264", rate=Fraction(PREVIEW_FPS), options={"preset": "veryfast", "crf": "27"})
        coded.width, coded.height = max(2, int(width * scale) // 2 * 2), max(2, int(height * scale) // 2 * 2)
        coded.pix_fmt, coded.codec_context.thread_count = "yuv420p", 1
        coded.time_base = coded.codec_context.time_base = Fraction(1, 1000)
        due_s = 0.0
        for frame in source.decode(stream):
            if frame.time is None or frame.time < due_s:
                continue
            due_s = max(due_s + 1 / PREVIEW_FPS, frame.time)
            picture = frame.reformat(coded.width, coded.height, "bgr24").to_ndarray()
            _mark(picture)  # type: ignore[arg-type]  # in bgr24 it is of bytes
            marked = av.VideoFrame.from_ndarray(picture, "bgr24")
            marked.pts, marked.time_base = round(frame.time * 1000), Fraction(1, 1000)
            out.mux(coded.encode(marked))
        out.mux(coded.encode(None))


def _mark(picture: "NDArray[np.uint8]") -> None:
    import cv2  # here, because a check does without: it starts in a third of the time

    cv2.setNumThreads(1)
    size = max(0.4, picture.shape[1] / 1200)
    place = (8, picture.shape[0] - 10)
    (width, height), _ = cv2.getTextSize(BANNER, cv2.FONT_HERSHEY_SIMPLEX, size, 1)
    cv2.rectangle(picture, (0, place[1] - height - 8), (width + 16, picture.shape[0]), (0, 0, 0), -1)
    cv2.putText(picture, BANNER, place, cv2.FONT_HERSHEY_SIMPLEX, size, (255, 255, 255), 1, cv2.LINE_AA)


def _only_video(container: av.container.InputContainer) -> VideoStream:
    if len(container.streams) != 1 or len(container.streams.video) != 1:
        raise NoClip("It is not one stream of video.")
    stream = container.streams.video[0]
    if stream.codec_context is None or stream.codec_context.codec.canonical_name not in ("h264", "hevc"):
        raise NoClip("It is neither H.264 nor H.265.")
    return stream


def main(arguments: list[str]) -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    os.nice(10)
    try:
        if arguments[0] == "check":
            print(json.dumps(asdict(check(arguments[1]))))
        else:
            preview(arguments[1], arguments[2])
    except NoClip as error:
        print(error, file=sys.stderr)
        return 1
    except (av.FFmpegError, ValueError, MemoryError, OverflowError):
        print("It cannot be read as an MP4.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
