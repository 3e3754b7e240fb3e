"""Which head and which hands belong to which person."""

from collections.abc import Sequence

from detector.boxes import Box, area, cheapest_pairs, common_area

# A hand reaches out of the box that the finder draws around its person, by about a hand's length.
REACH = 0.15
# At least so much of a head lies in its person's box; heads that stick out of a tight box are still theirs.
HEAD_SHARE = 0.6
HAND_SHARE = 0.5
HANDS_EACH = 2


def assign_heads(people: Sequence[Box], heads: Sequence[Box]) -> dict[int, int]:
    """The index of a head to that of its person, if it has one. One head each: the best-placed one first.

    A head belongs where most of it lies in the person's box and sits highest in it: of two overlapping people, the one whose
    top edge is nearest to the head's.
    """
    costs: list[tuple[float, int, int]] = []
    for i, head in enumerate(heads):
        for j, person in enumerate(people):
            inside = _inside(head, person)
            if inside >= HEAD_SHARE:
                below_top = abs(head[1] - person[1]) / max(person[3] - person[1], 1e-9)
                costs.append((below_top + (1 - inside), i, j))
    return cheapest_pairs(costs)


def assign_hands(people: Sequence[Box], hands: Sequence[Box]) -> dict[int, int]:
    """The index of a hand to that of its person, if it has one; two hands each.

    A hand belongs where it lies in the person's box grown by the reach of an arm; of several, where it is most central.
    """
    costs: list[tuple[float, int, int]] = []
    for j, (x1, y1, x2, y2) in enumerate(people):
        across, down = x2 - x1, y2 - y1
        grown = (x1 - REACH * across, y1 - REACH * down, x2 + REACH * across, y2 + REACH * down)
        for i, hand in enumerate(hands):
            if _inside(hand, grown) >= HAND_SHARE:
                off_x = abs(hand[0] + hand[2] - x1 - x2) / 2 / max(across, 1e-9)
                off_y = abs(hand[1] + hand[3] - y1 - y2) / 2 / max(down, 1e-9)
                costs.append((max(off_x, off_y), i, j))
    return cheapest_pairs(costs, HANDS_EACH)


def _inside(part: Box, whole: Box) -> float:
    """The share of it."""
    return common_area(part, whole) / max(area(part), 1e-9)
