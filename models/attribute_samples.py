"""Samples for the attribute network: how a camera sees a patch, and how often each state is drawn."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.crops import PADDING
from models.attribute_crops import MARGIN, SILENT, UNKNOWN, Labels, Patch
from models.augment import Image, camera, soften
from models.cap_cutouts import Cutout
from models.caps import put_cap
from models.cigarettes import draw_cigarette, draw_cigarette_held
from models.data import SIMULATOR
from models.gloves import put_glove, soil
from models.publish import CROP

SIZE, CELLS = CROP.size, 12
TINY, CLEAR = 15, 18
"""px of the box's longer side: below TINY nobody can tell, above CLEAR the label holds, between nothing is taught"""
FAINT = 7
"""px of a cigarette's length as the camera sees it: a shorter one cannot be told from the edge of a collar, and who learns
to call it smoking calls every bare face so"""
TURNED = 0.4
"""of the hands, by one to three quarters: under a ceiling's camera they reach in from any side, in most pictures from below"""
GLOVED, SOILED = 0.25, 0.15
"""of the bare hands in real pictures: some get drawn gloves, some dirt"""
EMPHASIS = {
    ("cap", 0): 2.0,
    ("cap", 1): 2.0,
    ("mask", 0): 1.5,
    ("mask", 1): 4.0,  # bare faces: what must not be taken for smoking, and what cigarettes are drawn on
    ("mask", 2): 0.35,  # rare in life: as often as the others it would be suspected everywhere
    ("mask", 3): 1.5,  # half of a kitchen's heads are seen from behind
    ("glove", 0): 1.5,
    ("glove", 1): 2.0,  # of which some get gloves
    ("smoking", 1): 5.0,  # at heads and in hands
}
"""how much more often a state is drawn than the others"""
NOTHING = {**UNKNOWN, "readable": 0}
"""the states of what shows nothing"""


@dataclass(frozen=True)
class Sample:
    """One training crop, BGR [96, 96, 3], with its labels and its cigarette map (1 yes, 0 no, -1 not taught)."""

    image: Image
    labels: Labels
    cells: NDArray[np.int8]


def sample(rng: np.random.Generator, patch: Patch, plain: bool = False, caps: Sequence[Cutout] = ()) -> Sample:
    """See a patch through a camera. ``plain``: as the detector cuts it, for validation; ``caps``: cut-outs for bare heads."""
    image, labels = patch.image, patch.labels
    side = image.shape[0]
    if not plain and labels.cap == 1 and patch.source != SIMULATOR and rng.random() < 0.3:
        image, labels = put_cap(rng, image, patch.box, caps), replace(labels, cap=0)
    if not plain and labels.mask == 1 and labels.smoking == 0 and rng.random() < 0.2:
        image, cigarette = draw_cigarette(rng, image, patch.box)
        patch, labels = replace(patch, cigarettes=cigarette[None]), replace(labels, smoking=1, readable=1)
    if not plain and labels.glove == 1 and labels.smoking == 0 and rng.random() < 0.15:
        image, cigarette = draw_cigarette_held(rng, image, patch.box)
        patch, labels = replace(patch, cigarettes=cigarette[None]), replace(labels, smoking=1)
    if not plain and labels.glove == 1 and labels.smoking != 1 and patch.source != SIMULATOR:
        fate = rng.random()
        if fate < GLOVED:
            gloved = put_glove(rng, image, patch.box)
            if gloved is not None:
                image, labels = gloved, replace(labels, glove=0)
        elif fate < GLOVED + SOILED:
            image = soil(rng, image, patch.box)
    nominal = side / MARGIN
    angle, mirror, zoom, shift = 0.0, 1, 1.0, np.zeros(2)
    pixels = patch.pixels
    if not plain:
        angle, mirror, zoom = np.deg2rad(rng.normal(0, 7)), int(rng.choice([-1, 1])), np.exp(rng.normal(0, 0.1))
        shift = rng.normal(0, 0.05, 2) * nominal
        if labels.glove != SILENT and rng.random() < TURNED:
            angle += np.pi / 2 * rng.integers(1, 4)
        if rng.random() < 0.75:  # farther away
            pixels = min(pixels, float(np.exp(rng.uniform(np.log(12), np.log(110)))))
    scale = SIZE / (nominal * zoom)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ np.diag([mirror * scale, scale])
    matrix = np.hstack([turn, (SIZE / 2 - turn @ (side / 2 + shift))[:, None]])
    # The camera's own pixels across the crop: fewer than 96 when the head is far away.
    seen = int(np.clip(nominal * zoom * pixels / patch.pixels * patch.scale, 6, SIZE))
    view = _warp(image, matrix * (seen / SIZE), seen)
    if not plain:
        view, labels = _spoil(rng, view, labels)
    if seen != SIZE:
        view = cv2.resize(view, (SIZE, SIZE), interpolation=cv2.INTER_LINEAR)
    if pixels < TINY:
        labels = labels.hidden()
    elif pixels < CLEAR:
        labels = Labels()
    cells = _cells(patch, matrix, labels, seen / SIZE * scale)
    # A cigarette that has left the crop; or a reviewer's word, which names no place, for a crop that is made smaller.
    if labels.smoking == 1 and (len(patch.cigarettes) or pixels < patch.pixels) and not (cells == 1).any():
        labels = replace(labels, smoking=SILENT)
    return Sample(np.asarray(view, np.uint8), labels, cells)


