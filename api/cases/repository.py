from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, false, func, select, true
from sqlalchemy.orm import joinedload

from api.accounts.actors import Actor
from api.accounts.permissions import Permission
from api.cases.states import TOLD, CaseState
from api.cases.tables import Case, CaseTransition
from api.kit.database import Work
from api.places.repository import shop_is_visible


def case_is_visible(actor: Actor) -> ColumnElement[bool]:
    """Nothing reaches a shop or a partner before a person has confirmed it and given notice of it."""
    if not actor.may(Permission.CASES_READ):
        return false()
    told = true() if actor.sees_unconfirmed else Case.state.in_(TOLD)
    return and_(shop_is_visible(actor, Case.shop_id), told)


def _readable(actor: Actor) -> Select[Case]:
    places = (joinedload(Case.camera), joinedload(Case.shop), joinedload(Case.area))
    return select(Case).where(case_is_visible(actor)).options(*places)


async def list_cases(
    work: Work, actor: Actor, *, states: Collection[CaseState] | None = None, rule: str | None = None, shop_id: str | None = None,
    camera_id: str | None = None, before: int | None = None, limit: int = 50,
) -> list[Case]:
    """Newest first."""
    query = _readable(actor).order_by(Case.id.desc()).limit(limit)
    wanted = ((Case.rule, rule), (Case.shop_id, shop_id), (Case.camera_id, camera_id))
    for column, value in wanted:
        if value is not None:
            query = query.where(column == value)
    if states is not None:
        query = query.where(Case.state.in_(states))
    if before is not None:
        query = query.where(Case.id < before)
    return list(await work.scalars(query))


async def get_case(work: Work, actor: Actor, case_id: int, *, for_change: bool = False) -> Case | None:
    query = _readable(actor).where(Case.id == case_id)
    if for_change:
        query = query.with_for_update(of=Case)
    case: Case | None = await work.scalar(query)
    return case


async def count_confirmed_alike(work: Work, actor: Actor, case: Case, since: datetime) -> int:
    """Other cases of the same rule at the same shop that were opened since then and that a person has confirmed."""
    alike = and_(Case.shop_id == case.shop_id, Case.rule == case.rule, Case.id != case.id, Case.opened_at >= since)
    confirmed = Case.state.in_((TOLD | {CaseState.CONFIRMED}) - {CaseState.WITHDRAWN})
    return await work.scalar(select(func.count()).select_from(Case).where(case_is_visible(actor), alike, confirmed)) or 0


async def list_transitions(work: Work, actor: Actor, case_id: int) -> Sequence[CaseTransition]:
    query = (
        select(CaseTransition)
        .join(Case, Case.id == CaseTransition.case_id)
        .where(case_is_visible(actor), CaseTransition.case_id == case_id)
        .order_by(CaseTransition.id)
    )
    return list(await work.scalars(query))
