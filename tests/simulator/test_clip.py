"""A clip of key frames alone shows what an edge decodes of the whole one."""

import json
from dataclasses import replace
from pathlib import Path

import av

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
