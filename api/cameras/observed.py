"""In how many of the minutes in which it is to be looked at a camera really was: counted here and nowhere else."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from api.accounts.actors import Actor
from api.cameras import repository
from api.cameras.minutes import MINUTE, count_minutes, windows
from api.cameras.tables import Camera
from api.kit.database import Work
from api.kit.times import SHOP_TIME, in_shop_time
from contract.cameras import Hours

# A heartbeat brings the minutes that are over; a slow one comes this much later.
TOLD_BY = timedelta(minutes=5)


@dataclass(frozen=True)
class Observed:
    required: int
    observed: int


@dataclass(frozen=True)
class ObservedDay:
    """In the shops' time; `minutes` are None for a day of which nothing is known."""

    day: date
    minutes: Observed | None


def told_until(at: datetime) -> datetime:
    """Up to here all edges have told what they saw."""
    return at.replace(second=0, microsecond=0) - TOLD_BY


async def count(work: Work, actor: Actor, camera: Camera, since: datetime, until: datetime) -> Observed:
    """From whole minute to whole minute, `until` left out."""
    hours = None if camera.hours is None else [Hours.model_validate(one) for one in camera.hours]
    spans = windows(hours, since, until)
    return Observed(count_minutes(spans), await repository.count_looked_at(work, actor, camera.id, spans))


async def count_by_day(work: Work, actor: Actor, camera: Camera, at: datetime, days: int) -> list[ObservedDay]:
    """The last so many days with today, the oldest first, by the hours that the camera has now. Before the first minute that is
    known nothing was required: the camera was not there, or its minutes are not kept for so long."""
    until = told_until(at)
    today = in_shop_time(at).date()
    first = await repository.first_minute(work, actor, camera.id)
    found = []
    for day in (today - timedelta(days=number) for number in reversed(range(days))):
        begin = datetime.combine(day, time(), SHOP_TIME)
        end = min(begin + timedelta(days=1), until)
        since = begin if first is None else max(begin, first)
        is_known = first is not None and since + MINUTE <= end
        found.append(ObservedDay(day, await count(work, actor, camera, since, end) if is_known else None))
    return found
