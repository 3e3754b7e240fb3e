"""Decoded pictures turned to BGR, in memory that is used again."""

from datetime import UTC, datetime

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from ingest.frames import Picture, _Conversion

SHAPE = (118, 201)  # rows whose bytes no FFmpeg would leave without padding


def decoded(seed: int, pixels: str = "yuv420p", colorspace: int = 2, color_range: int = 0) -> av.VideoFrame:
    noise = np.random.default_rng(seed).integers(0, 256, (*SHAPE, 3), np.uint8)
    frame = av.VideoFrame.from_ndarray(noise, "bgr24").reformat(format=pixels)
    frame.colorspace, frame.color_range = colorspace, color_range
    return frame


def converted(frame: av.VideoFrame) -> NDArray[np.uint8]:
    return Picture(frame, 0.0, datetime.now(UTC), 0).frame().image


@pytest.mark.parametrize("colours", [(2, 0), (1, 1), (1, 2), (5, 1), (6, 1), (9, 1)])
@pytest.mark.parametrize(
    "pixels", ["yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "nv12", "gray", "yuyv422", "yuv420p10le", "p010le"]
)
def test_pixels_are_those_of_the_plain_conversion(pixels: str, colours: tuple[int, int]):
    frame = decoded(0, pixels, *colours)
    plain = frame.reformat(format="bgr24").to_ndarray()
    assert np.array_equal(converted(frame), plain)


@pytest.mark.parametrize("colorspace", range(18))
def test_a_camera_that_declares_colours_that_ffmpeg_does_not_know_is_looked_at_all_the_same(colorspace: int):
    """YCgCo, ICtCp and the like: else its kitchen would go unwatched."""
    assert converted(decoded(0, colorspace=colorspace)).shape == (*SHAPE, 3)


def test_a_picture_that_is_kept_is_not_written_over():
    """That of a violation, until it is coded."""
    kept, before = converted(decoded(1)), converted(decoded(1)).copy()
    for seed in range(2, 6):
        converted(decoded(seed))
    assert np.array_equal(kept, before)


def test_the_memory_of_a_picture_that_is_gone_is_used_again():
    places = {converted(decoded(seed)).ctypes.data for seed in range(6)}
    assert len(places) <= 2


class Stuck:
    def __init__(self, graph: av.filter.Graph) -> None:
        self.vpush = graph.vpush

    def vpull(self) -> av.VideoFrame:
        raise av.error.InvalidDataError(1, "not this one")


def test_a_picture_that_fails_does_not_come_out_in_the_next_one_s_place():
    frame = decoded(7)
    conversion = _Conversion(f"video_size={SHAPE[1]}x{SHAPE[0]}:pix_fmt=yuv420p:time_base=1/1")
    conversion._graph = Stuck(conversion._graph)  # type: ignore[assignment]
    with pytest.raises(av.FFmpegError):
        conversion.bgr(decoded(8))
    assert np.array_equal(conversion.bgr(frame).to_ndarray(), frame.reformat(format="bgr24").to_ndarray())
