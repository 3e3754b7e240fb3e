"""Every count goes by an index over the time that is asked for, so that it costs as much as what happened in that time, however
much there was before."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, and_, extract, func, literal, literal_column, select, union_all
from sqlalchemy.orm import InstrumentedAttribute, aliased, joinedload

from api.accounts.actors import Actor
from api.cameras.tables import Camera
from api.cases.repository import case_is_visible, not_by_index
from api.cases.states import Act, CaseState, DismissalReason
from api.cases.tables import IS_OPEN, STAGES_OF_THE_SHOP, Case, CaseTransition, Reminder, ReminderKind, Stage
from api.kit.database import Work
from api.kit.times import shop_week
from api.places.repository import own_and_below, shop_is_visible
from api.places.tables import District, Shop
from api.statistics.figures import By, Closed, Counts, CountsRow, Duration, DurationRow, Scope

_R = DismissalReason
# Why a finding was none. What nobody could tell, tests and duplicates say nothing about the detector.
FALSE = (_R.NOT_A_VIOLATION, _R.NOT_STAFF)
APART = (_R.DUPLICATE, _R.TEST, _R.OTHER)
# Of a case that was opened again, the closure before that is none.
_IS_LAST = CaseTransition.version == Case.version
# What tells that a limit is over.
_OVER = (ReminderKind.LIMIT, ReminderKind.ESCALATED)
_ACTS = (
    Act.REPORT, Act.MUTE, Act.CONFIRM, Act.DISMISS, Act.MERGE, Act.ISSUE, Act.RECORD, Act.SUBMIT, Act.RETURN, Act.CLOSE,
    Act.WITHDRAW, Act.UPHOLD, Act.GO_ON_SITE, Act.TRANSFER,
)
# Counted with what came in its place, one case would be a violation and a false alarm, or closed twice.
_CAN_BE_TAKEN_BACK, _TAKES_BACK = (Act.CONFIRM, Act.DISMISS, Act.MERGE, Act.CLOSE), (Act.UNDO, Act.SPLIT, Act.REOPEN)
# What the rows of a table are grouped by, the key first; and who knows the names of these: of the key, and of what it belongs to.
_KEYS: dict[By | None, tuple[str, ...]] = {
    None: (), By.RULE: ("rule",), By.CAMERA: ("camera_id", "shop_id"), By.SHOP: ("shop_id",), By.STATION: ("district_id",),
    By.WEEK: ("week",),
}
_NAMED: dict[By | None, tuple[type[Camera | Shop | District], ...]] = {
    By.CAMERA: (Camera, Shop), By.SHOP: (Shop,), By.STATION: (District,),
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


def _kinds(act: ColumnElement[Act], reason: ColumnElement[str | None]) -> dict[str, ColumnElement[bool]]:
    dismissed = act == Act.DISMISS
    return {
        "found": act == Act.REPORT,
        "set_aside": act == Act.MUTE,
        "confirmed": act == Act.CONFIRM,
        "false_alarms": and_(dismissed, reason.in_(FALSE)),
        "cannot_tell": and_(dismissed, reason == _R.CANNOT_TELL),
        "apart": (act == Act.MERGE) | and_(dismissed, reason.in_(APART)),
        "dismissed": dismissed,
        "issued": act == Act.ISSUE,
        "recorded": act == Act.RECORD,
        "answered": act == Act.SUBMIT,
        "returned": act == Act.RETURN,
        "closed": act == Act.CLOSE,
        "withdrawn": act.in_((Act.WITHDRAW, Act.UPHOLD)),
        "visits": act == Act.GO_ON_SITE,
        "transferred": act == Act.TRANSFER,
    }


def _columns(steps: FromClause, by: By | None) -> list[ColumnElement[Any]]:
    """Of a table: which it is, the key of a row, its name, and what the named one belongs to."""
    keys = [steps.c[key] for key in _KEYS[by]]
    names = [
        select(table.name).where(table.id == key).scalar_subquery() for table, key in zip(_NAMED.get(by, ()), keys, strict=False)
    ]
    columns = [literal(by.value if by else ""), *keys[:1], *names]
    return [*columns, *[literal("")] * (4 - len(columns))]


async def count_steps(
    work: Work, actor: Actor, scope: Scope, tables: Collection[By | None] = (None,), *, most: str = "confirmed"
) -> dict[By | None, list[CountsRow]]:
    """A row for each that had a step: weeks in their order, others with the most of that step first. The table None is the
    total, always one row. Each step is looked up once for all tables: a CTE that is read more than once is kept while it is."""
    undo = aliased(CaseTransition)
    taken_back = select(undo.id).where(
        undo.case_id == CaseTransition.case_id, undo.version == CaseTransition.version + 1,
        undo.act.in_(_TAKES_BACK) | and_(CaseTransition.act == Act.CONFIRM, undo.act == Act.DISMISS),
    )
    steps = (
        select(
            CaseTransition.act, CaseTransition.reason, shop_week(CaseTransition.at).label("week"), Case.rule, Case.camera_id,
            Case.shop_id, Shop.district_id,
        )
        .select_from(CaseTransition)
        .join(Case, Case.id == CaseTransition.case_id)
        .join(Shop, Shop.id == Case.shop_id)
        .where(
            case_is_visible(actor), *_of(scope), CaseTransition.act.in_(_ACTS), _within(CaseTransition.at, scope),
            ~and_(CaseTransition.act.in_(_CAN_BE_TAKEN_BACK), taken_back.exists()),
        )
        .cte("steps")
    )
    counts = {name: func.count().filter(kind) for name, kind in _kinds(steps.c.act, steps.c.reason).items()}
    query = union_all(*(
        select(*_columns(steps, by), func.count(), *counts.values())
        .select_from(steps)
        .group_by(*(steps.c[key] for key in _KEYS[by]))
        for by in tables
    ))
    found: dict[By | None, list[tuple[int, CountsRow]]] = {by: [] for by in tables}
    for by, key, name, of, steps_taken, *numbers in await work.execute(query):
        row = CountsRow(key, name, of, Counts(**dict(zip(counts, numbers, strict=True))))
        found[By(by) if by else None].append((steps_taken, row))
    return {by: _sorted(rows, by, most) for by, rows in found.items()}


def _sorted(rows: list[tuple[int, CountsRow]], by: By | None, most: str) -> list[CountsRow]:
    if by is By.WEEK:
        return sorted((row for _, row in rows), key=lambda row: row.key)
    rows.sort(key=lambda found: (-getattr(found[1].counts, most), -found[0], found[1].key))
    return [row for _, row in rows]


async def measure_durations(
    work: Work, actor: Actor, scope: Scope, tables: Collection[By | None]
) -> dict[By | None, list[DurationRow]]:
    """From the notice to the first answer, and to the closure, of what was answered or closed in this time; the most cases
    first. By nearest rank (https://en.wikipedia.org/wiki/Percentile#The_nearest-rank_method), which needs no more than SQL that
    every engine has."""
    notice, earlier = aliased(CaseTransition), aliased(CaseTransition)
    before = select(earlier.id).where(
        earlier.case_id == CaseTransition.case_id, earlier.act == Act.SUBMIT, earlier.id < CaseTransition.id
    )
    first = and_(CaseTransition.act == Act.SUBMIT, ~before.exists())
    seconds = extract("epoch", CaseTransition.at) - extract("epoch", notice.at)
    taken = (
        select(CaseTransition.act, seconds.label("seconds"), Case.rule, Shop.district_id)
        .select_from(CaseTransition)
        .join(Case, Case.id == CaseTransition.case_id)
        .join(Shop, Shop.id == Case.shop_id)
        .join(notice, and_(notice.case_id == CaseTransition.case_id, notice.act == Act.ISSUE))
        .where(
            case_is_visible(actor), *_of(scope), CaseTransition.act.in_((Act.SUBMIT, Act.CLOSE)),
            _within(CaseTransition.at, scope), and_(CaseTransition.act == Act.CLOSE, _IS_LAST) | first,
        )
        .cte("taken")
    )
    found: dict[By | None, list[DurationRow]] = {by: [] for by in tables}
    for by, key, name, act, cases, median, p90 in await work.execute(union_all(*(_ranked(taken, by) for by in tables))):
        duration = Duration(cases, timedelta(seconds=float(median)), timedelta(seconds=float(p90)))
        found[By(by) if by else None].append(DurationRow(key, name, act, duration))
    for rows in found.values():
        rows.sort(key=lambda row: (-row.duration.cases, row.key))
    return found


def _ranked(taken: FromClause, by: By | None) -> Select[*tuple[Any, ...]]:
    group = (*(taken.c[key] for key in _KEYS[by]), taken.c.act)
    ranked = select(taken, func.cume_dist().over(partition_by=group, order_by=taken.c.seconds).label("part")).subquery()
    times = (func.min(ranked.c.seconds).filter(ranked.c.part >= part) for part in (0.5, 0.9))
    keys = [ranked.c[key] for key in _KEYS[by]]
    return select(*_columns(ranked, by)[:3], ranked.c.act, func.count(), *times).group_by(*keys, ranked.c.act)


async def count_missed(work: Work, actor: Actor, scope: Scope, stages: Collection[Stage]) -> int:
    """Limits that ended without what was due, each once: after a standstill of the centre the first that tells of one may be that
    the case went up."""
    query, earlier = select(func.count()).select_from(Reminder).join(Case, Case.id == Reminder.case_id), aliased(Reminder)
    told_before = select(earlier.id).where(
        earlier.case_id == Reminder.case_id, earlier.stage == Reminder.stage, earlier.due_at == Reminder.due_at,
        earlier.kind.in_(_OVER), earlier.id < Reminder.id,
    )
    passed = (Reminder.kind.in_(_OVER), Reminder.stage.in_(stages), _within(Reminder.at, scope), ~told_before.exists())
    return await work.scalar(query.where(case_is_visible(actor), *_of(scope), *passed)) or 0


async def count_states(work: Work, actor: Actor, *, is_open: bool = False) -> dict[CaseState, int]:
    """How many cases are in each state now; of those that are not over only, where these are all that is asked for."""
    query = select(Case.state, func.count()).where(case_is_visible(actor)).group_by(Case.state)
    return dict((await work.execute(query.where(literal_column(f"cases.{IS_OPEN.text}")) if is_open else query)).all())


async def count_overdue_now(work: Work, actor: Actor) -> int:
    query = select(func.count()).select_from(Case).where(not_by_index(case_is_visible(actor)), Case.overdue_at.is_not(None))
    if not actor.sees_unconfirmed:
        query = query.where(Case.stage.in_(STAGES_OF_THE_SHOP))
    return await work.scalar(query) or 0


async def list_closed(work: Work, actor: Actor, since: datetime, limit: int) -> list[Closed]:
    """What was verified and closed since then, the latest first."""
    closed = and_(CaseTransition.act == Act.CLOSE, CaseTransition.at >= since, Case.state == CaseState.CLOSED, _IS_LAST)
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
