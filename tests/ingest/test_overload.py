import pytest
from structlog.testing import capture_logs

from ingest.overload import OVERLOAD_AGAIN_S, OVERLOAD_S, Overload, carried, overload_words
from tests.ingest.edge_world import Clock


def test_it_is_said_once_it_has_lasted_and_again_after_an_hour():
    timer = Clock(0.0)
    overload = Overload(timer)
    said = []
    for at_s in (0.0, OVERLOAD_S - 1, OVERLOAD_S, OVERLOAD_S + 60, OVERLOAD_S + OVERLOAD_AGAIN_S):
        timer.now = at_s
        with capture_logs() as logs:
            overload.judge([1.25, 1.25], 2)
        said.append((overload.carries, len(logs)))
    assert said == [(None, 0), (None, 0), (2, 1), (2, 0), (2, 1)]


@pytest.mark.parametrize("stretches", [[], [1.0, 1.0]])
def test_it_is_over_when_no_sampling_is_lengthened(stretches: list[float]):
    timer = Clock(0.0)
    overload = Overload(timer)
    for at_s, now in ((0.0, [1.25]), (OVERLOAD_S, [1.25]), (OVERLOAD_S + 1, stretches), (OVERLOAD_S + 2, [1.25])):
        timer.now = at_s
        overload.judge(now, 1)
    assert overload.carries is None


@pytest.mark.parametrize(
    ("stretches", "words"),
    [([1.333] * 24, "about 18 such cameras; 24 are configured"), ([10.0], "about 1 such cameras; 1 are configured")],
)
def test_too_small_a_box_is_told_in_words(stretches: list[float], words: str):
    assert words in overload_words(carried(stretches), len(stretches))
