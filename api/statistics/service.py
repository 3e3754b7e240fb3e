from collections import Counter
from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta

from api.accounts.actors import Actor
from api.accounts.permissions import Permission
from api.cameras import repository as cameras
from api.cameras.schemas import CameraState
from api.cameras.service import state_of
from api.cases.tables import STAGES_OF_THE_SHOP, Stage
from api.coverage import service as coverage
from api.coverage.schemas import Counts as Coverage
from api.kit.database import Work
from api.kit.problems import Invalid
from api.kit.times import in_shop_time, midnight
from api.statistics import repository
from api.statistics.figures import By, Counts, CountsRow, Figures, Month, Scope, Today
from api.statistics.schemas import CaseCounts, RuleCount, ShopCount, Statistics
from contract.catalogue import Catalogue

USUAL_DAYS = 30
LONGEST = timedelta(days=366)
# Nothing of ours is older, and a time that no database can hold is none.
FIRST_DAY = date(2000, 1, 1)
MOST_SHOPS = 100
# What a wall shows of the last days: as many pictures as fit below each other.
_CLOSED_SHOWN = 4
_CLOSED_WITHIN = timedelta(days=7)


class BadPeriod(Invalid):
    code = "bad-period"


def scope_of(
    at: datetime, since: date | None, until: date | None, *, district_id: str | None = None, shop_id: str | None = None,
    rule: str | None = None,
) -> Scope:
    """Both days included, in the shops' time; the last 30 days where none are named. Raises BadPeriod."""
    until = until or in_shop_time(at).date()
    if not FIRST_DAY <= until < date.max:
        raise BadPeriod(f"Name days from {FIRST_DAY} on, and before {date.max}.")
    since = since or until - timedelta(days=USUAL_DAYS - 1)
    if since < FIRST_DAY or not timedelta() <= until - since <= LONGEST:
        raise BadPeriod(f"Name a first day and a last day that is not before it, at most {LONGEST.days} days apart.")
    return Scope(midnight(since), midnight(until + timedelta(days=1)), district_id, shop_id, rule)


async def get_statistics(
    work: Work, actor: Actor, catalogue: Catalogue, at: datetime, since: date | None, until: date | None
) -> Statistics:
    """Of what the actor may see, by days in the shops' time. Raises BadPeriod."""
    actor.require(Permission.CASES_READ)
    scope = scope_of(at, since, until)
    counted = await repository.count_steps(work, actor, scope, (None, By.RULE, By.SHOP), most="found")
    total = counted[None][0].counts
    names = {rule.code: rule.name for rule in catalogue.rules}
    return Statistics(
        since=in_shop_time(scope.begin).date(), until=(in_shop_time(scope.end) - timedelta(days=1)).date(),
        cases=CaseCounts(
            opened=total.found, confirmed=total.confirmed, dismissed=total.dismissed, issued=total.issued,
            recorded=total.recorded, submitted=total.answered, returned=total.returned, closed=total.closed,
            withdrawn=total.withdrawn, transferred=total.transferred,
            overdue=await repository.count_missed(
                work, actor, scope, tuple(Stage) if actor.sees_unconfirmed else STAGES_OF_THE_SHOP
            ),
        ),
        by_rule=[
            RuleCount(rule=row.key, name=names.get(row.key), opened=row.counts.found)
            for row in counted[By.RULE] if row.counts.found
        ],
        by_shop=[
            ShopCount(shop_id=row.key, name=row.name, opened=row.counts.found)
            for row in counted[By.SHOP][:MOST_SHOPS] if row.counts.found
        ],
        cases_now=await repository.count_states(work, actor),
        overdue_now=await repository.count_overdue_now(work, actor),
        cameras_now=await _cameras(work, actor, at) if actor.may(Permission.CAMERAS_READ) else None,
    )


async def get_figures(work: Work, actor: Actor, scope: Scope, by: Collection[By]) -> Figures:
    actor.require(Permission.STATISTICS_READ)
    counted = await repository.count_steps(work, actor, scope, (None, *by))
    return Figures(
        total=counted[None][0].counts,
        missed=await repository.count_missed(work, actor, scope, STAGES_OF_THE_SHOP),
        by={one: _all_weeks(scope, counted[one]) if one is By.WEEK else counted[one] for one in by},
        durations=await repository.measure_durations(work, actor, scope, (None, By.RULE, By.STATION)),
    )


async def get_month(work: Work, actor: Actor, scope: Scope, by: Collection[By], at: datetime) -> Month:
    """Of the calendar month that the scope is, with the month before it."""
    first = in_shop_time(scope.begin).date()
    earlier = Scope(
        midnight((first - timedelta(days=1)).replace(day=1)), scope.begin, scope.district_id, scope.shop_id, scope.rule
    )
    return Month(
        first, await get_figures(work, actor, scope, by),
        (await repository.count_steps(work, actor, earlier))[None][0].counts,
        await repository.count_missed(work, actor, earlier, STAGES_OF_THE_SHOP),
        await _coverage(work, actor, at, scope.district_id, scope.shop_id),
    )


async def get_today(work: Work, actor: Actor, at: datetime) -> Today:
    actor.require(Permission.STATISTICS_READ)
    scope = scope_of(at, in_shop_time(at).date(), None)
    return Today(
        counts=(await repository.count_steps(work, actor, scope))[None][0].counts,
        waiting=await repository.count_states(work, actor, is_open=True),
        overdue=await repository.count_overdue_now(work, actor),
        coverage=await _coverage(work, actor, at),
        cameras=await _cameras(work, actor, at),
        closed=await repository.list_closed(work, actor, at - _CLOSED_WITHIN, _CLOSED_SHOWN),
    )


async def list_shop_names(work: Work, actor: Actor, district_id: str | None, limit: int) -> list[tuple[str, str]]:
    actor.require(Permission.STATISTICS_READ)
    return await repository.list_shop_names(work, actor, district_id, limit)


def _all_weeks(scope: Scope, rows: Sequence[CountsRow]) -> list[CountsRow]:
    """A week in which nothing happened is one too."""
    found = {row.key: row for row in rows}
    first, end = in_shop_time(scope.begin).date(), in_shop_time(scope.end).date()
    mondays = range(first.toordinal() - first.weekday(), end.toordinal(), 7)
    weeks = [date.fromordinal(monday).isoformat() for monday in mondays]
    return [found.get(week) or CountsRow(week, "", "", Counts()) for week in weeks]


async def _coverage(
    work: Work, actor: Actor, at: datetime, district_id: str | None = None, shop_id: str | None = None
) -> Coverage:
    """Now: how far shops had come in the past, nobody kept."""
    stations = await coverage.count_by_station(work, actor, at, shop_id=shop_id)
    counts = [counts for station, counts in stations if district_id in (None, station.id, station.parent_id)]
    return sum(counts, Coverage(0, 0, 0, 0, 0))


async def _cameras(work: Work, actor: Actor, at: datetime) -> dict[CameraState, int]:
    return dict(Counter(state_of(camera, at) for camera in await cameras.list_states(work, actor)))
