"""Paint training canvases for the finder: pictures at camera sizes, then what a cheap camera does to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from models.boxes import Boxes, areas
from models.pseudo import Targets
from models.publish import CLASSES

CELL = 8
"""the finder's finest stride: the raster of the map that says where nothing is taught"""

TURNED = 0.1
"""of the close-ups, by a quarter: a hand reaches into the picture from any side"""

Image = NDArray[Any]
"""BGR uint8 [H, W, 3]; OpenCV's own types say no more than array"""


@dataclass(frozen=True)
class Canvas:
    """One training sample."""

    image: Image
    """BGR [H, W, 3]"""
    classes: NDArray[np.int64]
    boxes: Boxes
    untaught: NDArray[np.bool_]
    """[classes, H/8, W/8]"""


def paint(
    rng: np.random.Generator, samples: Sequence[tuple[Image, Targets, bool]], width: int, height: int
) -> Canvas:
    """Paint one, two or four samples (picture, targets, is a whole scene) side by side on a canvas.

    A whole scene (a camera's view) is shown nearly whole; other pictures are often close-ups and are shrunk, so that
    their heads and hands get the sizes that a camera under the ceiling sees.
    """
    image = np.full((height, width, 3), rng.integers(60, 160), np.uint8)
    untaught = np.zeros((len(CLASSES), height // CELL, width // CELL), bool)
    classes: list[NDArray[np.int64]] = []
    boxes: list[Boxes] = []
    columns, rows = {1: (1, 1), 2: (2, 1), 4: (2, 2)}[len(samples)]
    tile_w, tile_h = width // columns // CELL * CELL, height // rows // CELL * CELL
    for index, (picture, targets, scene) in enumerate(samples):
        x, y = index % columns * tile_w, index // columns * tile_h
        matrix, small = _placement(rng, picture, tile_w, tile_h, scene)
        tile = image[y : y + tile_h, x : x + tile_w]
        border = (cv2.BORDER_CONSTANT, cv2.BORDER_REPLICATE)[int(rng.random() < 0.3)]
        grey = [int(v) for v in rng.integers(90, 140, 3)]
        tile[:] = cv2.warpAffine(
            small, matrix[:2] @ _scaling(picture, small), (tile_w, tile_h), borderMode=border, borderValue=grey
        )
        label, box = _moved(targets.classes, targets.boxes, matrix, tile_w, tile_h, untaught, x, y)
        classes.append(label)
        boxes.append(box + np.array([x, y, x, y], np.float32))
        for number in range(len(CLASSES)):
            cells = untaught[number, y // CELL : (y + tile_h) // CELL, x // CELL : (x + tile_w) // CELL]
            if number in targets.unknown:
                cells[:] = True
            for region in _corners(targets.unsure[number], matrix):
                _cover(cells, region)
    return Canvas(
        camera(rng, image), np.concatenate(classes), np.concatenate(boxes).astype(np.float32), untaught
    )


def camera(rng: np.random.Generator, image: Image, strength: float = 1.0) -> Image:
    """Light, lens, sensor and compression of a kitchen camera; each happens with a chance times ``strength``."""

    def happens(chance: float) -> bool:
        return bool(rng.random() < chance * strength)

    h, w = image.shape[:2]
    if happens(0.15):  # a smaller stream, enlarged
        share = rng.uniform(0.4, 0.8)
        image = cv2.resize(image, (max(8, int(w * share)), max(8, int(h * share))), interpolation=cv2.INTER_AREA)
        image = cv2.resize(image, (w, h), interpolation=cv2.INTER_LINEAR)
    if happens(0.2):
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.6))
    elif happens(0.12):
        image = cv2.filter2D(image, -1, _motion(rng, int(rng.integers(3, 9))))
    if happens(0.12):  # steam or grease on the lens
        veil = cv2.resize(rng.random((5, 8)).astype(np.float32), (w, h), interpolation=cv2.INTER_CUBIC)[..., None]
        image = _bytes(image + np.clip(veil, 0, 1) * rng.uniform(0.2, 0.7) * (225.0 - image))
    if happens(0.8):
        table = np.linspace(0, 1, 256) ** rng.uniform(0.6, 1.7)
        table = (table - 0.5) * rng.uniform(0.65, 1.25) + 0.5 + rng.uniform(-0.12, 0.12)
        cast = rng.uniform(0.82, 1.18, 3) if happens(0.5) else np.ones(3)
        image = cv2.LUT(image, _bytes(table[:, None] * cast * 255)[None])
    if happens(0.1):  # wide dynamic range: every corner gets a contrast of its own
        light = cv2.cvtColor(image, cv2.COLOR_BGR2LAB)
        light[..., 0] = cv2.createCLAHE(rng.uniform(2, 6), (4, 4)).apply(light[..., 0])
        image = cv2.cvtColor(light, cv2.COLOR_LAB2BGR)
    if happens(0.15):  # infrared at night
        image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    if happens(0.35):
        noise = grain(rng, h, w, 1 if happens(0.5) else 3)
        image = cv2.add(image, np.broadcast_to(noise, image.shape), dtype=cv2.CV_8U)
    if happens(0.5):
        _, packed = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(22, 85))])
        image = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR))
    return np.asarray(image, np.uint8)


