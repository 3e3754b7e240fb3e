"""Working hours and working days of the Chinese calendar, with its holidays and make-up days."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

import chinese_calendar

from api.kit.times import SHOP_TIME, in_shop_time

# Longer than any deadline; a table of hours without a working minute would otherwise be searched for ever.
_LONGEST = timedelta(days=3660)


class WorkingTime:
    """Counts in windows of local time (Asia/Shanghai), such as 08:30-12:00 and 14:00-17:30, on working days.

    `holidays` and `working_days` come before what the calendar says: a year that it does not know yet counts Monday to Friday.
    """

    def __init__(
        self, windows: Sequence[tuple[time, time]], holidays: Sequence[date] = (), working_days: Sequence[date] = ()
    ) -> None:
        self._windows = sorted(windows)
        self._holidays, self._working_days = frozenset(holidays), frozenset(working_days)

    def knows(self, year: int) -> bool:
        """Whether the calendar, or the days that were added, speak of this year."""
        if any(day.year == year for day in self._holidays | self._working_days):
            return True
        try:
            chinese_calendar.is_workday(date(year, 1, 1))
        except NotImplementedError:
            return False
        return True

    def is_working_day(self, day: date) -> bool:
        if day in self._working_days or day in self._holidays:
            return day in self._working_days
        return _is_workday(day)

    def add(self, start: datetime, worked: timedelta) -> datetime:
        """The moment at which so much working time has passed since `start`."""
        for opens, closes in self._windows_after(start):
            if worked <= closes - opens:
                return opens + worked
            worked -= closes - opens
        raise ValueError("there is no working time to count in")

    def between(self, start: datetime, end: datetime) -> timedelta:
        """The working time from `start` to `end`; zero where the end comes first."""
        worked = timedelta()
        for opens, closes in self._windows_after(start):
            if opens >= end:
                break
            worked += min(closes, end) - opens
        return worked

    def end_of_day(self, start: datetime, days: int) -> datetime:
        """The end of working hours on the `days`th working day after the day of `start`, which does not count."""
        day = in_shop_time(start).date()
        left = days
        while left > 0:
            day += timedelta(days=1)
            left -= self.is_working_day(day)
        return self._at(day, self._windows[-1][1])

    def end_of_calendar_day(self, start: datetime, days: int) -> datetime:
        """The same in calendar days; one that ends on a day off ends on the next working day."""
        day = in_shop_time(start).date() + timedelta(days=days)
        while not self.is_working_day(day):
            day += timedelta(days=1)
        return self._at(day, self._windows[-1][1])

    def _windows_after(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        day, last = in_shop_time(start).date(), in_shop_time(start + _LONGEST).date()
        while day < last:
            if self.is_working_day(day):
                for opens, closes in self._windows:
                    opening, closing = self._at(day, opens), self._at(day, closes)
                    if closing > start:
                        yield max(opening, start), closing
            day += timedelta(days=1)

    def _at(self, day: date, moment: time) -> datetime:
        return datetime.combine(day, moment, SHOP_TIME).astimezone(UTC)


@lru_cache(10_000)  # every report that opens a case asks for a dozen days
def _is_workday(day: date) -> bool:
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        return day.isoweekday() <= 5
