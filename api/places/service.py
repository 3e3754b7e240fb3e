"""Districts, shops and areas."""

from collections.abc import Collection, Sequence

from sqlalchemy.exc import IntegrityError

from api.accounts.actors import Actor, ActorKind
from api.accounts.permissions import Permission, Role
from api.audit.service import record
from api.kit.database import Work
from api.kit.ids import new_id
from api.kit.not_found import not_found, or_not_found
from api.kit.problems import Conflict, Forbidden, Invalid, VersionConflict
from api.places import repository
from api.places.schemas import AreaIn, DistrictIn, ShopIn
from api.places.tables import Area, Contact, District, Licence, Shop
from contract.catalogue import AreaKind


class CreditCodeTaken(Conflict):
    code = "credit-code-taken"


class NotACounty(Invalid):
    code = "not-a-county"


class DistrictInUse(Conflict):
    code = "district-in-use"


async def list_districts(
    work: Work, actor: Actor, *, after: str | None = None, limit: int | None = None
) -> list[District]:
    actor.require(Permission.PLACES_READ)
    return await repository.list_districts(work, actor, after=after, limit=limit)


async def create_district(work: Work, actor: Actor, new: DistrictIn) -> District:
    actor.require(Permission.PLACES_WRITE)
    county = await repository.get_district(work, actor, new.parent_id) if new.parent_id is not None else None
    if new.parent_id is not None and county is None:
        raise not_found("district")
    district = _new_district(actor, new, county)
    await add_districts(work, actor, [district])
    return district


def _new_district(actor: Actor, new: DistrictIn, county: District | None) -> District:
    """Raises Forbidden, NotFound or NotACounty."""
    if county is None and not actor.sees_all_places:
        raise Forbidden("Your account is bound to a place, so it makes no county. Name the county of the station.")
    if actor.shop_id is not None:
        raise not_found("district")
    if county is not None and county.parent_id is not None:
        raise NotACounty("The district above this one is a station itself. Name its county.")
    parent_id = county.id if county else None
    return District(id=new_id(), name=new.name, parent_id=parent_id, phone=new.phone, address=new.address, version=1)


async def add_districts(work: Work, actor: Actor, planned: Sequence[District]) -> None:
    """A county before its stations."""
    for district in planned:
        work.add(district)
        await work.flush()
        record(work, actor, "district.created", "district", district.id, district_id=district.id, name=district.name)


async def find_or_make_district(work: Work, actor: Actor, county: str, station: str) -> str:
    """The id of the station below the county; without a county, of a district of that name wherever it stands. Two who want the
    same new one at once get one."""
    found = _named(await list_districts(work, actor), county, station)
    if found is not None:
        return found.id
    await repository.lock_names(work, actor)
    district_id, planned = plan_district(actor, await list_districts(work, actor), county, station)
    await add_districts(work, actor, planned)
    return district_id


async def take_turn(work: Work, actor: Actor) -> None:
    """Of those who make districts by their names, one at a time goes on."""
    await repository.lock_names(work, actor)


def plan_district(actor: Actor, known: Sequence[District], county: str, station: str) -> tuple[str, list[District]]:
    """The id of the station, and what has to be made for it: nothing where it is there. Raises as `create_district` does."""
    found = _named(known, county, station)
    if found is not None:
        return found.id, []
    above = next((district for district in known if county and district.name == county), None)
    made = [_new_district(actor, DistrictIn(name=county), None)] if county and above is None else []
    made.append(_new_district(actor, DistrictIn(name=station), made[0] if made else above))
    return made[-1].id, made


def _named(known: Sequence[District], county: str, station: str) -> District | None:
    above = [district.id for district in known if district.name == county][:1]
    below = [district for district in known if not county or district.parent_id in above]
    return next((district for district in below if district.name == station), None)


