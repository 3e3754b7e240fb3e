from datetime import UTC, datetime, timedelta

import pytest

from api.deliveries.retries import DELAYS_S, LONGEST_REST_S, read_retry_after, rest_until, retry_at

AT = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def test_the_schedule():
    waits = [retry_at(AT, attempts, chance=0.0) for attempts in range(1, 11)]
    minutes = [(wait - AT).total_seconds() / 60 if wait else None for wait in waits]
    assert minutes == [5 / 60, 5, 30, 120, 300, 600, 840, 1200, 1440, None]


@pytest.mark.parametrize("attempts", range(1, 10))
def test_jitter_makes_it_later_by_a_tenth_at_most(attempts: int):
    delay = timedelta(seconds=DELAYS_S[attempts - 1])
    later = retry_at(AT, attempts, chance=0.999)
    assert later is not None
    assert delay * 1.09 < later - AT <= delay * 1.1


def test_retry_after_can_only_make_it_later():
    assert retry_at(AT, 1, 0.0, retry_after_s=90) == AT + timedelta(seconds=90)
    assert retry_at(AT, 3, 0.0, retry_after_s=90) == AT + timedelta(minutes=30)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None), ("120", 120), (" 7 ", 7), ("0", 0), ("99999999999999999999", 86400), ("-5", None), ("soon", None),
        ("", None),
        ("Tue, 24 Nov 2026 12:01:30 GMT", 90), ("Tue, 24 Nov 2026 11:00:00 GMT", 0), ("Fri, 24 Nov 2056 12:00:00 GMT", 86400),
        ("Tue, 24 Nov 2026 20:01:30 +0800", 90), ("Tue, 24 Nov 2026 12:01:30 -0000", 90), ("Tue, 24 Nov 2026 12:01:30", 90),
        ("１２", None), ("27 Nov 2026 10:49:54 +99999999999", None), ("27 Nov 2026 10:49:54 +2799999999999", None),
    ],
)
def test_retry_after(header: str | None, seconds: float | None):
    assert read_retry_after(header, AT) == seconds


def test_the_circuit_opens_at_the_fifth_failure_and_rests_longer_each_time():
    rests = [rest_until(AT, failures) for failures in range(1, 13)]
    seconds = [(rest - AT).total_seconds() if rest else 0 for rest in rests]
    assert seconds == [0, 0, 0, 0, 30, 60, 120, 240, 480, LONGEST_REST_S, LONGEST_REST_S, LONGEST_REST_S]
