"""A human head as a displaced ellipsoid, its painted face, its hair, and the shells that lie on it."""

from dataclasses import dataclass

import cv2
import numpy as np

from simulator.geometry import Material, Part, Patch, ellipsoid
from simulator.textures import Array, fractal, linear, noise

# Half axes of an adult head without hair, metres: about 15.6 x 19 x 23 cm.
HALF_WIDTH, HALF_DEPTH, HALF_HEIGHT = 0.077, 0.095, 0.117
FACE_HALF_ANGLE = np.radians(72)
FACE_TOP = 0.066
TEXTURE_SIZE = 288


@dataclass(frozen=True)
class Face:
    """What tells one face from another: lengths in units of the average one."""

    eye_distance: float = 1.0
    nose: float = 1.0
    jaw: float = 1.0
    lips: float = 1.0
    brows: float = 1.0
    stubble: float = 0.0
    age: float = 0.3


@dataclass(frozen=True)
class Hair:
    """``style``: bald, short, crop, parted, bob, long, bun, ponytail; ``volume`` in metres."""

    style: str
    colour: str
    volume: float


def surface(azimuth: Array, latitude: Array, face: Face, offset: Array | float = 0.0, smooth: bool = False) -> Array:
    """Points of the head; azimuth 0 is the nose, positive towards the right ear (+x); [..., 3].

    ``smooth`` leaves out nose, eyes and lips (for cloth that spans over them).
    """
    dx, dy = np.sin(azimuth) * np.cos(latitude), np.cos(azimuth) * np.cos(latitude)
    dz = np.sin(latitude) + 0 * dx
    x, y, z = dx * HALF_WIDTH, dy * HALF_DEPTH, dz * HALF_HEIGHT
    low = np.clip(-z / HALF_HEIGHT, 0, 1)
    x = x * (1 - (0.24 - 0.10 * (face.jaw - 1)) * low**1.4) * (1 + 0.05 * np.clip(z / HALF_HEIGHT, 0, 1))
    back = y < 0
    y = np.where(back, y * (1 - 0.55 * low**1.2), y)
    front = np.clip(dy, 0, 1)
    # The face is flatter than an ellipsoid.
    y = y - 0.006 * front**6 + 0.012 * low * front
    if not smooth:
        y = y + _relief(x, z, face) * np.clip(dy * 4, 0, 1)
    outward = np.stack([dx, dy, dz], axis=-1)
    return (np.stack([x, y, z], axis=-1) + outward * np.asarray(offset, np.float32)[..., None]).astype(np.float32)


def _relief(x: Array, z: Array, face: Face) -> Array:
    def bump(cx: float, cz: float, sx: float, sz: float) -> Array:
        return np.exp(-(((x - cx) / sx) ** 2) - ((z - cz) / sz) ** 2)

    eye = 0.031 * face.eye_distance
    nose_shape = np.interp(z, [-0.052, -0.044, -0.034, 0.0, 0.022, 0.03], [0, 0.014, 0.026, 0.013, 0.006, 0])
    nose_width = np.interp(z, [-0.05, -0.035, 0.02], [0.017, 0.014, 0.009])
    relief = face.nose * nose_shape * np.exp(-((x / nose_width) ** 2))
    for side in (-1, 1):
        relief = relief - 0.007 * bump(side * eye, 0.006, 0.016, 0.011)
        relief = relief + 0.004 * bump(side * 0.044, -0.022, 0.022, 0.02)
        relief = relief + 0.003 * bump(side * eye, 0.028, 0.02, 0.008)
    relief = relief + face.lips * 0.005 * bump(0, -0.064, 0.022, 0.005)
    relief = relief + face.lips * 0.005 * bump(0, -0.076, 0.018, 0.005)
    relief = relief - 0.003 * bump(0, -0.0695, 0.022, 0.003)
    return (relief + 0.006 * bump(0, -0.1, 0.022, 0.014)).astype(np.float32)


def _azimuths(columns: int) -> Array:
    """Columns round the head from back to back, twice as dense at the face."""
    t = np.linspace(-1, 1, columns, endpoint=False, dtype=np.float32)
    return (np.pi * (0.45 * t + 0.55 * t**3)).astype(np.float32)


def head_patches(face: Face, skin: Array, hair: Hair, rng: np.random.Generator) -> list[Patch]:
    """Skull with the painted face, and the ears, around the centre of the head (nose at +y)."""
    columns, rings = 44, 34
    azimuth = np.broadcast_to(_azimuths(columns), (rings, columns))
    latitude = np.broadcast_to(np.linspace(-1.48, 1.48, rings, dtype=np.float32)[:, None], (rings, columns))
    points = surface(azimuth, latitude, face)
    is_face = (np.abs(azimuth) < FACE_HALF_ANGLE) & (points[..., 2] < FACE_TOP)
    parts = np.where(is_face, int(Part.FACE), int(Part.HEAD)).astype(np.uint8)
    material = Material(np.ones(3, np.float32), texture=_paint(face, skin, hair, points, rng), specular=0.08, gloss=9,
                        wrap=0.35, bump=noise(5, "soft_vector"), bump_strength=0.03)
    patches = [Patch(points, Part.HEAD, material, parts=parts)]
    ear_skin = Material(skin * np.array([0.85, 0.88, 1.02], np.float32), wrap=0.35)
    for side in (-1.0, 1.0):
        axes = np.array([[0.006, 0.004 * side, 0], [-0.006 * side, 0.016, 0.003], [side * 0.004, -0.004, 0.03]])
        patches.append(Patch(ellipsoid(np.array([side * 0.079, -0.008, -0.012]), axes.astype(np.float32), 8, 6),
                             Part.HEAD, ear_skin))
    return patches


