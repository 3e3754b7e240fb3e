"""What happens in a clip: who stands where, what they do and wear and when; the events that follow from it."""

from bisect import bisect_right
from dataclasses import dataclass, fields

import numpy as np

from simulator.geometry import Camera
from simulator.kitchen import Kitchen, Solid, Station
from simulator.people import Person, Pose, Wear
from simulator.poses import Action, work
from simulator.sensor import Sensor

# How long a body takes from one thing to the next.
BLEND_S = 0.9


@dataclass(frozen=True)
class Event:
    """A breach that lasts: ``rule`` K01 no cap, K02 no mask (or not over nose and mouth), K06 no gloves, K07 smoking."""

    figure: int
    rule: str
    from_s: float
    to_s: float


@dataclass(frozen=True)
class Actor:
    """``doing`` and ``wearing`` are (from second, what), in order, the first from 0."""

    person: Person
    station: Station
    doing: tuple[tuple[float, str], ...]
    wearing: tuple[tuple[float, Wear], ...]
    aim: tuple[float, float]
    seed: int

    def wear(self, t: float) -> Wear:
        return self.wearing[bisect_right([at for at, _ in self.wearing], t) - 1][1]

    def actions(self) -> list[tuple[float, Action]]:
        """Each thing it does as a pose by time, looking towards ``aim`` (where the camera is, say)."""
        to_aim = np.array(self.aim) - np.array([self.station.x, self.station.y])
        yaw = float(np.arctan2(-to_aim[0], to_aim[1]))
        made: dict[str, Action] = {}
        for i, (_, name) in enumerate(self.doing):
            if name not in made:
                rng = np.random.default_rng([self.seed, i])
                made[name] = work(self.station, self.person.height_m, name, rng, yaw)
        return [(at, made[name]) for at, name in self.doing]


@dataclass(frozen=True, eq=False)
class Plot:
    """A clip before it is rendered. It ends as it begins, so that it can be played in a loop."""

    name: str
    duration_s: float
    kitchen: Kitchen
    camera: Camera
    sensor: Sensor
    actors: tuple[Actor, ...]
    key_interval_s: float
    # x264's quality, chosen so that the file stays within its budget (3 MB and 1.5 MB).
    crf: int

    def events(self) -> list[Event]:
        """Every breach in the plot, in order of its beginning."""
        found = []
        for figure, actor in enumerate(self.actors, start=1):
            for rule in ("K01", "K02", "K06", "K07"):
                begun: float | None = None
                for at, wear in (*actor.wearing, (self.duration_s, None)):
                    broken = wear is not None and breaks(wear, rule)
                    if broken and begun is None:
                        begun = at
                    if not broken and begun is not None:
                        found.append(Event(figure, rule, begun, at))
                        begun = None
        return sorted(found, key=lambda e: (e.from_s, e.figure, e.rule))


def breaks(wear: Wear, rule: str) -> bool:
    return {
        "K01": wear.cap is None,
        "K02": wear.mask is None or wear.mask_state != "worn",
        "K06": None in wear.gloves,
        "K07": wear.smoking is not None,
    }[rule]


def mix(a: Pose, b: Pose, share: float) -> Pose:
    """The pose ``share`` of the way from ``a`` to ``b``, eased in and out."""
    w = float(np.clip(share, 0, 1))
    w = w * w * (3 - 2 * w)
    values = {}
    for f in fields(Pose):
        p, q = getattr(a, f.name), getattr(b, f.name)
        if f.name == "held":
            values[f.name] = q if w > 0.5 else p
        elif isinstance(p, tuple):
            values[f.name] = tuple(x * (1 - w) + y * w for x, y in zip(p, q, strict=True))
        else:
            values[f.name] = p * (1 - w) + q * w
    return Pose(**values)


def pose_at(actions: list[tuple[float, Action]], t: float, duration_s: float) -> Pose:
    """The pose at ``t``: blended where one action follows another, and into the beginning at the end."""
    i = bisect_right([at for at, _ in actions], t) - 1
    at, action = actions[i]
    pose = action(t)
    if i > 0 and t < at + BLEND_S:
        pose = mix(actions[i - 1][1](t), pose, (t - at) / BLEND_S)
    left = duration_s - t
    if left < 2 * BLEND_S:
        pose = mix(pose, actions[0][1](t - duration_s), 1 - left / (2 * BLEND_S))
    return pose


def table_post(kitchen: Kitchen, places: tuple[float, ...]) -> Station:
    """A post in the middle of the table behind which people face the camera; bowls and bottles where they are going to
    work are cleared away."""
    facing = [s for s in kitchen.stations if abs(s.yaw - np.pi) < 0.01]
    table = min(facing, key=lambda s: (round(s.y), abs(s.x - kitchen.width / 2)))

    def in_the_way(solid: Solid) -> bool:
        x, y, z = (float(v) for v in solid.centre)
        near = any(abs(x - table.x - place) < 0.5 for place in places) and abs(y - table.y) < 0.8
        return near and z > table.top + 0.03 and max(solid.half[:2]) < 0.3 and solid.surface.kind != "wood"

    kitchen.solids = [s for s in kitchen.solids if not in_the_way(s)]
    return table


def actors(crew: list[Person], table: Station, camera: Camera, places: tuple[float, ...],
            doing: tuple[tuple[tuple[float, str], ...], ...], wearing: tuple[tuple[tuple[float, Wear], ...], ...],
            seed: int) -> tuple[Actor, ...]:
    aim = (float(camera.position[0]), float(camera.position[1]))
    return tuple(
        Actor(person, Station(table.x + x, table.y, table.yaw, table.top), d, w, aim, seed * 10 + i)
        for i, (person, x, d, w) in enumerate(zip(crew, places, doing, wearing, strict=True))
    )
