"""Every count goes by an index over the time that is asked for, so that it costs as much as what happened in that time, however
much there was before."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Label, Select, and_, extract, func, literal, literal_column, select
from sqlalchemy.orm import InstrumentedAttribute, aliased, joinedload

from api.accounts.actors import Actor
from api.cameras.tables import Camera
from api.cases.repository import case_is_visible
from api.cases.states import Act, CaseState, DismissalReason
from api.cases.tables import IS_OPEN, Case, CaseTransition, Reminder, ReminderKind, Stage
from api.kit.database import Work
from api.kit.times import shop_week
from api.places.repository import own_and_below, shop_is_visible
from api.places.tables import District, Shop
from api.statistics.figures import By, Closed, Counts, CountsRow, Duration, DurationRow, Scope

_R = DismissalReason
# Why a finding was none. What nobody could tell, tests and duplicates say nothing about the detector.
FALSE = (_R.NOT_A_VIOLATION, _R.NOT_STAFF)
APART = (_R.DUPLICATE, _R.TEST, _R.OTHER)
_DISMISSED = CaseTransition.act == Act.DISMISS
_STEPS: dict[str, ColumnElement[bool]] = {
    "found": CaseTransition.act == Act.REPORT,
    "set_aside": CaseTransition.act == Act.MUTE,
    "confirmed": CaseTransition.act == Act.CONFIRM,
    "false_alarms": and_(_DISMISSED, CaseTransition.reason.in_(FALSE)),
    "cannot_tell": and_(_DISMISSED, CaseTransition.reason == _R.CANNOT_TELL),
    "apart": (CaseTransition.act == Act.MERGE) | and_(_DISMISSED, CaseTransition.reason.in_(APART)),
    "dismissed": _DISMISSED,
    "issued": CaseTransition.act == Act.ISSUE,
    "answered": CaseTransition.act == Act.SUBMIT,
    "returned": CaseTransition.act == Act.RETURN,
    "closed": CaseTransition.act == Act.CLOSE,
    "withdrawn": CaseTransition.act.in_((Act.WITHDRAW, Act.UPHOLD)),
    "visits": CaseTransition.act == Act.GO_ON_SITE,
    "transferred": CaseTransition.act == Act.TRANSFER,
}
_ACTS = (
    Act.REPORT, Act.MUTE, Act.CONFIRM, Act.DISMISS, Act.MERGE, Act.ISSUE, Act.SUBMIT, Act.RETURN, Act.CLOSE, Act.WITHDRAW,
    Act.UPHOLD, Act.GO_ON_SITE, Act.TRANSFER,
)
# Key, name, and what the named one belongs to.
_KEYS: dict[By, tuple[Any, ...]] = {
    By.RULE: (Case.rule,),
    By.CAMERA: (Case.camera_id, Camera.name, Shop.name),
    By.SHOP: (Case.shop_id, Shop.name),
    By.STATION: (Shop.district_id, District.name),
    By.WEEK: (shop_week(CaseTransition.at),),
}


def _of(scope: Scope) -> list[ColumnElement[bool]]:
    """What narrows cases to the places and the rule that are asked for."""
    wanted: list[ColumnElement[bool]] = []
    if scope.district_id is not None:
        wanted.append(Case.shop_id.in_(select(Shop.id).where(Shop.district_id.in_(own_and_below(scope.district_id)))))
    if scope.shop_id is not None:
        wanted.append(Case.shop_id == scope.shop_id)
    if scope.rule is not None:
        # Not by the index of the rule, which leads to all its cases there ever were: SQLite, which keeps no statistics, takes it.
        wanted.append(Case.rule.concat("") == scope.rule)
    return wanted


def _within(column: InstrumentedAttribute[datetime], scope: Scope) -> ColumnElement[bool]:
    return and_(column >= scope.begin, column < scope.end)


def _joined(query: Select[*tuple[Any, ...]], by: By | None) -> Select[*tuple[Any, ...]]:
    if by in (By.SHOP, By.STATION, By.CAMERA):
        query = query.join(Shop, Shop.id == Case.shop_id)
    if by is By.STATION:
        query = query.join(District, District.id == Shop.district_id)
    return query.join(Camera, Camera.id == Case.camera_id) if by is By.CAMERA else query


async def count_steps(
    work: Work, actor: Actor, scope: Scope, by: By | None = None, *, limit: int | None = None, most: str = "confirmed"
) -> list[CountsRow]:
    """One row for each that had a step: weeks in their order, others with the most of that step first. Without `by`, one row."""
    counts: list[Label[int]] = [func.count().filter(step).label(name) for name, step in _STEPS.items()]
    keys = _KEYS[by] if by is not None else ()
    undo = aliased(CaseTransition)
    taken_back = select(undo.id).where(
        undo.case_id == CaseTransition.case_id, undo.version == CaseTransition.version + 1, undo.act == Act.UNDO
    )
    query = (
        _joined(select(*keys, *counts).select_from(CaseTransition).join(Case, Case.id == CaseTransition.case_id), by)
        .where(
            case_is_visible(actor), *_of(scope), CaseTransition.act.in_(_ACTS), _within(CaseTransition.at, scope),
            ~and_(CaseTransition.act.in_((Act.CONFIRM, Act.DISMISS)), taken_back.exists()),
        )
    )
    if by is not None:
        order = [keys[0]] if by is By.WEEK else [func.count().filter(_STEPS[most]).desc(), func.count().desc(), keys[0]]
        query = query.group_by(*keys).order_by(*order).limit(limit)
    rows = (await work.execute(query)).all()
    return [_row(row[: len(keys)], row[len(keys) :]) for row in rows]


def _row(keys: Sequence[str], numbers: Sequence[int]) -> CountsRow:
    key, name, of, *_ = [*keys, "", "", ""]
    return CountsRow(key, name, of, Counts(**dict(zip(_STEPS, numbers, strict=True))))


async def measure_durations(work: Work, actor: Actor, scope: Scope, by: By | None = None) -> list[DurationRow]:
    """From the notice to the first answer, and to the closure, of what was answered or closed in this time. By nearest rank
    (https://en.wikipedia.org/wiki/Percentile#The_nearest-rank_method), which needs no more than SQL that every engine has."""
    notice, earlier = aliased(CaseTransition), aliased(CaseTransition)
    keys = _KEYS[by] if by is not None else (literal(""),)
    first = ~select(earlier.id).where(
        earlier.case_id == CaseTransition.case_id, earlier.act == Act.SUBMIT, earlier.id < CaseTransition.id
    ).exists()
    seconds = extract("epoch", CaseTransition.at) - extract("epoch", notice.at)
    columns = (keys[0].label("key"), (keys[1] if len(keys) > 1 else literal("")).label("name"), CaseTransition.act.label("act"))
    taken = (
        select(*columns, seconds.label("seconds"))
        .select_from(CaseTransition)
        .join(Case, Case.id == CaseTransition.case_id)
        .join(notice, and_(notice.case_id == CaseTransition.case_id, notice.act == Act.ISSUE))
    )
    times = _joined(taken, by).where(
        case_is_visible(actor), *_of(scope), CaseTransition.act.in_((Act.SUBMIT, Act.CLOSE)),
        _within(CaseTransition.at, scope), (CaseTransition.act == Act.CLOSE) | first,
    ).subquery()
    group = (times.c.key, times.c.name, times.c.act)
    ranked = select(
        *group, times.c.seconds, func.row_number().over(partition_by=group, order_by=times.c.seconds).label("rank"),
        func.count().over(partition_by=group).label("cases"),
    ).subquery()
    one = (ranked.c.key, ranked.c.name, ranked.c.act, ranked.c.cases)
    query = (
        select(
            *one, func.min(ranked.c.seconds).filter(ranked.c.rank * 2 >= ranked.c.cases),
            func.min(ranked.c.seconds).filter(ranked.c.rank * 10 >= ranked.c.cases * 9),
        )
        .group_by(*one)
        .order_by(ranked.c.cases.desc(), ranked.c.key)
    )
    return [
        DurationRow(key, name, Act(act), Duration(cases, timedelta(seconds=float(median)), timedelta(seconds=float(p90))))
        for key, name, act, cases, median, p90 in await work.execute(query)
    ]


async def count_missed(work: Work, actor: Actor, scope: Scope, stages: Sequence[Stage] = tuple(Stage)) -> int:
    """Limits that ended without what was due."""
    query = select(func.count()).select_from(Reminder).join(Case, Case.id == Reminder.case_id)
    passed = (Reminder.kind == ReminderKind.LIMIT, Reminder.stage.in_(stages), _within(Reminder.at, scope))
    return await work.scalar(query.where(case_is_visible(actor), *_of(scope), *passed)) or 0


async def count_states(work: Work, actor: Actor, *, is_open: bool = False) -> dict[CaseState, int]:
    """How many cases are in each state now; of those that are not over only, where these are all that is asked for."""
    query = select(Case.state, func.count()).where(case_is_visible(actor)).group_by(Case.state)
    return dict((await work.execute(query.where(literal_column(f"cases.{IS_OPEN.text}")) if is_open else query)).all())


async def count_overdue_now(work: Work, actor: Actor) -> int:
    query = select(func.count()).select_from(Case).where(case_is_visible(actor), Case.overdue_at.is_not(None))
    return await work.scalar(query) or 0


async def list_closed(work: Work, actor: Actor, since: datetime, limit: int) -> list[Closed]:
    """What was verified and closed since then, the latest first."""
    closed = and_(CaseTransition.act == Act.CLOSE, CaseTransition.at >= since, Case.state == CaseState.CLOSED)
    query = (
        select(Case, CaseTransition.at)
        .join(CaseTransition, CaseTransition.case_id == Case.id)
        .where(case_is_visible(actor), closed)
        .options(joinedload(Case.shop), joinedload(Case.area))
        .order_by(CaseTransition.at.desc())
        .limit(limit)
    )
    return [Closed(case, at) for case, at in await work.execute(query)]


async def list_shop_names(work: Work, actor: Actor, district_id: str | None, limit: int) -> list[tuple[str, str]]:
    """Ids and names of the shops that can be chosen, by name."""
    query = select(Shop.id, Shop.name).where(shop_is_visible(actor, Shop.id)).order_by(Shop.name, Shop.id).limit(limit)
    if district_id is not None:
        query = query.where(Shop.district_id.in_(own_and_below(district_id)))
    return [(shop_id, name) for shop_id, name in await work.execute(query)]
