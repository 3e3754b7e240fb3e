from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, false, func, select, update
from sqlalchemy.orm import selectinload

from api.accounts.actors import Actor
from api.accounts.permissions import Permission
from api.answers.tables import Answer, Photograph
from api.cases.repository import case_is_visible
from api.cases.states import CaseState
from api.cases.tables import Case, CaseTransition
from api.evidence.tables import LegalHold
from api.kit.database import Work


def _is_readable(actor: Actor) -> ColumnElement[bool]:
    """For those who judge, and for the shop itself; another department is not shown them."""
    if not (actor.may(Permission.EVIDENCE_READ) or actor.may(Permission.CASES_ANSWER)):
        return false()
    return and_(Case.id == Answer.case_id, case_is_visible(actor))


async def list_answers(work: Work, actor: Actor, case_id: int) -> Sequence[Answer]:
    """Oldest first, with their photographs."""
    query = (
        select(Answer).join(Case, _is_readable(actor)).where(Answer.case_id == case_id)
        .order_by(Answer.at, Answer.id).options(selectinload(Answer.photographs))
    )
    return list(await work.scalars(query))


async def get_photograph(work: Work, actor: Actor, photograph_id: str) -> tuple[Photograph, Case] | None:
    """With its case."""
    query = (
        select(Photograph, Case).select_from(Photograph)
        .join(Answer, Answer.id == Photograph.answer_id).join(Case, _is_readable(actor))
        .where(Photograph.id == photograph_id, Photograph.deleted_at.is_(None))
    )
    row = (await work.execute(query)).one_or_none()
    return None if row is None else (row[0], row[1])


async def list_photographs(work: Work, actor: Actor, case_id: int) -> list[tuple[Photograph, Case]]:
    """Those of a case that are kept, each with it; locked until the end of the transaction."""
    query = (
        select(Photograph, Case).join(Answer, Answer.id == Photograph.answer_id).join(Case, _is_readable(actor))
        .where(Answer.case_id == case_id, Photograph.deleted_at.is_(None)).with_for_update(of=Photograph)
    )
    return [(row[0], row[1]) for row in await work.execute(query)]


async def list_expired(
    work: Work, actor: Actor, cuts: Mapping[CaseState, datetime], limit: int
) -> list[tuple[Photograph, Case, CaseState]]:
    """Photographs of cases that came into their last state before that state's moment, each with its case and that state; none
    under a legal hold. The case is locked too: who sets a hold on it just now is not overtaken."""
    found: list[tuple[Photograph, Case, CaseState]] = []
    for state, moment in cuts.items():
        query = (
            select(Photograph, Case).join(Answer, Answer.id == Photograph.answer_id).join(Case, Case.id == Answer.case_id)
            .join(CaseTransition, and_(CaseTransition.case_id == Case.id, CaseTransition.version == Case.version))
            .where(
                case_is_visible(actor), Case.state == state, CaseTransition.at < moment, Photograph.received_at < moment,
                Photograph.deleted_at.is_(None), ~exists().where(LegalHold.case_id == Case.id, LegalHold.lifted_at.is_(None)),
            )
            .limit(limit - len(found)).with_for_update(of=(Photograph, Case), skip_locked=True)
        )
        found += ((row[0], row[1], state) for row in await work.execute(query))
        if len(found) == limit:
            break
    return found


async def list_files_left(work: Work, actor: Actor) -> list[Photograph]:
    """Deleted photographs whose files may still be there."""
    query = select(Photograph).join(Answer, Answer.id == Photograph.answer_id).join(Case, Case.id == Answer.case_id)
    query = query.where(case_is_visible(actor), Photograph.deleted_at.is_not(None), Photograph.key != "")
    return list(await work.scalars(query))


async def photographs_of(work: Work, actor: Actor, photograph_ids: Sequence[str]) -> set[str]:
    """Where their files lie, or may still lie; without the ending."""
    query = select(Photograph.key).join(Answer, Answer.id == Photograph.answer_id).join(Case, Case.id == Answer.case_id)
    keys = await work.scalars(query.where(case_is_visible(actor), Photograph.id.in_(photograph_ids)))
    return {key.removesuffix(".jpg") for key in keys}


async def first_kept(work: Work, actor: Actor) -> datetime | None:
    """When the oldest photograph came in that is kept."""
    query = select(func.min(Photograph.received_at)).join(Answer, Answer.id == Photograph.answer_id)
    query = query.join(Case, Case.id == Answer.case_id).where(case_is_visible(actor), Photograph.deleted_at.is_(None))
    first: datetime | None = await work.scalar(query)
    return first


async def list_kept(work: Work, actor: Actor, since: datetime, until: datetime) -> list[str]:
    """Where the files lie of the photographs that came in then."""
    query = select(Photograph.key).join(Answer, Answer.id == Photograph.answer_id).join(Case, Case.id == Answer.case_id)
    query = query.where(case_is_visible(actor), Photograph.deleted_at.is_(None))
    return list(await work.scalars(query.where(Photograph.received_at >= since, Photograph.received_at < until)))


async def forget_file(work: Work, actor: Actor, photograph_id: str) -> None:
    if actor.sees_all_places:
        await work.execute(update(Photograph).where(Photograph.id == photograph_id).values(key=""))
