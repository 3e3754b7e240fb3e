"""Labelled frames of clips as a data folder: the labels are committed, the pictures are not."""

import csv
import json
from collections import defaultdict
from pathlib import Path

import av
import numpy as np

from models.boxes import relative
from models.data import BACKS_OF_HEADS, FACES, HEAD_BARE, HEADS, DataError
from models.durable import write_picture

BACKS = Path(__file__).parent / "backs_of_heads.csv"
"""Every head in some frames of public clips, boxed and looked at by a person: each shows its back, bare, and no face."""
HIDDEN = Path(__file__).parent / "hands_out_of_sight.csv"
"""People in those frames of whom a person has seen that neither hand shows; the finder's boxes, each looked at."""

_Boxes = dict[str, dict[int, list[tuple[float, ...]]]]


def write_backs(clips: Path, out: Path, listed: Path = BACKS, hidden: Path = HIDDEN) -> int:
    """Cut the listed frames out of the clips in the folder ``clips``; returns how many. None of them shows a face.

    Raises:
        DataError: a clip that is not there, cannot be decoded, or ends before a listed frame.
    """
    boxes, without_hands = _read(listed), _read(hidden)
    for part in ("images", "labels"):
        (out / part).mkdir(parents=True, exist_ok=True)
    manifest = []
    for clip, frames in boxes.items():
        path = clips / clip
        try:
            with av.open(str(path)) as container:
                # In one pass: seeking lands on key frames, which clips without an index do not name.
                wanted = ((n, frame) for n, frame in enumerate(container.decode(video=0)) if n in frames)
                for number, frame in wanted:
                    name = f"{path.stem}_{number:05d}"
                    image = frame.to_ndarray(format="bgr24")
                    height, width = image.shape[:2]
                    write_picture(out / "images" / f"{name}.png", image)
                    rows = _rows(frames[number], (width, height))
                    lines = "".join(" ".join(map(str, (HEAD_BARE, *row))) + "\n" for row in rows)
                    (out / "labels" / f"{name}.txt").write_text(lines, encoding="utf-8")
                    manifest.append(
                        {
                            "image": f"images/{name}.png",
                            "label": f"labels/{name}.txt",
                            "source": BACKS_OF_HEADS,
                            "group": path.stem,
                            "annotated": [*HEADS, *FACES],
                            "hands_out_of_sight": _rows(without_hands[clip][number], (width, height)),
                            "width": width,
                            "height": height,
                        }
                    )
        except av.error.FFmpegError as error:
            raise DataError(f"{path} cannot be read ({error}). Name the folder that holds the clips.") from error
    missing = sum(len(frames) for frames in boxes.values()) - len(manifest)
    if missing:
        raise DataError(f"{missing} of the listed frames are not in the clips: these are cut short, or others of the same name.")
    (out / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in manifest), encoding="utf-8")
    return len(manifest)


def _read(listed: Path) -> _Boxes:
    """By clip and frame."""
    boxes: _Boxes = defaultdict(lambda: defaultdict(list))
    with listed.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            boxes[row["clip"]][int(row["frame"])].append(tuple(float(row[side]) for side in ("x1", "y1", "x2", "y2")))
    return boxes


def _rows(boxes: list[tuple[float, ...]], size: tuple[int, int]) -> list[list[float]]:
    """cx, cy, w, h as parts of the picture."""
    return relative(np.array(boxes, np.float32), size) if boxes else []
