"""One case for one thing, and spots that were dismissed twice."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from api.accounts.permissions import Role
from api.cases.spots import SAME_SPOT_OVERLAP, overlap
from contract.evidence import MarkedBox
from tests.api.acts import done
from tests.api.world import EdgeBox, World, problem_code

SEEN = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
REPEAT = timedelta(seconds=1800)  # of K01


def head(x: float) -> list[MarkedBox]:
    """The largest box that violates: the person is larger, and a hand smaller."""
    return [
        MarkedBox(kind="person", box=(0, 0, 60, 40), score=0.9, violating=False),
        MarkedBox(kind="head", box=(x, 2, x + 10, 12), score=0.9, violating=True),
        MarkedBox(kind="hand", box=(50, 30, 52, 32), score=0.9, violating=True),
    ]


async def tell(box: EdgeBox, *, x: float = 1, track: int = 1, after: timedelta = timedelta(), **changes: Any) -> tuple[int, str]:
    at = SEEN + after
    answer = await box.report(boxes=head(x), track=track, captured_at=at, since=at - timedelta(seconds=20), **changes)
    assert answer.status_code == 201, answer.text
    return answer.json()["case_id"], answer.json()["result"]


async def dismiss(judge: httpx.AsyncClient, case_id: int, reason: str = "not_a_violation") -> None:
    await done(judge, case_id, "dismiss", reason=reason)


async def spots_of(judge: httpx.AsyncClient, box: EdgeBox) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await judge.get(f"/api/v1/cameras/{box.place.camera_id}/muted-spots")).json()["items"]
    return found


class TestJoining:
    @pytest.mark.parametrize(
        "more",
        [{"track": 1, "x": 40}, {"track": 2, "x": 3}, {"track": 1, "after": 2 * REPEAT}, {"track": 1, "after": -REPEAT}],
        ids=["the person elsewhere", "the spot", "at the end of the window", "told late"],
    )
    async def test_more_of_the_same_is_counted(self, any_world: World, more: dict[str, Any]):
        box, officer = await any_world.edge(await any_world.place()), await any_world.person()
        case_id, _ = await tell(box)
        assert await tell(box, **more) == (case_id, "joined_case")
        case = (await officer.get(f"/api/v1/cases/{case_id}")).json()
        assert (case["observations"], len(case["evidence"]), case["version"]) == (2, 2, 1)

    @pytest.mark.parametrize(
        "other", [{"track": 2, "x": 6}, {"rule": "K07"}, {"after": 2 * REPEAT + timedelta(seconds=1)}],
        ids=["another person elsewhere", "another rule", "after the window"],
    )
    async def test_anything_else_is_a_case_of_its_own(self, world: World, other: dict[str, Any]):
        box = await world.edge(await world.place())
        case_id, _ = await tell(box)
        another, result = await tell(box, **other)
        assert another != case_id
        assert result == "case_opened"

    async def test_what_was_judged_already_is_not_joined(self, world: World):
        box, officer = await world.edge(await world.place()), await world.person()
        case_id, _ = await tell(box)
        await dismiss(officer, case_id, "test")
        assert (await tell(box))[1] == "case_opened"

    async def test_two_at_once_are_one_case(self, any_world: World):
        box = await any_world.edge(await any_world.place())
        manifests = [box.manifest(boxes=head(1), track=1), box.manifest(boxes=head(1), track=1)]
        answers = await asyncio.gather(*map(box.send, manifests))
        assert sorted(answer.json()["result"] for answer in answers) == ["case_opened", "joined_case"]


class TestMovedCamera:
    """What a camera sees in its new shop is no matter of the one where it was before."""

    async def moved(self, world: World, box: EdgeBox) -> EdgeBox:
        new = await world.place("New")
        there, installer = await world.edge(new), await world.person(Role.INSTALLER)
        body = {
            "area_id": new.area_id, "edge_id": there.id, "name": "Moved", "url": "rtsp://192.0.2.9:554/1", "username": "u",
            "password": "another",
        }
        assert (await installer.put(f"/api/v1/cameras/{box.place.camera_id}", json=body)).status_code == 200
        there.place = replace(new, camera_id=box.place.camera_id)
        return there

    async def test_its_findings_join_no_case_of_the_old_shop(self, any_world: World):
        box = await any_world.edge(await any_world.place())
        old, _ = await tell(box)
        case_id, result = await tell(await self.moved(any_world, box))
        assert (case_id != old, result) == (True, "case_opened")

    async def test_nor_are_they_set_aside_as_they_were_there(self, any_world: World):
        box, officer, _ = await TestMuting().dismissed_twice(any_world)
        there = await self.moved(any_world, box)
        assert await spots_of(officer, there) == []
        case_id, _ = await tell(there)
        case = (await officer.get(f"/api/v1/cases/{case_id}")).json()
        assert (case["state"], case["shop"]["id"]) == ("pending_review", there.place.shop_id)
        await dismiss(officer, case_id)
        assert await spots_of(officer, there) == []


class TestMuting:
    async def dismissed_twice(self, world: World) -> tuple[EdgeBox, httpx.AsyncClient, int]:
        box, officer = await world.edge(await world.place()), await world.person()
        case_id = 0
        for track in (1, 2):
            case_id, _ = await tell(box, track=track)
            await dismiss(officer, case_id)
        return box, officer, case_id

    async def test_after_two_dismissals_the_spot_is_set_aside_in_one_case(self, any_world: World):
        box, officer, second = await self.dismissed_twice(any_world)
        aside, result = await tell(box, track=3)
        assert (result, await tell(box, track=4, after=timedelta(days=3))) == ("case_opened", (aside, "joined_case"))
        case = (await officer.get(f"/api/v1/cases/{aside}")).json()
        assert (case["state"], case["observations"]) == ("dismissed", 2)
        assert [(step["act"], step["actor_kind"]) for step in case["transitions"]] == [("report", "edge"), ("mute", "system")]
        spot = (await spots_of(officer, box))[0]
        assert (spot["because_of"], spot["case_id"], spot["observations"], spot["rule"]) == (second, aside, 2, "K01")

    async def test_what_came_lately_can_be_reopened_however_long_the_spot_has_been_muted(self, world: World):
        world.centre.clock = lambda: SEEN
        box, _, _ = await self.dismissed_twice(world)
        aside, _ = await tell(box, track=3)
        chief = await world.person(Role.CHIEF)
        world.centre.clock = lambda: SEEN + timedelta(days=40)
        assert "reopen" not in (await chief.get(f"/api/v1/cases/{aside}")).json()["actions"]
        await tell(box, track=4, after=timedelta(days=39))
        answer = await chief.post(f"/api/v1/cases/{aside}/reopen", json={"note": "Real."}, headers={"If-Match": '"1"'})
        assert answer.status_code == 200, answer.text

    async def test_other_spots_and_rules_are_judged_as_before(self, world: World):
        box, officer, _ = await self.dismissed_twice(world)
        for case_id, _ in (await tell(box, x=6, track=5), await tell(box, rule="K07", track=6)):
            assert (await officer.get(f"/api/v1/cases/{case_id}")).json()["state"] == "pending_review"

    async def test_lifting_it(self, any_world: World):
        box, officer, _ = await self.dismissed_twice(any_world)
        spot = (await spots_of(officer, box))[0]
        answer = await officer.post(f"/api/v1/muted-spots/{spot['id']}/revoke")
        assert answer.json()["revoked_by"] == "officer person"
        chief = await any_world.person(Role.CHIEF)  # clicks on a page that has been open since before
        assert (await chief.post(f"/api/v1/muted-spots/{spot['id']}/revoke")).json()["revoked_by"] == "officer person"
        case_id, _ = await tell(box, track=3)
        assert (await officer.get(f"/api/v1/cases/{case_id}")).json()["state"] == "pending_review"
        await dismiss(officer, case_id)  # what was dismissed before the lifting does not count again
        assert await spots_of(officer, box) == []

    async def test_lifting_it_lets_no_other_spot_begin_anew(self, world: World):
        box, officer, _ = await self.dismissed_twice(world)
        await dismiss(officer, (await tell(box, x=40, track=5))[0])
        spot = (await spots_of(officer, box))[0]
        await officer.post(f"/api/v1/muted-spots/{spot['id']}/revoke")
        await dismiss(officer, (await tell(box, x=40, track=6))[0])
        assert [spot["box"][0] for spot in await spots_of(officer, box)] == [40 / 64]

    async def test_what_was_open_already_mutes_it_no_second_time(self, world: World):
        """Or whoever lifts it would have to do so twice."""
        box, officer = await world.edge(await world.place()), await world.person()
        for case_id, _ in [await tell(box, track=number, after=number * timedelta(days=1)) for number in range(3)]:
            await dismiss(officer, case_id)
        assert len(await spots_of(officer, box)) == 1

    async def test_goes_with_the_judgement_that_is_taken_back(self, world: World):
        box, officer, case_id = await self.dismissed_twice(world)
        await done(officer, case_id, "undo")
        assert await spots_of(officer, box) == []

    async def test_goes_when_a_section_head_looks_again(self, world: World):
        box, officer, _ = await self.dismissed_twice(world)
        aside, _ = await tell(box, track=3)
        chief = await world.person(Role.CHIEF)
        answer = await chief.post(f"/api/v1/cases/{aside}/reopen", json={"note": "Look."}, headers={"If-Match": '"1"'})
        assert answer.json()["state"] == "pending_review"
        assert await spots_of(officer, box) == []

    @pytest.mark.parametrize("reason", ["test", "duplicate"])
    async def test_what_says_nothing_about_the_spot_does_not_count(self, world: World, reason: str):
        box, officer = await world.edge(await world.place()), await world.person()
        for track in (1, 2):
            await dismiss(officer, (await tell(box, track=track))[0], reason)
        assert await spots_of(officer, box) == []

    async def test_what_no_box_shows_has_no_spot(self, world: World):
        box, officer = await world.edge(await world.place()), await world.person()
        for number in (1, 2, 3):
            answer = await box.report(boxes=[], track=number)
            assert answer.json()["result"] == "case_opened"
            await dismiss(officer, answer.json()["case_id"])
        assert await spots_of(officer, box) == []

    async def test_is_no_matter_of_the_shops(self, world: World):
        box, _, _ = await self.dismissed_twice(world)
        owner = await world.person(Role.STORE_OWNER, place=box.place)
        answer = await owner.get(f"/api/v1/cameras/{box.place.camera_id}/muted-spots")
        assert (answer.status_code, problem_code(answer)) == (403, "forbidden")


@pytest.mark.parametrize(
    ("other", "expected"),
    [((0, 0, 2, 2), 1.0), ((1, 0, 3, 2), 1 / 3), ((0, 1, 2, 3), 1 / 3), ((3, 3, 5, 5), 0.0), ((0.5, 0, 2.5, 2), 0.6)],
)
def test_overlap(other: tuple[float, ...], expected: float):
    assert overlap((0, 0, 2, 2), other) == pytest.approx(expected)
    assert 0 < SAME_SPOT_OVERLAP < 1
