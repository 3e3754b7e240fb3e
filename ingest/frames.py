"""What a source of pictures gives: decoded pictures, which become frames for the detector where somebody will look at them."""

from __future__ import annotations

import threading
from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Protocol

import av
import numpy as np
from av.filter import Graph
from numpy.typing import NDArray

from ingest.camera_state import StreamInfo
from ingest.preroll import Moment

# Pixel formats whose first plane holds one byte of brightness for each pixel.
LUMA_FIRST = frozenset({"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "gray"})
# From which FFmpeg converts (ITU-T H.273, table 4). Of a camera that declares other colours it fails on each picture; most such
# cameras send usual ones and declare nonsense, so they count as undeclared.
COLOURS, UNDECLARED = frozenset({0, 1, 2, 4, 5, 6, 7, 9}), 2
# Of so many kinds of pictures the memory that they are converted in is kept: 6 MB for 1080p.
MOST_KINDS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture, ready for the detector.

    Attributes:
        image: uint8 [H, W, 3], BGR.
        camera_time_s: seconds on the camera's own clock (from its time stamps); never runs back.
        wall_time: when it arrived here, UTC.
        index: counts the pictures of its source from 0.
        moment: where it is among the stream's packets; None where these are not kept.
    """

    image: NDArray[np.uint8]
    camera_time_s: float
    wall_time: datetime
    index: int
    moment: Moment | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A decoded picture that nobody has paid the conversion for yet."""

    decoded: av.VideoFrame
    camera_time_s: float
    wall_time: datetime
    index: int
    moment: Moment | None = None

    def luma(self) -> NDArray[np.uint8] | None:
        """Brightness uint8 [H, W], without a copy; None where it does not lie so in memory, or the picture is filmed sideways.

        Full (0 to 255) or limited (16 to 235) range, as the camera sends it.
        """
        if self.decoded.format.name not in LUMA_FIRST or self.decoded.rotation:
            return None
        plane = self.decoded.planes[0]
        rows: NDArray[np.uint8] = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        return rows[: self.decoded.height, : self.decoded.width]

    def frame(self) -> Frame:
        d = self.decoded
        if d.colorspace not in COLOURS:
            d.colorspace = UNDECLARED
        plane = _conversion(d.width, d.height, d.format.name, int(d.colorspace), int(d.color_range)).bgr(d).planes[0]
        # Not `to_ndarray`, which copies six megabytes once more.
        rows: NDArray[np.uint8] = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        image = np.ascontiguousarray(rows[: d.height, : 3 * d.width]).reshape(d.height, d.width, 3)
        if d.rotation:  # counter-clockwise degrees; phones film sideways and only note it
            image = np.ascontiguousarray(np.rot90(image, round(d.rotation / 90)))
        return Frame(image, self.camera_time_s, self.wall_time, self.index, self.moment)


class _Conversion:
    """To BGR, in memory that is kept: it goes back to the graph's pool when the last array of it is gone.

    `VideoFrame.reformat`, which gives the same pixels, takes new memory each time, and getting that from the system is three
    quarters of its work (1080p: 2.9 ms of CPU instead of 0.6).
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._graph = self._made()

    def bgr(self, decoded: av.VideoFrame) -> av.VideoFrame:
        with self._lock:
            try:
                self._graph.vpush(decoded)
                return self._graph.vpull()
            except av.FFmpegError:
                self._graph = self._made()  # or what is stuck in it would come out in the next picture's place
                raise

    def _made(self) -> Graph:
        graph = Graph()
        graph.threads = 1  # or there would be one for each core, and waiting for them
        steps = ("buffer", self._source), ("scale", "flags=bilinear"), ("format", "pix_fmts=bgr24"), ("buffersink", None)
        graph.link_nodes(*(graph.add(name, arguments) for name, arguments in steps)).configure()
        return graph


@lru_cache(MOST_KINDS)
def _conversion(width: int, height: int, pixels: str, colorspace: int, color_range: int) -> _Conversion:
    return _Conversion(
        f"video_size={width}x{height}:pix_fmt={pixels}:time_base=1/1:colorspace={colorspace}:range={color_range}"
    )


@dataclass(frozen=True, slots=True)
class Still:
    """A picture that nobody needed to look at."""

    camera_time_s: float
    wall_time: datetime


class FrameSource(Protocol):
    """One connection to one camera; used once.

    Attributes:
        live: a camera, to be opened again after it breaks off; else a file, which ends.
        info: what is read; None before it is open.
        packets: how many coded packets have come; a watchdog sees life in it.
        damaged: how many pictures were thrown away because they came in damaged.
        kept_bytes: of coded packets that are kept in memory for clips.
    """

    @property
    def live(self) -> bool: ...

    @property
    def info(self) -> StreamInfo | None: ...

    @property
    def packets(self) -> int: ...

    @property
    def damaged(self) -> int: ...

    @property
    def kept_bytes(self) -> int: ...

    def pictures(self) -> Generator[Picture, None, None]:
        """Opens, gives each picture, closes.

        Raises:
            SourceError: it cannot be opened, or broke off. A file that comes to its end just ends.
        """
        ...

    def stop(self) -> None:
        """Asks `pictures` to end soon; from any thread."""
        ...

    def want(self, interval_s: float | None, at_s: float | None = None) -> None:
        """For a while a picture is needed this often, and one at this time, in camera time; None: no longer. From any thread."""
        ...

    def stretch(self, factor: float) -> None:
        """Lengthen the distance of pictures by so much; 1.0 as configured. From any thread."""
        ...
