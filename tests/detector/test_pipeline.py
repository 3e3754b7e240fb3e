import numpy as np
import pytest

from contract.evidence import ModelVersion
from detector.attributes import Reading
from detector.card import Crop
from detector.observation import Attribute, SeenObject
from detector.pipeline import Detector

PICTURE = np.zeros((720, 1280, 3), np.uint8)
CALM = Reading(Attribute("worn", 0.1), Attribute("worn", 0.1), Attribute("no", 0.1), Attribute("worn", 0.1))


class ScriptedFinder:
    classes = ("person", "head", "hand", "cigarette", "rat")

    def __init__(self, *pictures):
        self.pictures = pictures

    def find(self, images):
        return [[SeenObject(row[0], row[1:5], 0.8) for row in rows] for rows in self.pictures]


class ScriptedReader:
    crop = Crop(size=96, head_scale=1.6, hand_scale=1.4)

    def __init__(self, calm=CALM):
        self.cuts = []
        self.calm = calm

    def cut(self, image, boxes, scale):
        self.cuts += [(round(box[0]), scale) for box in boxes]
        return [image] * len(boxes)

    def read(self, crops):
        # Each reading is told apart by the place of its crop in the call.
        return [Reading(self.calm.cap, self.calm.mask, self.calm.smoking, Attribute("worn", i / 100)) for i in range(len(crops))]

    def sure(self, name):
        return 0.7


def look(*pictures, calm=CALM, asked=None):
    detector = Detector(ScriptedFinder(*pictures), ScriptedReader(calm), [ModelVersion(name="x", sha256="0" * 64)])
    return detector.look([PICTURE] * len(pictures), asked)


def test_head_and_hands_join_their_person():
    (seen,) = look([("person", 100, 100, 300, 600), ("head", 170, 100, 230, 170), ("hand", 100, 300, 130, 330)])
    (person,) = seen.people
    assert person.head.box == (170, 100, 230, 170)
    assert [hand.box for hand in person.hands] == [(100, 300, 130, 330)]


def test_what_belongs_to_nobody_is_told_apart():
    (seen,) = look([("person", 100, 100, 300, 600), ("head", 900, 100, 960, 170), ("hand", 1100, 300, 1130, 330)])
    assert [(p.box is None, p.head is not None, len(p.hands)) for p in seen.people] == [
        (False, False, 0), (True, True, 0), (True, False, 1),
    ]


def test_every_reading_reaches_its_own_crop():
    first = [("head", 0, 0, 60, 60), ("hand", 500, 0, 530, 30)]
    second = [("hand", 200, 0, 230, 30), ("hand", 300, 0, 330, 30)]
    one, two = look(first, second)
    scores = [hand.glove.score for seen in (one, two) for person in seen.people for hand in person.hands]
    assert scores == pytest.approx([0.01, 0.02, 0.03])


def test_nothing_is_read_that_nobody_asks_for():
    """And every reading still reaches its own crop."""
    picture = [("head", 0, 0, 60, 60), ("hand", 200, 0, 230, 30), ("hand", 300, 0, 330, 30)]
    heads, hands, both = look(picture, picture, picture, asked=[{"cap"}, {"glove"}, {"smoking", "glove"}])
    gloves = [[hand.glove for person in seen.people for hand in person.hands] for seen in (heads, hands, both)]
    assert [[glove.state for glove in one] for one in gloves] == [["unknown"] * 2, ["worn"] * 2, ["worn"] * 2]
    assert [glove.score for glove in gloves[1] + gloves[2]] == pytest.approx([0.01, 0.02, 0.04, 0.05])
    assert [seen.people[0].head.cap.state for seen in (heads, hands, both)] == ["worn", "unknown", "worn"]
    assert [hand.box for person in heads.people for hand in person.hands] == [(200, 0, 230, 30), (300, 0, 330, 30)]


def test_what_nobody_asks_for_is_not_cut_either():
    picture = [("head", 0, 0, 60, 60), ("hand", 200, 0, 230, 30), ("hand", 300, 0, 330, 30)]
    reader = ScriptedReader()
    Detector(ScriptedFinder(picture, picture), reader, []).look([PICTURE] * 2, [{"cap"}, {"glove"}])
    assert reader.cuts == [(0, 1.6), (200, 1.4), (300, 1.4)]