def _paint(face: Face, skin: Array, hair: Hair, points: Array, rng: np.random.Generator) -> Array:
    """The skin with brows, eyes, lips, nostrils and beard shadow; rows go from chin to crown."""
    size = TEXTURE_SIZE
    x = cv2.resize(np.concatenate([points, points[:, :1]], axis=1), (size, size), interpolation=cv2.INTER_LINEAR)
    px, py, pz = x[..., 0], x[..., 1], x[..., 2]
    front = (py > 0.02).astype(np.float32)
    image: Array = np.ones((size, size, 3), np.float32) * skin
    mottled = fractal(rng, 256, (4, 8, 16, 32))
    image *= 1 + 0.05 * cv2.resize(mottled, (size, size))[..., None]

    def blend(mask: Array, colour: Array | list[float], strength: float) -> None:
        nonlocal image
        weight = np.clip(mask, 0, 1)[..., None] * strength * front[..., None]
        image = image * (1 - weight) + np.asarray(colour, np.float32) * weight

    def blob(cx: float, cz: float, sx: float, sz: float, power: float = 2.0) -> Array:
        value: Array = np.exp(-(np.abs((px - cx) / sx) ** power) - np.abs((pz - cz) / sz) ** power)
        return value

    eye, dark = 0.031 * face.eye_distance, linear(hair.colour) * 0.6
    red = skin * np.array([0.62, 0.62, 1.0], np.float32)
    for side in (-1, 1):
        blend(blob(side * 0.042, -0.026, 0.022, 0.02), red, 0.35)
        blend(blob(side * eye, 0.006, 0.02, 0.012), skin * np.array([0.5, 0.5, 0.58]), 0.5)
        blend(blob(side * eye, 0.003, 0.0135, 0.0055, 4), [0.55, 0.58, 0.6], 0.9)
        blend(blob(side * eye, 0.0035, 0.0058, 0.006, 4), [0.012, 0.014, 0.02], 1.0)
        blend(blob(side * eye, 0.0095, 0.0165, 0.003, 3), [0.015, 0.015, 0.02], 0.9)
        blend(blob(side * eye, -0.005, 0.014, 0.0016), skin * 0.4, 0.6)
        arch = 0.027 - 6.0 * (np.abs(px) - eye) ** 2
        brow = np.exp(-(((pz - arch) / (0.0045 * face.brows)) ** 2)) * (np.abs(px - side * (eye + 0.002)) < 0.019)
        blend(cv2.GaussianBlur(brow.astype(np.float32), (0, 0), 1), dark, 0.75)
        blend(blob(side * 0.0075, -0.047, 0.005, 0.0035), skin * 0.16, 0.85)
        blend(blob(side * 0.018, -0.045, 0.004, 0.012), skin * 0.5, 0.5)
        blend(np.exp(-(((np.abs(px) - 0.03 - 0.35 * (-0.045 - pz)) / 0.003) ** 2)) * (pz < -0.04) * (pz > -0.075),
              skin * 0.45, 0.25 + 0.35 * face.age)
    blend(blob(0, -0.05, 0.02, 0.004), skin * 0.45, 0.6)
    lip = skin * np.array([0.42, 0.38, 0.78], np.float32)
    blend(blob(0, -0.066, 0.024, 0.006 * face.lips, 3), lip, 0.75)
    blend(blob(0, -0.0755, 0.020, 0.006 * face.lips, 3), lip * 1.15, 0.75)
    blend(blob(0, -0.0700, 0.025, 0.0017), skin * 0.15, 0.9)
    blend(blob(0, -0.086, 0.016, 0.004), skin * 0.55, 0.5)
    beard = np.clip((-pz - 0.045) / 0.02, 0, 1) * (1 - blob(0, -0.07, 0.02, 0.012))
    blend(beard.astype(np.float32), dark + 0.3 * skin, 0.55 * face.stubble)
    # A scalp of short hair, so that thin hair does not show skin at its edge.
    if hair.style != "bald":
        scalp = ((pz > 0.075) | ((py < 0.0) & (pz > -0.05) & (np.abs(px) > 0.0))).astype(np.float32)
        weight = cv2.GaussianBlur(scalp, (0, 0), 4)[..., None] * 0.8
        image = image * (1 - weight) + dark * weight
    else:
        scalp = ((pz > 0.08) | ((py < 0.0) & (pz > -0.05))).astype(np.float32)
        weight = cv2.GaussianBlur(scalp, (0, 0), 6)[..., None] * 0.25
        image = image * (1 - weight) + dark * weight
    return np.clip(image, 0, 1).astype(np.float32)


