from collections import Counter
from datetime import date, datetime, time, timedelta

from api.accounts.actors import Actor
from api.accounts.permissions import Permission
from api.cameras import repository as cameras
from api.cameras.schemas import CameraState
from api.cameras.service import state_of
from api.cases.states import Act
from api.kit.database import Work
from api.kit.problems import Invalid
from api.kit.times import SHOP_TIME, in_shop_time
from api.statistics import repository
from api.statistics.schemas import CaseCounts, RuleCount, ShopCount, Statistics
from contract.catalogue import Catalogue

USUAL_DAYS = 30
LONGEST = timedelta(days=366)
MOST_SHOPS = 100


class BadPeriod(Invalid):
    code = "bad-period"


async def get_statistics(
    work: Work, actor: Actor, catalogue: Catalogue, at: datetime, since: date | None, until: date | None
) -> Statistics:
    """Of what the actor may see, by days in the shops' time. Raises BadPeriod."""
    actor.require(Permission.CASES_READ)
    until = until or in_shop_time(at).date()
    since = since or until - timedelta(days=USUAL_DAYS - 1)
    if not timedelta() <= until - since <= LONGEST or until == date.max:
        raise BadPeriod(f"Name a first day and a last day that is not before it, at most {LONGEST.days} days apart.")
    begin, end = _midnight(since), _midnight(until + timedelta(days=1))
    acts = await repository.count_acts(work, actor, begin, end)
    by_rule = await repository.count_opened_by_rule(work, actor, begin, end)
    names = {rule.code: rule.name for rule in catalogue.rules}
    return Statistics(
        since=since, until=until,
        cases=CaseCounts(
            opened=sum(count for _, count in by_rule), confirmed=acts.get(Act.CONFIRM, 0), dismissed=acts.get(Act.DISMISS, 0),
            issued=acts.get(Act.ISSUE, 0), submitted=acts.get(Act.SUBMIT, 0), returned=acts.get(Act.RETURN, 0),
            closed=acts.get(Act.CLOSE, 0), withdrawn=acts.get(Act.WITHDRAW, 0) + acts.get(Act.UPHOLD, 0),
            transferred=acts.get(Act.TRANSFER, 0), overdue=await repository.count_overdue(work, actor, begin, end),
        ),
        by_rule=[RuleCount(rule=rule, name=names.get(rule), opened=count) for rule, count in by_rule],
        by_shop=[
            ShopCount(shop_id=shop_id, name=name, opened=count)
            for shop_id, name, count in await repository.count_opened_by_shop(work, actor, begin, end, MOST_SHOPS)
        ],
        cases_now=await repository.count_states(work, actor),
        overdue_now=await repository.count_overdue_now(work, actor),
        cameras_now=await _cameras(work, actor, at) if actor.may(Permission.CAMERAS_READ) else None,
    )


async def _cameras(work: Work, actor: Actor, at: datetime) -> dict[CameraState, int]:
    return dict(Counter(state_of(camera, at) for camera in await cameras.list_cameras(work, actor)))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), SHOP_TIME)
