"""A clip of key frames alone shows what an edge decodes of the whole one."""

import json
from dataclasses import replace
from pathlib import Path

import av
import pytest
from typer.testing import CliRunner

from simulator.cli import app
from simulator.clip import write_clip
from simulator.plots import PLOTS


def test_key_frames_alone_come_at_the_cameras_key_frame_interval(tmp_path: Path) -> None:
    plot = PLOTS["demo"](3)
    camera = replace(plot.camera, width=160, height=90, focal_px=plot.camera.focal_px * 160 / plot.camera.width)
    truth = json.loads(write_clip(replace(plot, camera=camera, duration_s=6.0), tmp_path / "a.mp4", True).read_text())
    with av.open(str(tmp_path / "a.mp4")) as container:
        frames = [(float(frame.time or 0), frame.key_frame) for frame in container.decode(video=0)]
    assert frames == [(0.0, True), (2.0, True), (4.0, True)]
    assert [frame["time_s"] for frame in truth["frames"]] == [0, 2, 4]
    assert truth["duration_s"] == 6


@pytest.mark.parametrize("name", ["clip.avi", "clip", "no/such/folder/clip.mp4"])
def test_a_clip_that_cannot_be_written_is_told_before_anything_is_rendered(tmp_path: Path, name: str) -> None:
    result = CliRunner().invoke(app, ["clip", str(tmp_path / name)], env={"COLUMNS": "400"})
    assert (result.exit_code, "must end in .mp4" in result.output) == (2, True)
