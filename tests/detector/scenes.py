"""Observations made by hand, for the tests of tracks and rules."""

from datetime import UTC, datetime, timedelta

from contract.cameras import CameraConfig
from contract.catalogue import AreaKind, Post
from detector.boxes import Box
from detector.observation import Attribute, Hand, Head, Observation, Person, State

START = datetime(2026, 5, 1, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai
SCORES = {"missing": 0.95, "wrong": 0.9, "yes": 0.95, "worn": 0.05, "no": 0.05, "unknown": 0.5}


def attribute(state: State) -> Attribute:
    return Attribute(state, SCORES[state])


def person(
    box: Box = (100, 100, 200, 400),
    *,
    cap: State = "worn",
    mask: State = "worn",
    smoking: State = "no",
    gloves: tuple[State, ...] = (),
    held: State = "no",
    track: int | None = None,
    with_head: bool = True,
) -> Person:
    x1, y1, x2, _ = box
    head_box = (x1 + (x2 - x1) / 3, y1, x1 + 2 * (x2 - x1) / 3, y1 + (x2 - x1) / 2)
    head = Head(head_box, 0.9, attribute(cap), attribute(mask), attribute(smoking)) if with_head else None
    hands = tuple(
        Hand((x1 + 50 * i, y1 + 100, x1 + 50 * i + 20, y1 + 120), 0.8, attribute(state), attribute(held))
        for i, state in enumerate(gloves)
    )
    return Person(box, 0.9, head, hands, track)


def scene(*people: Person) -> Observation:
    return Observation(1280, 720, people)


def at(time_s: float) -> datetime:
    return START + timedelta(seconds=time_s)


def camera(**changes: object) -> CameraConfig:
    values: dict[str, object] = {
        "id": "cam-1", "name": "凉菜间", "shop_id": "shop-1", "shop_name": "演示餐厅", "area": AreaKind.SPECIAL_ROOM,
        "posts": frozenset({Post.GLOVES_REQUIRED}), "url": "rtsp://127.0.0.1/kitchen",
    }
    return CameraConfig.model_validate(values | changes)
