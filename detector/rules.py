"""From looks to violations: votes by time and by sure looks, inside zone and hours, told once per repeat interval."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import cv2
import numpy as np

from contract.cameras import CameraConfig
from contract.catalogue import Catalogue, Rule
from contract.evidence import AttributeVotes
from detector.boxes import Box, iou
from detector.observation import Observation, Person
from detector.tracks import body
from detector.violation import Repeat, Violation

SHOP_TIME = ZoneInfo("Asia/Shanghai")
# Two boxes are one spot when they overlap this much or the centre of one lies well inside the other: a cook who bends or
# turns changes the box, not the spot.
SAME_SPOT_IOU = 0.3
SAME_TIME_S = 1e-6  # rounding of time stamps


@dataclass(frozen=True, slots=True)
class _Look:
    time_s: float
    sure: bool
    violating: bool


@dataclass(slots=True)
class _Track:
    seen_s: float
    looks: dict[str, deque[_Look]] = field(default_factory=dict)
    # By rule, when a sure look last showed that it is broken; without what was told already.
    suspected: dict[str, float] = field(default_factory=dict)
    told_until: dict[str, datetime] = field(default_factory=dict)


class RuleEngine:
    """The rules in force for one camera. Observations must carry track numbers; time comes in with them."""

    def __init__(self, camera: CameraConfig, catalogue: Catalogue, repeats: Iterable[Repeat] = ()) -> None:
        """`repeats`: what was told before a restart (of this camera)."""
        self.rules = catalogue.in_force(camera.area, camera.posts)
        self._camera = camera
        self._tracks: dict[int, _Track] = {}
        self._repeats = list(repeats)
        self._longest_s = max((rule.hold_s for rule in self.rules), default=0.0)

    def update(
        self, observation: Observation, time_s: float, wall_time: datetime, clock_off_s: float = 0.0
    ) -> list[Violation]:
        """Count one look at everybody; return the rules that are broken for long enough and were not told of already.

        `time_s` is the camera's own time, `wall_time` is aware, and by `clock_off_s` ahead of the right time. A violation comes
        again at the next look until `committed` is called for it, so that one whose evidence could not be written is not lost.
        """
        if any(track.seen_s > time_s for track in self._tracks.values()):
            self._tracks.clear()  # the camera's clock jumped back: earlier looks cannot be ordered with later ones
        self._forget(time_s, wall_time)
        violations = []
        in_hours = self._in_hours(wall_time - timedelta(seconds=clock_off_s))
        for person in observation.people:
            place = body(person)
            if person.track is None or place is None:
                continue
            track = self._tracks.setdefault(person.track, _Track(time_s))
            track.seen_s = time_s
            spot = observation.in_shares(place)
            if not in_hours or not self._in_zone(spot):
                track.looks.clear()  # who leaves the zone is not "inside it for the hold time"
                track.suspected.clear()
                continue
            for rule in self.rules:
                looks = track.looks.setdefault(rule.code, deque())
                looks.append(_look(rule, person, time_s))
                told = looks[-1].violating and self._told(rule, person.track, spot, wall_time)
                if looks[-1].violating and not told:
                    track.suspected[rule.code] = time_s
                elif looks[-1].sure:
                    track.suspected.pop(rule.code, None)
                spell = _broken(rule, looks)
                if spell and not told:
                    repeat = Repeat(rule.code, spot, wall_time + timedelta(seconds=rule.repeat_s))
                    since_s = spell[0].time_s
                    # Not as the wall clock stood then: it may have been set meanwhile, as after each start without a battery.
                    since = wall_time - timedelta(seconds=time_s - since_s)
                    violations.append(Violation(rule, person.track, since_s, since, _votes(spell), place, person, repeat))
        return violations

    def committed(self, violation: Violation) -> None:
        """The evidence of the violation is safe: do not tell of it again within the repeat interval."""
        self._repeats.append(violation.repeat)
        if violation.track in self._tracks:
            self._tracks[violation.track].told_until[violation.rule.code] = violation.repeat.until
            self._tracks[violation.track].suspected.pop(violation.rule.code, None)

    def refused(self, violation: Violation) -> None:
        """What `committed` was told of could not be kept after all: tell of it again at the next look, if it lasts."""
        mine = violation.repeat
        self._repeats = [repeat for repeat in self._repeats if (repeat.rule, repeat.spot) != (mine.rule, mine.spot)]
        if violation.track in self._tracks:
            self._tracks[violation.track].told_until.pop(violation.rule.code, None)

    def wanted_interval_s(self, time_s: float) -> float | None:
        """How far apart looks may be, in seconds, for the most urgent open suspicion to be told in time; None without one.

        A suspicion is open while somebody's last sure look broke a rule that was not told of, no longer ago than its hold time.
        """
        return min((rule.hold_s / rule.min_sure_looks for rule, _ in self._suspicions(time_s)), default=None)

    def wanted_at_s(self, time_s: float) -> float | None:
        """The next moment (camera's time) at which an open suspicion will have lasted the hold time, None without one.

        A look then, and not only with the next key frame, tells of it as early as it may be told.
        """
        return min(
            (
                look.time_s + rule.hold_s
                for rule, looks in self._suspicions(time_s) for look in looks
                if look.violating and look.time_s + rule.hold_s > time_s + SAME_TIME_S
            ),
            default=None,
        )

    def _suspicions(self, time_s: float) -> Iterator[tuple[Rule, deque[_Look]]]:
        """The open ones of every person, with the looks at them."""
        for track in self._tracks.values():
            for rule in self.rules:
                seen_s = track.suspected.get(rule.code)
                if seen_s is not None and time_s - seen_s <= rule.hold_s:
                    yield rule, track.looks[rule.code]

    def _told(self, rule: Rule, number: int, spot: Box, wall_time: datetime) -> bool:
        until = self._tracks[number].told_until.get(rule.code)
        if until is not None and wall_time < until:
            return True
        return any(repeat.rule == rule.code and same_spot(repeat.spot, spot) for repeat in self._repeats)

    def _forget(self, time_s: float, wall_time: datetime) -> None:
        keep_s = 2 * self._longest_s + 60
        self._tracks = {number: track for number, track in self._tracks.items() if time_s - track.seen_s <= keep_s}
        # Nothing lasts longer than its interval from now: when it was told, the wall clock may have been ahead.
        latest = {rule.code: wall_time + timedelta(seconds=rule.repeat_s) for rule in self.rules}
        self._repeats = [
            replace(repeat, until=min(repeat.until, latest.get(repeat.rule, repeat.until)))
            for repeat in self._repeats if repeat.until > wall_time
        ]
        for track in self._tracks.values():
            track.told_until = {code: min(until, latest[code]) for code, until in track.told_until.items()}

    def _in_hours(self, wall_time: datetime) -> bool:
        local = wall_time.astimezone(SHOP_TIME).time()
        return self._camera.hours is None or any(window.contains(local) for window in self._camera.hours)

    def _in_zone(self, spot: Box) -> bool:
        """The middle of the body decides, as far as it shows: feet are hidden behind worktops, and a head leans over the line."""
        if self._camera.zone is None:
            return True
        # What is guessed below a head may reach beyond the picture.
        x1, y1, x2, y2 = np.clip(spot, 0, 1)
        middle = (float(x1 + x2) / 2, float(y1 + y2) / 2)
        return cv2.pointPolygonTest(np.asarray(self._camera.zone, dtype=np.float32), middle, False) >= 0


def same_spot(a: Box, b: Box) -> bool:
    return iou(a, b) >= SAME_SPOT_IOU or _centre_well_inside(a, b) or _centre_well_inside(b, a)


def _centre_well_inside(a: Box, b: Box) -> bool:
    x, y = (a[0] + a[2]) / 2, (a[1] + a[3]) / 2
    width, height = b[2] - b[0], b[3] - b[1]
    return abs(x - (b[0] + b[2]) / 2) <= width / 4 and abs(y - (b[1] + b[3]) / 2) <= height / 4


def _look(rule: Rule, person: Person, time_s: float) -> _Look:
    seen = person.attribute(rule.sign.attribute) if rule.sign else None
    if seen is None or seen.state == "unknown":
        return _Look(time_s, sure=False, violating=False)
    return _Look(time_s, sure=True, violating=rule.sign is not None and seen.state in rule.sign.states)


def _broken(rule: Rule, looks: deque[_Look]) -> list[_Look]:
    """The looks of the spell over which the rule is broken, or none. Looks that no later spell can begin with are dropped.

    A spell begins and ends with a violating look and lasts the hold time, whatever the rate of looks; over it the catalogue's
    shares must hold. At no look since its beginning have more sure looks spoken against it than for it: a cap that was lifted
    for a moment is not when a later violation began. The shortest such spell counts; where looks are far apart it reaches back
    for as many as the rule wants, but not farther than `_longest_spell_s`.
    """
    now, still = looks[-1].time_s, looks[-1].violating
    while looks and (not looks[0].violating or now - looks[0].time_s > _longest_spell_s(rule)):
        looks.popleft()
    if not still:
        return []
    spell = list(looks)
    counted = sure = violating = 0
    lowest = 0  # what violating looks are ahead of the others by, at the worst moment since `look`
    for start in range(len(spell) - 1, -1, -1):
        look = spell[start]
        counted, sure, violating = counted + 1, sure + look.sure, violating + look.violating
        lowest = min(lowest, 0) + (1 if look.violating else -look.sure)
        if (
            look.violating
            and lowest >= 0
            and now - look.time_s >= rule.hold_s - SAME_TIME_S
            and sure >= rule.min_sure_looks
            and sure >= rule.min_sure_share * counted
            and violating >= rule.min_violating_share * sure
        ):
            return spell[start:]
    return []


def _longest_spell_s(rule: Rule) -> float:
    """Twice the hold time, and enough for three looks of a camera with a key frame every 5 s."""
    return 2 * rule.hold_s + 10


def _votes(looks: Iterable[_Look]) -> AttributeVotes:
    counted = list(looks)
    return AttributeVotes(
        looks=len(counted),
        sure=sum(look.sure for look in counted),
        violating=sum(look.violating for look in counted),
    )
