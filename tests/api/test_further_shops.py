"""One account for several shops: how one more is taken on, what it opens, and how it is taken away again."""

from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from api.accounts.permissions import PERMISSIONS, STORE_ROLES, Role
from api.accounts.service import create_user
from api.deliveries.kinds import Audience, Channel
from api.deliveries.tables import Target
from api.kit.times import now
from tests.api.acts import do, done
from tests.api.test_oauth import add, told
from tests.api.world import HOUSE, Place, World, problem_code


async def invite(admin: httpx.AsyncClient, place: Place, **form: str) -> str:
    """The address of the link."""
    data = {"name": "Zhao", "role": "store_owner", "place": f"shop:{place.shop_id}", **form}
    answer = await admin.post("/invitations/new", data=data)
    assert answer.status_code == 200, answer.text
    return "/join/" + answer.text.split("/join/", 1)[1].split("<", 1)[0]


async def me(who: httpx.AsyncClient) -> dict[str, Any]:
    answer: dict[str, Any] = (await who.get("/api/v1/me")).json()
    return answer


@dataclass
class Chain:
    """An owner of shop A who has taken on B as well, and knows nothing of C; each shop in a district of its own."""

    world: World
    a: Place
    b: Place
    c: Place
    owner: httpx.AsyncClient
    path: str

    async def admin(self, place: Place) -> httpx.AsyncClient:
        return await self.world.person(Role.ADMIN, place=place)

    async def take_out(self, admin: httpx.AsyncClient) -> httpx.Response:
        return await admin.post(f"/accounts/{(await me(self.owner))['id']}/shops/{self.b.shop_id}/end")


@pytest.fixture
async def chain(any_world: World) -> Chain:
    world = any_world
    a, b, c = [await world.place(name) for name in ("A", "B", "C")]
    owner = await world.person(Role.STORE_OWNER, place=a)
    path = await invite(await world.person(Role.ADMIN, place=b), b)
    answer = await owner.post(f"{path}/shop")
    assert (answer.status_code, answer.headers["location"]) == (303, "/account?done=shop"), answer.text
    return Chain(world, a, b, c, owner, path)


def test_who_is_of_a_shop_may_the_same_in_each_role():
    """What somebody is holds for all of their shops."""
    assert len({PERMISSIONS[role] for role in STORE_ROLES}) == 1


async def test_both_shops_are_seen_and_no_other(chain: Chain):
    cases = [await told(chain.world, place) for place in (chain.a, chain.b, chain.c)]
    shops = (await chain.owner.get("/api/v1/shops")).json()["items"]
    assert {shop["name"] for shop in shops} == {"A", "B"}
    assert {case["id"] for case in (await chain.owner.get("/api/v1/cases")).json()["items"]} == set(cases[:2])
    cameras = (await chain.owner.get("/api/v1/cameras")).json()["items"]
    assert {camera["id"] for camera in cameras} == {chain.a.camera_id, chain.b.camera_id}
    for path in (f"cases/{cases[2]}", f"shops/{chain.c.shop_id}", f"cameras/{chain.c.camera_id}"):
        assert (await chain.owner.get(f"/api/v1/{path}")).status_code == 404, path
    page = (await chain.owner.get("/account?lang=en&done=shop")).text
    assert ("Your shops" in page, [f">Leave {name}<" in page for name in "ABC"]) == (True, [True, True, False])


async def test_what_is_done_for_a_shop_stands_in_the_audit_of_that_shop(chain: Chain):
    for place in (chain.a, chain.b):
        await done(chain.owner, await told(chain.world, place), "acknowledge")
        entries = (await (await chain.admin(place)).get("/api/v1/audit")).json()["items"]
        units = {entry["unit"] for entry in entries if entry["action"] in ("case.acknowledge", "user.shop_added")}
        assert units == {"A" if place is chain.a else "B"}
    (added,) = (entry for entry in entries if entry["action"] == "user.shop_added")
    assert (added["detail"]["shop"], added["object_id"]) == ("B", (await me(chain.owner))["id"])


async def test_taken_out_of_it_nothing_of_it_is_seen_any_more(chain: Chain):
    case = await told(chain.world, chain.b)
    admin = await chain.admin(chain.b)
    assert "store_owner person" in (await admin.get("/accounts?lang=en&who=store")).text
    for _ in range(2):  # a second tap
        assert (await chain.take_out(admin)).status_code == 303
    assert (await chain.owner.get(f"/api/v1/cases/{case}")).status_code == 404
    assert (await me(chain.owner))["further_shop_ids"] == []
    assert "store_owner person" not in (await admin.get("/accounts?lang=en&who=store")).text
    entries = (await admin.get("/api/v1/audit")).json()["items"]
    assert [entry["detail"]["shop"] for entry in entries if entry["action"] == "user.shop_removed"] == ["B"]


