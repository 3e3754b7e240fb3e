"""Cigarette smoke: a thin plume of soft puffs over the picture."""

import cv2
import numpy as np

from simulator.geometry import Camera, Part
from simulator.textures import Array


def puff(image: Array, ids: np.ndarray, number: int, rng: np.random.Generator, camera: Camera) -> None:
    """Draws a plume that rises from the visible cigarette of a figure; the ids stay as they are."""
    ys, xs = np.nonzero(ids == number * 16 + int(Part.CIGARETTE))
    if len(ys) < 3:
        return
    tip = int(np.argmin(ys))
    plume(image, float(xs[tip]), float(ys[tip]), rng, float(np.hypot(np.ptp(xs), np.ptp(ys))) + 6)


def plume(image: Array, x: float, y: float, rng: np.random.Generator, size: float) -> None:
    """Puffs from (x, y) upwards that widen and thin out; ``size`` is about a cigarette's length in pixels."""
    height, width = image.shape[:2]
    reach = int(size * 4) + 4
    x0, x1 = max(0, int(x) - reach), min(width, int(x) + reach)
    y0, y1 = max(0, int(y) - reach), min(height, int(y) + reach // 4)
    if x1 - x0 < 2 or y1 - y0 < 2:
        return
    yy, xx = np.mgrid[y0:y1, x0:x1].astype(np.float32)
    alpha = np.zeros_like(xx)
    drift = float(rng.normal(0, 0.3))
    for i in range(7):
        up = size * (0.3 + 0.45 * i)
        px = x + drift * up + float(rng.normal(0, 0.12)) * up
        radius = size * (0.15 + 0.09 * i)
        alpha += (0.34 - 0.04 * i) * np.exp(-(((xx - px) / radius) ** 2) - ((yy - y + up) / (1.3 * radius)) ** 2)
    rough = cv2.resize(rng.random((8, 8)).astype(np.float32), (xx.shape[1], xx.shape[0]), interpolation=cv2.INTER_CUBIC)
    weight = np.clip(alpha * (0.5 + 0.7 * rough), 0, 0.6)[..., None]
    part = image[y0:y1, x0:x1]
    part *= 1 - weight
    part += 0.82 * weight
