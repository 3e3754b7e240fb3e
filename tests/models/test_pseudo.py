from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.boxes import face_in_head, head_from_face
from models.data import (
    CIGARETTE,
    FACE_MASK,
    FACE_NO_MASK,
    HAND_BARE,
    HAND_GLOVE,
    HEAD_BARE,
    HEAD_HAT,
    MASK_WRONG,
    PERSON,
    Picture,
)
from models.pseudo import CIG, HAND, HEAD, targets
from models.pseudo import PERSON as PEOPLE
from models.teachers import Opinion

FACES = frozenset({FACE_MASK, FACE_NO_MASK, MASK_WRONG})
BODY, FACE, WHOLE_HEAD = [100, 50, 300, 450], [170, 80, 230, 150], [160, 50, 240, 160]


def picture(annotated: frozenset[int] = frozenset(), labels: list[tuple[int, list[float]]] | None = None) -> Picture:
    labels = labels or []
    return Picture(
        Path("p.png"), "drawn", "g", "CC0", annotated, (640, 480),
        np.array([c for c, _ in labels], np.int64), np.array([b for _, b in labels], np.float32).reshape(-1, 4),
    )  # fmt: skip


def opinion(**seen: list[list[float]]) -> Opinion:
    names = ("pinto_person", "pinto_head", "pinto_hand", "feige_hand", "coco_person", "face")
    return Opinion(**{n: np.array(seen.get(n, []), np.float32).reshape(-1, 5) for n in names})


def test_without_labels_and_teachers_everything_is_unknown():
    assert targets(picture(), None).unknown == {PEOPLE, HEAD, HAND, CIG}


def test_a_person_that_two_teachers_see_is_a_label():
    found = targets(picture(), opinion(coco_person=[[*BODY, 0.4]], pinto_person=[[*BODY, 0.4]]))
    assert found.of(PEOPLE).tolist() == [BODY]


def test_a_person_that_one_teacher_half_sees_is_not_taught():
    found = targets(picture(), opinion(pinto_person=[[*BODY, 0.5]]))
    assert len(found.of(PEOPLE)) == 0
    assert found.unsure[PEOPLE].tolist() == [BODY]


def test_given_people_overrule_the_teachers():
    found = targets(picture(frozenset({PERSON}), [(PERSON, [0, 0, 50, 90])]), opinion(coco_person=[[*BODY, 0.9]]))
    assert found.of(PEOPLE).tolist() == [[0, 0, 50, 90]]
    assert len(found.unsure[PEOPLE]) == 0


def test_a_head_is_confirmed_by_a_face_and_covers_both():
    seen = opinion(pinto_head=[[160, 50, 240, 130, 0.3]], face=[[*FACE, 0.6]])
    assert targets(picture(), seen).of(HEAD).tolist() == [[160, 50, 240, 150]]


def test_a_back_of_a_head_needs_its_person():
    alone = opinion(pinto_head=[[*WHOLE_HEAD, 0.8]])
    assert len(targets(picture(), alone).of(HEAD)) == 0
    owned = opinion(pinto_head=[[*WHOLE_HEAD, 0.8]], coco_person=[[*BODY, 0.9]])
    assert targets(picture(), owned).of(HEAD).tolist() == [WHOLE_HEAD]


def test_a_labelled_face_is_a_head_even_if_no_teacher_sees_it():
    found = targets(picture(FACES, [(FACE_NO_MASK, FACE)]), opinion())
    (head,) = found.of(HEAD)
    assert head[1] < FACE[1]
    assert head[0] < FACE[0]
    assert head[2] > FACE[2]


def test_given_hands_are_all_there_is():
    hands = frozenset({HAND_BARE, HAND_GLOVE})
    found = targets(picture(hands, [(HAND_GLOVE, [10, 10, 40, 40])]), opinion(feige_hand=[[300, 300, 340, 340, 0.9]]))
    assert found.of(HAND).tolist() == [[10, 10, 40, 40]]
    assert found.unsure[HAND].tolist() == [[300, 300, 340, 340]]


def test_what_a_person_has_seen_to_be_no_hand_is_taught_as_none():
    ear = [200, 200, 240, 240]
    seen = opinion(pinto_hand=[[*ear, 0.9]], feige_hand=[[*ear, 0.9]])
    found = targets(replace(picture(), no_hands=np.array([ear], np.float32)), seen)
    assert (len(targets(picture(), seen).of(HAND)), len(found.of(HAND)), len(found.unsure[HAND])) == (1, 0, 0)


def test_no_cigarette_is_known_only_where_somebody_looked():
    assert CIG in targets(picture(), opinion()).unknown
    assert CIG not in targets(picture(), opinion(), no_cigarette=True).unknown
    assert CIG not in targets(picture(frozenset({CIGARETTE})), opinion()).unknown


@pytest.mark.parametrize("label", [HEAD_BARE, HEAD_HAT])
def test_a_given_head_keeps_its_outline(label: int):
    found = targets(picture(frozenset({HEAD_BARE, HEAD_HAT}), [(label, WHOLE_HEAD)]), opinion(face=[[*FACE, 0.9]]))
    assert found.of(HEAD).tolist() == [WHOLE_HEAD]


def test_boxes_that_were_judged_alone_are_taught_and_nothing_else_is():
    found = targets(picture(labels=[(HEAD_BARE, WHOLE_HEAD), (HAND_GLOVE, [0, 0, 40, 40])]), None)
    assert (found.of(HEAD).tolist(), found.of(HAND).tolist()) == ([WHOLE_HEAD], [[0, 0, 40, 40]])
    assert found.unknown == {PEOPLE, HEAD, HAND, CIG}


def test_a_judged_hand_takes_the_place_of_the_teachers():
    seen = opinion(pinto_hand=[[0, 0, 42, 42, 0.9], [200, 200, 240, 240, 0.9]], feige_hand=[[200, 200, 240, 240, 0.9]])
    found = targets(picture(labels=[(HAND_GLOVE, [0, 0, 40, 40])]), seen)
    assert found.of(HAND).tolist() == [[200, 200, 240, 240], [0, 0, 40, 40]]


def test_a_face_of_a_judged_head_grows_back_to_that_head():
    (head,) = head_from_face(face_in_head(np.array([WHOLE_HEAD], np.float32)))
    assert head == pytest.approx(WHOLE_HEAD, abs=0.01)
