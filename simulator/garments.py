"""Caps and masks on a head, in head coordinates (centre of the head, nose at +y)."""

from dataclasses import dataclass

import cv2
import numpy as np

from simulator.geometry import Material, Part, Patch, ellipsoid, limb
from simulator.head import HALF_DEPTH, HALF_HEIGHT, HALF_WIDTH, Face, Hair, scalp_shell, surface
from simulator.textures import Array, linear, noise


@dataclass(frozen=True)
class Cap:
    """``kind``: toque, skull, bouffant, hairnet, baseball, bandana, paper. ``size`` and ``shape`` mean what the kind
    makes of them: height of a toque, puff of a bouffant, length of a peak; in metres, and a number 0..1."""

    kind: str
    colour: str
    size: float
    shape: float


@dataclass(frozen=True)
class Mask:
    """``kind``: pleated, cup, cloth. ``loose`` is how far it stands off the face, metres."""

    kind: str
    colour: str
    loose: float


def cap_patches(cap: Cap, face: Face, hair: Hair, rng: np.random.Generator) -> list[Patch]:
    cloth = _cloth(cap.colour)
    if cap.kind == "toque":
        return _toque(cap, cloth)
    if cap.kind in ("bouffant", "hairnet"):
        return _bouffant(cap, face, hair, rng)
    if cap.kind == "paper":
        return _paper(cap, cloth)
    rim = {"skull": (0.062, 0.025, -0.002), "baseball": (0.058, 0.022, 0.012), "bandana": (0.06, 0.008, -0.03)}
    front, side, back = rim[cap.kind]
    points, _, t = scalp_shell(face, front, side, back, 0.013 + cap.size * 0.2, rings=14)
    points = points.copy()
    if cap.kind == "skull":
        # A flat top with a soft edge.
        top = HALF_HEIGHT + 0.012 + cap.size
        points[..., 2] = np.where(points[..., 2] > top - 0.02, top - 0.02 + 0.35 * (points[..., 2] - top + 0.02),
                                  points[..., 2]) + cap.size * t
        points[..., :2] *= (1 + 0.10 * cap.shape * np.sin(np.pi * np.clip(t, 0, 1)))[..., None]
    else:
        points[..., 2] += 0.012 * t + cap.size * 0.4 * t
    patches = [Patch(points.astype(np.float32), Part.CAP, cloth, bias_m=0.012, two_sided=True)]
    if cap.kind == "baseball":
        u = np.linspace(-0.95, 0.95, 12, dtype=np.float32)[None]
        v = np.linspace(0, 1, 6, dtype=np.float32)[:, None]
        reach = (0.06 + cap.size) * np.sqrt(np.clip(1 - (u / 1.1) ** 2, 0, 1))
        brim = np.stack([np.sin(u) * (HALF_WIDTH + 0.012) + 0 * v, np.cos(u) * (HALF_DEPTH + 0.008) + reach * v,
                         0.058 - 0.018 * cap.shape * v - 0.03 * u**2 + 0.01], axis=-1)
        patches.append(Patch(brim.astype(np.float32), Part.CAP, cloth, closed=False, two_sided=True, bias_m=0.01))
    if cap.kind == "bandana":
        knot = np.array([[0.02, 0, 0], [0, 0.012, 0], [0, 0, 0.014]], np.float32)
        patches.append(Patch(ellipsoid(np.array([0, -0.105, -0.01]), knot, 8, 6), Part.CAP, cloth))
    return patches


def _cloth(colour: str) -> Material:
    return Material(linear(colour), bump=noise(21, "cloth_vector"), bump_strength=0.14, wrap=0.3,
                    specular=0.03, gloss=8, repeat=(2, 1))


def _oval(radius_scale: Array, height: Array, columns: int, pleat: float, pleats: int = 18) -> Array:
    """Rings round the head, [n, columns, 3]; ``pleat`` waves the upper ones."""
    angle = np.linspace(-np.pi, np.pi, columns, endpoint=False, dtype=np.float32)[None]
    t = np.linspace(0, 1, len(radius_scale), dtype=np.float32)[:, None]
    r = radius_scale[:, None] * (1 + pleat * np.cos(pleats * angle) * np.clip(t * 2 - 0.6, 0, 1))
    # A hat sits lower at the back of the head.
    tilt = 0.014 * np.cos(angle) * (1 - t)
    return np.stack([np.sin(angle) * (HALF_WIDTH + 0.013) * r, np.cos(angle) * (HALF_DEPTH + 0.010) * r - 0.004,
                     height[:, None] + tilt], axis=-1).astype(np.float32)


def _toque(cap: Cap, cloth: Material) -> list[Patch]:
    band = 0.07
    heights = np.array([0, band * 0.5, band, band + 0.004, band + cap.size * 0.3, band + cap.size * 0.7,
                        band + cap.size, band + cap.size * 1.06, band + cap.size * 1.08, band + cap.size * 1.08])
    wide = 1.04 + 0.42 * cap.shape
    radii = np.array([1, 1, 1, 1.02, 1.04 + 0.3 * (wide - 1.04), wide, wide * 0.98, wide * 0.8, wide * 0.4, 0.03])
    points = _oval(radii.astype(np.float32), (0.048 + heights).astype(np.float32), 54, 0.035)
    return [Patch(points, Part.CAP, cloth, bias_m=0.01, two_sided=True)]


