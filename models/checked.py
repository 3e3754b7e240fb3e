"""What a person has looked at: pictures of at most four heads with no cigarette at any of them (checked.csv), what teachers took
for hands (checked_hands.csv), and heads at which no teacher saw a face (checked_heads.csv)."""

import csv
from collections import defaultdict
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.data import HAND_BARE, HAND_GLOVE, Key, Picture

CHECKED = Path(__file__).with_name("checked.csv")
CHECKED_HANDS = Path(__file__).with_name("checked_hands.csv")
CHECKED_HEADS = Path(__file__).with_name("checked_heads.csv")


def no_cigarette() -> frozenset[Key]:
    """The pictures at whose heads a person has seen no cigarette."""
    said = _said(CHECKED).items()
    return frozenset(key for key, (row, *_) in said if row["says"] == "no_cigarette")


@cache
def _said(listed: Path) -> dict[Key, list[dict[str, str]]]:
    said: dict[Key, list[dict[str, str]]] = defaultdict(list)
    with listed.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            said[row["source"], row["image"]].append(row)
    return said


def with_checked_boxes(picture: Picture) -> Picture:
    """The picture with what a person has said of what teachers saw: hands that are bare, gloved, or none at all; heads that are
    seen from behind, or perhaps not.

    No bare hand holds a cigarette but where cigarettes are labelled. Hands and heads that are not listed stay unknown.
    """

    def boxes(listed: Path, says: str) -> NDArray[np.float32]:
        rows = _said(listed).get(picture.key, [])
        found = [[float(row[edge]) for edge in ("x1", "y1", "x2", "y2")] for row in rows if row["says"] == says]
        return np.array(found, np.float32).reshape(-1, 4)

    if not any(picture.key in _said(listed) for listed in (CHECKED_HANDS, CHECKED_HEADS)):
        return picture
    bare, gloved = boxes(CHECKED_HANDS, "bare"), boxes(CHECKED_HANDS, "gloved")
    return replace(
        picture,
        classes=np.concatenate([picture.classes, np.repeat([HAND_BARE, HAND_GLOVE], [len(bare), len(gloved)])]),
        boxes=np.concatenate([picture.boxes, bare, gloved]),
        hat_kinds=(*picture.hat_kinds, *[None] * (len(bare) + len(gloved))) if picture.hat_kinds else (),
        empty_hands=bare,
        no_hands=boxes(CHECKED_HANDS, "no_hand"),
        backs=boxes(CHECKED_HEADS, "back"),
        no_backs=boxes(CHECKED_HEADS, "other"),
    )
