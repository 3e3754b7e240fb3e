"""Read data folders: pictures, boxes, and which classes each picture was looked through for."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

NUMBERS = range(10)
"""of the classes, in label files and in ``annotated``"""
PERSON, HEAD_BARE, HEAD_HAT, FACE_MASK, FACE_NO_MASK, MASK_WRONG, HAND_BARE, HAND_GLOVE, CIGARETTE, PHONE = NUMBERS
HEADS, FACES, HANDS = (HEAD_BARE, HEAD_HAT), (FACE_MASK, FACE_NO_MASK, MASK_WRONG), (HAND_BARE, HAND_GLOVE)
MOST = 2.0
"""of a centre or side as part of the picture: a label may reach out of it, but not as far as pixels would"""
SIMULATOR = "simulator"
"""the source of rendered pictures"""
BACKS_OF_HEADS = "backs_of_heads"
"""the source of frames whose heads a person has boxed, all from behind"""


Key = tuple[str, str]
"""of a picture: its source and name, which no two pictures share"""


class DataError(Exception):
    """A data folder cannot be used; the text says what to change."""


@dataclass(frozen=True)
class Picture:
    """One picture with its labels. A class outside ``annotated`` is unknown here, never absent; a labelled box of such a class
    is known alone: somebody judged it, and nothing else in the picture (a reviewer's verdict)."""

    path: Path
    source: str
    group: str
    """one scene or person: never on both sides of a split"""
    licence: str
    annotated: frozenset[int]
    size: tuple[int, int]
    """width, height in pixels"""
    classes: NDArray[np.int64]
    """[n]"""
    boxes: NDArray[np.float32]
    """[n, 4], x1 y1 x2 y2 in pixels, inside the picture"""
    hat_kinds: tuple[str | None, ...] = field(default=())
    """one per box, or none at all"""
    derived_heads: bool = False
    """head boxes were grown from face boxes, so their outline is approximate"""
    smokers: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    """[k, 4], heads of people who were judged to smoke"""
    non_smokers: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    """[k, 4], heads of people who were judged not to"""
    hands_out_of_sight: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    """[k, 4], people of whom a person has seen that neither hand shows"""
    smoking_hands: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    """[k, 4], hands that were judged to hold a cigarette"""
    empty_hands: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    """[k, 4], hands in which a person has seen none"""
    no_hands: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    """[k, 4], what a teacher took for a hand and a person has seen to be none"""
    day: str = ""
    """of a camera that is a group for months: what errs alike within the group"""
    backs: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    """[k, 4], heads that a person has seen to show no face"""
    no_backs: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    """[k, 4], heads without a labelled face that may show one all the same"""

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def key(self) -> Key:
        return self.source, self.name

    def of(self, *classes: int) -> NDArray[np.float32]:
        """Boxes [k, 4] of the given classes."""
        return self.boxes[np.isin(self.classes, classes)]

    def tells_of(self, group: tuple[int, ...]) -> bool:
        """Whether labels of these classes count: all of them were looked for, or none (boxes judged alone)."""
        looked_for = self.annotated & set(group)
        return not looked_for or looked_for == set(group)

    def read(self) -> NDArray[np.uint8]:
        """The picture as BGR uint8 [H, W, 3]; raises DataError when it is torn, or not of the size that its boxes are for."""
        try:
            image = cv2.imdecode(np.fromfile(self.path, np.uint8), cv2.IMREAD_COLOR)
        except (OSError, cv2.error):
            image = None
        if image is None:
            raise DataError(f"{self.path} is no readable picture. Remove it and its line in manifest.jsonl.")
        if (image.shape[1], image.shape[0]) != self.size:
            is_, said = (f"{width} x {height}" for width, height in ((image.shape[1], image.shape[0]), self.size))
            raise DataError(f"{self.path} has {is_} pixels, manifest.jsonl says {said}. Correct that line and its boxes.")
        return np.asarray(image, np.uint8)


def read_folder(folder: Path) -> list[Picture]:
    """Read one data folder (``manifest.jsonl``, ``images/``, ``labels/``)."""
    manifest = folder / "manifest.jsonl"
    if not manifest.is_file():
        raise DataError(f"{folder} has no manifest.jsonl. Give a data folder, or the folder that holds several.")
    pictures = []
    try:
        lines = manifest.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{manifest} cannot be read as UTF-8 text ({error}). Write it again.") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            pictures.append(_picture(folder, row))
        except (KeyError, TypeError, ValueError, OverflowError, OSError) as error:
            raise DataError(f"{manifest}, line {number}: {error!r}. Correct or remove that line.") from error
    return pictures


def holds_pictures(root: Path) -> bool:
    """Whether ``root`` is a data folder, or one lies directly in it."""
    return any(root.glob("manifest.jsonl")) or any(root.glob("*/manifest.jsonl"))


def data_folders(root: Path) -> list[Path]:
    """``root`` where it is a data folder, or every data folder directly inside it."""
    if (root / "manifest.jsonl").is_file():
        return [root]
    folders = sorted(p.parent for p in root.glob("*/manifest.jsonl"))
    if not folders:
        raise DataError(f"No data folder in {root}: neither it nor a folder in it has a manifest.jsonl.")
    return folders


def read_all(roots: Iterable[Path]) -> list[Picture]:
    """Read every data folder of ``roots``.

    Raises:
        DataError: also where two pictures of a source share a name: labels, teachers' opinions and parts are kept by both.
    """
    found: dict[Key, Picture] = {}
    for picture in (picture for root in roots for folder in data_folders(root) for picture in read_folder(folder)):
        other = found.setdefault(picture.key, picture)
        if other is not picture:
            raise DataError(
                f"{other.path} and {picture.path} are both {picture.name} of the source {picture.source}. "
                "Name each folder once, and give one of two different pictures another name."
            )
    return list(found.values())


def choose(
    pictures: Iterable[Picture], only: Sequence[str] = (), without: Sequence[str] = (), licences: Sequence[str] = ()
) -> list[Picture]:
    """Take sources in (``only``) or out (``without``) by name, and keep licences that contain one of ``licences``.

    Raises:
        DataError: a name or word that fits no picture: what it should take out would stay, and nobody would notice.
    """
    given = list(pictures)
    sources, stated = sorted({p.source for p in given}), sorted({p.licence for p in given})
    if unknown := [name for name in (*only, *without) if name not in sources]:
        raise DataError(f"There is no source {unknown[0]} among these pictures. There are: {', '.join(sources)}.")
    if unknown := [word for word in licences if not any(word.lower() in licence.lower() for licence in stated)]:
        raise DataError(f"No licence of these pictures has {unknown[0]} in it. There are: {'; '.join(stated)}.")
    return [
        p
        for p in given
        if (not only or p.source in only)
        and p.source not in without
        and (not licences or any(word.lower() in p.licence.lower() for word in licences))
    ]


def fingerprint(pictures: Iterable[Picture]) -> str:
    """SHA-256 over pictures, their names and all that is said of them: another label, another fingerprint."""
    digest = hashlib.sha256()
    for picture in sorted(pictures, key=lambda p: p.key):
        digest.update(picture.name.encode())
        with suppress(OSError):  # one that is not there teaches nothing
            digest.update(picture.path.read_bytes())
        for name, value in vars(picture).items():
            if isinstance(value, np.ndarray):
                digest.update(str(value.shape).encode() + value.tobytes())
            elif name != "path":
                digest.update(repr(sorted(value) if isinstance(value, frozenset) else value).encode())
    return digest.hexdigest()


def _picture(folder: Path, row: dict) -> Picture:  # type: ignore[type-arg]
    width, height = int(row["width"]), int(row["height"])
    if min(width, height) < 1:
        raise ValueError(f"a picture of {width} x {height} pixels")
    annotated = frozenset(_class(c, "annotated") for c in row["annotated"])
    classes, boxes, kinds = [], [], []
    hat_kinds = row.get("hat_kind") or []
    for index, line in enumerate((folder / row["label"]).read_text("utf-8").splitlines()):
        if not line.strip():
            continue
        number, *values = line.split()
        label, (cx, cy, w, h) = _class(number, row["label"]), map(float, values)
        box = _pixels((cx, cy, w, h), width, height)
        if box is None:
            continue
        classes.append(label)
        boxes.append(box)
        kinds.append(hat_kinds[index] if index < len(hat_kinds) else None)
    return Picture(
        path=folder / row["image"],
        source=str(row["source"]),
        group=str(row["group"]),
        licence=str(row.get("licence", "not stated")),
        annotated=annotated,
        size=(width, height),
        classes=np.array(classes, np.int64),
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        hat_kinds=tuple(kinds),
        derived_heads=bool(row.get("head_boxes_derived") or row.get("derived")),
        smokers=_listed(row.get("smokers"), width, height),
        non_smokers=_listed(row.get("non_smokers"), width, height),
        smoking_hands=_listed(row.get("smoking_hands"), width, height),
        empty_hands=_listed(row.get("empty_hands"), width, height),
        hands_out_of_sight=_listed(row.get("hands_out_of_sight"), width, height),
        day=str(row.get("day", "")),
    )


def _listed(boxes: list[list[float]] | None, width: int, height: int) -> NDArray[np.float32]:
    found = [_pixels(tuple(map(float, box)), width, height) for box in boxes or []]
    return np.array([box for box in found if box is not None], np.float32).reshape(-1, 4)


def _pixels(box: tuple[float, ...], width: int, height: int) -> NDArray[np.float64] | None:
    """From cx, cy, w, h as parts of the picture to x1, y1, x2, y2; None when less than a pixel of it lies in the picture."""
    cx, cy, w, h = box
    if max(box) > MOST:
        raise ValueError(f"a box of {box}, which are no parts of the picture: are they pixels?")
    corners = np.array([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2]) * (width, height, width, height)
    if not np.isfinite(corners).all():
        raise ValueError(f"a box that is no numbers: {box}")
    corners = np.clip(corners, 0, (width, height, width, height))
    return corners if (corners[2:] - corners[:2]).min() >= 1 else None


def _class(number: int | str, where: str) -> int:
    label = int(number)
    if label not in NUMBERS:
        raise ValueError(f"{where} names class {label}; the classes are {NUMBERS[0]} to {NUMBERS[-1]}")
    return label
