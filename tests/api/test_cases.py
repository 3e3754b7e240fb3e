import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from api.accounts.actors import Actor, ActorKind
from api.accounts.permissions import PERMISSIONS, Role
from api.app import create_app
from api.cameras.repository import own_camera
from api.cases import service
from api.cases.states import Act, DismissalReason
from api.kit.problems import VersionConflict
from api.kit.settings import Settings
from api.kit.times import now
from api.statistics.repository import count_steps
from api.statistics.service import scope_of
from contract.evidence import MarkedBox
from tests.api.acts import do
from tests.api.world import HOUSE, World, answer_notice, problem_code


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
        assert case["actions"] == ["confirm", "dismiss", "merge"]
        assert [(step["before"], step["after"], step["actor_kind"]) for step in case["transitions"]] == [
            (None, "detected", "edge"), ("detected", "pending_review", "system")
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

    async def test_a_shop_sees_its_case_once_there_is_a_notice(self, any_world: World):
        place = await any_world.place()
        case_id = await any_world.case(place)
        owner, officer = await any_world.person(Role.STORE_OWNER, place=place), await any_world.person()
        for version, act in enumerate(("confirm", "issue"), 1):
            assert (await owner.get(f"/api/v1/cases/{case_id}")).status_code == 404
            assert (await owner.get("/api/v1/cases")).json()["items"] == []
            assert (await do(officer, case_id, act, version)).status_code == 200
        case = (await owner.get(f"/api/v1/cases/{case_id}")).json()
        assert (case["state"], case["actions"]) == ("issued", ["acknowledge", "submit", "appeal"])
        assert [(item["files"], item["manifest_url"]) for item in case["evidence"]] == [({}, None)]

    async def test_another_shop_never_sees_it(self, world: World):
        case_id = await world.case(await world.place("A"))
        officer = await world.person()
        for version, act in enumerate(("confirm", "issue"), 1):
            await do(officer, case_id, act, version)
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
        assert len((await first.get(f"/api/v1/cases/{case_id}")).json()["transitions"]) == 3
        winner = next(answer for answer in answers if answer.status_code == 200).json()["transitions"][-1]
        told = [(change["who"], change["what"], change["note"]) for change in loser.json()["changes"]]
        assert told == [(winner["actor_name"], winner["act"], None)]

    async def test_a_note_of_which_nothing_can_be_read_is_none(self, any_world: World):
        """PostgreSQL keeps no such character, and a page cannot show it."""
        case_id = await any_world.case(await any_world.place())
        path, officer = f"/api/v1/cases/{case_id}/confirm", await any_world.person()
        answer = await officer.post(path, json={"note": " \0 "}, headers={"If-Match": '"1"'})
        assert answer.status_code == 200, answer.text
        assert answer.json()["transitions"][-1]["note"] is None

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


class TestAtOnce:
    @pytest.mark.postgres
    async def test_what_was_read_before_it_was_locked_is_read_anew(self, postgres_settings: Settings):
        """Somebody looks at the case, and meanwhile somebody else judges it. SQLite lets nobody in between."""
        world = World(create_app(postgres_settings))
        place = await world.place()
        case_id = await world.case(place)
        actor = Actor(ActorKind.PERSON, "1", "Officer", permissions=PERMISSIONS[Role.OFFICER], role=Role.OFFICER)
        given = (now(), world.centre.deadlines, world.centre.keyring)
        async with world.centre.database.writing() as slow:
            seen = await service.get_case(slow, actor, case_id)
            async with world.centre.database.writing() as fast:
                dismissed = DismissalReason.NOT_STAFF
                await service.act(fast, actor, case_id, 1, Act.DISMISS, *given, reason=dismissed)
            with pytest.raises(VersionConflict):
                await service.act(slow, actor, case_id, 1, Act.CONFIRM, *given)
            assert seen.version == 2
        await world.centre.close()

    @pytest.mark.postgres
    async def test_a_second_dismissal_does_not_wait_for_a_report_that_waits_for_it(self, postgres_settings: Settings):
        world = World(create_app(postgres_settings))
        box = await world.edge(await world.place())
        officer = await world.person()
        boxes = [MarkedBox(kind="head", box=(1, 2, 11, 12), score=0.9, violating=True)]
        first = (await box.report(boxes=boxes)).json()["case_id"]
        await do(officer, first, "dismiss", 1, reason="not_staff")
        second = (await box.report(boxes=boxes)).json()["case_id"]
        edge = Actor(ActorKind.EDGE, box.id, "Box")
        async with world.centre.database.writing() as filing:  # it holds the camera, and would want the case next
            assert await own_camera(filing, edge, box.place.camera_id, for_change=True) is not None
            answer = await do(officer, second, "dismiss", 1, reason="not_staff")
        assert answer.status_code == 200, answer.text
        await world.centre.close()


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
        assert {error["field"] for error in answer.json()["errors"]} == {"body.reason"}


@pytest.mark.parametrize(
    "given", [{"reason": "test"}, {"into": 1}, {"due_at": "2099-01-01T00:00:00Z"}], ids=["a reason", "a case", "a deadline"]
)
async def test_what_an_act_does_not_take_is_refused(world: World, given: dict[str, Any]):
    """Or whoever may confirm would extend the shop's time or merge."""
    box = await world.edge(place := await world.place())
    await world.case(place, box)
    answer = await do(await world.person(), await world.case(place, box), "confirm", 1, **given)
    assert (answer.status_code, problem_code(answer)) == (422, "invalid")


class TestUndo:
    async def test_by_the_same_person_at_once(self, any_world: World):
        case_id = await any_world.case(await any_world.place())
        reviewer = await any_world.person(Role.REVIEWER)
        await do(reviewer, case_id, "confirm", 1)
        answer = await do(reviewer, case_id, "undo", 2)
        assert (answer.status_code, answer.json()["state"]) == (200, "pending_review")
        assert [step["act"] for step in answer.json()["transitions"]] == ["report", "queue", "confirm", "undo"]

    async def test_by_somebody_else(self, world: World):
        case_id = await world.case(await world.place())
        await do(await world.person(), case_id, "dismiss", 1, reason="test")
        answer = await do(await world.person(), case_id, "undo", 2)
        assert (answer.status_code, problem_code(answer)) == (409, "act-not-possible")

    async def test_after_ten_seconds(self, world: World):
        case_id = await world.case(await world.place())
        officer = await world.person()
        await do(officer, case_id, "confirm", 1)
        world.centre.clock = lambda: now() + timedelta(seconds=11)
        assert "undo" not in (await officer.get(f"/api/v1/cases/{case_id}")).json()["actions"]
        assert (await do(officer, case_id, "undo", 2)).status_code == 409

    async def test_what_was_confirmed_before_is_reopened_with_a_reason_instead(self, world: World):
        """Or a slip of the section head's would undo the reviewer's judgement, and the time to judge would be over long since."""
        case_id = await world.case(await world.place())
        await do(await world.person(), case_id, "confirm", 1)
        chief = await world.person(Role.CHIEF)
        await do(chief, case_id, "dismiss", 2, reason="test")
        assert (await chief.get(f"/api/v1/cases/{case_id}")).json()["actions"] == ["reopen"]
        assert (await do(chief, case_id, "undo", 3)).status_code == 409


class TestConfirmedByMistake:
    async def test_a_section_head_dismisses_it_and_the_shop_never_hears_of_it(self, any_world: World):
        place = await any_world.place()
        case_id = await any_world.case(place)
        reviewer, chief = await any_world.person(Role.REVIEWER), await any_world.person(Role.CHIEF, place=place)
        await do(reviewer, case_id, "confirm", 1)
        assert (await chief.get(f"/api/v1/cases/{case_id}")).json()["actions"] == ["issue", "dismiss"]
        answer = await do(chief, case_id, "dismiss", 2, reason="not_staff")
        assert (answer.status_code, answer.json()["state"]) == (200, "dismissed")
        owner = await any_world.person(Role.STORE_OWNER, place=place)
        assert (await owner.get(f"/api/v1/cases/{case_id}")).status_code == 404

    async def test_nobody_else_does(self, world: World):
        place = await world.place()
        case_id = await world.case(place)
        officer = await world.person(place=place)
        await do(officer, case_id, "confirm", 1)
        answer = await do(officer, case_id, "dismiss", 2, reason="not_staff")
        assert (answer.status_code, problem_code(answer)) == (403, "forbidden")


class TestMerge:
    async def test_into_an_open_case_of_the_shop(self, any_world: World):
        place = await any_world.place()
        box = await any_world.edge(place)
        first, second = await any_world.case(place, box), await any_world.case(place, box)
        officer = await any_world.person()
        answer = await do(officer, second, "merge", 1, into=first)
        assert (answer.json()["state"], answer.json()["merged_into"]) == ("merged", first)
        assert (await officer.get(f"/api/v1/cases/{first}")).json()["observations"] == 2

    async def test_into_what_is_none(self, world: World):
        place = await world.place("A")
        box = await world.edge(place)
        case_id, ended = await world.case(place, box), await world.case(place, box)
        officer = await world.person()
        await do(officer, ended, "dismiss", 1, reason="test")
        for into in (case_id, ended, await world.case(await world.place("B")), 999, None):
            answer = await do(officer, case_id, "merge", 1, into=into)
            assert (answer.status_code, problem_code(answer)) == (422, "invalid")


class TestMergedByMistake:
    async def test_each_is_a_case_of_its_own_again(self, any_world: World):
        place = await any_world.place()
        box = await any_world.edge(place)
        whole, part = await any_world.case(place, box), await any_world.case(place, box)
        officer, shop = await any_world.person(place=place), await any_world.person(Role.STORE_OWNER, place=place)
        before = [(await officer.get(f"/api/v1/cases/{case_id}")).json() for case_id in (whole, part)]
        await do(officer, part, "merge", 1, into=whole)
        await do(officer, whole, "confirm", 1)
        await do(officer, whole, "issue", 2)
        issued = (await officer.get(f"/api/v1/cases/{whole}")).json()
        answer = await do(officer, part, "split", 2, note="Two people, one after the other.")
        assert answer.status_code == 200, answer.text
        case = answer.json()
        assert (case["state"], case["merged_into"], case["stage"]) == ("pending_review", None, "review")
        assert (case["actions"], case["observations"]) == (["confirm", "dismiss", "merge"], 1)
        assert [one["violation_id"] for one in case["evidence"]] == [one["violation_id"] for one in before[1]["evidence"]]
        steps = [(step["act"], step["merged_into"], step["note"]) for step in case["transitions"][-2:]]
        assert steps == [("merge", whole, None), ("split", None, "Two people, one after the other.")]
        # Of the other nothing is changed but the count: its notice and its time stand.
        kept = (await officer.get(f"/api/v1/cases/{whole}")).json()
        assert kept == {**issued, "observations": 1}
        assert (await shop.get(f"/api/v1/cases/{part}")).status_code == 404
        admin = await any_world.person(Role.AUDITOR)
        kept = (await admin.get("/api/v1/audit", params={"action": "case.split"})).json()["items"]
        assert [(one["object_id"], one["reason"]) for one in kept] == [(str(part), "Two people, one after the other.")]
        assert kept[0]["detail"]["case"] == whole

    async def test_what_had_been_merged_into_it_is_its_part_again(self, any_world: World):
        place = await any_world.place()
        box = await any_world.edge(place)
        first, second, third, fourth, other = [await any_world.case(place, box) for _ in range(5)]
        officer = await any_world.person()
        for part, into in ((first, second), (other, third), (second, third), (third, fourth)):
            answer = await do(officer, part, "merge", 1, into=into)
            assert answer.status_code == 200, answer.text
        await do(officer, second, "split", 2, note="Another person.")

        async def now() -> list[tuple[int | None, int]]:
            found = [(await officer.get(f"/api/v1/cases/{one}")).json() for one in (first, second, third, fourth, other)]
            return [(one["merged_into"], one["observations"]) for one in found]

        assert await now() == [(second, 1), (None, 2), (fourth, 2), (None, 3), (fourth, 1)]
        await do(officer, third, "split", 2, note="Another person.")
        assert await now() == [(second, 1), (None, 2), (None, 2), (None, 1), (third, 1)]

    async def test_not_without_a_reason_and_not_by_a_shop(self, world: World):
        place = await world.place()
        box = await world.edge(place)
        whole, part = await world.case(place, box), await world.case(place, box)
        officer, owner = await world.person(place=place), await world.person(Role.STORE_OWNER, place=place)
        await do(officer, part, "merge", 1, into=whole)
        bare = await do(officer, part, "split", 2)
        assert (bare.status_code, problem_code(bare)) == (422, "invalid")
        assert (await do(owner, part, "split", 2, note="Words.")).status_code == 404
        assert (await officer.get(f"/api/v1/cases/{whole}")).json()["observations"] == 2

    async def test_a_merge_that_was_taken_back_counts_as_none(self, any_world: World):
        place = await any_world.place()
        box = await any_world.edge(place)
        whole, part = await any_world.case(place, box), await any_world.case(place, box)
        officer = await any_world.person()
        await do(officer, part, "merge", 1, into=whole)
        at = any_world.centre.clock()
        async with any_world.centre.database.reading() as work:
            merged = (await count_steps(work, HOUSE, scope_of(at, None, None)))[None][0].counts.apart
        await do(officer, part, "split", 2, note="Another person.")
        async with any_world.centre.database.reading() as work:
            split = (await count_steps(work, HOUSE, scope_of(at, None, None)))[None][0].counts.apart
        assert (merged, split) == (1, 0)


class TestAfterTheNotice:
    async def test_an_answer_signs_for_the_notice_in_the_same_act(self, any_world: World):
        place = await any_world.place()
        case_id = await any_world.case(place)
        officer, owner = await any_world.person(), await any_world.person(Role.STORE_OWNER, place=place)
        await do(officer, case_id, "confirm", 1)
        await do(officer, case_id, "issue", 2)
        answer = await answer_notice(owner, case_id, 3)
        assert [step["after"] for step in answer.json()["transitions"]][-2:] == ["acknowledged", "submitted"]

    async def test_who_answered_for_the_shop_cannot_verify(self, world: World):
        case_id = await world.case(await world.place())
        officer, colleague = await world.person(), await world.person()
        await do(officer, case_id, "confirm", 1)
        await do(officer, case_id, "issue", 2)
        await answer_notice(officer, case_id, 3)
        assert (await do(officer, case_id, "close", 5)).status_code == 409
        assert (await do(colleague, case_id, "close", 5)).json()["state"] == "closed"

    async def test_withdrawing_needs_a_section_head_and_a_ground(self, world: World):
        case_id = await world.case(await world.place())
        officer, chief = await world.person(), await world.person(Role.CHIEF)
        await do(officer, case_id, "confirm", 1)
        await do(officer, case_id, "issue", 2)
        assert (await do(officer, case_id, "withdraw", 3, reason="wrong_law")).status_code == 403
        assert (await do(chief, case_id, "withdraw", 3)).status_code == 422
        assert (await do(chief, case_id, "withdraw", 3, reason="not_staff")).status_code == 422
        assert (await do(chief, case_id, "withdraw", 3, reason="wrong_law")).json()["state"] == "withdrawn"


async def test_what_the_authority_wrote_before_the_notice_is_its_own(world: World):
    place = await world.place()
    chief, owner = await world.person(Role.CHIEF), await world.person(Role.STORE_OWNER, place=place)
    case_id = await world.case(place)
    steps = (
        ("dismiss", {"reason": "other", "note": "Their cousin works here."}), ("reopen", {"note": "The bureau asks."}),
        ("confirm", {}), ("issue", {}),
    )
    for version, (act, given) in enumerate(steps, 1):
        headers = {"If-Match": f'"{version}"'}
        assert (await chief.post(f"/api/v1/cases/{case_id}/{act}", json=given, headers=headers)).status_code == 200
    told = (await owner.get(f"/api/v1/cases/{case_id}")).json()["transitions"]
    assert [step["act"] for step in told] == ["report", "queue", "dismiss", "reopen", "confirm", "issue"]
    stale = await owner.post(f"/api/v1/cases/{case_id}/acknowledge", json={}, headers={"If-Match": '"0"'})
    page = await owner.get(f"/cases/{case_id}", headers={"Accept": "text/html"})
    for words in (str(told), stale.text, page.text):
        assert "cousin" not in words
        assert "bureau asks" not in words
    assert "Their cousin works here." in (await chief.get(f"/api/v1/cases/{case_id}")).text


@pytest.mark.parametrize("change", ["UPDATE case_transitions SET note = 'x'", "DELETE FROM case_transitions"])
async def test_the_database_refuses_to_change_what_happened(any_world: World, change: str):
    await any_world.case(await any_world.place())
    with pytest.raises(DBAPIError, match="append-only"):
        async with any_world.centre.database.writing() as work:
            await work.execute(text(change))
