import json
from dataclasses import replace

import pytest

from detector.observation import Attribute, Hand, Observation, Person, SeenObject
from tests.detector.scenes import attribute, person, scene


def test_json_has_the_promised_form():
    cigarette = SeenObject("cigarette", (1.04, 2, 3, 4), 0.5)
    seen = Observation(1280, 720, (person(gloves=("missing",), track=7),), (cigarette,))
    assert json.loads(json.dumps(seen.as_json())) == {
        "width": 1280,
        "height": 720,
        "people": [
            {
                "box": [100, 100, 200, 400],
                "score": 0.9,
                "track": 7,
                "head": {"box": [133.3, 100, 166.7, 150], "score": 0.9},
                "cap": {"state": "worn", "score": 0.05},
                "mask": {"state": "worn", "score": 0.05},
                "smoking": {"state": "no", "score": 0.05},
                "hands": [
                    {
                        "box": [100, 200, 120, 220],
                        "score": 0.8,
                        "glove": {"state": "missing", "score": 0.95},
                        "smoking": {"state": "no", "score": 0.05},
                    }
                ],
            }
        ],
        "objects": [{"class": "cigarette", "box": [1.0, 2, 3, 4], "score": 0.5}],
    }


def test_what_was_not_looked_at_is_absent():
    (line,) = scene(person(with_head=False)).as_json()["people"]
    assert "head" not in line
    assert "cap" not in line


def test_a_lone_hand_has_no_box_of_its_own():
    seen = scene(Person(None, None, None, (Hand((0, 0, 9, 9), 0.9, attribute("worn"), attribute("no")),)))
    assert seen.as_json()["people"][0]["box"] is None


def test_of_two_hands_the_bare_one_counts():
    assert person(gloves=("worn", "missing")).attribute("glove").state == "missing"


def test_a_hand_that_can_be_told_counts_before_one_that_cannot():
    assert person(gloves=("unknown", "worn")).attribute("glove").state == "worn"


@pytest.mark.parametrize(("mouth", "held", "told"), [("no", "yes", "yes"), ("yes", "no", "yes"), ("no", "unknown", "no")])
def test_a_cigarette_in_a_hand_is_smoking_and_a_hand_without_one_says_nothing(mouth, held, told):
    assert person(mask="missing", smoking=mouth, gloves=("missing",), held=held).attribute("smoking").state == told


def test_a_mouth_that_cannot_be_seen_hides_no_cigarette_in_a_hand():
    """From behind, the crop of the head may look like smoking, and more surely so than the hand."""
    smoker = person(mask="unknown", gloves=("missing",), held="yes")
    unseen = replace(smoker.head, smoking=Attribute("unknown", 0.99))
    assert replace(smoker, head=unseen).attribute("smoking").state == "yes"


@pytest.mark.parametrize(("mask", "told"), [("worn", "no"), ("missing", "yes"), ("wrong", "yes"), ("unknown", "yes")])
def test_what_somebody_with_a_mask_holds_is_no_cigarette(mask, told):
    smoker = person(mask=mask, gloves=("missing",), held="yes", track=1)
    assert smoker.attribute("smoking").state == told
    assert [box.kind for box in scene(smoker).marked_boxes(1, "smoking") if box.violating] == [
        "head" if told == "no" else "hand"
    ]


@pytest.mark.parametrize(("held", "told"), [("yes", "yes"), ("no", None)])
def test_a_hand_smokes_where_the_head_is_out_of_sight(held, told):
    smoker = person(with_head=False, gloves=("missing",), held=held, track=1)
    smoking = smoker.attribute("smoking")
    assert (smoking.state if smoking else None) == told
    assert [box.kind for box in scene(smoker).marked_boxes(1, "smoking") if box.violating] == (["hand"] if told else [])


def test_only_the_guilty_head_is_marked():
    """Whatever else the hands do, or the smoker's cigarette beside it."""
    guilty = person((600, 100, 700, 400), mask="missing", gloves=("missing",), held="yes", track=2)
    seen = Observation(1280, 720, (person(track=1), guilty), (SeenObject("cigarette", (640, 140, 650, 146), 0.8),))
    marked = [box for box in seen.marked_boxes(2, "cap") if box.violating]
    assert [(box.kind, box.box[0] > 600) for box in marked] == [("head", True)]


def test_only_the_smokers_own_cigarette_is_marked():
    cigarettes = (SeenObject("cigarette", (140, 140, 150, 146), 0.8), SeenObject("cigarette", (640, 140, 650, 146), 0.8))
    people = (person(smoking="yes", track=1), person((600, 100, 700, 400), smoking="yes", track=2))
    seen = Observation(1280, 720, people, cigarettes)
    marked = [box for box in seen.marked_boxes(2, "smoking") if box.violating and box.kind == "cigarette"]
    assert [box.box[0] for box in marked] == [640]


def test_what_the_finder_was_taught_besides_is_no_cigarette():
    seen = Observation(1280, 720, (person(smoking="yes", track=1),), (SeenObject("rat", (140, 140, 150, 146), 0.8),))
    assert [box.kind for box in seen.marked_boxes(1, "smoking")] == ["person", "head"]


def test_only_what_the_smoker_holds_is_marked():
    smokers = [person((x, 100, x + 100, 400), mask="missing", gloves=("missing",), held="yes", track=x) for x in (100, 600)]
    held = tuple(SeenObject("cigarette", (x + 15, 205, x + 25, 225), 0.8) for x in (100, 600))
    marked = [box for box in Observation(1280, 720, tuple(smokers), held).marked_boxes(600, "smoking") if box.violating]
    assert [(box.kind, box.box[0]) for box in marked] == [("hand", 600), ("cigarette", 615)]


def test_only_the_bare_hand_is_marked():
    """Not the gloved one, not the head, nor what somebody else does, nor what else the hand does."""
    guilty = person(mask="missing", gloves=("worn", "missing"), held="yes", track=1)
    other = person((600, 100, 700, 400), gloves=("missing",), track=2)
    seen = Observation(1280, 720, (guilty, other), (SeenObject("cigarette", (155, 205, 165, 208), 0.8),))
    assert [(box.kind, box.box[0]) for box in seen.marked_boxes(1, "glove") if box.violating] == [("hand", 150)]


def test_what_belongs_to_nobody_that_was_found_is_kept_without_a_person():
    alone = person(gloves=("missing",))
    seen = scene(Person(None, None, alone.head), Person(None, None, None, alone.hands), person())
    marked = [(box.kind, box.violating) for box in seen.marked_boxes(None, None)]
    assert marked == [("head", False), ("hand", False), ("person", False), ("head", False)]


@pytest.mark.parametrize(
    ("mouth", "held", "marked"),
    [("no", "yes", ["hand", "cigarette"]), ("yes", "yes", ["head", "hand", "cigarette"]), ("yes", "no", ["head", "cigarette"])],
)
def test_what_shows_the_cigarette_is_marked_with_it(mouth, held, marked):
    smoker = person(mask="missing", smoking=mouth, gloves=("missing",), held=held, track=1)
    seen = Observation(1280, 720, (smoker,), (SeenObject("cigarette", (115, 205, 125, 208), 0.8),))
    assert [box.kind for box in seen.marked_boxes(1, "smoking") if box.violating] == marked
