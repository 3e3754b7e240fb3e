from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    delete,
    false,
    func,
    literal_column,
    select,
    true,
    union_all,
    update,
)
from sqlalchemy.orm import joinedload

from api.accounts.actors import Actor, without_actor
from api.accounts.permissions import Permission
from api.cameras.tables import Camera
from api.cases.queues import Queue
from api.cases.states import JUDGED, OPEN, TOLD, Act, CaseState, DismissalReason
from api.cases.tables import IS_OPEN, STAGES_OF_THE_SHOP, Case, CaseTransition, MutedSpot, Reminder, ReviewLease
from api.kit.database import Work, insert_or_take
from api.kit.prepared import prepared
from api.places.repository import shop_is_visible
from api.places.tables import Shop

# Two dismissals of one spot lie close together; the look back is bounded for cameras that are dismissed all day.
_LOOKED_BACK = 200
# Of PostgreSQL's advisory locks of two numbers, which no others here are.
_SPOTS = 1
_PLACES = (joinedload(Case.camera), joinedload(Case.shop), joinedload(Case.area))


def case_is_visible(actor: Actor) -> ColumnElement[bool]:
    """Nothing reaches a shop or a partner before a person has confirmed it and given notice of it."""
    if not actor.may(Permission.CASES_READ):
        return false()
    told = true() if actor.sees_unconfirmed else Case.state.in_(TOLD)
    return and_(shop_is_visible(actor, Case.shop_id), told)


