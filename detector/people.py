"""Which head and which hands belong to which person."""

import numpy as np
import numpy.typing as npt

from detector.boxes import areas, intersections

# A hand reaches out of the box that the finder draws around its person, by about a hand's length.
REACH = 0.15
# At least so much of a head lies in its person's box; heads that stick out of a tight box are still theirs.
HEAD_SHARE = 0.6
HAND_SHARE = 0.5
HANDS_EACH = 2


def assign_heads(people: npt.NDArray[np.float32], heads: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """For each head of [m, 4] the index of its person in [n, 4], or -1. One head each: the best-placed one first.

    A head belongs where most of it lies in the person's box and sits highest in it: of two overlapping people, the one whose
    top edge is nearest to the head's.
    """
    owners = np.full(len(heads), -1, dtype=np.int64)
    if not len(people) or not len(heads):
        return owners
    inside = intersections(heads, people) / np.maximum(areas(heads)[:, None], 1e-9)
    heights = np.maximum(people[:, 3] - people[:, 1], 1e-9)
    below_top = np.abs(heads[:, None, 1] - people[None, :, 1]) / heights[None, :]
    cost = np.where(inside >= HEAD_SHARE, below_top + (1 - inside), np.inf)
    _take_cheapest(cost, owners, 1)
    return owners


def assign_hands(people: npt.NDArray[np.float32], hands: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """For each hand of [m, 4] the index of its person in [n, 4], or -1; two hands each.

    A hand belongs where it lies in the person's box grown by the reach of an arm; of several, where it is most central.
    """
    owners = np.full(len(hands), -1, dtype=np.int64)
    if not len(people) or not len(hands):
        return owners
    sides = people[:, 2:] - people[:, :2]
    grown = np.concatenate([people[:, :2] - REACH * sides, people[:, 2:] + REACH * sides], axis=1).astype(np.float32)
    inside = intersections(hands, grown) / np.maximum(areas(hands)[:, None], 1e-9)
    centres = (hands[:, None, :2] + hands[:, None, 2:]) / 2
    middles = (people[None, :, :2] + people[None, :, 2:]) / 2
    off_centre = np.abs((centres - middles) / np.maximum(sides[None], 1e-9)).max(axis=2)
    cost = np.where(inside >= HAND_SHARE, off_centre, np.inf)
    _take_cheapest(cost, owners, HANDS_EACH)
    return owners


def _take_cheapest(cost: npt.NDArray[np.floating], owners: npt.NDArray[np.int64], each: int) -> None:
    taken = np.zeros(cost.shape[1], dtype=np.int64)
    for flat in np.argsort(cost, axis=None, kind="stable"):
        part, person = divmod(int(flat), cost.shape[1])
        if not np.isfinite(cost[part, person]):
            break
        if owners[part] < 0 and taken[person] < each:
            owners[part] = person
            taken[person] += 1
