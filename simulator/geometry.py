"""Surfaces as grids of points, and the camera that looks at them. Metres, z up, right-handed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from simulator.textures import Array


class Part(IntEnum):
    """What a pixel of a figure belongs to; kept in the id buffer, at most 16 values."""

    BODY = 1
    SKIN = 2
    HEAD = 3
    FACE = 4
    HAIR = 5
    CAP = 6
    MASK = 7
    HAND_LEFT = 8
    HAND_RIGHT = 9
    CIGARETTE = 10
    HELD = 11


@dataclass(frozen=True, eq=False)
class Material:
    """How a surface answers light. ``texture`` and ``bump`` are tiled ``repeat`` times over the patch."""

    colour: Array
    texture: Array | None = None
    bump: Array | None = None
    bump_strength: float = 0.0
    repeat: tuple[float, float] = (1.0, 1.0)
    specular: float = 0.05
    gloss: float = 12.0
    wrap: float = 0.2
    emission: float = 0.0


@dataclass(frozen=True, eq=False)
class Patch:
    """A grid of points [n, m, 3]; ``closed`` joins the last column to the first.

    ``bias_m`` brings it that much nearer in the depth order (for cloth that lies on skin).
    """

    points: Array
    part: Part
    material: Material
    closed: bool = True
    two_sided: bool = False
    bias_m: float = 0.0
    parts: Array | None = None  # [n, m], overrides ``part`` by vertex


@dataclass
class Mesh:
    """Patches of one figure in one list of vertices and quads."""

    vertices: Array
    normals: Array
    uv: Array
    quads: np.ndarray
    part: np.ndarray
    material: np.ndarray
    two_sided: np.ndarray
    sign: Array
    bias: Array
    materials: list[Material] = field(default_factory=list)


def unit(v: Array | Sequence[float]) -> Array:
    a = np.asarray(v, np.float32)
    value: Array = a / np.maximum(np.sqrt(np.einsum("...i,...i->...", a, a)), 1e-9)[..., None]
    return value


def rotation(yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> Array:
    """Turn left by ``yaw``, nod down by ``pitch`` (about x), tilt right by ``roll`` (about y); radians."""
    cy, sy, cp, sp, cr, sr = np.cos(yaw), np.sin(yaw), np.cos(-pitch), np.sin(-pitch), np.cos(roll), np.sin(roll)
    about_z = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_y = np.array([[cr, 0, sr], [0, 1, 0], [-sr, 0, cr]])
    value: Array = (about_z @ about_x @ about_y).astype(np.float32)
    return value


def spline(points: Array, count: int) -> Array:
    """Catmull-Rom through control points [k, d], resampled evenly to [count, d]."""
    points = np.asarray(points, np.float32)
    padded = np.concatenate([points[:1], points, points[-1:]])
    t = np.linspace(0, len(points) - 1 - 1e-4, count)
    i = t.astype(int)
    f = (t - i)[:, None].astype(np.float32)
    p0, p1, p2, p3 = (padded[i + k] for k in range(4))
    value: Array = 0.5 * (
        2 * p1 + (p2 - p0) * f + (2 * p0 - 5 * p1 + 4 * p2 - p3) * f**2 + (3 * p1 - p0 - 3 * p2 + p3) * f**3
    )
    return value


def tube(centres: Array, width: Array, depth: Array, side: Array, columns: int, square: float = 2.0) -> Array:
    """Rings around a spine: points [n, columns, 3].

    ``width`` [n] is the half axis along ``side`` (made perpendicular to the spine), ``depth`` the other one;
    ``square`` is the exponent of the superellipse (2 round, 4 boxy). Column 0 is at the back, the middle
    column at the front (side x tangent).
    """
    tangent = unit(np.gradient(centres, axis=0))
    x = unit(side - tangent * (tangent @ np.asarray(side, np.float32))[:, None])
    y = np.cross(tangent, x)
    angle = np.linspace(0, 2 * np.pi, columns, endpoint=False, dtype=np.float32) - np.pi / 2
    c, s = np.cos(angle), np.sin(angle)
    c = np.sign(c) * np.abs(c) ** (2 / square)
    s = np.sign(s) * np.abs(s) ** (2 / square)
    value: Array = (
        centres[:, None]
        + x[:, None] * (width[:, None] * c)[..., None]
        + y[:, None] * (depth[:, None] * s)[..., None]
    ).astype(np.float32)
    return value


def limb(joints: Array, radii: Sequence[float], side: Array, rings: int, columns: int, flat: float = 1.0,
         rounded: tuple[bool, bool] = (True, True)) -> Array:
    """A tube through joints [k, 3] with radii [k]; ``flat`` scales the depth; ends rounded off where asked."""
    path = spline(np.concatenate([joints, np.asarray(radii, np.float32)[:, None]], axis=1), rings)
    centres, radius = path[:, :3], path[:, 3]
    if rounded[0]:
        centres, radius = _round(centres, radius, 0)
    if rounded[1]:
        centres, radius = _round(centres[::-1], radius[::-1], 0)
        centres, radius = centres[::-1], radius[::-1]
    return tube(centres, radius, radius * flat, side, columns)


def _round(centres: Array, radius: Array, at: int) -> tuple[Array, Array]:
    outward = unit(centres[at] - centres[at + 1])
    angles = np.array([1.5, 1.1, 0.6], np.float32)
    extra = centres[at] + outward * (radius[at] * np.sin(angles))[:, None]
    return np.concatenate([extra, centres]), np.concatenate([radius[at] * np.cos(angles), radius])


def ellipsoid(centre: Array, axes: Array, columns: int = 12, rings: int = 8) -> Array:
    """An ellipsoid whose half axes are the rows of ``axes`` [3, 3]; poles along the third."""
    latitude = np.linspace(-1.5, 1.5, rings, dtype=np.float32)[:, None]
    longitude = np.linspace(0, 2 * np.pi, columns, endpoint=False, dtype=np.float32)[None]
    x, y = np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude)
    z = np.sin(latitude) + 0 * longitude
    value: Array = (centre + x[..., None] * axes[0] + y[..., None] * axes[1] + z[..., None] * axes[2]).astype(np.float32)
    return value


def join(patches: Sequence[Patch]) -> Mesh:
    """One mesh of all patches, with smooth normals and texture coordinates (u round, v along)."""
    vertices, normals, uvs, quads, parts, mats, sided, signs, biases = ([] for _ in range(9))
    materials: list[Material] = []
    known: dict[int, int] = {}
    base = 0
    for patch in patches:
        p = patch.points
        if patch.closed:
            p = np.concatenate([p, p[:, :1]], axis=1)
        rows, columns = p.shape[:2]
        along = np.gradient(p, axis=0)
        if patch.closed:
            around = np.concatenate([p[:, -2:-1], p, p[:, 1:2]], axis=1)
            around = around[:, 2:] - around[:, :-2]
        else:
            around = np.gradient(p, axis=1)
        normal = unit(np.cross(around, along))
        middle = p.mean(axis=1, keepdims=True) if patch.closed else p.mean(axis=(0, 1), keepdims=True)
        sign = 1.0 if float(((p - middle) * normal).sum()) >= 0 else -1.0
        index = base + np.arange(rows * columns).reshape(rows, columns)
        quad = np.stack([index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]], axis=-1).reshape(-1, 4)
        v, u = np.meshgrid(np.linspace(0, 1, rows), np.linspace(0, 1, columns), indexing="ij")
        vertices.append(p.reshape(-1, 3))
        normals.append((normal * sign).reshape(-1, 3))
        uvs.append(np.stack([u, v], axis=-1).reshape(-1, 2))
        quads.append(quad)
        if patch.parts is None:
            parts.append(np.full(len(quad), int(patch.part), np.uint8))
        else:
            chosen = patch.parts[:-1] if patch.closed else patch.parts[:-1, :-1]
            parts.append(chosen.astype(np.uint8).reshape(-1))
        slot = known.setdefault(id(patch.material), len(materials))
        if slot == len(materials):
            materials.append(patch.material)
        mats.append(np.full(len(quad), slot, np.int32))
        sided.append(np.full(len(quad), patch.two_sided))
        signs.append(np.full(len(quad), sign, np.float32))
        biases.append(np.full(len(quad), patch.bias_m, np.float32))
        base += rows * columns
    return Mesh(
        np.concatenate(vertices).astype(np.float32), np.concatenate(normals).astype(np.float32),
        np.concatenate(uvs).astype(np.float32), np.concatenate(quads), np.concatenate(parts),
        np.concatenate(mats), np.concatenate(sided), np.concatenate(signs), np.concatenate(biases), materials,
    )


@dataclass(frozen=True, eq=False)
class Camera:
    """A pinhole camera without lens distortion; ``focal_px`` belongs to ``width`` x ``height``."""

    position: Array
    target: Array
    focal_px: float
    width: int
    height: int
    roll: float = 0.0

    def axes(self) -> Array:
        """Rows: right, down, forward."""
        forward = unit(self.target - self.position)
        right = unit(np.cross(forward, np.array([0, 0, 1], np.float32)))
        down = np.cross(forward, right)
        c, s = np.cos(self.roll), np.sin(self.roll)
        return np.stack([c * right + s * down, c * down - s * right, forward]).astype(np.float32)

    def project(self, points: Array) -> tuple[Array, Array]:
        """World points [..., 3] to pixels [..., 2] and depth along the optical axis [...]."""
        local = (points - self.position) @ self.axes().T
        depth = local[..., 2]
        safe = np.maximum(depth, 0.05)[..., None]
        centre = np.array([self.width / 2, self.height / 2], np.float32)
        return local[..., :2] / safe * self.focal_px + centre, depth

    def rays(self, x: Array, y: Array) -> Array:
        """Directions [..., 3] of pixels, scaled so that depth 1 is one metre along the optical axis."""
        local = np.stack([(x - self.width / 2) / self.focal_px, (y - self.height / 2) / self.focal_px,
                          np.ones_like(x)], axis=-1).astype(np.float32)
        return local @ self.axes()

    def scaled(self, factor: float) -> "Camera":
        return Camera(self.position, self.target, self.focal_px * factor, round(self.width * factor),
                      round(self.height * factor), self.roll)
