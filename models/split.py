"""Which pictures are learned from, and which are kept to choose with (val) and to measure on (test)."""

import csv
import hashlib
import io
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from detector.card import load_model
from models.data import SIMULATOR, DataError, Key, Picture
from models.durable import replace_file

PARTS = ("train", "val", "test")
LISTED = Path(__file__).with_name("split.csv")
"""every picture of the shared data"""
LEARNED = "learned.csv"
"""in a folder of weights: the pictures that they learned from. Where there is none, those are the listed ones"""

Parts = dict[Key, str]
"""of each picture"""


def split(pictures: Sequence[Picture], listed: Path | None = LISTED) -> Parts:
    """Give every picture a part: train, val or test, never dividing a group.

    Pictures of ``listed`` keep their part and carry their group along; other groups are dealt out by the hash of
    their name, per source: about 15 % of the pictures to test and 7 % to val. A source of fewer than three groups is
    all train.
    """
    fixed = {} if listed is None else _read(listed)
    parts: Parts = {}
    groups: dict[str, dict[str, list[Picture]]] = defaultdict(lambda: defaultdict(list))
    for picture in pictures:
        groups[picture.source][picture.group].append(picture)
    for members in groups.values():
        total = sum(map(len, members.values()))
        room = {"test": 0.15 * total, "val": 0.07 * total}
        for group in sorted(members, key=lambda g: hashlib.sha256(g.encode()).hexdigest()):
            known = {fixed[p.key] for p in members[group] if p.key in fixed}
            # The strictest part wins: a group once tested on is never trained on.
            part: str | None = next((p for p in ("test", "val", "train") if p in known), None)
            if part is None:
                # Half a group may overshoot, so that a source of few large groups gets a test part too.
                part = next((p for p, left in room.items() if left >= len(members[group]) / 2), "train")
                part = "train" if len(members) < 3 else part
            if part in room:
                room[part] -= len(members[group])
            parts.update({p.key: part for p in members[group]})
    return parts


def write_split(parts: Parts, path: Path) -> None:
    """Write the split as CSV (source, image, part), sorted."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("source", "image", "part"))
    writer.writerows(sorted((*key, part) for key, part in parts.items()))
    replace_file(path, text.getvalue().encode())


def learned(weights: Path) -> set[Key]:
    """The pictures that a folder of weights learned from, or that it was calibrated on.

    Raises:
        DataError: there is no list, and the cards name other sources than the shipped weights' do.
    """
    listed = weights / LEARNED
    parts = _read(listed if listed.is_file() else LISTED)
    if not listed.is_file():
        cards = (load_model(weights, name)[0] for name in ("finder", "attributes") if (weights / f"{name}.yaml").is_file())
        theirs = {data.source for card in cards for data in card.data} - {source for source, _ in parts} - {SIMULATOR}
        if theirs:
            raise DataError(f"{listed} is missing, which says what of {min(theirs)} was learned from. Copy it beside them.")
    return {key for key, part in parts.items() if part != "test"}


def listed_for(part: str) -> set[Key]:
    """The pictures of the shared data that have a part."""
    return {key for key, listed in _read(LISTED).items() if listed == part}


def write_learned(weights: Path, pictures: Iterable[Key]) -> None:
    """Say what a folder of weights learned from."""
    write_split(dict.fromkeys(pictures, "train"), weights / LEARNED)


def _read(listed: Path) -> Parts:
    try:
        with listed.open(newline="", encoding="utf-8") as file:
            return {(row["source"], row["image"]): row["part"] for row in csv.DictReader(file)}
    except (OSError, KeyError, ValueError) as error:
        raise DataError(f"{listed} is no list of pictures ({error!r}). Its columns are source, image and part.") from error
