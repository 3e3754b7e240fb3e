import json
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from models import teachers
from models.data import DataError, Key, Picture, read_folder
from models.teachers import Opinion, opinions
from tests.models.data_folder import write_folder

NOTHING = np.zeros((0, 5), np.float32)


def nothing_to_load(_weights: Path) -> None: ...


def brightness(picture: Picture) -> Opinion:
    """An opinion that tells one content of a picture from another."""
    return Opinion(NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, np.full((1, 5), picture.read().mean(), np.float32))


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was said while the teachers were asked; they stand in for their networks, and say how bright a picture is."""
    monkeypatch.setattr(teachers, "_start", nothing_to_load)
    monkeypatch.setattr(teachers, "_ask", brightness)
    monkeypatch.setattr(teachers, "NETWORKS", ())
    return []


def ask(folder: Path, asked: list[str]) -> dict[Key, Opinion]:
    return opinions(read_folder(folder), folder, folder / "opinions.jsonl", 1, time.monotonic() + 60, asked.append)


def paint(folder: Path, grey: int) -> None:
    cv2.imwrite(str(folder / "images" / "p0.png"), np.full((48, 64, 3), grey, np.uint8))


def without_hashes(cache: Path) -> None:
    rows = [json.loads(line) for line in cache.read_text().splitlines()]
    cache.write_text("".join(json.dumps({k: v for k, v in row.items() if k != "sha256"}) + "\n" for row in rows))


def test_teachers_are_asked_once_about_a_picture(tmp_path: Path, asked: list[str]) -> None:
    folder = write_folder(tmp_path / "d", [{}, {}])
    ask(folder, asked)
    assert asked == ["teachers: 2/2 pictures"]
    again = ask(folder, asked)
    assert len(asked) == 1
    assert again["drawn", "p1.png"].face[0, 0] == pytest.approx(read_folder(folder)[1].read().mean(), abs=1e-3)


def test_a_picture_that_was_replaced_is_asked_about_anew(tmp_path: Path, asked: list[str]) -> None:
    folder = write_folder(tmp_path / "d", [{}])
    for grey in (10, 200, 200):
        paint(folder, grey)
        assert ask(folder, asked)["drawn", "p0.png"].face[0, 0] == grey
    assert len(asked) == 2


def test_a_cache_from_before_contents_were_told_apart_is_kept_for_the_pictures_that_are_there(
    tmp_path: Path, asked: list[str]
) -> None:
    folder = write_folder(tmp_path / "d", [{}])
    paint(folder, 10)
    ask(folder, asked)
    without_hashes(folder / "opinions.jsonl")

    assert ask(folder, asked)["drawn", "p0.png"].face[0, 0] == 10
    assert len(asked) == 1
    paint(folder, 200)
    assert ask(folder, asked)["drawn", "p0.png"].face[0, 0] == 200


@pytest.mark.parametrize(
    "torn", [b'{"key": "drawn/p0.png", "pinto_per', b"12.5\n", b'{"key": "drawn/p0.png", "face": [1]}\n', b"\xff\n"]
)
def test_a_torn_cache_is_asked_for_again(torn: bytes, tmp_path: Path, asked: list[str]) -> None:
    folder = write_folder(tmp_path / "d", [{}])
    (folder / "opinions.jsonl").write_bytes(torn)
    assert list(ask(folder, asked)) == [("drawn", "p0.png")]


def test_a_picture_that_is_gone_has_no_opinion(tmp_path: Path, asked: list[str]) -> None:
    folder = write_folder(tmp_path / "d", [{}])
    (picture,) = read_folder(folder)
    gone = replace(picture, path=folder / "images" / "gone.png")
    assert opinions([gone], folder, folder / "opinions.jsonl", 1, time.monotonic() + 60, asked.append) == {}


def test_a_teacher_that_is_not_there_is_named(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "d", [{}])
    with pytest.raises(DataError, match=r"pinto.*--teachers"):
        ask(folder, [])
