from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.attribute_crops import Labels, patches
from models.data import (
    CIGARETTE,
    FACE_MASK,
    FACE_NO_MASK,
    HAND_BARE,
    HAND_GLOVE,
    HEAD_BARE,
    HEAD_HAT,
    MASK_WRONG,
    Picture,
    read_folder,
)
from models.pseudo import targets
from tests.models.data_folder import write_folder

EVERYTHING = [HEAD_BARE, HEAD_HAT, FACE_MASK, FACE_NO_MASK, MASK_WRONG, CIGARETTE]


def picture(folder: Path, labels: str, annotated: list[int] | None = None) -> Picture:
    write_folder(folder, [{"width": 640, "height": 480, "annotated": annotated or EVERYTHING}], {"p0": labels})
    image = cv2.resize(np.random.default_rng(0).integers(0, 256, (12, 16, 3)).astype(np.uint8), (640, 480))
    cv2.imwrite(str(folder / "images" / "p0.png"), image)
    return read_folder(folder)[0]


def heads(picture: Picture) -> list[Labels]:
    cut = patches(picture, targets(picture, None), None, False, np.random.SeedSequence(0))
    return [p.labels for p in cut]


BARE, FACE = "1 0.5 0.5 0.15 0.25\n", "{} 0.5 0.52 0.1 0.15\n"


def test_a_masked_bare_head_says_both_and_that_nobody_smokes(tmp_path: Path):
    (labels,) = heads(picture(tmp_path / "d", BARE + FACE.format(FACE_MASK), [1, 2, 3, 4, 5]))
    assert labels == Labels(cap=1, mask=0, readable=1, smoking=0)


def test_a_head_without_a_face_says_nothing_can_be_told_of_the_mask(tmp_path: Path):
    (labels,) = heads(picture(tmp_path / "d", BARE))
    assert (labels.mask, labels.readable) == (3, 0)


HEAD = np.array([[272, 180, 368, 300]], np.float32)


def test_a_head_that_a_person_has_seen_from_behind_says_so_though_faces_were_not_looked_for(tmp_path: Path):
    one = picture(tmp_path / "d", BARE, [HEAD_BARE, HEAD_HAT])
    (labels,) = heads(replace(one, backs=HEAD))
    assert labels == Labels(cap=1, mask=3, readable=0)


def test_a_head_of_which_a_person_could_not_say_that_it_is_seen_from_behind_is_silent(tmp_path: Path):
    (labels,) = heads(replace(picture(tmp_path / "d", BARE), no_backs=HEAD))
    assert (labels.cap, labels.mask, labels.readable) == (1, -1, 1)


@pytest.mark.parametrize(("label", "expected"), [(HEAD_BARE, -1), (HEAD_HAT, 0)])
def test_a_bare_head_that_the_upper_edge_cuts_off_says_nothing_of_caps(tmp_path: Path, label: int, expected: int):
    cut = f"{label} 0.5 0.08 0.15 0.16\n{FACE_NO_MASK} 0.5 0.09 0.1 0.12\n"
    assert heads(picture(tmp_path / "d", cut))[0].cap == expected


def test_faces_that_were_not_looked_for_are_silent(tmp_path: Path):
    (labels,) = heads(picture(tmp_path / "d", BARE, [HEAD_BARE, HEAD_HAT]))
    assert labels == Labels(cap=1)


@pytest.mark.parametrize(("where", "expected"), [("0.55 0.55", 1), ("0.95 0.95", 0)])
def test_smoking_is_a_cigarette_at_the_head(tmp_path: Path, where: str, expected: int):
    labels = heads(picture(tmp_path / "d", f"{BARE}{FACE.format(FACE_NO_MASK)}8 {where} 0.05 0.02\n"))
    assert labels[0].smoking == expected


def judged(folder: Path, labels: str = "", **row: object) -> Picture:
    write_folder(folder, [{"annotated": [], **row}], {"p0": labels})
    return read_folder(folder)[0]


def test_a_box_that_was_judged_alone_teaches_its_own_attribute_and_nothing_else(tmp_path: Path):
    (labels,) = heads(judged(tmp_path / "d", "2 0.5 0.5 0.3 0.4\n"))
    assert labels == Labels(cap=0)


@pytest.mark.parametrize(("key", "expected"), [("smokers", Labels(readable=1, smoking=1)), ("non_smokers", Labels(smoking=0))])
def test_a_reviewer_says_whether_a_head_smokes(tmp_path: Path, key: str, expected: Labels):
    (labels,) = heads(judged(tmp_path / "d", **{key: [[0.5, 0.5, 0.3, 0.4]]}))
    assert labels == expected


HAND = "{} 0.5 0.5 0.1 0.1\n"
# At the middle of that hand, at the rim of its crop with the larger part outside, and far away.
HELD, REACHES_IN, FAR = "8 0.5 0.5 0.03 0.01\n", "8 0.58 0.5 0.06 0.01\n", "8 0.9 0.9 0.03 0.01\n"


@pytest.mark.parametrize(
    ("label", "stick", "expected"),
    [
        (HAND_BARE, HELD, Labels(glove=1, smoking=1, readable=1)),
        (HAND_BARE, FAR, Labels(glove=1, smoking=0, readable=1)),
        (HAND_BARE, REACHES_IN, Labels(glove=1)),
        (HAND_GLOVE, FAR, Labels(glove=0, smoking=0, readable=1)),
    ],
)
def test_smoking_is_a_cigarette_in_the_hand(tmp_path: Path, label: int, stick: str, expected: Labels):
    labels = heads(picture(tmp_path / "d", HAND.format(label) + stick, [HAND_BARE, HAND_GLOVE, CIGARETTE]))
    assert labels[0] == expected


@pytest.mark.parametrize(("label", "smoking"), [(HAND_BARE, -1), (HAND_GLOVE, 0)])
def test_where_cigarettes_were_not_looked_for_only_gloves_say_that_none_is_held(tmp_path: Path, label: int, smoking: int):
    labels = heads(picture(tmp_path / "d", HAND.format(label), [HAND_BARE, HAND_GLOVE]))
    assert (labels[0].glove, labels[0].smoking) == (int(label == HAND_BARE), smoking)


def test_a_hand_that_a_person_has_looked_at_holds_no_cigarette(tmp_path: Path):
    seen = judged(tmp_path / "d", HAND.format(HAND_BARE))
    (labels,) = heads(replace(seen, empty_hands=seen.of(HAND_BARE)))
    assert labels == Labels(glove=1, smoking=0, readable=1)


@pytest.mark.parametrize(("key", "smoking"), [("smoking_hands", 1), ("empty_hands", 0)])
def test_a_reviewer_says_whether_a_hand_holds_a_cigarette(tmp_path: Path, key: str, smoking: int):
    (labels,) = heads(judged(tmp_path / "d", **{key: [[0.5, 0.5, 0.3, 0.4]]}))
    assert labels == Labels(smoking=smoking, readable=1)


def test_what_was_taken_for_a_hand_teaches_that_nothing_can_be_told_of_gloves(tmp_path: Path):
    seen = judged(tmp_path / "d")
    (labels,) = heads(replace(seen, no_hands=np.array([[10, 10, 60, 60]], np.float32)))
    assert labels == Labels(glove=2)
