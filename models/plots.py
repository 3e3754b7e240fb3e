"""Pictures of an evaluation: confusion matrices, curves, and a contact sheet of the worst mistakes. BGR uint8 arrays."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.crops import crop_square
from models.outcomes import Judged

Image = NDArray[np.uint8]
INK, FAINT, PAPER = (40, 40, 40), (215, 215, 215), (255, 255, 255)
# Okabe and Ito's colours, which the colour-blind can tell apart; BGR.
COLOURS = [(178, 114, 0), (0, 159, 230), (115, 158, 0), (167, 121, 204), (233, 180, 86), (0, 94, 213), (66, 228, 240), (0, 0, 0)]
TILE = 240
"""px, side of one mistake on the contact sheet"""
COLUMNS = 6
"""of the contact sheet"""
AROUND = 2.5
"""sides of the tile over the mistake's box: enough to see whose head or hand it is"""


@dataclass(frozen=True)
class Line:
    """One line of a chart: x and y [n] in 0..1."""

    name: str
    x: Sequence[float] | NDArray[np.float64]
    y: Sequence[float] | NDArray[np.float64]
    dotted: bool = False
    """marks at the points: they are few, and between them nothing was measured"""


@dataclass(frozen=True)
class Mistake:
    """Something the weights got wrong: where, in words, and how badly (0..1)."""

    subject: str
    picture: int
    box: Sequence[float]
    words: str
    weight: float


def chart(title: str, x_name: str, y_name: str, lines: Sequence[Line], diagonal: bool = False) -> Image:
    """Lines over axes from 0 to 1, the legend beside them."""
    side, left, top = 480, 70, 50
    canvas = np.full((top + side + 60, left + side + 330, 3), PAPER, np.uint8)

    def at(x: float, y: float) -> tuple[int, int]:
        return round(left + x * side), round(top + (1 - y) * side)

    for tick in np.linspace(0, 1, 6):
        cv2.line(canvas, at(tick, 0), at(tick, 1), FAINT, 1)
        cv2.line(canvas, at(0, tick), at(1, tick), FAINT, 1)
        write(canvas, f"{tick:.1f}", (at(tick, 0)[0] - 12, top + side + 20))
        write(canvas, f"{tick:.1f}", (left - 38, at(0, tick)[1] + 5))
    cv2.rectangle(canvas, at(0, 0), at(1, 1), INK, 1)
    if diagonal:
        cv2.line(canvas, at(0, 0), at(1, 1), FAINT, 2, cv2.LINE_AA)
    write(canvas, title, (left, 28), 0.65)
    write(canvas, x_name, (left + side // 2 - 60, top + side + 45))
    write(canvas, y_name, (4, top - 12))
    for index, line in enumerate(lines):
        colour = COLOURS[index % len(COLOURS)]
        points = np.array([at(float(x), float(y)) for x, y in zip(line.x, line.y, strict=True)], np.int32).reshape(-1, 1, 2)
        cv2.polylines(canvas, [points], False, colour, 2, cv2.LINE_AA)
        for point in points[:, 0] if line.dotted else ():
            cv2.circle(canvas, (int(point[0]), int(point[1])), 4, colour, -1, cv2.LINE_AA)
        y = top + 20 + 24 * index
        cv2.line(canvas, (left + side + 20, y), (left + side + 44, y), colour, 3)
        write(canvas, line.name, (left + side + 54, y + 5))
    return canvas


def confusion(judged: Sequence[Judged]) -> dict[str, dict[str, dict[str, int]]]:
    """Counts by attribute, by true state, by what was told ("not found" too)."""
    counts: dict[str, dict[str, Counter[str]]] = {}
    for one in judged:
        counts.setdefault(one.attribute, {}).setdefault(one.truth, Counter())[one.told] += 1
    return {name: {truth: dict(told) for truth, told in rows.items()} for name, rows in counts.items()}


def matrix(title: str, counts: Mapping[str, Mapping[str, int]]) -> Image:
    """A confusion matrix: a row for each true state, shaded by its share of the row."""
    told = sorted({state for row in counts.values() for state in row})
    left, top, cell = 130, 90, 110
    canvas = np.full((top + cell * len(counts) + 20, left + cell * len(told) + 20, 3), PAPER, np.uint8)
    write(canvas, title, (12, 28), 0.65)
    write(canvas, "true", (12, top - 12))
    for column, state in enumerate(told):
        write(canvas, state, (left + cell * column + 10, top - 12))
    for row, (truth, values) in enumerate(counts.items()):
        write(canvas, truth, (12, top + cell * row + cell // 2))
        total = max(1, sum(values.values()))
        for column, state in enumerate(told):
            share = values.get(state, 0) / total
            corner = (left + cell * column, top + cell * row)
            colour = tuple(float(255 - share * (255 - c)) for c in COLOURS[0])
            cv2.rectangle(canvas, corner, (corner[0] + cell - 2, corner[1] + cell - 2), colour, -1)
            ink = PAPER if share > 0.5 else INK
            write(canvas, str(values.get(state, 0)), (corner[0] + 12, corner[1] + 48), 0.7, ink)
            write(canvas, f"{100 * share:.0f} %", (corner[0] + 12, corner[1] + 78), 0.5, ink)
    return canvas


def worst(mistakes: Sequence[Mistake], count: int) -> list[Mistake]:
    """The worst of every subject in turn, so that one kind of mistake does not fill the sheet."""
    by_subject: dict[str, list[Mistake]] = {}
    for mistake in sorted(mistakes, key=lambda m: -m.weight):
        by_subject.setdefault(mistake.subject, []).append(mistake)
    ranked = sorted(
        (place, -mistake.weight, subject, mistake)
        for subject, members in by_subject.items()
        for place, mistake in enumerate(members[:count])
    )
    return [mistake for *_, mistake in ranked[:count]]


def contact_sheet(tiles: Sequence[tuple[Image, Mistake]]) -> Image:
    """Each mistake with its surroundings, framed, and what is wrong about it."""
    rows = max(1, -(-len(tiles) // COLUMNS))
    canvas = np.full((rows * (TILE + 44), COLUMNS * (TILE + 8), 3), PAPER, np.uint8)
    for index, (image, mistake) in enumerate(tiles):
        x, y = index % COLUMNS * (TILE + 8) + 4, index // COLUMNS * (TILE + 44) + 4
        tile = crop_square(image, mistake.box, AROUND, TILE)
        x1, y1, x2, y2 = mistake.box
        scale = TILE / (AROUND * max(x2 - x1, y2 - y1))
        half_w, half_h = (x2 - x1) / 2 * scale, (y2 - y1) / 2 * scale
        middle = TILE / 2
        cv2.rectangle(
            tile,
            (round(middle - half_w), round(middle - half_h)),
            (round(middle + half_w), round(middle + half_h)),
            (0, 94, 213),
            2,
        )
        canvas[y : y + TILE, x : x + TILE] = tile
        write(canvas, mistake.subject, (x, y + TILE + 15), 0.45)
        write(canvas, mistake.words, (x, y + TILE + 32), 0.4)
    return canvas


def write(
    canvas: Image,
    words: str,
    place: tuple[int, int],
    size: float = 0.45,
    colour: tuple[int, int, int] = INK,
    thickness: int = 1,
) -> None:
    """Write on a canvas from the lower left corner ``place`` on."""
    cv2.putText(canvas, words, place, cv2.FONT_HERSHEY_SIMPLEX, size, colour, thickness, cv2.LINE_AA)
