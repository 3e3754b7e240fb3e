import errno
import shutil
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import av
import pytest
from typer.testing import CliRunner

from detector.card import default_weights
from detector.pipeline import Detector
from ingest import capacity
from ingest.camera_state import CameraBeat
from ingest.edge_cli import app
from ingest.fleet import Fleet
from ingest.parts import Looker
from tests.ingest.edge_worker import ScriptedDetector
from tests.ingest.test_worker import spoil, usual


def test_it_measures_this_box(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(capacity, "CLIP_S", 4)
    monkeypatch.setattr(capacity, "MEASURE_S", 4.0)
    monkeypatch.setattr(capacity, "SUSPECTED_S", 2.0)
    monkeypatch.setattr(capacity, "FOUND_WITHIN_S", 120.0)
    monkeypatch.setattr(capacity, "CAMERAS", 1)
    said: list[str] = []
    measured = capacity.measure(Detector.load(), 2, 25, said.append)
    assert len(said) == 2
    assert 0.01 < measured.cpu < 1.0
    assert measured.cameras == int(capacity.USABLE * 2 / measured.cpu)


@pytest.mark.parametrize("gop", [25, 50])
def test_the_camera_has_its_key_frames_where_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gop: int):
    """And none where the film that it is made of has its own."""
    monkeypatch.setattr(capacity, "CLIP_S", 5)
    monkeypatch.setattr(capacity, "WIDTH", 320)
    monkeypatch.setattr(capacity, "HEIGHT", 180)
    capacity._write_clip(tmp_path / "clip.mp4", gop)
    with av.open(str(tmp_path / "clip.mp4")) as container:
        keys = [number for number, packet in enumerate(container.demux(video=0)) if packet.is_keyframe]
    assert keys == list(range(0, 5 * capacity.FPS, gop))


def test_a_box_that_does_not_keep_up_is_not_called_large(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(capacity, "CLIP_S", 4)
    monkeypatch.setattr(capacity, "MEASURE_S", 1.0)
    monkeypatch.setattr(capacity, "SUSPECTED_S", 1.0)
    monkeypatch.setattr(capacity, "FOUND_WITHIN_S", 120.0)
    monkeypatch.setattr(capacity, "CAMERAS", 1)
    report = Fleet.report

    def shedding(fleet: Fleet) -> tuple[dict[str, CameraBeat], int, float]:
        beats, looks, look_s = report(fleet)
        return {name: replace(beat, stretch=1.25) for name, beat in beats.items()}, looks, look_s

    monkeypatch.setattr(Fleet, "report", shedding)
    with pytest.raises(capacity.CapacityError, match="did not keep up"):
        capacity.measure(Detector.load(), 2, 25, lambda _: None)


def test_a_box_on_which_the_fast_weights_go_wrong_is_measured_with_those_that_it_will_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    weights, measured_with = tmp_path / "weights", []
    shutil.copytree(default_weights(), weights)
    spoil(weights, "finder")

    def measure(detector: Looker, cores: int, gop: int, say: object) -> capacity.Capacity:
        measured_with.extend(detector.models)
        return capacity.Capacity(gop, cores, 0.1, 1)

    monkeypatch.setattr(capacity, "measure", measure)
    assert CliRunner().invoke(app, ["capacity", "--weights", str(weights)]).exit_code == 0
    assert [model.sha256 for model in measured_with] == usual("fp32")


@pytest.fixture
def no_film(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cameras at whose address nobody listens."""
    monkeypatch.setattr(capacity, "_write_clip", lambda path, gop: None)
    monkeypatch.setattr(capacity, "_camera", lambda clip: nullcontext("rtsp://127.0.0.1:9/kitchen"))


@pytest.mark.usefixtures("no_film")
def test_cameras_that_give_no_pictures_are_not_called_cheap(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(capacity, "FOUND_WITHIN_S", 0.2)
    with pytest.raises(capacity.CapacityError, match="gave no pictures"):
        capacity.measure(ScriptedDetector(), 2, 25, lambda _: None)


@pytest.mark.usefixtures("no_film")
def test_what_a_camera_may_spend_on_bursts_and_the_whole_edge_are_reckoned_with(monkeypatch: pytest.MonkeyPatch):
    shares, wanted = iter([0.3, 0.7]), []

    def cpu_share(fleet: Fleet, seconds: float) -> float:
        wanted.append([camera.rules.wanted_interval_s(0.0) for camera in fleet._roster.cameras.values()])
        return next(shares)

    monkeypatch.setattr(capacity, "_are_found", lambda fleet: True)
    monkeypatch.setattr(capacity, "_look", lambda fleet, seconds, done: fleet.look_round())
    monkeypatch.setattr(capacity, "_cpu_share", cpu_share)
    measured = capacity.measure(ScriptedDetector(), 2, 25, lambda _: None)
    assert measured.cpu == pytest.approx((0.3 / 3 + 0.4 / 10) * 52 / 43)
    assert wanted == [[None, None, None], [1.0, None, None]]


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
