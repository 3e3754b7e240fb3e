import json
from pathlib import Path

import pytest

from detector.boxes import Box
from detector.pipeline import Detector
from models import events
from models.data import DataError
from models.events import Alarm, clips, compare, figures, watch_all

HERE, ELSEWHERE, NOBODY = (0.0, 0.0, 20.0, 40.0), (200.0, 0.0, 220.0, 40.0), (40.0, 0.0, 60.0, 40.0)
EVENT = {"figure": 1, "rule": "K01", "from_s": 10.0, "to_s": 50.0}  # K01 holds for 20 s


def clip(folder: Path, *events: dict) -> Path:
    people = [{"figure": 1, "box": HERE}, {"figure": 2, "box": ELSEWHERE}]
    frames = [{"time_s": float(t), "people": people} for t in range(0, 100, 2)]
    path = folder / "clip.mp4"
    path.touch()
    path.with_suffix(".truth.json").write_text(json.dumps({"duration_s": 90.0, "events": events, "frames": frames}))
    return path


@pytest.mark.parametrize("box", [HERE, (0.0, 0.0, 20.0, 100.0), (2.0, 0.0, 18.0, 15.0)], ids=["itself", "with legs", "head"])
def test_an_alarm_after_the_hold_time_finds_the_violation(tmp_path: Path, box: Box):
    watched = compare(clip(tmp_path, EVENT), [Alarm(32.0, "K01", box)])
    assert list(watched.found.values()) == [22.0]
    assert not watched.false


@pytest.mark.parametrize(
    "alarm",
    [
        Alarm(32.0, "K01", ELSEWHERE),
        Alarm(32.0, "K01", NOBODY),
        Alarm(32.0, "K02", HERE),
        Alarm(12.0, "K01", HERE),
        Alarm(60.0, "K01", HERE),
    ],
    ids=["another person", "nobody", "another rule", "too early", "long after"],
)
def test_an_alarm_that_answers_no_violation_is_false(tmp_path: Path, alarm: Alarm):
    watched = compare(clip(tmp_path, EVENT), [alarm])
    assert not watched.found
    assert watched.false == [alarm]


def test_a_second_alarm_of_the_same_violation_is_false(tmp_path: Path):
    watched = compare(clip(tmp_path, EVENT), [Alarm(32.0, "K01", HERE), Alarm(40.0, "K01", HERE)])
    assert (len(watched.found), len(watched.false)) == (1, 1)


def test_a_violation_shorter_than_its_hold_time_is_none(tmp_path: Path):
    assert not compare(clip(tmp_path, EVENT | {"to_s": 20.0}), []).planted


def test_figures_count_by_hour_and_by_rule(tmp_path: Path):
    watched = compare(clip(tmp_path, EVENT), [Alarm(32.0, "K01", HERE), Alarm(40.0, "K02", HERE)])
    values = {(f.measure, f.part): f.value for f in figures([watched])}
    assert values["found", "all"] == 1
    assert values["false per camera-hour", "all"] == 40
    assert values["seconds to alarm, median", "K01"] == 22
    assert values["false per camera-hour", "K01"] == 0


@pytest.mark.parametrize(("count", "parts"), [(2, {"all", "K01", "clip.mp4"}), (11, {"all", "K01"})])
def test_of_a_few_clips_each_has_figures(tmp_path: Path, count: int, parts: set[str]):
    watched = [compare(clip(tmp_path, EVENT), [])] * count
    assert {f.part for f in figures(watched)} == parts


def test_a_missed_violation_and_a_false_alarm_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(events, "watch", lambda *_: [Alarm(40.0, "K02", HERE)])
    said: list[str] = []
    watch_all([clip(tmp_path, EVENT)], Detector.load(), said.append)
    assert said[1:] == ["  missed: K01 of figure 1, 10 to 50 s", "  false: K02 at 40 s, box 0, 0, 20, 40"]


def test_clips_have_their_truth_beside_them(tmp_path: Path):
    path = clip(tmp_path, EVENT)
    (tmp_path / "other.mp4").touch()
    assert clips(tmp_path) == clips(path) == [path]
    shouted = path.rename(tmp_path / "clip.AVI")
    assert clips(tmp_path) == [shouted]
    assert clips(tmp_path / "other.mp4") == []


def test_a_clip_that_is_no_video_is_named(tmp_path: Path):
    with pytest.raises(DataError, match=r"clip\.mp4 is no readable video"):
        watch_all([clip(tmp_path, EVENT)], Detector.load())


@pytest.mark.parametrize("text", ["", "[]", '{"duration_s": 9}', '{"duration_s": 9, "frames": [], "events": [{}]}'])
def test_a_truth_that_is_none_is_named(tmp_path: Path, text: str):
    path = clip(tmp_path, EVENT)
    path.with_suffix(".truth.json").write_text(text)
    with pytest.raises(DataError, match=r"clip\.truth\.json"):
        compare(path, [])
