"""Pictures of the simulated kitchen with what is known to be in them, for whoever shows the console to people."""

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import av
import cv2

from contract.evidence import MarkedBox


@dataclass(frozen=True)
class Scene:
    rule: str
    picture: bytes
    boxes: list[MarkedBox]


# Rule, figure of the clip, and second of it.
_TAKEN = (
    ("K01", 1, 6.0), ("K06", 3, 12.0), ("K01", 1, 18.0), ("K06", 3, 26.0), ("K01", 1, 32.0), ("K02", 2, 44.0), ("K07", 2, 52.0),
    ("K02", 2, 54.0), ("K07", 2, 58.0), ("K02", 2, 62.0), ("K06", 3, 40.0), ("K02", 2, 70.0),
)


def scenes() -> list[Scene]:
    """Frames of the demo clip in which a rule is broken, boxed by the simulator's own truth."""
    demo = files("configs") / "demo"
    truth = json.loads((demo / "kitchen.truth.json").read_text(encoding="utf-8"))
    pictures = _pictures(str(demo / "kitchen.mp4"), {at for _, _, at in _TAKEN})
    found = []
    for rule, figure, at in _TAKEN:
        frame = min(truth["frames"], key=lambda one: abs(one["time_s"] - at))
        found.append(Scene(rule, pictures[at], [box for person in frame["people"] for box in _boxes(person, rule, figure)]))
    return found


def _pictures(clip: str, times_s: set[float]) -> dict[float, bytes]:
    """The first frame at or after each time, as JPEG."""
    left, pictures = sorted(times_s), {}
    quality = [cv2.IMWRITE_JPEG_QUALITY, 88]
    with av.open(clip) as container:
        for frame in container.decode(video=0):
            if not left:
                break
            if frame.time >= left[0]:
                pictures[left.pop(0)] = cv2.imencode(".jpg", frame.to_ndarray(format="bgr24"), quality)[1].tobytes()
    return pictures


def _boxes(person: dict[str, Any], rule: str, figure: int) -> list[MarkedBox]:
    guilty, of_the_head = person["figure"] == figure, rule in ("K01", "K02", "K07")
    boxes = [MarkedBox(kind="person", box=tuple(person["box"]), score=0.93)]
    if person["head"]:
        boxes.append(MarkedBox(kind="head", box=tuple(person["head"]), score=0.9, violating=guilty and of_the_head))
    for hand in person["hands"]:
        if hand["box"]:
            boxes.append(MarkedBox(kind="hand", box=tuple(hand["box"]), score=0.8, violating=guilty and rule == "K06"))
    return boxes
