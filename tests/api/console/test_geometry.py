import pytest

from api.console.geometry import Window, close_up
from contract.evidence import MarkedBox

PERSON = MarkedBox(kind="person", box=(400, 200, 500, 600), score=0.9)
HEAD = MarkedBox(kind="head", box=(420, 200, 480, 280), score=0.9, violating=True)


def test_a_head_lies_above_the_middle_of_its_window() -> None:
    assert close_up([PERSON, HEAD], 1280, 720, 1.0) == Window(290, 120, 320, 320)


def test_a_hand_lies_in_the_middle_of_its_window() -> None:
    hand = MarkedBox(kind="hand", box=(420, 400, 460, 440), score=0.9, violating=True)
    assert close_up([PERSON, hand], 1280, 720, 1.0) == Window(360, 340, 160, 160)


def test_the_whole_person_where_the_person_is_marked() -> None:
    marked = PERSON.model_copy(update={"violating": True})
    assert close_up([marked], 1280, 720, 1.0) == Window(200, 150, 500, 500)


def test_the_person_who_holds_the_cigarette() -> None:
    cigarette = MarkedBox(kind="cigarette", box=(450, 260, 460, 264), score=0.5, violating=True)
    neighbour = MarkedBox(kind="person", box=(380, 100, 900, 700), score=0.9)
    assert close_up([neighbour, PERSON, cigarette], 1280, 720, 1.0) == Window(200, 150, 500, 500)


def test_never_so_near_that_only_pixels_are_seen() -> None:
    cigarette = MarkedBox(kind="cigarette", box=(450, 260, 460, 264), score=0.5, violating=True)
    window = close_up([cigarette], 1280, 720, 1.0)
    assert window is not None
    assert window.height == 96


@pytest.mark.parametrize("corner", [(0, 0), (1240, 0), (0, 680), (1240, 680)])
@pytest.mark.parametrize("aspect", [0.5, 1.0, 4 / 3, 3.0])
def test_stays_inside_the_picture(corner: tuple[int, int], aspect: float) -> None:
    x, y = corner
    head = MarkedBox(kind="head", box=(x, y, x + 40, y + 40), score=0.9, violating=True)
    window = close_up([head], 1280, 720, aspect)
    assert window is not None
    assert window.x >= 0
    assert window.y >= 0
    assert window.x + window.width <= 1280
    assert window.y + window.height <= 720
    assert window.width / window.height == pytest.approx(aspect)


def test_nothing_marked() -> None:
    assert close_up([PERSON], 1280, 720, 1.0) is None
