import asyncio

import pytest

from api.accounts.permissions import Role
from api.app import create_app
from api.kit.settings import Settings
from api.places.schemas import ContactEntry, ShopIn
from api.places.service import update_shop
from api.places.tables import Duty
from tests.api.world import HOUSE, Place, World, problem_code

CREDIT_CODE = "91330522MA2B4C5D6E"


async def test_a_shop_from_district_to_area(any_world: World):
    admin = await any_world.person(Role.ADMIN)
    district = (await admin.post("/api/v1/districts", json={"name": "长兴县"})).json()
    new = {"district_id": district["id"], "name": "面馆", "credit_code": CREDIT_CODE, "address": "1 Road"}
    shop = (await admin.post("/api/v1/shops", json=new)).json()
    area = await admin.post("/api/v1/areas", json={"shop_id": shop["id"], "kind": "cooking", "name": "Hot kitchen"})
    assert area.status_code == 201
    seen = (await admin.get(f"/api/v1/shops/{shop['id']}")).json()
    assert seen == {**new, "id": shop["id"], "grade": None, "licences": [], "contacts": [], "version": 1}
    areas = (await admin.get("/api/v1/areas", params={"shop_id": shop["id"]})).json()["items"]
    assert [row["kind"] for row in areas] == ["cooking"]


async def test_a_credit_code_belongs_to_one_shop(any_world: World):
    place = await any_world.place()
    admin = await any_world.person(Role.ADMIN)
    new = {"district_id": place.district_id, "name": "A", "credit_code": CREDIT_CODE}
    assert (await admin.post("/api/v1/shops", json=new)).status_code == 201
    answer = await admin.post("/api/v1/shops", json=new | {"name": "B"})
    assert (answer.status_code, problem_code(answer)) == (409, "credit-code-taken")


async def test_a_shop_is_changed(world: World):
    place = await world.place()
    admin = await world.person(Role.ADMIN)
    change = {"district_id": place.district_id, "name": "New name"}
    assert (await admin.put(f"/api/v1/shops/{place.shop_id}", json=change)).json()["name"] == "New name"


@pytest.mark.parametrize(
    "name", ["Noodles\r\nCase 3 is closed: https://evil.example", "Noodles\u2028Case 3", "\x1b[2J", "\x00", "\u202eseldooN"]
)
async def test_a_name_is_one_line(world: World, name: str):
    """It stands in the messages that officers get."""
    admin = await world.person(is_admin=True)
    answer = await admin.post("/api/v1/districts", json={"name": name})
    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (422, ["body.name"])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"address": "1 Road\nCase 3 is closed"}, "body.address"),
        ({"licences": [{"kind": "other", "number": "1\u202e2"}]}, "body.licences.0.number"),
    ],
)
async def test_what_a_notice_says_of_a_shop_is_one_line(world: World, changes: dict[str, object], field: str):
    place = await world.place()
    admin = await world.person(Role.ADMIN)
    answer = await admin.post("/api/v1/shops", json={"district_id": place.district_id, "name": "A", **changes})
    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (422, [field])


async def test_an_empty_district_is_deleted(any_world: World):
    admin = await any_world.person(Role.ADMIN)
    county = (await admin.post("/api/v1/districts", json={"name": "长兴县"})).json()["id"]
    station = (await admin.post("/api/v1/districts", json={"name": "程西所", "parent_id": county})).json()["id"]
    assert (await admin.delete(f"/api/v1/districts/{station}")).status_code == 204
    assert [one["id"] for one in (await admin.get("/api/v1/districts")).json()["items"]] == [county]
    assert (await admin.delete(f"/api/v1/districts/{station}")).status_code == 404


@pytest.mark.parametrize("what", ["a shop", "a station", "an account"])
async def test_a_district_that_something_belongs_to_stays(any_world: World, what: str):
    admin = await any_world.person(Role.ADMIN)
    if what == "a shop":
        district_id = (await any_world.place()).district_id
    else:
        district_id = (await admin.post("/api/v1/districts", json={"name": "长兴县"})).json()["id"]
    if what == "a station":
        await admin.post("/api/v1/districts", json={"name": "程西所", "parent_id": district_id})
    if what == "an account":
        await any_world.person(Role.OFFICER, place=Place(district_id=district_id, shop_id="", area_id="", camera_id=""))
    answer = await admin.delete(f"/api/v1/districts/{district_id}")
    assert (answer.status_code, problem_code(answer)) == (409, "district-in-use")
    assert district_id in [one["id"] for one in (await admin.get("/api/v1/districts")).json()["items"]]


