"""What a camera shows, to be looked at by people and no evidence: small, and without faces before it leaves the edge."""

from collections.abc import Sequence

import cv2
import numpy as np

from contract.blur import Picture, hide_faces
from contract.evidence import MarkedBox

# 20 to 60 kB for a kitchen of 640 x 360.
_JPEG_QUALITY = 75


def shown(image: Picture, boxes: Sequence[MarkedBox], side_px: int) -> bytes:
    """A JPEG of `image`, which stays as it is, with at most `side_px` a side; `boxes` are people and heads in pixels of it.

    Raises ValueError.
    """
    height, width = image.shape[:2]
    scale = min(1.0, side_px / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8) if scale < 1 else image.copy()
    hide_faces(small, [_scaled(box, scale) for box in boxes])
    written, content = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    if not written:
        raise ValueError(f"A picture of {image.shape} could not be written as JPEG.")
    return content.tobytes()


def _scaled(box: MarkedBox, scale: float) -> MarkedBox:
    x1, y1, x2, y2 = box.box
    return box.model_copy(update={"box": (x1 * scale, y1 * scale, x2 * scale, y2 * scale)})
