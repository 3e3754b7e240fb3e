"""An act is carried out once per Idempotency-Key; what is known already is not sent anew."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from api.accounts.permissions import Role
from api.app import create_app
from api.cases.repository import get_case
from api.kit.settings import Settings
from api.places import service
from tests.api.acts import done
from tests.api.test_oauth import ACTING, add
from tests.api.world import HOUSE, Place, World, answer_notice, problem_code

KEY = "Idempotency-Key"
DISTRICT = {"name": "Once"}


def keyed(key: str | None = None, **headers: str) -> dict[str, str]:
    return {KEY: key or str(uuid4()), **headers}


def slowed(monkeypatch: pytest.MonkeyPatch) -> tuple[asyncio.Event, asyncio.Event]:
    """Districts are created when the second is set; the first tells that one was begun."""
    begun, go_on = asyncio.Event(), asyncio.Event()
    create = service.create_district

    async def slowly(*given: Any) -> Any:
        begun.set()
        await go_on.wait()
        return await create(*given)

    monkeypatch.setattr(service, "create_district", slowly)
    return begun, go_on


async def districts(client: httpx.AsyncClient) -> list[str]:
    return [row["name"] for row in (await client.get("/api/v1/districts")).json()["items"]]


class TestOnce:
    async def test_a_repeat_gets_the_first_answer(self, any_world: World):
        admin = await any_world.person(is_admin=True)
        headers = keyed()
        first, again = [await admin.post("/api/v1/districts", json=DISTRICT, headers=headers) for _ in range(2)]
        assert first.status_code == again.status_code == 201
        assert first.json() == again.json()
        assert (first.headers.get("idempotency-replayed"), again.headers["idempotency-replayed"]) == (None, "true")
        assert await districts(admin) == ["Once"]

    async def test_the_version_of_the_case_comes_with_the_repeat(self, world: World):
        place = await world.place()
        case_id, officer = await world.case(place), await world.person(place=place)
        headers = keyed(**{"If-Match": '"1"'})
        first, again = [await officer.post(f"/api/v1/cases/{case_id}/confirm", json={}, headers=headers) for _ in range(2)]
        assert (again.status_code, again.json(), again.headers["etag"]) == (200, first.json(), '"2"')

    async def test_without_a_key(self, world: World):
        admin = await world.person(is_admin=True)
        for key in ("", "x" * 201):
            answer = await admin.post("/api/v1/districts", json=DISTRICT, headers={KEY: key})
            assert (answer.status_code, problem_code(answer)) == (400, "idempotency-key-missing")
        assert await districts(admin) == []

    @pytest.mark.parametrize("path", ["/api/v1/districts", "/api/v1/districts?x=1", "/api/v1/shops"])
    async def test_with_something_else(self, world: World, path: str):
        admin, headers = await world.person(is_admin=True), keyed()
        await admin.post("/api/v1/districts", json={"name": "First"}, headers=headers)
        answer = await admin.post(path, json=DISTRICT, headers=headers)
        assert (answer.status_code, problem_code(answer)) == (422, "idempotency-key-reused")

    async def test_while_the_first_still_runs(self, any_world: World, monkeypatch: pytest.MonkeyPatch):
        begun, go_on = slowed(monkeypatch)
        admin, headers = await any_world.person(is_admin=True), keyed()
        first = asyncio.create_task(admin.post("/api/v1/districts", json=DISTRICT, headers=headers))
        await begun.wait()
        answer = await admin.post("/api/v1/districts", json=DISTRICT, headers=headers)
        assert (answer.status_code, problem_code(answer)) == (409, "still-running")
        assert answer.headers["retry-after"] == "2"
        go_on.set()
        assert (await first).status_code == 201
        assert (await admin.post("/api/v1/districts", json=DISTRICT, headers=headers)).status_code == 201
        assert await districts(admin) == ["Once"]

    async def test_one_that_took_too_long_is_not_done_once_more(self, world: World, monkeypatch: pytest.MonkeyPatch):
        """A repeat has done it meanwhile, and its answer is the one that counts."""
        admin, headers = await world.person(is_admin=True), keyed()
        with monkeypatch.context() as patch:
            begun, go_on = slowed(patch)
            slow = asyncio.create_task(admin.post("/api/v1/districts", json=DISTRICT, headers=headers))
            await begun.wait()
        world.centre.clock = lambda: datetime.now(UTC) + timedelta(seconds=61)
        assert (await admin.post("/api/v1/districts", json=DISTRICT, headers=headers)).status_code == 201
        go_on.set()
        late = await slow
        assert (late.status_code, problem_code(late)) == (409, "still-running")
        assert await districts(admin) == ["Once"]

    async def test_many_at_once_act_once(self, any_world: World):
        admin, headers = await any_world.person(is_admin=True), keyed()
        answers = await asyncio.gather(*(admin.post("/api/v1/districts", json=DISTRICT, headers=headers) for _ in range(6)))
        assert {answer.status_code for answer in answers} <= {201, 409}
        assert await districts(admin) == ["Once"]

    async def test_what_failed_can_be_tried_again(self, any_world: World):
        place = await any_world.place()
        case_id, officer, key = await any_world.case(place), await any_world.person(place=place), str(uuid4())
        path = f"/api/v1/cases/{case_id}/confirm"
        refused = await officer.post(path, json={}, headers=keyed(key, **{"If-Match": '"7"'}))
        assert refused.status_code == 412
        assert (await officer.post(path, json={"note": "x"}, headers=keyed(key, **{"If-Match": '"1"'}))).status_code == 200

    async def test_a_process_that_died_leaves_no_lock(self, any_world: World, monkeypatch: pytest.MonkeyPatch):
        """Killed after the key was reserved: nothing was done, and a minute later the repeat does it."""
        admin, headers = await any_world.person(is_admin=True), keyed()

        class Killed(BaseException):
            pass

        async def killed(*_: Any) -> Any:
            raise Killed

        with monkeypatch.context() as patch:
            patch.setattr("api.places.service.create_district", killed)
            with pytest.raises(Killed):
                await admin.post("/api/v1/districts", json=DISTRICT, headers=headers)
        assert (await admin.post("/api/v1/districts", json=DISTRICT, headers=headers)).status_code == 409
        any_world.centre.clock = lambda: datetime.now(UTC) + timedelta(seconds=61)
        assert (await admin.post("/api/v1/districts", json=DISTRICT, headers=headers)).status_code == 201
        assert await districts(admin) == ["Once"]

    async def test_the_answer_is_committed_with_the_act(self, any_world: World, monkeypatch: pytest.MonkeyPatch):
        """Where the answer cannot be kept, the act has not happened either."""
        admin, headers = await any_world.person(is_admin=True), keyed()

        async def fails(*_: Any) -> Any:
            raise RuntimeError("power failure")

        with monkeypatch.context() as patch:
            patch.setattr("api.repeats.service.repository.keep", fails)
            assert (await admin.post("/api/v1/districts", json=DISTRICT, headers=headers)).status_code == 500
        assert await districts(admin) == []
        assert (await admin.post("/api/v1/districts", json=DISTRICT, headers=headers)).status_code == 201

    async def test_so_it_is_of_a_notice_that_is_answered(self, any_world: World, monkeypatch: pytest.MonkeyPatch):
        """Which stores its photographs before it begins to write."""
        place = await any_world.place()
        case_id, officer = await any_world.case(place), await any_world.person(place=place)
        await done(officer, case_id, "confirm", "issue")

        async def fails(*_: Any) -> Any:
            raise RuntimeError("power failure")

        officer.headers[KEY] = str(uuid4())
        with monkeypatch.context() as patch:
            patch.setattr("api.repeats.service.repository.keep", fails)
            assert (await answer_notice(officer, case_id, 3)).status_code == 500
        assert (await officer.get(f"/api/v1/cases/{case_id}")).json()["state"] == "issued"
        assert (await answer_notice(officer, case_id, 3)).status_code == 200

    async def test_a_multipart_form_whose_boundary_differs_is_the_same(self, world: World):
        place = await world.place()
        case_id, officer = await world.case(place), await world.person(place=place)
        await done(officer, case_id, "confirm", "issue")
        officer.headers[KEY] = str(uuid4())
        first, again = [await answer_notice(officer, case_id, 3) for _ in range(2)]
        assert (first.status_code, again.status_code) == (200, 200)
        assert first.json() == again.json()
        other = await answer_notice(officer, case_id, 3, text="Something else.")
        assert (other.status_code, problem_code(other)) == (422, "idempotency-key-reused")

    async def test_of_large_bodies_a_sender_has_two_at_once(self, world: World):
        """Each lies in memory until it has been compared with the first one of its key."""
        shop, other = [await world.person(Role.STORE_OWNER, place=await world.place(name)) for name in ("One", "Other")]
        own_id = (await shop.get("/api/v1/me")).json()["id"]
        form = {"files": {"photographs": bytes(2_500_000)}, "data": {"act": "submit", "text": "Done."}}
        request = {"url": "/api/v1/cases/1/answers", **form, "headers": keyed(**{"If-Match": '"1"'})}
        with world.centre.large_bodies.one_more(own_id), world.centre.large_bodies.one_more(own_id):
            refused = await shop.post(**request)
            assert (refused.status_code, problem_code(refused)) == (429, "too-many-requests")
            assert (await other.post(**request)).status_code == 404
        assert (await shop.post(**request)).status_code == 404

    async def test_of_large_forms_too(self, world: World):
        place = await world.place()
        case_id, officer = await world.case(place), await world.person(place=place)
        own_id = (await officer.get("/api/v1/me")).json()["id"]
        form = {"files": {"photographs": bytes(2_500_000)}, "data": {"act": "submit", "text": "Done.", "version": "1"}}
        with world.centre.large_bodies.one_more(own_id), world.centre.large_bodies.one_more(own_id):
            assert (await officer.post(f"/cases/{case_id}/answer", **form)).status_code == 429
        assert (await officer.post(f"/cases/{case_id}/answer", **form)).status_code != 429

    async def test_of_large_forms_that_nobody_sends_too(self, world: World):
        """They would come back with what was typed, for who has only to sign in again."""
        stranger = world.client(headers={"Accept": "text/html"})
        form = {"files": {"photographs": bytes(2_500_000)}, "data": {"text": "Done."}}
        with world.centre.large_bodies.one_more("127.0.0.1"), world.centre.large_bodies.one_more("127.0.0.1"):
            assert (await stranger.post("/cases/1/answer", **form)).status_code == 303
        assert (await stranger.post("/cases/1/answer", **form)).status_code == 401

    async def test_another_ones_key_tells_nothing(self, world: World):
        headers = keyed()
        place = await world.place()
        first = await (await world.person(is_admin=True)).post("/api/v1/districts", json=DISTRICT, headers=headers)
        second = await (await world.person(is_admin=True)).post("/api/v1/districts", json=DISTRICT, headers=headers)
        assert first.json()["id"] != second.json()["id"]
        # The same person through a program is another one too.
        case_id, officer = await world.case(place), await world.person(place=place)
        program = await add(world, place, scopes=ACTING)
        async with program.for_person(officer) as client:
            headers |= {"If-Match": '"1"'}
            assert (await client.post(f"/api/v1/cases/{case_id}/confirm", json={}, headers=headers)).status_code == 200
            again = await officer.post(f"/api/v1/cases/{case_id}/confirm", json={}, headers=headers)
        assert again.status_code == 412

    async def test_an_answer_is_kept_for_a_day(self, world: World):
        admin, headers = await world.person(is_admin=True), keyed()
        await admin.post("/api/v1/districts", json=DISTRICT, headers=headers)
        for passed, names in ((23, ["Once"]), (25, ["Once", "Once"])):
            world.centre.clock = lambda passed=passed: datetime.now(UTC) + timedelta(hours=passed)  # type: ignore[misc]
            assert (await admin.post("/api/v1/districts", json=DISTRICT, headers=headers)).status_code == 201
            assert await districts(admin) == names

    async def test_a_secret_that_is_shown_once_is_not_kept_in_the_clear(self, world: World):
        admin, place, headers = await world.person(is_admin=True), await world.place(), keyed()
        body = {"name": "App", "scopes": ["cases:read"], "shop_ids": [place.shop_id]}
        first, again = [(await admin.post("/api/v1/clients", json=body, headers=headers)).json() for _ in range(2)]
        assert first["secret"] == again["secret"]
        kept = b"".join(path.read_bytes() for path in world.centre.settings.data.glob("sunshine.db*"))
        assert first["secret"].encode() not in kept


def test_every_act_asks_for_a_key():
    """All but signing in and out, tokens, and what edges and alarm boxes send: that has its own way to be sent twice."""
    operations = [
        operation for path, item in create_app(Settings()).openapi()["paths"].items() for method, operation in item.items()
        if method == "post" and operation["tags"] not in (["edge protocol"], ["alarms"], ["tokens"], ["accounts"])
    ]
    assert len(operations) > 20
    for operation in operations:
        required = {parameter["name"] for parameter in operation.get("parameters", []) if parameter["required"]}
        assert KEY in required, operation["operationId"]
        assert {"400", "409", "422"} <= set(operation["responses"]), operation["operationId"]


class TestWhatIsAsked:
    """A filter that is not understood would open everything, and a cursor by another name begin from the beginning."""

    @pytest.mark.parametrize(
        ("asked", "field"),
        [
            ("cases?states=issued", "states"),
            ("cases?state=issued&state=closed", "state"),
            ("events?cursor=eyJhZnRlciI6MX0", "cursor"),
            ("events/stream?cursor=eyJhZnRlciI6MX0", "cursor"),
            ("shops?district_id=x", "district_id"),
            ("statistics?from=2026-01-01", "from"),
        ],
    )
    async def test_by_a_name_that_is_not_known_or_twice(self, world: World, asked: str, field: str):
        answer = await (await world.person()).get(f"/api/v1/{asked}")
        assert (answer.status_code, problem_code(answer)) == (422, "invalid")
        assert [error["field"] for error in answer.json()["errors"]] == [f"query.{field}"]


class TestKnown:
    async def polled(self, world: World) -> tuple[httpx.AsyncClient, Place, int]:
        place = await world.place()
        return await world.person(place=place), place, await world.case(place)

    async def test_what_is_known_is_not_sent_again(self, world: World):
        officer, place, case_id = await self.polled(world)
        for path in (
            "cases", f"cases/{case_id}", "shops", f"shops/{place.shop_id}", "cameras", f"cameras/{place.camera_id}", "events",
            "statistics", "me",
        ):
            first = await officer.get(f"/api/v1/{path}")
            assert first.status_code == 200, path
            for known in (first.headers["etag"], f'"x", W/{first.headers["etag"]}', "*"):
                again = await officer.get(f"/api/v1/{path}", headers={"If-None-Match": known})
                assert (again.status_code, again.content) == (304, b""), path
                assert again.headers["etag"] == first.headers["etag"]

    async def test_what_has_changed_is_sent(self, world: World):
        officer, _, case_id = await self.polled(world)
        known = {"If-None-Match": (await officer.get(f"/api/v1/cases/{case_id}")).headers["etag"]}
        # Something joins the case: its version stays.
        async with world.centre.database.writing() as work:
            case = await get_case(work, HOUSE, case_id)
            assert case is not None
            case.observations += 1
        answer = await officer.get(f"/api/v1/cases/{case_id}", headers=known)
        assert (answer.status_code, answer.json()["observations"]) == (200, 2)

    async def test_the_etag_is_what_an_act_is_based_on(self, world: World):
        officer, _, case_id = await self.polled(world)
        tag = (await officer.get(f"/api/v1/cases/{case_id}")).headers["etag"]
        answer = await officer.post(f"/api/v1/cases/{case_id}/confirm", json={}, headers={"If-Match": f"W/{tag}"})
        assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/api/v1/oauth/token", "/api/v1/districts", "/api/v1/cases/1/confirm"])
async def test_a_body_of_100_mb(world: World, path: str):
    """Refused by what it says of itself, before anything of it is read."""
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        while True:
            sent += 1
            yield b" " * 1_000_000

    admin = await world.person(is_admin=True)
    headers = {"Content-Length": "100000000", "Content-Type": "application/json"}
    answer = await admin.post(path, content=endless(), headers=headers)
    assert (answer.status_code, problem_code(answer)) == (413, "too-large")
    assert sent <= 1


async def test_cursors_of_another_tenant_open_nothing(world: World):
    here, elsewhere = await world.place("Here"), await world.place("Elsewhere")
    box = await world.edge(elsewhere)
    for _ in range(3):
        await world.case(elsewhere, box)
    mine = await world.case(here)
    everybody = await world.person(is_admin=True)
    stranger = await world.person(Role.OFFICER, place=here)
    for path in ("cases", "shops", "cameras", "areas", "districts"):
        cursor = (await everybody.get(f"/api/v1/{path}", params={"limit": 1})).json()["next"]
        assert cursor is not None
        for value in (cursor, (await everybody.get(f"/api/v1/{path}", params={"limit": 1, "cursor": cursor})).json()["next"]):
            answer = await stranger.get(f"/api/v1/{path}", params={"cursor": value} if value else {})
            assert answer.status_code == 200
            assert "Elsewhere" not in answer.text, path
    assert [case["id"] for case in (await stranger.get("/api/v1/cases")).json()["items"]] == [mine]
