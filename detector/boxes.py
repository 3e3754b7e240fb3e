"""Geometry of boxes: x1, y1, x2, y2 in pixels."""

import numpy as np
import numpy.typing as npt

Boxes = npt.NDArray[np.float32]


def areas(boxes: Boxes) -> npt.NDArray[np.float32]:
    """Area of each of [n, 4] boxes -> [n]; 0 for an empty one."""
    sides: npt.NDArray[np.float32] = np.clip(boxes[:, 2:] - boxes[:, :2], 0, None)
    return np.asarray(sides[:, 0] * sides[:, 1], dtype=np.float32)


def intersections(a: Boxes, b: Boxes) -> npt.NDArray[np.float32]:
    """Common area of each pair of [n, 4] and [m, 4] boxes -> [n, m]."""
    top_left = np.maximum(a[:, None, :2], b[None, :, :2])
    bottom_right = np.minimum(a[:, None, 2:], b[None, :, 2:])
    sides = np.clip(bottom_right - top_left, 0, None)
    return np.asarray(sides[..., 0] * sides[..., 1], dtype=np.float32)


def ious(a: Boxes, b: Boxes) -> npt.NDArray[np.float32]:
    """Intersection over union of each pair -> [n, m]."""
    common = intersections(a, b)
    union = areas(a)[:, None] + areas(b)[None, :] - common
    return np.asarray(common / np.maximum(union, 1e-9), dtype=np.float32)