@pytest.mark.parametrize("role", [Role.INSTALLER, Role.OFFICER])
async def test_a_district_of_others_is_not_deleted(world: World, role: Role):
    place = await world.place("Homely")
    admin = await world.person(Role.ADMIN)
    foreign = (await admin.post("/api/v1/districts", json={"name": "长兴县"})).json()["id"]
    person = await world.person(role, place=place)
    assert (await person.delete(f"/api/v1/districts/{foreign}")).status_code in (403, 404)


async def test_an_area_is_changed(world: World):
    place = await world.place()
    admin = await world.person(Role.ADMIN)
    change = {"shop_id": place.shop_id, "kind": "cutting", "name": "Cutting"}
    assert (await admin.put(f"/api/v1/areas/{place.area_id}", json=change)).json()["kind"] == "cutting"


@pytest.mark.parametrize("what", ["shops", "districts", "areas"])
async def test_a_change_based_on_what_somebody_else_has_changed_since(world: World, what: str):
    place = await world.place()
    admin = await world.person(Role.ADMIN)
    path, change = {
        "shops": (place.shop_id, {"district_id": place.district_id}), "districts": (place.district_id, {}),
        "areas": (place.area_id, {"shop_id": place.shop_id, "kind": "cutting"}),
    }[what]
    (listed,) = (await admin.get(f"/api/v1/{what}")).json()["items"]
    path, mine = f"/api/v1/{what}/{path}", {"If-Match": f'"{listed["version"]}"'}
    first = await admin.put(path, json={**change, "name": "First"}, headers=mine)
    assert (first.status_code, first.headers["etag"], first.json()["version"]) == (200, '"2"', 2)
    second = await admin.put(path, json={**change, "name": "Second"}, headers=mine)
    assert (second.status_code, problem_code(second)) == (412, "version-conflict")
    assert [one["name"] for one in (await admin.get(f"/api/v1/{what}")).json()["items"]] == ["First"]
    again = await admin.put(path, json={**change, "name": "Second"}, headers={"If-Match": first.headers["etag"]})
    assert again.json()["version"] == 3


async def test_a_shop_tells_its_version_with_its_etag(world: World):
    place = await world.place()
    admin = await world.person(Role.ADMIN)
    etag = (await admin.get(f"/api/v1/shops/{place.shop_id}")).headers["etag"]
    change = {"district_id": place.district_id, "name": "New name"}
    for status in (200, 412):
        answer = await admin.put(f"/api/v1/shops/{place.shop_id}", json=change, headers={"If-Match": etag})
        assert answer.status_code == status


async def test_shops_page_by_page(any_world: World):
    places = [await any_world.place(f"Shop {number}") for number in range(3)]
    officer = await any_world.person()
    first = (await officer.get("/api/v1/shops", params={"limit": 2})).json()
    rest = (await officer.get("/api/v1/shops", params={"limit": 2, "cursor": first["next"]})).json()
    assert sorted(shop["id"] for shop in first["items"] + rest["items"]) == sorted(place.shop_id for place in places)
    assert rest["next"] is None


async def test_an_officer_does_not_change_places(world: World):
    answer = await (await world.person()).post("/api/v1/districts", json={"name": "X"})
    assert (answer.status_code, problem_code(answer)) == (403, "forbidden")


async def test_a_district_sees_only_itself(any_world: World):
    mine, theirs = await any_world.place("Mine"), await any_world.place("Theirs")
    installer = await any_world.person(Role.INSTALLER, place=mine)
    assert [row["id"] for row in (await installer.get("/api/v1/districts")).json()["items"]] == [mine.district_id]
    assert [row["id"] for row in (await installer.get("/api/v1/shops")).json()["items"]] == [mine.shop_id]
    assert [row["id"] for row in (await installer.get("/api/v1/areas")).json()["items"]] == [mine.area_id]
    foreign = await installer.get(f"/api/v1/shops/{theirs.shop_id}")
    unknown = await installer.get("/api/v1/shops/unknown")
    assert foreign.status_code == unknown.status_code == 404
    assert foreign.text == unknown.text


async def test_nothing_is_put_into_anothers_place(world: World):
    mine, theirs = await world.place("Mine"), await world.place("Theirs")
    installer = await world.person(Role.INSTALLER, place=mine)
    new_shop = {"district_id": theirs.district_id, "name": "X"}
    new_area = {"shop_id": theirs.shop_id, "kind": "cooking", "name": "X"}
    answers = [
        await installer.post("/api/v1/shops", json=new_shop),
        await installer.put(f"/api/v1/shops/{mine.shop_id}", json=new_shop),
        await installer.post("/api/v1/areas", json=new_area),
        await installer.put(f"/api/v1/areas/{theirs.area_id}", json=new_area),
        await installer.put(f"/api/v1/areas/{mine.area_id}", json=new_area),
    ]
    assert [answer.status_code for answer in answers] == [404] * 5


