import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.observation import Hand, Observation, Person
from detector.tracks import FORGET_AFTER_S, Tracker, body
from tests.detector.scenes import attribute, person, scene


def tracks(tracker, time_s, *people):
    return [one.track for one in tracker.update(scene(*people), time_s).people]


def moved(x, y=0.0):
    return person((100 + x, 100 + y, 200 + x, 400 + y))


def test_somebody_who_stays_keeps_the_number():
    tracker = Tracker()
    assert [tracks(tracker, t, moved(t % 3)) for t in range(5)] == [[1]] * 5


def test_somebody_who_walks_keeps_the_number():
    tracker = Tracker()
    assert [tracks(tracker, t, moved(150 * t)) for t in range(6)] == [[1]] * 6


def test_two_people_have_two_numbers():
    tracker = Tracker()
    assert tracks(tracker, 0, moved(0), moved(600)) == [1, 2]
    assert tracks(tracker, 1, moved(600), moved(0)) == [2, 1]


def test_neighbours_are_not_mixed_up():
    tracker = Tracker()
    tracks(tracker, 0, moved(0), moved(110))
    assert tracks(tracker, 1, moved(115), moved(8)) == [2, 1]


@pytest.mark.parametrize("step_s", [0.25, 1.0])
@pytest.mark.parametrize("at", [moved, lambda y: moved(0, y)], ids=["across", "towards the camera"])
def test_people_who_pass_each_other_keep_their_numbers(at, step_s):
    tracker = Tracker()
    looks = [tracks(tracker, 1000 + i * step_s, at(98 * i), at(600 - 98 * i)) for i in range(7)]
    assert looks == [[1, 2]] * 7


@pytest.mark.parametrize(
    ("gap_s", "pixels", "number"),
    [(0.1, 140, 1), (0.1, 160, 2), (1.0, 290, 1), (1.0, 310, 2), (1.4, 400, 1), (4.0, 440, 1), (4.0, 460, 2)],
)
def test_how_far_somebody_gets(gap_s, pixels, number):
    """One height (300 px) a second, of half a second at least; one and a half in any time."""
    tracker = Tracker()
    tracks(tracker, 0, moved(0))
    assert tracks(tracker, gap_s, moved(pixels)) == [number]


@pytest.mark.parametrize(("height", "number"), [(160, 1), (140, 2)])
def test_who_is_less_than_half_as_large_is_somebody_else(height, number):
    """Beside where the other one was: somebody farther away."""
    tracker = Tracker()
    tracks(tracker, 0, moved(0))
    assert tracks(tracker, 1, person((205, 180, 245, 180 + height))) == [number]


def test_who_is_half_hidden_where_the_other_one_was_keeps_the_number():
    tracker = Tracker()
    tracks(tracker, 0, moved(0))
    assert tracks(tracker, 1, person((100, 100, 200, 200))) == [1]


def test_a_short_absence_keeps_the_number():
    tracker = Tracker()
    tracks(tracker, 0, moved(0))
    tracks(tracker, 4)
    assert tracks(tracker, 8, moved(20)) == [1]


def test_after_a_long_absence_it_is_somebody_new():
    tracker = Tracker()
    tracks(tracker, 0, moved(0))
    assert tracks(tracker, FORGET_AFTER_S + 1, moved(0)) == [2]


def test_who_was_there_when_nothing_moved_any_more_is_there_still():
    """A still picture is not looked at; who had left before it was still comes back as somebody new."""
    tracker = Tracker()
    tracks(tracker, 0, moved(0), moved(600))
    tracks(tracker, 5, moved(0))
    for time_s in (9, 13, 17):
        tracker.still(time_s)
    assert tracks(tracker, 18, moved(0), moved(600)) == [1, 3]


def test_somebody_far_away_is_somebody_new():
    tracker = Tracker()
    tracks(tracker, 0, moved(0))
    assert tracks(tracker, 1, moved(900)) == [2]


def test_a_clock_that_jumps_back_forgets():
    """Also who was last seen before the moment that it jumps back to."""
    tracker = Tracker()
    tracks(tracker, 98, moved(0), moved(600))
    tracks(tracker, 100, moved(0))
    assert tracks(tracker, 99, moved(0), moved(600)) == [3, 4]


def test_a_stream_in_another_size_shows_the_same_people():
    """A camera that is set to its main stream, or back, while it is watched."""
    tracker = Tracker()
    tracks(tracker, 0, moved(0), moved(500))
    tracks(tracker, 1, moved(50), moved(500))
    large = Observation(3840, 2160, tuple(person((3 * x, 300, 3 * x + 300, 1200)) for x in (200, 600)))
    assert [one.track for one in tracker.update(large, 2).people] == [1, 2]


def test_a_head_without_a_body_is_tracked_with_it():
    tracker = Tracker()
    whole = person((100, 100, 220, 260))
    tracks(tracker, 0, whole)
    assert tracks(tracker, 1, Person(None, None, whole.head)) == [1]


def test_the_body_below_a_head_hangs_from_its_middle():
    head = person((100, 100, 220, 260)).head
    assert body(Person(None, None, head)) == pytest.approx((100, 100, 220, 260))


def test_a_lone_hand_has_no_track():
    hand = Person(None, None, None, (Hand((0, 0, 9, 9), 0.9, attribute("missing"), attribute("no")),))
    assert tracks(Tracker(), 0, hand) == [None]


@pytest.mark.parametrize("gap", [1.0, 2.0])
@given(xs=st.lists(st.integers(0, 1000), min_size=0, max_size=6, unique=True))
def test_numbers_are_never_shared(gap, xs):
    tracker = Tracker()
    for step in range(3):
        numbers = tracks(tracker, step * gap, *[moved(x + 7 * step) for x in xs])
        assert len(set(numbers)) == len(xs)
