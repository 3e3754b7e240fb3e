"""Patches for the attribute network: where heads and hands are cut, and what each of them teaches."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.crops import PADDING, head_region, is_cut_off
from models.augment import Image
from models.boxes import Boxes, centres_inside, faces_in_heads, intersections, ious
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
    Picture,
)
from models.pseudo import HAND, HEAD, Targets
from models.publish import CROP, STATES
from models.teachers import Opinion

MARGIN = 1.5
"""patches are cut this much wider than the crop, as room for shifts and turns"""
LARGEST = 168
"""side of a kept patch in pixels; a crop of 96 never needs more than 96 * MARGIN and some"""
# Helmets are 40 % of the public hats and worn in no kitchen: they must not define what a cap is. Under a tall toque the face is
# small and low in the crop, and looks to the net like a mask that has slipped.
HAT_WEIGHTS = {"helmet": 0.3, "swim cap": 0.5, "hairnet/bouffant/surgical": 2.0, "toque": 2.5}
WHOLE = ("cap", "mask", "glove")
"""attributes that are read from the crop as a whole; smoking is read from a map of cells"""
UNKNOWN = {name: STATES[name].index("unknown") for name in WHOLE}
SILENT = -1


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
        told = {name: UNKNOWN[name] for name in WHOLE if getattr(self, name) != SILENT}
        return Labels(**told, readable=0 if self.readable != SILENT else SILENT)


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
    group: str
    """of the picture: one scene or person"""
    scale: float
    """pixels of the original picture per patch pixel"""
    weight: float = 1.0


def patches(
    picture: Picture, targets: Targets, opinion: Opinion | None, no_cigarette: bool, seed: np.random.SeedSequence
) -> list[Patch]:
    """Cut every head and hand of which something is known, and some places that are neither. Raises DataError if it is torn."""
    rng = np.random.default_rng(seed)
    image = picture.read()
    cigarettes = picture.of(CIGARETTE)
    found = []
    for head, labels, weight in _heads(picture, targets, opinion, no_cigarette):
        region = np.array(head_region(head), np.float32)
        found.append(_patch(image, head, CROP.head_scale, cigarettes, labels, picture, weight, region))
    for hand, labels in _hands(picture, targets):
        found.append(_patch(image, hand, CROP.hand_scale, cigarettes, labels, picture, 1.0))
    found.extend(_elsewhere(image, picture, targets, cigarettes, rng))
    return [p for p in found if p.pixels >= 6]


def _heads(
    picture: Picture, targets: Targets, opinion: Opinion | None, no_cigarette: bool
) -> Iterable[tuple[NDArray[np.float32], Labels, float]]:
    given = np.isin(picture.classes, HEADS)
    faces = np.isin(picture.classes, FACES)
    for head in targets.of(HEAD):
        labels, weight = Labels(), 1.0
        overlap = np.where(given, ious(head[None], picture.boxes)[0], 0)
        if picture.tells_of(HEADS) and overlap.max(initial=0) >= 0.4:
            best = int(overlap.argmax())
            if picture.classes[best] == HEAD_HAT:
                labels = replace(labels, cap=0)
            elif not is_cut_off(head, picture.size[0]):  # the detector does not tell either that such a head is bare
                labels = replace(labels, cap=1)
            kind = picture.hat_kinds[best] if best < len(picture.hat_kinds) else None
            weight = HAT_WEIGHTS.get(kind or "", 1.0)
        inside = faces_in_heads(picture.boxes, head[None])[:, 0] & faces
        if picture.tells_of(FACES) and inside.any():
            state = picture.classes[int(np.argmax(inside))]
            labels = replace(labels, mask={FACE_MASK: 0, FACE_NO_MASK: 1, MASK_WRONG: 2}[int(state)], readable=1)
        elif (ious(head[None], picture.backs) >= 0.5).any() or (
            set(FACES) <= picture.annotated
            and (opinion is None or not centres_inside(opinion.face[:, :4], head[None]).any())
            and not (ious(head[None], picture.no_backs) >= 0.5).any()
        ):
            # A back of a head: a person has seen it, or the picture is labelled through, and no teacher sees a face either.
            labels = replace(labels, mask=UNKNOWN["mask"], readable=0)
        if CIGARETTE in picture.annotated:
            near = centres_inside(picture.of(CIGARETTE), _square(np.array(head_region(head)), CROP.head_scale)[None]).any()
            labels = replace(labels, smoking=int(near), readable=1 if near or labels.readable != 0 else 0)
        elif (ious(head[None], picture.smokers) >= 0.4).any():
            labels = replace(labels, smoking=1, readable=1)
        elif no_cigarette or labels.mask == 0 or (ious(head[None], picture.non_smokers) >= 0.4).any():
            labels = replace(labels, smoking=0)  # nobody smokes through a mask
        if labels != Labels():
            yield head, labels, weight


def _hands(picture: Picture, targets: Targets) -> Iterable[tuple[NDArray[np.float32], Labels]]:
    """Bare or gloved, with a cigarette or without; and what looks like a hand and is none."""
    cigarettes = picture.of(CIGARETTE)
    for hand in targets.of(HAND):
        bare, gloved = ((ious(hand[None], picture.of(label)) >= 0.5).any() for label in (HAND_BARE, HAND_GLOVE))
        labels = Labels(glove=1 if bare else 0 if gloved else SILENT)
        square = _square(hand, CROP.hand_scale)[None]
        if CIGARETTE in picture.annotated:
            held = centres_inside(cigarettes, square).any()
            if held or not intersections(cigarettes, square).any():  # of a cigarette that only reaches in nothing is taught
                labels = replace(labels, smoking=int(held), readable=1)
        elif (ious(hand[None], picture.smoking_hands) >= 0.5).any():
            labels = replace(labels, smoking=1, readable=1)
        elif gloved or (ious(hand[None], picture.empty_hands) >= 0.5).any():
            labels = replace(labels, smoking=0, readable=1)
        if labels != Labels():
            yield hand, labels
    for place in picture.no_hands:
        yield place, Labels(glove=UNKNOWN["glove"])


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
        if intersections(_square(box, 1.2)[None], busy).sum() > 0.1 * side * side:
            continue
        labels = Labels(**UNKNOWN, readable=0)
        if annotated:
            near = bool(centres_inside(cigarettes, _square(box, CROP.head_scale)[None]).any())
            labels = replace(labels, smoking=int(near), readable=1 if near else 0)
        yield _patch(image, box, CROP.head_scale, cigarettes, labels, picture, 1.0)


def _square(box: NDArray[np.float32], scale: float) -> NDArray[np.float32]:
    centre, half = (box[:2] + box[2:]) / 2, scale * (box[2:] - box[:2]).max() / 2
    return np.concatenate([centre - half, centre + half]).astype(np.float32)


def _patch(
    image: Image,
    box: NDArray[np.float32],
    scale: float,
    cigarettes: Boxes,
    labels: Labels,
    picture: Picture,
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
    out = np.full((side, side, 3), PADDING, np.uint8)
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
    near = cigarettes[intersections(cigarettes, square[None])[:, 0] > 0]
    return Patch(
        out,
        float((region[2:] - region[:2]).max()),
        ((box - offset) * factor).astype(np.float32),
        ((near - offset) * factor).astype(np.float32),
        labels,
        picture.source,
        picture.group,
        1 / factor,
        weight,
    )