async def test_a_bound_account_makes_no_district(world: World):
    installer = await world.person(Role.INSTALLER, place=await world.place())
    assert (await installer.post("/api/v1/districts", json={"name": "X"})).status_code == 403


LICENCE = {"kind": "food_business", "number": "JY23305220012345", "expires_on": "2027-05-31"}
CONTACT = {"duty": "food_safety", "name": "Li", "phone": "138 0000 0000"}


class TestTree:
    async def test_a_county_sees_the_shops_of_its_stations(self, any_world: World):
        admin, other = await any_world.person(Role.ADMIN), await any_world.place("Other")
        county = (await admin.post("/api/v1/districts", json={"name": "County"})).json()["id"]
        station = (await admin.post("/api/v1/districts", json={"name": "Station", "parent_id": county})).json()["id"]
        shop = (await admin.post("/api/v1/shops", json={"district_id": station, "name": "Noodles"})).json()["id"]
        seen = {}
        for district_id in (county, station):
            bound = Place(district_id, shop, other.area_id, other.camera_id)
            officer = await any_world.person(place=bound)
            shops = (await officer.get("/api/v1/shops")).json()["items"]
            districts = (await officer.get("/api/v1/districts")).json()["items"]
            seen[district_id] = ([row["id"] for row in shops], sorted(row["id"] for row in districts))
        assert seen == {county: ([shop], sorted([county, station])), station: ([shop], [station])}

    async def test_there_is_nothing_below_a_station(self, world: World):
        admin = await world.person(Role.ADMIN)
        county = (await admin.post("/api/v1/districts", json={"name": "County"})).json()["id"]
        station = (await admin.post("/api/v1/districts", json={"name": "Station", "parent_id": county})).json()["id"]
        answer = await admin.post("/api/v1/districts", json={"name": "Post", "parent_id": station})
        assert (answer.status_code, problem_code(answer)) == (422, "not-a-county")

    async def test_a_bound_account_makes_stations_of_its_own_county_only(self, world: World):
        mine, theirs = await world.place("Mine"), await world.place("Theirs")
        installer = await world.person(Role.INSTALLER, place=mine)
        answers = [
            (await installer.post("/api/v1/districts", json={"name": "S", "parent_id": parent_id})).status_code
            for parent_id in (mine.district_id, theirs.district_id)
        ]
        assert answers == [201, 404]


class TestEntries:
    async def test_licences_and_contacts_are_replaced_as_a_whole(self, any_world: World):
        place, admin = await any_world.place(), await any_world.person(Role.ADMIN)
        shop = {"district_id": place.district_id, "name": "A", "licences": [LICENCE, LICENCE], "contacts": [CONTACT]}
        await admin.put(f"/api/v1/shops/{place.shop_id}", json=shop)
        change = {**shop, "licences": [{**LICENCE, "number": "JY2"}], "contacts": []}
        assert (await admin.put(f"/api/v1/shops/{place.shop_id}", json=change)).status_code == 200
        told = (await admin.get(f"/api/v1/shops/{place.shop_id}")).json()
        assert (told["licences"], told["contacts"]) == (change["licences"], [])

    @pytest.mark.postgres
    async def test_two_who_change_it_at_once(self, postgres_settings: Settings):
        world = World(create_app(postgres_settings))
        place = await world.place()
        contact = ContactEntry(duty=Duty.OWNER, name="Li", phone="13800000000")
        new = ShopIn(district_id=place.district_id, name="A", contacts=[contact])

        async def change() -> None:
            async with world.centre.database.writing() as work:
                await update_shop(work, HOUSE, place.shop_id, new)

        await asyncio.gather(change(), change(), change())
        await world.centre.close()

    async def test_another_department_is_told_no_telephone_number(self, world: World):
        place, admin = await world.place(), await world.person(Role.ADMIN)
        shop = {"district_id": place.district_id, "name": "A", "contacts": [CONTACT]}
        await admin.put(f"/api/v1/shops/{place.shop_id}", json=shop)
        told = {}
        for role in (Role.OFFICER, Role.PARTNER):
            told[role] = (await (await world.person(role, place=place)).get(f"/api/v1/shops/{place.shop_id}")).json()["contacts"]
        assert told == {Role.OFFICER: [CONTACT], Role.PARTNER: []}

    @pytest.mark.parametrize(
        "wrong", [{"contacts": [{**CONTACT, "phone": "call me"}]}, {"licences": [{**LICENCE, "expires_on": "2027-02-30"}]}]
    )
    async def test_what_is_none(self, world: World, wrong: dict[str, object]):
        place, admin = await world.place(), await world.person(Role.ADMIN)
        shop = {"district_id": place.district_id, "name": "A", **wrong}
        answer = await admin.put(f"/api/v1/shops/{place.shop_id}", json=shop)
        assert (answer.status_code, problem_code(answer)) == (422, "invalid")
