"""What the centre tells an edge about its cameras."""

from datetime import time

import pytest

from contract.cameras import Hours


@pytest.mark.parametrize(
    ("start", "end"), [("09:00", "21:00"), ("01:00Z", "13:00Z"), ("09:00+08:00", "13:00Z"), ("02:00+01:00", "21:00")]
)
def test_hours_are_those_of_the_shop_whatever_zone_they_come_in(start: str, end: str):
    hours = Hours.model_validate({"start": start, "end": end})
    assert (hours.start, hours.end) == (time(9), time(21))
    assert [hours.contains(time(hour)) for hour in (8, 9, 20, 21)] == [False, True, True, False]


def test_an_evening_in_another_zone_is_the_night_here():
    hours = Hours.model_validate({"start": "20:00Z", "end": "00:00Z"})
    assert (hours.start, hours.end) == (time(4), time(8))
