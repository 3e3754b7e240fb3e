from dataclasses import replace
from pathlib import Path

import numpy as np

from models.data import CIGARETTE, FACE_MASK, FACES, HAND_BARE, HANDS, Picture
from models.left_out import LEAST, sources, told_elsewhere


def pictures(source: str, count: int, *annotated: int) -> list[Picture]:
    empty = np.zeros(0, np.int64), np.zeros((0, 4), np.float32)
    return [Picture(Path(f"{i}.png"), source, f"g{i}", "CC0", frozenset(annotated), (64, 48), *empty) for i in range(count)]


def test_a_source_can_be_left_out_where_another_one_is_large_enough():
    given = [*pictures("a", LEAST, *HANDS), *pictures("b", LEAST, *HANDS), *pictures("c", LEAST - 1, *HANDS)]
    assert sources(given) == ["a", "b"]


def test_the_only_source_of_a_class_cannot_be_left_out():
    assert sources([*pictures("a", LEAST, CIGARETTE), *pictures("b", LEAST - 1, CIGARETTE)]) == []


def test_only_what_others_teach_is_measured_on_the_source():
    given = [*pictures("a", LEAST, *HANDS, CIGARETTE), *pictures("b", LEAST, *HANDS), *pictures("c", LEAST - 1, *FACES)]
    assert {picture.annotated for picture in told_elsewhere(given, "a")} == {frozenset(HANDS)}


def test_labels_that_no_other_source_teaches_are_not_measured_box_by_box_either():
    boxes = np.array([[0, 0, 20, 20], [20, 0, 40, 20]], np.float32)
    labelled = [
        replace(p, classes=np.array([HAND_BARE, FACE_MASK]), boxes=boxes) for p in pictures("a", LEAST, *HANDS, *FACES)
    ]
    told = told_elsewhere([*labelled, *pictures("b", LEAST, *HANDS)], "a")[0]
    assert (told.classes.tolist(), told.boxes.tolist()) == ([HAND_BARE], [[0, 0, 20, 20]])


def test_other_sources_are_not_measured():
    given = [*pictures("a", LEAST, *HANDS), *pictures("b", LEAST, *HANDS)]
    assert {picture.source for picture in told_elsewhere(given, "a")} == {"a"}
