"""What is counted, as plain values. The pages say in words what each figure means: api/console/statistics_words.py."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from api.cameras.schemas import CameraState
from api.cases.states import Act, CaseState
from api.cases.tables import Case
from api.coverage.schemas import Counts as Coverage


class By(StrEnum):
    """What the counts are broken down by."""

    RULE = "rule"
    CAMERA = "camera"
    SHOP = "shop"
    STATION = "station"
    WEEK = "week"  # of ISO 8601: from Monday


@dataclass(frozen=True)
class Scope:
    """Which steps of cases are counted: those taken from `begin` on and before `end`; where they are given, only at shops of
    this county or station, of this shop, against this rule."""

    begin: datetime
    end: datetime
    district_id: str | None = None
    shop_id: str | None = None
    rule: str | None = None


@dataclass(frozen=True)
class Counts:
    """Steps of cases, each counted on the day on which it was taken. A judgement that was taken back is none.

    `set_aside` is what a muted spot dismissed by itself, `apart` what people dismissed or merged as a test, a duplicate, or for
    another reason.
    """

    found: int = 0
    set_aside: int = 0
    confirmed: int = 0
    false_alarms: int = 0
    cannot_tell: int = 0
    apart: int = 0
    dismissed: int = 0
    issued: int = 0
    recorded: int = 0
    answered: int = 0
    returned: int = 0
    closed: int = 0
    withdrawn: int = 0
    visits: int = 0
    transferred: int = 0

    @property
    def judged(self) -> int:
        """What a person found to be one or the other."""
        return self.confirmed + self.false_alarms


@dataclass(frozen=True)
class CountsRow:
    """`name` is empty where the key says it all; `of` is the shop of a camera."""

    key: str
    name: str
    of: str
    counts: Counts


@dataclass(frozen=True)
class Duration:
    """From the notice on, of so many cases: half of them took no longer than the median, nine in ten no longer than `p90`."""

    cases: int
    median: timedelta
    p90: timedelta


@dataclass(frozen=True)
class DurationRow:
    """`until` is the first answer of the shop (SUBMIT) or the closure (CLOSE)."""

    key: str
    name: str
    until: Act
    duration: Duration


@dataclass(frozen=True)
class Figures:
    """`missed` are deadlines of shops that passed in this time without what was due."""

    total: Counts
    missed: int
    by: dict[By, Sequence[CountsRow]]
    durations: Mapping[By | None, Sequence[DurationRow]]


@dataclass(frozen=True)
class Month:
    """A calendar month of a report, and the one before it."""

    first: date
    figures: Figures
    before: Counts
    missed_before: int
    coverage: Coverage

    @property
    def is_empty(self) -> bool:
        return self.figures.total == Counts() and not self.figures.missed


@dataclass(frozen=True)
class Closed:
    """A case that was verified and closed lately."""

    case: Case
    at: datetime


@dataclass(frozen=True)
class Today:
    """What a screen on the wall shows."""

    counts: Counts
    waiting: dict[CaseState, int]
    overdue: int
    coverage: Coverage
    cameras: dict[CameraState, int]
    closed: Sequence[Closed] = field(default=())
