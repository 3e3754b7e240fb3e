"""Draw a cigarette into a mouth or a hand: nearly all public pictures of smokers are close-ups, kitchens' cameras never are."""

import cv2
import numpy as np
from numpy.typing import NDArray

from models.augment import Image


def draw_cigarette(rng: np.random.Generator, image: Image, head: NDArray[np.float32]) -> tuple[Image, NDArray[np.float32]]:
    """Put a cigarette at the mouth of a face that looks towards the camera.

    ``head``: box of the whole head in pixels. Returns the new picture and the cigarette's box. The mouth lies at the
    middle of the head, 0.7 to 0.84 of the way down; a cigarette is 84 mm long and 8 mm thick, a head about 160 mm wide.
    """
    x1, y1, x2, y2 = (float(v) for v in head)
    w, h = x2 - x1, y2 - y1
    mouth = np.array([(x1 + x2) / 2 + rng.normal(0, 0.06) * w, y1 + rng.uniform(0.7, 0.84) * h])
    length = w * rng.uniform(0.2, 0.5)  # shorter when it points at the camera
    angle = np.deg2rad(rng.uniform(-25, 75))
    tip = mouth + length * np.array([np.cos(angle) * rng.choice([-1, 1]), np.sin(angle)])
    return _draw(rng, image, mouth, tip, max(0.6, w * rng.uniform(0.035, 0.06)))


def draw_cigarette_held(
    rng: np.random.Generator, image: Image, hand: NDArray[np.float32]
) -> tuple[Image, NDArray[np.float32]]:
    """Put a cigarette between the fingers of the hand with box ``hand`` (pixels): it begins near the middle and sticks out of it.

    A hand is some 180 mm long, a fist half of that. Returns the new picture and the cigarette's box.
    """
    x1, y1, x2, y2 = (float(v) for v in hand)
    side = max(x2 - x1, y2 - y1)
    held = np.array([(x1 + x2) / 2, (y1 + y2) / 2]) + rng.uniform(-0.3, 0.3, 2) * (x2 - x1, y2 - y1)
    angle = rng.uniform(0, 2 * np.pi)
    tip = held + side * rng.uniform(0.25, 0.65) * np.array([np.cos(angle), np.sin(angle)])
    return _draw(rng, image, held, tip, max(0.6, side * rng.uniform(0.035, 0.07)))


def _draw(
    rng: np.random.Generator, image: Image, start: NDArray[np.float64], tip: NDArray[np.float64], thick: float
) -> tuple[Image, NDArray[np.float32]]:
    """A line from the filter at ``start`` to the embers at ``tip``, ``thick`` pixels wide."""
    # Drawn at eight times the size, then averaged: it is often less than a pixel thick.
    zoom, size = 8, image.shape[0]
    canvas = image.copy()
    low = np.floor(np.minimum(start, tip) - thick - 1).astype(int).clip(0, size - 2)
    high = np.ceil(np.maximum(start, tip) + thick + 1).astype(int).clip(low + 1, size)
    part = canvas[low[1] : high[1], low[0] : high[0]]
    large = cv2.resize(part, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_NEAREST)

    def line(begin: float, end: float, colour: tuple[float, ...]) -> None:
        a, b = (tuple(np.rint((start + (tip - start) * s - low) * zoom).astype(int).tolist()) for s in (begin, end))
        cv2.line(large, a, b, colour, max(1, round(thick * zoom)))

    light = rng.uniform(0.6, 1.0)
    line(0, 1, tuple(light * v for v in rng.uniform([215, 225, 230], [245, 250, 255])))
    if rng.random() < 0.6:  # a filter of cork colour
        line(0, rng.uniform(0.2, 0.35), tuple(light * v for v in (90, 140, 200)))
    if rng.random() < 0.6:  # ash or embers
        line(rng.uniform(0.85, 0.95), 1, (90, 90, 95) if rng.random() < 0.5 else (60, 90, 220))
    canvas[low[1] : high[1], low[0] : high[0]] = cv2.resize(large, part.shape[1::-1], interpolation=cv2.INTER_AREA)
    box = np.concatenate([np.minimum(start, tip), np.maximum(start, tip)])
    return canvas, (box + np.array([-thick, -thick, thick, thick]) / 2).astype(np.float32)
