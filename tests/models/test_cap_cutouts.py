from pathlib import Path

import cv2
import numpy as np
import pytest

from models.cap_cutouts import brought_along, cut_out, read_cutouts
from models.caps import paste_cap
from models.data import DataError, choose, read_all
from tests.models.data_folder import write_folder

HEAD = np.array([60, 40, 140, 150], np.float32)
WALL, FACE, CAP = (60, 140, 90), (120, 150, 200), (230, 235, 240)


def wearer(cap: tuple[int, int, int] = CAP) -> np.ndarray:
    """A face with a cap before a wall, with some grain."""
    image = np.full((200, 200, 3), WALL, np.uint8)
    cv2.ellipse(image, (100, 105), (36, 45), 0, 0, 360, FACE, -1)
    cv2.ellipse(image, (100, 92), (40, 50), 0, 180, 360, cap, -1)
    grain = np.random.default_rng(0).normal(0, 5, image.shape)
    return np.clip(image + grain, 0, 255).astype(np.uint8)


def test_a_cutout_is_the_cap_without_wall_and_face():
    cap = cut_out(wearer(), HEAD)
    assert cap is not None
    assert cap.shape == (110, 80, 4)
    opaque = cap[..., 3] > 200
    assert np.abs(np.median(cap[opaque][:, :3], 0) - CAP).max() < 12
    assert opaque[10:45, 30:50].all()
    assert not opaque[65:].any()
    assert not opaque[:8, :8].any()


def test_a_cap_of_the_walls_colour_is_left_out():
    assert cut_out(wearer(WALL), HEAD) is None


def test_caps_take_part_with_the_pictures_of_their_folder(tmp_path: Path):
    for number, name in enumerate(("ours", "theirs"), 1):
        folder = write_folder(tmp_path / name, [{"source": name}])
        (folder / "caps").mkdir()
        cv2.imwrite(str(folder / "caps" / "c.png"), np.full((number, 1, 4), 255, np.uint8))
    pictures = read_all([tmp_path])
    assert [len(cap) for cap in brought_along([tmp_path], pictures)] == [1, 2]
    assert [len(cap) for cap in brought_along([tmp_path], choose(pictures, without=["theirs"]))] == [1]


def test_a_head_larger_than_the_picture_is_no_error():
    cut_out(wearer(), np.array([-50, -60, 260, 270], np.float32))


@pytest.mark.parametrize("seed", range(8))
def test_a_pasted_cap_covers_the_crown_and_leaves_the_mouth(seed: int):
    cap = cut_out(wearer(), HEAD)
    bare = np.full((130, 130, 3), (90, 110, 150), np.uint8)
    changed = np.abs(paste_cap(np.random.default_rng(seed), bare, np.array([40, 30, 90, 95], np.float32), cap).astype(int) - bare)
    changed = changed.max(2) > 12
    assert changed[32:42, 58:72].mean() > 0.6
    assert not changed[78:, :].any()
    assert changed.mean() < 0.25


def test_cutouts_of_a_folder_are_read_and_a_torn_one_is_named(tmp_path: Path):
    assert read_cutouts(tmp_path) == []
    (tmp_path / "caps").mkdir()
    cv2.imwrite(str(tmp_path / "caps" / "a.png"), np.full((20, 16, 4), 200, np.uint8))
    (only,) = read_cutouts(tmp_path)
    assert only.shape == (20, 16, 4)
    (tmp_path / "caps" / "b.png").write_bytes(b"\x89PNG")
    with pytest.raises(DataError, match=r"b\.png is no picture with transparency"):
        read_cutouts(tmp_path)


def test_an_opaque_picture_is_refused(tmp_path: Path):
    (tmp_path / "caps").mkdir()
    cv2.imwrite(str(tmp_path / "caps" / "a.png"), np.full((20, 16, 3), 200, np.uint8))
    with pytest.raises(DataError, match="alpha channel"):
        read_cutouts(tmp_path)
