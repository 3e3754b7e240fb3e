"""Casts the solids of a kitchen to a picture with depths, once for each camera."""

import cv2
import numpy as np

from simulator.geometry import Camera, unit
from simulator.kitchen import Kitchen, Solid
from simulator.render import Frame
from simulator.textures import Array, display, noise, sample


def shoot(kitchen: Kitchen, camera: Camera, scale: float = 1.5) -> Frame:
    """The empty kitchen as the camera sees it; cast at ``scale`` times its size and averaged."""
    big = camera.scaled(scale)
    height, width = big.height, big.width
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    rays = big.rays(x + 0.5, y + 0.5)
    depth = np.full((height, width), 1e3, np.float32)
    owner = np.full((height, width), -1, np.int32)
    normal = np.zeros((height, width, 3), np.float32)
    for number, solid in enumerate(kitchen.solids):
        _cast(solid, number, big, rays, depth, owner, normal)
    position = big.position + rays * depth[..., None]
    image = display(_shade(kitchen, big, rays, depth, owner, normal, position))
    size = (camera.width, camera.height)
    return Frame.of(cv2.resize(image, size, interpolation=cv2.INTER_AREA),
                    cv2.resize(depth, size, interpolation=cv2.INTER_NEAREST),
                    cv2.resize(position, size, interpolation=cv2.INTER_NEAREST))


def _turn(v: Array, yaw: float) -> Array:
    if yaw == 0:
        return v
    c, s = np.float32(np.cos(yaw)), np.float32(np.sin(yaw))
    return np.stack([c * v[..., 0] + s * v[..., 1], c * v[..., 1] - s * v[..., 0], v[..., 2]], axis=-1)


def _cast(solid: Solid, number: int, camera: Camera, rays: Array, depth: Array, owner: np.ndarray, normal: Array) -> None:
    reach = np.array([max(solid.half[:2])] * 2 + [solid.half[2]]) if solid.round else solid.half
    signs = np.array([[i, j, k] for i in (-1, 1) for j in (-1, 1) for k in (-1, 1)], np.float32)
    corners = solid.centre + _turn(signs * reach, -solid.yaw)
    pixels, corner_depth = camera.project(corners.astype(np.float32))
    x0, y0, x1, y1 = 0, 0, camera.width, camera.height
    if corner_depth.min() > 0.1:
        x0, y0 = max(0, int(pixels[:, 0].min())), max(0, int(pixels[:, 1].min()))
        x1, y1 = min(x1, int(pixels[:, 0].max()) + 2), min(y1, int(pixels[:, 1].max()) + 2)
    elif corner_depth.max() <= 0.1:
        return
    if x1 <= x0 or y1 <= y0:
        return
    box = (slice(y0, y1), slice(x0, x1))
    direction = _turn(rays[box], solid.yaw)
    start = _turn((camera.position - solid.centre).astype(np.float32), solid.yaw)
    hit, t, n = _frustum(solid.half, start, direction) if solid.round else _slab(solid.half, start, direction)
    nearer = hit & (t < depth[box])
    depth[box][nearer] = t[nearer]
    owner[box][nearer] = number
    normal[box][nearer] = _turn(n[nearer], -solid.yaw)


def _slab(half: Array, start: Array, direction: Array) -> tuple[np.ndarray, Array, Array]:
    shape = direction.shape[:2]
    near, far = np.full(shape, -1e3, np.float32), np.full(shape, 1e3, np.float32)
    axis = np.zeros(shape, np.int8)
    for i in range(3):
        inverse = 1 / np.where(np.abs(direction[..., i]) < 1e-7, np.float32(1e-7), direction[..., i])
        a, b = (-half[i] - start[i]) * inverse, (half[i] - start[i]) * inverse
        low = np.minimum(a, b)
        axis[low > near] = i
        np.maximum(near, low, out=near)
        np.minimum(far, np.maximum(a, b), out=far)
    n = np.zeros_like(direction)
    for i in range(3):
        n[..., i] = np.where(axis == i, -np.sign(direction[..., i]), 0)
    return (near < far) & (near > 0.05), near, n


