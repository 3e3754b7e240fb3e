"""What a person has looked at: pictures of at most four heads with no cigarette at any of them (checked.csv), and what teachers
took for hands (checked_hands.csv)."""

import csv
from collections import defaultdict
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.data import HAND_BARE, HAND_GLOVE, Picture

CHECKED = Path(__file__).with_name("checked.csv")
CHECKED_HANDS = Path(__file__).with_name("checked_hands.csv")


def no_cigarette() -> frozenset[str]:
    """Keys ``source/image`` of pictures at whose heads a person has seen no cigarette."""
    if not CHECKED.is_file():
        return frozenset()
    with CHECKED.open(newline="", encoding="utf-8") as file:
        return frozenset(f"{row['source']}/{row['image']}" for row in csv.DictReader(file) if row["says"] == "no_cigarette")


@cache
def _said_of_hands(listed: Path) -> dict[tuple[str, str], list[dict[str, str]]]:
    said: dict[tuple[str, str], list[dict[str, str]]] = defaultdict(list)
    with listed.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            said[row["source"], row["image"]].append(row)
    return said


def with_checked_hands(picture: Picture) -> Picture:
    """The picture with what a person has said of boxes that teachers took for hands: bare, gloved, or no hand at all.

    No bare hand holds a cigarette but where cigarettes are labelled. Hands that are not listed stay unknown.
    """
    rows = _said_of_hands(CHECKED_HANDS).get((picture.source, picture.name), [])

    def boxes(*says: str) -> NDArray[np.float32]:
        found = [[float(row[edge]) for edge in ("x1", "y1", "x2", "y2")] for row in rows if row["says"] in says]
        return np.array(found, np.float32).reshape(-1, 4)

    if not rows:
        return picture
    bare, gloved = boxes("bare"), boxes("gloved")
    return replace(
        picture,
        classes=np.concatenate([picture.classes, np.repeat([HAND_BARE, HAND_GLOVE], [len(bare), len(gloved)])]),
        boxes=np.concatenate([picture.boxes, bare, gloved]),
        hat_kinds=(*picture.hat_kinds, *[None] * (len(bare) + len(gloved))) if picture.hat_kinds else (),
        empty_hands=bare,
        no_hands=boxes("no_hand"),
    )
