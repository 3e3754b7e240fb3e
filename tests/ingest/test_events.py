"""Event level: of a clip whose truth is known, every planted violation is found once, in time, and nothing else is."""

from importlib.resources import files
from pathlib import Path

import pytest

from contract.catalogue import load_catalogue
from detector.pipeline import Detector
from detector.rules import RuleEngine
from detector.tracks import Tracker
from ingest.decoding import Decoding
from ingest.place import assumed_place
from ingest.source import file_source
from models.events import IN_TIME_S, Alarm, compare
from tests.detector.scenes import at

CLIPS = [Path(str(files("configs") / "demo" / "kitchen.mp4")), Path(__file__).parent.parent / "simulator" / "event.mp4"]


def watch(clip: Path) -> list[Alarm]:
    """What the edge would tell, from key frames as they come and from bursts where a suspicion needs more."""
    detector, tracker = Detector.load(), Tracker()
    rules = RuleEngine(assumed_place(str(clip)), load_catalogue())
    told = []
    source = file_source(clip, realtime=False, decoding=Decoding())
    for picture in source.pictures():
        frame = picture.frame()
        seen = tracker.update(detector.look([frame.image])[0], frame.camera_time_s)
        for violation in rules.update(seen, frame.camera_time_s, at(frame.camera_time_s)):
            rules.committed(violation)
            told.append(Alarm(frame.camera_time_s, violation.rule.code, violation.box))
        source.want(rules.wanted_interval_s(frame.camera_time_s))
    return told


@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: clip.stem)
def test_each_planted_violation_is_found_once_in_time_and_nothing_else(clip):
    watched = compare(clip, watch(clip))
    assert sorted(watched.found, key=str) == sorted(watched.planted, key=str)
    assert watched.false == []
    late = {event: seconds - event.hold_s for event, seconds in watched.found.items()}
    assert all(seconds <= IN_TIME_S for seconds in late.values()), late