def test_a_cigarette_at_the_mouth_is_smoking():
    (seen,) = look([("head", 100, 100, 160, 160), ("cigarette", 125, 140, 140, 146)])
    assert (seen.people[0].head.smoking.state, seen.people[0].head.smoking.score) == ("yes", pytest.approx(0.8))
    assert seen.objects[0].name == "cigarette"


def test_a_class_that_the_finder_was_taught_besides_is_told():
    (seen,) = look([("rat", 600, 600, 660, 640)])
    assert [(thing.name, thing.box) for thing in seen.objects] == [("rat", (600, 600, 660, 640))]


@pytest.mark.parametrize("box", [(400, 440, 415, 446), (125, 440, 140, 446), (400, 140, 415, 146)])
def test_a_cigarette_far_from_the_head_is_not(box):
    (seen,) = look([("head", 100, 100, 160, 160), ("cigarette", *box)])
    assert seen.people[0].head.smoking.state == "no"


@pytest.mark.parametrize(("mask", "smoking"), [("unknown", "unknown"), ("missing", "yes")])
def test_smoking_is_not_read_from_the_back_of_a_head(mask, smoking):
    calm = Reading(CALM.cap, Attribute(mask, 0.5), Attribute("yes", 0.9), CALM.glove)
    (seen,) = look([("head", 100, 100, 160, 160)], calm=calm)
    assert (seen.people[0].head.smoking.state, seen.people[0].head.smoking.score) == (smoking, 0.9)


@pytest.mark.parametrize(
    ("box", "state", "told"),
    [
        ((100, 0, 160, 50), "missing", "unknown"), ((100, 1, 160, 51), "missing", "unknown"),
        ((0, 0, 60, 75), "missing", "unknown"), ((1220, 0, 1280, 75), "missing", "unknown"),
        ((100, 10, 160, 60), "missing", "missing"), ((100, 0, 160, 75), "missing", "missing"),
        ((100, 0, 160, 50), "worn", "worn"),
    ],
    ids=["cut-off", "all-but-cut-off", "left-corner", "right-corner", "space-above", "whole", "its-cap-shows"],
)
def test_of_a_head_that_the_upper_edge_cuts_off_nobody_can_tell_that_it_is_bare(box, state, told):
    calm = Reading(Attribute(state, 0.9), CALM.mask, CALM.smoking, CALM.glove)
    (seen,) = look([("head", *box)], calm=calm)
    assert (seen.people[0].head.cap.state, seen.people[0].head.cap.score) == (told, 0.9)


@pytest.mark.parametrize(("cigarette", "told"), [((240, 240, 255, 246), "yes"), ((400, 440, 415, 446), "no")])
def test_a_cigarette_that_stage_1_found_in_a_hand_is_smoking(cigarette, told):
    (seen,) = look([("hand", 220, 220, 260, 260), ("cigarette", *cigarette)])
    assert seen.people[0].hands[0].smoking.state == told


@pytest.mark.parametrize(("score", "told"), [(0.9, "yes"), (0.7, "unknown")])
def test_a_cigarette_that_stage_2_surely_reads_in_a_hand_is_smoking(score, told):
    calm = Reading(CALM.cap, CALM.mask, Attribute("yes", score), CALM.glove)
    (seen,) = look([("hand", 220, 220, 260, 260)], calm=calm)
    assert (seen.people[0].hands[0].smoking.state, seen.people[0].hands[0].smoking.score) == (told, score)


def test_an_empty_picture_shows_nothing():
    (seen,) = look([])
    assert (seen.people, seen.objects, seen.width, seen.height) == ((), (), 1280, 720)


@pytest.mark.parametrize("shape", [(720, 1280, 3), (480, 640, 3), (33, 47, 3), (1, 1, 3)])
def test_the_shipped_weights_look_at_any_shape(shape):
    (seen,) = Detector.load().look([np.full(shape, 90, np.uint8)])
    assert (seen.height, seen.width) == shape[:2]
