"""How long messages and the log of their tries are kept."""

import asyncio

import pytest
from sqlalchemy import func, select

from api.accounts.permissions import Role
from api.deliveries.deletion import forget_old
from api.deliveries.kinds import Fault
from api.deliveries.tables import DeliveryAttempt, Target
from tests.api.deliveries.post import Post
from tests.api.deliveries.receiver import Answer
from tests.api.world import problem_code


async def after(post: Post, days: float) -> list[str]:
    """The events of the messages that are left then."""
    post.clock.pass_by(days=days)
    await forget_old(post.world.centre, asyncio.Event())
    return [item["event"] for item in await post.deliveries()]


async def test_goes_when_the_evidence_of_its_case_would(any_post: Post):
    post = any_post
    await post.target()
    await post.act(await post.open_case(), "dismiss", reason="not_staff")
    await post.open_case()  # and stays open
    await post.send()
    post.clock.pass_by(minutes=10)
    await post.send()
    assert await after(post, 29) == ["case.opened", "case.dismissed", "case.opened"]
    assert await after(post, 2) == ["case.opened"]
    async with post.world.centre.database.reading() as work:
        assert await work.scalar(select(func.count()).select_from(DeliveryAttempt)) == 1
    assert await after(post, 4000) == ["case.opened"]


async def test_stays_under_a_legal_hold(post: Post):
    await post.target(events=["case.dismissed"])
    case_id = await post.open_case()
    await post.act(case_id, "dismiss", reason="not_staff")
    chief = await post.world.person(Role.CHIEF)
    hold = f"/api/v1/cases/{case_id}/holds"
    assert (await chief.post(f"{hold}/set", json={"reason": "an appeal"})).status_code in (200, 201)
    assert await after(post, 400) == ["case.dismissed"]
    assert (await chief.post(f"{hold}/lift", json={"reason": "over"})).status_code == 200
    assert await after(post, 0) == []


async def test_about_no_case_after_a_month(post: Post):
    target = await post.target()
    assert (await post.admin.post(f"/api/v1/targets/{target['id']}/test")).status_code == 202
    assert await after(post, 29) == ["test"]
    assert await after(post, 2) == []


async def test_more_than_a_batch(post: Post, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("api.deliveries.deletion.BATCH", 2)
    target = await post.target()
    for _ in range(5):
        await post.admin.post(f"/api/v1/targets/{target['id']}/test")
    assert await after(post, 31) == []


async def test_what_waits_for_a_dead_target_waits_a_week(any_post: Post):
    """Else it would be looked through each second, and all sent at once when somebody puts the target right after months."""
    post = any_post
    target = await post.target("wecom", events=["case.opened"])
    async with post.world.centre.database.writing() as work:
        (await work.get_one(Target, target["id"])).dead_at = post.clock()
    await post.open_case()
    await after(post, 6)
    assert [item["state"] for item in await post.deliveries()] == ["waiting"]
    await after(post, 2)
    assert [item["state"] for item in await post.deliveries()] == ["failed"]


async def test_what_is_tried_for_longer_is_not_given_up(post: Post):
    await post.target(events=["case.opened"])
    await post.open_case()
    post.clock.pass_by(days=8)
    post.receiver.answers = [Answer(503)]
    await post.send()
    assert await after(post, 0) == ["case.opened"]
    assert [item["state"] for item in await post.deliveries()] == ["waiting"]


class TestTarget:
    async def test_with_its_tests_where_no_case_was_told(self, any_post: Post):
        post = any_post
        target = await post.target(events=["case.opened"])
        await post.admin.post(f"/api/v1/targets/{target['id']}/test")
        await post.send()
        assert (await post.admin.delete(f"/api/v1/targets/{target['id']}")).status_code == 204
        assert (await post.admin.get(f"/api/v1/targets/{target['id']}")).status_code == 404
        assert await post.deliveries() == []
        acts = (await (await post.world.person(Role.AUDITOR)).get("/api/v1/audit")).json()["items"]
        assert "target.deleted" in [act["action"] for act in acts]

    async def test_not_before_its_messages_about_cases_have_gone(self, any_post: Post):
        post = any_post
        target = await post.target(events=["case.opened"])
        await post.admin.post(f"/api/v1/targets/{target['id']}/test")
        case_id = await post.open_case()
        await post.send()
        refused = await post.admin.delete(f"/api/v1/targets/{target['id']}")
        assert (refused.status_code, problem_code(refused)) == (409, "target-in-use")
        assert [item["event"] for item in await post.deliveries()] == ["test", "case.opened"]
        await post.act(case_id, "dismiss", reason="not_staff")
        assert await after(post, 31) == []
        assert (await post.admin.delete(f"/api/v1/targets/{target['id']}")).status_code == 204

    async def test_not_while_another_one_names_it(self, any_post: Post):
        post = any_post
        officers = await post.target()
        await post.target(next_id=officers["id"])
        assert (await post.admin.delete(f"/api/v1/targets/{officers['id']}")).status_code == 409

    async def test_not_while_a_message_waits(self, post: Post):
        """It may be on its way."""
        target = await post.target()
        await post.admin.post(f"/api/v1/targets/{target['id']}/test")
        assert (await post.admin.delete(f"/api/v1/targets/{target['id']}")).status_code == 409

    async def test_of_a_program_that_was_revoked(self, post: Post):
        """It takes no change, but nobody needs it any more."""
        target = await post.target(events=["case.opened"])
        async with post.world.centre.database.writing() as work:
            (await work.get_one(Target, target["id"])).dead_reason = Fault.PROGRAM_REVOKED
        assert "/delete" in (await post.admin.get(f"/targets/{target['id']}")).text
        assert (await post.admin.post(f"/targets/{target['id']}/delete")).headers["location"] == "/targets?deleted=yes"

    async def test_the_page_says_why_not(self, post: Post):
        target = await post.target(events=["case.opened"])
        await post.open_case()
        answer = await post.admin.post(f"/targets/{target['id']}/delete", headers={"Accept-Language": "en"})
        assert (answer.status_code, "It cannot be deleted" in answer.text) == (409, True)
