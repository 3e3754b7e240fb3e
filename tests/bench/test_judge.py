"""What was told is held against what each camera showed, wherever in the loop of its clip it began."""

import json
from pathlib import Path

import pytest

from bench.judge import IN_TIME_S, Verdict, judge
from bench.phases import Measured, Told
from contract.catalogue import load_catalogue

RULE, LOOP_S, FROM_S, TO_S = "K07", 40.0, 18.0, 28.0
HOLD_S = load_catalogue().rule(RULE).hold_s
STARTED = 1_000_000.0
LONG_AFTER = STARTED + 3 * LOOP_S


@pytest.fixture
def clip(tmp_path) -> Path:
    person = {"figure": 3, "box": [100, 100, 200, 400]}
    truth = {
        "duration_s": LOOP_S, "events": [{"figure": 3, "rule": RULE, "from_s": FROM_S, "to_s": TO_S}],
        "frames": [{"time_s": 0.0, "people": [person]}],
    }
    (tmp_path / "clip.truth.json").write_text(json.dumps(truth))
    return tmp_path / "clip.mp4"


def judged(clip: Path, told_after_s: list[float], *, from_s: float, until: float = LONG_AFTER) -> Verdict:
    """What is told so long after the camera began is told half a second after its picture."""
    told = [Told(0, RULE, (110.0, 100.0, 190.0, 390.0), STARTED + at - 0.5, STARTED + at) for at in told_after_s]
    return judge(Measured(1, started=[STARTED], from_s=[from_s], until=until, told=told), [clip], load_catalogue())


@pytest.mark.parametrize(
    ("from_s", "due_s"),
    [
        (0.0, FROM_S + HOLD_S), (10.0, FROM_S - 10 + HOLD_S), (FROM_S, HOLD_S),
        (30.0, LOOP_S + FROM_S - 30 + HOLD_S), (LOOP_S, FROM_S + HOLD_S),
    ],
    ids=["from the first picture", "in the loop", "with the event", "after it", "in the second loop"],
)
def test_a_delay_counts_from_where_the_camera_began(clip, from_s: float, due_s: float):
    verdict = judged(clip, [due_s + 1.5], from_s=from_s)
    assert (verdict.planted, verdict.found, verdict.false_alarms) == (1, 1, 0)
    assert verdict.delays_s == [pytest.approx(1.5, abs=1e-6)]


@pytest.mark.parametrize("told_after_s", [HOLD_S + 1.0, LOOP_S + FROM_S - 20 + 1.0, LOOP_S + FROM_S - 20 + HOLD_S + 1.0])
def test_of_what_was_played_in_part_the_part_or_the_whole_is_found_and_no_delay_counts(clip, told_after_s: float):
    verdict = judged(clip, [told_after_s], from_s=20.0)
    assert (verdict.planted, verdict.found, verdict.false_alarms, verdict.delays_s) == (1, 1, 0, [])


def test_what_is_told_too_late_is_missed(clip):
    verdict = judged(clip, [FROM_S - 10 + HOLD_S + IN_TIME_S + 0.5], from_s=10.0)
    assert (verdict.planted, verdict.found, verdict.false_alarms) == (1, 0, 0)


def test_what_could_not_be_told_any_more_does_not_count(clip):
    due = STARTED + LOOP_S + FROM_S - 20 + HOLD_S
    assert judged(clip, [], from_s=20.0, until=due + IN_TIME_S - 0.1).planted == 0
    assert judged(clip, [], from_s=20.0, until=due + IN_TIME_S + 0.1).planted == 1


def test_what_is_told_of_nothing_is_a_false_alarm(clip):
    assert judged(clip, [FROM_S + 1], from_s=20.0).false_alarms == 1
    assert judged(clip, [FROM_S + 1], from_s=0.0).false_alarms == 0
