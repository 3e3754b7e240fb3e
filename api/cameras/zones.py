"""What makes a polygon a zone: at least three corners, none outside the picture, no side across another."""

from collections.abc import Sequence
from enum import StrEnum
from itertools import combinations

Corner = tuple[float, float]

FEWEST, MOST = 3, 100
# Shares of width and height: a tenth of a percent of the picture is some 50 x 40 pixels of full HD, less than a person.
SMALLEST_AREA = 0.001
# Corners come in tenths of a percent; what is nearer than a hundredth of that lies on the line.
_NEAR = 1e-5


class ZoneFlaw(StrEnum):
    TOO_FEW = "too_few"
    TOO_MANY = "too_many"
    OUTSIDE = "outside"
    CROSSING = "crossing"
    TOO_SMALL = "too_small"


def flaw_of(corners: Sequence[Corner]) -> ZoneFlaw | None:
    """The first thing that is wrong; corners are in shares of width and height."""
    if len(corners) < FEWEST:
        return ZoneFlaw.TOO_FEW
    if len(corners) > MOST:
        return ZoneFlaw.TOO_MANY
    # Written so that a number which is none (NaN) is outside too.
    if not all(0 <= x <= 1 and 0 <= y <= 1 for x, y in corners):
        return ZoneFlaw.OUTSIDE
    if _crosses_itself(corners):
        return ZoneFlaw.CROSSING
    return ZoneFlaw.TOO_SMALL if _area(corners) < SMALLEST_AREA else None


def _crosses_itself(corners: Sequence[Corner]) -> bool:
    """Sides that cross or touch, also where one runs back over the one before it."""
    number = len(corners)
    sides = [(corners[place], corners[(place + 1) % number]) for place in range(number)]
    for (one, (a, b)), (other, (c, d)) in combinations(enumerate(sides), 2):
        if other == one + 1:
            touches = _lies_on(d, a, b) or _lies_on(a, c, d)
        elif one == 0 and other == number - 1:
            touches = _lies_on(c, a, b) or _lies_on(b, c, d)
        else:
            touches = _meet(a, b, c, d)
        if touches:
            return True
    return False


def _meet(a: Corner, b: Corner, c: Corner, d: Corner) -> bool:
    if any((_lies_on(a, c, d), _lies_on(b, c, d), _lies_on(c, a, b), _lies_on(d, a, b))):
        return True
    return (_side(a, b, c) > 0) != (_side(a, b, d) > 0) and (_side(c, d, a) > 0) != (_side(c, d, b) > 0)


def _side(a: Corner, b: Corner, point: Corner) -> float:
    """On which side of the line from a to b: the sign; 0 is on it."""
    return (b[0] - a[0]) * (point[1] - a[1]) - (b[1] - a[1]) * (point[0] - a[0])


def _lies_on(point: Corner, a: Corner, b: Corner) -> bool:
    """On the piece of the line between a and b."""
    within = all(min(p, q) - _NEAR <= value <= max(p, q) + _NEAR for value, p, q in zip(point, a, b, strict=True))
    length = ((b[0] - a[0]) ** 2 + (b[1] - a[1]) ** 2) ** 0.5
    return within and abs(_side(a, b, point)) <= _NEAR * max(length, _NEAR)


def _area(corners: Sequence[Corner]) -> float:
    """Shoelace formula."""
    turned = [*corners[1:], corners[0]]
    return abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in zip(corners, turned, strict=True))) / 2
