"""What was told, held against the truth of the clips."""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.phases import Measured, Told
from contract.catalogue import Catalogue

# A violation counts as found when it is recorded so long after its hold time.
IN_TIME_S = 5.0
# People need a moment to put something on or take it off, before and after the second that the plot names.
BLUR_S = 1.5


@dataclass
class Verdict:
    """`delays_s`: from the moment when the truth had lasted the hold time to the record, of what was found in time and had not
    been played in part before."""

    planted: int = 0
    found: int = 0
    false_alarms: int = 0
    delays_s: list[float] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    def add(self, other: "Verdict") -> None:
        self.planted += other.planted
        self.found += other.found
        self.false_alarms += other.false_alarms
        self.delays_s += other.delays_s
        self.missed += other.missed

    @property
    def recall(self) -> float | None:
        return self.found / self.planted if self.planted else None

    def delay_s(self, share: float) -> float | None:
        """The quantile of the delays; the worst of the best `share`."""
        ordered = sorted(self.delays_s)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


def judge(measured: Measured, clips: list[Path], catalogue: Catalogue) -> Verdict:
    """Of each event counts the first time that it is played whole; none where that could not be told any more.

    A camera may begin in the midst of an event. What was told of that part is not told again of the whole, so it counts as found;
    and the part is remembered, so that the whole has no delay of its own.
    """
    verdict = Verdict()
    for number, (clip, started, from_s) in enumerate(zip(clips, measured.started, measured.from_s, strict=True)):
        truth = json.loads(clip.with_suffix(".truth.json").read_text())
        told = [one for one in measured.told if one.camera == number]
        loop_began = started - from_s
        for event in truth["events"]:
            before_s = truth["duration_s"] * max(0, math.ceil((from_s - event["from_s"]) / truth["duration_s"]))
            due = loop_began + before_s + event["from_s"] + catalogue.rule(event["rule"]).hold_s
            if due + IN_TIME_S > measured.until:
                continue
            verdict.planted += 1
            mine = [one.at for one in told if _is_of(one, event, truth, loop_began) and one.at <= due + IN_TIME_S]
            if not mine:
                verdict.missed.append(f"camera {number}: {event['rule']} of figure {event['figure']}")
                continue
            verdict.found += 1
            if event["to_s"] + before_s - truth["duration_s"] <= from_s:
                verdict.delays_s.append(min(mine) - due)
        for one in told:
            if not any(_is_of(one, event, truth, loop_began) for event in truth["events"]):
                verdict.false_alarms += 1
    return verdict


def _is_of(told: Told, event: dict[str, Any], truth: dict[str, Any], loop_began: float) -> bool:
    """Whether somebody was told of for what he does at that moment of the loop."""
    at = (told.seen_at - loop_began) % truth["duration_s"]
    now = event["from_s"] - BLUR_S <= at <= event["to_s"] + BLUR_S
    return bool(told.rule == event["rule"] and now and _figure_at(truth, at, told.box) == event["figure"])


def _figure_at(truth: dict[str, Any], at: float, box: tuple[float, float, float, float]) -> int | None:
    """Who stands there: the figure whose middle is nearest from left to right; they stand side by side."""
    frame = min(truth["frames"], key=lambda frame: abs(frame["time_s"] - at))
    x = (box[0] + box[2]) / 2
    people = frame["people"]
    if not people:
        return None
    return int(min(people, key=lambda person: abs((person["box"][0] + person["box"][2]) / 2 - x))["figure"])