def _frustum(half: Array, start: Array, direction: Array) -> tuple[np.ndarray, Array, Array]:
    lower, upper, h = (float(v) for v in half)
    slope = (upper - lower) / (2 * h)
    base = (upper + lower) / 2
    ox, oy, oz = (float(v) for v in start)
    dx, dy, dz = direction[..., 0], direction[..., 1], direction[..., 2]
    r0 = base + slope * oz
    a = dx**2 + dy**2 - (slope * dz) ** 2
    b = ox * dx + oy * dy - r0 * slope * dz
    c = ox**2 + oy**2 - r0**2
    disc = b**2 - a * c
    t = (-b - np.sqrt(np.maximum(disc, 0))) / np.where(np.abs(a) < 1e-9, 1e-9, a)
    z = oz + t * dz
    side = (disc > 0) & (np.abs(z) <= h) & (t > 0.05)
    n = unit(np.stack([ox + t * dx, oy + t * dy, -slope * (base + slope * z)], axis=-1))
    best = np.where(side, t, 1e3).astype(np.float32)
    lid_z, lid_r = (h, upper) if oz > h else (-h, lower)
    t_lid = (lid_z - oz) / np.where(np.abs(dz) < 1e-7, 1e-7, dz)
    lid = (t_lid > 0.05) & ((ox + t_lid * dx) ** 2 + (oy + t_lid * dy) ** 2 <= lid_r**2) & (t_lid < best)
    best = np.where(lid, t_lid, best).astype(np.float32)
    n[lid] = np.array([0, 0, np.sign(lid_z)], np.float32)
    return side | lid, best, n.astype(np.float32)


def _shade(kitchen: Kitchen, camera: Camera, rays: Array, depth: Array, owner: np.ndarray, normal: Array,
           position: Array) -> Array:
    flat_n, flat_p = normal.reshape(-1, 3), position.reshape(-1, 3)
    view = -unit(rays.reshape(-1, 3))
    flat_owner = owner.reshape(-1)
    footprint = depth.reshape(-1) / camera.focal_px
    n_count = len(flat_owner)
    albedo = np.full((n_count, 3), 0.2, np.float32)
    extra = np.zeros((n_count, 3), np.float32)
    gloss = np.zeros(n_count, np.float32)
    order = np.argsort(flat_owner, kind="stable")
    bounds = np.searchsorted(flat_owner[order], np.arange(len(kitchen.solids) + 1))
    for number, solid in enumerate(kitchen.solids):
        at = order[bounds[number] : bounds[number + 1]]
        if len(at):
            albedo[at], extra[at] = _albedo(solid, flat_p[at], flat_n[at], view[at], footprint[at], number)
            gloss[at] = solid.surface.gloss
    # The shadows are soft: a third of the pixels each way is enough.
    coarse = position[::3, ::3]
    lit: Array = _room_shadow(kitchen, coarse.reshape(-1, 3)).reshape(coarse.shape[:2])
    lit = cv2.resize(lit, (depth.shape[1], depth.shape[0]), interpolation=cv2.INTER_LINEAR).reshape(-1)
    ambient = _corners(depth, camera).reshape(-1) * (0.55 + 0.45 * lit)
    colour = kitchen.lighting.shade(albedo, flat_n, flat_p, view, gloss * 0.5, np.full(n_count, 24, np.float32),
                                    np.full(n_count, 0.05, np.float32), lit, ambient)
    return (colour + extra).reshape(*depth.shape, 3)


