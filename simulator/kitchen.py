"""The still part of a scene: room, worktops, stoves, hoods and pots, and the posts where people work."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from simulator.render import Light, Lighting
from simulator.textures import Array, linear


@dataclass(frozen=True, eq=False)
class Surface:
    """``kind``: plain, tile, steel, wood, poster, glow. ``size`` of a tile or board in metres."""

    kind: str
    colour: Array
    second: Array
    size: float = 0.3
    gloss: float = 0.15


@dataclass(frozen=True, eq=False)
class Solid:
    """A box (``round`` false: half extents) or an upright frustum (radii ``half[0]`` below, ``half[1]`` above, half
    height ``half[2]``), turned by ``yaw``."""

    centre: Array
    half: Array
    surface: Surface
    yaw: float = 0.0
    round: bool = False


@dataclass(frozen=True)
class Station:
    """A place to work: where the feet are, which way the body looks, and the height of the worktop before it."""

    x: float
    y: float
    yaw: float
    top: float


@dataclass
class Kitchen:
    """A room of ``width`` (x) by ``depth`` (y); ``paths`` are stretches of free floor to walk along."""

    width: float
    depth: float
    height: float
    lighting: Lighting
    solids: list[Solid] = field(default_factory=list)
    stations: list[Station] = field(default_factory=list)
    paths: list[tuple[tuple[float, float], tuple[float, float]]] = field(default_factory=list)


@dataclass(frozen=True)
class KitchenStyle:
    """What a kit says about one kitchen: colours, tile sizes and a seed for its arrangement."""

    name: str
    wall: str
    wall_tile: str
    floor: str
    cabinet: str
    accent: str
    floor_tile_m: float
    wall_tile_m: float
    seed: int


def furnish(style: KitchenStyle, warm: float, strength: float) -> Kitchen:
    """The room of a style, with lamps of a given warmth (-1 bluish .. 1 yellowish) and strength."""
    rng = np.random.default_rng(style.seed)
    w, d, h = float(rng.uniform(4.0, 6.5)), float(rng.uniform(4.2, 7.5)), float(rng.uniform(2.7, 3.1))
    tint = np.array([1 - 0.22 * warm, 1 - 0.03 * abs(warm), 1 + 0.16 * warm], np.float32)
    lights = [Light(np.array([x * w, y * d, h - 0.03], np.float32), tint * 0.62 * strength)
              for x, y in ((0.3, 0.3), (0.7, 0.62))]
    wall_light = linear(style.wall) * 0.5 + 0.25
    lighting = Lighting(lights, tint * wall_light * 0.95 * strength, tint * (linear(style.floor) * 0.45 + 0.09) * strength)
    kitchen = Kitchen(w, d, h, lighting)
    white = linear("f0f0ee")
    floor = Surface("tile", linear(style.floor), linear(style.floor) * 0.55, style.floor_tile_m, 0.25)
    wall = Surface("tile", linear(style.wall_tile), linear(style.wall_tile) * 0.6 + 0.02, style.wall_tile_m, 0.3)
    paint = Surface("plain", linear(style.wall), linear(style.wall))
    ceiling = Surface("tile", white * 0.9, white * 0.7, 0.6, 0.0)
    _box(kitchen, (w / 2, d / 2, -0.05), (w / 2, d / 2, 0.05), floor)
    _box(kitchen, (w / 2, d / 2, h + 0.05), (w / 2, d / 2, 0.05), ceiling)
    tiled = 1.5 + float(rng.uniform(0, 1.2))
    for x, y, hx, hy in ((w / 2, -0.05, w / 2, 0.05), (w / 2, d + 0.05, w / 2, 0.05), (-0.05, d / 2, 0.05, d / 2),
                         (w + 0.05, d / 2, 0.05, d / 2)):
        _box(kitchen, (x, y, tiled / 2), (hx, hy, tiled / 2), wall)
        _box(kitchen, (x, y, (tiled + h) / 2), (hx, hy, (h - tiled) / 2), paint)
    glow = Surface("glow", np.array([1.6, 1.6, 1.6], np.float32) * tint, white)
    for light in lights:
        _box(kitchen, tuple(light.position), (0.3, 0.6, 0.02), glow)
    _back_wall(kitchen, style, rng)
    _island(kitchen, style, rng)
    _side(kitchen, style, rng)
    _loose_things(kitchen, style, rng)
    return kitchen


def _steel(style: KitchenStyle, shade: float = 1.0) -> Surface:
    return Surface("steel", linear("b9bdbf") * shade, linear(style.wall), gloss=0.5)


def _box(kitchen: Kitchen, centre: Sequence[float], half: Sequence[float], surface: Surface, yaw: float = 0.0) -> None:
    kitchen.solids.append(Solid(np.array(centre, np.float32), np.array(half, np.float32), surface, yaw))


def _can(kitchen: Kitchen, x: float, y: float, z: float, lower: float, upper: float, height: float,
         surface: Surface) -> None:
    kitchen.solids.append(Solid(np.array([x, y, z + height / 2], np.float32),
                                np.array([lower, upper, height / 2], np.float32), surface, round=True))


def _back_wall(kitchen: Kitchen, style: KitchenStyle, rng: np.random.Generator) -> None:
    w, d = kitchen.width, kitchen.depth
    top = float(rng.uniform(0.84, 0.92))
    cabinet = Surface("plain", linear(style.cabinet), linear(style.cabinet))
    dark = Surface("plain", linear("1c1c1e"), linear("1c1c1e"), gloss=0.3)
    fridge = rng.random() < 0.7
    left = 0.85 if fridge else 0.1
    if fridge:
        _box(kitchen, (0.42, d - 0.38, 0.95), (0.4, 0.36, 0.95), _steel(style, 0.9))
        for z in (0.6, 1.3):
            _box(kitchen, (0.42, d - 0.75, z), (0.36, 0.012, 0.28), _steel(style, 1.05))
            _box(kitchen, (0.7, d - 0.77, z), (0.012, 0.015, 0.16), dark)
    middle, half = (left + w - 0.1) / 2, (w - 0.1 - left) / 2
    front = _steel(style, 0.8) if rng.random() < 0.5 else cabinet
    _box(kitchen, (middle, d - 0.32, top / 2), (half, 0.30, top / 2 - 0.02), front)
    _box(kitchen, (middle, d - 0.34, top), (half, 0.34, 0.02), _steel(style))
    for x in np.arange(left + 0.5, w - 0.2, 0.55):
        _box(kitchen, (float(x), d - 0.625, top * 0.45), (0.006, 0.006, top * 0.42), dark)
    stove = float(rng.uniform(left + 0.7, w - 0.8))
    _box(kitchen, (stove, d - 0.34, top + 0.03), (0.55, 0.32, 0.03), dark)
    for x in (stove - 0.28, stove + 0.28):
        _can(kitchen, x, d - 0.34, top + 0.06, 0.14, 0.14, 0.02, dark)
        if rng.random() < 0.75:
            r = float(rng.uniform(0.11, 0.17))
            wok = rng.random() < 0.4
            _can(kitchen, x, d - 0.34, top + 0.08, r * (0.5 if wok else 1), r * (1.2 if wok else 1),
                 0.08 if wok else float(rng.uniform(0.14, 0.28)), _steel(style, float(rng.uniform(0.4, 1.0))))
    hood = float(rng.uniform(1.85, 2.05))
    _box(kitchen, (stove, d - 0.45, hood + 0.12), (0.8, 0.42, 0.14), _steel(style, 0.95))
    duct = (kitchen.height - hood) / 2
    _box(kitchen, (stove, d - 0.4, hood + duct + 0.1), (0.35, 0.3, duct), _steel(style, 0.85))
    for x in np.arange(left + 0.45, w - 0.4, 0.8):
        if abs(x - stove) > 0.6:
            kitchen.stations.append(Station(float(x), d - 0.95, 0.0, top))
            _clutter(kitchen, style, rng, float(x), d - 0.25, top, 2)
            if rng.random() < 0.6:
                _shelf(kitchen, style, rng, float(x), d - 0.14)
    kitchen.stations.append(Station(stove, d - 1.0, 0.0, top + 0.1))
    if rng.random() < 0.6:
        colour = linear(style.accent)
        x = float(rng.uniform(0.8, w - 0.8))
        _box(kitchen, (x, d - 0.005, 2.2), (float(rng.uniform(0.2, 0.4)), 0.01, 0.22),
             Surface("poster", colour, linear("f4f4f0"), 0.07))


def _shelf(kitchen: Kitchen, style: KitchenStyle, rng: np.random.Generator, x: float, y: float) -> None:
    z = float(rng.uniform(1.45, 1.6))
    _box(kitchen, (x, y, z), (0.38, 0.13, 0.012), _steel(style))
    for shift in np.arange(-0.3, 0.31, 0.15):
        colour = linear(str(rng.choice(["d9d6cc", "c0c4c8", "a33b2a", "2f6e4d", "d7b23c", "3f5f95", "efefef", "7c5a3a"])))
        item = Surface("plain", colour, colour, gloss=0.2)
        r = float(rng.uniform(0.035, 0.065))
        _can(kitchen, x + float(shift), y, z + 0.012, r, r * float(rng.uniform(0.7, 1.1)), float(rng.uniform(0.08, 0.24)), item)


def _clutter(kitchen: Kitchen, style: KitchenStyle, rng: np.random.Generator, x: float, y: float, top: float, count: int) -> None:
    foods = ["c8502a", "e2b04a", "5f8f3a", "d9d2b8", "8c3b2a", "f0e6cf", "355e2a"]
    for _ in range(count):
        px, py = x + float(rng.uniform(-0.33, 0.33)), y + float(rng.uniform(-0.09, 0.09))
        kind = rng.integers(4)
        food = linear(str(rng.choice(foods)))
        if kind == 0:
            _box(kitchen, (px, py, top + 0.035), (0.16, 0.1, 0.02), Surface("wood", linear("c9a26b"), linear("8d6534"), 0.05),
                 float(rng.uniform(-0.4, 0.4)))
            _can(kitchen, px, py, top + 0.055, 0.05, 0.02, 0.03, Surface("plain", food, food))
        elif kind == 1:
            r = float(rng.uniform(0.07, 0.14))
            _can(kitchen, px, py, top + 0.02, r * 0.6, r, 0.08, _steel(style, 1.1))
            _can(kitchen, px, py, top + 0.06, r * 0.86, r * 0.6, 0.045, Surface("plain", food, food))
        elif kind == 2:
            _box(kitchen, (px, py, top + 0.06), (0.14, 0.09, 0.045), _steel(style, 0.9), float(rng.uniform(-0.3, 0.3)))
            _box(kitchen, (px, py, top + 0.10), (0.12, 0.075, 0.012), Surface("plain", food, food), 0.0)
        else:
            r = float(rng.uniform(0.03, 0.05))
            glass = linear(str(rng.choice(["5a2d16", "e8e4d4", "c03a2c", "2d4f2a"])))
            _can(kitchen, px, py, top + 0.02, r, r, 0.16, Surface("plain", glass, glass, gloss=0.4))
            _can(kitchen, px, py, top + 0.18, r * 0.9, r * 0.4, 0.06, Surface("plain", glass, glass, gloss=0.4))


def _island(kitchen: Kitchen, style: KitchenStyle, rng: np.random.Generator) -> None:
    """One or two tables across the room; people stand behind them (facing the camera's wall) or before them."""
    w, d = kitchen.width, kitchen.depth
    rows = [d * 0.5] if d < 5.6 else [d * 0.36, d * 0.64]
    for row in rows:
        y = row + float(rng.uniform(-0.15, 0.15))
        top = float(rng.uniform(0.82, 0.92))
        half = float(rng.uniform(0.28, 0.36)) * w
        x = w / 2 + float(rng.uniform(-0.3, 0.3))
        _box(kitchen, (x, y, top), (half, 0.36, 0.02), _steel(style))
        if rng.random() < 0.5:
            _box(kitchen, (x, y, top / 2), (half - 0.03, 0.33, top / 2 - 0.03), _steel(style, 0.75))
        else:
            _box(kitchen, (x, y, 0.28), (half - 0.03, 0.32, 0.012), _steel(style, 0.8))
            for leg in (-1, 1):
                for side in (-1, 1):
                    _box(kitchen, (x + leg * (half - 0.05), y + side * 0.3, top / 2), (0.02, 0.02, top / 2), _steel(style, 0.9))
            for px in np.arange(x - half + 0.25, x + half - 0.2, 0.45):
                if rng.random() < 0.6:
                    colour = linear(str(rng.choice(["3f6ea8", "d8d8d4", "a8392d", "5d7d4a", "c9a26b"])))
                    _box(kitchen, (float(px), y, 0.4), (0.18, 0.22, 0.11), Surface("plain", colour, colour))
        for px in np.arange(x - half + 0.45, x + half - 0.35, 0.95):
            kitchen.stations.append(Station(float(px), y + 0.60, np.pi, top))
            kitchen.stations.append(Station(float(px) + 0.4, y - 0.60, 0.0, top))
            _clutter(kitchen, style, rng, float(px) + 0.5, y, top, 2)
            _box(kitchen, (float(px), y + 0.12, top + 0.035), (0.2, 0.13, 0.015),
                 Surface("wood", linear("d8c39a"), linear("b9935c"), 0.06))
        kitchen.paths.append(((0.7, y + 1.05), (w - 0.7, y + 1.05)))


def _loose_things(kitchen: Kitchen, style: KitchenStyle, rng: np.random.Generator) -> None:
    """What stands and hangs about: bins, crates, sacks, a door or a window, notices, a rail with tools."""
    w, d = kitchen.width, kitchen.depth
    for _ in range(rng.integers(0, 4)):
        x = float(rng.choice([0.3, w - 0.3]))
        y = float(rng.uniform(0.6, d * 0.3))
        colour = linear(str(rng.choice(["4a4d50", "2f5d8a", "8a2f2f", "3f7a4f", "c9b48a", "e4e2da", "202224"])))
        if rng.random() < 0.5:
            _can(kitchen, x, y, 0.0, 0.2, 0.25, float(rng.uniform(0.45, 0.8)), Surface("plain", colour, colour, gloss=0.3))
        else:
            for level in range(rng.integers(1, 4)):
                _box(kitchen, (x, y, 0.14 + 0.28 * level), (0.24, 0.18, 0.135), Surface("plain", colour, colour * 0.8),
                     float(rng.normal(0, 0.1)))
    for side in (0.004, w - 0.004):
        if rng.random() < 0.45:
            y = float(rng.uniform(d * 0.35, d * 0.85))
            if rng.random() < 0.5:
                door = linear(str(rng.choice(["6b5a48", "c8ccd0", "3c4248", "8fa3ae"])))
                _box(kitchen, (side, y, 1.03), (0.02, 0.45, 1.03), Surface("plain", door, door, gloss=0.2))
            else:
                light = np.array([1.3, 1.15, 1.0], np.float32) * float(rng.uniform(0.4, 1.3))
                _box(kitchen, (side, y, 1.75), (0.02, 0.6, 0.4), Surface("glow", light, light))
                _box(kitchen, (side, y, 1.75), (0.03, 0.02, 0.4), Surface("plain", linear("d8d8d8"), linear("d8d8d8")))
    for _ in range(rng.integers(0, 4)):
        paper = linear(str(rng.choice(["f6f4ea", "f2d35c", "dfe8f4", style.accent])))
        _box(kitchen, (float(rng.uniform(0.5, w - 0.5)), d - 0.006, float(rng.uniform(1.2, 2.3))),
             (float(rng.uniform(0.1, 0.2)), 0.008, float(rng.uniform(0.12, 0.28))),
             Surface("poster", paper, paper * 0.55, float(rng.uniform(0.03, 0.08))))
    if rng.random() < 0.4:
        x0, y, z = float(rng.uniform(0.8, w - 2.0)), d - 0.12, float(rng.uniform(1.45, 1.65))
        _box(kitchen, (x0 + 0.6, y, z), (0.6, 0.012, 0.012), _steel(style))
        for shift in np.arange(0.1, 1.2, 0.17):
            length = float(rng.uniform(0.12, 0.2))
            _can(kitchen, x0 + float(shift), y - 0.02, z - 2 * length, 0.012, 0.008, 2 * length, _steel(style, 0.8))
            _can(kitchen, x0 + float(shift), y - 0.02, z - 2 * length - 0.06, 0.05, 0.05, 0.05, _steel(style, 0.7))


def _side(kitchen: Kitchen, style: KitchenStyle, rng: np.random.Generator) -> None:
    d, top = kitchen.depth, 0.86
    at_right = rng.random() < 0.5
    x = kitchen.width - 0.33 if at_right else 0.33
    front, back = d * 0.3, d - 1.6
    if back - front < 0.8:
        return
    _box(kitchen, (x, (front + back) / 2, top), (0.33, (back - front) / 2, 0.02), _steel(style))
    _box(kitchen, (x, (front + back) / 2, top / 2), (0.3, (back - front) / 2 - 0.02, top / 2 - 0.03), _steel(style, 0.7))
    yaw = -np.pi / 2 if at_right else np.pi / 2
    stand = x - 0.62 if at_right else x + 0.62
    for y in np.arange(front + 0.4, back - 0.2, 0.9):
        kitchen.stations.append(Station(stand, float(y), yaw, top))
        _clutter(kitchen, style, rng, x, float(y), top, 1)
    kitchen.paths.append(((stand, front), (stand, d - 1.4)))
