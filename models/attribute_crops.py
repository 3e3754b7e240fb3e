"""Crops for the attribute network: which labels a head or hand crop carries, and how it is seen by a camera."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.crops import head_region
from models.augment import Image, camera
from models.boxes import Boxes, centres_inside, faces_in_heads, intersection, iou
from models.caps import draw_cap
from models.cigarettes import draw_cigarette
from models.data import (
    CIGARETTE,
    FACE_MASK,
    FACE_NO_MASK,
    FACES,
    HAND_BARE,
    HAND_GLOVE,
    HEAD_HAT,
    HEADS,
    MASK_WRONG,
    DataError,
    Picture,
)
from models.pseudo import HAND, HEAD, Targets
from models.publish import CROP
from models.teachers import Opinion

SIZE, CELLS = CROP.size, 12
MARGIN = 1.5
"""patches are cut this much wider than the crop, as room for shifts and turns"""
LARGEST = 168
"""side of a kept patch in pixels; a crop of 96 never needs more than 96 * MARGIN and some"""
TINY, CLEAR = 15, 18
"""px of the box's longer side: below TINY nobody can tell, above CLEAR the label holds, between nothing is taught"""
# Helmets are 40 % of the public hats and worn in no kitchen: they must not define what a cap is. Under a tall toque the face is
# small and low in the crop, and looks to the net like a mask that has slipped.
HAT_WEIGHTS = {"helmet": 0.3, "swim cap": 0.5, "hairnet/bouffant/surgical": 2.0, "toque": 2.5}
FAINT = 7
"""px of a cigarette's length as the camera sees it: a shorter one cannot be told from the edge of a collar, and who learns
to call it smoking calls every bare face so"""
UNKNOWN = {"cap": 2, "mask": 3, "glove": 2}
SILENT = -1
EMPHASIS = {
    ("cap", 0): 2.0,
    ("cap", 1): 2.0,
    ("mask", 0): 1.5,
    ("mask", 1): 4.0,  # bare faces: what must not be taken for smoking, and what cigarettes are drawn on
    ("mask", 2): 0.35,  # rare in life: as often as the others it would be suspected everywhere
    ("glove", 0): 1.5,
    ("glove", 1): 1.5,
    ("smoking", 1): 2.0,
}
"""how much more often a state is drawn than the others"""


@dataclass(frozen=True)
class Labels:
    """What one crop teaches; SILENT where it teaches nothing."""

    cap: int = SILENT
    mask: int = SILENT
    glove: int = SILENT
    readable: int = SILENT
    """1: one can see whether the person smokes"""
    smoking: int = SILENT
    """1: a cigarette is in the crop; 0: none is"""

    def hidden(self) -> "Labels":
        """The same crop when nothing can be seen any more."""
        return Labels(
            cap=UNKNOWN["cap"] if self.cap != SILENT else SILENT,
            mask=UNKNOWN["mask"] if self.mask != SILENT else SILENT,
            glove=UNKNOWN["glove"] if self.glove != SILENT else SILENT,
            readable=0 if self.readable != SILENT else SILENT,
        )


@dataclass(frozen=True)
class Patch:
    """A head, hand or other place, cut with a margin."""

    image: Image
    """BGR [s, s, 3]; the nominal crop is its middle part, s / MARGIN wide"""
    pixels: float
    """longer side of the hand or the head's region in pixels of the original picture"""
    box: NDArray[np.float32]
    """the head or hand in patch pixels"""
    cigarettes: Boxes
    """in patch pixels"""
    labels: Labels
    source: str
    scale: float
    """pixels of the original picture per patch pixel"""
    weight: float = 1.0


@dataclass(frozen=True)
class Sample:
    """One training crop, BGR [96, 96, 3], with its labels and its cigarette map (1 yes, 0 no, -1 not taught)."""

    image: Image
    labels: Labels
    cells: NDArray[np.int8]


def patches(
    picture: Picture, targets: Targets, opinion: Opinion | None, no_cigarette: bool, rng: np.random.Generator
) -> list[Patch]:
    """Cut every head and labelled hand of a picture, and some places that are neither."""
    try:
        image = picture.read()
    except DataError:
        return []
    cigarettes = picture.of(CIGARETTE)
    found = []
    for head, labels, weight in _heads(picture, targets, opinion, no_cigarette):
        region = np.array(head_region(head), np.float32)
        found.append(_patch(image, head, CROP.head_scale, cigarettes, labels, picture.source, weight, region))
    for glove, label in ((0, HAND_GLOVE), (1, HAND_BARE)):
        for hand in picture.of(label):
            found.append(_patch(image, hand, CROP.hand_scale, cigarettes, Labels(glove=glove), picture.source, 1.0))
    found.extend(_elsewhere(image, picture, targets, cigarettes, rng))
    return [p for p in found if p.pixels >= 6]


