from pathlib import Path

import cv2
import numpy as np
import pytest

from detector.crops import crop_square, head_region
from models.attribute_crops import SILENT, Labels, patches, sample, shares
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
    cut = patches(picture, targets(picture, None), None, False, np.random.default_rng(0))
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


def test_a_plain_sample_is_the_detectors_own_crop(tmp_path: Path):
    one = picture(tmp_path / "d", BARE)
    (patch,) = patches(one, targets(one, None), None, False, np.random.default_rng(0))
    ours = sample(np.random.default_rng(0), patch, plain=True).image.astype(int)
    theirs = crop_square(one.read(), head_region(one.boxes[0]), 1.6, 96).astype(int)
    assert np.abs(ours - theirs)[4:-4, 4:-4].mean() < 4


def test_a_head_too_small_to_read_becomes_unknown(tmp_path: Path):
    small = picture(tmp_path / "d", "1 0.5 0.5 0.015 0.02\n4 0.5 0.5 0.01 0.015\n")
    (patch,) = patches(small, targets(small, None), None, False, np.random.default_rng(0))
    labels = sample(np.random.default_rng(0), patch, plain=True).labels
    assert (labels.cap, labels.mask, labels.readable) == (2, 3, 0)


def test_the_cigarette_map_marks_the_place(tmp_path: Path):
    one = picture(tmp_path / "d", f"{BARE}{FACE.format(FACE_NO_MASK)}8 0.6 0.5 0.05 0.02\n")
    patch = patches(one, targets(one, None), None, False, np.random.default_rng(0))[0]
    cells = sample(np.random.default_rng(0), patch, plain=True).cells
    marked = np.argwhere(cells == 1)
    # The head's square is 192 px wide; 64 px right of its centre is cell 6 + 64 / 16.
    assert (marked[:, 0] >= 5).all()
    assert (marked[:, 0] <= 6).all()
    assert abs(marked[:, 1].mean() - 9.5) < 1
    assert (cells == 0).sum() > 120


def test_every_state_gets_its_share(tmp_path: Path):
    labels = BARE + "".join(f"2 0.{i} 0.2 0.03 0.04\n" for i in range(1, 9))
    one = picture(tmp_path / "d", labels, [HEAD_BARE, HEAD_HAT])
    cut = patches(one, targets(one, None), None, False, np.random.default_rng(0))
    chances = shares(cut)
    assert chances.sum() == pytest.approx(1)
    assert all(p.labels.mask == SILENT for p in cut)
