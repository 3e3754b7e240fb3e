"""What a source of pictures gives: decoded pictures, which become frames for the detector where somebody will look at them."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import av
import numpy as np
from numpy.typing import NDArray

from ingest.camera_state import StreamInfo
from ingest.preroll import Moment

# Pixel formats whose first plane holds one byte of brightness for each pixel.
LUMA_FIRST = frozenset({"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "gray"})


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
        # By itself it would start a thread for each core, and wait for them: a sixth more work, and later where others work too.
        bgr = self.decoded.reformat(format="bgr24", threads=1)
        plane = bgr.planes[0]
        # Not `to_ndarray`, which copies six megabytes once more.
        rows: NDArray[np.uint8] = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        image = np.ascontiguousarray(rows[: bgr.height, : 3 * bgr.width]).reshape(bgr.height, bgr.width, 3)
        if self.decoded.rotation:  # counter-clockwise degrees; phones film sideways and only note it
            image = np.ascontiguousarray(np.rot90(image, round(self.decoded.rotation / 90)))
        return Frame(image, self.camera_time_s, self.wall_time, self.index, self.moment)


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
