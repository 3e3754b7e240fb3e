"""In which minutes of a span of time a camera is to be looked at."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from api.kit.times import in_shop_time
from contract.cameras import Hours

Window = tuple[datetime, datetime]
MINUTE = timedelta(minutes=1)


def windows(hours: Sequence[Hours] | None, since: datetime, until: datetime) -> list[Window]:
    """From (inclusive) to (exclusive), in order, none touching another. Without hours, all of the span."""
    if hours is None:
        return [(since, until)] if since < until else []
    first, last = in_shop_time(since).date() - timedelta(days=1), in_shop_time(until).date()
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    found: list[Window] = []
    for day in days:
        for one in hours:
            begin = datetime.combine(day, one.start, in_shop_time(since).tzinfo)
            end = datetime.combine(day if one.start < one.end else day + timedelta(days=1), one.end, begin.tzinfo)
            if begin < until and end > since:
                found.append((max(begin, since), min(end, until)))
    return _joined(sorted(found))


def count_minutes(spans: Sequence[Window]) -> int:
    return sum(int((end - begin) / MINUTE) for begin, end in spans)


def _joined(spans: Sequence[Window]) -> list[Window]:
    joined: list[Window] = []
    for begin, end in spans:
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return joined