def _albedo(solid: Solid, p: Array, n: Array, view: Array, footprint: Array, number: int) -> tuple[Array, Array]:
    surface = solid.surface
    extra = np.zeros_like(p)
    axis = np.abs(n).argmax(1)
    u = np.where(axis == 0, p[:, 1], p[:, 0])
    v = np.where(axis == 2, p[:, 1], p[:, 2])
    stain = sample(noise(51, "soft"), u / 3.1 + number * 0.37, v / 3.1)
    albedo = surface.colour * (1 + 0.05 * stain[:, None])
    if surface.kind == "tile":
        iu, iv = np.floor(u / surface.size), np.floor(v / surface.size)
        fu, fv = u - iu * surface.size, v - iv * surface.size
        line = 0.006
        edge = np.minimum(np.minimum(fu, surface.size - fu), np.minimum(fv, surface.size - fv))
        soft = np.maximum(footprint, 1e-4)
        weight = np.clip((line / 2 - edge) / soft + 0.5, 0, 1) * np.minimum(1, line / soft)
        shade = 1 + 0.07 * np.sin(iu * 12.99 + iv * 78.23 + number) * np.minimum(1, surface.size / soft / 4)
        albedo = albedo * shade[:, None]
        albedo = albedo * (1 - weight[:, None]) + surface.second * weight[:, None]
    elif surface.kind == "wood":
        grain = sample(noise(52, "strands"), v / 0.7 + number * 0.31, u / 0.7)
        albedo = albedo * (1 + 0.16 * grain[:, None])
    elif surface.kind == "steel":
        # A room of bright ceiling and darker floor mirrored in brushed metal.
        mirror = 2 * (n * view).sum(1, keepdims=True) * n - view
        streak = sample(noise(53, "brushed"), u / 1.7 + number * 0.21, v / 1.7)
        wander = sample(noise(54, "soft"), u / 2.3 + number * 0.57, v / 2.3)
        bright = 0.25 + 0.5 * np.clip(mirror[:, 2] * 0.9 + 0.35 + 0.25 * wander, 0, 1)
        extra = (surface.colour * 0.6 + surface.second * 0.25) * (bright * (1 + 0.035 * streak))[:, None] * 0.36
        albedo = surface.colour * 0.45 * (1 + 0.04 * streak[:, None])
    elif surface.kind == "poster":
        rows = (np.floor((p[:, 2] + 10) / surface.size * 1.7) % 2 == 0) & (np.sin(p[:, 0] * 90) > -0.5)
        albedo = np.where(rows[:, None], surface.second, surface.colour)
    elif surface.kind == "glow":
        extra = np.broadcast_to(surface.colour, p.shape)
    return albedo.astype(np.float32), extra.astype(np.float32)


def _room_shadow(kitchen: Kitchen, p: Array) -> Array:
    """Soft darkening below and beside tables, from boxes over the point; 0..1."""
    lit = np.ones(len(p), np.float32)
    for solid in kitchen.solids:
        if solid.round or solid.centre[2] > 2.4 or solid.half[2] > 0.5 or min(solid.half[0], solid.half[1]) < 0.1:
            continue
        above = solid.centre[2] - solid.half[2] - p[:, 2]
        inside = np.minimum(solid.half[0] - np.abs(p[:, 0] - solid.centre[0]), solid.half[1] - np.abs(p[:, 1] - solid.centre[1]))
        width = 0.05 + 0.35 * np.maximum(above, 0)
        cover = np.clip(inside / width + 0.5, 0, 1) * (above > -0.005) * np.clip(1.2 - above / 1.6, 0, 1)
        lit = np.minimum(lit, 1 - 0.75 * cover)
    return lit


def _corners(depth: Array, camera: Camera) -> Array:
    """Dark inner corners: what lies behind the mean of its surroundings gets less light."""
    small = cv2.resize(depth, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    ao = np.ones_like(small)
    for radius_m in (0.06, 0.25):
        sigma = max(1.0, radius_m * camera.focal_px / float(np.median(small)) / 2)
        behind = small - cv2.GaussianBlur(small, (0, 0), sigma)
        ao *= 1 - 0.35 * np.clip(behind / radius_m, 0, 1)
    return cv2.resize(ao, (depth.shape[1], depth.shape[0]), interpolation=cv2.INTER_LINEAR)