async def get_district(work: Work, actor: Actor, district_id: str, *, for_change: bool = False) -> District:
    actor.require(Permission.PLACES_READ)
    return or_not_found(await repository.get_district(work, actor, district_id, for_change=for_change), "district")


async def update_district(
    work: Work, actor: Actor, district_id: str, new: DistrictIn, expected_version: int | None = None
) -> District:
    """Name, telephone and address; the county above a station stays. Raises VersionConflict."""
    actor.require(Permission.PLACES_WRITE)
    district = await get_district(work, actor, district_id, for_change=True)
    if actor.shop_id is not None or district.parent_id != new.parent_id:
        raise not_found("district")
    _next_version(district, expected_version)
    district.name, district.phone, district.address = new.name, new.phone, new.address
    await work.flush()
    record(work, actor, "district.changed", "district", district.id, district_id=district.id, name=new.name)
    return district


async def delete_district(work: Work, actor: Actor, district_id: str) -> None:
    """One that nothing belongs to, or ever did where that is kept. Raises DistrictInUse."""
    actor.require(Permission.PLACES_WRITE)
    district = await get_district(work, actor, district_id, for_change=True)
    try:
        async with work.begin_nested():
            await repository.delete_district(work, actor, district_id)
    except IntegrityError as error:
        raise DistrictInUse(
            "Something belongs to this district: a shop, a station, an account or an invitation, a target of messages, another "
            "system, or notices that it has issued. Only an empty one can be deleted."
        ) from error
    # Its own chain is nobody's but the centre's from now on.
    record(work, actor, "district.deleted", "district", district_id, district_id=district.parent_id, name=district.name)


async def list_shops(
    work: Work, actor: Actor, *, name: str = "", after: str | None = None, limit: int | None = None
) -> list[Shop]:
    """`name` is a part of theirs."""
    actor.require(Permission.PLACES_READ)
    return await repository.list_shops(work, actor, name=name, after=after, limit=limit)


async def list_shop_names(work: Work, actor: Actor) -> Sequence[tuple[str, str, str]]:
    """Id, name, and the name of the district: all that a page of names needs."""
    actor.require(Permission.PLACES_READ)
    return [(shop_id, name, district) for shop_id, name, district in await repository.list_shop_names(work, actor)]


async def names(work: Work, actor: Actor) -> dict[str, str]:
    """Of shops and districts, by id."""
    shops = {shop_id: name for shop_id, name, _ in await list_shop_names(work, actor)}
    return shops | {district.id: district.name for district in await list_districts(work, actor)}


async def get_shop(work: Work, actor: Actor, shop_id: str, *, for_change: bool = False) -> Shop:
    actor.require(Permission.PLACES_READ)
    return or_not_found(await repository.get_shop(work, actor, shop_id, for_change=for_change), "shop")


def contacts_for(actor: Actor, shop: Shop) -> list[Contact]:
    """Names and telephone numbers are for those who work with the shop; another department is not told them."""
    is_partner = actor.role is Role.PARTNER or (actor.kind is ActorKind.CLIENT and not actor.sees_unconfirmed)
    return [] if is_partner else shop.contacts


async def taken_codes(work: Work, actor: Actor, codes: Sequence[str]) -> set[str]:
    """Which of these credit codes some shop has, whoever may see it."""
    actor.require(Permission.PLACES_WRITE)
    return await repository.list_taken_codes(work, codes)


async def create_shop(work: Work, actor: Actor, new: ShopIn) -> Shop:
    shop, = await create_shops(work, actor, [new])
    return shop


async def create_shops(work: Work, actor: Actor, new: Sequence[ShopIn]) -> list[Shop]:
    """All at once: one by one, a thousand would keep everybody else who writes waiting for seconds."""
    actor.require(Permission.PLACES_WRITE)
    for district_id in sorted({one.district_id for one in new}):
        if actor.shop_id is not None or await repository.get_district(work, actor, district_id) is None:
            raise not_found("district")
    shops = [Shop() for _ in new]
    for shop, one in zip(shops, new, strict=True):
        _fill(shop, one)
    work.add_all(shops)
    await _flush_shop(work)
    for shop in shops:
        record(work, actor, "shop.created", "shop", shop.id, shop_id=shop.id, name=shop.name)
    return shops


