from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, false, func, or_, select, union_all
from sqlalchemy.orm import InstrumentedAttribute, aliased

from api.accounts.actors import Actor
from api.accounts.permissions import Permission
from api.audit.chain import CENTRE
from api.audit.tables import AuditChain, AuditEntry
from api.kit.database import Work
from api.places.repository import own_and_below
from api.places.tables import District, Shop

LOCK = 0x415544  # of PostgreSQL, as long as a transaction; another number than the migrations use
_PAGE = 1000
# Where more names than these fit, enough of the newest entries do.
_MOST_NAMES = 20


@dataclass(frozen=True)
class Filter:
    """`who` is a part of a name; `since` is included, `until` is not."""

    who: str | None = None
    action: str | None = None
    object_kind: str | None = None
    object_id: str | None = None
    chain: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def chain_of(actor: Actor, shop_id: str | None, district_id: str | None) -> ColumnElement[str] | str:
    """The district that an act concerns, for the very statement that inserts its entry: of the place, else of who acts."""
    shop_id = shop_id or (None if district_id else actor.shop_id)
    if shop_id is not None:
        return func.coalesce(select(Shop.district_id).where(Shop.id == shop_id).scalar_subquery(), CENTRE)
    return district_id or actor.district_id or CENTRE


def unit_of(actor: Actor, shop_id: str | None) -> ColumnElement[str] | None:
    """Whom the actor spoke for: whoever looks after several shops, for the one that the act concerns."""
    own = shop_id if shop_id in actor.further_shop_ids else actor.shop_id
    if own is not None:
        return select(Shop.name).where(Shop.id == own).scalar_subquery()
    if actor.district_id is not None:
        return select(District.name).where(District.id == actor.district_id).scalar_subquery()
    return None


