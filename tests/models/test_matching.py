from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from detector.boxes import Box
from detector.observation import Attribute, Hand, Head, Observation, Person, SeenObject, State
from models.data import (
    CIGARETTE,
    FACE_MASK,
    FACE_NO_MASK,
    FACES,
    HAND_BARE,
    HAND_GLOVE,
    HANDS,
    HEAD_BARE,
    HEAD_HAT,
    HEADS,
    MASK_WRONG,
    PERSON,
    Picture,
)
from models.matching import Matches
from models.outcomes import NOT_FOUND

LEAST = {"person": 0.35, "head": 0.25, "hand": 0.2, "cigarette": 0.35}
FACE: Box = (110, 120, 150, 170)
HEAD: Box = (100, 90, 160, 175)


def picture(classes: Sequence[int], labels: Sequence[tuple[int, Box]] = (), source: str = "drawn") -> Picture:
    return Picture(
        Path("p.png"), source, "g", "CC0", frozenset(classes), (640, 480),
        np.array([c for c, _ in labels], np.int64), np.array([b for _, b in labels], np.float32).reshape(-1, 4),
    )  # fmt: skip


def head(
    box: Box = HEAD, score: float = 0.9, mask: State = "missing", mask_score: float = 0.9, smoking: float = 0.1, cap: float = 0.1
) -> Person:
    told = Attribute("yes" if smoking > 0.5 else "no", smoking)
    covered = Attribute("missing" if cap > 0.5 else "worn", cap)
    return Person(None, None, Head(box, score, covered, Attribute(mask, mask_score), told))


def hand(box: Box, score: float = 0.9, state: State = "missing", glove: float = 0.9, smoking: float = 0.1) -> Person:
    held = Attribute("yes" if smoking > 0.5 else "no", smoking)
    return Person(None, None, None, (Hand(box, score, Attribute(state, glove), held),))


def compare(labelled: Picture, *people: Person, objects: tuple[SeenObject, ...] = ()) -> Matches:
    matches = Matches(head_scale=1.6, hand_scale=1.4, least=LEAST)
    found = {
        "person": [(p.box, p.score) for p in people if p.box],
        "head": [(p.head.box, p.head.score) for p in people if p.head],
        "hand": [(hand.box, hand.score) for p in people for hand in p.hands],
        "cigarette": [(seen.box, seen.score) for seen in objects],
    }
    matches.add(0, labelled, Observation(640, 480, people, objects), found)
    return matches


def test_a_class_that_nobody_looked_for_is_not_counted():
    matches = compare(picture([]), head(), objects=(SeenObject("cigarette", (0, 0, 9, 9), 0.9),))
    assert not matches.candidates
    assert not matches.judged


def test_one_label_is_found_once_and_by_the_surest():
    people = [Person((100, 100, 200, 400), 0.5), Person((101, 100, 200, 400), 0.8)]
    matches = compare(picture([PERSON], [(PERSON, (100, 100, 200, 400))]), *people)
    assert [(c.score, c.hit) for c in matches.candidates["person"]] == [(0.8, True), (0.5, False)]


def test_of_two_labels_the_one_that_it_covers_best_is_found():
    front, behind = (100, 100, 200, 400), (130, 100, 230, 400)
    people = [Person((128, 100, 228, 400), 0.9), Person((95, 100, 165, 400), 0.6)]  # the second one fits the first label alone
    matches = compare(picture([PERSON], [(PERSON, front), (PERSON, behind)]), *people)
    assert [c.hit for c in matches.candidates["person"]] == [True, True]


def test_a_missed_label_stays_to_be_found():
    (label,) = compare(picture([PERSON], [(PERSON, (100, 100, 200, 400))])).labels["person"]
    assert (label.found, label.size) == (False, 300)


def test_a_head_is_the_faces_when_its_centre_lies_in_it():
    matches = compare(picture(FACES, [(MASK_WRONG, FACE)]), head())
    assert [(c.hit, c.size) for c in matches.candidates["no mask"]] == [(True, 50)]


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_heads_around_a_face_the_one_that_fits_it_answers_for_it(order: int):
    behind = head((90, 60, 190, 180), mask="worn", mask_score=0.1)
    matches = compare(picture(FACES, [(FACE_NO_MASK, FACE)]), *[head(), behind][::order])
    assert [j.told for j in matches.judged if j.attribute == "mask"] == ["missing"]


def test_a_masked_face_is_a_false_alarm_of_no_mask():
    matches = compare(picture(FACES, [(FACE_MASK, FACE)]), head())
    assert [c.hit for c in matches.candidates["no mask"]] == [False]
    assert [j.right for j in matches.judged if j.attribute == "mask"] == [False]


def test_what_the_product_tells_is_what_its_card_lets_through():
    people = [Person((100, 100, 200, 400), score) for score in (0.36, 0.34)]
    assert [c.told for c in compare(picture([PERSON]), *people).candidates["person"]] == [True, False]


