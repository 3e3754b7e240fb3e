"""Which worker reads which camera, with a clock that is set by hand. The rest of it is tested with real workers."""

import pytest

from ingest import shares as shares_module
from ingest.shares import LONGEST_ASIDE_S, STEADY_S, Shares
from tests.ingest.edge_world import Clock, camera


@pytest.fixture
def timer() -> Clock:
    return Clock(1000.0)


@pytest.fixture
def shares(timer: Clock, monkeypatch: pytest.MonkeyPatch) -> Shares:
    class Longest(shares_module.Backoff):
        """Without chance."""

        def __init__(self, first_s: float, limit_s: float) -> None:
            super().__init__(first_s, limit_s, chance=lambda: 1.0)

    monkeypatch.setattr(shares_module, "Backoff", Longest)
    shares = Shares(1, timer)
    shares.apply([camera("a"), camera("b")])
    return shares


def read(shares: Shares) -> list[str]:
    return [one.id for one in shares.of(0)]


def pause_s(shares: Shares, camera_id: str) -> float:
    found = shares.set_aside(camera_id)
    assert found is not None
    return found[1]


def test_a_camera_that_is_set_aside_is_read_again_when_its_time_is_over(shares: Shares, timer: Clock):
    pause = pause_s(shares, "b")
    assert read(shares) == ["a"]
    timer.now += pause
    assert read(shares) == ["a", "b"]


def test_a_camera_that_crashes_again_and_again_is_tried_ever_more_rarely(shares: Shares, timer: Clock):
    pauses = []
    for _ in range(8):
        pauses.append(pause_s(shares, "b"))
        timer.now += pauses[-1]
    assert pauses == [60, 120, 240, 480, 960, 1920, LONGEST_ASIDE_S, LONGEST_ASIDE_S]
    assert shares.crashes() == {"b": 8}
    timer.now += STEADY_S + 1
    assert pause_s(shares, "b") == 60


def test_a_camera_that_was_changed_is_read_at_once(shares: Shares):
    pause_s(shares, "b")
    shares.apply([camera("a"), camera("b", password_sealed="sealed anew for this list", chain_length=3)])
    assert read(shares) == ["a"], "nothing of it was changed"
    shares.apply([camera("a"), camera("b", url="rtsp://10.0.0.5/sub")])
    assert read(shares) == ["a", "b"]


def test_a_camera_that_was_taken_out_meanwhile_is_not_set_aside(shares: Shares):
    shares.apply([camera("a")])
    assert shares.set_aside("b") is None
