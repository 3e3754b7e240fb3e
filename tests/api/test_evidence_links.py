"""Links that open one picture for a while, and files in parts."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from api.accounts.permissions import Role
from api.accounts.service import list_users, set_disabled
from tests.api.test_oauth import ACTING, add, told
from tests.api.world import HOUSE, Place, World, problem_code


async def violation(world: World, place: Place) -> str:
    officer = await world.person()
    case = (await officer.get(f"/api/v1/cases/{await told(world, place)}")).json()
    return str(case["evidence"][0]["violation_id"])


async def make(client: Any, violation_id: str, **body: str) -> httpx.Response:
    headers = {"Idempotency-Key": "-".join(["link", *body.values()])}
    answer: httpx.Response = await client.post(f"/api/v1/evidence/{violation_id}/links", json=body, headers=headers)
    return answer


def path_of(answer: httpx.Response) -> str:
    assert answer.status_code == 201, answer.text
    return str(httpx.URL(answer.json()["url"]).path)


class TestLink:
    async def test_opens_the_picture_without_a_token(self, any_world: World):
        place = await any_world.place()
        program, violation_id = await add(any_world, place), await violation(any_world, place)
        async with program.by_itself() as client:
            blurred = (await client.get(f"/api/v1/evidence/{violation_id}/blurred.jpg")).content
            with pytest.MonkeyPatch.context() as patch:
                in_use = any_world.count_at_each_file(patch)
                made = await make(client, violation_id)
                picture = await any_world.client().get(path_of(made))
        assert in_use == [0, 0]
        assert (picture.status_code, picture.headers["content-type"], picture.content) == (200, "image/jpeg", blurred)
        assert picture.headers["cache-control"] in (f"private, max-age={left}, immutable" for left in range(890, 901))
        # The page of the app that shows it is of another site; a browser shows it nothing else of the centre's.
        assert picture.headers["cross-origin-resource-policy"] == "cross-origin"
        auditor = await any_world.person(Role.AUDITOR)
        entries = (await auditor.get("/api/v1/audit", params={"object_kind": "case"})).json()["items"]
        looks = [(entry["action"], entry["actor_name"], entry["actor_kind"]) for entry in entries[:3]]
        assert looks == [(f"evidence.{act}", "County app", "client") for act in ("read", "linked", "read")]

    async def test_of_a_face_needs_a_person_and_a_reason(self, world: World):
        place = await world.place()
        program, violation_id = await add(world, place, scopes=ACTING), await violation(world, place)
        async with program.by_itself() as client:
            assert (await make(client, violation_id, file="original.jpg", reason="x")).status_code == 403
        async with program.for_person(await world.person(place=place)) as client:
            refused = await make(client, violation_id, file="original.jpg")
            assert (refused.status_code, problem_code(refused)) == (422, "reason-needed")
            made = await make(client, violation_id, file="original.jpg", reason="Complaint")
        assert (await world.client().get(path_of(made))).status_code == 200
        auditor = await world.person(Role.AUDITOR)
        looks = (await auditor.get("/api/v1/audit", params={"action": "evidence.read"})).json()["items"]
        assert (looks[0]["actor_name"], looks[0]["reason"]) == ("officer person", "Complaint")
        assert looks[0]["detail"]["client"] == "County app"

    async def test_of_another_place(self, world: World):
        here, elsewhere = await world.place("Here"), await world.place("Elsewhere")
        async with (await add(world, here)).by_itself() as client:
            assert (await make(client, await violation(world, elsewhere))).status_code == 404

    @pytest.mark.parametrize(("passed_s", "status"), [(-3600, 200), (899, 200), (900, 410)])
    async def test_is_over_by_the_clock_of_the_centre(self, world: World, passed_s: int, status: int):
        """A clock that is put back makes no link invalid, and no other clock counts."""
        place = await world.place()
        async with (await add(world, place)).by_itself() as client:
            noon = datetime.now(UTC)
            world.centre.clock = lambda: noon
            made = await make(client, await violation(world, place))
        world.centre.clock = lambda: noon + timedelta(seconds=passed_s)
        answer = await world.client().get(path_of(made))
        assert answer.status_code == status
        if status == 410:
            assert problem_code(answer) == "link-expired"

    async def test_is_over_with_the_program_that_asked_for_it(self, any_world: World):
        place = await any_world.place()
        program, violation_id = await add(any_world, place), await violation(any_world, place)
        async with program.by_itself() as client:
            made = path_of(await make(client, violation_id))
        admin = await any_world.person(Role.ADMIN)
        assert (await admin.post(f"/api/v1/clients/{program.id}/revoke")).status_code == 200
        answer = await any_world.client().get(made)
        assert (answer.status_code, problem_code(answer)) == (410, "link-expired")

    async def test_is_over_with_the_consent_of_the_person(self, world: World):
        place = await world.place()
        program, violation_id = await add(world, place, scopes=ACTING), await violation(world, place)
        officer = await world.person(place=place)
        async with program.for_person(officer) as client:
            made = path_of(await make(client, violation_id))
        assert (await world.client().get(made)).status_code == 200
        assert (await officer.delete(f"/api/v1/me/grants/{program.id}")).status_code == 204
        assert (await world.client().get(made)).status_code == 410

    async def test_is_over_with_the_account(self, world: World):
        place = await world.place()
        officer = await world.person(place=place)
        made = path_of(await make(officer, await violation(world, place)))
        async with world.centre.database.writing() as work:
            for user in await list_users(work, HOUSE):
                await set_disabled(work, HOUSE, user.login, True)
        assert (await world.client().get(made)).status_code == 410

    async def test_that_was_changed(self, world: World):
        place = await world.place()
        made = path_of(await make(await world.person(place=place), await violation(world, place)))
        for wrong in (made[:-6] + "AAAAAA", made + "A", "/api/v1/pictures/x", "/api/v1/pictures/%E4%B8%AD"):
            answer = await world.client().get(wrong)
            assert (answer.status_code, problem_code(answer)) == (404, "not-found"), wrong


class TestParts:
    async def picture(self, world: World) -> tuple[httpx.AsyncClient, str, bytes]:
        place = await world.place()
        officer = await world.person(place=place)
        path = path_of(await make(officer, await violation(world, place)))
        return world.client(), path, (await world.client().get(path)).content

    @pytest.mark.parametrize(
        ("wanted", "start", "end"),
        [("bytes=0-9", 0, 10), ("bytes=5-", 5, None), ("bytes=-4", -4, None), ("bytes=5-999999", 5, None)],
    )
    async def test_a_part(self, world: World, wanted: str, start: int, end: int | None):
        client, path, whole = await self.picture(world)
        answer = await client.get(path, headers={"Range": wanted})
        assert (answer.status_code, answer.content) == (206, whole[start:end])
        first = start % len(whole)
        assert answer.headers["content-range"] == f"bytes {first}-{first + len(answer.content) - 1}/{len(whole)}"

    @pytest.mark.parametrize("wanted", ["bytes=-", "bytes=0-1,4-5", "lines=1-2", "nonsense"])
    async def test_what_means_nothing_is_answered_with_all(self, world: World, wanted: str):
        client, path, whole = await self.picture(world)
        answer = await client.get(path, headers={"Range": wanted})
        assert (answer.status_code, answer.content) == (200, whole)

    @pytest.mark.parametrize("wanted", ["bytes=99999999-", "bytes=-0", "bytes=9-5"])
    async def test_a_part_that_is_not_there(self, world: World, wanted: str):
        client, path, whole = await self.picture(world)
        answer = await client.get(path, headers={"Range": wanted})
        assert (answer.status_code, problem_code(answer)) == (416, "no-such-range")
        assert answer.headers["content-range"] == f"bytes */{len(whole)}"

    async def test_of_the_same_file_only(self, world: World):
        client, path, whole = await self.picture(world)
        tag = (await client.get(path)).headers["etag"]
        for condition, status in ((tag, 206), ('"other"', 200)):
            answer = await client.get(path, headers={"Range": "bytes=0-3", "If-Range": condition})
            assert answer.status_code == status
        assert (await client.get(path, headers={"If-None-Match": tag})).status_code == 304
        assert whole

    async def test_are_looks_also_without_the_first_byte(self, world: World):
        client, path, _ = await self.picture(world)
        auditor = await world.person(Role.AUDITOR)

        async def looks() -> int:
            return len((await auditor.get("/api/v1/audit", params={"action": "evidence.read"})).json()["items"])

        before = await looks()
        await client.get(path, headers={"Range": "bytes=1-"})
        assert await looks() == before + 1
