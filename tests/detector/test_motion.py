from functools import cache

import cv2
import numpy as np
import pytest

from detector.motion import NOBODYS_LOOKS, MotionGate

HEIGHT, WIDTH = 1080, 1920
PERSON = (800.0, 300.0, 1100.0, 1000.0)


@cache
def kitchen(seed=0, grain=1.5):
    """A picture with edges, and grain that differs from picture to picture."""
    picture = np.full((HEIGHT, WIDTH), 110.0)
    picture[:, ::240] = 40
    picture[600:] += 60
    return np.clip(picture + np.random.default_rng(seed).normal(0, grain, picture.shape), 0, 255).astype(np.uint8)


def with_square(picture, x, y, side=40, level=230):
    picture = picture.copy()
    picture[y : y + side, x : x + side] = level
    return picture


def gate_after(*looks):
    gate = MotionGate()
    for picture in looks:
        gate.moved(picture)
        gate.looked((), WIDTH, HEIGHT)
    return gate


def test_the_first_picture_is_always_looked_at():
    assert MotionGate().moved(kitchen())


def test_grain_is_no_movement():
    gate = gate_after(kitchen(0))
    assert not any(gate.moved(kitchen(seed, grain=4)) for seed in range(1, 6))


def test_a_small_head_is_movement():
    assert gate_after(kitchen(0)).moved(with_square(kitchen(1), 900, 400))


@pytest.mark.parametrize("zoom", [1 / 3, 2], ids=["sub-stream", "4K"])
def test_pictures_of_any_size_are_compared(zoom):
    def sized(picture):
        return cv2.resize(picture, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)

    gate = gate_after(sized(kitchen(0)))
    assert not gate.moved(sized(kitchen(1)))
    assert gate.moved(sized(with_square(kitchen(2), 900, 400, side=60)))


def test_a_camera_that_changes_its_size_is_looked_at_no_more_than_it_moves():
    assert not gate_after(kitchen(0)).moved(cv2.resize(kitchen(1), (1280, 720), interpolation=cv2.INTER_AREA))


def test_what_creeps_is_seen_in_the_end():
    """Compared is with the last picture that was looked at, not with the one before."""
    gate = gate_after(kitchen(0))
    assert not gate.moved(with_square(kitchen(1), 900, 400, level=114))
    assert gate.moved(with_square(kitchen(2), 900, 400, level=160))


@pytest.mark.parametrize("people", [(), (PERSON,)], ids=["nobody there", "somebody elsewhere"])
def test_a_clock_in_the_picture_opens_it_only_until_looks_have_shown_that_it_is_nobody(people):
    gate = MotionGate()
    opened = []
    for second in range(NOBODYS_LOOKS + 4):
        picture = with_square(kitchen(second), 60, 40, level=20 + 200 * (second % 2))
        opened.append(gate.moved(picture))
        if opened[-1]:
            gate.looked(people, WIDTH, HEIGHT)
    assert opened[: NOBODYS_LOOKS + 1] == [True] * (NOBODYS_LOOKS + 1)
    assert not opened[-1]


def test_somebody_who_works_opens_it_again_and_again():
    gate = MotionGate()
    for second in range(12):
        assert gate.moved(with_square(kitchen(second), 850, 500, level=20 + 200 * (second % 2)))
        gate.looked((PERSON,), WIDTH, HEIGHT)


def test_somebody_who_steps_before_the_clock_counts_again():
    gate = MotionGate()
    pictures = [with_square(kitchen(second), 900, 400, level=20 + 200 * (second % 2)) for second in range(8)]
    for picture in pictures:
        if gate.moved(picture):
            gate.looked((), WIDTH, HEIGHT)
    assert not gate.moved(pictures[0])
    gate.looked((PERSON,), WIDTH, HEIGHT)
    assert gate.moved(pictures[1])


def opens_for_ever(x, y, person):
    """Whether something that blinks at (x, y), 40 px large, is looked at again and again with that person in the picture."""
    gate = MotionGate()
    opened = []
    for second in range(NOBODYS_LOOKS + 4):
        opened.append(gate.moved(with_square(kitchen(second), x, y, level=20 + 200 * (second % 2))))
        gate.looked((person,), WIDTH, HEIGHT)
    return opened[-1]


@pytest.mark.parametrize(
    ("person", "x", "y", "theirs"),
    [
        (PERSON, 1120, 600, True),
        (PERSON, 1200, 600, False),
        (PERSON, 740, 600, True),
        (PERSON, 660, 600, False),
        (PERSON, 930, 140, True),
        (PERSON, 930, 60, False),
        ((800.0, 100.0, 1100.0, 800.0), 930, 920, True),
        ((800.0, 100.0, 1100.0, 800.0), 930, 1000, False),
        ((0.0, 0.0, 300.0, 700.0), 100, 300, True),
        ((0.0, 0.0, 300.0, 700.0), 1600, 900, False),
        ((1620.0, 380.0, 1920.0, 1080.0), 1700, 700, True),
    ],
)
def test_what_moves_within_somebodys_reach_is_theirs(person, x, y, theirs):
    """A quarter of their width to either side, of their height above and below; also in the corners of the picture."""
    assert opens_for_ever(x, y, person) is theirs


def test_what_has_stood_still_for_a_look_counts_again():
    gate = MotionGate()
    pictures = [with_square(kitchen(second), 60, 40, level=20 + 200 * (second % 2)) for second in range(NOBODYS_LOOKS + 2)]
    for picture in pictures:
        gate.moved(picture)
        gate.looked((), WIDTH, HEIGHT)
    assert not gate.moved(pictures[-2])
    assert not gate.moved(pictures[-1])
    gate.looked((), WIDTH, HEIGHT)
    assert gate.moved(pictures[-2])
