import json

from detector.observation import Hand, Observation, Person, SeenObject
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
                "hands": [{"box": [100, 200, 120, 220], "score": 0.8, "glove": {"state": "missing", "score": 0.95}}],
            }
        ],
        "objects": [{"class": "cigarette", "box": [1.0, 2, 3, 4], "score": 0.5}],
    }


def test_what_was_not_looked_at_is_absent():
    (line,) = scene(person(with_head=False)).as_json()["people"]
    assert "head" not in line
    assert "cap" not in line


def test_a_lone_hand_has_no_box_of_its_own():
    seen = scene(Person(None, None, None, (Hand((0, 0, 9, 9), 0.9, attribute("worn")),)))
    assert seen.as_json()["people"][0]["box"] is None


def test_of_two_hands_the_bare_one_counts():
    assert person(gloves=("worn", "missing")).attribute("glove").state == "missing"


def test_a_hand_that_can_be_told_counts_before_one_that_cannot():
    assert person(gloves=("unknown", "worn")).attribute("glove").state == "worn"


def test_only_the_guilty_head_is_marked():
    seen = scene(person(track=1), person((600, 100, 700, 400), track=2))
    marked = [box for box in seen.marked_boxes(2, "cap") if box.violating]
    assert [(box.kind, box.box[0] > 600) for box in marked] == [("head", True)]


def test_only_the_smokers_own_cigarette_is_marked():
    cigarettes = (SeenObject("cigarette", (140, 140, 150, 146), 0.8), SeenObject("cigarette", (640, 140, 650, 146), 0.8))
    people = (person(smoking="yes", track=1), person((600, 100, 700, 400), smoking="yes", track=2))
    seen = Observation(1280, 720, people, cigarettes)
    marked = [box for box in seen.marked_boxes(2, "smoking") if box.violating and box.kind == "cigarette"]
    assert [box.box[0] for box in marked] == [640]
