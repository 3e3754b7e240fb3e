"""The obvious way, as a baseline: read every frame, look once a second, one crop at a time. Runs in `.venv-train`.

    python -m bench.obvious WEIGHTS WORK_FOLDER URL...

`cv2.VideoCapture` reads every frame of every camera; once a second each camera's newest one goes through ultralytics' `predict`
at 640 square, on the stage-1 parameters in float; then stage 2 reads one crop at a time, and the same tracks and rules count.
Prints the name of the stage-1 net after `ready`, then a JSON line for each violation.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# What ultralytics prints, which takes its stream at import, goes elsewhere than what is told here.
TOLD = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
os.environ["YOLO_AUTOINSTALL"] = "false"
os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "rtsp_transport;tcp")

from models.torchvision_shim import install  # noqa: E402

install()
import cv2  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from ultralytics import YOLO  # noqa: E402

from bench.float_finder import SIDE, write_float_finder  # noqa: E402
from contract.cameras import CameraConfig  # noqa: E402
from contract.catalogue import AreaKind, Post, load_catalogue  # noqa: E402
from contract.lifetime import end_with_input  # noqa: E402
from detector.attributes import AttributeReader, Image, Reading  # noqa: E402
from detector.card import load_model  # noqa: E402
from detector.observation import SeenObject  # noqa: E402
from detector.pipeline import Detector  # noqa: E402
from detector.rules import RuleEngine  # noqa: E402
from detector.tracks import Tracker  # noqa: E402


class UltralyticsFinder:
    """`predict` in the place of our finder."""

    def __init__(self, weights: Path, work: Path) -> None:
        card, _ = load_model(weights, "finder", "fp32")
        self.classes = card.classes["detections"]
        self._least = card.thresholds.score
        path = work / "finder-float.onnx"
        try:
            write_float_finder(weights / card.file, self.classes, path)
            self._model: Any = YOLO(path, task="detect")
            self._model.predict(np.zeros((1080, 1920, 3), np.uint8), imgsz=SIDE, rect=False, verbose=False)
            self.name = card.name
        except Exception as error:
            print(f"ultralytics cannot load the float export ({error}); YOLO11n, untrained, is timed instead", file=sys.stderr)
            self._model = YOLO("yolo11n.yaml")
            self.name = "YOLO11n, untrained"

    def find(self, images: Sequence[Image]) -> list[list[SeenObject]]:
        return [self._find(image) for image in images]

    def _find(self, image: Image) -> list[SeenObject]:
        (result,) = self._model.predict(image, imgsz=SIDE, conf=min(self._least.values()), rect=False, verbose=False)
        rows = zip(result.boxes.xyxy.tolist(), result.boxes.conf.tolist(), result.boxes.cls.tolist(), strict=True)
        found = [SeenObject(self.classes[int(number)], (x1, y1, x2, y2), score) for (x1, y1, x2, y2), score, number in rows]
        return [thing for thing in found if thing.score >= self._least[thing.name]]


class OneAtATime(AttributeReader):
    def read(self, crops: Sequence[Image]) -> list[Reading]:
        return [reading for crop in crops for reading in super(OneAtATime, self).read([crop])]


class Capture:
    """Every frame of one camera; the newest one is kept."""

    def __init__(self, url: str) -> None:
        self.frame: Image | None = None
        threading.Thread(target=self._read, args=(url,), daemon=True).start()

    def _read(self, url: str) -> None:
        capture = cv2.VideoCapture(url, cv2.CAP_FFMPEG)
        while True:
            read, frame = capture.read()
            if not read:
                return
            self.frame = frame  # type: ignore[assignment]


def main(weights: Path, work: Path, urls: list[str]) -> None:
    end_with_input()
    torch.set_num_threads(1)
    finder = UltralyticsFinder(weights, work)
    detector = Detector(finder, OneAtATime(*load_model(weights, "attributes")), [])  # type: ignore[arg-type]
    catalogue = load_catalogue()
    place = CameraConfig(
        id="obvious", name="", shop_id="bench", shop_name="", area=AreaKind.SPECIAL_ROOM,
        posts=frozenset({Post.GLOVES_REQUIRED}), url="rtsp://bench",
    )
    print("ready", file=TOLD, flush=True)
    print(finder.name, file=TOLD, flush=True)
    captures = [Capture(url) for url in urls]
    trackers = [Tracker() for _ in urls]
    rules = [RuleEngine(place, catalogue) for _ in urls]
    due = time.monotonic()
    while True:
        for i, capture in enumerate(captures):
            frame, capture.frame = capture.frame, None
            if frame is None:
                continue
            now = time.monotonic()
            seen = trackers[i].update(detector.look([frame])[0], now)
            for violation in rules[i].update(seen, now, datetime.now(UTC)):
                rules[i].committed(violation)
                line = {"camera": i, "rule": violation.rule.code, "box": violation.box, "at": time.time()}
                print(json.dumps(line), file=TOLD, flush=True)
        due = max(due + 1.0, time.monotonic())
        time.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
