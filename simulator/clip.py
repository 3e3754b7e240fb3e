"""Renders a plot to an H.264 file and its truth to JSON."""

import json
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from simulator.figure import Look, build
from simulator.geometry import Part
from simulator.plot import Actor, Plot, pose_at
from simulator.raycast import shoot
from simulator.render import Frame, draw_figure
from simulator.sensor import expose
from simulator.smoke import plume
from simulator.truth import PersonTruth, person_truth

FPS = 12
# What a camera writes at a low rate: no B-frames, closed groups of exactly the key-frame interval.
X264 = "bframes=0:scenecut=0:open-gop=0:keyint={gop}:min-keyint={gop}:force-cfr=1:aq-mode=1"


class Stage:
    """A plot ready to be drawn: the empty kitchen, and everybody's looks."""

    def __init__(self, plot: Plot) -> None:
        self.plot, self.lighting = plot, plot.kitchen.lighting
        self.empty = shoot(plot.kitchen, plot.camera, scale=2.0)
        self.looks = [Look(actor.person) for actor in plot.actors]
        self.actions = [actor.actions() for actor in plot.actors]
        at = plot.camera.position
        distance = [np.hypot(a.station.x - at[0], a.station.y - at[1]) for a in plot.actors]
        self.far_first = [int(i) for i in np.argsort(distance)[::-1]]
        self.rng = np.random.default_rng(plot.actors[0].seed)

    def draw(self, t: float) -> tuple[Frame, list[PersonTruth]]:
        """The clean picture at ``t`` seconds and the truth of everybody visible."""
        plot = self.plot
        frame = Frame.of(self.empty.image, self.empty.depth, self.empty.position)
        wholes: dict[int, dict[int, int]] = {}
        for i in self.far_first:
            actor = plot.actors[i]
            mesh = build(self.looks[i], actor.wear(t), pose_at(self.actions[i], t, plot.duration_s))
            wholes[i] = draw_figure(frame, mesh, plot.camera, self.lighting, i + 1)
        people = [person_truth(frame.ids, i + 1, actor.wear(t), wholes[i]) for i, actor in enumerate(plot.actors)]
        for i, actor in enumerate(plot.actors):
            self._smoke(frame, i + 1, actor, t)
        return frame, [p for p in people if p is not None]

    def _smoke(self, frame: Frame, number: int, actor: Actor, t: float) -> None:
        if actor.wear(t).smoking is None:
            return
        ys, xs = np.nonzero(frame.ids == number * 16 + int(Part.CIGARETTE))
        if len(ys) >= 3:
            # The plume changes its shape four times a second.
            rng = np.random.default_rng([actor.seed, int(t * 4)])
            tip = int(np.argmax(np.abs(xs - xs.mean()) + np.abs(ys - ys.mean())))
            plume(frame.image, float(xs[tip]), float(ys[tip]), rng, float(np.hypot(np.ptp(xs), np.ptp(ys))) + 5)


def write_clip(plot: Plot, out: Path, key_frames_alone: bool = False) -> Path:
    """Writes ``out`` (MP4, faststart) and beside it NAME.truth.json; returns the latter's path.

    ``key_frames_alone``: only the pictures that an edge decodes, the clip's key frames, a twenty-fourth of the work.
    """
    stage = Stage(plot)
    fps = 1 / Fraction(plot.key_interval_s) if key_frames_alone else Fraction(FPS)
    gop = round(plot.key_interval_s * fps)
    frames = []
    with av.open(str(out), "w", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = plot.camera.width, plot.camera.height, "yuv420p"
        stream.time_base = stream.codec_context.time_base = 1 / fps
        stream.codec_context.gop_size = gop
        stream.codec_context.thread_count = 1
        stream.options = {"crf": str(plot.crf), "preset": "slow", "profile": "high", "x264-params": X264.format(gop=gop)}
        for number in range(round(plot.duration_s * fps)):
            t = float(number / fps)
            frame, people = stage.draw(t)
            picture = expose(frame.image, plot.sensor, stage.rng)
            _stamp(picture)
            video = av.VideoFrame.from_ndarray(picture, "bgr24")
            video.pts, video.time_base = number, 1 / fps
            container.mux(stream.encode(video))
            if number % gop == 0:
                frames.append({"time_s": round(t, 3), "people": [p.as_json() for p in people]})
        container.mux(stream.encode(None))
    truth = {
        "kit": plot.name, "fps": float(fps), "width": plot.camera.width, "height": plot.camera.height,
        "duration_s": plot.duration_s, "key_frame_interval_s": plot.key_interval_s,
        "events": [asdict(event) for event in plot.events()], "frames": frames,
    }
    path = out.with_suffix(".truth.json")
    path.write_text(json.dumps(truth, separators=(",", ":")) + "\n")
    return path


def _stamp(picture: np.ndarray) -> None:
    """The camera's name, as recorders write it; no clock, which would contradict the real one."""
    for shift, colour in ((1, (0, 0, 0)), (0, (255, 255, 255))):
        cv2.putText(picture, "KITCHEN CAM 01", (22 + shift, picture.shape[0] - 22 + shift), cv2.FONT_HERSHEY_SIMPLEX, 0.8,
                    colour, 1, cv2.LINE_AA)
