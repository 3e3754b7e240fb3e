"""Teachers: public detectors whose agreement labels what a data set left out. Runs in the training environment."""

import hashlib
import json
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.crops import PADDING
from models.boxes import Boxes, keep_best
from models.data import DataError, Key, Picture
from models.publish import sha256

BLOCK = 128
"""pictures between two looks at the clock"""
PINTO, FEIGE = "pinto_bhh_yolox_nano_dyn.onnx", "feige_hand_yolox_nano_dyn.onnx"
COCO, FACE = "yolo26n_coco_deq.pt", "yolo11n_face_deq.pt"
NETWORKS = (PINTO, FEIGE, COCO, FACE)
"""files in the folder of the teachers"""
LOWEST = 0.1
"""Teachers' boxes are kept from this score on: enough to say 'not sure' there."""


@dataclass(frozen=True)
class Opinion:
    """What the teachers see in one picture; each value is float32 [n, 5]: box in pixels of the picture, score."""

    pinto_person: NDArray[np.float32]
    pinto_head: NDArray[np.float32]
    pinto_hand: NDArray[np.float32]
    feige_hand: NDArray[np.float32]
    coco_person: NDArray[np.float32]
    face: NDArray[np.float32]


class Teachers:
    """The four networks of ``weights`` (see the table in docs/model.md), one thread each."""

    def __init__(self, weights: Path) -> None:
        import onnxruntime as ort
        import torch

        from models.torchvision_shim import install

        install()
        from ultralytics import YOLO

        torch.set_num_threads(1)
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self._pinto = ort.InferenceSession(weights / PINTO, options)
        self._feige = ort.InferenceSession(weights / FEIGE, options)
        self._coco = YOLO(weights / COCO).model.float().eval()
        self._coco.model[-1].end2end = True
        self._face = YOLO(weights / FACE).model.float().eval()

    def look(self, image: NDArray[np.uint8]) -> Opinion:
        """Ask every teacher about one BGR picture."""
        bodies = [_yolox(self._pinto, image, longer) for longer in (480, 640)]
        person, head, hand = (
            _merge([rows[rows[:, 5] == label, :5] for rows in bodies], overlap)
            for label, overlap in ((0, 0.6), (1, 0.5), (2, 0.5))
        )
        feige = _yolox(self._feige, image, 416, imagenet=True)
        return Opinion(
            person,
            head,
            hand,
            _merge([feige[:, :5]], 0.5),
            self._ultralytics(self._coco, image, 512, end_to_end=True),
            self._ultralytics(self._face, image, 512, end_to_end=False),
        )

    def _ultralytics(
        self, model: object, image: NDArray[np.uint8], longer: int, end_to_end: bool
    ) -> NDArray[np.float32]:
        import torch

        canvas, scale = _fit(image, longer)
        tensor = torch.from_numpy(canvas[None, :, :, ::-1].transpose(0, 3, 1, 2).copy()).float() / 255
        with torch.inference_mode():
            found = model(tensor)[0][0].numpy()  # type: ignore[operator]
        if end_to_end:
            rows = found[(found[:, 5] == 0) & (found[:, 4] >= LOWEST), :5]
        else:
            x, y, w, h, score = found[:5]
            rows = np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2, score], 1)[score >= LOWEST]
        rows[:, :4] /= scale
        return _merge([_clipped(rows, image)], 0.6)


def opinions(
    pictures: Sequence[Picture],
    weights: Path,
    cache: Path,
    processes: int,
    until: float,
    say: Callable[[str], None] = print,
) -> dict[Key, Opinion]:
    """Ask the teachers about each picture, once: answers are appended to ``cache`` (JSON lines) as they come.

    Left out are pictures that cannot be read, and those that were not reached
    ``until`` that time of the monotonic clock. A picture whose file is another one than it was is asked about anew.
    """
    cache.parent.mkdir(parents=True, exist_ok=True)
    kept, known = _read(cache), dict[Key, Opinion]()
    missing: list[tuple[Picture, str]] = []
    with cache.open("a", encoding="utf-8") as file:
        for picture in pictures:
            try:
                content = sha256(picture.path)
            except OSError:  # who trains on it says so
                continue
            about, opinion = kept.get(picture.key, (content, None))
            if opinion is None or about not in (content, None):
                missing.append((picture, content))
                continue
            known[picture.key] = opinion
            if about is None:  # from a cache without hashes: said of the file that is there now
                file.write(_line(picture.key, content, opinion))
        if not missing:
            return known
        if absent := [name for name in NETWORKS if not (weights / name).is_file()]:
            raise DataError(f"{weights} has no {absent[0]}, one of the teachers. Name their folder with --teachers.")
        # Unordered by source, so that a run out of time has seen some of each.
        missing.sort(key=lambda each: hashlib.sha256(each[0].name.encode()).digest())
        with ProcessPoolExecutor(processes, initializer=_start, initargs=(weights,)) as pool:
            for first in range(0, len(missing), BLOCK):
                if time.monotonic() > until:
                    say(f"teachers: out of time, {len(missing) - first} pictures keep their own labels alone")
                    break
                block = missing[first : first + BLOCK]
                asked = pool.map(_ask, [picture for picture, _ in block], chunksize=8)
                for (picture, content), opinion in zip(block, asked, strict=True):
                    if opinion is None:
                        continue
                    known[picture.key] = opinion
                    file.write(_line(picture.key, content, opinion))
                file.flush()
                say(f"teachers: {first + len(block)}/{len(missing)} pictures")
    return known


