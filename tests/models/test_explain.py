from pathlib import Path

import cv2
import numpy as np
import pytest

from detector.observation import Attribute, Hand, Head, Observation, Person
from models.data import DataError
from models.explain import WIDTH, explain, frame_at

DEMO = Path("configs/demo/kitchen.mp4")
PICTURE = np.full((360, 640, 3), 60, np.uint8)
NO = Attribute("no", 0.1)


def person(cap: Attribute = NO) -> Person:
    head = Head((100, 50, 140, 100), 0.9, cap, NO, NO)
    return Person((80, 40, 200, 300), 0.9, head, (Hand((120, 200, 150, 230), 0.8, NO, NO),))


def below(seen: Observation) -> np.ndarray:
    """What is drawn under the picture."""
    return explain(PICTURE, seen)[round(360 * WIDTH / 640) :]


def test_an_empty_kitchen_is_the_picture_alone():
    assert len(below(Observation(640, 360))) == 0


def test_each_head_and_hand_has_its_crop():
    drawn = below(Observation(640, 360, (person(),)))
    crops = (drawn[20:160] == 60).all(axis=(0, 2))  # columns of the sheet that show the picture and no paper
    assert len(np.flatnonzero(np.diff(crops.astype(int)) == 1)) + int(crops[0]) == 2


@pytest.mark.parametrize(("state", "red"), [("missing", True), ("worn", False)])
def test_only_what_violates_is_written_in_red(state: str, red: bool):
    drawn = below(Observation(640, 360, (person(Attribute(state, 0.9)),))).astype(int)
    assert bool((drawn[..., 2] - drawn[..., 0] > 60).any()) is red


def test_a_video_is_looked_at_at_the_moment_that_was_asked_for():
    assert (frame_at(DEMO, 0.0) != frame_at(DEMO, 20.0)).any()


def test_a_picture_is_looked_at_as_it_is(tmp_path: Path):
    cv2.imwrite(str(tmp_path / "p.png"), PICTURE)
    assert (frame_at(tmp_path / "p.png", 0.0) == PICTURE).all()


@pytest.mark.parametrize(
    ("name", "at_s", "words"), [("p.txt", 0.0, "no readable picture"), (str(DEMO.resolve()), 1e4, "ends before")]
)
def test_what_cannot_be_looked_at_is_told(tmp_path: Path, name: str, at_s: float, words: str):
    (tmp_path / "p.txt").write_text("a text")
    with pytest.raises(DataError, match=words):
        frame_at(tmp_path / name, at_s)
