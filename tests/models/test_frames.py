from pathlib import Path

import av
import numpy as np
import pytest

from models.data import FACES, HEADS, DataError, read_folder
from models.frames import write_backs


def clip(path: Path, frames: int) -> None:
    """Frame n is of grey 10 * n."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=5)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        for number in range(frames):
            picture = av.VideoFrame.from_ndarray(np.full((96, 160, 3), 10 * number, np.uint8), format="bgr24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())


def listed(folder: Path, frame: int) -> Path:
    path = folder / "backs.csv"
    path.write_text(f"clip,frame,x1,y1,x2,y2\na.mp4,{frame},40,24,80,72\n")
    return path


def test_listed_frames_become_a_data_folder(tmp_path: Path):
    clip(tmp_path / "a.mp4", 12)
    hidden = tmp_path / "hidden.csv"
    hidden.write_text("clip,frame,x1,y1,x2,y2\na.mp4,7,32,12,96,96\n")
    assert write_backs(tmp_path, tmp_path / "out", listed(tmp_path, 7), hidden) == 1
    (picture,) = read_folder(tmp_path / "out")
    assert picture.hands_out_of_sight.tolist() == [[32, 12, 96, 96]]
    assert picture.boxes.tolist() == [[40, 24, 80, 72]]
    assert set(FACES + HEADS) == picture.annotated
    assert np.abs(picture.read().astype(int) - 70).max() < 6


def test_a_frame_after_the_end_is_told(tmp_path: Path):
    clip(tmp_path / "a.mp4", 5)
    with pytest.raises(DataError, match="cut short"):
        write_backs(tmp_path, tmp_path / "out", listed(tmp_path, 7))


def test_a_clip_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(DataError, match=r"a\.mp4 cannot be read"):
        write_backs(tmp_path, tmp_path / "out", listed(tmp_path, 7))
