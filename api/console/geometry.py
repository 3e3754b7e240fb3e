"""Where to look in a picture: the box that a case is about, and the cut-out around its person."""

from collections.abc import Sequence
from dataclasses import dataclass

from api.cases.spots import area
from contract.base import Box
from contract.evidence import MarkedBox

# A person stands about this share of the cut-out's height: feet, hands and a little of the surroundings stay visible.
_PERSON_SHARE = 0.8
# Around a head or hand, the cut-out is this many times as large: about the upper body, large enough to see a mask on it.
_AROUND_PART = 4.0
# Smaller cut-outs show blocks of pixels, not people.
_MIN_SIDE_PX = 96.0


@dataclass(frozen=True)
class Window:
    """A rectangle in pixels of the original frame, inside the frame."""

    x: float
    y: float
    width: float
    height: float

    @property
    def view_box(self) -> str:
        return f"{self.x:.0f} {self.y:.0f} {self.width:.0f} {self.height:.0f}"


def close_up(boxes: Sequence[MarkedBox], frame_width: int, frame_height: int, aspect: float) -> Window | None:
    """The window of `aspect` (width / height) on what a case is about; None where no box is marked as violating.

    A head or a hand with what is around it, otherwise the whole person that the marked box belongs to.
    """
    target = _target(boxes)
    if target is None:
        return None
    x1, y1, x2, y2 = target.box
    if target.kind == "head":
        # Down to the shoulders, so that the head comes to lie above the middle.
        return _window((x1, y1, x2, y2 + (y2 - y1)), _AROUND_PART / 2, frame_width, frame_height, aspect)
    person = None if target.kind == "hand" else _person_of(target, boxes)
    if person is None:
        return _window(target.box, _AROUND_PART, frame_width, frame_height, aspect)
    return _window(person.box, 1 / _PERSON_SHARE, frame_width, frame_height, aspect)


def _target(boxes: Sequence[MarkedBox]) -> MarkedBox | None:
    return next((box for box in boxes if box.violating), None)


def _window(box: Box, scale: float, frame_width: int, frame_height: int, aspect: float) -> Window:
    x1, y1, x2, y2 = box
    height = max((y2 - y1) * scale, (x2 - x1) * scale / aspect, _MIN_SIDE_PX)
    height = min(height, frame_height, frame_width / aspect)
    width = height * aspect
    x = min(max((x1 + x2 - width) / 2, 0), frame_width - width)
    y = min(max((y1 + y2 - height) / 2, 0), frame_height - height)
    return Window(x, y, width, height)


def _person_of(target: MarkedBox, boxes: Sequence[MarkedBox]) -> MarkedBox | None:
    """The smallest person box that holds the middle of the target."""
    if target.kind == "person":
        return target
    x, y = (target.box[0] + target.box[2]) / 2, (target.box[1] + target.box[3]) / 2
    around = [box for box in boxes if box.kind == "person" and _holds(box.box, x, y)]
    return min(around, key=lambda box: area(box.box), default=None)


def _holds(box: Box, x: float, y: float) -> bool:
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]