def scalp_shell(face: Face, front: float, side: float, back: float, offset: float, columns: int = 36, rings: int = 16,
                ragged: Array | None = None, rise: float = 6.0) -> tuple[Array, Array, Array]:
    """A shell over the head from a rim (heights of its front, sides and back) to the crown.

    Returns its points [rings, columns, 3], and azimuth and height along the shell 0..1, same shape.
    """
    azimuth = _azimuths(columns)
    forward = np.cos(azimuth)
    rim = np.where(forward > 0, side + (front - side) * np.clip(forward, 0, 1) ** 0.7,
                   side + (back - side) * np.clip(-forward, 0, 1) ** 0.8)
    if ragged is not None:
        rim = rim + ragged
    low = np.arcsin(np.clip(rim / (HALF_HEIGHT + 0.004), -0.98, 0.98))
    t = np.linspace(0, 1, rings, dtype=np.float32)[:, None]
    latitude = low + (1.5 - low) * t
    azimuths = np.broadcast_to(azimuth, latitude.shape)
    grow = offset * np.clip(t * rise + 0.45, 0, 1) + 0 * latitude
    return surface(azimuths, latitude, face, grow, smooth=True), azimuths, np.broadcast_to(t, latitude.shape)


def hair_patches(face: Face, hair: Hair, rng: np.random.Generator, under_cap: bool) -> list[Patch]:
    """The hair; under a cap it lies flat and only what hangs below shows."""
    if hair.style == "bald":
        return []
    colour = linear(hair.colour)
    strands = 1 + 0.24 * np.roll(noise(11, "strands").T, int(rng.integers(512)), axis=1)
    material = Material(colour, texture=np.clip(strands, 0.3, 2)[..., None] * np.ones(3, np.float32),
                        bump=noise(12, "fine_vector"), bump_strength=0.09, specular=0.12, gloss=16, wrap=0.1,
                        repeat=(2, 1))
    rims = {"short": (0.076, 0.0, -0.055), "crop": (0.082, 0.012, -0.045), "parted": (0.068, -0.01, -0.06),
            "bob": (0.06, -0.05, -0.085), "long": (0.07, -0.04, -0.09), "bun": (0.08, 0.0, -0.055),
            "ponytail": (0.08, 0.0, -0.055)}
    front, side, back = rims[hair.style]
    ragged = np.convolve(rng.standard_normal(40), (0.3, 0.5, 0.6, 0.5, 0.3), "valid").astype(np.float32) * 0.005
    # Temples: the hairline is higher beside the forehead than in its middle.
    ragged += (0.012 * np.exp(-(((np.abs(_azimuths(36)) - 0.62) / 0.2) ** 2))).astype(np.float32)
    volume = min(hair.volume, 0.006) if under_cap else hair.volume
    points, azimuth, t = scalp_shell(face, front, side, back, volume, ragged=ragged, rise=2.2)
    lumps = np.stack([cv2.resize(rng.standard_normal((6, 9)).astype(np.float32), (36, 16))] * 3, axis=-1)
    points = points + points / np.linalg.norm(points, axis=-1, keepdims=True) * lumps * volume * 0.16
    if hair.style == "parted" and not under_cap:
        sweep = np.exp(-(((azimuth - 0.5) / 0.5) ** 2)) * np.exp(-(((t - 0.15) / 0.2) ** 2))
        points[..., 2] += (sweep * 0.012).astype(np.float32)
    patches = [Patch(points.astype(np.float32), Part.HAIR, material, bias_m=0.004)]
    if hair.style in ("bob", "long") and not under_cap:
        length = 0.05 if hair.style == "bob" else 0.16
        angle = np.linspace(np.pi * 0.42, np.pi * 1.58, 20, dtype=np.float32)[None]
        fall = np.linspace(0, 1, 8, dtype=np.float32)[:, None]
        radius = 1.04 + volume * 6 - 0.12 * fall**2
        curtain = np.stack([np.sin(angle) * HALF_WIDTH * radius, np.cos(angle) * HALF_DEPTH * radius * 0.9,
                            0.02 - (0.07 + length) * fall + 0 * angle], axis=-1)
        curtain[-1, :, 2] += rng.standard_normal(20) * 0.006
        patches.append(Patch(curtain.astype(np.float32), Part.HAIR, material, closed=False, two_sided=True))
    if hair.style == "bun" and not under_cap:
        size = 0.032 + volume
        patches.append(Patch(ellipsoid(np.array([0, -0.105, 0.06]), np.eye(3, dtype=np.float32) * size), Part.HAIR,
                             material))
    if hair.style == "ponytail":
        axes = np.array([[0.024, 0, 0], [0, 0.022, 0.012], [0, -0.03, 0.085]], np.float32)
        patches.append(Patch(ellipsoid(np.array([0, -0.125, -0.05]), axes), Part.HAIR, material))
    return patches
