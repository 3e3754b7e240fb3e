"""Event level: clips whose truth is known, through detector, tracks and rules, as an edge watches them by key frames."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import av
import numpy as np

from contract.cameras import CameraConfig
from contract.catalogue import AreaKind, Catalogue, Post, load_catalogue
from detector.boxes import Box
from detector.card import Figure
from detector.pipeline import Detector
from detector.rules import RuleEngine
from detector.tracks import Tracker
from models.data import DataError

# After the hold time: two key frames of two seconds, and one look that could not be told.
IN_TIME_S = 6.0
EARLY_S = 1.0  # truth and key frames are not of the same instant
FEW = 10
"""clips of which each has figures of its own"""
START = datetime(2026, 5, 1, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai; any time within business hours would do


@dataclass(frozen=True)
class Alarm:
    """What an edge would tell. `time_s` counts from the clip's beginning."""

    time_s: float
    rule: str
    box: Box


@dataclass(frozen=True)
class Planted:
    """A violation of the truth that lasts for its rule's hold time or longer."""

    figure: int
    rule: str
    from_s: float
    to_s: float
    hold_s: float

    def answers(self, alarm: Alarm, figure: int | None) -> bool:
        """Whether an alarm about this figure is of this violation: after the hold time, and not long after its end."""
        began, ended = self.from_s + self.hold_s - EARLY_S, self.to_s + IN_TIME_S
        return (figure, alarm.rule) == (self.figure, self.rule) and began <= alarm.time_s <= ended


@dataclass(frozen=True)
class Watched:
    """One clip compared with its truth. `found`: each planted violation that was told, with the seconds from its beginning."""

    clip: str
    hours: float
    planted: Sequence[Planted]
    found: dict[Planted, float]
    false: Sequence[Alarm]


def clips(root: Path) -> list[Path]:
    """The clips of a folder that have their truth beside them (NAME.truth.json), or the one that `root` is."""
    if root.is_file():
        return [root] if _truth_path(root).is_file() else []
    return sorted(
        clip for clip in root.glob("*") if clip.suffix.lower() in (".mp4", ".mkv", ".avi") and _truth_path(clip).is_file()
    )


def watch(clip: Path, detector: Detector) -> list[Alarm]:
    """The alarms of a clip's key frames, all rules that a model of ours can see in force. Raises DataError."""
    catalogue, tracker = load_catalogue(), Tracker()
    rules = RuleEngine(_everywhere(clip), catalogue)
    alarms = []
    try:
        with av.open(str(clip)) as container:
            stream = container.streams.video[0]
            stream.codec_context.skip_frame = "NONKEY"
            for frame in container.decode(stream):
                time_s = float(frame.time or 0.0)
                image = np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
                seen = tracker.update(detector.look([image])[0], time_s)
                for violation in rules.update(seen, time_s, START + timedelta(seconds=time_s)):
                    rules.committed(violation)
                    alarms.append(Alarm(time_s, violation.rule.code, violation.box))
    except (av.FFmpegError, IndexError) as error:
        raise DataError(f"{clip} is no readable video ({error}). Remove it, or its truth beside it.") from error
    return alarms


def compare(clip: Path, alarms: Sequence[Alarm], catalogue: Catalogue | None = None) -> Watched:
    """Which planted violations were told, and which alarms are false. One told twice is one found and one false."""
    path = _truth_path(clip)
    try:
        truth = json.loads(path.read_text("utf-8"))
        holds = {rule.code: rule.hold_s for rule in (catalogue or load_catalogue()).rules}
        events = [
            Planted(e["figure"], e["rule"], e["from_s"], e["to_s"], holds[e["rule"]])
            for e in truth["events"]
            if e["to_s"] - e["from_s"] >= holds[e["rule"]]
        ]
        found: dict[Planted, float] = {}
        false = []
        for alarm in alarms:
            figure = _figure_at(truth, alarm)
            match = next((e for e in events if e not in found and e.answers(alarm, figure)), None)
            if match is None:
                false.append(alarm)
            else:
                found[match] = alarm.time_s - match.from_s
        return Watched(clip.name, truth["duration_s"] / 3600, events, found, false)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path} is no truth of a clip ({error!r}). Render the clip again.") from error