def _heads(
    picture: Picture, targets: Targets, opinion: Opinion | None, no_cigarette: bool
) -> Iterable[tuple[NDArray[np.float32], Labels, float]]:
    given = np.isin(picture.classes, HEADS)
    faces = np.isin(picture.classes, FACES)
    for head in targets.of(HEAD):
        labels, weight = Labels(), 1.0
        overlap = np.where(given, iou(head[None], picture.boxes)[0], 0)
        if set(HEADS) <= picture.annotated and overlap.max(initial=0) >= 0.4:
            best = int(overlap.argmax())
            labels = replace(labels, cap=0 if picture.classes[best] == HEAD_HAT else 1)
            kind = picture.hat_kinds[best] if best < len(picture.hat_kinds) else None
            weight = HAT_WEIGHTS.get(kind or "", 1.0)
        if set(FACES) <= picture.annotated:
            inside = faces_in_heads(picture.boxes, head[None])[:, 0] & faces
            if inside.any():
                state = picture.classes[int(np.argmax(inside))]
                labels = replace(labels, mask={FACE_MASK: 0, FACE_NO_MASK: 1, MASK_WRONG: 2}[int(state)], readable=1)
            elif opinion is None or not centres_inside(opinion.face[:, :4], head[None]).any():
                # A back of a head: labelled through, and no teacher sees a face either.
                labels = replace(labels, mask=UNKNOWN["mask"], readable=0)
        if CIGARETTE in picture.annotated:
            near = centres_inside(picture.of(CIGARETTE), _square(np.array(head_region(head)), CROP.head_scale)[None]).any()
            labels = replace(labels, smoking=int(near), readable=1 if near or labels.readable != 0 else 0)
        elif no_cigarette or labels.mask == 0:  # nobody smokes through a mask
            labels = replace(labels, smoking=0)
        if labels != Labels():
            yield head, labels, weight


def _elsewhere(
    image: Image, picture: Picture, targets: Targets, cigarettes: Boxes, rng: np.random.Generator
) -> Iterable[Patch]:
    """Places that are no head and no hand: what a mistaken finder would hand over must read 'unknown'."""
    if {HEAD, HAND} & targets.unknown:
        return
    busy = np.concatenate([targets.of(HEAD), targets.of(HAND), targets.unsure[HEAD], targets.unsure[HAND]])
    w, h = picture.size
    annotated = CIGARETTE in picture.annotated
    for _ in range(3):
        side = np.exp(rng.uniform(np.log(16), np.log(max(17, 0.4 * min(w, h)))))
        corner = rng.uniform(0, 1, 2) * np.maximum(np.array([w, h]) - side, 1)
        box = np.array([*corner, *(corner + side)], np.float32)
        if intersection(_square(box, 1.2)[None], busy).sum() > 0.1 * side * side:
            continue
        labels = Labels(cap=UNKNOWN["cap"], mask=UNKNOWN["mask"], glove=UNKNOWN["glove"], readable=0)
        if annotated:
            near = bool(centres_inside(cigarettes, _square(box, CROP.head_scale)[None]).any())
            labels = replace(labels, smoking=int(near), readable=1 if near else 0)
        yield _patch(image, box, CROP.head_scale, cigarettes, labels, picture.source, 1.0)


def _square(box: NDArray[np.float32], scale: float) -> NDArray[np.float32]:
    centre, half = (box[:2] + box[2:]) / 2, scale * (box[2:] - box[:2]).max() / 2
    return np.concatenate([centre - half, centre + half]).astype(np.float32)


