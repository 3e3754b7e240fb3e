import numpy as np
import pytest

from contract.catalogue import load_catalogue
from detector.draw import VIOLATING, draw
from detector.observation import Observation, SeenObject
from detector.rules import RuleEngine
from tests.detector.scenes import at, camera, person, scene

BLACK = np.zeros((720, 1280, 3), np.uint8)


def red_pixels(image):
    return int((image == VIOLATING).all(axis=2).sum())


def test_the_original_stays_as_it_is():
    original = BLACK.copy()
    drawn = draw(original, scene(person(track=1)))
    assert (original == 0).all()
    assert drawn.any()


def test_only_a_violation_is_red():
    engine = RuleEngine(camera(), load_catalogue())
    seen = scene(person(track=1, cap="missing"), person((600, 100, 700, 400), track=2))
    violations = [v for t in range(21) for v in engine.update(seen, t, at(t))]
    drawn = draw(BLACK, seen, violations)
    assert red_pixels(draw(BLACK, seen)) == 0
    assert red_pixels(drawn[:, :500]) > 0
    assert red_pixels(drawn[:, 500:]) == 0


def test_boxes_lie_where_they_do_in_a_smaller_picture():
    seen = scene(person((600, 200, 700, 400)))
    half = draw(BLACK[::2, ::2], seen)
    assert half.shape == (360, 640, 3)
    rows, columns = np.nonzero(half.any(axis=2))
    assert [rows.min(), rows.max(), columns.min(), columns.max()] == pytest.approx([100, 200, 300, 350], abs=2)


def test_a_class_that_the_finder_was_taught_besides_is_drawn():
    drawn = draw(BLACK, Observation(1280, 720, (), (SeenObject("rat", (600, 600, 660, 640), 0.8),)))
    assert drawn[590:650, 590:670].any()
    assert not drawn[:500].any()
