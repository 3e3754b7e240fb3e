import asyncio

import pytest

from api.accounts.permissions import Role
from tests.api.world import World, problem_code


class TestList:
    async def test_newest_first_page_by_page(self, any_world: World):
        box = await any_world.edge(await any_world.place())
        ids = [(await box.report()).json()["case_id"] for _ in range(5)]
        officer = await any_world.person()
        seen, cursor = [], None
        while True:
            page = (await officer.get("/api/v1/cases", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
            seen += [case["id"] for case in page["items"]]
            cursor = page["next"]
            if cursor is None:
                break
        assert seen == ids[::-1]

    async def test_filters(self, any_world: World):
        first, second = await any_world.place("A"), await any_world.place("B")
        of_first, of_second = await any_world.case(first), await any_world.case(second)
        officer = await any_world.person()

        async def ids(**filters: str) -> list[int]:
            return [case["id"] for case in (await officer.get("/api/v1/cases", params=filters)).json()["items"]]

        assert await ids(shop_id=first.shop_id) == [of_first]
        assert await ids(camera_id=second.camera_id) == [of_second]
        assert await ids(rule="K02") == []
        assert await ids(state="pending_review") == [of_second, of_first]
        assert await ids(state="confirmed") == []

    @pytest.mark.parametrize("cursor", ["x", "e30", "eyJhZnRlciI6ICJhIn0", "!!", "\x00", "eyJhZnRlciI6LTF9"])
    async def test_a_cursor_that_is_none(self, world: World, cursor: str):
        officer = await world.person()
        answer = await officer.get("/api/v1/cases", params={"cursor": cursor})
        assert (answer.status_code, problem_code(answer)) == (422, "bad-cursor")

    async def test_nobody_is_signed_in(self, world: World):
        answer = await world.client().get("/api/v1/cases")
        assert (answer.status_code, problem_code(answer)) == (401, "unauthenticated")

    @pytest.mark.parametrize("role", [Role.INSTALLER, Role.AUDITOR, Role.ADMIN])
    async def test_roles_without_cases(self, world: World, role: Role):
        answer = await (await world.person(role)).get("/api/v1/cases")
        assert (answer.status_code, problem_code(answer)) == (403, "forbidden")


class TestGet:
    async def test_with_votes_evidence_history_and_actions(self, any_world: World):
        case_id = await any_world.case(await any_world.place())
        case = (await (await any_world.person()).get(f"/api/v1/cases/{case_id}")).json()
        assert case["votes"] == {"looks": 10, "sure": 8, "violating": 7}
        assert case["rule_name"] == {"zh": "未戴工作帽", "en": "No work cap"}
        assert case["severity"] == 2  # in a special room the missing cap is more serious
        assert case["actions"] == ["confirm", "dismiss"]
        assert [(step["before"], step["after"], step["actor_kind"]) for step in case["transitions"]] == [
            (None, "pending_review", "edge")
        ]
        assert sorted(case["evidence"][0]["files"]) == ["original.jpg", "overlay.jpg"]

    async def test_anothers_is_as_if_it_were_not_there(self, any_world: World):
        case_id = await any_world.case(await any_world.place("Theirs"))
        neighbour = await any_world.person(place=await any_world.place("Mine"))
        theirs, nobodys = await neighbour.get(f"/api/v1/cases/{case_id}"), await neighbour.get("/api/v1/cases/999999")
        assert theirs.status_code == nobodys.status_code == 404
        assert theirs.text == nobodys.text

    async def test_an_officer_of_the_district(self, world: World):
        place = await world.place()
        case_id = await world.case(place)
        assert (await (await world.person(place=place)).get(f"/api/v1/cases/{case_id}")).status_code == 200

    async def test_a_shop_sees_its_case_once_it_is_confirmed(self, any_world: World):
        place = await any_world.place()
        case_id = await any_world.case(place)
        owner, officer = await any_world.person(Role.STORE_OWNER, place=place), await any_world.person()
        assert (await owner.get(f"/api/v1/cases/{case_id}")).status_code == 404
        assert (await owner.get("/api/v1/cases")).json()["items"] == []
        await officer.post(f"/api/v1/cases/{case_id}/confirm", json={}, headers={"If-Match": '"1"'})
        case = (await owner.get(f"/api/v1/cases/{case_id}")).json()
        assert (case["state"], case["evidence"], case["actions"]) == ("confirmed", [], [])

    async def test_another_shop_never_sees_it(self, world: World):
        case_id = await world.case(await world.place("A"))
        await (await world.person()).post(f"/api/v1/cases/{case_id}/confirm", json={}, headers={"If-Match": '"1"'})
        owner = await world.person(Role.STORE_OWNER, place=await world.place("B"))
        assert (await owner.get(f"/api/v1/cases/{case_id}")).status_code == 404


class TestConfirm:
    async def test_by_an_officer(self, any_world: World):
        case_id = await any_world.case(await any_world.place())
        officer = await any_world.person()
        etag = (await officer.get(f"/api/v1/cases/{case_id}")).headers["etag"]
        answer = await officer.post(f"/api/v1/cases/{case_id}/confirm", json={"note": "Seen."}, headers={"If-Match": etag})
        assert answer.status_code == 200
        last = answer.json()["transitions"][-1]
        assert (answer.json()["state"], last["actor_name"], last["note"]) == ("confirmed", "officer person", "Seen.")
        assert answer.headers["etag"] != etag

    async def test_somebody_else_was_faster(self, any_world: World):
        case_id = await any_world.case(await any_world.place())
        first, second = await any_world.person(), await any_world.person(Role.REVIEWER)
        answers = await asyncio.gather(
            first.post(f"/api/v1/cases/{case_id}/confirm", json={}, headers={"If-Match": '"1"'}),
            second.post(f"/api/v1/cases/{case_id}/dismiss", json={"reason": "test"}, headers={"If-Match": '"1"'}),
        )
        assert sorted(answer.status_code for answer in answers) == [200, 412]
        loser = next(answer for answer in answers if answer.status_code == 412)
        assert problem_code(loser) == "version-conflict"
        assert len((await first.get(f"/api/v1/cases/{case_id}")).json()["transitions"]) == 2

    async def test_without_the_version(self, world: World):
        case_id = await world.case(await world.place())
        answer = await (await world.person()).post(f"/api/v1/cases/{case_id}/confirm", json={})
        assert (answer.status_code, problem_code(answer)) == (428, "version-missing")

    async def test_a_version_that_is_none(self, world: World):
        case_id = await world.case(await world.place())
        answer = await (await world.person()).post(f"/api/v1/cases/{case_id}/confirm", json={}, headers={"If-Match": "abc"})
        assert (answer.status_code, problem_code(answer)) == (422, "invalid")

    async def test_twice(self, world: World):
        case_id = await world.case(await world.place())
        officer = await world.person()
        await officer.post(f"/api/v1/cases/{case_id}/confirm", json={}, headers={"If-Match": '"1"'})
        answer = await officer.post(f"/api/v1/cases/{case_id}/confirm", json={}, headers={"If-Match": '"2"'})
        assert (answer.status_code, problem_code(answer)) == (409, "act-not-possible")

    async def test_a_bureau_leader_only_reads(self, world: World):
        case_id = await world.case(await world.place())
        answer = await (await world.person(Role.BUREAU)).post(
            f"/api/v1/cases/{case_id}/confirm", json={}, headers={"If-Match": '"1"'}
        )
        assert (answer.status_code, problem_code(answer)) == (403, "forbidden")

    async def test_by_another_district(self, world: World):
        case_id = await world.case(await world.place("Theirs"))
        neighbour = await world.person(place=await world.place("Mine"))
        answer = await neighbour.post(f"/api/v1/cases/{case_id}/confirm", json={}, headers={"If-Match": '"1"'})
        assert (answer.status_code, problem_code(answer)) == (404, "not-found")


class TestDismiss:
    async def test_with_a_reason(self, any_world: World):
        case_id = await any_world.case(await any_world.place())
        reviewer = await any_world.person(Role.REVIEWER)
        answer = await reviewer.post(
            f"/api/v1/cases/{case_id}/dismiss", json={"reason": "not_staff"}, headers={"If-Match": '"1"'}
        )
        assert (answer.json()["state"], answer.json()["transitions"][-1]["reason"]) == ("dismissed", "not_staff")

    async def test_another_reason_needs_words(self, world: World):
        case_id = await world.case(await world.place())
        reviewer = await world.person(Role.REVIEWER)
        act = {"reason": "other", "note": " "}
        answer = await reviewer.post(f"/api/v1/cases/{case_id}/dismiss", json=act, headers={"If-Match": '"1"'})
        assert (answer.status_code, problem_code(answer)) == (422, "invalid")

    async def test_a_reason_that_nobody_knows(self, world: World):
        case_id = await world.case(await world.place())
        answer = await (await world.person()).post(
            f"/api/v1/cases/{case_id}/dismiss", json={"reason": "bored"}, headers={"If-Match": '"1"'}
        )
        assert (answer.status_code, problem_code(answer)) == (422, "invalid")
