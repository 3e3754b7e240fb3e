"""Boxes drawn on a copy of a picture, for people to see what was found."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from detector.observation import Observation
from detector.violation import Violation

Image = npt.NDArray[np.uint8]
# BGR. Red only for what violates, so that the eye goes there first.
COLOURS = {"person": (200, 160, 40), "head": (120, 190, 60), "hand": (190, 190, 60), "cigarette": (40, 40, 220)}
VIOLATING = (40, 40, 220)
# What somebody has taught the finder besides.
OTHER = (200, 60, 200)
FONT = cv2.FONT_HERSHEY_SIMPLEX


def load_font() -> None:
    """OpenCV reads its font when it first writes something, for a tenth of a second: not while something waits to be told."""
    cv2.putText(np.zeros((8, 8, 3), np.uint8), " ", (0, 8), FONT, 1.0, VIOLATING)


def draw(image: Image, observation: Observation, violations: Sequence[Violation] = ()) -> Image:
    """A copy of the BGR picture [H, W, 3] with the boxes of the observation; those of the violations are red and named.

    The picture may be smaller than the one that was observed.
    """
    canvas = image.copy()
    scale = image.shape[1] / observation.width
    width = max(1, round(max(image.shape[:2]) / 640))
    red = {
        marked.box: f"{violation.rule.code} {violation.rule.key}"
        for violation in violations
        if violation.rule.sign is not None
        for marked in observation.marked_boxes(violation.track, violation.rule.sign.attribute)
        if marked.violating
    }
    for marked in observation.marked_boxes(None, None):
        x1, y1, x2, y2 = (round(scale * edge) for edge in marked.box)
        colour = VIOLATING if marked.box in red else COLOURS[marked.kind]
        cv2.rectangle(canvas, (x1, y1), (x2, y2), colour, width * (2 if marked.box in red else 1))
        if marked.box in red:
            _name(canvas, red[marked.box], (x1, y1), colour, width)
    for seen in (thing for thing in observation.objects if thing.name not in COLOURS):
        x1, y1, x2, y2 = (round(scale * edge) for edge in seen.box)
        cv2.rectangle(canvas, (x1, y1), (x2, y2), OTHER, width)
        _name(canvas, seen.name, (x1, y1), OTHER, width)
    return canvas


def _name(canvas: Image, words: str, corner: tuple[int, int], colour: tuple[int, int, int], width: int) -> None:
    place = (corner[0], max(corner[1] - 4 * width, 12 * width))
    cv2.putText(canvas, words, place, FONT, 0.5 * width, colour, width, cv2.LINE_AA)
