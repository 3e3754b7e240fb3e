from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import aliased, joinedload

from api.accounts.actors import Actor, without_actor
from api.accounts.permissions import Permission
from api.cases.repository import case_is_visible
from api.cases.states import CaseState
from api.cases.tables import Case
from api.deliveries.kinds import PERSONAL, Audience
from api.deliveries.tables import Target
from api.evidence.repository import of_ended
from api.kit.database import Work
from api.links.tables import CaseLink, LinkKind
from api.places.tables import Contact, District, Shop


@without_actor("the token is the proof")
async def find_link(work: Work, token_hash: str, *, for_change: bool) -> CaseLink | None:
    query = select(CaseLink).where(CaseLink.token_hash == token_hash).options(joinedload(CaseLink.target))
    if for_change:
        query = query.with_for_update(of=CaseLink)
    link: CaseLink | None = await work.scalar(query)
    return link


@without_actor("the dispatcher writes to everybody; a mobile number says who reads it")
async def contact_name(work: Work, shop_id: str, phone: str) -> str | None:
    contacts = await work.scalars(select(Contact).where(Contact.shop_id == shop_id).order_by(Contact.place))
    digits = _digits(phone)
    return next((contact.name for contact in contacts if _digits(contact.phone)[-11:] == digits), None)


@without_actor("the token is the proof")
async def shop_of(work: Work, case_id: int) -> str | None:
    shop_id: str | None = await work.scalar(select(Case.shop_id).where(Case.id == case_id))
    return shop_id


@without_actor("the token is the proof; whom to ring stands on every notice")
async def station_of(work: Work, case_id: int) -> tuple[str, str | None]:
    """Its name and its telephone number."""
    query = (
        select(District.name, District.phone).join(Shop, Shop.district_id == District.id).join(Case, Case.shop_id == Shop.id)
        .where(Case.id == case_id)
    )
    name, phone = (await work.execute(query)).one()
    return name, phone


async def count_revoked_paper(work: Work, actor: Actor, case_id: int) -> int:
    query = (
        select(func.count()).select_from(CaseLink).join(Case, Case.id == CaseLink.case_id)
        .where(
            case_is_visible(actor), CaseLink.case_id == case_id, CaseLink.kind == LinkKind.PAPER, CaseLink.revoked_at.is_not(None)
        )
    )
    return await work.scalar(query) or 0


def _digits(phone: str) -> str:
    return "".join(character for character in phone if character.isdecimal())


async def list_people(work: Work, actor: Actor) -> Sequence[Target]:
    """The personal targets of the actor's own shop: whoever is registered there and can be written to."""
    query = select(Target).where(
        Target.shop_id == actor.shop_id, Target.audience == Audience.SHOP, Target.channel.in_(PERSONAL), Target.enabled,
        Target.dead_at.is_(None),
    )
    return list(await work.scalars(query.order_by(Target.id)))


async def list_links(work: Work, actor: Actor, case_id: int) -> Sequence[CaseLink]:
    """Newest first; for who handles the case."""
    if not actor.may(Permission.CASES_HANDLE):
        return []
    query = (
        select(CaseLink).join(Case, Case.id == CaseLink.case_id).where(case_is_visible(actor), CaseLink.case_id == case_id)
        .order_by(CaseLink.created_at.desc(), CaseLink.id).options(joinedload(CaseLink.target))
    )
    return list(await work.scalars(query))


async def get_link(work: Work, actor: Actor, case_id: int, link_id: str) -> CaseLink | None:
    """Of this case, locked: of two who revoke it at once, one does."""
    if not actor.may(Permission.CASES_HANDLE):
        return None
    query = select(CaseLink).join(Case, Case.id == CaseLink.case_id)
    query = query.where(case_is_visible(actor), CaseLink.case_id == case_id, CaseLink.id == link_id)
    link: CaseLink | None = await work.scalar(query.with_for_update(of=CaseLink))
    return link


@without_actor("old links of everybody go")
async def list_expired(work: Work, cuts: Mapping[CaseState, datetime], limit: int) -> list[str]:
    """Ids of links to cases whose evidence would go (`of_ended`), locked. Those on paper stay: they are nobody's, and the
    next one is made of how many of them were revoked."""
    whole, found = aliased(Case), list[str]()
    for cut in cuts.items():
        query = of_ended(select(CaseLink.id), whole, CaseLink.case_id, CaseLink.created_at, *cut)
        query = query.where(CaseLink.kind != LinkKind.PAPER).limit(limit - len(found))
        found += await work.scalars(query.with_for_update(of=CaseLink, skip_locked=True))
        if len(found) == limit:
            break
    return found


@without_actor("old links of everybody go")
async def delete_links(work: Work, ids: Sequence[str]) -> None:
    await work.execute(delete(CaseLink).where(CaseLink.id.in_(ids)))
