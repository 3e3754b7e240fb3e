"""Event level: of a clip whose truth is known, every planted violation is found once, in time, and nothing else is."""

import json
from importlib.resources import files
from pathlib import Path

import pytest

from contract.catalogue import load_catalogue
from detector.observation import Box
from detector.pipeline import Detector
from detector.rules import RuleEngine
from detector.tracks import Tracker
from ingest.decoding import Decoding
from ingest.place import assumed_place
from ingest.source import file_source
from tests.detector.scenes import at

CLIPS = [Path(str(files("configs") / "demo" / "kitchen.mp4")), Path(__file__).parent.parent / "simulator" / "event.mp4"]
# After the hold time: two key frames of two seconds, and one look that could not be told.
IN_TIME_S = 6.0


def watch(clip: Path) -> list[tuple[float, str, Box]]:
    """(time, rule, where) of what the edge would tell, from key frames as they come."""
    detector, tracker = Detector.load(), Tracker()
    rules = RuleEngine(assumed_place(str(clip)), load_catalogue())
    told = []
    for picture in file_source(clip, realtime=False, decoding=Decoding()).pictures():
        frame = picture.frame()
        seen = tracker.update(detector.look([frame.image])[0], frame.camera_time_s)
        for violation in rules.update(seen, frame.camera_time_s, at(frame.camera_time_s)):
            rules.committed(violation)
            told.append((frame.camera_time_s, violation.rule.code, violation.box))
    return told


def figure_at(truth: dict, time_s: float, box: Box) -> int:
    """Who stands there in the truth: the figure whose middle is nearest."""
    frame = min(truth["frames"], key=lambda frame: abs(frame["time_s"] - time_s))
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2

    def away(person: dict) -> float:
        x1, y1, x2, y2 = person["box"]
        return abs((x1 + x2) / 2 - x) + abs((y1 + y2) / 2 - y)

    return int(min(frame["people"], key=away)["figure"])


@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: clip.stem)
def test_each_planted_violation_is_found_once_in_time_and_nothing_else(clip):
    truth = json.loads(clip.with_suffix(".truth.json").read_text())
    hold_s = {rule.code: rule.hold_s for rule in load_catalogue().rules}
    planted = {(e["figure"], e["rule"]): e["from_s"] for e in truth["events"] if e["to_s"] - e["from_s"] >= hold_s[e["rule"]]}
    told = [((figure_at(truth, time_s, box), rule), time_s) for time_s, rule, box in watch(clip)]
    assert sorted(what for what, _ in told) == sorted(planted)
    late = {what: time_s - planted[what] - hold_s[what[1]] for what, time_s in told}
    assert all(-1.0 <= seconds <= IN_TIME_S for seconds in late.values()), late
