from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, Row, Select, and_, delete, false, func, or_, select, true, union_all
from sqlalchemy.orm import InstrumentedAttribute, joinedload, selectinload

from api.accounts.actors import Actor, without_actor
from api.accounts.permissions import Permission
from api.kit.database import Work
from api.places.tables import Area, District, Shop

# Of PostgreSQL's advisory locks; any number that nothing else here uses.
_NAMES = 0x504C4143


def shop_is_visible(actor: Actor, shop_id: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    """The condition that narrows any query to the shops that this actor sees."""
    if actor.shop_id is not None:
        further = actor.further_shop_ids
        own: ColumnElement[bool] = shop_id.in_([actor.shop_id, *sorted(further)]) if further else shop_id == actor.shop_id
    elif actor.district_id is not None:
        own = shop_id.in_(shops_below(actor.district_id))
    else:
        own = true() if actor.is_unbound else false()
    if actor.client is None:
        return own
    return and_(own, or_(shop_id.in_(actor.client.shop_ids), shop_id.in_(shops_below(*actor.client.district_ids))))


def shops_below(*district_ids: str) -> Select[str]:
    """The ids of shops in these counties or stations, and in stations below them."""
    return select(Shop.id).where(Shop.district_id.in_(own_and_below(*district_ids)))


def district_is_visible(actor: Actor, district_id: InstrumentedAttribute[str | None]) -> ColumnElement[bool]:
    """The same for what belongs to a district: the actor's own, or one below it."""
    if actor.district_id is not None:
        own: ColumnElement[bool] = district_id.in_(own_and_below(actor.district_id))
    else:
        own = true() if actor.is_unbound else false()
    return own if actor.client is None else and_(own, district_id.in_(own_and_below(*actor.client.district_ids)))


def districts_above(shop_id: str) -> CompoundSelect[str]:
    """The ids of the shop's district and of the county above it."""
    own = select(Shop.district_id).where(Shop.id == shop_id)
    county = select(District.parent_id).where(District.id.in_(own), District.parent_id.is_not(None))
    return union_all(own, county)


def own_and_below(*district_ids: str) -> Select[str]:
    """The ids of counties and their stations; of a station, its own."""
    return select(District.id).where(or_(District.id.in_(district_ids), District.parent_id.in_(district_ids)))


def _readable_shops(actor: Actor) -> Select[Shop]:
    entries = (joinedload(Shop.district), selectinload(Shop.licences), selectinload(Shop.contacts))
    return select(Shop).where(shop_is_visible(actor, Shop.id)).options(*entries)


def _readable_districts(actor: Actor) -> Select[District]:
    query = select(District)
    if actor.sees_all_places:
        return query
    shops = select(Shop.district_id).where(shop_is_visible(actor, Shop.id))
    return query.where(district_is_visible(actor, District.id) | District.id.in_(shops))


async def list_districts(
    work: Work, actor: Actor, *, after: str | None = None, limit: int | None = None
) -> list[District]:
    query = _readable_districts(actor).order_by(District.id).limit(limit)
    if after is not None:
        query = query.where(District.id > after)
    return list(await work.scalars(query))


async def get_district(work: Work, actor: Actor, district_id: str, *, for_change: bool = False) -> District | None:
    district: District | None = await work.scalar(
        _locked(_readable_districts(actor).where(District.id == district_id), District, for_change)
    )
    return district


async def delete_district(work: Work, actor: Actor, district_id: str) -> None:
    """The database refuses it while anything names it."""
    visible = _readable_districts(actor).with_only_columns(District.id)
    await work.execute(delete(District).where(District.id == district_id, District.id.in_(visible)))


async def lock_names(work: Work, actor: Actor) -> None:
    """Until the end of the transaction nobody else has it: who looks for a district by its name, and makes it where it is not,
    finds what another has made at the same time. With SQLite, only one writes at a time."""
    actor.require(Permission.PLACES_WRITE)
    if work.get_bind().dialect.name == "postgresql":
        await work.execute(select(func.pg_advisory_xact_lock(_NAMES)))


async def is_own_district(work: Work, actor: Actor, district_id: str) -> bool:
    """Whether all of the district is the actor's to see, not only shops in it."""
    query = select(District.id).where(District.id == district_id, district_is_visible(actor, District.id))
    return await work.scalar(query) is not None


async def list_shops(
    work: Work, actor: Actor, *, name: str = "", after: str | None = None, limit: int | None = None
) -> list[Shop]:
    query = _readable_shops(actor).order_by(Shop.id).limit(limit)
    if name:
        query = query.where(Shop.name.icontains(name, autoescape=True))
    if after is not None:
        query = query.where(Shop.id > after)
    return list(await work.scalars(query))


async def list_shop_names(work: Work, actor: Actor) -> Sequence[Row[str, str, str]]:
    """Id, name, and the name of the district. With all that belongs to a shop, the 3,000 of a county would take a second."""
    query = select(Shop.id, Shop.name, District.name).join(District, District.id == Shop.district_id)
    return (await work.execute(query.where(shop_is_visible(actor, Shop.id)))).all()


@without_actor("a credit code is one shop's, and who adds one is told no more than that")
async def list_taken_codes(work: Work, codes: Sequence[str]) -> set[str]:
    return {code for code in await work.scalars(select(Shop.credit_code).where(Shop.credit_code.in_(codes))) if code}


async def get_shop(work: Work, actor: Actor, shop_id: str, *, for_change: bool = False) -> Shop | None:
    shop: Shop | None = await work.scalar(_locked(_readable_shops(actor).where(Shop.id == shop_id), Shop, for_change))
    return shop


async def list_areas(
    work: Work, actor: Actor, shop_ids: Collection[str] | None = None, *, after: str | None = None, limit: int | None = None
) -> list[Area]:
    query: Select[Any] = select(Area).where(shop_is_visible(actor, Area.shop_id)).order_by(Area.id).limit(limit)
    if shop_ids is not None:
        query = query.where(Area.shop_id.in_(shop_ids))
    if after is not None:
        query = query.where(Area.id > after)
    return list(await work.scalars(query))


async def get_area(work: Work, actor: Actor, area_id: str, *, for_change: bool = False) -> Area | None:
    query = select(Area).where(Area.id == area_id, shop_is_visible(actor, Area.shop_id))
    area: Area | None = await work.scalar(_locked(query, Area, for_change))
    return area


def _locked(query: Select[Any], table: type[District | Shop | Area], for_change: bool) -> Select[Any]:
    """Two who change it at once do so one after the other; rows that only name it need not wait."""
    if not for_change:
        return query
    return query.with_for_update(of=table, key_share=True).execution_options(populate_existing=True)
