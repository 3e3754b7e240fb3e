"""What the life of a case tells, to whom, and when."""

import json
from datetime import datetime
from typing import Any

import pytest

from api.accounts.permissions import Role
from api.cases.states import STEPS, Act
from api.cases.timekeeper import catch_up
from api.deliveries.kinds import CASE_EVENTS, EVENTS_OF, Audience
from api.deliveries.outbox import _OF_ACT, _OF_REMINDER, _OF_STATE, HELD_FOR
from api.kit.times import SHOP_TIME
from tests.api.deliveries.post import Post

EVERYTHING = sorted(EVENTS_OF[Audience.AUTHORITY])
OF_SHOP = sorted(EVENTS_OF[Audience.SHOP])


async def told(post: Post, target: dict[str, Any]) -> list[str]:
    return [delivery["event"] for delivery in await post.deliveries(target_id=target["id"])]


def got(post: Post) -> list[str]:
    """In the order in which it arrived."""
    return [json.loads(request.body)["type"] for request in post.receiver.requests]


async def settled(post: Post) -> tuple[dict[str, Any], dict[str, Any]]:
    """An officer's target and a shop's, each told of everything that it may be told of."""
    officer = await post.target(name="Station", district_id=post.place.district_id, events=EVERYTHING)
    shop = await post.target(name="Shop", audience="shop", shop_id=post.place.shop_id, events=OF_SHOP)
    return officer, shop


def test_every_step_of_the_table_has_its_event():
    told = {_OF_ACT.get(step.act) or _OF_STATE.get(step.after) for step in STEPS if step.act not in (Act.REPORT, Act.MUTE)}
    assert told | set(_OF_REMINDER.values()) == CASE_EVENTS


async def test_the_life_of_a_case(any_post: Post):
    officer, shop = await settled(any_post)
    case_id = await any_post.open_case()
    await any_post.act(case_id, "confirm", "issue")
    await any_post.act(case_id, "appeal", who=Role.STORE_OWNER, note="Caps were worn.")
    await any_post.act(case_id, "reject", who=Role.CHIEF, note="They were not.")
    await any_post.act(case_id, "submit", who=Role.STORE_OWNER)
    await any_post.act(case_id, "return", note="Show the training record.")
    await any_post.act(case_id, "extend", who=Role.CHIEF, note="Monday.", due_at="2026-02-01T12:00:00+08:00")
    await any_post.act(case_id, "submit", who=Role.STORE_OWNER)
    await any_post.act(case_id, "close")
    # One message per act: signing and objecting in one act are told once.
    after_the_notice = [
        "case.issued", "case.appealed", "case.appeal_rejected", "case.submitted", "case.returned", "case.extended",
        "case.submitted", "case.closed",
    ]
    assert await told(any_post, shop) == after_the_notice
    assert await told(any_post, officer) == ["case.opened", "case.confirmed", *after_the_notice]
    messages = await any_post.deliveries()
    assert len({message["created_at"] for message in messages}) == 1  # the clock stood still


class TestUndo:
    @pytest.mark.parametrize(("act", "given"), [("confirm", {}), ("dismiss", {"reason": "not_staff"})])
    async def test_nobody_hears_of_what_is_taken_back(self, any_post: Post, act: str, given: dict[str, str]):
        await any_post.target(events=EVERYTHING)
        case_id = await any_post.open_case()
        await any_post.act(case_id, act, **given)
        await any_post.send()
        any_post.clock.pass_by(seconds=10)
        await any_post.send()
        await any_post.act(case_id, "undo")
        any_post.clock.pass_by(days=1)
        await any_post.send()
        assert got(any_post) == ["case.opened"]

    async def test_it_is_told_once_it_cannot_be_taken_back(self, post: Post):
        await post.target(events=EVERYTHING)
        case_id = await post.open_case()
        await post.act(case_id, "confirm")
        post.clock.now += HELD_FOR
        await post.send()
        assert got(post) == ["case.opened", "case.confirmed"]

    async def test_the_next_act_settles_it(self, post: Post):
        await post.target(events=EVERYTHING)
        await post.act(await post.open_case(), "confirm", "issue")
        await post.send()
        assert got(post) == ["case.opened", "case.confirmed", "case.issued"]

    async def test_who_heard_of_it_all_the_same_hears_that_it_was_taken_back(self, post: Post):
        """Clocks of two machines that differ."""
        await post.target(name="Judgements", events=["case.confirmed", "case.opened"])
        await post.target(name="Findings", events=["case.opened"], url=f"{post.receiver.url}/findings")
        case_id = await post.open_case()
        await post.act(case_id, "confirm")
        post.clock.now += HELD_FOR
        await post.send()
        post.clock.now -= HELD_FOR
        await post.act(case_id, "undo")
        await post.send()
        kept = [json.loads(request.body)["type"] for request in post.receiver.requests if request.path == "/hook"]
        assert kept == ["case.opened", "case.confirmed", "case.opened"]
        assert [request.path for request in post.receiver.requests].count("/findings") == 1


async def test_what_a_muted_spot_shows_is_told_to_nobody(post: Post):
    await post.target(events=EVERYTHING)
    boxes = post.box.manifest().boxes
    for _ in range(2):
        case_id = (await post.box.report(boxes=boxes)).json()["case_id"]
        await post.act(case_id, "dismiss", reason="not_a_violation")
    before = len(await post.deliveries())
    await post.box.report(boxes=boxes)
    assert len(await post.deliveries()) == before


class TestReminders:
    async def at(self, post: Post, text: str) -> None:
        post.clock.now = datetime.fromisoformat(text).replace(tzinfo=SHOP_TIME)
        for _ in range(2):  # the second look finds nothing more
            await catch_up(post.world.centre)

    async def test_the_shop_and_its_officer_are_told_once_each(self, any_post: Post):
        officer, shop = await settled(any_post)
        await any_post.act(await any_post.open_case(), "confirm", "issue")
        before = await told(any_post, officer)
        # Class 2, to be signed for until the end of Tuesday.
        await self.at(any_post, "2026-01-06 10:00")
        await self.at(any_post, "2026-01-06 17:31")
        assert await told(any_post, shop) == ["case.issued", "case.due_soon", "case.overdue"]
        assert await told(any_post, officer) == [*before, "case.due_soon", "case.overdue"]
        await self.at(any_post, "2026-01-20 09:00")
        assert (await told(any_post, shop))[3:] == ["case.escalated"]
        last = (await any_post.admin.get(f"/api/v1/deliveries/{(await any_post.deliveries())[-1]['id']}")).json()
        assert json.loads(last["payload"])["data"]["escalation"] == "bureau"

    async def test_limits_of_the_authority_are_its_own_matter(self, post: Post):
        officer, shop = await settled(post)
        case_id = await post.open_case()
        await self.at(post, "2026-01-20 09:00")  # nobody has judged it
        assert "case.escalated" in await told(post, officer)
        last = (await post.admin.get(f"/api/v1/deliveries/{(await post.deliveries())[-1]['id']}")).json()
        assert json.loads(last["payload"])["data"]["stage"] == "review"
        assert await told(post, shop) == []
        await post.act(case_id, "confirm", "issue")
        await post.act(case_id, "submit", who=Role.STORE_OWNER, note="Done.")
        before = await told(post, shop)
        await self.at(post, "2026-02-20 09:00")  # nobody has verified it
        assert await told(post, shop) == before
