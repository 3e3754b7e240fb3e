"""The truth is what the pixels show."""

from dataclasses import replace

import numpy as np
import pytest

from simulator.geometry import Part
from simulator.truth import HEAD_PARTS, PERSON_PARTS, box_of, person_truth
from tests.simulator.scenes import Scene


def test_boxes_enclose_exactly_their_pixels(scene: Scene) -> None:
    frame, person = scene.draw(scene.actor.wear(0.0))
    part = frame.ids & 15
    assert person is not None
    assert person.box == box_of(np.isin(part, PERSON_PARTS))
    assert person.head == box_of(np.isin(part, HEAD_PARTS))
    hands = {hand.side: hand.box for hand in person.hands}
    assert hands == {"left": box_of(part == Part.HAND_LEFT), "right": box_of(part == Part.HAND_RIGHT)}


def test_the_head_box_includes_the_cap(scene: Scene) -> None:
    capped = scene.actor.wear(0.0)
    frame, person = scene.draw(capped)
    cap = box_of((frame.ids & 15) == Part.CAP)
    assert person is not None
    assert person.head is not None
    assert cap is not None
    assert all(head <= edge for head, edge in zip(person.head[:2], cap[:2], strict=True))
    assert all(head >= edge for head, edge in zip(person.head[2:], cap[2:], strict=True))


@pytest.mark.parametrize(
    ("change", "inside"),
    [({"cap": None}, "head"), ({"mask": None}, "face"), ({"mask_state": "wrong"}, "face"), ({"gloves": (None, None)}, "box"),
     ({"smoking": "mouth", "mask": None}, "head")],
    ids=["no cap", "no mask", "mask on the chin", "no gloves", "cigarette"],
)
def test_what_is_worn_changes_pixels_and_only_there(scene: Scene, change: dict[str, object], inside: str) -> None:
    before, truth = scene.draw(scene.actor.wear(0.0))
    after, _ = scene.draw(replace(scene.actor.wear(0.0), **change))
    changed = np.abs(before.image - after.image).max(-1) > 0.05
    assert truth is not None
    x1, y1, x2, y2 = getattr(truth, inside)
    # The shadow of a cap falls on the shoulders too.
    around = changed[max(0, y1 - 4) : y2 + 12, max(0, x1 - 4) : x2 + 4]
    assert changed.sum() > 15
    assert around.sum() > 0.8 * changed.sum()


def test_states_are_named_as_worn(scene: Scene) -> None:
    _, person = scene.draw(replace(scene.actor.wear(0.0), mask_state="wrong", cap=None, gloves=(None, "2a5a94"), smoking="mouth"))
    assert person is not None
    assert (person.cap, person.cap_kind, person.mask, person.smoking) == ("missing", None, "wrong", True)
    assert {hand.side: hand.glove for hand in person.hands} == {"left": "missing", "right": "worn"}
    assert person.cigarette is not None


@pytest.mark.parametrize(("whole", "sides"), [(57, ["left"]), (58, [])], ids=["35 % in sight", "less in sight"])
def test_a_hand_that_is_mostly_hidden_has_no_box(scene: Scene, whole: int, sides: list[str]) -> None:
    ids = np.full((20, 20), 1 << 4 | Part.BODY)
    ids[:4, :5] = 1 << 4 | Part.HAND_LEFT
    person = person_truth(ids, 1, scene.actor.wear(0.0), {Part.HAND_LEFT: whole})
    assert person is not None
    assert [hand.side for hand in person.hands] == sides


def test_a_back_shows_no_face(scene: Scene) -> None:
    _, person = scene.draw(scene.actor.wear(0.0), scene.turned_away())
    assert person is not None
    assert person.head is not None
    assert person.face is None


def test_a_hidden_figure_is_not_there(scene: Scene) -> None:
    pose = scene.actor.actions()[0][1](1.0)
    _, person = scene.draw(scene.actor.wear(0.0), replace(pose, x=40.0, y=40.0))
    assert person is None


def test_what_stands_before_a_figure_hides_it(scene: Scene) -> None:
    frame, _ = scene.draw(scene.actor.wear(0.0))
    pose = scene.actor.actions()[0][1](1.0)
    knees = np.array([pose.x, pose.y, 0.5], np.float32)
    (x, y), _ = scene.camera.project(knees)
    assert frame.ids[int(y), int(x)] == 0
