from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.accounts.actors import Actor
from api.accounts.dependencies import SignedIn
from api.kit.paging import Paged
from api.kit.parameters import IfMatch, etag, version_of
from api.kit.problems import Conflict, Forbidden, NotFound, Unauthenticated, VersionConflict, documented
from api.kit.work import Reading, Writing
from api.places import service
from api.places.schemas import (
    AreaIn,
    AreaOut,
    Areas,
    ContactEntry,
    DistrictIn,
    DistrictOut,
    Districts,
    Id,
    LicenceEntry,
    ShopIn,
    ShopOut,
    Shops,
)
from api.places.tables import Shop
from api.repeats.routes import ApiRoute

router = APIRouter(tags=["places"], route_class=ApiRoute)
READ = documented(Unauthenticated, Forbidden, NotFound)
WRITE = documented(Unauthenticated, Forbidden, NotFound, Conflict)
CHANGE = documented(Unauthenticated, Forbidden, NotFound, Conflict, VersionConflict)


@router.get("/districts", operation_id="list_districts", summary="Districts", responses=READ)
async def list_districts(work: Reading, actor: SignedIn, page: Paged) -> Districts:
    rows = await service.list_districts(work, actor, after=page.text, limit=page.limit)
    following = page.following([row.id for row in rows])
    return Districts(items=[DistrictOut.model_validate(row) for row in rows], next=following)


@router.post("/districts", operation_id="create_district", summary="Add a district", status_code=201, responses=WRITE)
async def create_district(work: Writing, actor: SignedIn, body: DistrictIn) -> DistrictOut:
    return DistrictOut.model_validate(await service.create_district(work, actor, body))


@router.put("/districts/{district_id}", operation_id="update_district", summary="Change a district", responses=CHANGE)
async def update_district(
    work: Writing, actor: SignedIn, response: Response, district_id: Id, body: DistrictIn, if_match: IfMatch = None
) -> DistrictOut:
    """With If-Match, the change is refused when somebody else was faster."""
    district = await service.update_district(work, actor, district_id, body, _expected(if_match))
    response.headers["ETag"] = etag(district.version)
    return DistrictOut.model_validate(district)


@router.delete(
    "/districts/{district_id}", operation_id="delete_district", summary="Delete an empty district", status_code=204,
    responses=WRITE,
)
async def delete_district(work: Writing, actor: SignedIn, district_id: Id) -> None:
    """Nothing may belong to it: no shop, station, account, target or client, and no notice that it issued."""
    await service.delete_district(work, actor, district_id)


@router.get("/shops", operation_id="list_shops", summary="Shops", responses=READ)
async def list_shops(work: Reading, actor: SignedIn, page: Paged) -> Shops:
    rows = await service.list_shops(work, actor, after=page.text, limit=page.limit)
    following = page.following([row.id for row in rows])
    return Shops(items=[_shop(row, actor) for row in rows], next=following)


@router.post("/shops", operation_id="create_shop", summary="Add a shop", status_code=201, responses=WRITE)
async def create_shop(work: Writing, actor: SignedIn, body: ShopIn) -> ShopOut:
    return _shop(await service.create_shop(work, actor, body), actor)


@router.get("/shops/{shop_id}", operation_id="get_shop", summary="One shop", responses=READ)
async def get_shop(work: Reading, actor: SignedIn, response: Response, shop_id: Id) -> ShopOut:
    shop = await service.get_shop(work, actor, shop_id)
    response.headers["ETag"] = etag(shop.version)
    return _shop(shop, actor)


@router.put("/shops/{shop_id}", operation_id="update_shop", summary="Change a shop", responses=CHANGE)
async def update_shop(
    work: Writing, actor: SignedIn, response: Response, shop_id: Id, body: ShopIn, if_match: IfMatch = None
) -> ShopOut:
    """With If-Match, the change is refused when somebody else was faster."""
    shop = await service.update_shop(work, actor, shop_id, body, _expected(if_match))
    response.headers["ETag"] = etag(shop.version)
    return _shop(shop, actor)


@router.get("/areas", operation_id="list_areas", summary="Areas of a shop, or of all", responses=READ)
async def list_areas(
    work: Reading, actor: SignedIn, page: Paged, shop_id: Annotated[str | None, Query(max_length=64)] = None
) -> Areas:
    rows = await service.list_areas(work, actor, None if shop_id is None else [shop_id], after=page.text, limit=page.limit)
    following = page.following([row.id for row in rows])
    return Areas(items=[AreaOut.model_validate(row) for row in rows], next=following)


@router.post("/areas", operation_id="create_area", summary="Add an area to a shop", status_code=201, responses=WRITE)
async def create_area(work: Writing, actor: SignedIn, body: AreaIn) -> AreaOut:
    return AreaOut.model_validate(await service.create_area(work, actor, body))


@router.put("/areas/{area_id}", operation_id="update_area", summary="Change kind and name of an area", responses=CHANGE)
async def update_area(
    work: Writing, actor: SignedIn, response: Response, area_id: Id, body: AreaIn, if_match: IfMatch = None
) -> AreaOut:
    """With If-Match, the change is refused when somebody else was faster."""
    area = await service.update_area(work, actor, area_id, body, _expected(if_match))
    response.headers["ETag"] = etag(area.version)
    return AreaOut.model_validate(area)


def _expected(if_match: str | None) -> int | None:
    return version_of(if_match) if if_match is not None else None


def _shop(shop: Shop, actor: Actor) -> ShopOut:
    return ShopOut(
        id=shop.id, district_id=shop.district_id, name=shop.name, credit_code=shop.credit_code, address=shop.address,
        grade=shop.grade, version=shop.version,
        licences=[LicenceEntry.model_validate(licence) for licence in shop.licences],
        contacts=[ContactEntry.model_validate(contact) for contact in service.contacts_for(actor, shop)],
    )
