"""How a shop takes part: counted from minutes alone, with hysteresis, signed for partners, and nothing else of it public."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

import cv2
import httpx
import jwt
import numpy as np
import pytest
from jwt import PyJWK

from api.accounts.permissions import Role
from api.app import create_app
from api.cameras.minutes import count_minutes, windows
from api.cameras.observed import TOLD_BY
from api.cameras.repository import store_minutes
from api.keys.service import rotate_keys
from api.kit.ids import new_id
from api.kit.settings import Settings
from api.public import repository, service
from api.public.rounds import measure_all
from api.public.tables import PublicStatus, ShopStatus
from contract.cameras import Hours
from tests.api.acts import done
from tests.api.deliveries.post import Clock
from tests.api.test_cameras import new_camera
from tests.api.world import HOUSE, EdgeBox, Place, World, problem_code

CREDIT_CODE = "91510104MA6CA0000H"
NOON = datetime(2026, 1, 12, 4, 0, tzinfo=UTC)
WEEK = 7 * 24 * 60


@dataclass
class Joined:
    """A shop whose connection was accepted long ago."""

    world: World
    place: Place
    officer: httpx.AsyncClient
    clock: Clock
    box: EdgeBox

    async def look(self, share: float) -> None:
        """Of the last seven days every camera of the shop was looked at in so many minutes, as the edge would have told."""
        first = self.clock.now - TOLD_BY - timedelta(minutes=WEEK)
        minutes = [first + timedelta(minutes=number) for number in range(WEEK)]
        rows = [
            {"camera_id": self.place.camera_id, "minute": minute, "looks": int(number < share * WEEK), "fault": None}
            for number, minute in enumerate(minutes)
        ]
        async with self.world.centre.database.writing() as work:
            await store_minutes(work, HOUSE, rows, first)
            await service.measure(work, self.world.centre.settings, self.place.shop_id, self.clock.now)

    async def status(self) -> dict[str, Any]:
        answer: dict[str, Any] = (await self.officer.get(f"/api/v1/shops/{self.place.shop_id}/status")).json()
        return answer


async def join(world: World) -> Joined:
    clock = Clock(NOON - timedelta(days=30))
    world.centre.clock = clock
    place = await world.place(credit_code=CREDIT_CODE)
    joined = Joined(world, place, await world.person(Role.OFFICER, place=place), clock, await world.edge(place))
    answer = await joined.officer.post(f"/api/v1/shops/{place.shop_id}/acceptance", json={"accepted": True})
    assert answer.status_code == 200, answer.text
    clock.now = NOON
    return joined


async def test_from_nothing_to_accepted_and_back(any_world: World):
    place = await any_world.place()
    officer, admin = await any_world.person(Role.OFFICER, place=place), await any_world.person(is_admin=True)
    path = f"/api/v1/shops/{place.shop_id}"
    assert (await officer.get(f"{path}/status")).json()["status"] == "pending"
    accepted = (await officer.post(f"{path}/acceptance", json={"accepted": True})).json()
    again = (await officer.post(f"{path}/acceptance", json={"accepted": True})).json()
    assert (accepted["status"], again) == ("active", accepted)
    camera = (await admin.get(f"/api/v1/cameras/{place.camera_id}")).json()
    body = {"area_id": place.area_id, "name": camera["name"], "url": camera["url"], "enabled": False}
    assert (await admin.put(f"/api/v1/cameras/{place.camera_id}", json=body, headers={"If-Match": '"1"'})).status_code == 200
    assert (await officer.get(f"{path}/status")).json()["status"] == "none"
    withdrawn = (await officer.post(f"{path}/acceptance", json={"accepted": False})).json()
    assert (withdrawn["accepted_at"], withdrawn["status"]) == (None, "none")


@pytest.mark.postgres
async def test_accepted_by_two_at_once(postgres_settings: Settings, monkeypatch: pytest.MonkeyPatch):
    world = World(create_app(postgres_settings))
    place = await world.place()
    both_have_read, read = asyncio.Barrier(2), repository.get_status

    async def read_then_wait(*given: Any, for_change: bool = False) -> ShopStatus | None:
        found = await read(*given, for_change=for_change)
        if for_change:
            await both_have_read.wait()
        return found

    async def accept() -> None:
        async with world.centre.database.writing() as work:
            await service.accept(work, HOUSE, place.shop_id, True, NOON)

    monkeypatch.setattr(repository, "get_status", read_then_wait)
    await asyncio.gather(accept(), accept())
    await world.centre.close()


async def test_the_way_back_is_longer(any_world: World):
    shop = await join(any_world)
    told = []
    for share in (0.82, 0.79, 0.82, 0.86, 0.82):
        await shop.look(share)
        told.append((await shop.status())["status"])
    assert told == ["active", "degraded", "degraded", "active", "active"]


async def test_exactly_the_limit_is_enough(world: World):
    shop = await join(world)
    await shop.look(0.8)
    status = await shop.status()
    assert (status["status"], status["observed_minutes"], status["required_minutes"]) == ("active", 8064, 10080)


async def test_what_was_before_the_acceptance_does_not_count(world: World):
    shop = await join(world)
    shop.clock.now = NOON - timedelta(days=2)
    for accepted in (False, True):
        await shop.officer.post(f"/api/v1/shops/{shop.place.shop_id}/acceptance", json={"accepted": accepted})
    shop.clock.now = NOON
    await shop.look(1.0)
    since_then = timedelta(days=2) - timedelta(minutes=1) - TOLD_BY
    assert (await shop.status())["required_minutes"] == since_then / timedelta(minutes=1)


async def test_no_minute_is_asked_for_that_is_not_kept(world: World):
    shop = await join(world)
    world.centre.settings.minutes_kept_days = 2
    await shop.look(1.0)
    assert (await shop.status())["required_minutes"] == 2 * 24 * 60


async def test_the_limits_are_settings(world: World):
    shop = await join(world)
    world.centre.settings.status_active_from, world.centre.settings.status_days = 0.5, 1
    await shop.look(0.55)  # all of the last day is missing
    assert (await shop.status())["status"] == "degraded"
    assert (await shop.status())["required_minutes"] == 24 * 60


async def test_a_shop_that_was_just_accepted_is_not_judged_yet(world: World):
    shop = await join(world)
    for accepted in (False, True):
        await shop.officer.post(f"/api/v1/shops/{shop.place.shop_id}/acceptance", json={"accepted": accepted})
    shop.clock.now += timedelta(hours=3)
    await shop.look(0.0)
    assert (await shop.status())["status"] == "active"


async def test_all_shops_are_counted_in_turn(world: World):
    import asyncio

    shop = await join(world)
    await measure_all(world.centre, asyncio.Event())
    status = await shop.status()
    assert (status["status"], status["required_minutes"], status["observed_minutes"]) == ("degraded", WEEK, 0)
    audit = (await (await world.person(is_admin=True)).get("/api/v1/audit")).json()["items"]
    assert "shop.status_changed" in {entry["action"] for entry in audit}


class TestAnotherCamera:
    async def test_what_it_did_not_see_before_it_was_there_is_not_missing(self, world: World):
        shop = await join(world)
        shop.clock.now -= timedelta(days=2)
        installer = await world.person(Role.INSTALLER)
        assert (await installer.post("/api/v1/cameras", json=new_camera(shop.place))).status_code == 201
        shop.clock.now += timedelta(hours=23)
        await shop.look(1.0)
        assert (await shop.status())["required_minutes"] == WEEK  # it is not judged yet
        shop.clock.now += timedelta(hours=3)
        await shop.look(1.0)
        status = await shop.status()
        assert (status["status"], status["required_minutes"]) == ("active", WEEK + 26 * 60 - 6)
        shop.clock.now += timedelta(days=5)
        await shop.look(1.0)
        assert (await shop.status())["status"] == "degraded"  # it never looked

    async def test_nor_what_it_did_not_see_while_it_was_switched_off(self, world: World):
        shop = await join(world)
        installer = await world.person(Role.INSTALLER)
        body = new_camera(shop.place)
        path = f"/api/v1/cameras/{(await installer.post('/api/v1/cameras', json=body)).json()['id']}"
        for switched in (False, True):
            assert (await installer.put(path, json=body | {"enabled": switched})).status_code == 200
            shop.clock.now += timedelta(days=20)
        shop.clock.now -= timedelta(days=18)
        await shop.look(1.0)
        assert (await shop.status())["required_minutes"] == WEEK + 2 * 24 * 60 - 6


async def test_a_camera_that_only_the_shops_own_box_watches_does_not_count(world: World):
    shop = await join(world)
    await world.alarm_box(shop.place)
    async with world.centre.database.writing() as work:
        from api.cameras.repository import take_from_edge

        await take_from_edge(work, HOUSE, shop.box.id)
    await shop.look(0.0)
    assert (await shop.status())["required_minutes"] == 0


@pytest.mark.parametrize(
    ("hours", "minutes"),
    [
        (None, 2880), ([], 0), ([Hours(start=time(9), end=time(21))], 1440), ([Hours(start=time(20), end=time(2))], 720),
        ([Hours(start=time(9), end=time(14)), Hours(start=time(12), end=time(21))], 1440),
        ([Hours(start=time(8), end=time(8))], 2880),
        ([Hours(start=time(9), end=time(9, 30)), Hours(start=time(17), end=time(18))], 180),
    ],
)
def test_minutes_that_are_required(hours: list[Hours] | None, minutes: int):
    """Of two days from noon in the time of the shops; windows that overlap count once."""
    assert count_minutes(windows(hours, NOON, NOON + timedelta(days=2))) == minutes


def test_only_the_part_inside_of_the_span_counts():
    lunch = [Hours(start=time(11), end=time(13))]  # noon is 12:00 there
    assert windows(lunch, NOON, NOON + timedelta(hours=6)) == [(NOON, NOON + timedelta(hours=1))]


class TestBadge:
    async def test_a_partner_gets_it_by_the_credit_code_and_anybody_checks_it(self, any_world: World):
        shop = await join(any_world)
        partner = await any_world.person(Role.PARTNER)
        answer = (await partner.get(f"/api/v1/badges/{CREDIT_CODE}")).json()
        key, = (await any_world.client().get("/api/v1/badge-keys")).json()["keys"]
        assert jwt.get_unverified_header(answer["badge"]) == {"alg": "EdDSA", "kid": key["kid"], "typ": "shop-status+jwt"}
        claims = jwt.decode(answer["badge"], PyJWK(key), algorithms=["EdDSA"], options={"verify_exp": False})
        assert claims == {
            "iss": "http://127.0.0.1:8000", "sub": CREDIT_CODE, "status": "active", "since": claims["since"],
            "iat": int(NOON.timestamp()), "exp": int((NOON + timedelta(hours=24)).timestamp()),
        }
        assert (answer["status"], answer["expires_at"]) == ("active", "2026-01-13T04:00:00Z")
        assert datetime.fromisoformat(claims["since"]) == shop.clock.now - timedelta(days=30)

    async def test_one_that_was_changed_is_no_badge(self, world: World):
        await join(world)
        partner = await world.person(Role.PARTNER)
        badge = (await partner.get(f"/api/v1/badges/{CREDIT_CODE}")).json()["badge"]
        key, = (await world.client().get("/api/v1/badge-keys")).json()["keys"]
        head, body, signature = badge.split(".")
        with pytest.raises(jwt.InvalidSignatureError):
            jwt.decode(f"{head}.{body[:-4]}AAAA.{signature}", PyJWK(key), algorithms=["EdDSA"])

    async def test_its_key_is_encrypted_anew_with_the_others(self, world: World):
        await join(world)
        partner = await world.person(Role.PARTNER)
        before = (await world.client().get("/api/v1/badge-keys")).json()
        old = world.centre.keyring
        new = old.with_new_key()
        async with world.centre.database.writing() as work:
            assert await rotate_keys(work, HOUSE, old, new) == 1
        world.centre.keyring = new.only_current()
        assert (await world.client().get("/api/v1/badge-keys")).json() == before
        assert (await partner.get(f"/api/v1/badges/{CREDIT_CODE}")).status_code == 200

    @pytest.mark.parametrize(("code", "status"), [("91510104MA6CA0000X", 404), ("not-a-code", 422), ("91510104MA6CA0000I", 422)])
    async def test_no_such_shop(self, world: World, code: str, status: int):
        await join(world)
        assert (await (await world.person(Role.PARTNER)).get(f"/api/v1/badges/{code}")).status_code == status

    async def test_a_partner_of_another_district_does_not_get_it(self, world: World):
        await join(world)
        elsewhere = await world.person(Role.PARTNER, place=await world.place("Elsewhere"))
        assert problem_code(await elsewhere.get(f"/api/v1/badges/{CREDIT_CODE}")) == "not-found"

    async def test_a_violation_changes_nothing(self, world: World):
        shop = await join(world)
        partner = await world.person(Role.PARTNER)
        before = (await partner.get(f"/api/v1/badges/{CREDIT_CODE}")).json()
        case_id = await world.case(shop.place, shop.box)
        await done(shop.officer, case_id, "confirm", "issue")
        assert (await partner.get(f"/api/v1/badges/{CREDIT_CODE}")).json() == before


class TestPublicPage:
    async def test_everybody_reads_licence_grade_and_status_and_nothing_else(self, any_world: World):
        shop = await join(any_world)
        admin = await any_world.person(is_admin=True)
        licence = {"kind": "food_business", "number": "JY25101040000001", "expires_on": "2027-05-31"}
        contact = {"duty": "owner", "name": "Wang Secret", "phone": "13900000001"}
        known = {
            "district_id": shop.place.district_id, "name": "Shop", "credit_code": CREDIT_CODE, "address": "1 Hidden Lane",
            "grade": "A", "licences": [licence], "contacts": [contact],
        }
        assert (await admin.put(f"/api/v1/shops/{shop.place.shop_id}", json=known)).status_code == 200
        await any_world.case(shop.place, shop.box)
        page = (await any_world.client().get(f"/p/{shop.place.shop_id}?lang=en")).text
        for told in ("Shop", "JY25101040000001", "31 May 2027", "A, excellent", "Kitchen connected"):
            assert told in page
        for secret in ("Wang Secret", "13900000001", "Hidden Lane", CREDIT_CODE, "K01", "case", shop.place.camera_id):
            assert secret not in page

    async def test_there_is_none_before_the_connection_was_accepted(self, world: World):
        """In words, and no others than for a shop that there is not: who guesses addresses learns nothing."""
        place, unknown = await world.place(), new_id()
        pages = []
        for shop_id in (place.shop_id, unknown):
            answer = await world.client().get(f"/p/{shop_id}")
            assert answer.status_code == 404
            pages.append(answer.text.replace(shop_id, ""))
        assert "这种二维码贴在参加“明厨亮灶”的餐饮店里" in pages[0]
        assert pages[0] == pages[1]

    async def test_the_qr_code_leads_there(self, world: World):
        shop = await join(world)
        store = await world.person(Role.STORE_OWNER, place=shop.place)
        png = (await store.get(f"/shops/{shop.place.shop_id}/qr.png")).content
        picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)
        assert picture is not None
        assert cv2.QRCodeDetectorAruco().detectAndDecode(picture)[0] == f"http://127.0.0.1:8000/p/{shop.place.shop_id}"

    async def test_an_officer_accepts_on_the_page(self, world: World):
        place = await world.place()
        officer, store = await world.person(Role.OFFICER, place=place), await world.person(Role.STORE_OWNER, place=place)
        path = f"/shops/{place.shop_id}"
        assert "/acceptance" not in (await store.get(f"{path}/status")).text
        assert (await store.post(f"{path}/acceptance", data={"accepted": "yes"})).status_code == 403
        assert (await officer.post(f"{path}/acceptance", data={"accepted": "yes"})).status_code == 303
        assert f"{path}/qr.png" in (await store.get(f"{path}/status")).text
        await officer.post(f"{path}/acceptance", data={"accepted": "no"})
        assert "qr.png" not in (await store.get(f"{path}/status")).text


def test_the_words_are_those_of_the_rule():
    assert [status.value for status in PublicStatus] == ["none", "pending", "active", "degraded"]
