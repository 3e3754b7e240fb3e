"""Stage 1: people, heads, hands and cigarettes in the whole picture."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from detector.boxes import Box, area, common_area
from detector.card import ModelCard, ModelError
from detector.crops import PADDING
from detector.observation import SeenObject
from detector.providers import PROCESSOR, Provider, Shapes
from detector.session import OnRun, Session

Image = npt.NDArray[np.uint8]
STRIDE = 32  # of the coarsest feature map
NEEDED = frozenset({"person", "head", "hand", "cigarette"})
# Canvases that are kept: a worker's cameras have one or two sizes, a folder of photographs has any.
MOST_CANVASES = 8
# In one run, where that gains anything; cameras of the usual shape.
MOST_PICTURES, USUAL_SHAPE = 4, (16, 9)
# A hand is often found twice, with and without its wrist, a cigarette with and without its tip, a head with and without what is
# on it, somebody behind a worktop with and without legs. Each is one thing, the surest box of it.
NESTED = 0.65
"""share of the smaller box that lies in the other one"""
SAME_ENDS = 0.15
"""of people, who do stand in front of one another: by how much of their box the tops and sides of both may differ, at most"""


@dataclass(frozen=True, slots=True)
class Fit:
    """How a picture lies on the net's canvas: scaled by `scale`, its corner at `left`, `top`; all in canvas pixels."""

    scale: float
    left: int
    top: int
    width: int
    height: int


