from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models import checked
from models.checked import with_checked_boxes
from models.data import HAND_BARE, HAND_GLOVE, HEAD_HAT, Picture

HANDS = """source,image,x1,y1,x2,y2,says
street,p.png,10,10,50,60,bare
street,p.png,110,10,150,60,gloved
street,p.png,210,10,250,60,no_hand
"""
HEADS = """source,image,x1,y1,x2,y2,says
street,p.png,300,10,350,70,back
street,p.png,400,10,450,70,other
"""


def picture() -> Picture:
    return Picture(
        Path("p.png"), "street", "g", "CC0", frozenset(), (640, 480),
        np.array([HEAD_HAT]), np.array([[0, 0, 9, 9]], np.float32), hat_kinds=("toque",),
    )  # fmt: skip


@pytest.fixture
def looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Picture:
    for name, listed in {"CHECKED_HANDS": HANDS, "CHECKED_HEADS": HEADS}.items():
        (tmp_path / name).write_text(listed, encoding="utf-8")
        monkeypatch.setattr(checked, name, tmp_path / name)
    return with_checked_boxes(picture())


def test_what_a_person_has_seen_becomes_a_label_of_that_box_alone(looked_at: Picture):
    assert looked_at.of(HAND_BARE).tolist() == [[10, 10, 50, 60]]
    assert looked_at.of(HAND_GLOVE).tolist() == [[110, 10, 150, 60]]
    assert (looked_at.annotated, looked_at.of(HEAD_HAT).tolist()) == (frozenset(), [[0, 0, 9, 9]])


def test_what_is_no_hand_is_no_label(looked_at: Picture):
    assert looked_at.no_hands.tolist() == [[210, 10, 250, 60]]


def test_heads_from_behind_and_others_are_no_labels_of_their_own(looked_at: Picture):
    assert (looked_at.backs.tolist(), looked_at.no_backs.tolist()) == ([[300, 10, 350, 70]], [[400, 10, 450, 70]])
    assert len(looked_at.of(HEAD_HAT)) == 1


def test_kinds_of_hats_stay_with_their_boxes(looked_at: Picture):
    assert looked_at.hat_kinds == ("toque", None, None)


def test_a_picture_of_the_same_name_from_elsewhere_is_left_alone(looked_at: Picture):
    other = replace(picture(), source="kitchen")
    assert with_checked_boxes(other) == other