def _paper(cap: Cap, cloth: Material) -> list[Patch]:
    """The flat-sided paper hat of a canteen: two walls that meet above."""
    height = 0.06 + cap.size
    radii = np.array([1, 1, 1, 0.97, 0.9, 0.03], np.float32)
    points = _oval(radii, np.array([0, height * 0.5, height, height, height * 0.93, height * 0.9], np.float32) + 0.052,
                   40, 0.0)
    points[2:, :, 0] *= 1 - 0.5 * cap.shape
    return [Patch(points, Part.CAP, cloth, bias_m=0.01, two_sided=True)]


def _bouffant(cap: Cap, face: Face, hair: Hair, rng: np.random.Generator) -> list[Patch]:
    columns, rings = 36, 16
    points, azimuth, t = scalp_shell(face, 0.062, -0.015, -0.055, 0.012, columns, rings)
    puff = cap.size * np.sin(np.pi * np.clip(t, 0.05, 0.95) ** 0.8) * (0.8 + 0.5 * cap.shape * (azimuth**2 > 2))
    folds = cv2.resize(rng.standard_normal((5, 12)).astype(np.float32), (columns, rings), interpolation=cv2.INTER_CUBIC)
    folds[:, 0] = folds[:, -1] = folds[:, 1]
    outward = points / np.linalg.norm(points, axis=-1, keepdims=True)
    points = points + outward * (puff + folds * (0.10 if cap.kind == "hairnet" else 0.22) * puff)[..., None]
    colour = linear(cap.colour)
    if cap.kind == "hairnet":
        # The net lets the hair through; threads by a fine bright or dark grid.
        colour = 0.45 * colour + 0.55 * linear(hair.colour)
        grid = np.ones((64, 64), np.float32)
        grid[::8] = grid[:, ::8] = 0.45 if colour.mean() > 0.1 else 2.0
        texture = cv2.resize(grid, (256, 256), interpolation=cv2.INTER_AREA)[..., None] * np.ones(3, np.float32)
        cloth = Material(colour, texture=texture, bump=noise(22, "cloth_vector"), bump_strength=0.25, wrap=0.2,
                         repeat=(3, 2))
    else:
        # Non-woven plastic shines through a little where hair lies under it.
        colour = 0.85 * colour + 0.15 * linear(hair.colour) * 0.5
        cloth = Material(colour, bump=noise(23, "cloth_vector"), bump_strength=0.4, wrap=0.35, specular=0.06, gloss=10)
    return [Patch(points.astype(np.float32), Part.CAP, cloth, bias_m=0.014, two_sided=True)]


def mask_patches(mask: Mask, face: Face, state: str, rng: np.random.Generator) -> list[Patch]:
    """A mask that is ``worn`` over nose and mouth, or ``wrong``: on the chin, or ``nose`` (nose left free)."""
    half_angle, columns, rings = 1.12, 22, 14
    top, bottom = {"worn": (0.004, -0.108), "nose": (-0.046, -0.110), "wrong": (-0.079, -0.118)}[state]
    u = np.linspace(-1, 1, columns, dtype=np.float32)[None]
    t = np.linspace(0, 1, rings, dtype=np.float32)[:, None]
    edge = u**2
    high = top - (0.022 if state == "worn" else 0.006) * edge
    low = bottom + 0.052 * edge**2
    z = low + (high - low) * t
    latitude = np.arcsin(np.clip(z / HALF_HEIGHT, -0.985, 0.985))
    azimuth = half_angle * u + 0 * t
    middle = np.exp(-((u / 0.45) ** 2))
    tent = 0.017 * face.nose * middle * np.sin(np.pi * np.clip(t * 0.8 + 0.12, 0, 1)) if state == "worn" else 0.004 * middle
    loose = 0.005 + mask.loose * np.sin(np.pi * t) * (1 - edge)
    if mask.kind == "cup":
        loose = loose + 0.010 * np.sin(np.pi * t) * (1 - edge)
    points = surface(azimuth, latitude, face, (loose + 0 * azimuth).astype(np.float32), smooth=True).copy()
    points[..., 1] += tent
    if state == "wrong":
        # Pushed under the chin it folds and hangs a little.
        points[..., 2] = points[..., 2] * 1.0 - 0.010
        points[..., 1] += 0.006 * np.sin(t * 9)
    texture = np.ones((96, 96, 3), np.float32)
    if mask.kind == "pleated":
        for row in (30, 50, 70):
            texture[row : row + 3] = 0.72
            texture[row + 3 : row + 5] = 1.06
    texture[:5] = texture[-5:] = 0.85
    cloth = Material(linear(mask.colour), texture=texture, bump=noise(24, "cloth_vector"), bump_strength=0.12,
                     wrap=0.35, specular=0.03)
    patches = [Patch(points.astype(np.float32), Part.MASK, cloth, closed=False, two_sided=True, bias_m=0.012)]
    loop = Material(linear(mask.colour) * 0.9)
    for side, column in ((-1.0, 0), (1.0, -1)):
        ear = np.array([side * 0.083, -0.012, -0.005 if state == "worn" else -0.025], np.float32)
        for corner in (points[0, column], points[-1, column]):
            joints = np.stack([corner, (corner + ear) / 2 + np.array([side * 0.004, 0, 0]), ear]).astype(np.float32)
            patches.append(Patch(limb(joints, (0.0014,) * 3, np.array([0, 0, 1], np.float32), 4, 4,
                                      rounded=(False, False)), Part.MASK, loop, bias_m=0.01))
    return patches
