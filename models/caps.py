"""Put work caps on bare heads: kitchens' caps are rare in public pictures, bare heads are not."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from models.augment import Image, soften
from models.cap_cutouts import Cutout

DRAWN = 0.4
"""share of drawn caps where there are cut-out ones: these look real, those differ more"""

COLOURS = np.array(
    [(245, 245, 245), (235, 235, 235), (230, 215, 190), (210, 180, 130), (40, 40, 40), (60, 50, 160), (110, 60, 30)],
    np.float32,
)
"""BGR: whites, light blue, blue, black, red, navy: what kitchens and hospitals wear"""


def put_cap(rng: np.random.Generator, image: Image, head: NDArray[np.float32], cutouts: Sequence[Cutout]) -> Image:
    """Put a drawn cap, or one of the cut-out ones, on the head with box ``head`` (x1, y1, x2, y2 in pixels)."""
    if not cutouts or rng.random() < DRAWN:
        return draw_cap(rng, image, head)
    return paste_cap(rng, image, head, cutouts[int(rng.integers(len(cutouts)))])


def paste_cap(rng: np.random.Generator, image: Image, head: NDArray[np.float32], cap: Cutout) -> Image:
    """Put a cut-out cap on a head: as wide as the head, chin by chin, a little turned and moved, in the head's light."""
    x1, _, x2, y2 = (float(v) for v in head)
    h, w = cap.shape[:2]
    scale = (x2 - x1) / w * rng.uniform(0.98, 1.14)
    angle, mirror = np.deg2rad(rng.normal(0, 5)), int(rng.choice([-1, 1]))
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ np.diag([mirror, 1])
    # Labelled heads end at different heights; a tenth lower, a cap would cover the eyes of every third one.
    chin = np.array([(x1 + x2) / 2, y2]) + rng.normal((0, -0.1), 0.03) * (x2 - x1)
    matrix = np.hstack([turn, (chin - turn @ np.array([w / 2, h]))[:, None]])
    alpha = cap[..., 3:].astype(np.float32) / 255
    # Colours weighted by what is opaque: nothing of the cut-out's own background bleeds in at the edge.
    laid = cv2.warpAffine(np.dstack([cap[..., :3] * alpha, alpha]), matrix, image.shape[1::-1], flags=cv2.INTER_AREA)
    ours = float(image[max(0, int(y2 - 0.7 * (x2 - x1))) : int(y2) + 1, max(0, int(x1)) : int(x2) + 1].mean())
    theirs = float(cap[h // 2 :, :, :3].mean())
    light = np.clip(ours / max(theirs, 20.0), 0.6, 1.5) * rng.uniform(0.85, 1.15)
    return np.asarray(np.clip(image * (1 - laid[..., 3:]) + laid[..., :3] * light, 0, 255), np.uint8)


def draw_cap(rng: np.random.Generator, image: Image, head: NDArray[np.float32]) -> Image:
    """Put a toque, bouffant cap, hairnet or flat cap on the head with box ``head`` (x1, y1, x2, y2 in pixels)."""
    x1, y1, x2, y2 = (float(v) for v in head)
    w, h = x2 - x1, y2 - y1
    size = image.shape[0]
    # Drawn at four times the size, then averaged: soft edges at every crop size.
    zoom = 4
    mask = np.zeros((size * zoom, size * zoom), np.uint8)
    middle = (x1 + x2) / 2 + rng.normal(0, 0.03) * w
    brow = y1 + h * rng.uniform(0.26, 0.4)
    kind = rng.choice(["toque", "bouffant", "net", "flat"], p=[0.3, 0.3, 0.15, 0.25])
    colour = COLOURS[rng.integers(len(COLOURS))] * rng.uniform(0.85, 1.05)
    half = w * rng.uniform(0.44, 0.54)

    def points(*xy: tuple[float, float]) -> NDArray[np.int32]:
        return np.array([[round(x * zoom), round(y * zoom)] for x, y in xy], np.int32)

    def ellipse(cx: float, cy: float, rx: float, ry: float, start: int = 0, end: int = 360) -> None:
        centre, axes = (round(cx * zoom), round(cy * zoom)), (max(1, round(rx * zoom)), max(1, round(ry * zoom)))
        cv2.ellipse(mask, centre, axes, rng.normal(0, 3), start, end, 255, -1)

    if kind == "toque":
        top = y1 - h * rng.uniform(0.05, 0.5)
        wide = half * rng.uniform(1.0, 1.25)
        outline = points((middle - half, brow), (middle + half, brow), (middle + wide, top), (middle - wide, top))
        cv2.fillPoly(mask, [outline], 255)
        ellipse(middle, top, wide, h * rng.uniform(0.06, 0.14))
    elif kind == "flat":
        ellipse(middle, brow, half, brow - y1 + h * rng.uniform(0, 0.06), 180, 360)
        if rng.random() < 0.6:  # a peak
            ellipse(middle + rng.normal(0, 0.15) * w, brow, half * 0.9, h * rng.uniform(0.04, 0.1))
    else:
        ellipse(middle, (y1 + brow) / 2, half * 1.05, (brow - y1) / 2 + h * rng.uniform(0.05, 0.14))
    alpha = cv2.resize(mask, (size, size), interpolation=cv2.INTER_AREA).astype(np.float32)[..., None] / 255
    alpha *= rng.uniform(0.45, 0.7) if kind == "net" else rng.uniform(0.88, 1.0)
    # The head's own light falls on the cap: left to right as on the head, folds as noise.
    light = soften(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), max(1.0, w / 5)).astype(np.float32)
    light = np.clip(light / max(20.0, float(light.mean())), 0.6, 1.3) * rng.uniform(0.75, 1.05)
    folds = cv2.resize(rng.normal(1, 0.1, (6, 12)).astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
    cloth = colour * (light * folds)[..., None]
    return np.asarray(np.clip(image * (1 - alpha) + cloth * alpha, 0, 255), np.uint8)
