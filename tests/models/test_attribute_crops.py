from pathlib import Path

import cv2
import numpy as np
import pytest

from models.attribute_crops import Labels, patches
from models.data import CIGARETTE, FACE_MASK, FACE_NO_MASK, HEAD_BARE, HEAD_HAT, MASK_WRONG, Picture, read_folder
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