async def leave(who: httpx.AsyncClient, place: Place) -> httpx.Response:
    return await who.post(f"/account/shops/{place.shop_id}/end")


async def test_one_of_them_is_left_with_a_successor(chain: Chain):
    case = await told(chain.world, chain.b)
    assert f'action="/account/shops/{chain.b.shop_id}/end"' in (await chain.owner.get("/account")).text
    refused = await leave(chain.owner, chain.b)
    assert (refused.status_code, problem_code(refused)) == (409, "last-of-shop")
    await chain.world.person(Role.STORE_ADMIN, place=chain.b)
    for _ in range(2):  # a second tap
        answer = await leave(chain.owner, chain.b)
        assert (answer.status_code, answer.headers["location"]) == (303, "/account?done=left"), answer.text
    assert "its short messages still reach you" in (await chain.owner.get(f"{answer.headers['location']}&lang=en")).text
    assert (await chain.owner.get(f"/api/v1/cases/{case}")).status_code == 404
    assert (await me(chain.owner))["further_shop_ids"] == []
    entries = (await (await chain.admin(chain.b)).get("/api/v1/audit")).json()["items"]
    left = [(entry["actor_name"], entry["detail"]["shop"]) for entry in entries if entry["action"] == "user.shop_removed"]
    assert left == [("store_owner person", "B")]


async def test_the_first_one_is_left_too(chain: Chain):
    cases = [await told(chain.world, place) for place in (chain.a, chain.b)]
    await chain.world.person(Role.STORE_ADMIN, place=chain.a)
    assert (await leave(chain.owner, chain.a)).status_code == 303
    now_me = await me(chain.owner)
    assert (now_me["shop_id"], now_me["further_shop_ids"]) == (chain.b.shop_id, [])
    assert [case["id"] for case in (await chain.owner.get("/api/v1/cases")).json()["items"]] == cases[1:]
    assert (await leave(chain.owner, chain.b)).status_code == 403  # the only one by now


async def test_what_rings_goes_on_for_the_shop_that_stays(chain: Chain):
    user_id = (await me(chain.owner))["id"]
    async with chain.world.centre.database.writing() as work:
        browser = Target(
            channel=Channel.WEB_PUSH,
            audience=Audience.SHOP,
            shop_id=chain.a.shop_id,
            user_id=user_id,
            name="Phone",
            events=[],
            language="en",
            created_at=now(),
            secrets_encrypted="",
            version=1,
            enabled=True,
        )
        work.add(browser)
    await chain.world.person(Role.STORE_ADMIN, place=chain.a)
    await leave(chain.owner, chain.a)
    async with chain.world.centre.database.reading() as work:
        assert (await work.get_one(Target, browser.id)).shop_id == chain.b.shop_id


async def test_a_disabled_account_is_no_successor(chain: Chain):
    other = await chain.world.person(Role.STORE_ADMIN, place=chain.b)
    root = await chain.world.person(Role.ADMIN)
    await root.post(f"/accounts/{(await me(other))['id']}/disable")
    assert (await leave(chain.owner, chain.b)).status_code == 409


async def test_whoever_does_not_manage_that_shop_takes_nobody_out_of_it(chain: Chain):
    for who in (await chain.admin(chain.a), await chain.world.person(Role.OFFICER, place=chain.b), chain.owner):
        assert (await chain.take_out(who)).status_code in (403, 404)
    assert (await me(chain.owner))["further_shop_ids"] == [chain.b.shop_id]


async def test_who_manages_one_shop_alone_does_not_come_to_the_other_by_a_new_password(chain: Chain):
    admin, user_id = await chain.admin(chain.a), (await me(chain.owner))["id"]
    assert "Also looks after a shop that you do not see" in (await admin.get("/accounts?lang=en")).text
    assert (await admin.post(f"/accounts/{user_id}/password")).status_code == 403
    assert (await (await chain.world.person(Role.ADMIN)).post(f"/accounts/{user_id}/password")).status_code == 200


async def test_a_link_to_a_new_password_from_before_opens_nothing(any_world: World):
    a, b = await any_world.place("A"), await any_world.place("B")
    owner = await any_world.person(Role.STORE_OWNER, place=a)
    of_a = await any_world.person(Role.ADMIN, place=a)
    shown = (await of_a.post(f"/accounts/{(await me(owner))['id']}/password")).text
    link = "/join/" + shown.split("/join/", 1)[1].split("<", 1)[0]
    await owner.post(f"{await invite(await any_world.person(Role.ADMIN, place=b), b)}/shop")
    answer = await any_world.client().post(link, data={"password": "rice washed three times"})
    assert (answer.status_code, problem_code(answer)) == (404, "invitation-over")


