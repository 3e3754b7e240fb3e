"""Whether the fast weights mean the same as the exact ones on this machine: without VNNI instructions 8-bit sums may overflow,
and nothing else would tell."""

from collections.abc import Sequence

import numpy as np

from detector.boxes import iou
from detector.crops import head_region
from detector.finder import Image
from detector.pipeline import Detector

# Boxes that the exact weights are sure of; the share of them that the fast ones must find, and how well. Measured on kitchens:
# healthy weights put boxes with IoU 0.94 to 0.98 and miss none of the sure ones, overflowing ones shift boxes by a head's width.
SURE, SAME_BOX_IOU, FOUND = 0.5, 0.7, 0.8
# Mean difference of probabilities: 0.007 where all is well, tenths where it is not.
MOST_DIFFERENCE = 0.05


def disagreement(exact: Detector, fast: Detector, images: Sequence[Image]) -> str | None:
    """In what they differ on these BGR pictures [H, W, 3], in words for the log; None where they agree."""
    sure, found, crops = 0, 0, []
    for image, one, other in zip(images, exact.finder.find(images), fast.finder.find(images), strict=True):
        for thing in (thing for thing in one if thing.score >= SURE):
            sure += 1
            found += any(thing.name == again.name and iou(thing.box, again.box) >= SAME_BOX_IOU for again in other)
            if thing.name == "head":
                crops += exact.reader.cut(image, [head_region(thing.box)], exact.reader.crop.head_scale)
    if found < FOUND * sure:
        return f"of {sure} sure boxes only {found} are found"
    if not crops:
        return None
    pairs = list(zip(exact.reader.read(crops), fast.reader.read(crops), strict=True))
    differences = [
        abs(a.score - b.score) for one, other in pairs for a, b in ((one.cap, other.cap), (one.mask, other.mask))
    ]
    mean = float(np.mean(differences))
    # Where half precision overflows on a graphics card, they are no numbers, and so is this mean.
    return None if mean <= MOST_DIFFERENCE else f"probabilities differ by {mean:.2f}"
