from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, false, select
from sqlalchemy.orm import selectinload

from api.accounts.actors import Actor
from api.accounts.permissions import Permission
from api.answers.tables import Answer, Photograph
from api.cases.repository import case_is_visible
from api.cases.tables import Case
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
        .where(Photograph.id == photograph_id)
    )
    row = (await work.execute(query)).one_or_none()
    return None if row is None else (row[0], row[1])
