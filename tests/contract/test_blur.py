import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from contract.blur import BLOCKS, hide_faces, regions_of
from contract.evidence import MarkedBox

PERSON = MarkedBox(kind="person", box=(100, 50, 220, 410), score=0.9)
HEAD = MarkedBox(kind="head", box=(130, 55, 190, 130), score=0.9, violating=True)


def noise() -> np.ndarray:
    """Every pixel another, as a face has them."""
    return np.random.default_rng(1).integers(0, 256, (480, 640, 3), np.uint8)


def steps(line: np.ndarray) -> int:
    """How many different stretches a row or column of pixels has."""
    return 1 + int((np.abs(np.diff(line.astype(int), axis=0)).sum(axis=1) > 0).sum())


class TestIrreversible:
    @pytest.mark.parametrize(
        "head", [(130, 55, 190, 130), (10, 5, 33, 26), (200, 100, 520, 470), (-20, -10, 60, 80), (600, 400, 700, 500)]
    )
    def test_at_most_eight_blocks_across_a_face(self, head: tuple[float, float, float, float]):
        picture = noise()
        hide_faces(picture, [MarkedBox(kind="head", box=head, score=0.9)])
        x1, y1, x2, y2 = (max(0, int(value)) for value in head)
        face = picture[y1:y2, x1:x2]
        assert max(steps(row) for row in face) <= 8
        assert max(steps(column) for column in face.swapaxes(0, 1)) <= 8
        assert len(np.unique(face.reshape(-1, 3), axis=0)) <= 64

    def test_faces_with_the_same_averages_cannot_be_told_apart(self):
        """What is left is the averages and nothing else, so the original is one of very many."""
        one = np.full((480, 640, 3), 128, np.uint8)
        other = one.copy()
        hide_faces(one, [HEAD])
        # Within each block, half of the pixels lighter and half darker by the same amount.
        x1, y1, x2, y2 = 121, 43, 199, 142
        block = -(-max(x2 - x1, y2 - y1) // BLOCKS)
        for y in range(y1, y2 - block, block):
            for x in range(x1, x2 - block, block):
                other[y : y + block // 2 * 2, x : x + block // 2 * 2 : 2] += 40
                other[y : y + block // 2 * 2, x + 1 : x + block // 2 * 2 : 2] -= 40
        assert np.abs(other.astype(int) - 128).max() == 40
        hide_faces(other, [HEAD])
        assert np.abs(one.astype(int) - other.astype(int)).max() <= 8

    def test_two_heads_that_overlap(self):
        picture = noise()
        heads = ((100, 100, 200, 200), (150, 120, 210, 180), (98, 102, 203, 197))
        boxes = [MarkedBox(kind="head", box=box, score=0.9) for box in heads]
        hide_faces(picture, boxes)
        assert len(np.unique(picture[100:200, 100:200].reshape(-1, 3), axis=0)) <= 3 * 64
        assert steps(picture[150, 150:210]) <= 16

    def test_nothing_else_is_touched(self):
        picture, before = noise(), noise()
        hide_faces(picture, [PERSON, HEAD])
        assert (picture[150:] == before[150:]).all()
        assert (picture[:, 260:] == before[:, 260:]).all()


class TestWhere:
    def test_a_head_has_a_margin(self):
        ((x1, y1, x2, y2),) = regions_of([HEAD])
        assert (x1, y1, x2, y2) == pytest.approx((121, 43.75, 199, 141.25))

    def test_the_upper_third_where_no_head_was_found(self):
        assert regions_of([PERSON]) == [(100, 50, 220, 170)]

    def test_more_where_only_the_upper_body_is_in_the_picture(self):
        assert regions_of([MarkedBox(kind="person", box=(0, 100, 300, 400), score=0.9)]) == [(0, 100, 300, 280)]

    def test_who_stands_behind_a_head_is_hidden_too(self):
        behind = MarkedBox(kind="person", box=(120, 20, 240, 380), score=0.9)
        assert len(regions_of([PERSON, HEAD, behind])) == 2
        assert (120, 20, 240, 140) in regions_of([PERSON, HEAD, behind])

    def test_the_head_that_violates_is_spared_where_it_is_asked_for(self):
        guilty = HEAD.model_copy(update={"violating": True})
        other = MarkedBox(kind="head", box=(300, 60, 340, 110), score=0.9)
        assert len(regions_of([PERSON, guilty, other])) == 2
        ((x1, *_),) = regions_of([PERSON, guilty, other], spare_violating=True)
        assert x1 == pytest.approx(294)

    def test_hands_are_left(self):
        assert regions_of([MarkedBox(kind="hand", box=(0, 0, 9, 9), score=0.9)]) == []


@pytest.mark.shared
def test_real_faces():
    """In pictures that people have drawn boxes in: eight blocks at most across each face whose head no other one covers."""
    folder, checked = Path(__file__).parents[3] / "shared" / "data" / "first", 0
    for line in (folder / "manifest.jsonl").read_text().splitlines():
        about = json.loads(line)
        if not {1, 2} & set(about["annotated"]) or about["source"] != "kaggle_mask853":
            continue
        picture = cv2.imread(str(folder / about["image"]))
        assert picture is not None
        boxes = [row.split() for row in (folder / about["label"]).read_text().splitlines()]
        heads = [in_pixels(row[1:], picture) for row in boxes if row[0] in ("1", "2")]
        faces = [in_pixels(row[1:], picture) for row in boxes if row[0] in ("3", "4", "5")]
        hide_faces(picture, [MarkedBox(kind="head", box=head, score=1) for head in heads])
        for x1, y1, x2, y2 in faces:
            around = [head for head in heads if head[0] < x2 and head[2] > x1 and head[1] < y2 and head[3] > y1]
            if len(around) == 1 and x2 - x1 > 16:
                face = picture[max(0, int(y1)) : int(y2), max(0, int(x1)) : int(x2)]
                assert max(steps(row) for row in face) <= 8, about["image"]
                checked += 1
    assert checked > 100


def in_pixels(words: list[str], picture: np.ndarray) -> tuple[float, float, float, float]:
    height, width = picture.shape[:2]
    x, y, w, h = (float(word) for word in words)
    return (x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height
