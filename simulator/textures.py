"""Noise fields and colours. All images are BGR, linear light 0..1 unless a name says otherwise."""

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

# float32 wherever images and points are meant; OpenCV's types cannot say so.
Array = npt.NDArray[Any]
NOISE_SIZE = 512


def linear(colour: str) -> Array:
    """``RRGGBB`` (sRGB) as linear BGR float32 [3]."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4))
    return np.array([blue, green, red], np.float32) ** 2.2


def display(image: Array) -> Array:
    """Linear light to display values 0..1 with a soft shoulder, as a camera's tone curve has."""
    x = np.maximum(image, 0)
    # The shoulder starts at .7, so that white clothes keep their folds instead of clipping.
    y = np.where(x > 0.7, 0.7 + 0.3 * (1 - np.exp(-(x - 0.7) / 0.3)), x)
    return np.power(y, 1 / 2.2, dtype=np.float32)


def fractal(rng: np.random.Generator, size: int, octaves: tuple[int, ...], stretch: int = 1) -> Array:
    """Tileable value noise [size, size] with mean 0 and standard deviation 1.

    ``octaves`` are cells across the image; ``stretch`` makes the cells that many times longer in x.
    """
    total = np.zeros((size, size), np.float32)
    for i, cells in enumerate(octaves):
        grid = rng.standard_normal((cells, max(1, cells // stretch))).astype(np.float32)
        padded = np.pad(grid, 2, mode="wrap")
        scale_y, scale_x = size // grid.shape[0] or 1, size // grid.shape[1] or 1
        big = cv2.resize(padded, None, fx=scale_x, fy=scale_y, interpolation=cv2.INTER_CUBIC)
        part = big[2 * scale_y : 2 * scale_y + size, 2 * scale_x : 2 * scale_x + size]
        if part.shape != (size, size):
            part = cv2.resize(part, (size, size))
        total += part * 0.6**i
    value: Array = (total - total.mean()) / (total.std() + 1e-6)
    return value


@lru_cache(maxsize=96)
def noise(seed: int, kind: str) -> Array:
    """A noise image [512, 512] (``*_vector`` kinds: [512, 512, 3]); one of a few kinds, kept in memory."""
    rng = np.random.default_rng(seed)
    if kind.endswith("_vector"):
        return np.stack([noise(seed * 7 + i + 1, kind.removesuffix("_vector")) for i in range(3)], axis=-1)
    octaves = {
        "soft": (4, 8, 16, 32),
        "fine": (64, 128, 256),
        "cloth": (8, 16, 32),
        "strands": (64, 128, 256),
        "brushed": (128, 256),
    }[kind]
    stretch = {"strands": 16, "brushed": 32}.get(kind, 1)
    return fractal(rng, NOISE_SIZE, octaves, stretch)


def sample(image: Array, u: Array, v: Array) -> Array:
    """Nearest texel of a tileable image; ``u`` to the right and ``v`` down, 1.0 is one repeat."""
    height, width = image.shape[:2]
    x = np.floor(u * width).astype(np.int32) % width
    y = np.floor(v * height).astype(np.int32) % height
    value: Array = image[y, x]
    return value