def figures(watched: Sequence[Watched]) -> list[Figure]:
    """Of all clips, by rule and, of a few, by clip: share found, false alarms per hour, seconds from beginning to alarm."""
    rows = _figures("all", watched)
    for rule in sorted({event.rule for one in watched for event in one.planted}):
        only = [
            Watched(
                one.clip,
                one.hours,
                [e for e in one.planted if e.rule == rule],
                {e: s for e, s in one.found.items() if e.rule == rule},
                [a for a in one.false if a.rule == rule],
            )
            for one in watched
        ]
        rows += _figures(rule, only)
    for one in watched if 1 < len(watched) <= FEW else ():
        rows += _figures(one.clip, [one])
    return rows


def _figures(part: str, watched: Sequence[Watched]) -> list[Figure]:
    planted = sum(len(one.planted) for one in watched)
    false = sum(len(one.false) for one in watched)
    hours = sum(one.hours for one in watched)
    delays = [seconds for one in watched for seconds in one.found.values()]
    values = {
        "found": (len(delays) / planted if planted else None, planted),
        "false per camera-hour": (false / hours if hours else None, false),
        "seconds to alarm, median": (median(delays) if delays else None, len(delays)),
        "seconds to alarm, longest": (max(delays, default=None), len(delays)),
    }
    return [
        Figure(subject="events", measure=measure, part=part, value=round(value, 3), count=count)
        for measure, (value, count) in values.items()
        if value is not None
    ]


def watch_all(paths: Sequence[Path], detector: Detector, say: Callable[[str], None] = lambda _: None) -> list[Watched]:
    """Watch every clip, and compare it with its truth."""
    watched = []
    for clip in paths:
        one = compare(clip, watch(clip, detector))
        say(f"{clip.name}: {len(one.found)} of {len(one.planted)} violations found, {len(one.false)} false")
        for missed in (event for event in one.planted if event not in one.found):
            say(f"  missed: {missed.rule} of figure {missed.figure}, {missed.from_s:.0f} to {missed.to_s:.0f} s")
        for alarm in one.false:
            say(f"  false: {alarm.rule} at {alarm.time_s:.0f} s, box {', '.join(f'{end:.0f}' for end in alarm.box)}")
        watched.append(one)
    return watched


def _figure_at(truth: dict[str, Any], alarm: Alarm) -> int | None:
    """Who stands there in the truth: of the figures whose middle is in the alarm's box, or the reverse, the nearest.

    A finder may guess at the legs of somebody behind a worktop: then the alarm's middle is below what can be seen of the figure.
    """
    frame = min(truth["frames"], key=lambda frame: abs(frame["time_s"] - alarm.time_s))
    x, y = _middle(alarm.box)

    def away(person: dict[str, Any]) -> float:
        px, py = _middle(person["box"])
        return abs(px - x) + abs(py - y)

    def there(person: dict[str, Any]) -> bool:
        return _inside((x, y), person["box"]) or _inside(_middle(person["box"]), alarm.box)

    nearest = min(filter(there, frame["people"]), key=away, default=None)
    return None if nearest is None else int(nearest["figure"])


def _middle(box: Sequence[float]) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def _inside(point: tuple[float, float], box: Sequence[float]) -> bool:
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]


def _truth_path(clip: Path) -> Path:
    return clip.with_suffix(".truth.json")


def _everywhere(clip: Path) -> CameraConfig:
    """A 专间, whole picture, all hours, every post marked for gloves."""
    return CameraConfig(
        id="clip",
        name=clip.name,
        shop_id="clip",
        shop_name="",
        area=AreaKind.SPECIAL_ROOM,
        posts=frozenset({Post.GLOVES_REQUIRED}),
        url=str(clip),
    )
