"""When a message is tried again, and how long a target that fails is left alone."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

# The schedule that the Standard Webhooks specification proposes ("Deliverability and reliability"), after an immediate first try.
DELAYS_S = (5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
# Upwards only: never sooner than the schedule says. Messages that failed together come back one by one.
JITTER = 0.1
LONGEST_RETRY_AFTER_S = 24 * 3600.0

FAILURES_TO_OPEN = 5
FIRST_REST_S = 30.0
LONGEST_REST_S = 15 * 60.0


def retry_at(at: datetime, attempts: int, chance: float, retry_after_s: float | None = None) -> datetime | None:
    """After so many failed attempts; None when the last one was the last. `chance` lies in [0, 1)."""
    if attempts > len(DELAYS_S):
        return None
    delay_s = DELAYS_S[attempts - 1] * (1 + JITTER * chance)
    return at + timedelta(seconds=max(delay_s, retry_after_s or 0))


def rest_until(at: datetime, failures: int) -> datetime | None:
    """Until when the circuit of a target is open after so many failures in a row; then one message is let through to try."""
    if failures < FAILURES_TO_OPEN:
        return None
    return at + timedelta(seconds=min(FIRST_REST_S * 2.0 ** min(failures - FAILURES_TO_OPEN, 20), LONGEST_REST_S))


def read_retry_after(header: str | None, at: datetime) -> float | None:
    """Seconds from `at` (RFC 9110, 10.2.3: a number of seconds, or a date), at most a day; None for what is neither."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:10]), LONGEST_RETRY_AFTER_S)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # the second of a zone that is beyond all numbers
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max((moment - at).total_seconds(), 0.0), LONGEST_RETRY_AFTER_S)