async def test_who_changes_posts_keeps_them_within_the_trade_alone(chain: Chain):
    root, user_id = await chain.world.person(Role.ADMIN), (await me(chain.owner))["id"]

    async def rows() -> bool:
        return f"/accounts/{user_id}/shops/{chain.b.shop_id}/end" in (await root.get("/accounts")).text

    post = {"name": "Zhao", "role": "store_owner", "place": f"shop:{chain.c.shop_id}"}
    await root.post(f"/accounts/{user_id}/post", data=post)
    assert await rows()
    await root.post(f"/accounts/{user_id}/post", data=post | {"role": "officer", "place": ""})
    assert not await rows()
    await root.post(f"/accounts/{user_id}/post", data=post | {"is_admin": "yes"})
    assert not await rows()


@pytest.mark.parametrize(
    ("role", "is_admin", "form"),
    [
        (Role.STORE_ADMIN, False, {}),
        (Role.OFFICER, False, {"role": "officer"}),
        (Role.STORE_OWNER, True, {}),
        (Role.STORE_OWNER, False, {"is_admin": "yes"}),
    ],
)
async def test_another_role_or_an_administrator_needs_an_account_of_its_own(
    world: World, role: Role, is_admin: bool, form: dict[str, str]
):
    a, b = await world.place("A"), await world.place("B")
    who = await world.person(role, is_admin=is_admin, place=a)
    path = await invite(await world.person(Role.ADMIN, place=b), b, **form)
    assert "Make my account" in (await who.get(f"{path}?lang=en")).text
    assert (await who.post(f"{path}/shop")).status_code == 403
    assert (await me(who))["further_shop_ids"] == []


async def test_a_used_link_takes_nothing_on(chain: Chain):
    other = await chain.world.person(Role.STORE_OWNER, place=chain.c)
    answer = await other.post(f"{chain.path}/shop")
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    assert (await me(other))["further_shop_ids"] == []


async def test_the_page_says_which_shop_and_which_account_it_is(world: World):
    a, b = await world.place("A"), await world.place("B")
    path = await invite(await world.person(Role.ADMIN, place=b), b)
    owner = await world.person(Role.STORE_OWNER, place=a)
    page = (await owner.get(f"{path}?lang=en")).text
    assert ("One more shop: B" in page, f'action="{path}/shop"' in page, 'name="password"' in page) == (True, True, False)
    stranger = (await world.client().get(f"{path}?lang=en")).text
    assert ("Make my account" in stranger, f"/login?next=%2Fjoin%2F{path[6:]}" in stranger) == (True, True)


async def test_who_signs_in_first_comes_back_to_the_invitation(world: World):
    a, b = await world.place("A"), await world.place("B")
    async with world.centre.database.writing() as work:
        password = await create_user(work, HOUSE, login="li", name="Li", role=Role.STORE_OWNER, shop_id=a.shop_id)
    path, browser = await invite(await world.person(Role.ADMIN, place=b), b), world.client(headers={"Accept": "text/html"})
    form = {"username": "li", "password": password.get_secret_value(), "next": path}
    assert (await browser.post("/login", data=form)).headers["location"] == path
    assert (await browser.post(f"{path}/shop")).headers["location"] == "/account?done=shop"


async def test_a_program_asks_for_all_shops_that_lie_in_its_places(chain: Chain):
    cases = [await told(chain.world, place) for place in (chain.a, chain.b)]
    program = await add(chain.world, chain.a, chain.b)
    async with program.for_person(chain.owner, "cases:read") as client:
        assert {case["id"] for case in (await client.get("/api/v1/cases")).json()["items"]} == set(cases)
        await chain.take_out(await chain.admin(chain.b))
        assert {case["id"] for case in (await client.get("/api/v1/cases")).json()["items"]} == {cases[0]}
    narrow = await add(chain.world, chain.b)
    async with narrow.for_person(chain.owner, "cases:read") as client:
        assert (await client.get("/api/v1/cases")).json()["items"] == []


async def test_one_shop_answers_nothing_for_the_other_after_it_was_taken_out(chain: Chain):
    case = await told(chain.world, chain.b)
    version = (await chain.owner.get(f"/api/v1/cases/{case}")).json()["version"]
    await chain.take_out(await chain.admin(chain.b))
    assert (await do(chain.owner, case, "acknowledge", version)).status_code == 404


async def test_who_takes_somebody_out_is_told_of_the_contacts(world: World):
    """An account knows no mobile number, so nobody but a person can take that out."""
    admin = await world.person(Role.ADMIN)
    await world.person(Role.STORE_ADMIN, place=await world.place())
    told = {
        done: "Short messages go to the shop" in (await admin.get(f"/accounts?lang=en&done={done}")).text
        for done in ("shop", "disable", "enable")
    }
    assert told == {"shop": True, "disable": True, "enable": False}
