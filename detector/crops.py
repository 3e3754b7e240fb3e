"""Square crops around boxes: the one way a picture reaches the attribute network, in training and at run time."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

PADDING = 114
"""Grey level outside the picture, of crops and of the finder's canvas, as the YOLO family pads."""

TALLEST = 1.1
"""Height of a head's region over its width. A toque doubles a head's height; cut around all of it, the face would be too small
to tell a slipped mask from a good one, or a collar from a cigarette. The band of the cap above the brow stays in the crop."""


# In shares of the head's width. Of 144 labelled heads in hats that a cut by a tenth to a half of their height made read as bare,
# 19 of 20 are lower than wide; of 90 bare ones at the upper edge of their picture, one of four. The finder puts the upper edge of
# 19 of 20 cut heads within 0.01 of the picture's.
AT_THE_EDGE = 0.02
WHOLE = 1.0


def is_cut_off(head: Sequence[float] | NDArray[np.float32], picture_width: int) -> bool:
    """Whether the upper edge of the picture cuts the head with box x1, y1, x2, y2 off, so that its cap may lie beyond.

    Where a side of the picture cuts it too, its shape does not tell how much is missing.
    """
    x1, y1, x2, y2 = head
    near = AT_THE_EDGE * (x2 - x1)
    return bool(y1 <= near and (y2 - y1 < WHOLE * (x2 - x1) or x1 <= near or picture_width - x2 <= near))


def head_region(box: Sequence[float] | NDArray[np.float32]) -> tuple[float, float, float, float]:
    """The part of a head's box x1, y1, x2, y2 that its crop is centred on: the lower one of a tall head."""
    x1, y1, x2, y2 = (float(v) for v in box)
    return x1, max(y1, y2 - TALLEST * (x2 - x1)), x2, y2


def crop_square(
    image: NDArray[np.uint8], box: Sequence[float] | NDArray[np.float32], scale: float, size: int
) -> NDArray[np.uint8]:
    """Cut a square of side ``scale * max(width, height)`` centred on a box and resize it.

    Args:
        image: BGR picture, uint8 [H, W, 3].
        box: x1, y1, x2, y2 in pixels of the picture; parts outside the picture are allowed.
        scale: side of the square over the box's longer side.
        size: side of the result in pixels.

    Returns:
        uint8 [size, size, 3]; what lies outside the picture is grey (PADDING).

    Raises:
        ValueError: the box has no extent or is not finite.
    """
    x1, y1, x2, y2 = (float(v) for v in box)
    longer = max(x2 - x1, y2 - y1)
    if not 0 < longer < float("inf") or not np.isfinite(x1 + y1):
        raise ValueError(f"A crop needs a box with an extent, not {[x1, y1, x2, y2]}.")
    side = max(1, round(scale * longer))
    left, top = round((x1 + x2 - side) / 2), round((y1 + y2 - side) / 2)
    height, width = image.shape[:2]
    inner_x1, inner_y1 = max(left, 0), max(top, 0)
    inner_x2, inner_y2 = min(left + side, width), min(top + side, height)
    if inner_x1 >= inner_x2 or inner_y1 >= inner_y2:
        return np.full((size, size, 3), PADDING, np.uint8)
    patch = image[inner_y1:inner_y2, inner_x1:inner_x2]
    if patch.shape[:2] != (side, side):
        above, below, before, after = inner_y1 - top, top + side - inner_y2, inner_x1 - left, left + side - inner_x2
        grey = (PADDING, PADDING, PADDING)
        patch = np.asarray(cv2.copyMakeBorder(patch, above, below, before, after, cv2.BORDER_CONSTANT, value=grey), np.uint8)
    # Averaging keeps thin things (a cigarette, a mask's edge) that sampling single pixels would lose. OpenCV averages whole
    # pixels three times as fast as parts of them, so what is large first becomes a multiple of the size: 0.3 grey levels off in
    # the mean.
    times = 1 if side <= 1.5 * size else max(2, -(-side // (2 * size)))
    crop = cv2.resize(patch, (times * size, times * size), interpolation=cv2.INTER_LINEAR)
    return np.asarray(crop if times == 1 else cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA), np.uint8)