def test_a_state_that_is_left_untold_is_ranked_and_not_told():
    matches = compare(picture(FACES, [(FACE_NO_MASK, FACE)]), head(mask="unknown"))
    assert [(c.score, c.told) for c in matches.candidates["no mask"]] == [(0.9, False)]


@pytest.mark.parametrize(
    ("truth", "told", "right"),
    [(FACE_NO_MASK, "wrong", True), (MASK_WRONG, "missing", True), (FACE_MASK, "worn", True), (FACE_NO_MASK, "worn", False),
     (FACE_NO_MASK, "unknown", False)],
)  # fmt: skip
def test_both_kinds_of_no_mask_are_one_violation(truth: int, told: State, right: bool):
    (judged,) = [j for j in compare(picture(FACES, [(truth, FACE)]), head(mask=told)).judged if j.attribute == "mask"]
    assert judged.right == right
    assert judged.answered == (told != "unknown")


def test_bare_heads_and_heads_in_hats_are_told_apart():
    hat, bare, missed = (200, 90, 260, 175), HEAD, (400, 90, 460, 175)
    labelled = picture(HEADS, [(HEAD_BARE, bare), (HEAD_HAT, hat), (HEAD_BARE, missed)])
    matches = compare(labelled, head(bare, cap=0.9), head(hat, cap=0.8), head((430, 60, 500, 160), cap=0.7))
    assert {c.score: c.hit for c in matches.candidates["no cap"]} == {0.9: True, 0.8: False, 0.7: False}
    assert [label.found for label in matches.labels["no cap"]] == [True, False]
    assert [(j.truth, j.told) for j in matches.judged if j.attribute == "cap"] == [
        ("missing", "missing"), ("worn", "missing"), ("missing", NOT_FOUND),
    ]  # fmt: skip


def test_where_only_some_states_were_looked_for_nothing_is_said_of_any():
    matches = compare(picture([HEAD_HAT], [(HEAD_HAT, HEAD)]), head(cap=0.9))
    assert not matches.candidates
    assert not matches.labels
    assert not [j for j in matches.judged if j.attribute == "cap"]


def test_bare_and_gloved_hands_are_told_apart():
    bare, gloved = (10, 10, 60, 60), (200, 10, 250, 60)
    labelled = picture(HANDS, [(HAND_BARE, bare), (HAND_GLOVE, gloved)])
    matches = compare(labelled, hand(bare), hand(gloved, state="worn", glove=0.2))
    assert [c.hit for c in matches.candidates["hand"]] == [True, True]
    assert {c.score: c.hit for c in matches.candidates["bare hand"]} == {0.9: True, 0.2: False}
    assert [j.right for j in matches.judged] == [True, True]


@pytest.mark.parametrize(("stick", "smokes"), [((150, 150, 165, 155), "yes"), ((270, 130, 280, 134), "no")])
def test_who_has_a_cigarette_within_the_crop_smokes(stick: Box, smokes: str):
    (judged,) = compare(picture([CIGARETTE], [(CIGARETTE, stick)]), head(smoking=0.9)).judged
    assert judged.truth == smokes


@pytest.mark.parametrize(
    ("stick", "truth"),
    [((110, 130, 130, 134), ["yes"]), ((150, 130, 180, 134), []), ((400, 400, 415, 405), ["no"])],
    ids=["held", "reaches-in", "elsewhere"],
)
def test_a_hand_smokes_that_holds_a_cigarette(stick: Box, truth: list[str]):
    matches = compare(picture([CIGARETTE], [(CIGARETTE, stick)]), hand((100, 100, 140, 160), smoking=0.9))
    assert [j.truth for j in matches.judged] == truth


def test_the_picture_of_a_smokers_hand_is_found():
    held = picture([CIGARETTE], [(CIGARETTE, (110, 130, 130, 134))])
    matches = compare(held, head((300, 90, 360, 175)), hand((100, 100, 140, 160), smoking=0.9))
    assert [(c.score, c.hit, c.told) for c in matches.candidates["smoking picture"]] == [(0.9, True, True)]
    assert [label.found for label in matches.labels["smoking picture"]] == [True]


def test_a_picture_in_which_nobody_smokes_is_nothing_to_find():
    matches = compare(picture([CIGARETTE]), head(smoking=0.8))
    assert [(c.score, c.hit) for c in matches.candidates["smoking picture"]] == [(0.8, False)]
    assert not matches.labels["smoking picture"]


def test_of_hands_only_those_that_surely_hold_a_cigarette_make_a_smokers_picture():
    held = picture([CIGARETTE], [(CIGARETTE, (110, 130, 130, 134))])
    matches = compare(held, head((300, 90, 360, 175)), hand((100, 100, 140, 160), smoking=0.4))
    assert [(c.score, c.told) for c in matches.candidates["smoking picture"]] == [(0.1, False)]