def _patch(
    image: Image,
    box: NDArray[np.float32],
    scale: float,
    cigarettes: Boxes,
    labels: Labels,
    source: str,
    weight: float,
    region: NDArray[np.float32] | None = None,
) -> Patch:
    """Cut a patch around ``region`` (by default the box)."""
    region = box if region is None else region
    x1, y1, x2, y2 = square = _square(region, scale * MARGIN)
    side = min(LARGEST, max(8, round(float(x2 - x1))))
    factor = side / float(x2 - x1)
    h, w = image.shape[:2]
    # Only the part inside the picture is scaled; the rest is grey, as in the detector's crops.
    inner = np.array([max(0, np.floor(x1)), max(0, np.floor(y1)), min(w, np.ceil(x2)), min(h, np.ceil(y2))]).astype(int)
    part = image[inner[1] : inner[3], inner[0] : inner[2]]
    out = np.full((side, side, 3), 114, np.uint8)
    if part.size:
        small = cv2.resize(
            part,
            (max(1, round(part.shape[1] * factor)), max(1, round(part.shape[0] * factor))),
            interpolation=cv2.INTER_AREA,
        )
        left, top = max(0, round((inner[0] - x1) * factor)), max(0, round((inner[1] - y1) * factor))
        small = small[: side - top, : side - left]
        out[top : top + small.shape[0], left : left + small.shape[1]] = small
    offset = np.array([x1, y1, x1, y1], np.float32)
    near = cigarettes[intersection(cigarettes, square[None])[:, 0] > 0]
    return Patch(
        out,
        float((region[2:] - region[:2]).max()),
        ((box - offset) * factor).astype(np.float32),
        ((near - offset) * factor).astype(np.float32),
        labels,
        source,
        1 / factor,
        weight,
    )


def sample(rng: np.random.Generator, patch: Patch, plain: bool = False) -> Sample:
    """See a patch through a camera. ``plain``: as the detector cuts it, for validation."""
    image, labels = patch.image, patch.labels
    side = image.shape[0]
    if not plain and labels.cap == 1 and patch.source != "simulator" and rng.random() < 0.3:
        image, labels = draw_cap(rng, image, patch.box), replace(labels, cap=0)
    if not plain and labels.mask == 1 and labels.smoking == 0 and rng.random() < 0.2:
        image, cigarette = draw_cigarette(rng, image, patch.box)
        patch, labels = replace(patch, cigarettes=cigarette[None]), replace(labels, smoking=1, readable=1)
    nominal = side / MARGIN
    angle, mirror, zoom, shift = 0.0, 1, 1.0, np.zeros(2)
    pixels = patch.pixels
    if not plain:
        angle, mirror, zoom = np.deg2rad(rng.normal(0, 7)), int(rng.choice([-1, 1])), np.exp(rng.normal(0, 0.1))
        shift = rng.normal(0, 0.05, 2) * nominal
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
    if labels.smoking == 1 and not (cells == 1).any():
        labels = replace(labels, smoking=SILENT)
    return Sample(np.asarray(view, np.uint8), labels, cells)


def _warp(image: Image, matrix: NDArray[np.float64], size: int) -> Image:
    """Warp to a square, averaging when it shrinks."""
    factor = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if factor < 1:
        small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        step = np.array([image.shape[1] / small.shape[1], image.shape[0] / small.shape[0]])
        image, matrix = np.asarray(small, np.uint8), np.hstack([matrix[:, :2] * step, matrix[:, 2:]])
    return np.asarray(cv2.warpAffine(image, matrix, (size, size), borderValue=(114, 114, 114)), np.uint8)


def _spoil(rng: np.random.Generator, view: Image, labels: Labels) -> tuple[Image, Labels]:
    """Camera effects; now and then so strong that nothing can be told."""
    size = view.shape[0]
    fate = rng.random()
    if fate < 0.04:  # out of focus or moving fast
        view = cv2.GaussianBlur(view, (0, 0), size * rng.uniform(0.11, 0.2))
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
    """The cigarette map of a crop; ``scale``: the camera's pixels per patch pixel."""
    cells = np.full((CELLS, CELLS), SILENT, np.int8)
    if labels.smoking == SILENT:
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
    """Chance of each patch: every state of every attribute, real or simulated, gets its share of the training."""
    keys = []
    for patch in found:
        values = vars(patch.labels)
        world = patch.source == "simulator"
        keys.append([(name, value, world) for name, value in values.items() if value != SILENT])
    total: dict[tuple[str, int, bool], float] = {}
    for patch, names in zip(found, keys, strict=False):
        for name in names:
            total[name] = total.get(name, 0) + patch.weight
    # Few pictures of a state cannot carry a full share without being learned by heart.
    gain = {name: min(1.0, count / 60) * EMPHASIS.get(name[:2], 1.0) for name, count in total.items()}
    chance = np.array([p.weight * max(gain[n] / total[n] for n in names) for p, names in zip(found, keys, strict=False)])
    return np.asarray(chance / chance.sum())
