"""Draws figures into a frame: quads back to front into an index buffer, then shading by pixel."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from simulator.geometry import Camera, Mesh, unit
from simulator.textures import Array, display, sample

SUBPIXEL_BITS = 4
# Outlines are drawn at twice the frame's resolution, which smooths them.
SUPERSAMPLING = 2
SHADOW_CELL_M = 0.015


@dataclass(frozen=True, eq=False)
class Light:
    """A ceiling lamp; ``colour`` is its linear BGR strength at 2 m."""

    position: Array
    colour: Array


@dataclass(frozen=True, eq=False)
class Lighting:
    """Lamps, and what comes from everywhere: from above and back from the floor."""

    lights: Sequence[Light]
    above: Array
    below: Array

    def shade(self, albedo: Array, normal: Array, position: Array, view: Array, specular: Array, gloss: Array,
              wrap: Array, shadow: Array, ambient: Array) -> Array:
        """Linear colour [n, 3] of surface points; ``shadow`` and ``ambient`` are 0 (dark) to 1, [n]."""
        mix = (normal[:, 2:3] + 1) / 2
        result = albedo * (self.below + (self.above - self.below) * mix) * ambient[:, None]
        for light in self.lights:
            to_light = light.position - position
            squared = np.einsum("ij,ij->i", to_light, to_light)
            direction = to_light / np.sqrt(squared)[:, None]
            falloff = 4.0 / (squared + 1.0)
            cosine = np.einsum("ij,ij->i", normal, direction)
            diffuse = np.maximum(cosine + wrap, 0) / (1 + wrap) * falloff * shadow
            half = unit(direction + view)
            shine = np.maximum(np.einsum("ij,ij->i", normal, half), 0) ** gloss * specular * falloff * shadow * (cosine > 0)
            result += (albedo * diffuse[:, None] + shine[:, None]) * light.colour
        return result.astype(np.float32)


@dataclass
class Frame:
    """What is drawn so far. ``image`` BGR display values 0..1 [h, w, 3]; ``depth`` and ``position`` are those of
    the still kitchen; ``ids`` [h, w] uint8 is figure * 16 + part, 0 for the kitchen."""

    image: Array
    depth: Array
    position: Array
    ids: np.ndarray

    @classmethod
    def of(cls, image: Array, depth: Array, position: Array) -> "Frame":
        return cls(image.copy(), depth, position, np.zeros(depth.shape, np.uint8))


class _Region:
    def __init__(self, pixels: Array, camera: Camera, margin: int) -> None:
        low = np.floor(pixels.min(0)).astype(int) - margin
        high = np.ceil(pixels.max(0)).astype(int) + margin + 1
        self.x0, self.y0 = max(0, low[0]), max(0, low[1])
        self.x1, self.y1 = min(camera.width, high[0]), min(camera.height, high[1])
        self.empty = self.x1 <= self.x0 or self.y1 <= self.y0

    @property
    def slices(self) -> tuple[slice, slice]:
        return slice(self.y0, self.y1), slice(self.x0, self.x1)


def _fill(buffer: np.ndarray, corners: Array, order: np.ndarray, values: Sequence[float] | np.ndarray) -> None:
    fixed = np.round(corners[order] * (1 << SUBPIXEL_BITS)).astype(np.int32)
    for polygon, value in zip(fixed, values, strict=True):
        cv2.fillConvexPoly(buffer, polygon, value, lineType=cv2.LINE_8, shift=SUBPIXEL_BITS)


class ShadowMap:
    """Depths of a figure as its nearest lamp sees it, in a parallel projection."""

    def __init__(self, mesh: Mesh, light: Light) -> None:
        centre = mesh.vertices.mean(0)
        self.direction = unit(light.position - centre)
        # Lamps above are wide panels: their light comes more from above than the centre of one suggests.
        self.direction = unit(self.direction + np.array([0, 0, 0.8], np.float32))
        side = unit(np.cross(self.direction, np.array([0, 1, 0.01], np.float32)))
        self.axes = np.stack([side, np.cross(self.direction, side)]).astype(np.float32)
        flat = mesh.vertices @ self.axes.T / SHADOW_CELL_M
        self.origin = flat.min(0) - 4
        size = np.ceil(flat.max(0) - self.origin).astype(int) + 5
        height = mesh.vertices @ self.direction
        quad_height = height[mesh.quads].mean(1)
        self.map = np.full((size[1], size[0]), -1e3, np.float32)
        order = np.argsort(quad_height)
        _fill(self.map, (flat - self.origin)[mesh.quads], order, quad_height[order].tolist())

    def lit(self, position: Array, tolerance_m: float) -> Array:
        """1 where nothing of the figure is between the point and the lamp, else 0; [...]."""
        flat = position @ self.axes.T / SHADOW_CELL_M - self.origin
        x = flat[..., 0].astype(np.int32)
        y = flat[..., 1].astype(np.int32)
        inside = (flat[..., 0] >= 0) & (flat[..., 1] >= 0) & (x < self.map.shape[1]) & (y < self.map.shape[0])
        top = self.map[np.where(inside, y, 0), np.where(inside, x, 0)]
        value: Array = (~(inside & (top > position @ self.direction + tolerance_m))).astype(np.float32)
        return value


def draw_figure(frame: Frame, mesh: Mesh, camera: Camera, lighting: Lighting, number: int) -> dict[int, int]:
    """Draws one figure with its shadow; returns how many pixels each part would show with nothing before it."""
    pixels, depth = camera.project(mesh.vertices)
    region = _Region(pixels, camera, margin=2)
    if region.empty:
        return {}
    nearest = min(lighting.lights, key=lambda light: float(np.linalg.norm(light.position - mesh.vertices.mean(0))))
    shadows = ShadowMap(mesh, nearest)
    _cast_shadow(frame, region, pixels, camera, shadows)

    ss = SUPERSAMPLING
    size = (region.y1 - region.y0, region.x1 - region.x0)
    corner = np.array([region.x0, region.y0], np.float32)
    local = (pixels - corner) * ss - 0.5
    index = _visible_quads(mesh, camera, local, depth, (size[0] * ss, size[1] * ss))
    samples = np.stack([index[i::ss, j::ss] for i in range(ss) for j in range(ss)])
    # Four samples a pixel say how much of it is covered; the first covered one is shaded.
    coverage = (samples > 0).mean(0, dtype=np.float32)
    rows, columns = np.nonzero(coverage)
    if len(rows) == 0:
        return {}
    first = (samples[:, rows, columns] > 0).argmax(0)
    quad = samples[first, rows, columns] - 1
    fine_x, fine_y = (columns * ss + first % ss).astype(np.float32), (rows * ss + first // ss).astype(np.float32)
    z, normal, uv = _interpolate(mesh, local, depth, quad, fine_x, fine_y)
    part = mesh.part[quad]
    weight = coverage[rows, columns]
    counts = np.bincount(part, weights=weight, minlength=16)

    y, x = rows + region.y0, columns + region.x0
    # A sample lies in the middle of its quarter of a pixel.
    rays = camera.rays((fine_x + 0.5) / ss + region.x0, (fine_y + 0.5) / ss + region.y0)
    position = camera.position + rays * z[:, None]
    view = -unit(rays)
    away = (np.einsum("ij,ij->i", normal, view) < 0) & mesh.two_sided[quad]
    normal[away] *= -1
    px_per_m = camera.focal_px / float(np.median(z))
    at = (rows, columns, size)
    shadow = 0.3 + 0.7 * _mean_around(shadows.lit(position, 0.035), 0.02 * px_per_m, *at)
    # What lies behind its surroundings gets less light (unsharp masking of the depth buffer).
    behind = z - _mean_around(z, 0.04 * px_per_m, *at)
    occlusion = 1 - np.clip(behind / 0.06, 0, 1) * 0.55
    colour = _surface(mesh, quad, uv, normal, position, view, lighting, shadow, occlusion)

    seen = z < frame.depth[y, x] + 0.01
    y, x, weight = y[seen], x[seen], weight[seen, None]
    frame.image[y, x] = frame.image[y, x] * (1 - weight) + display(colour[seen]) * weight
    # A pixel belongs to the figure where it covers half of it.
    half = weight[:, 0] >= 0.5
    frame.ids[y[half], x[half]] = number * 16 + part[seen][half]
    return {i: round(float(c)) for i, c in enumerate(counts) if c >= 1}


def _visible_quads(mesh: Mesh, camera: Camera, local: Array, depth: Array, size: tuple[int, int]) -> np.ndarray:
    """The number (1 up) of the quad seen at each pixel, 0 for none; [height, width] int32."""
    corners = mesh.vertices[mesh.quads]
    face = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    towards = camera.position - corners.mean(1)
    facing = (face * towards).sum(1) * mesh.sign > 0
    quad_depth = depth[mesh.quads]
    keep = np.flatnonzero((facing | mesh.two_sided) & (quad_depth.min(1) > 0.2))
    order = keep[np.argsort(-(quad_depth[keep].mean(1) - mesh.bias[keep]))]
    index = np.zeros(size, np.int32)
    _fill(index, local[mesh.quads], order, (order + 1).tolist())
    return index


def _interpolate(mesh: Mesh, local: Array, depth: Array, quad: np.ndarray, x: Array, y: Array) -> tuple[Array, Array, Array]:
    corner = mesh.quads[quad]
    a, b, c, d = (local[corner[:, i]] for i in range(4))
    p = np.stack([x, y], axis=1)

    def cross(m: Array, n: Array) -> Array:
        value: Array = m[:, 0] * n[:, 1] - m[:, 1] * n[:, 0]
        return value

    diagonal = c - a
    first = cross(diagonal, p - a) * cross(diagonal, b - a) >= 0
    t = np.where(first[:, None], b, d)
    third = np.where(first, corner[:, 1], corner[:, 3])
    area = cross(t - a, diagonal)
    area = np.where(np.abs(area) < 1e-4, 1e-4, area)
    weight_t = np.clip(cross(p - a, diagonal) / area, 0, 1)
    weight_c = np.clip(cross(t - a, p - a) / area, 0, 1)
    weight_a = np.clip(1 - weight_t - weight_c, 0, 1)
    total = weight_a + weight_t + weight_c
    weights = [(w / total).astype(np.float32) for w in (weight_a, weight_t, weight_c)]
    values = np.concatenate([mesh.normals, mesh.uv, depth[:, None]], axis=1)
    mixed = np.zeros((len(quad), 6), np.float32)
    for weight, vertex in zip(weights, (corner[:, 0], third, corner[:, 2]), strict=True):
        mixed += values[vertex] * weight[:, None]
    return mixed[:, 5].copy(), unit(mixed[:, :3]), mixed[:, 3:5]


def _mean_around(values: Array, sigma_px: float, rows: np.ndarray, columns: np.ndarray, size: tuple[int, int]) -> Array:
    """Mean of the figure's own pixels around each, [n]; worked out at half the size."""
    image, covered = np.zeros((2, *size), np.float32)
    image[rows, columns] = values
    covered[rows, columns] = 1
    step = 2 if min(size) > 32 else 1
    small = (max(1, size[1] // step), max(1, size[0] // step))
    sigma = max(0.6, sigma_px / step)
    both = [cv2.GaussianBlur(cv2.resize(i, small, interpolation=cv2.INTER_AREA), (0, 0), sigma) for i in (image, covered)]
    mean = cv2.resize(both[0] / np.maximum(both[1], 1e-3), (size[1], size[0]), interpolation=cv2.INTER_LINEAR)
    value: Array = mean[rows, columns]
    return value


def _surface(mesh: Mesh, quad: np.ndarray, uv: Array, normal: Array, position: Array, view: Array,
             lighting: Lighting, shadow: Array, occlusion: Array) -> Array:
    count = len(quad)
    albedo = np.empty((count, 3), np.float32)
    specular, gloss, wrap, emission = (np.empty(count, np.float32) for _ in range(4))
    bumped = normal.copy()
    slot = mesh.material[quad]
    for i, material in enumerate(mesh.materials):
        at = np.flatnonzero(slot == i)
        if len(at) == 0:
            continue
        u, v = uv[at, 0] * material.repeat[0], uv[at, 1] * material.repeat[1]
        albedo[at] = material.colour
        if material.texture is not None:
            albedo[at] *= sample(material.texture, u, v)
        if material.bump is not None:
            bumped[at] += sample(material.bump, u, v) * material.bump_strength
        specular[at], gloss[at], wrap[at] = material.specular, material.gloss, material.wrap
        emission[at] = material.emission
    colour = lighting.shade(albedo, unit(bumped), position, view, specular, gloss, wrap,
                            shadow.astype(np.float32), occlusion.astype(np.float32))
    value: Array = colour + albedo * emission[:, None]
    return value


def _cast_shadow(frame: Frame, region: _Region, pixels: Array, camera: Camera, shadows: ShadowMap) -> None:
    """Darkens floor and worktops under the figure."""
    grow = int(0.25 * max(region.x1 - region.x0, region.y1 - region.y0))
    wide = _Region(pixels, camera, margin=grow)
    step = 2
    position = frame.position[wide.y0 : wide.y1 : step, wide.x0 : wide.x1 : step]
    dark = 1 - shadows.lit(position, 0.02)
    height, width = wide.y1 - wide.y0, wide.x1 - wide.x0
    dark = cv2.GaussianBlur(dark, (0, 0), max(1.0, grow / 18))
    dark = cv2.resize(dark, (width, height), interpolation=cv2.INTER_LINEAR)
    frame.image[wide.slices] *= (1 - 0.38 * dark)[..., None]
