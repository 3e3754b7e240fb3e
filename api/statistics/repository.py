from datetime import datetime

from sqlalchemy import func, select

from api.accounts.actors import Actor
from api.cases.repository import case_is_visible
from api.cases.states import Act, CaseState
from api.cases.tables import Case, CaseTransition, Reminder, ReminderKind
from api.kit.database import Work
from api.places.tables import Shop


async def count_acts(work: Work, actor: Actor, since: datetime, until: datetime) -> dict[Act, int]:
    query = select(CaseTransition.act, func.count()).join(Case, Case.id == CaseTransition.case_id)
    query = query.where(case_is_visible(actor), CaseTransition.at >= since, CaseTransition.at < until)
    return dict((await work.execute(query.group_by(CaseTransition.act))).all())


async def count_overdue(work: Work, actor: Actor, since: datetime, until: datetime) -> int:
    query = select(func.count()).select_from(Reminder).join(Case, Case.id == Reminder.case_id)
    passed = (Reminder.kind == ReminderKind.LIMIT, Reminder.at >= since, Reminder.at < until)
    return await work.scalar(query.where(case_is_visible(actor), *passed)) or 0


async def count_opened_by_rule(work: Work, actor: Actor, since: datetime, until: datetime) -> list[tuple[str, int]]:
    number = func.count()
    query = select(Case.rule, number).where(case_is_visible(actor), Case.opened_at >= since, Case.opened_at < until)
    rows = await work.execute(query.group_by(Case.rule).order_by(number.desc(), Case.rule))
    return [(rule, count) for rule, count in rows]


async def count_opened_by_shop(
    work: Work, actor: Actor, since: datetime, until: datetime, limit: int
) -> list[tuple[str, str, int]]:
    number = func.count()
    query = select(Case.shop_id, Shop.name, number).join(Shop, Shop.id == Case.shop_id)
    query = query.where(case_is_visible(actor), Case.opened_at >= since, Case.opened_at < until)
    rows = await work.execute(query.group_by(Case.shop_id, Shop.name).order_by(number.desc(), Case.shop_id).limit(limit))
    return [(shop_id, name, count) for shop_id, name, count in rows]


async def count_states(work: Work, actor: Actor) -> dict[CaseState, int]:
    query = select(Case.state, func.count()).where(case_is_visible(actor)).group_by(Case.state)
    return dict((await work.execute(query)).all())


async def count_overdue_now(work: Work, actor: Actor) -> int:
    query = select(func.count()).select_from(Case).where(case_is_visible(actor), Case.overdue_at.is_not(None))
    return await work.scalar(query) or 0
