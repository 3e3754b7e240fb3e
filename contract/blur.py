"""How faces are made unrecognisable, wherever it is done: at the centre for all that leaves the review, at the edge for what it
sends now and then. What is left of a face is a few averages: nothing can be computed back from them, whatever is known about how
they were made."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from contract.evidence import MarkedBox

BLOCKS = 8  # across the region of a face, in width and in height
# A head's box is drawn by a detector: an ear or a chin may stick out.
_MARGIN = 0.15
_UPPER = 1 / 3
# Somebody of whom only the upper body is in the picture has a face taller than a third of that box.
_OF_WIDTH = 0.6

Region = tuple[float, float, float, float]
Picture = NDArray[np.uint8]


def hide_faces(picture: Picture, boxes: Sequence[MarkedBox], spare_violating: bool = False) -> None:
    """In place, `picture` being height x width x 3. Where regions overlap, the smaller is averaged once more, out of the larger
    one's blocks."""
    for x1, y1, x2, y2 in sorted(regions_of(boxes, spare_violating), key=_area, reverse=True):
        part = picture[max(0, int(y1)) : max(0, int(np.ceil(y2))), max(0, int(x1)) : max(0, int(np.ceil(x2)))]
        if not part.size:
            continue
        height, width = part.shape[:2]
        block = -(-max(height, width) // BLOCKS)
        blocks = (-(-width // block), -(-height // block))
        averages = cv2.resize(part, blocks, interpolation=cv2.INTER_AREA)
        part[:] = cv2.resize(averages, (width, height), interpolation=cv2.INTER_NEAREST)


def regions_of(boxes: Sequence[MarkedBox], spare_violating: bool = False) -> list[Region]:
    """Every head, with a margin; of a person whose head was not found, the upper third. Heads that violate may be spared."""
    heads = [box.box for box in boxes if box.kind == "head"]
    people = [box.box for box in boxes if box.kind == "person"]
    of_somebody = {_whose(head, people) for head in heads}
    headless = [person for place, person in enumerate(people) if place not in of_somebody]
    hidden = [box.box for box in boxes if box.kind == "head" and not (spare_violating and box.violating)]
    return [_widened(head) for head in hidden] + [_upper_part(person) for person in headless]


def _whose(head: Region, people: Sequence[Region]) -> int | None:
    """One person at most: who stands behind has a head of their own, found or not."""
    x, y = (head[0] + head[2]) / 2, (head[1] + head[3]) / 2
    around = [place for place, (x1, y1, x2, y2) in enumerate(people) if x1 <= x <= x2 and y1 <= y <= y2]
    return min(around, key=lambda place: abs(people[place][1] - head[1]), default=None)


def _widened(head: Region) -> Region:
    x1, y1, x2, y2 = head
    aside, above = _MARGIN * (x2 - x1), _MARGIN * (y2 - y1)
    return x1 - aside, y1 - above, x2 + aside, y2 + above


def _upper_part(person: Region) -> Region:
    x1, y1, x2, y2 = person
    return x1, y1, x2, y1 + min(y2 - y1, max(_UPPER * (y2 - y1), _OF_WIDTH * (x2 - x1)))


def _area(region: Region) -> float:
    return (region[2] - region[0]) * (region[3] - region[1])
