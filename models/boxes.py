"""Many boxes at once, of faces, heads and labels: float32 [n, 4] arrays of x1, y1, x2, y2 in pixels."""

import cv2
import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float32]


def areas(boxes: Boxes) -> NDArray[np.float32]:
    """Area of each of [n, 4] boxes -> [n]; 0 for an empty one."""
    sides: NDArray[np.float32] = np.clip(boxes[:, 2:] - boxes[:, :2], 0, None)
    return np.asarray(sides[:, 0] * sides[:, 1], dtype=np.float32)


def intersections(a: Boxes, b: Boxes) -> NDArray[np.float32]:
    """Common area of each pair of [n, 4] and [m, 4] boxes -> [n, m]."""
    top_left = np.maximum(a[:, None, :2], b[None, :, :2])
    bottom_right = np.minimum(a[:, None, 2:], b[None, :, 2:])
    sides = np.clip(bottom_right - top_left, 0, None)
    return np.asarray(sides[..., 0] * sides[..., 1], dtype=np.float32)


def ious(a: Boxes, b: Boxes) -> NDArray[np.float32]:
    """Intersection over union of each pair -> [n, m]."""
    common = intersections(a, b)
    union = areas(a)[:, None] + areas(b)[None, :] - common
    return np.asarray(common / np.maximum(union, 1e-9), dtype=np.float32)


def centres_inside(inner: Boxes, outer: Boxes) -> NDArray[np.bool_]:
    """Whether the centre of each inner box lies in each outer box, [len(inner), len(outer)]."""
    centre = (inner[:, None, :2] + inner[:, None, 2:]) / 2
    return np.asarray(((centre >= outer[None, :, :2]) & (centre <= outer[None, :, 2:])).all(2))


def faces_in_heads(faces: Boxes, heads: Boxes) -> NDArray[np.bool_]:
    """The matching rule of the evaluation, [faces, heads].

    A head matches a face when the face's centre lies in it and its area is 0.4 to 6 times the face's.
    """
    ratio = areas(heads)[None] / np.maximum(areas(faces)[:, None], 1e-9)
    return centres_inside(faces, heads) & (ratio >= 0.4) & (ratio <= 6)


def head_from_face(faces: Boxes) -> Boxes:
    """Grow face boxes to whole heads.

    The shares were set by eye on labelled faces: the head reaches 0.45 face heights higher, 0.15 widths to each side
    and 0.05 heights lower.
    """
    w, h = (faces[:, 2] - faces[:, 0])[:, None], (faces[:, 3] - faces[:, 1])[:, None]
    return np.asarray(faces + np.hstack([-0.15 * w, -0.45 * h, 0.15 * w, 0.05 * h]), np.float32)


def face_in_head(heads: Boxes) -> Boxes:
    """The face of a head that looks this way: what `head_from_face` grows to that head."""
    w, h = (heads[:, 2] - heads[:, 0])[:, None] / 1.3, (heads[:, 3] - heads[:, 1])[:, None] / 1.5
    return np.asarray(heads + np.hstack([0.15 * w, 0.45 * h, -0.15 * w, -0.05 * h]), np.float32)


def keep_best(boxes: Boxes, scores: NDArray[np.float32], overlap: float) -> NDArray[np.int64]:
    """Greedy non-maximum suppression: indices of the boxes to keep, best first."""
    if not len(boxes):
        return np.zeros(0, np.int64)
    corner = boxes.copy()
    corner[:, 2:] -= corner[:, :2]
    kept = cv2.dnn.NMSBoxes(corner.tolist(), scores.tolist(), 0.0, overlap)
    return np.asarray(kept, np.int64).reshape(-1)


def relative(boxes: Boxes, size: tuple[int, int]) -> list[list[float]]:
    """Boxes [n, 4] as labels have them: cx, cy, w, h as parts of a picture of ``size`` (width, height)."""
    centre, extent = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    rows: list[list[float]] = np.round(np.concatenate([centre, extent], 1) / np.array([*size, *size]), 6).tolist()
    return rows