def grain(rng: np.random.Generator, height: int, width: int, channels: int) -> NDArray[np.int16]:
    """Sensor noise [height, width, channels], of one strength in all channels: a standard deviation of 2 to 14 grey levels."""
    noise = np.empty((height, width, channels), np.int16)
    # numpy's normal numbers take twice the time, and are better than grain needs.
    cv2.setRNGSeed(int(rng.integers(2**31)))
    # One number for each channel: given a single one, OpenCV takes what happens to lie in memory, for the first channel too.
    cv2.randn(noise, np.zeros(channels), np.full(channels, rng.uniform(2, 14)))
    return noise


def soften(image: Image, sigma: float) -> Image:
    """A wide Gaussian blur (``sigma`` in pixels), on a shrunk picture: the same to the eye for a tenth of the work."""
    shrink = max(1, int(sigma / 2))
    h, w = image.shape[:2]
    small = cv2.resize(image, (max(1, w // shrink), max(1, h // shrink)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / shrink)
    return np.asarray(cv2.resize(small, (w, h), interpolation=cv2.INTER_LINEAR))


def _placement(
    rng: np.random.Generator, picture: Image, width: int, height: int, scene: bool
) -> tuple[NDArray[np.float64], Image]:
    """A matrix from picture to tile pixels, and the picture shrunk beforehand so that the warp need not average."""
    h, w = picture.shape[:2]
    quarter = int(rng.choice([-1, 1])) if not scene and rng.random() < TURNED else 0
    seen = np.array([h, w] if quarter else [w, h])
    fit = min(width / seen[0], height / seen[1])
    # The canvas is smaller than the detector's own, so close-ups must also be shown larger than they fit.
    least, most = (0.8, 1.9) if scene else (0.45, 2.4)
    scale = fit * np.exp(rng.uniform(np.log(least), np.log(most)))
    angle = np.deg2rad(rng.normal(0, 4) + 90 * quarter)
    mirror = -1 if rng.random() < 0.5 else 1
    stretch = np.exp(rng.normal(0, 0.06))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ np.diag([mirror * scale * stretch, scale / stretch])
    # The picture's centre lands where the picture stays inside, or covers the tile when it is larger.
    free = np.abs(np.array([width, height]) - seen * scale) / 2
    centre = np.array([width, height]) / 2 + rng.uniform(-1, 1, 2) * free
    matrix = np.eye(3)
    matrix[:2, :2] = linear
    matrix[:2, 2] = centre - linear @ np.array([w, h]) / 2
    if scale < 0.9:
        picture = cv2.resize(
            picture, (max(2, round(w * scale)), max(2, round(h * scale))), interpolation=cv2.INTER_AREA
        )
    return matrix, picture


def _scaling(picture: Image, small: Image) -> NDArray[np.float64]:
    return np.diag([picture.shape[1] / small.shape[1], picture.shape[0] / small.shape[0], 1.0])


def _corners(boxes: Boxes, matrix: NDArray[np.float64]) -> Boxes:
    if not len(boxes):
        return boxes
    points = boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2) @ matrix[:2, :2].T + matrix[:2, 2]
    return np.concatenate([points.min(1), points.max(1)], 1).astype(np.float32)


def _moved(
    classes: NDArray[np.int64],
    boxes: Boxes,
    matrix: NDArray[np.float64],
    width: int,
    height: int,
    untaught: NDArray[np.bool_],
    x: int,
    y: int,
) -> tuple[NDArray[np.int64], Boxes]:
    """Move boxes with the picture; what is mostly cut off or tiny is no longer taught."""
    moved = _corners(boxes, matrix)
    cut = np.clip(moved, 0, (width, height, width, height)).astype(np.float32)
    visible = areas(cut) / np.maximum(areas(moved), 1e-9)
    small = (cut[:, 2:] - cut[:, :2]).max(1) if len(cut) else np.zeros(0)
    # 5 px: below it no cell of stride 8 can tell a head from a stain; a cigarette is thin, its length counts.
    good = (visible >= 0.4) & (small >= 5)
    for label, box in zip(classes[~good], cut[~good], strict=False):
        _cover(untaught[label, y // CELL : (y + height) // CELL, x // CELL : (x + width) // CELL], box)
    return classes[good], cut[good]


def _cover(cells: NDArray[np.bool_], box: NDArray[np.float32]) -> None:
    x1, y1 = np.maximum(np.floor(box[:2] / CELL), 0).astype(int)
    x2, y2 = np.maximum(np.ceil(box[2:] / CELL), 0).astype(int)
    cells[y1:y2, x1:x2] = True


def _motion(rng: np.random.Generator, length: int) -> NDArray[np.float32]:
    kernel = np.zeros((length, length), np.float32)
    middle = (length - 1) / 2
    angle = rng.uniform(0, np.pi)
    step = np.array([np.cos(angle), np.sin(angle)]) * middle
    start, end = np.rint(middle - step).astype(int), np.rint(middle + step).astype(int)
    cv2.line(kernel, start.tolist(), end.tolist(), 1.0)
    return np.asarray(kernel / kernel.sum(), np.float32)


def _bytes(values: NDArray[Any]) -> Image:
    return np.asarray(np.clip(values, 0, 255), np.uint8)