def test_a_smokers_picture_in_which_nobody_is_found_stays_to_be_found():
    matches = compare(picture([CIGARETTE], [(CIGARETTE, (110, 130, 130, 134))]))
    assert [label.found for label in matches.labels["smoking picture"]] == [False]


def test_nobody_smokes_through_a_mask():
    (judged,) = [j for j in compare(picture(FACES, [(FACE_MASK, FACE)]), head()).judged if j.attribute == "smoking"]
    assert (judged.truth, judged.right) == ("no", True)


@pytest.mark.parametrize(("source", "count"), [("simulator", 1), ("drawn", 0)])
def test_a_head_without_a_face_cannot_be_told_where_every_face_is_labelled(source: str, count: int):
    matches = compare(picture([*FACES, *HEADS], [(HEAD_BARE, HEAD)], source), head(mask="unknown"))
    assert [j.told for j in matches.judged if j.truth == "unknown"] == ["unknown"] * count


def test_a_head_that_shows_its_face_or_is_none_is_no_back():
    labelled = picture([*FACES, *HEADS], [(HEAD_BARE, HEAD), (FACE_NO_MASK, FACE)], "simulator")
    matches = compare(labelled, head(), head((300, 90, 360, 175)))
    assert not [j for j in matches.judged if j.truth == "unknown"]


@pytest.mark.parametrize(("hands", "told"), [([], "unknown"), ([hand((120, 200, 150, 230))], "missing")])
def test_nothing_can_be_told_of_gloves_where_no_hand_is_in_sight(hands: list[Person], told: str):
    person = np.array([[100, 100, 200, 400]], np.float32)
    seen = compare(replace(picture([]), hands_out_of_sight=person), *hands, hand((300, 200, 330, 230))).judged
    assert [(j.attribute, j.truth, j.told) for j in seen] == [("glove", "unknown", told)]


def test_who_shows_no_labelled_hand_in_a_rendered_picture_has_them_out_of_sight():
    people = [(PERSON, (0, 0, 100, 400)), (PERSON, (200, 0, 300, 400)), (HAND_BARE, (220, 200, 250, 230))]
    seen = compare(picture([PERSON, *HANDS], people, "simulator")).judged
    assert [j.box for j in seen if j.truth == "unknown"] == [(0, 0, 100, 400)]


def test_a_cigarette_in_the_hand_of_an_outstretched_arm_is_not_judged():
    matches = compare(picture([CIGARETTE], [(CIGARETTE, (215, 130, 225, 134))]), head(smoking=0.9))
    assert not matches.judged


def verdict(smokes: bool | None = None, labels: Sequence[tuple[int, Box]] = ()) -> Picture:
    boxes = {True: "smokers", False: "non_smokers"}
    judged = {} if smokes is None else {boxes[smokes]: np.array([HEAD], np.float32)}
    return replace(picture([], labels), **judged)


def test_of_a_picture_with_one_judged_head_only_that_head_counts():
    other = head((300, 90, 360, 175))
    matches = compare(verdict(labels=[(FACE_NO_MASK, FACE)]), head(), other)
    assert [c.hit for c in matches.candidates["no mask"]] == [True]
    assert [(j.attribute, j.truth) for j in matches.judged] == [("mask", "missing")]


def test_a_judged_hand_that_was_missed_stays_to_be_found():
    matches = compare(verdict(labels=[(HAND_BARE, (10, 10, 40, 40))]), hand((300, 300, 330, 330)))
    assert not matches.candidates["bare hand"]
    assert [label.found for label in matches.labels["bare hand"]] == [False]


@pytest.mark.parametrize(("key", "truth"), [("smoking_hands", "yes"), ("empty_hands", "no")])
def test_a_judged_hand_is_compared_at_that_hand(key: str, truth: str):
    box = (100, 100, 140, 160)
    seen = replace(picture([]), **{key: np.array([box], np.float32)})
    matches = compare(seen, hand(box, smoking=0.9), hand((300, 90, 360, 175), smoking=0.8))
    assert [(j.truth, j.score) for j in matches.judged if j.attribute == "smoking"] == [(truth, 0.9)]


@pytest.mark.parametrize(("smokes", "truth"), [(True, "yes"), (False, "no")])
def test_a_judged_smoker_is_compared_at_that_head(smokes: bool, truth: str):
    matches = compare(verdict(smokes), head(smoking=0.9), head((300, 90, 360, 175), smoking=0.8))
    assert [(c.score, c.hit) for c in matches.candidates["smoking picture"]] == [(0.9, smokes)]
    assert [j.truth for j in matches.judged if j.attribute == "smoking"] == [truth]


@pytest.mark.parametrize("smokes", [True, False])
def test_a_judged_smoker_who_is_not_found_is_missed(smokes: bool):
    matches = compare(verdict(smokes), head((300, 90, 360, 175), smoking=0.8))
    assert [j.told for j in matches.judged if j.attribute == "smoking"] == [NOT_FOUND]
    assert not matches.candidates["smoking picture"]
    assert [label.found for label in matches.labels["smoking picture"]] == [False] * smokes