def _warp(image: Image, matrix: NDArray[np.float64], size: int) -> Image:
    """Warp to a square, averaging when it shrinks."""
    factor = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if factor < 1:
        small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        step = np.array([image.shape[1] / small.shape[1], image.shape[0] / small.shape[0]])
        image, matrix = np.asarray(small, np.uint8), np.hstack([matrix[:, :2] * step, matrix[:, 2:]])
    return np.asarray(cv2.warpAffine(image, matrix, (size, size), borderValue=(PADDING,) * 3), np.uint8)


def _spoil(rng: np.random.Generator, view: Image, labels: Labels) -> tuple[Image, Labels]:
    """Camera effects; now and then so strong that nothing can be told."""
    size = view.shape[0]
    fate = rng.random()
    if fate < 0.04:  # out of focus or moving fast
        view = soften(view, size * rng.uniform(0.11, 0.2))
        labels = labels.hidden()
    elif fate < 0.07:  # somebody or something in front
        a, b = rng.integers(0, size // 8 + 1, 2)
        cover = rng.integers(0, 256, (2, 2, 3)).astype(np.uint8)
        view = view.copy()
        view[a : size - b, b : size - a] = cv2.resize(cover, (size - a - b, size - a - b))
        labels = labels.hidden()
    elif fate < 0.25 and labels.smoking != 1:  # a small hole keeps the net from trusting one spot
        hole = max(2, int(size * rng.uniform(0.08, 0.2)))
        x, y = rng.integers(0, size - hole, 2)
        view = view.copy()
        view[y : y + hole, x : x + hole] = rng.integers(0, 256, 3)
    return camera(rng, view, 0.6), labels


def _cells(patch: Patch, matrix: NDArray[np.float64], labels: Labels, scale: float) -> NDArray[np.int8]:
    """The cigarette map of a crop; ``scale``: the camera's pixels per patch pixel.

    Untaught where somebody smokes and nobody has said where the cigarette is.
    """
    cells = np.full((CELLS, CELLS), SILENT, np.int8)
    if labels.smoking == SILENT or (labels.smoking == 1 and not len(patch.cigarettes)):
        return cells
    cells[:] = 0
    for box in patch.cigarettes:
        if max(box[2] - box[0], box[3] - box[1]) * scale < FAINT:
            cells[:] = SILENT
            break
        points = box[[0, 1, 2, 1, 2, 3, 0, 3]].reshape(4, 2) @ matrix[:, :2].T + matrix[:, 2]
        low, high = points.min(0) / SIZE * CELLS, points.max(0) / SIZE * CELLS
        centre, half = (low + high) / 2, (high - low) / 2
        if (centre < 0).any() or (centre >= CELLS).any():
            continue
        x1, y1 = np.maximum(np.floor(low), 0).astype(int)
        x2, y2 = np.ceil(high).astype(int)
        # The outline of the box is mostly not cigarette: there neither answer is taught.
        cells[y1:y2, x1:x2] = np.where(cells[y1:y2, x1:x2] == 1, 1, SILENT)
        index = np.arange(CELLS) + 0.5
        inside_x = np.abs(index - centre[0]) <= 0.6 * half[0]
        inside_y = np.abs(index - centre[1]) <= 0.6 * half[1]
        cells[np.ix_(inside_y, inside_x)] = 1
        cells[int(centre[1]), int(centre[0])] = 1
    return cells


def shares(found: Sequence[Patch]) -> NDArray[np.float64]:
    """Chance of each patch: every state of every attribute, real or simulated, gets its share of the training.

    Heads from behind and what is only like a hand get theirs, apart from places that are neither, of which there are many more.
    """
    keys = []
    for patch in found:
        values = vars(patch.labels)
        world = patch.source == SIMULATOR
        neither = patch.labels.cap == UNKNOWN["cap"] and patch.labels.glove == UNKNOWN["glove"]
        keys.append([(n, value, world, neither and value == NOTHING.get(n)) for n, value in values.items() if value != SILENT])
    total: dict[tuple[str, int, bool, bool], float] = {}
    for patch, names in zip(found, keys, strict=False):
        for name in names:
            total[name] = total.get(name, 0) + patch.weight
    # Few pictures of a state cannot carry a full share without being learned by heart.
    gain = {name: min(1.0, count / 60) * EMPHASIS.get(name[:2], 1.0) for name, count in total.items()}
    chance = np.array([p.weight * max(gain[n] / total[n] for n in names) for p, names in zip(found, keys, strict=False)])
    return np.asarray(chance / chance.sum())
