from collections.abc import Collection

from sqlalchemy import ColumnElement, false, or_, select, true
from sqlalchemy.dialects import postgresql, sqlite

from api.accounts.actors import Actor
from api.accounts.permissions import Permission
from api.cases.repository import case_is_visible
from api.cases.tables import Case
from api.kit.database import Work
from api.notices.tables import AcceptedCitation, Notice, NoticeCounter


async def get_notice(work: Work, actor: Actor, case_id: int) -> Notice | None:
    query = select(Notice).join(Case, Case.id == Notice.case_id).where(case_is_visible(actor), Notice.case_id == case_id)
    notice: Notice | None = await work.scalar(query)
    return notice


async def take_number(work: Work, actor: Actor, station_id: str, year: int) -> int:
    """The next number of the station in the year; others wait for it until the transaction ends."""
    actor.require(Permission.CASES_HANDLE)
    insert = postgresql.insert if work.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = insert(NoticeCounter).values(station_id=station_id, year=year, last=1)
    counted = statement.on_conflict_do_update(index_elements=["station_id", "year"], set_={"last": NoticeCounter.last + 1})
    number: int = (await work.execute(counted.returning(NoticeCounter.last))).scalar_one()
    return number


async def list_accepted(work: Work, actor: Actor, district_ids: Collection[str] | None) -> list[AcceptedCitation]:
    """What `list_last_words` gives, without what was taken back."""
    return [row for row in await list_last_words(work, actor, district_ids) if not row.revokes]


async def list_last_words(work: Work, actor: Actor, district_ids: Collection[str] | None) -> list[AcceptedCitation]:
    """Oldest first: those that hold in one of these districts; with None, those that hold where the actor works."""
    if not actor.may(Permission.CASES_READ):
        return []
    query = select(AcceptedCitation).where(_holds(actor, district_ids)).order_by(AcceptedCitation.accepted_at)
    return list({(row.text, row.district_id): row for row in await work.scalars(query)}.values())


def _holds(actor: Actor, district_ids: Collection[str] | None) -> ColumnElement[bool]:
    everywhere = AcceptedCitation.district_id.is_(None)
    if district_ids is not None:
        return or_(everywhere, AcceptedCitation.district_id.in_(district_ids))
    if actor.sees_all_places:
        return true()
    return or_(everywhere, AcceptedCitation.district_id == actor.district_id if actor.district_id else false())