def _is_visible(actor: Actor, chain: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    if not actor.may(Permission.AUDIT_READ) or actor.shop_id is not None:
        return false()
    if actor.sees_all_places:
        return chain.is_not(None)
    return chain.in_(own_and_below(actor.district_id or ""))


def _matching(actor: Actor, wanted: Filter) -> Select[AuditEntry]:
    query = select(AuditEntry).where(_is_visible(actor, AuditEntry.chain))
    for name in ("action", "object_kind", "object_id", "chain"):
        if (value := getattr(wanted, name)) is not None:
            query = query.where(getattr(AuditEntry, name) == value)
    if wanted.who is not None:
        query = query.where(_is_who(AuditEntry.actor_name, wanted.who))
    if wanted.since is not None:
        query = query.where(AuditEntry.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(AuditEntry.at < wanted.until)
    return query


async def list_entries(
    work: Work, actor: Actor, wanted: Filter, *, before: int | None, limit: int
) -> list[AuditEntry]:
    """Newest first; `before` is the id of the last one that was shown."""
    query = _matching(actor, wanted)
    if before is not None:
        last = aliased(AuditEntry)
        its_time = select(last.at).where(last.id == before).scalar_subquery()
        query = query.where(AuditEntry.at <= its_time, or_(AuditEntry.at < its_time, AuditEntry.id < before))
    newest_first = (AuditEntry.at.desc(), AuditEntry.id.desc())
    query = query.order_by(*newest_first).limit(limit)
    if wanted.who is not None:
        names = await _names_like(work, wanted.who)
        if not names:
            return []
        if len(names) <= _MOST_NAMES:
            # The newest of each of these people, found in the index; then the newest of all.
            ids = query.with_only_columns(AuditEntry.id)
            of_each = (select(ids.where(AuditEntry.actor_name == name).subquery()) for name in names)
            query = select(AuditEntry).where(AuditEntry.id.in_(union_all(*of_each))).order_by(*newest_first).limit(limit)
    return list(await work.scalars(query))


async def _names_like(work: Work, who: str) -> list[str]:
    """Of those who acted: each name is looked up in the index once, however many entries it has (a loose index scan)."""
    name = select(func.min(AuditEntry.actor_name).label("name")).cte("names", recursive=True)
    following = select(func.min(AuditEntry.actor_name)).where(AuditEntry.actor_name > name.c.name).scalar_subquery()
    name = name.union_all(select(following).where(name.c.name.is_not(None)))
    return list(await work.scalars(select(name.c.name).where(_is_who(name.c.name, who)).limit(_MOST_NAMES + 1)))


def _is_who(name: ColumnElement[str] | InstrumentedAttribute[str], who: str) -> ColumnElement[bool]:
    return name.icontains(who, autoescape=True)


async def list_chains(work: Work, actor: Actor) -> list[tuple[AuditChain, str | None]]:
    """How far each chain has come, with the name of its district."""
    query = (
        select(AuditChain, District.name)
        .outerjoin(District, District.id == AuditChain.chain)
        .where(_is_visible(actor, AuditChain.chain))
        .order_by(AuditChain.chain)
    )
    return [(chain, name) for chain, name in (await work.execute(query)).all()]


async def read_chain(work: Work, actor: Actor, chain: str, first: int = 1, last: int | None = None) -> AsyncIterator[AuditEntry]:
    """From its beginning on, a page at a time, so that any length fits into memory."""
    while page := await read_page(work, actor, chain, first, last):
        for entry in page:
            yield entry
            work.expunge(entry)
        first = (page[-1].sequence or 0) + 1


async def read_page(work: Work, actor: Actor, chain: str, first: int, last: int | None) -> list[AuditEntry]:
    """Of a chain, from this place on; none at its end."""
    query = select(AuditEntry).where(_is_visible(actor, AuditEntry.chain), AuditEntry.chain == chain)
    query = query.where(AuditEntry.sequence >= first)
    if last is not None:
        query = query.where(AuditEntry.sequence <= last)
    return list(await work.scalars(query.order_by(AuditEntry.sequence).limit(_PAGE)))


async def list_names_of_chains(work: Work, actor: Actor) -> list[str]:
    """Of the entries themselves: one that is not in `list_chains` was put in past the writer."""
    query = select(AuditEntry.chain).where(_is_visible(actor, AuditEntry.chain), AuditEntry.digest.is_not(None)).distinct()
    return list(await work.scalars(query))


async def stretch_of(work: Work, actor: Actor, chain: str, wanted: Filter) -> tuple[int, int] | None:
    """The first and the last place in a chain of what a filter leaves of it."""
    found = _matching(actor, wanted).where(AuditEntry.chain == chain, AuditEntry.sequence.is_not(None)).subquery()
    first, last = (await work.execute(select(func.min(found.c.sequence), func.max(found.c.sequence)))).one()
    return None if first is None else (first, last)


async def count_waiting(work: Work, actor: Actor) -> int:
    query = select(func.count()).select_from(AuditEntry)
    return await work.scalar(query.where(_is_visible(actor, AuditEntry.chain), AuditEntry.digest.is_(None))) or 0


async def list_waiting(work: Work, actor: Actor, limit: int) -> Sequence[AuditEntry]:
    """What is written and not yet chained, in order."""
    if not actor.sees_all_places:
        return []
    return list(await work.scalars(select(AuditEntry).where(AuditEntry.digest.is_(None)).order_by(AuditEntry.id).limit(limit)))


async def take_turn(work: Work, actor: Actor) -> bool:
    """Whether this transaction is the one that chains; SQLite lets only one write anyway."""
    if not actor.sees_all_places:
        return False
    if work.get_bind().dialect.name != "postgresql":
        return True
    return bool(await work.scalar(select(func.pg_try_advisory_xact_lock(LOCK))))


async def get_chain(work: Work, actor: Actor, chain: str) -> AuditChain | None:
    found: AuditChain | None = await work.scalar(
        select(AuditChain).where(_is_visible(actor, AuditChain.chain), AuditChain.chain == chain)
    )
    return found
