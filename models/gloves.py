"""Draw gloves, or dirt, on bare hands: few kitchens' gloves are in public pictures, and dirty hands are taken for gloved ones."""

import cv2
import numpy as np
from numpy.typing import NDArray

from models.augment import Image

SKIN_CR, SKIN_CB = (133, 180), (77, 127)
"""of 255, in YCrCb (https://doi.org/10.1109/76.767122, whose Cr ends at 173)"""
ONE_HAND = 9.0
"""how far Cr and Cb scatter within a hand; chosen by eye on hands of the validation part, as the strengths below are"""
LEAST_SKIN = 0.2
"""of a hand's box; with less, the skin was not found"""
# BGR: nitrile, latex, vinyl, rubber, cotton; none that skin could have in some light.
COLOURS = np.array(
    [
        (235, 235, 230), (215, 170, 110), (190, 115, 40), (120, 60, 25), (40, 38, 36),
        (150, 80, 115), (80, 200, 235), (110, 160, 70), (150, 150, 150), (215, 230, 235),
    ],
    np.float32,
)  # fmt: skip


def put_glove(rng: np.random.Generator, image: Image, hand: NDArray[np.float32]) -> Image | None:
    """Colour the skin in the box ``hand`` (pixels) as a glove does, lit as the skin was. None where no skin is found."""
    skin = _skin(image, hand)
    if skin is None:
        return None
    colour = COLOURS[rng.integers(len(COLOURS))] * rng.uniform(0.75, 1.08) + rng.normal(0, 8, 3)
    light = cv2.cvtColor(image, cv2.COLOR_BGR2YCrCb)[..., :1].astype(np.float32)
    shade = (light / max(1.0, float(np.median(light[skin > 0.5])))) ** rng.uniform(0.5, 1.1)
    # Folds are finer than a hand's own shading.
    folds = _clouds(rng, image.shape[:2], max(2, int(image.shape[0] * rng.uniform(0.04, 0.12))))
    gloved = colour * shade * (1 + rng.uniform(0, 0.25) * folds) + rng.uniform(0, 40) * (shade > 1.25)
    return _blend(image, gloved, skin)


def soil(rng: np.random.Generator, image: Image, hand: NDArray[np.float32]) -> Image:
    """Put soot, sauce or flour on parts of the skin in the box ``hand`` (pixels), where skin is found."""
    skin = _skin(image, hand)
    if skin is None:
        return image
    colour = rng.uniform([15, 20, 30], [60, 80, 120]) if rng.random() < 0.7 else rng.uniform([190, 200, 210], [235, 240, 245])
    patches = _clouds(rng, image.shape[:2], max(3, int(image.shape[0] * rng.uniform(0.1, 0.3))))
    share = rng.uniform(0.2, 0.6)
    where = np.clip((patches - np.quantile(patches[skin > 0.5], 1 - share)) * 4, 0, 1)[..., 0] * rng.uniform(0.4, 0.85)
    return _blend(image, np.broadcast_to(colour, image.shape), skin * where)


def _skin(image: Image, hand: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """How much each pixel [h, w] is skin of that hand, 0 to 1."""
    side = image.shape[0]
    x1, y1, x2, y2 = (int(v) for v in np.clip(np.round(hand), 0, side))
    if min(x2 - x1, y2 - y1) < 4:
        return None
    colours = cv2.cvtColor(image, cv2.COLOR_BGR2YCrCb)[..., 1:].astype(np.float32)
    inside = colours[y1:y2, x1:x2]
    like = ((inside >= (SKIN_CR[0], SKIN_CB[0])) & (inside <= (SKIN_CR[1], SKIN_CB[1]))).all(2)
    if like.mean() < LEAST_SKIN:
        return None
    off = (colours - np.median(inside[like], axis=0)) / ONE_HAND
    found = np.zeros((side, side), np.float32)
    found[y1:y2, x1:x2] = np.exp(-(off**2).sum(2) / 2)[y1:y2, x1:x2] > 0.25
    closed = cv2.morphologyEx(found, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8), iterations=2)
    skin = np.asarray(cv2.GaussianBlur(closed, (0, 0), max(0.6, side * 0.008)), np.float32)
    return skin if (skin > 0.5).any() else None


def _clouds(rng: np.random.Generator, size: tuple[int, ...], cell: int) -> NDArray[np.float32]:
    """Smooth noise [h, w, 1] about 0, of ``cell`` pixels."""
    coarse = rng.normal(0, 0.5, (size[0] // cell + 2, size[1] // cell + 2)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC)[..., None], np.float32)


def _blend(image: Image, over: NDArray[np.float32], share: NDArray[np.float32]) -> Image:
    return np.asarray(np.clip(image + (over - image) * share[..., None], 0, 255), np.uint8)
