"""Cut work caps out of pictures, to be put on bare heads in others."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.augment import Image
from models.data import HEAD_HAT, DataError, Picture, data_folders

KINDS = frozenset(("toque", "hairnet/bouffant/surgical", "cap (peaked, beanie, beret, skull, visor)"))
"""what cooks wear; not helmets, brims and swim caps"""
SIDE = 96
"""px that a cut-out is wide at most; crops of 96 px never need more"""
LEAST = 40
"""px of a head's width: caps of smaller ones are blurs"""
ROUNDS = 4
"""of GrabCut; it hardly changes after three"""
FACE_HEIGHT = 0.62
"""brow to chin over the height of a head of ordinary height, which is 1.3 of its width"""
COVER = (0.45, 0.97)
"""share of the part above the brow that is cap in a cut-out that is kept; outside it GrabCut took the wall, or missed the cap"""

Cutout = NDArray[np.uint8]
"""BGRA [h, w, 4], as large as the wearer's head with the cap; opaque where the cap is"""


def read_cutouts(folder: Path) -> list[Cutout]:
    """The cut-outs that a data folder brings along (``caps/*.png``).

    Raises:
        DataError: a file that is no picture with transparency.
    """
    found = []
    for path in sorted((folder / "caps").glob("*.png")):
        cap = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED) if path.stat().st_size else None
        if cap is None or cap.ndim != 3 or cap.shape[2] != 4:
            raise DataError(f"{path} is no picture with transparency. Remove it, or write it as a PNG with an alpha channel.")
        found.append(np.asarray(cap, np.uint8))
    return found


def brought_along(roots: Iterable[Path], pictures: Sequence[Picture]) -> list[Cutout]:
    """The cut-outs of every data folder in ``roots`` that one of the ``pictures`` comes from."""
    folders = (folder for root in roots for folder in data_folders(root))
    return [cap for folder in folders if any(p.path.is_relative_to(folder) for p in pictures) for cap in read_cutouts(folder)]


def cutouts(pictures: Iterable[Picture]) -> list[Cutout]:
    """Every work cap of the pictures that GrabCut could tell from what is around it."""
    found = []
    for picture in pictures:
        kinds = [*picture.hat_kinds, *[None] * (len(picture.boxes) - len(picture.hat_kinds))]
        heads = [
            box
            for box, label, kind in zip(picture.boxes, picture.classes, kinds, strict=True)
            if label == HEAD_HAT and kind in KINDS and box[2] - box[0] >= LEAST
        ]
        if not heads:
            continue
        try:
            image = picture.read()
        except DataError:
            continue
        found += [cap for head in heads if (cap := cut_out(image, head)) is not None]
    return found


def cut_out(image: Image, head: NDArray[np.float32]) -> Cutout | None:
    """The cap of the head with box ``head`` (x1, y1, x2, y2 in pixels), or None where its outline cannot be told."""
    x1, y1, x2, y2 = (float(v) for v in head)
    width, height = x2 - x1, y2 - y1
    # With some of what is around it, which GrabCut learns the background from.
    left, top = max(0, int(x1 - 0.35 * width)), max(0, int(y1 - 0.25 * height))
    part = image[top : int(y2 + 0.1 * height) + 1, left : int(x2 + 0.35 * width) + 1]
    scale = min(1.0, SIDE / width)
    small = np.asarray(cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    box = (np.array([x1, y1, x2, y2]) - (left, top, left, top)) * scale
    mask = _cap(small, box)
    if mask is None:
        return None
    alpha = cv2.GaussianBlur(mask.astype(np.float32) * 255, (0, 0), 0.8).astype(np.uint8)
    a, b, c, d = np.maximum(np.round(box).astype(int), 0)
    return np.dstack([small, alpha])[b:d, a:c].copy()


def _cap(image: Image, head: NDArray[np.float64]) -> NDArray[np.bool_] | None:
    """Pixels of the cap, bool [h, w]: GrabCut, told that it is above the face and inside the head's box."""
    h, w = image.shape[:2]
    x1, y1, x2, y2 = head
    wide, middle = x2 - x1, (x1 + x2) / 2
    brow = y2 - FACE_HEIGHT * min(y2 - y1, 1.3 * wide)
    y, x = np.mgrid[:h, :w] + 0.5
    inside = (x > x1 - 0.06 * wide) & (x < x2 + 0.06 * wide) & (y > y1 - 0.04 * wide) & (y < brow + 0.12 * wide)
    above = inside & (y < brow)
    dome = ((x - middle) / (0.5 * wide)) ** 2 + ((y - brow) / max(1.0, brow - y1)) ** 2 < 1
    core = above & (np.abs(x - middle) < 0.22 * wide) & (y > y1 + 0.25 * (brow - y1)) & (y < brow - 0.2 * (brow - y1))
    known = np.full((h, w), cv2.GC_BGD, np.uint8)
    known[inside] = cv2.GC_PR_BGD
    known[above & dome] = cv2.GC_PR_FGD
    known[core] = cv2.GC_FGD
    if not core.any() or inside.all():
        return None
    cv2.setRNGSeed(0)
    cv2.grabCut(image, known, (0, 0, 1, 1), np.zeros((1, 65)), np.zeros((1, 65)), ROUNDS, cv2.GC_INIT_WITH_MASK)
    taken = np.isin(known, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(cv2.morphologyEx(taken, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)))
    if count < 2:
        return None
    largest = np.asarray(labels == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax()))
    upper = above & (y > y1) & (np.abs(x - middle) < 0.5 * wide)
    return largest if COVER[0] < largest[upper].mean() < COVER[1] else None
