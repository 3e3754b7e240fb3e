"""Forms in which a shop is chosen, in a county with more shops than a person scrolls through."""

import httpx
import pytest

from api.accounts.permissions import Role
from api.console.shop_choice import MOST_SHOPS, offer_districts
from api.places.schemas import AreaIn, DistrictIn, ShopIn
from api.places.service import create_area, create_district, create_shops, get_shop
from contract.catalogue import AreaKind
from tests.api.world import HOUSE, World

# By the field that holds a shop.
FORMS = {
    "/invitations/new?place=shop:{}": "shop:", "/clients/new": "shop:", "/targets/new?shop={}": "shop:",
    "/edge-boxes/new?shop_id={}": "", "/alarm-boxes/new": "", "/cameras/trials/new": "",
}


async def test_no_more_shops_are_offered_than_a_person_scrolls_through_and_others_are_found_by_name(world: World) -> None:
    place = await world.place("Sought")
    new = [ShopIn(district_id=place.district_id, name=f"Shop {number:04}") for number in range(MOST_SHOPS + 1)]
    async with world.centre.database.writing() as work:
        last = (await create_shops(work, HOUSE, new))[-1]
    admin = await world.person(Role.OFFICER, is_admin=True)
    for form, prefix in FORMS.items():
        address = form.format(place.shop_id)
        page = (await admin.get(address)).text
        assert 'name="shop_name"' in page, address
        assert page.count("· Sought district") in (MOST_SHOPS, MOST_SHOPS + 1), address
        assert "{}" not in form or f'value="{prefix}{place.shop_id}"' in page, address
        found = (await admin.get(address.partition("?")[0], params={"shop_name": last.name})).text
        assert (f'value="{prefix}{last.id}"' in found, found.count("· Sought district")) == (True, 1), address


@pytest.mark.parametrize("form", FORMS)
async def test_nothing_is_to_be_looked_for_among_a_few(world: World, form: str) -> None:
    place = await world.place("Only")
    admin = await world.person(Role.OFFICER, is_admin=True)
    page = (await admin.get(form.partition("?")[0])).text
    assert (f'{place.shop_id}"' in page, 'name="shop_name"' in page) == (True, False)


async def test_stations_stand_below_their_county_in_the_order_in_which_people_count(world: World) -> None:
    async with world.centre.database.writing() as work:
        for county in ("B county", "A county"):
            above = await create_district(work, HOUSE, DistrictIn(name=county))
            for name in (f"No. 10 of {county}", f"No. 2 of {county}", "West"):
                await create_district(work, HOUSE, DistrictIn(name=name, parent_id=above.id))
        offered = [option.words for option in await offer_districts(work, HOUSE)]
    expected = ["{}", "No. 2 of {}", "No. 10 of {}", "{} · West"]
    assert offered == [words.format(county) for county in ("A county", "B county") for words in expected]


async def test_a_shop_goes_over_to_another_station(world: World) -> None:
    place, other = await world.place("Moved"), await world.place("Other")
    admin = await world.person(Role.ADMIN)
    assert f'<option value="{place.district_id}" selected>' in (await admin.get(f"/shops/{place.shop_id}")).text
    typed = {"name": "Moved", "station": other.district_id, "version": "1", "csrf": await token_of_page(admin, place.shop_id)}
    assert (await admin.post(f"/shops/{place.shop_id}", data=typed)).status_code == 303
    async with world.centre.database.reading() as work:
        assert (await get_shop(work, HOUSE, place.shop_id)).district_id == other.district_id


async def token_of_page(browser: httpx.AsyncClient, shop_id: str) -> str:
    return (await browser.get(f"/shops/{shop_id}")).text.split('name="csrf" value="')[1].split('"')[0]


async def test_a_camera_is_offered_the_areas_of_no_more_shops_and_of_its_own(world: World) -> None:
    place = await world.place("Sought")
    new = [ShopIn(district_id=place.district_id, name=f"Shop {number:04}") for number in range(MOST_SHOPS + 1)]
    async with world.centre.database.writing() as work:
        shops = await create_shops(work, HOUSE, new)
        areas = [await create_area(work, HOUSE, AreaIn(shop_id=shop.id, kind=AreaKind.COOKING, name="Stove")) for shop in shops]
    installer = await world.person(Role.INSTALLER)
    for address in ("/cameras/new", f"/cameras/{place.camera_id}"):
        page = (await installer.get(address)).text
        assert page.count("· Stove") in (MOST_SHOPS - 1, MOST_SHOPS), address
        assert address == "/cameras/new" or f'<option value="{place.area_id}" selected>' in page
        found = (await installer.get(address, params={"shop_name": shops[-1].name})).text
        assert (f'value="{areas[-1].id}"' in found, found.count("· Stove")) == (True, 1), address
    typed = {"area_id": areas[-1].id, "name": "", "csrf": page.split('name="csrf" value="')[1].split('"')[0]}
    assert f'<option value="{areas[-1].id}" selected>' in (await installer.post("/cameras/new", data=typed)).text
