"""Hands and what they hold, in the frame of a body."""

import numpy as np

from simulator.geometry import Material, Part, Patch, ellipsoid, limb, tube, unit
from simulator.textures import Array, linear

UP = np.array([0, 0, 1], np.float32)


def hand_frame(point: Array, palm: Array) -> Array:
    """Rows: across the hand, along the fingers, out of its back (against ``palm``, where the palm looks)."""
    y = unit(point)
    z = unit(-palm - y * float(-palm @ y))
    return np.stack([np.cross(y, z), y, z]).astype(np.float32)


def hand(wrist: Array, frame: Array, side: int, curl: float, part: Part, material: Material, scale: float) -> list[Patch]:
    """Palm, four fingers and thumb. ``side`` is -1 for the left hand; ``curl`` 0 flat, 1 a fist."""
    x, y, z = frame

    def at(a: float, b: float, c: float) -> Array:
        value: Array = wrist + x * a + y * b + z * c
        return value

    palm_centres = np.stack([at(0, b, 0) for b in (-0.012, 0.012, 0.04, 0.07, 0.092, 0.1)])
    widths = np.array([0.027, 0.03, 0.038, 0.042, 0.041, 0.02], np.float32) * scale
    depths = np.array([0.021, 0.019, 0.017, 0.0145, 0.012, 0.005], np.float32) * scale
    patches = [Patch(tube(palm_centres, widths, depths, x, 12, 2.6), part, material)]
    # Index finger on the thumb's side: the thumb of a right hand with the palm down is on its left.
    thumb_side = -side
    for i, (offset, length) in enumerate(zip((0.030, 0.0105, -0.0095, -0.029), (0.072, 0.079, 0.073, 0.058), strict=True)):
        bend = curl * (1.0 + 0.12 * i)
        joints, position, angle = [], at(thumb_side * offset, 0.09, 0.0), 0.0
        joints.append(position)
        for k, share in enumerate((0.45, 0.32, 0.23)):
            angle += bend * (0.9, 1.0, 0.7)[k]
            position = position + (y * np.cos(angle) - z * np.sin(angle) + x * thumb_side * 0.06 * (1 - i)) * length * share
            joints.append(position)
        path = np.stack(joints).astype(np.float32)
        r = 0.0092 * scale
        patches.append(Patch(limb(path, (r, r * 0.96, r * 0.88, r * 0.75), x, 8, 7, rounded=(False, True)), part, material))
    root = at(thumb_side * 0.026, 0.02, -0.006)
    tip = root + x * thumb_side * (0.042 - 0.018 * curl) + y * 0.036 - z * 0.016 * (1 + curl)
    end = tip + y * 0.03 - x * thumb_side * 0.014 * curl - z * 0.012 * curl
    r = 0.0115 * scale
    patches.append(Patch(limb(np.stack([root, tip, end]).astype(np.float32), (r * 1.25, r, r * 0.8), z, 8, 7), part,
                         material))
    return patches


def held_things(held: tuple[str, ...], side: int, wrist: Array, frame: Array) -> list[Patch]:
    """Things in a hand: ``knife``, ``ladle``, ``spoon``, ``chopsticks``, ``cup`` in the right hand, ``bowl``
    in the left."""
    x, y, z = frame
    palm = wrist + y * 0.075 - z * 0.03
    patches: list[Patch] = []

    def rod(start: Array, end: Array, radius: float, colour: str, flat: float = 1.0, shine: float = 0.3) -> None:
        material = Material(linear(colour), specular=shine, gloss=20)
        joints = np.stack([start, (start + end) / 2, end]).astype(np.float32)
        patches.append(Patch(limb(joints, (radius,) * 3, z, 5, 7, flat, rounded=(False, False)), Part.HELD, material))

    for name in held:
        if side > 0 and name == "knife":
            tip = palm + y * 0.24 - z * 0.03
            rod(palm - y * 0.07, palm + y * 0.05, 0.012, "2a2220")
            rod(palm + y * 0.05, tip, 0.024, "c9cdd0", 0.12, 0.9)
        if side > 0 and name in ("ladle", "spoon"):
            end = palm + y * 0.16 - z * (0.22 if name == "ladle" else 0.08)
            rod(palm - y * 0.05 + z * 0.03, end, 0.006, "c4c4c0", shine=0.8)
            axes = np.eye(3, dtype=np.float32) * (0.04 if name == "ladle" else 0.02) * np.array([[1], [1], [0.5]])
            patches.append(Patch(ellipsoid(end, axes.astype(np.float32), 10, 6), Part.HELD,
                                 Material(linear("b8b8b4"), specular=0.8, gloss=20)))
        if side > 0 and name == "chopsticks":
            for shift in (-0.008, 0.008):
                rod(palm - y * 0.05 + x * shift + z * 0.02, palm + y * 0.17 + x * shift * 0.4 - z * 0.07, 0.0036, "e3cfa4")
        if side > 0 and name == "cup":
            rod(palm - z * 0.012 - x * 0.05, palm - z * 0.012 + x * 0.055, 0.036, "ece9e2")
        if side < 0 and name == "bowl":
            centres = np.stack([palm + UP * h for h in (-0.01, 0.01, 0.04, 0.065)]).astype(np.float32)
            r = np.array([0.03, 0.05, 0.075, 0.085], np.float32)
            patches.append(Patch(tube(centres, r, r, x, 16), Part.HELD, Material(linear("e6e4de"), specular=0.3), two_sided=True))
    return patches


def cigarette(start: Array, direction: Array) -> list[Patch]:
    """A king-size cigarette, 84 x 8 mm: 24 mm of filter, then paper, then ash."""
    side = np.array([0.3, 0.2, 1], np.float32)
    patches = []
    for a, b, radius, colour, glow in ((0, 0.024, 0.0041, "c98b4a", 0.0), (0.024, 0.076, 0.004, "f4f2ec", 0.1),
                                       (0.076, 0.084, 0.0038, "6b6562", 0.1)):
        joints = np.stack([start + direction * a, start + direction * b])
        material = Material(linear(colour), emission=glow, wrap=0.4)
        patches.append(Patch(limb(joints, (radius, radius), side, 3, 6, rounded=(False, False)), Part.CIGARETTE, material,
                             bias_m=0.01))
    return patches
