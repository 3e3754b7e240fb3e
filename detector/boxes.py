"""Geometry of boxes: x1, y1, x2, y2 in pixels.

In plain Python: for the dozen boxes of a picture, fetching the code of an array library again takes longer than all that, since
a net has just run through the processor's caches (at 1080p 0.2 ms instead of 0.4 a look, of the finder's boxes alone).
"""

from collections.abc import Iterable

Box = tuple[float, float, float, float]


def area(box: Box) -> float:
    """0 for an empty one."""
    x1, y1, x2, y2 = box
    return max(0.0, x2 - x1) * max(0.0, y2 - y1)


def common_area(a: Box, b: Box) -> float:
    return area((max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])))


def iou(a: Box, b: Box) -> float:
    """Intersection over union; 0 of two empty ones."""
    common = common_area(a, b)
    return common / max(area(a) + area(b) - common, 1e-9)


def centre_inside(inner: Box, outer: Box) -> bool:
    x, y = (inner[0] + inner[2]) / 2, (inner[1] + inner[3]) / 2
    return outer[0] <= x <= outer[2] and outer[1] <= y <= outer[3]


def square_around(box: Box, scale: float) -> Box:
    """The square with the box's centre and `scale` times its longer side."""
    x1, y1, x2, y2 = box
    half = scale * max(x2 - x1, y2 - y1) / 2
    x, y = (x1 + x2) / 2, (y1 + y2) / 2
    return x - half, y - half, x + half, y + half


def cheapest_pairs(costs: Iterable[tuple[float, int, int]], each: int = 1) -> dict[int, int]:
    """Of possible pairs (cost, one, other), the cheapest first: whom each one goes with, and no other more than `each` times."""
    pairs: dict[int, int] = {}
    taken: dict[int, int] = {}
    for _, one, other in sorted(costs):
        if one not in pairs and taken.get(other, 0) < each:
            pairs[one] = other
            taken[other] = taken.get(other, 0) + 1
    return pairs
