import errno
from dataclasses import replace
from pathlib import Path

import pytest

from detector.pipeline import Detector
from ingest import capacity
from ingest.camera_state import CameraBeat
from ingest.fleet import Fleet


def test_it_measures_this_box(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(capacity, "CLIP_S", 4)
    monkeypatch.setattr(capacity, "MEASURE_S", 4.0)
    monkeypatch.setattr(capacity, "FOUND_WITHIN_S", 120.0)
    monkeypatch.setattr(capacity, "CAMERAS", 1)
    said: list[str] = []
    measured = capacity.measure(Detector.load(), 2, 25, said.append)
    assert len(said) == 2
    assert 0.01 < measured.cpu < 1.0
    assert measured.cameras == int(capacity.USABLE * 2 / measured.cpu)


def test_a_box_that_does_not_keep_up_is_not_called_large(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(capacity, "CLIP_S", 4)
    monkeypatch.setattr(capacity, "MEASURE_S", 1.0)
    monkeypatch.setattr(capacity, "FOUND_WITHIN_S", 120.0)
    monkeypatch.setattr(capacity, "CAMERAS", 1)
    report = Fleet.report

    def shedding(fleet: Fleet) -> tuple[dict[str, CameraBeat], int, float]:
        beats, looks, look_s = report(fleet)
        return {name: replace(beat, stretch=1.25) for name, beat in beats.items()}, looks, look_s

    monkeypatch.setattr(Fleet, "report", shedding)
    with pytest.raises(capacity.CapacityError, match="did not keep up"):
        capacity.measure(Detector.load(), 2, 25, lambda _: None)


def test_a_disk_that_takes_no_film_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch):
    def full(path: Path, gop: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(capacity, "_write_clip", full)
    with pytest.raises(capacity.CapacityError, match=r"No space left on device.*TMPDIR"):
        capacity.measure(Detector.load(), 2, 25, lambda _: None)


def test_it_says_it_in_both_languages():
    text = capacity.words(capacity.Capacity(gop=50, cores=4, cpu=0.1, cameras=34))
    assert "(4 cores) can carry about 34 cameras" in text
    assert "a key frame every 2 s" in text
    assert "约可承载 34 路" in text