def canvas_for(width: int, height: int, long_side: int) -> tuple[int, int]:
    """The canvas (width, height) in the picture's own shape: the longer side `long_side`, the other rounded up to the stride."""
    scale = long_side / max(width, height)
    return (
        -(-max(1, round(width * scale)) // STRIDE) * STRIDE,
        -(-max(1, round(height * scale)) // STRIDE) * STRIDE,
    )


def fit(width: int, height: int, canvas: tuple[int, int]) -> Fit:
    """Where a picture of this size lies in the middle of a canvas (width, height), as large as it fits."""
    scale = min(canvas[0] / width, canvas[1] / height)
    inner = (max(1, round(width * scale)), max(1, round(height * scale)))
    return Fit(scale, (canvas[0] - inner[0]) // 2, (canvas[1] - inner[1]) // 2, *inner)


def lay(image: Image, canvas: Image, place: Fit) -> None:
    """Write the picture [H, W, 3], scaled, into a canvas [h, w, 3] that is already grey."""
    inner = canvas[place.top : place.top + place.height, place.left : place.left + place.width]
    # At an odd multiple, as of 1080p, a sample falls on the middle of a pixel: the same bytes in two thirds of the time.
    down, across = (large / small for large, small in zip(image.shape, (place.height, place.width), strict=False))
    method = cv2.INTER_NEAREST_EXACT if down % 2 == across % 2 == 1 else cv2.INTER_LINEAR
    cv2.resize(image, (place.width, place.height), dst=inner, interpolation=method)


class Finder:
    def __init__(
        self, card: ModelCard, weights: bytes, threads: int = 1, on_run: OnRun | None = None, provider: Provider = PROCESSOR
    ) -> None:
        """Raises ModelError if the card is not that of a finder, or the weights are not the card's; ProviderError."""
        self.classes = card.classes.get("detections", [])
        least = card.thresholds.score
        if (
            not set(self.classes) >= NEEDED
            or not set(self.classes) <= least.keys()
            or [output.name for output in card.outputs] != ["detections"]
            or card.long_side is None
        ):
            raise ModelError(
                f"The card of {card.name} is not that of a finder: it must have one output `detections` with the classes "
                f"{', '.join(sorted(NEEDED))}, a score threshold for each class, and `long_side`."
            )
        usual = canvas_for(*USUAL_SHAPE, card.long_side)
        shapes = Shapes(
            (1, STRIDE, STRIDE, 3), (1, usual[1], usual[0], 3), (MOST_PICTURES, card.long_side, card.long_side, 3)
        )
        self._session = Session(card, weights, threads, on_run, provider, shapes)
        self._in_batches = provider.in_batches
        self._least = {number: least[name] for number, name in enumerate(self.classes)}
        self._long_side = card.long_side
        # Grey already around the place where the picture goes, which is the same for all pictures of a size.
        self._canvases: dict[tuple[tuple[int, int], Fit], Image] = {}

    def find(self, images: Sequence[Image]) -> list[list[SeenObject]]:
        """What is in BGR uint8 pictures [H, W, 3] of any sizes, the surest first; boxes in pixels of the picture.

        One after the other: a processor gains nothing from several in one run (measured: 0.96 to 1.14 of the time each), which
        only makes it keep several times the memory. On a graphics card those of one shape are looked at together.
        """
        if not self._in_batches:
            return [found for image in images for found in self._find([image])]
        by_canvas: dict[tuple[int, int], list[int]] = {}
        for index, image in enumerate(images):
            by_canvas.setdefault(canvas_for(image.shape[1], image.shape[0], self._long_side), []).append(index)
        found_at: dict[int, list[SeenObject]] = {}
        for indices in by_canvas.values():
            for start in range(0, len(indices), MOST_PICTURES):
                batch = indices[start : start + MOST_PICTURES]
                found_at |= zip(batch, self._find([images[index] for index in batch]), strict=True)
        return [found_at[index] for index in range(len(images))]

    def _find(self, images: Sequence[Image]) -> list[list[SeenObject]]:
        """Of pictures that share a canvas size."""
        places, canvases = [], []
        for image in images:
            canvas, place = self._lay(image)
            places.append(place)
            canvases.append(canvas if len(images) == 1 else canvas.copy())  # the next one may be laid into the same
        (detections,) = self._session.run(canvases[0] if len(images) == 1 else np.concatenate(canvases))
        return [self._read(*one) for one in zip(detections, places, (image.shape for image in images), strict=True)]

    def _lay(self, image: Image) -> tuple[Image, Fit]:
        """The picture on its canvas [1, H, W, 3], which is kept for the next one of its shape."""
        height, width = image.shape[:2]
        canvas = canvas_for(width, height, self._long_side)
        place = fit(width, height, canvas)
        kept = self._canvases.get((canvas, place))
        if kept is None:
            if len(self._canvases) >= MOST_CANVASES:
                self._canvases.clear()
            kept = self._canvases[canvas, place] = np.full((1, canvas[1], canvas[0], 3), PADDING, dtype=np.uint8)
        lay(image, kept[0], place)
        return kept, place

    def _read(self, rows: npt.NDArray[np.float32], place: Fit, shape: tuple[int, ...]) -> list[SeenObject]:
        """Rows of x1, y1, x2, y2, score, class; boxes in pixels of the canvas."""
        height, width = shape[:2]
        across, down = width / place.width, height / place.height
        found: list[SeenObject] = []
        told = rows[rows[:, 4] >= min(self._least.values())].tolist()
        for x1, y1, x2, y2, score, number in sorted(told, key=lambda row: -row[4]):
            if score < self._least.get(int(number), math.inf):
                continue
            box = (
                min(max((x1 - place.left) * across, 0.0), width), min(max((y1 - place.top) * down, 0.0), height),
                min(max((x2 - place.left) * across, 0.0), width), min(max((y2 - place.top) * down, 0.0), height),
            )
            one = SeenObject(self.classes[int(number)], box, score)
            is_real = box[2] - box[0] >= 1 and box[3] - box[1] >= 1
            if is_real and not any(_is_the_same(one, other) for other in found if other.name == one.name):
                found.append(one)
        return found


def _is_the_same(one: SeenObject, other: SeenObject) -> bool:
    nested = common_area(one.box, other.box) >= NESTED * min(area(one.box), area(other.box))
    return nested and (one.name != "person" or _has_the_same_ends(one.box, other.box))


def _has_the_same_ends(one: Box, other: Box) -> bool:
    """At the left, the right and the top."""
    width = max(one[2] - one[0], other[2] - other[0])
    height = min(one[3] - one[1], other[3] - other[1])
    sides = max(abs(one[0] - other[0]), abs(one[2] - other[2]))
    return sides <= SAME_ENDS * width and abs(one[1] - other[1]) <= SAME_ENDS * height