async def update_shop(work: Work, actor: Actor, shop_id: str, new: ShopIn, expected_version: int | None = None) -> Shop:
    """Raises VersionConflict."""
    actor.require(Permission.PLACES_WRITE)
    shop = await get_shop(work, actor, shop_id, for_change=True)
    or_not_found(await repository.get_district(work, actor, new.district_id), "district")
    _next_version(shop, expected_version)
    shop.licences.clear()
    shop.contacts.clear()
    await work.flush()  # the old entries leave their places first
    _fill(shop, new)
    await _flush_shop(work)
    record(work, actor, "shop.changed", "shop", shop.id, shop_id=shop.id, name=new.name)
    return shop


async def list_areas(
    work: Work, actor: Actor, shop_ids: Collection[str] | None = None, *, after: str | None = None, limit: int | None = None
) -> list[Area]:
    actor.require(Permission.PLACES_READ)
    return await repository.list_areas(work, actor, shop_ids, after=after, limit=limit)


async def get_area(work: Work, actor: Actor, area_id: str) -> Area:
    actor.require(Permission.PLACES_READ)
    return or_not_found(await repository.get_area(work, actor, area_id), "area")


async def create_area(work: Work, actor: Actor, new: AreaIn) -> Area:
    actor.require(Permission.PLACES_WRITE)
    return await _add_area(work, actor, new)


async def _add_area(work: Work, actor: Actor, new: AreaIn) -> Area:
    await get_shop(work, actor, new.shop_id)
    area = Area(**new.model_dump())
    work.add(area)
    await work.flush()
    record(work, actor, "area.created", "area", area.id, shop_id=new.shop_id, name=new.name, shop=new.shop_id)
    return area


async def area_of_kind(work: Work, actor: Actor, shop_id: str, kind: AreaKind, name: str) -> Area:
    """The shop's first area of this kind; without one, it is made with this name: who adds a camera need not know of areas."""
    actor.require(Permission.CAMERAS_ADD)
    for area in await list_areas(work, actor, [shop_id]):
        if area.kind is kind:
            return area
    return await _add_area(work, actor, AreaIn(shop_id=shop_id, kind=kind, name=name))


async def update_area(work: Work, actor: Actor, area_id: str, new: AreaIn, expected_version: int | None = None) -> Area:
    """Raises VersionConflict."""
    actor.require(Permission.PLACES_WRITE)
    area = await repository.get_area(work, actor, area_id, for_change=True)
    if area is None or area.shop_id != new.shop_id:
        raise not_found("area")
    _next_version(area, expected_version)
    area.kind, area.name = new.kind, new.name
    await work.flush()
    record(work, actor, "area.changed", "area", area.id, shop_id=area.shop_id, name=new.name)
    return area


def _next_version(place: District | Shop | Area, expected: int | None) -> None:
    if expected is not None and place.version != expected:
        raise VersionConflict("Somebody else has changed this since. Load it again, then repeat your change.")
    place.version += 1


def _fill(shop: Shop, new: ShopIn) -> None:
    shop.district_id, shop.name, shop.credit_code, shop.address = new.district_id, new.name, new.credit_code, new.address
    shop.grade = new.grade
    shop.licences = [Licence(place=place, **entry.model_dump()) for place, entry in enumerate(new.licences)]
    shop.contacts = [Contact(place=place, **entry.model_dump()) for place, entry in enumerate(new.contacts)]


async def _flush_shop(work: Work) -> None:
    try:
        await work.flush()
    except IntegrityError as error:
        raise CreditCodeTaken("Another shop already has this credit code.") from error
