from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models import checked
from models.checked import with_checked_hands
from models.data import HAND_BARE, HAND_GLOVE, HEAD_HAT, Picture

LIST = """source,image,x1,y1,x2,y2,says
street,p.png,10,10,50,60,bare
street,p.png,110,10,150,60,gloved
street,p.png,210,10,250,60,no_hand
"""


def picture() -> Picture:
    return Picture(
        Path("p.png"), "street", "g", "CC0", frozenset(), (640, 480),
        np.array([HEAD_HAT]), np.array([[0, 0, 9, 9]], np.float32), hat_kinds=("toque",),
    )  # fmt: skip


@pytest.fixture
def hands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Picture:
    (tmp_path / "hands.csv").write_text(LIST, encoding="utf-8")
    monkeypatch.setattr(checked, "CHECKED_HANDS", tmp_path / "hands.csv")
    return with_checked_hands(picture())


def test_what_a_person_has_seen_becomes_a_label_of_that_box_alone(hands: Picture):
    assert hands.of(HAND_BARE).tolist() == [[10, 10, 50, 60]]
    assert hands.of(HAND_GLOVE).tolist() == [[110, 10, 150, 60]]
    assert (hands.annotated, hands.of(HEAD_HAT).tolist()) == (frozenset(), [[0, 0, 9, 9]])


def test_what_is_no_hand_is_no_label(hands: Picture):
    assert hands.no_hands.tolist() == [[210, 10, 250, 60]]


def test_kinds_of_hats_stay_with_their_boxes(hands: Picture):
    assert hands.hat_kinds == ("toque", None, None)


def test_a_picture_of_the_same_name_from_elsewhere_is_left_alone(hands: Picture):
    other = replace(picture(), source="kitchen")
    assert with_checked_hands(other) == other
