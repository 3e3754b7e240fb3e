"""What happens in a clip: who stands where, what they do and wear and when; the events that follow from it."""

from bisect import bisect_right
from dataclasses import dataclass, fields, replace

import numpy as np

from simulator.geometry import Camera
from simulator.head import Hair
from simulator.kitchen import Kitchen, Solid, Station, furnish
from simulator.kits import DEMO, EVENT, Kit
from simulator.people import Clothes, Person, Pose, Wear
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


def _crew(kit: Kit, hair: tuple[str, ...], clothes: tuple[tuple[str, str, str], ...]) -> list[Person]:
    """One person from each row of a kit; ``clothes`` are (style, sleeve, apron)."""
    crew = []
    for i, ((height, width, head), style, (cut, sleeve, apron)) in enumerate(zip(kit.builds, hair, clothes, strict=True)):
        worn = Clothes(cut, kit.clothes_colours[i], kit.trouser_colours[i], sleeve, apron, kit.apron_colours[i])
        crew.append(Person(height, width, head, kit.skins[i], kit.faces[i],
                           Hair(style, kit.hair_colours[i], kit.hair_volumes[i]), worn, kit.number * 1000 + i))
    return crew


def _table(kitchen: Kitchen, places: tuple[float, ...]) -> Station:
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


def _full(kit: Kit, i: int) -> Wear:
    return Wear(kit.caps[i], kit.masks[i], "worn", (kit.glove_colours[i], kit.glove_colours[i]), None)


def demo(seed: int) -> Plot:
    """The clip that ships: a cap off, bare hands, then a mask off and a cigarette, one person each."""
    kit = DEMO
    kitchen = furnish(kit.kitchens[0], warm=0.15, strength=1.0)
    places = (-1.15, 0.0, 1.15)
    table = _table(kitchen, places)
    camera_at = np.array([table.x - 1.15, max(0.2, table.y - 3.15), 2.45], np.float32)
    camera = Camera(camera_at, np.array([table.x - 0.05, table.y - 0.1, 1.12], np.float32), 830, 1280, 720)
    crew = _crew(kit, ("short", "bun", "crop"), (("jacket", "long", "bib"), ("jacket", "rolled", "waist"),
                                                 ("polo", "short", "bib")))
    a, b, c = (_full(kit, i) for i in range(3))
    bare = replace(c, gloves=(None, None))
    open_face = replace(b, mask=None)
    wearing = (
        ((0.0, a), (2.5, replace(a, cap=None)), (38.5, a)),
        ((0.0, b), (40.5, open_face), (50.5, replace(open_face, smoking="hand")), (64.5, open_face), (74.5, b)),
        ((0.0, c), (8.5, bare), (44.5, c)),
    )
    doing = (
        ((0.0, "plate"), (1.4, "crown"), (2.8, "plate"), (12.0, "chop"), (34.0, "plate"), (37.4, "crown"), (38.8, "plate")),
        ((0.0, "stir"), (39.3, "chin"), (40.8, "plate"), (49.1, "join"), (50.5, "smoke"), (64.5, "plate"), (73.4, "chin"),
         (74.9, "stir")),
        ((0.0, "wipe"), (7.1, "join"), (8.8, "plate"), (22.0, "wipe"), (43.1, "join"), (44.8, "wipe")),
    )
    return Plot("demo", 78.0, kitchen, camera, Sensor(exposure=1.0, blur_px=0.75, sharpen=0.35, noise=0.004, vignette=0.12),
                _actors(crew, table, camera, places, doing, wearing, seed), 2.0, 28)


def event(seed: int) -> Plot:
    """The event-level test: four breaches that last, and what is none for the rules (a cap lifted for a moment, a hand
    at the mouth)."""
    kit = EVENT
    kitchen = furnish(kit.kitchens[0], warm=-0.1, strength=1.05)
    places = (-1.1, 0.0, 1.1)
    table = _table(kitchen, places)
    camera_at = np.array([table.x + 1.05, max(0.2, table.y - 3.0), 2.5], np.float32)
    camera = Camera(camera_at, np.array([table.x + 0.05, table.y - 0.1, 1.12], np.float32), 800, 1280, 720)
    crew = _crew(kit, ("parted", "crop", "bob"), (("polo", "short", "waist"), ("jacket", "long", "bib"),
                                                  ("tshirt", "short", "bib")))
    a, b, c = (_full(kit, i) for i in range(3))
    open_face = replace(a, mask=None)
    wearing = (
        ((0.0, a), (24.0, open_face), (34.0, replace(open_face, smoking="hand")), (45.0, open_face), (54.0, a)),
        ((0.0, b), (4.0, replace(b, gloves=(None, None))), (36.0, b), (52.0, replace(b, cap=None)), (55.0, b)),
        ((0.0, c), (16.0, replace(c, cap=None)), (48.0, c)),
    )
    doing = (
        ((0.0, "chop"), (22.8, "chin"), (24.3, "plate"), (32.6, "join"), (34.0, "smoke"), (45.0, "plate"), (52.9, "chin"),
         (54.4, "chop")),
        ((0.0, "wipe"), (2.6, "join"), (4.2, "plate"), (34.6, "join"), (36.2, "wipe"), (39.0, "mouth"), (46.0, "wipe"),
         (50.9, "crown"), (55.4, "wipe")),
        ((0.0, "stir"), (14.9, "crown"), (16.3, "stir"), (46.9, "crown"), (48.3, "stir")),
    )
    return Plot("event", 64.0, kitchen, camera, Sensor(exposure=1.02, blur_px=0.8, sharpen=0.3, noise=0.004, vignette=0.15),
                _actors(crew, table, camera, places, doing, wearing, seed), 2.0, 33)


def _actors(crew: list[Person], table: Station, camera: Camera, places: tuple[float, ...],
            doing: tuple[tuple[tuple[float, str], ...], ...], wearing: tuple[tuple[tuple[float, Wear], ...], ...],
            seed: int) -> tuple[Actor, ...]:
    aim = (float(camera.position[0]), float(camera.position[1]))
    return tuple(
        Actor(person, Station(table.x + x, table.y, table.yaw, table.top), d, w, aim, seed * 10 + i)
        for i, (person, x, d, w) in enumerate(zip(crew, places, doing, wearing, strict=True))
    )


PLOTS = {"demo": demo, "event": event}
