"""What is really in a frame, read from the id buffer."""

from dataclasses import asdict, dataclass

import numpy as np

from simulator.geometry import Part
from simulator.people import Wear

Box = tuple[int, int, int, int]
HEAD_PARTS = (Part.HEAD, Part.FACE, Part.HAIR, Part.CAP, Part.MASK)
PERSON_PARTS = (*HEAD_PARTS, Part.BODY, Part.SKIN, Part.HAND_LEFT, Part.HAND_RIGHT)
FACE_PARTS = (Part.FACE, Part.MASK)
# A face that shows less than this share of its head is not "turned to the camera".
FACE_SHARE = 0.2
# Of a head or hand, so much must be in sight for a box that says where it is.
MIN_VISIBLE = {"head": 0.35, "hand": 0.35}
MIN_PIXELS = {"head": 24, "hand": 10, "person": 60, "cigarette": 3}


@dataclass(frozen=True)
class HandTruth:
    side: str
    box: Box
    glove: str
    pixels: int


@dataclass(frozen=True)
class PersonTruth:
    """One figure in one frame. Boxes are x1, y1, x2, y2 (end exclusive) around visible pixels, None if not visible."""

    figure: int
    box: Box
    head: Box | None
    face: Box | None
    cap: str
    cap_kind: str | None
    mask: str
    smoking: bool
    hands: tuple[HandTruth, ...]
    cigarette: Box | None

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def box_of(mask: np.ndarray) -> Box | None:
    """Smallest box around the true pixels."""
    ys, xs = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if len(ys) == 0:
        return None
    return int(xs[0]), int(ys[0]), int(xs[-1]) + 1, int(ys[-1]) + 1


def person_truth(ids: np.ndarray, number: int, wear: Wear, whole: dict[int, int]) -> PersonTruth | None:
    """The truth of figure ``number`` in ``ids`` [h, w]; ``whole`` is what each part shows with nothing before it
    (from :func:`simulator.render.draw_figure`). None if the figure is not visible."""
    mine = (ids >> 4) == number
    part = np.where(mine, ids & 15, 0)
    box = box_of(np.isin(part, PERSON_PARTS))
    if box is None or int(mine.sum()) < MIN_PIXELS["person"]:
        return None
    head_pixels = np.isin(part, HEAD_PARTS)
    head_whole = sum(whole.get(int(p), 0) for p in HEAD_PARTS)
    head = face = None
    if head_pixels.sum() >= max(MIN_PIXELS["head"], MIN_VISIBLE["head"] * head_whole):
        head = box_of(head_pixels)
        face_pixels = np.isin(part, FACE_PARTS)
        if face_pixels.sum() >= FACE_SHARE * head_whole:
            face = box_of(face_pixels)
    hands = []
    for side, hand, glove in (("left", Part.HAND_LEFT, wear.gloves[0]), ("right", Part.HAND_RIGHT, wear.gloves[1])):
        pixels = part == hand
        if pixels.sum() >= max(MIN_PIXELS["hand"], MIN_VISIBLE["hand"] * whole.get(int(hand), 0)):
            hand_box = box_of(pixels)
            if hand_box is not None:
                hands.append(HandTruth(side, hand_box, "missing" if glove is None else "worn", int(pixels.sum())))
    cigarette_pixels = part == Part.CIGARETTE
    cigarette = box_of(cigarette_pixels) if cigarette_pixels.sum() >= MIN_PIXELS["cigarette"] else None
    mask = "missing" if wear.mask is None else "worn" if wear.mask_state == "worn" else "wrong"
    return PersonTruth(number, box, head, face, "missing" if wear.cap is None else "worn",
                       None if wear.cap is None else wear.cap.kind, mask, wear.smoking is not None, tuple(hands), cigarette)
