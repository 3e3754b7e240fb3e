"""A small kitchen with one person in it, quick to draw."""

from dataclasses import dataclass, replace

import numpy as np

from simulator.figure import Look, build
from simulator.geometry import Camera
from simulator.people import Pose, Wear
from simulator.plot import Actor, Plot
from simulator.raycast import shoot
from simulator.render import Frame, draw_figure
from simulator.truth import PersonTruth, person_truth


@dataclass
class Scene:
    """One actor of a plot, seen alone by a smaller camera that is aimed at the head and hands."""

    plot: Plot
    actor: Actor
    camera: Camera
    empty: Frame
    look: Look

    @classmethod
    def of(cls, plot: Plot, actor: Actor) -> "Scene":
        aim = np.array([actor.station.x, actor.station.y - 0.1, 1.25], np.float32)
        camera = Camera(plot.camera.position, aim, 520, 320, 240)
        return cls(plot, actor, camera, shoot(plot.kitchen, camera, scale=1.0), Look(actor.person))

    def draw(self, wear: Wear, pose: Pose | None = None) -> tuple[Frame, PersonTruth | None]:
        frame = Frame.of(self.empty.image, self.empty.depth, self.empty.position)
        mesh = build(self.look, wear, pose or self.actor.actions()[0][1](1.0))
        whole = draw_figure(frame, mesh, self.camera, self.plot.kitchen.lighting, 1)
        return frame, person_truth(frame.ids, 1, wear, whole)

    def turned_away(self) -> Pose:
        pose = self.actor.actions()[0][1](1.0)
        return replace(pose, yaw=pose.yaw + np.pi, head_yaw=0.0)
