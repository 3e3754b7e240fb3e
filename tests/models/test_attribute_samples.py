from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from detector.crops import crop_square, head_region
from models.attribute_crops import SILENT, Labels, patches
from models.attribute_samples import sample, shares
from models.data import CIGARETTE, FACE_NO_MASK, FACES, HAND_BARE, HAND_GLOVE, HEAD_BARE, HEAD_HAT
from models.pseudo import targets
from tests.models.test_attribute_crops import BARE, FACE, HAND, judged, picture


def test_a_plain_sample_is_the_detectors_own_crop(tmp_path: Path):
    one = picture(tmp_path / "d", BARE)
    (patch,) = patches(one, targets(one, None), None, False, np.random.SeedSequence(0))
    ours = sample(np.random.default_rng(0), patch, plain=True).image.astype(int)
    theirs = crop_square(one.read(), head_region(one.boxes[0]), 1.6, 96).astype(int)
    assert np.abs(ours - theirs)[4:-4, 4:-4].mean() < 4


def test_a_head_too_small_to_read_becomes_unknown(tmp_path: Path):
    small = picture(tmp_path / "d", "1 0.5 0.5 0.015 0.02\n4 0.5 0.5 0.01 0.015\n")
    (patch,) = patches(small, targets(small, None), None, False, np.random.SeedSequence(0))
    labels = sample(np.random.default_rng(0), patch, plain=True).labels
    assert (labels.cap, labels.mask, labels.readable) == (2, 3, 0)


def test_the_cigarette_map_marks_the_place(tmp_path: Path):
    one = picture(tmp_path / "d", f"{BARE}{FACE.format(FACE_NO_MASK)}8 0.6 0.5 0.05 0.02\n")
    patch = patches(one, targets(one, None), None, False, np.random.SeedSequence(0))[0]
    cells = sample(np.random.default_rng(0), patch, plain=True).cells
    marked = np.argwhere(cells == 1)
    # The head's square is 192 px wide; 64 px right of its centre is cell 6 + 64 / 16.
    assert (marked[:, 0] >= 5).all()
    assert (marked[:, 0] <= 6).all()
    assert abs(marked[:, 1].mean() - 9.5) < 1
    assert (cells == 0).sum() > 120


def test_a_reviewers_word_that_somebody_smokes_teaches_no_place(tmp_path: Path):
    one = judged(tmp_path / "d", smokers=[[0.5, 0.5, 0.3, 0.4]])
    (patch,) = patches(one, targets(one, None), None, False, np.random.SeedSequence(0))
    seen = sample(np.random.default_rng(0), patch, plain=True)
    assert (seen.labels.smoking, np.unique(seen.cells).tolist()) == (1, [SILENT])


@pytest.mark.parametrize(("label", "drawn"), [(HAND_BARE, True), (HAND_GLOVE, False)])
def test_cigarettes_are_drawn_in_bare_hands_now_and_then(tmp_path: Path, label: int, drawn: bool):
    one = picture(tmp_path / "d", HAND.format(label), [HAND_BARE, HAND_GLOVE, CIGARETTE])
    patch = patches(one, targets(one, None), None, False, np.random.SeedSequence(0))[0]
    seen = [sample(np.random.default_rng(seed), patch) for seed in range(60)]
    held = [one for one in seen if one.labels.smoking == 1]
    assert bool(held) == drawn
    assert len(held) < 20
    assert all((one.cells == 1).any() for one in held)


@pytest.mark.parametrize(("what", "sides"), [("hand", {0, 1, 2, 3}), ("head", {0})])
def test_hands_are_seen_from_any_side_and_heads_upright(tmp_path: Path, what: str, sides: set[int]):
    label, known = (HAND.format(HAND_BARE), [HAND_BARE, HAND_GLOVE]) if what == "hand" else (BARE, None)
    one = picture(tmp_path / "d", label, known)
    patch = patches(one, targets(one, None), None, False, np.random.SeedSequence(0))[0]
    image = np.full_like(patch.image, 40)
    image[: len(image) // 2] = 220
    seen = [sample(np.random.default_rng(seed), replace(patch, image=image)).image.astype(int).mean(2) for seed in range(80)]
    edges = [[view[20:30].mean(), view[:, -30:-20].mean(), view[-30:-20].mean(), view[:, 20:30].mean()] for view in seen]
    counts = Counter(int(np.argmax(four)) for four in edges)
    # A few are covered by what was put in front.
    assert {side for side, count in counts.items() if count > 4} == sides


def test_every_state_gets_its_share(tmp_path: Path):
    labels = BARE + "".join(f"2 0.{i} 0.2 0.03 0.04\n" for i in range(1, 9))
    one = picture(tmp_path / "d", labels, [HEAD_BARE, HEAD_HAT])
    cut = patches(one, targets(one, None), None, False, np.random.SeedSequence(0))
    chances = shares(cut)
    assert chances.sum() == pytest.approx(1)
    assert all(p.labels.mask == SILENT for p in cut)


def test_heads_from_behind_are_not_drowned_by_places_that_are_no_head(tmp_path: Path):
    one = picture(tmp_path / "d", BARE, [HEAD_BARE, HEAD_HAT, *FACES, HAND_BARE, HAND_GLOVE])
    head, *elsewhere = patches(one, targets(one, None), None, False, np.random.SeedSequence(0))
    back = replace(head, labels=Labels(mask=head.labels.mask, readable=head.labels.readable))
    chances = shares([back] * 60 + elsewhere * 200)
    assert chances[:60].sum() > 0.3
