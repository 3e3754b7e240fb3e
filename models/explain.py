"""One picture as both stages see it: what stage 1 found, the crops that stage 2 read, and what it said. BGR uint8 arrays."""

from pathlib import Path

import av
import cv2
import numpy as np

from detector.attributes import VIOLATING
from detector.boxes import Box
from detector.crops import crop_square, head_region
from detector.draw import draw
from detector.observation import Attribute, Observation
from models.data import DataError
from models.plots import COLOURS, INK, PAPER, Image, write
from models.publish import CROP

WIDTH = 1120
"""px of the whole drawing: sharp on a page that is half as wide"""
TILE, LINE = 176, 19
RED = COLOURS[5]


def frame_at(path: Path, at_s: float) -> Image:
    """A picture, or the first frame of a video from ``at_s`` on; raises DataError when there is none."""
    try:
        with av.open(str(path)) as container:
            for frame in container.decode(video=0):
                if (frame.time or 0.0) >= at_s:
                    return np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
    except (av.FFmpegError, OSError, IndexError) as error:
        raise DataError(f"{path} is no readable picture or video ({error}). Give another one.") from error
    raise DataError(f"{path} ends before {at_s:g} s. Give an earlier moment with --at.")


def explain(image: Image, seen: Observation) -> Image:
    """Stage 1's boxes on the picture, numbered; under it stage 2's crop of each number, with what it was told from."""
    boxes, tiles = _read(image, seen)
    marked = draw(image, seen)
    scale = WIDTH / image.shape[1]
    size = WIDTH, round(image.shape[0] * scale)
    top = np.asarray(cv2.resize(marked, size, interpolation=cv2.INTER_AREA), np.uint8)
    for number, (x1, y1, _, _) in enumerate(boxes, 1):
        place = (round(x1 * scale), max(16, round(y1 * scale) - 4))
        write(top, str(number), place, 0.6, PAPER, 4)
        write(top, str(number), place, 0.6, INK, 1)
    columns = WIDTH // TILE
    rows = [np.hstack(_filled(tiles[i : i + columns], columns)) for i in range(0, len(tiles), columns)]
    sheet = [np.pad(row, ((0, 0), (0, WIDTH - row.shape[1]), (0, 0)), constant_values=PAPER[0]) for row in rows]
    return np.asarray(np.vstack([top, *sheet]), np.uint8)


def _read(image: Image, seen: Observation) -> tuple[list[Box], list[Image]]:
    boxes: list[Box] = []
    tiles = []
    for person in seen.people:
        if person.head is not None:
            boxes.append(person.head.box)
            cut = crop_square(image, head_region(person.head.box), CROP.head_scale, CROP.size)
            told = {"cap": person.head.cap, "mask": person.head.mask, "smoking": person.head.smoking}
            tiles.append(_tile(cut, f"{len(boxes)} head", told))
        for hand in person.hands:
            boxes.append(hand.box)
            cut = crop_square(image, hand.box, CROP.hand_scale, CROP.size)
            tiles.append(_tile(cut, f"{len(boxes)} hand", {"glove": hand.glove, "smoking": hand.smoking}))
    return boxes, tiles


def _tile(crop: Image, title: str, told: dict[str, Attribute]) -> Image:
    """A crop enlarged, and a line for each attribute: its state and the probability that it violates."""
    tile = np.full((TILE + 4 * LINE + 14, TILE, 3), PAPER, np.uint8)
    side = TILE - 12
    tile[8 : 8 + side, 6 : 6 + side] = cv2.resize(crop, (side, side), interpolation=cv2.INTER_NEAREST)
    for row, words in enumerate([title, *(f"{name}: {a.state}, {a.score:.2f}" for name, a in told.items())]):
        red = row > 0 and list(told.values())[row - 1].state in VIOLATING
        write(tile, words, (8, TILE + 12 + LINE * row), 0.45, RED if red else INK)
    return tile


def _filled(tiles: list[Image], columns: int) -> list[Image]:
    return tiles + [np.full_like(tiles[0], PAPER[0])] * (columns - len(tiles))