def not_by_index(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Looked at in each row, and never the way to the rows: SQLite, which keeps no statistics, would take the index of a whole
    county's shops, or of all judgements there ever were, before that of the few cases that are meant."""
    return func.coalesce(condition, false())


def _readable(actor: Actor) -> Select[Case]:
    return select(Case).where(case_is_visible(actor)).options(*_PLACES)


async def list_cases(
    work: Work, actor: Actor, *, states: Collection[CaseState] | None = None, rule: str | None = None, shop_id: str | None = None,
    camera_id: str | None = None, is_overdue: bool = False, before: int | None = None, limit: int = 50,
) -> list[Case]:
    """Newest first."""
    visible = case_is_visible(actor)
    # Among the newest cases there are soon enough of a county or a station; not so of one shop, or of the few of a program.
    is_of_many = actor.district_id is not None and actor.client is None and shop_id is None and camera_id is None
    wanted = [not_by_index(visible) if is_of_many else visible]
    for column, value in ((Case.rule, rule), (Case.shop_id, shop_id), (Case.camera_id, camera_id)):
        if value is not None:
            wanted.append(column == value)
    if is_overdue:
        wanted.append(Case.overdue_at.is_not(None))
        if not actor.sees_unconfirmed:
            wanted.append(Case.stage.in_(STAGES_OF_THE_SHOP))
    if before is not None:
        wanted.append(Case.id < before)
    query = select(Case).options(*_PLACES).order_by(Case.id.desc()).limit(limit)
    if states is None:
        return list(await work.scalars(query.where(*wanted)))
    if len(states) > 1 and shop_id is None and camera_id is None and actor.shop_id is None:
        # One walk along the index for each state, as far as the page goes: together they would all be read and sorted.
        pages = [
            select(Case.id).where(*wanted, Case.state == state).order_by(Case.id.desc()).limit(limit).subquery()
            for state in sorted(states)
        ]
        return list(await work.scalars(query.where(Case.id.in_(union_all(*(select(page.c.id) for page in pages))))))
    wanted.append(Case.state.in_(states))
    if OPEN.issuperset(states) and shop_id is not None:
        wanted.append(literal_column(f"cases.{IS_OPEN.text}"))
    return list(await work.scalars(query.where(*wanted)))


def _in_queue(actor: Actor, wanted: Queue) -> ColumnElement[bool]:
    """Of the queue, for this person."""
    parts = [case_is_visible(actor), Case.state.in_(wanted.states)]
    if wanted.rule:
        parts.append(Case.rule == wanted.rule)
    if wanted.severity is not None:
        parts.append(Case.severity == wanted.severity)
    if wanted.words:
        holds = Case.shop_id.in_(select(Shop.id).where(Shop.name.icontains(wanted.words, autoescape=True)))
        parts.append(holds | Case.camera_id.in_(select(Camera.id).where(Camera.name.icontains(wanted.words, autoescape=True))))
    return and_(*parts)


async def count_in_queue(work: Work, actor: Actor, wanted: Queue) -> int:
    return await work.scalar(select(func.count()).select_from(Case).where(_in_queue(actor, wanted))) or 0


async def list_queue(
    work: Work, actor: Actor, wanted: Queue, at: datetime, limit: int, *, is_free: bool = False, without: Collection[int] = ()
) -> list[Case]:
    """The most serious first, then what is due first. Free is what nobody else looks at."""
    query = _readable(actor).where(_in_queue(actor, wanted), Case.id.not_in(without)).limit(limit)
    if is_free:
        taken = and_(ReviewLease.case_id == Case.id, ReviewLease.actor_id != actor.id, ReviewLease.until > at)
        query = query.where(~select(ReviewLease).where(taken).exists())
    # What is to be judged always has its time, and is read in the order of an index, as far as the page goes.
    timed = (Case.due_at,) if wanted.states == {CaseState.PENDING_REVIEW} else (Case.due_at.is_(None), Case.due_at)
    return list(await work.scalars(query.order_by(Case.severity, *timed, Case.id)))


async def list_visible(work: Work, actor: Actor, case_ids: Collection[int]) -> list[int]:
    return list(await work.scalars(select(Case.id).where(case_is_visible(actor), Case.id.in_(case_ids))))


async def end_leases(work: Work, actor: Actor, case_ids: Collection[int]) -> None:
    """This person's own."""
    await work.execute(delete(ReviewLease).where(ReviewLease.actor_id == actor.id, ReviewLease.case_id.in_(case_ids)))


async def take_leases(work: Work, actor: Actor, case_ids: Sequence[int], at: datetime, until: datetime) -> set[int]:
    """Those that are this person's now: free ones, and what was theirs already. What has ended goes."""
    await work.execute(delete(ReviewLease).where(ReviewLease.until <= at))
    rows = [{"case_id": case_id, "actor_id": actor.id, "actor_name": actor.name, "until": until} for case_id in case_ids]
    may_take = (ReviewLease.actor_id == actor.id) | (ReviewLease.until <= at)
    return set(await insert_or_take(work, ReviewLease, rows, "case_id", may_take))


async def list_leases(work: Work, actor: Actor, case_ids: Collection[int], at: datetime) -> list[ReviewLease]:
    """Of others, for those who see cases before they are judged."""
    if not actor.sees_unconfirmed:
        return []
    query = (
        select(ReviewLease)
        .join(Case, Case.id == ReviewLease.case_id)
        .where(case_is_visible(actor), Case.id.in_(case_ids), ReviewLease.actor_id != actor.id, ReviewLease.until > at)
    )
    return list(await work.scalars(query.order_by(ReviewLease.case_id)))


async def count_leased(work: Work, actor: Actor, wanted: Queue, at: datetime) -> list[tuple[str, int]]:
    """Who else looks at how many of the queue."""
    anothers = and_(ReviewLease.actor_id != actor.id, ReviewLease.until > at)
    query = (
        select(ReviewLease.actor_name, func.count())
        .join(Case, Case.id == ReviewLease.case_id)
        .where(_in_queue(actor, wanted), anothers)
        .group_by(ReviewLease.actor_name)
    )
    return [(name, count) for name, count in (await work.execute(query)).all()]


async def list_verdicts(work: Work, actor: Actor, case: Case, limit: int) -> list[CaseTransition]:
    """What people have judged lately about this rule at this camera, the latest first."""
    alike = and_(case_is_visible(actor), Case.camera_id == case.camera_id, Case.rule == case.rule, Case.id != case.id)
    # Some of them wait to be judged.
    lately = select(Case.id).where(alike).order_by(Case.last_seen_at.desc()).limit(2 * limit).subquery()
    # What was taken back is no judgement.
    confirmed = and_(CaseTransition.act == Act.CONFIRM, Case.state.in_(JUDGED | {CaseState.WITHDRAWN}))
    dismissed = and_(CaseTransition.act == Act.DISMISS, Case.state == CaseState.DISMISSED)
    query = (
        select(CaseTransition)
        .join(Case, Case.id == CaseTransition.case_id)
        .where(Case.id.in_(select(lately.c.id)), not_by_index(confirmed | dismissed))
        .order_by(CaseTransition.id.desc())
        .limit(limit)
    )
    return list(await work.scalars(query))


async def get_case(work: Work, actor: Actor, case_id: int, *, for_change: bool = False) -> Case | None:
    query = _readable(actor).where(Case.id == case_id)
    if for_change:
        # Rows that only name the case need not wait.
        query = query.with_for_update(of=Case, key_share=True).execution_options(populate_existing=True)
    case: Case | None = await work.scalar(query)
    return case


async def repoint_merged(work: Work, actor: Actor, old: Case, new: Case) -> None:
    """What was merged into one is part of the other now, so that each leads to a case that is none's part."""
    query = update(Case).where(case_is_visible(actor), Case.merged_into == old.id).values(merged_into=new.id)
    await work.execute(query.execution_options(synchronize_session=False))


async def list_parts(work: Work, actor: Actor, whole: Case) -> list[tuple[Case, int]]:
    """What is part of it, each with the case that it was merged into itself: this one, or another part of it."""
    its_last = and_(CaseTransition.case_id == Case.id, CaseTransition.version == Case.version)
    # Before the merge kept it, nobody wrote down which case it was.
    itself = func.coalesce(CaseTransition.merged_into, whole.id)
    part = and_(Case.shop_id == whole.shop_id, Case.merged_into == whole.id)
    query = select(Case, itself).join(CaseTransition, its_last).where(case_is_visible(actor), part).order_by(Case.id)
    return [(case, into) for case, into in (await work.execute(query)).all()]


async def count_confirmed_alike(work: Work, actor: Actor, case: Case, since: datetime) -> int:
    """Other cases of the same rule at the same shop that were opened since then and that a person has confirmed."""
    alike = and_(Case.shop_id == case.shop_id, Case.rule == case.rule, Case.id != case.id, Case.opened_at >= since)
    confirmed = Case.state.in_(JUDGED)
    return await work.scalar(select(func.count()).select_from(Case).where(case_is_visible(actor), alike, confirmed)) or 0


@prepared
def _open_alike(camera_id: Any, rule: Any, since: Any, until: Any) -> Select[int, str, int, list[float] | None]:
    return (
        select(Case.id, Case.shop_id, Case.track, Case.spot)
        .where(
            Case.camera_id == camera_id, Case.rule == rule, literal_column(f"cases.{IS_OPEN.text}"), Case.last_seen_at >= since,
            Case.captured_at <= until,
        )
        .order_by(Case.last_seen_at.desc())
    )


@without_actor("what an edge reports joins its case, whoever may see that")
async def list_open_alike(
    work: Work, camera_id: str, rule: str, seen_at: datetime, window: timedelta
) -> Sequence[Row[int, str, int, list[float] | None]]:
    """`id`, `shop_id`, `track` and `spot` of the open cases of this camera and rule that were seen within the window before or
    after, the latest first."""
    statement, values = _open_alike(camera_id, rule, seen_at - window, seen_at + window)
    return (await work.execute(statement, values)).all()


async def list_dismissed_alike(
    work: Work, actor: Actor, case: Case, reasons: Collection[DismissalReason], since: datetime | None
) -> list[Case]:
    """Other cases of the same camera and rule that a person has dismissed for one of these reasons, the latest first."""
    judged = and_(
        CaseTransition.case_id == Case.id, not_by_index(CaseTransition.act == Act.DISMISS), CaseTransition.reason.in_(reasons),
        CaseTransition.version == Case.version,
    )
    query = (
        select(Case)
        .join(CaseTransition, judged)
        .where(
            case_is_visible(actor), Case.camera_id == case.camera_id, Case.rule == case.rule, Case.id != case.id,
            Case.state == CaseState.DISMISSED,
        )
        .order_by(Case.id.desc())
        .limit(_LOOKED_BACK)
    )
    if since is not None:
        query = query.where(CaseTransition.at > since)
    return list(await work.scalars(query))


async def list_seen_since(work: Work, actor: Actor, case: Case, since: datetime) -> list[Case]:
    """Cases of the same camera and rule that were seen since then and that nobody has set aside, the latest first; this one too,
    where more of it joined."""
    query = (
        select(Case)
        .where(
            case_is_visible(actor), Case.camera_id == case.camera_id, Case.rule == case.rule, Case.last_seen_at >= since,
            Case.state.in_(OPEN | JUDGED),
        )
        .order_by(Case.last_seen_at.desc())
    )
    return list(await work.scalars(query))


async def list_due(work: Work, actor: Actor, at: datetime, limit: int) -> list[Case]:
    """Cases whose clock has something to tell, the longest waiting first. What another centre is at just now is left to it."""
    query = (
        select(Case)
        .where(case_is_visible(actor), Case.next_check_at <= at)
        .order_by(Case.next_check_at)
        .limit(limit)
        .with_for_update(of=Case, skip_locked=True)
    )
    return list(await work.scalars(query))


async def list_reminders(work: Work, actor: Actor, case_id: int) -> list[Reminder]:
    query = (
        select(Reminder)
        .join(Case, Case.id == Reminder.case_id)
        .where(case_is_visible(actor), Reminder.case_id == case_id)
        .order_by(Reminder.id)
    )
    return list(await work.scalars(query))


async def list_muted_spots(work: Work, actor: Actor, camera_id: str, *, is_active: bool = True) -> list[MutedSpot]:
    ended = MutedSpot.revoked_at.is_(None) if is_active else MutedSpot.revoked_at.is_not(None)
    query = select(MutedSpot).join(Case, Case.id == MutedSpot.because_of).join(Camera, Camera.id == MutedSpot.camera_id)
    query = query.where(_spot_is_visible(actor), MutedSpot.camera_id == camera_id, ended, Case.shop_id == Camera.shop_id)
    return list(await work.scalars(query.order_by(MutedSpot.muted_at)))


@prepared
def _muted(camera_id: Any, rule: Any, shop_id: Any) -> Select[MutedSpot]:
    of_rule = (MutedSpot.camera_id == camera_id, MutedSpot.rule == rule, MutedSpot.revoked_at.is_(None))
    here = select(MutedSpot).join(Case, Case.id == MutedSpot.because_of).where(*of_rule, Case.shop_id == shop_id)
    return here.order_by(MutedSpot.muted_at)


@without_actor("what is seen at a muted spot is set aside, whoever may see that")
async def list_muted(work: Work, camera_id: str, rule: str, shop_id: str) -> list[MutedSpot]:
    """In this shop: a camera that was moved looks at another kitchen."""
    return list(await work.scalars(*_muted(camera_id, rule, shop_id)))


@without_actor("nothing is told")
async def lock_spots(work: Work, camera_id: str) -> None:
    """Of those who dismiss cases of this camera, one at a time goes on. It is not the camera's row that is locked: who holds that
    may wait for the case. With SQLite, only one writes at a time."""
    if work.get_bind().dialect.name == "postgresql":
        await work.execute(select(func.pg_advisory_xact_lock(_SPOTS, func.hashtext(camera_id))))


async def get_muted_spot(work: Work, actor: Actor, spot_id: str) -> MutedSpot | None:
    query = select(MutedSpot).where(_spot_is_visible(actor), MutedSpot.id == spot_id).with_for_update(of=MutedSpot)
    spot: MutedSpot | None = await work.scalar(query)
    return spot


def _spot_is_visible(actor: Actor) -> ColumnElement[bool]:
    """For those who judge: a spot that was muted is no matter of the shop's."""
    if not (actor.may(Permission.CASES_READ) and actor.sees_unconfirmed):
        return false()
    return MutedSpot.camera_id.in_(select(Camera.id).where(shop_is_visible(actor, Camera.shop_id)))


async def list_transitions(work: Work, actor: Actor, case_id: int) -> Sequence[CaseTransition]:
    query = (
        select(CaseTransition)
        .join(Case, Case.id == CaseTransition.case_id)
        .where(case_is_visible(actor), CaseTransition.case_id == case_id)
        .order_by(CaseTransition.id)
    )
    return list(await work.scalars(query))
