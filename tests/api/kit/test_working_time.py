"""Days from the government's notices for 2025 and 2026; 2027 is not in the library."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from api.kit.times import SHOP_TIME
from api.kit.working_time import WorkingTime

# A table may name them in any order.
WINDOWS = ((time(14), time(17, 30)), (time(8, 30), time(12)))
WORKING = WorkingTime(WINDOWS)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHOP_TIME)


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2026, 10, 1), False),  # 国庆节
        (date(2026, 10, 10), True),  # a Saturday that is worked instead
        (date(2026, 10, 11), False),
        (date(2026, 2, 17), False),  # 春节
        (date(2026, 11, 24), True),
        (date(2027, 1, 1), True),  # not known: a Friday
        (date(2027, 1, 2), False),
    ],
)
def test_working_days(day: date, works: bool):
    assert WORKING.is_working_day(day) is works


def test_what_was_entered_comes_before_the_calendar():
    entered = WorkingTime(WINDOWS, holidays=[date(2027, 1, 1)], working_days=[date(2027, 1, 2)])
    assert not entered.is_working_day(date(2027, 1, 1))
    assert entered.is_working_day(date(2027, 1, 2))
    assert (entered.knows(2027), WORKING.knows(2027), WORKING.knows(2026)) == (True, False, True)


@pytest.mark.parametrize(
    ("start", "minutes", "end"),
    [
        ("2026-11-24 09:00", 30, "2026-11-24 09:30"),
        ("2026-11-24 11:30", 30, "2026-11-24 12:00"),  # until lunch, not until after it
        ("2026-11-24 11:45", 30, "2026-11-24 14:15"),  # over lunch
        ("2026-11-24 17:15", 30, "2026-11-25 08:45"),  # over night
        ("2026-11-27 17:30", 30, "2026-11-30 09:00"),  # over the weekend
        ("2026-09-30 17:20", 30, "2026-10-08 08:50"),  # over the holidays
        ("2026-11-28 03:00", 0, "2026-11-30 08:30"),
    ],
)
def test_working_minutes(start: str, minutes: int, end: str):
    assert WORKING.add(at(start), timedelta(minutes=minutes)) == at(end)
    if minutes:
        assert WORKING.between(at(start), at(end)) == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("start", "days", "end"),
    [
        ("2026-11-24 09:00", 1, "2026-11-25 17:30"),
        ("2026-11-27 09:00", 3, "2026-12-02 17:30"),
        ("2026-09-30 23:59", 1, "2026-10-08 17:30"),
        ("2026-10-09 09:00", 1, "2026-10-10 17:30"),  # the make-up Saturday counts
    ],
)
def test_working_days_end_with_the_working_hours(start: str, days: int, end: str):
    assert WORKING.end_of_day(at(start), days) == at(end)


def test_calendar_days_that_end_on_a_day_off_end_on_the_next_working_day():
    assert WORKING.end_of_calendar_day(at("2026-11-24 09:00"), 7) == at("2026-12-01 17:30")
    assert WORKING.end_of_calendar_day(at("2026-11-24 09:00"), 4) == at("2026-11-30 17:30")


def test_nothing_runs_backwards():
    assert WORKING.between(at("2026-11-25 09:00"), at("2026-11-24 09:00")) == timedelta()


def test_moments_are_in_utc():
    assert WORKING.end_of_day(at("2026-11-24 09:00"), 1).tzinfo is UTC