_teachers: list[Teachers] = []
"""of this process: one, once it has started"""


def _start(weights: Path) -> None:
    os.nice(5)
    cv2.setNumThreads(1)
    _teachers.append(Teachers(weights))


def _ask(picture: Picture) -> Opinion | None:
    try:
        return _teachers[0].look(picture.read())
    except DataError:
        return None


def _line(key: Key, content: str, opinion: Opinion) -> str:
    rows = {name: np.round(boxes, 3).tolist() for name, boxes in vars(opinion).items()}
    return json.dumps({"key": "/".join(key), "sha256": content, **rows}) + "\n"


def _read(cache: Path) -> dict[Key, tuple[str | None, Opinion]]:
    """The last that was said about each picture, and the SHA-256 of the file that it was said of."""
    kept = {}
    for line in cache.read_bytes().splitlines() if cache.is_file() else ():
        try:
            row = json.loads(line)
            source, _, name = row.pop("key").rpartition("/")
            content = row.pop("sha256", None)
            kept[source, name] = content, Opinion(**{k: np.array(v, np.float32).reshape(-1, 5) for k, v in row.items()})
        except (AttributeError, KeyError, TypeError, ValueError):  # a line that a kill cut short is asked again
            continue
    return kept


def _fit(image: NDArray[np.uint8], longer: int) -> tuple[NDArray[np.uint8], float]:
    """Resize to ``longer`` pixels on the longer side and pad right and below to multiples of 32."""
    h, w = image.shape[:2]
    scale = longer / max(h, w)
    small = cv2.resize(image, (max(1, round(w * scale)), max(1, round(h * scale))), interpolation=cv2.INTER_AREA)
    canvas = np.full((-(-small.shape[0] // 32) * 32, -(-small.shape[1] // 32) * 32, 3), PADDING, np.uint8)
    canvas[: small.shape[0], : small.shape[1]] = small
    return canvas, scale


def _yolox(session: object, image: NDArray[np.uint8], longer: int, imagenet: bool = False) -> NDArray[np.float32]:
    """Decode a YOLOX without its decoder: rows of box, score, class."""
    canvas, scale = _fit(image, longer)
    if imagenet:
        square = np.full((longer, longer, 3), PADDING, np.uint8)
        square[: canvas.shape[0], : canvas.shape[1]] = canvas
        canvas = square
        mean, deviation = np.array([0.485, 0.456, 0.406]) * 255, np.array([0.229, 0.224, 0.225]) * 255
        blob = ((canvas[:, :, ::-1] - mean) / deviation).astype(np.float32)
    else:
        blob = canvas.astype(np.float32)
    name = session.get_inputs()[0].name  # type: ignore[attr-defined]
    out = session.run(None, {name: blob.transpose(2, 0, 1)[None]})[0][0]  # type: ignore[attr-defined]
    grids = []
    for stride in (8, 16, 32):
        y, x = np.mgrid[: canvas.shape[0] // stride, : canvas.shape[1] // stride]
        grids.append(np.stack([x.ravel(), y.ravel(), np.full(x.size, stride)], 1))
    grid = np.concatenate(grids).astype(np.float32)
    centre = (out[:, :2] + grid[:, :2]) * grid[:, 2:]
    size = np.exp(np.minimum(out[:, 2:4], 10)) * grid[:, 2:]
    scores = out[:, 4:5] * out[:, 5:]
    label = scores.argmax(1)
    best = scores.max(1)
    rows = np.concatenate([centre - size / 2, centre + size / 2, best[:, None], label[:, None]], 1)[best >= LOWEST]
    rows[:, :4] /= scale
    return _clipped(rows.astype(np.float32), image)


def _clipped(rows: NDArray[np.float32], image: NDArray[np.uint8]) -> NDArray[np.float32]:
    h, w = image.shape[:2]
    rows[:, :4] = np.clip(rows[:, :4], 0, (w, h, w, h))
    return rows[(rows[:, 2] - rows[:, 0] >= 1) & (rows[:, 3] - rows[:, 1] >= 1)]


def _merge(parts: list[NDArray[np.float32]], overlap: float) -> NDArray[np.float32]:
    rows = np.concatenate(parts).astype(np.float32)
    boxes: Boxes = rows[:, :4]
    return rows[keep_best(boxes, rows[:, 4], overlap)]
