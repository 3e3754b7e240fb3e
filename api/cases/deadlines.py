"""How long each step may take: configs/deadlines.yaml, and the moments that follow from it."""

from datetime import date, datetime, timedelta
from enum import StrEnum
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from api.cases.tables import STAGES_OF_THE_SHOP, Case, Level, Stage
from api.kit.working_time import WorkingTime
from contract.base import LocalTime
from contract.catalogue import Catalogue
from contract.catalogue import Deadline as OfRule
from contract.yaml_text import parse

# The days of a new year are announced in the last weeks of the old one.
_LOOK_AHEAD = timedelta(days=45)


class DeadlinesError(ValueError):
    """A table of deadlines that cannot be used; the message names the file and the field."""


class Unit(StrEnum):
    HOURS = "hours"
    DAYS = "days"
    WORKING_HOURS = "working_hours"
    WORKING_DAYS = "working_days"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Limit(_Part):
    amount: Annotated[float, Field(ge=0, le=366)]
    unit: Unit


class Escalation(_Part):
    level: Level
    after: Limit


class OfClass(_Part):
    review: Limit
    notice: Limit | None = None
    sign: Limit
    rectify: Limit
    verify: Limit
    decide: Limit | None = None
    visit: Limit | None = None
    escalation: list[Escalation]

    @model_validator(mode="after")
    def _goes_up_once(self) -> Self:
        levels = [step.level for step in self.escalation]
        if len(levels) != len(set(levels)):
            raise ValueError("name each level once; a case goes up to it once")
        return self


class Window(_Part):
    start: LocalTime
    end: LocalTime

    @model_validator(mode="after")
    def _goes_forward(self) -> Self:
        if self.start >= self.end:
            raise ValueError("working hours begin before they end, on the same day")
        return self


class DeadlineTable(_Part):
    working_hours: Annotated[list[Window], Field(min_length=1)]
    reminder_at: Annotated[float, Field(gt=0, lt=1)]
    classes: dict[int, OfClass]
    holidays: list[date] = []
    working_days: list[date] = []

    @field_validator("working_hours")
    @classmethod
    def _one_after_the_other(cls, windows: list[Window]) -> list[Window]:
        in_order = sorted(windows, key=lambda window: window.start)
        if any(later.start < earlier.end for earlier, later in pairwise(in_order)):
            raise ValueError("working hours do not overlap")
        return windows

    @model_validator(mode="after")
    def _is_one_or_the_other(self) -> Self:
        both = sorted(set(self.holidays) & set(self.working_days))
        if both:
            raise ValueError(f"{both[0]} is among the holidays and among the working days")
        return self

    @model_validator(mode="after")
    def _has_every_class(self) -> Self:
        if set(self.classes) != {1, 2, 3}:
            raise ValueError("give the limits of the classes 1, 2 and 3")
        return self


class Deadlines:
    """The moments of a case, by its class and rule. Aware datetimes go in and come out in UTC."""

    def __init__(self, table: DeadlineTable, catalogue: Catalogue) -> None:
        self._table = table
        self.catalogue = catalogue
        windows = [(window.start, window.end) for window in table.working_hours]
        self._working = WorkingTime(windows, table.holidays, table.working_days)

    def of_class(self, case: Case) -> OfClass:
        return self._table.classes[case.severity]

    def of_stage(self, case: Case, stage: Stage) -> Limit:
        """The class's own; where it leaves one out, as a copy of the table from before does, the one to verify."""
        limits = self.of_class(case)
        limit: Limit | None = getattr(limits, stage.value)
        return limit or limits.verify

    def to_rectify(self, code: str, severity: int) -> Limit:
        """The rule's own limit; the class's where the rule has none of its own, or is gone from the catalogue."""
        rule = next((rule for rule in self.catalogue.rules if rule.code == code), None)
        return (_own(rule.deadline) if rule else None) or self._table.classes[severity].rectify

    def due(self, limit: Limit, start: datetime) -> datetime:
        match limit.unit:
            case Unit.HOURS:
                return start + timedelta(hours=limit.amount)
            case Unit.WORKING_HOURS:
                return self._working.add(start, timedelta(hours=limit.amount))
            case Unit.DAYS:
                return self._working.end_of_calendar_day(start, round(limit.amount))
            case Unit.WORKING_DAYS:
                return self._working.end_of_day(start, round(limit.amount))

    def left(self, limit: Limit, at: datetime, due: datetime) -> timedelta:
        """How much of a limit is left: working time, or by the clock for a limit in hours."""
        return max(timedelta(), due - at) if limit.unit is Unit.HOURS else self._working.between(at, due)

    def resumed(self, limit: Limit, at: datetime, left: timedelta) -> datetime:
        """When it is due that had so much left when its clock was stopped."""
        return at + left if limit.unit is Unit.HOURS else self._working.add(at, left)

    def reminder(self, start: datetime, due: datetime) -> datetime:
        return start + (due - start) * self._table.reminder_at

    def escalations(self, case: Case, due: datetime) -> list[tuple[Level, datetime]]:
        """In order of time. Only a shop that is late is summoned for a talk."""
        is_of_the_shop = case.stage in STAGES_OF_THE_SHOP
        steps = [
            (step.level, self.due(step.after, due)) for step in self.of_class(case).escalation
            if is_of_the_shop or step.level is not Level.TALK
        ]
        return sorted(steps, key=lambda step: step[1])

    def unknown_years(self, at: datetime) -> list[int]:
        """Years, the running one and soon the next, whose holidays nobody has entered."""
        return [year for year in sorted({at.year, (at + _LOOK_AHEAD).year}) if not self._working.knows(year)]


def load_deadlines(path: Path | None = None) -> DeadlineTable:
    """Read a table (YAML); without a path, the one that is shipped. Raises DeadlinesError."""
    source = path if path is not None else files("configs") / "deadlines.yaml"
    try:
        return DeadlineTable.model_validate(parse(source.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise DeadlinesError(f"The table of deadlines {source} cannot be used: {error}") from error


def _own(deadline: OfRule) -> Limit | None:
    """`record` is no time to rectify; a case of such a rule that gets a notice all the same has its class's."""
    if deadline.unit == "record":
        return None
    if deadline.unit == "at_once":
        return Limit(amount=0, unit=Unit.HOURS)
    return Limit(amount=deadline.amount, unit=Unit(deadline.unit))
