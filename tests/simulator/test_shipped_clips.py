"""The rendered clips in the tree are what a camera sends, and their truth is the plot's."""

import json
from dataclasses import asdict
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from simulator.clip import Stage
from simulator.plots import PLOTS
from simulator.sensor import expose

MEGABYTE = 1_000_000
CLIPS = {"demo": (Path(str(files("configs"))) / "demo" / "kitchen.mp4", 3 * MEGABYTE),
         "event": (Path(__file__).with_name("event.mp4"), 1.5 * MEGABYTE)}


@pytest.fixture(scope="module", params=sorted(CLIPS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def path(name: str) -> Path:
    return CLIPS[name][0]


@pytest.fixture(scope="module")
def truth(path: Path) -> dict[str, Any]:
    return json.loads(path.with_suffix(".truth.json").read_text())


def test_it_is_small(name: str, path: Path) -> None:
    assert path.stat().st_size <= CLIPS[name][1]


def test_players_can_start_before_the_end_is_there(path: Path) -> None:
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_it_is_h264_of_the_size_and_length_of_its_truth(path: Path, truth: dict[str, Any]) -> None:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert (stream.width, stream.height) == (truth["width"], truth["height"]) == (1280, 720)
        assert float(stream.duration * stream.time_base) == pytest.approx(truth["duration_s"], abs=0.1)


def test_key_frames_come_exactly_at_their_interval(path: Path, truth: dict[str, Any]) -> None:
    with av.open(str(path)) as container:
        times = [float(p.pts * p.time_base) for p in container.demux(video=0) if p.is_keyframe and p.pts is not None]
    assert times == pytest.approx([f["time_s"] for f in truth["frames"]], abs=1e-3)
    gaps = {round(b - a, 3) for a, b in pairwise(times)}
    assert gaps == {truth["key_frame_interval_s"]}


def test_there_are_no_b_frames(path: Path) -> None:
    with av.open(str(path)) as container:
        assert all(p.pts == p.dts for p in container.demux(video=0) if p.pts is not None)


def test_the_truth_is_that_of_the_plot(name: str, truth: dict[str, Any]) -> None:
    assert truth["events"] == [asdict(event) for event in PLOTS[name](1).events()]


def test_each_breach_is_true_in_the_frames_within_it(truth: dict[str, Any]) -> None:
    broken = {"K01": lambda p: p["cap"] == "missing", "K02": lambda p: p["mask"] != "worn", "K07": lambda p: p["smoking"],
              "K06": lambda p: any(hand["glove"] == "missing" for hand in p["hands"])}
    for event in truth["events"]:
        people = [p for f in truth["frames"] if event["from_s"] <= f["time_s"] < event["to_s"] for p in f["people"]
                  if p["figure"] == event["figure"]]
        assert people
        assert all(broken[event["rule"]](p) for p in people)


def test_the_simulator_still_draws_it_so(name: str, path: Path, truth: dict[str, Any]) -> None:
    stage, third = Stage(PLOTS[name](1)), truth["frames"][2]
    frame, people = stage.draw(third["time_s"])
    with av.open(str(path)) as container:
        container.streams.video[0].codec_context.skip_frame = "NONKEY"
        shot = next(f for f in container.decode(video=0) if f.time == pytest.approx(third["time_s"], abs=1e-3))
    fresh = expose(frame.image, stage.plot.sensor, stage.rng)
    assert np.abs(shot.to_ndarray(format="bgr24").astype(int) - fresh).mean() < 4
    drawn = [number for person in people for number in (*person.box, *(person.head or ()))]
    told = [number for person in third["people"] for number in (*person["box"], *person["head"])]
    assert drawn == pytest.approx(told, abs=2)


def test_heads_and_hands_are_large_and_visible(truth: dict[str, Any]) -> None:
    people = [p for f in truth["frames"] for p in f["people"]]
    assert len(people) == 3 * len(truth["frames"])
    assert all(p["head"][3] - p["head"][1] >= 40 and p["face"] is not None for p in people)
    assert sum(len(p["hands"]) == 2 for p in people) >= 0.9 * len(people)
