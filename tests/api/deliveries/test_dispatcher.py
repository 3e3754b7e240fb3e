import asyncio
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from api.accounts.actors import the_house
from api.accounts.permissions import Role
from api.deliveries import claims, repository
from api.deliveries.dispatcher import Dispatcher
from api.deliveries.kinds import Fault
from api.deliveries.outcome import Outcome
from api.deliveries.retries import DELAYS_S
from api.deliveries.targets import rotate_keys
from api.kit.times import SHOP_TIME
from tests.api.deliveries.post import Post
from tests.api.deliveries.receiver import Answer
from tests.api.world import problem_code


class Killed(BaseException):
    """As if the process had ended here."""


class DiesBefore:
    """A sender whose process is killed before the request goes out."""

    async def send(self, *_: object) -> Outcome:
        raise Killed

    async def close(self) -> None: ...


class DiesAfter:
    """A sender whose process is killed between the receiver's answer and the commit."""

    def __init__(self, post: Post) -> None:
        self._sender = post.sender()

    async def send(self, *arguments: Any) -> Outcome:
        await self._sender.send(*arguments)
        raise Killed

    async def close(self) -> None:
        await self._sender.close()


async def killed(post: Post, sender: Any) -> None:
    """A dispatcher that claims what is due, and dies."""
    dispatcher = Dispatcher(post.world.centre, sender)
    with pytest.raises(Killed):
        await dispatcher._send_next((await post.deliveries())[-1]["target_id"])
    await dispatcher.stop()


class TestRetries:
    async def test_at_the_times_of_the_schedule_and_then_no_more(self, post: Post):
        target = await post.target()
        post.receiver.answers = [Answer(503)]
        await post.open_case()
        await post.send()
        for number, delay_s in enumerate(DELAYS_S, 1):
            post.clock.pass_by(seconds=delay_s - 1)
            await post.send()
            assert len(post.receiver.requests) == number
            post.clock.pass_by(seconds=1)
            await post.send()
            assert len(post.receiver.requests) == number + 1
        delivery, = await post.deliveries()
        assert (delivery["state"], delivery["attempts"]) == ("failed", 10)
        dead = await post.state_of(target)
        assert (dead["state"], dead["dead_reason"]) == ("dead", "http_status")

    async def test_retry_after_is_honoured_for_the_whole_target(self, post: Post):
        await post.target()
        post.receiver.answers = [Answer(429, headers={"Retry-After": "120"}), Answer()]
        for _ in range(2):
            await post.open_case()
        await post.send()
        post.clock.pass_by(seconds=119)
        await post.send()
        assert len(post.receiver.requests) == 1
        post.clock.pass_by(seconds=1)
        await post.send()
        assert [delivery["state"] for delivery in await post.deliveries()] == ["delivered", "delivered"]

    async def test_what_arrived_is_not_sent_again(self, post: Post):
        await post.target()
        await post.open_case()
        await post.send()
        post.clock.pass_by(days=30)
        await post.send()
        assert len(post.receiver.requests) == 1


class TestCircuit:
    async def test_opens_after_five_failures_and_lets_one_message_through_to_try(self, post: Post):
        target = await post.target()
        post.receiver.answers = [Answer(500)]
        for _ in range(7):
            await post.open_case()
        await post.send()
        assert len(post.receiver.requests) == 5
        assert (await post.state_of(target))["state"] == "failing"
        post.clock.pass_by(seconds=30)
        await post.send()
        assert len(post.receiver.requests) == 6

    async def test_a_receiver_that_asks_for_more_time_has_it(self, post: Post):
        await post.target()
        post.receiver.answers = [*[Answer(500)] * 4, Answer(503, headers={"Retry-After": "120"}), Answer()]
        for _ in range(5):
            await post.open_case()
        await post.send()
        post.clock.pass_by(seconds=119)
        await post.send()
        assert len(post.receiver.requests) == 5

    async def test_closes_with_the_first_success(self, post: Post):
        target = await post.target()
        post.receiver.answers = [*[Answer(500)] * 5, Answer()]
        for _ in range(6):
            await post.open_case()
        await post.send()
        post.clock.pass_by(seconds=30)
        await post.send()
        assert (await post.state_of(target))["state"] == "working"
        assert {delivery["state"] for delivery in await post.deliveries()} == {"delivered"}

    async def test_a_target_that_hangs_delays_no_other(self, post: Post):
        await post.target(name="Dead", url="http://127.0.0.1:1/hook")
        slow = await post.target(name="Slow", url=f"{post.receiver.url}/slow")
        await post.target(name="Good")
        post.receiver.answers = [Answer(hangs=True)]
        await post.admin.post(f"/api/v1/targets/{slow['id']}/test")
        await post.dispatcher.look()
        await post.receiver.has_got("/slow")
        post.receiver.answers = [Answer()]
        await post.open_case()
        await post.dispatcher.look()
        await post.receiver.has_got("/hook")
        assert [request.path for request in post.receiver.requests] == ["/slow", "/hook"]
        post.receiver.ended.set()


class TestKill:
    async def test_before_it_was_sent(self, any_post: Post):
        await any_post.target()
        await any_post.open_case()
        await killed(any_post, DiesBefore())
        await any_post.send()
        assert any_post.receiver.requests == []
        any_post.clock.pass_by(minutes=1)
        await any_post.send()
        delivery, = await any_post.deliveries()
        assert (len(any_post.receiver.requests), delivery["state"]) == (1, "delivered")
        assert [entry["fault"] for entry in await any_post.log(delivery["id"])] == ["interrupted", None]

    async def test_a_webhook_that_was_answered_comes_again_with_the_same_id(self, post: Post):
        await post.target()
        await post.open_case()
        await killed(post, DiesAfter(post))
        post.clock.pass_by(minutes=1)
        await post.send()
        first, second = post.receiver.requests
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        assert not (await post.deliveries())[0]["possibly_twice"]

    async def test_a_robot_is_repeated_once_and_the_log_says_so(self, post: Post):
        await post.target("wecom")
        post.receiver.answers = [Answer(body=b'{"errcode":0,"errmsg":"ok"}')]
        await post.open_case()
        await killed(post, DiesAfter(post))
        post.clock.pass_by(minutes=2)
        await post.send()
        delivery, = await post.deliveries()
        assert (len(post.receiver.requests), delivery["state"], delivery["possibly_twice"]) == (2, "delivered", True)

    async def test_a_robot_is_never_repeated_twice(self, post: Post):
        await post.target("wecom")
        post.receiver.answers = [Answer(body=b'{"errcode":0,"errmsg":"ok"}')]
        await post.open_case()
        for _ in range(2):
            await killed(post, DiesAfter(post))
            post.clock.pass_by(minutes=2)
        for _ in range(3):
            await post.send()
            post.clock.pass_by(days=1)
        delivery, = await post.deliveries()
        assert (len(post.receiver.requests), delivery["state"], delivery["possibly_twice"]) == (2, "failed", True)


    async def test_a_webhook_that_ends_every_try_is_given_up_in_the_end(self, post: Post):
        """Otherwise what kills the process that sends it would do so for ever."""
        await post.target()
        await post.open_case()
        for _ in range(len(DELAYS_S) + 1):
            await killed(post, DiesBefore())
            post.clock.pass_by(minutes=2)
        await post.send()
        delivery, = await post.deliveries()
        assert (delivery["state"], post.receiver.requests) == ("failed", [])


async def test_two_dispatchers_share_the_work(any_post: Post):
    await any_post.target()
    cases = [await any_post.open_case() for _ in range(12)]
    one, other = any_post.dispatcher, any_post.another_dispatcher()
    await asyncio.gather(one.look(), other.look())
    await asyncio.gather(one.idle(), other.idle())
    await other.stop()
    told = [json.loads(request.body)["data"]["case_id"] for request in any_post.receiver.requests]
    assert sorted(told) == sorted(cases)


@pytest.mark.postgres
@pytest.mark.parametrize("any_settings", ["postgres"], indirect=True)
async def test_what_another_process_has_locked_is_left_to_it(any_post: Post):
    await any_post.target()
    cases = [await any_post.open_case() for _ in range(2)]
    first = (await any_post.deliveries())[0]
    async with any_post.world.centre.database.writing() as work:
        await repository.lock_deliveries(work, [first["id"]])
        await any_post.send()
        assert [json.loads(request.body)["data"]["case_id"] for request in any_post.receiver.requests] == cases[1:]
    await any_post.send()
    assert len(any_post.receiver.requests) == 2


async def test_a_failure_told_too_late_leaves_the_claim_of_another_alone(post: Post):
    """A process was stopped for so long that its claim ran out, and another one is sending now."""
    target = await post.target()
    await post.open_case()
    settings, database = post.world.centre.settings, post.world.centre.database
    taken = []
    for _ in range(2):
        async with database.writing() as work:
            taken.append(await claims.claim(work, settings, target["id"], post.clock.now))
        post.clock.pass_by(minutes=2)
    async with database.writing() as work:
        await claims.record(work, taken[0], Outcome("", fault=Fault.NO_ANSWER), post.clock.now, post.clock.now, 0.0)
    answer = await post.admin.post("/api/v1/deliveries/1/resend")
    assert (answer.status_code, problem_code(answer)) == (409, "being-sent")


class TestOutbox:
    async def test_a_row_is_there_only_if_the_act_is(self, post: Post):
        """The message about an act that was not carried out was never written."""
        await post.target()
        case_id = await post.open_case()
        officer = await post.world.person()
        refused = await officer.post(f"/api/v1/cases/{case_id}/confirm", json={}, headers={"If-Match": '"7"'})
        assert refused.status_code == 412
        assert [delivery["event"] for delivery in await post.deliveries()] == ["case.opened"]
        await officer.post(f"/api/v1/cases/{case_id}/confirm", json={}, headers={"If-Match": '"1"'})
        assert [delivery["event"] for delivery in await post.deliveries()] == ["case.opened", "case.confirmed"]

    async def test_shop_and_officer_are_told_at_once_and_nobody_elsewhere(self, post: Post):
        elsewhere = await post.world.place("Elsewhere")
        of_shop = {"audience": "shop", "events": ["case.issued"]}
        shop = await post.target(name="Shop", shop_id=post.place.shop_id, **of_shop)
        station = await post.target(name="Station", district_id=post.place.district_id, events=["case.issued"])
        await post.target(name="Other shop", shop_id=elsewhere.shop_id, **of_shop)
        await post.target(name="Other station", district_id=elsewhere.district_id)
        await post.act(await post.open_case(), "confirm", "issue")
        told = {delivery["target_id"]: delivery["created_at"] for delivery in await post.deliveries()}
        assert set(told) == {shop["id"], station["id"]}
        assert len(set(told.values())) == 1

    async def test_a_county_is_told_of_its_stations(self, post: Post):
        county = (await post.admin.post("/api/v1/districts", json={"name": "County"})).json()["id"]
        station = (await post.admin.post("/api/v1/districts", json={"name": "Station", "parent_id": county})).json()["id"]
        shop = {"name": "Shop", "district_id": station}
        assert (await post.admin.put(f"/api/v1/shops/{post.place.shop_id}", json=shop)).status_code == 200
        target = await post.target(district_id=county)
        await post.open_case()
        assert [delivery["target_id"] for delivery in await post.deliveries()] == [target["id"]]

    @pytest.mark.parametrize("audience", ["shop", "partner"])
    @pytest.mark.parametrize("event", ["case.opened", "case.confirmed", "case.dismissed", "case.merged", "target.dead"])
    async def test_a_shop_or_a_partner_is_told_of_nothing_before_the_notice(self, post: Post, audience: str, event: str):
        body = {
            "name": "T", "channel": "webhook", "audience": audience, "shop_id": post.place.shop_id, "url": post.receiver.url,
            "events": ["case.issued", event],
        }
        answer = await post.admin.post("/api/v1/targets", json=body)
        assert (answer.status_code, problem_code(answer)) == (422, "not-a-target")


class TestLate:
    @pytest.mark.parametrize(("severity", "minutes"), [(1, 2), (2, 30)])
    async def test_the_next_target_is_told_in_time_and_the_officer_sees_it(self, any_post: Post, severity: int, minutes: int):
        following = await any_post.target(name="Next", url=f"{any_post.receiver.url}/next", events=["case.dismissed"])
        await any_post.target(next_id=following["id"], url="http://127.0.0.1:1/hook")
        await any_post.open_case(severity)
        await any_post.send()
        any_post.clock.pass_by(minutes=minutes, seconds=-1)
        await any_post.send()
        assert any_post.receiver.requests == []
        any_post.clock.pass_by(seconds=1)
        for _ in range(2):  # the second look sends what the first one handed on, and hands on nothing more
            await any_post.send()
        assert [request.path for request in any_post.receiver.requests] == ["/next"]
        officer = await any_post.world.person(Role.OFFICER)
        late = (await officer.get("/api/v1/deliveries", params={"late": True})).json()["items"]
        assert [item["target_name"] for item in late] == ["Target"]

    async def passes(self, post: Post) -> list[str]:
        """Who has heard of a finding that one target did not get for half an hour."""
        await post.open_case()
        await post.send()
        post.clock.pass_by(minutes=30)
        for _ in range(2):
            await post.send()
        return [request.path for request in post.receiver.requests]

    async def test_who_was_told_anyway_is_not_told_twice(self, post: Post):
        following = await post.target(name="Next", url=f"{post.receiver.url}/next")
        await post.target(next_id=following["id"], url="http://127.0.0.1:1/hook")
        assert await self.passes(post) == ["/next"]

    async def test_whoever_is_next_to_one_that_is_switched_off_is_told(self, post: Post):
        last = await post.target(name="Last", url=f"{post.receiver.url}/last", events=["case.dismissed"])
        off = await post.target(name="Off", enabled=False, next_id=last["id"], url=f"{post.receiver.url}/off")
        await post.target(next_id=off["id"], url="http://127.0.0.1:1/hook")
        assert await self.passes(post) == ["/last"]

    async def test_a_shop_is_never_told_instead_of_an_officer(self, post: Post):
        shop = await post.target(name="Shop", audience="shop", shop_id=post.place.shop_id, events=["case.issued"])
        target = await post.target()
        body = {
            "name": "T", "channel": "webhook", "audience": "authority", "events": ["case.opened"], "url": post.receiver.url,
            "next_id": shop["id"],
        }
        for answer in (
            await post.admin.post("/api/v1/targets", json=body),
            await post.admin.put(f"/api/v1/targets/{target['id']}", json=body),
        ):
            assert (answer.status_code, problem_code(answer)) == (422, "not-a-target")

    async def test_another_shop_is_never_told_instead_of_one(self, post: Post):
        elsewhere = await post.world.place("Elsewhere")
        other = await post.target(name="Other", audience="shop", shop_id=elsewhere.shop_id, events=["case.issued"])
        body = {
            "name": "T", "channel": "webhook", "audience": "shop", "shop_id": post.place.shop_id, "events": ["case.issued"],
            "url": post.receiver.url, "next_id": other["id"],
        }
        answer = await post.admin.post("/api/v1/targets", json=body)
        assert (answer.status_code, problem_code(answer)) == (422, "not-a-target")

    async def test_what_waits_for_officers_reaches_no_shop_that_the_target_is_given_to(self, post: Post):
        target = await post.target("wecom")
        post.receiver.answers = [Answer(500), Answer(body=b'{"errcode":0}')]
        await post.open_case()
        await post.send()
        body = {
            "name": "T", "channel": "wecom", "audience": "shop", "shop_id": post.place.shop_id, "events": ["case.issued"],
            "token": "robot-key-of-the-shop",
        }
        answer = await post.admin.put(f"/api/v1/targets/{target['id']}", json=body)
        post.clock.pass_by(minutes=1)
        await post.send()
        assert (answer.status_code, problem_code(answer)) == (422, "not-a-target")
        assert not any("robot-key-of-the-shop" in request.path for request in post.receiver.requests)

    async def test_what_has_arrived_is_not_late(self, post: Post):
        following = await post.target(name="Next", events=["case.dismissed"])
        await post.target(next_id=following["id"])
        await post.open_case()
        await post.send()
        post.clock.pass_by(hours=1)
        await post.send()
        assert len(post.receiver.requests) == 1
        assert await post.deliveries(late=True) == []


class TestQuietHours:
    NIGHT = datetime(2026, 1, 5, 23, 0, tzinfo=SHOP_TIME)
    MORNING = datetime(2026, 1, 6, 7, 0, tzinfo=SHOP_TIME)
    OK = Answer(body=b'{"errcode":0}')

    async def test_a_robot_waits_for_the_morning(self, post: Post):
        post.receiver.answers = [self.OK]
        following = await post.target(name="Next", events=["case.dismissed"], url=f"{post.receiver.url}/next")
        await post.target("wecom", next_id=following["id"])
        post.clock.now = self.NIGHT
        await post.open_case()
        for moment in (self.NIGHT, self.MORNING - timedelta(seconds=1)):
            post.clock.now = moment
            await post.send()
        assert post.receiver.requests == []
        post.clock.now = self.MORNING
        await post.send()
        assert [request.path.partition("?")[0] for request in post.receiver.requests] == ["/cgi-bin/webhook/send"]

    async def test_what_waited_for_the_morning_is_late_from_then_on(self, post: Post):
        following = await post.target(name="Next", events=["case.dismissed"], url=f"{post.receiver.url}/next")
        await post.target("wecom", next_id=following["id"])
        post.receiver.answers = [Answer(500)]
        post.clock.now = self.NIGHT
        await post.open_case()
        for minutes, paths in ((29, {"/cgi-bin/webhook/send"}), (30, {"/cgi-bin/webhook/send", "/next"})):
            post.clock.now = self.MORNING + timedelta(minutes=minutes)
            for _ in range(2):  # the second look sends what the first one handed on
                await post.send()
            assert {request.path.partition("?")[0] for request in post.receiver.requests} == paths

    async def test_what_is_serious_does_not_wait(self, post: Post):
        post.receiver.answers = [self.OK]
        await post.target("wecom")
        post.clock.now = self.NIGHT
        await post.open_case(severity=1)
        await post.send()
        assert len(post.receiver.requests) == 1

    async def test_programs_do_not_sleep(self, post: Post):
        await post.target()
        post.clock.now = self.NIGHT
        await post.open_case()
        await post.send()
        assert len(post.receiver.requests) == 1


async def test_new_keys_for_what_is_stored(post: Post):
    """`sunshine keys rotate` takes the targets' secrets along."""
    await post.target()
    old = post.world.centre.keyring
    new = old.with_new_key()
    async with post.world.centre.database.writing() as work:
        assert await rotate_keys(work, the_house(), old, new) == 1
    post.world.centre.keyring = new.only_current()
    await post.dispatcher.stop()
    post.dispatcher = post.another_dispatcher()
    await post.open_case()
    await post.send()
    assert [delivery["state"] for delivery in await post.deliveries()] == ["delivered"]


async def test_secrets_that_cannot_be_read_end_the_target_and_not_the_others(post: Post):
    lost = await post.target(name="Lost")
    post.world.centre.keyring = post.world.centre.keyring.with_new_key().only_current()
    await post.dispatcher.stop()
    post.dispatcher = post.another_dispatcher()
    await post.target(name="Good", events=["case.opened"])
    await post.open_case()
    await post.send()
    assert (await post.state_of(lost))["dead_reason"] == "key_missing"
    assert len(post.receiver.requests) == 1


async def test_new_keys_mend_a_webhook_whose_secrets_cannot_be_read(post: Post):
    lost = await post.target(name="Lost")
    post.world.centre.keyring = post.world.centre.keyring.with_new_key().only_current()
    await post.dispatcher.stop()
    post.dispatcher = post.another_dispatcher()
    rotated = (await post.admin.post(f"/api/v1/targets/{lost['id']}/rotate")).json()
    assert rotated["previous_until"] is None
    await post.open_case()
    await post.send()
    assert [delivery["state"] for delivery in await post.deliveries()] == ["delivered"]


class TestNoWords:
    """A message whose data are not as they should be, so that it cannot be put into words."""

    async def spoil(self, post: Post, delivery_id: int) -> None:
        async with post.world.centre.database.writing() as work:
            await work.execute(text("UPDATE deliveries SET payload = '{}' WHERE id = :id"), {"id": delivery_id})

    async def test_fails_at_once_with_a_reason_and_holds_up_no_other(self, any_post: Post):
        any_post.receiver.answers = [Answer(body=b'{"errcode":0}')]
        await any_post.target("wecom")
        for _ in range(2):
            await any_post.open_case()
        first = (await any_post.deliveries())[0]["id"]
        await self.spoil(any_post, first)
        await any_post.send()
        assert [delivery["state"] for delivery in await any_post.deliveries()] == ["failed", "delivered"]
        assert [(entry["fault"], entry["answer"]) for entry in await any_post.log(first)] == [("no_words", "")]

    async def test_of_many_in_one_message_only_itself_fails(self, post: Post):
        post.receiver.answers = [Answer(body=b'{"errcode":0}')]
        target = await post.target("wecom")
        for _ in range(12):
            await post.open_case()
        await self.spoil(post, (await post.deliveries())[5]["id"])
        await post.send()
        states = [delivery["state"] for delivery in await post.deliveries()]
        assert (states[5], states.count("delivered"), len(post.receiver.requests)) == ("failed", 11, 1)
        assert (await post.state_of(target))["state"] == "working"

    async def test_the_officer_sees_it_and_may_send_it_again(self, post: Post):
        await post.target("wecom")
        case_id = await post.open_case()
        await self.spoil(post, 1)
        await post.send()
        page = (await post.admin.get("/deliveries?show=failed")).text
        log = (await post.admin.get("/deliveries/1", headers={"Accept-Language": "en"})).text
        assert f"/cases/{case_id}" in page
        assert "The message could not be put into words" in log
        post.clock.pass_by(minutes=30)
        await post.send()
        assert [delivery["id"] for delivery in await post.deliveries(late=True)] == [1]


class TestLog:
    async def test_holds_request_and_answer_without_secrets(self, post: Post):
        target = await post.target("feishu", token="hook-token-99", secret="very-secret-secret")
        post.receiver.answers = [Answer(500, body=b"you sent hook-token-99 and very-secret-secret\x00" + b"x" * 5000)]
        await post.open_case()
        await post.send()
        entry, = await post.log((await post.deliveries())[0]["id"])
        assert (entry["status"], entry["fault"]) == (500, "http_status")
        assert "/open-apis/bot/v2/hook/***" in entry["request"]
        assert entry["answer"].startswith("you sent *** and ***")
        assert len(entry["answer"]) < 2100
        for path in (f"/api/v1/targets/{target['id']}", "/api/v1/deliveries/1", "/api/v1/audit"):
            text = (await post.admin.get(path)).text
            assert "hook-token-99" not in text
            assert "very-secret-secret" not in text

    async def test_resent_by_hand(self, post: Post):
        await post.target()
        await post.open_case()
        await post.send()
        delivery, = await post.deliveries()
        officer = await post.world.person(Role.OFFICER)
        answer = await officer.post(f"/api/v1/deliveries/{delivery['id']}/resend")
        assert (answer.status_code, answer.json()["state"]) == (202, "waiting")
        await post.send()
        first, second = post.receiver.requests
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        assert "delivery.resent" in (await post.admin.get("/api/v1/audit")).text

    async def test_not_while_it_is_being_sent(self, post: Post):
        await post.target()
        await post.open_case()
        await killed(post, DiesBefore())
        delivery, = await post.deliveries()
        answer = await post.admin.post(f"/api/v1/deliveries/{delivery['id']}/resend")
        assert (answer.status_code, problem_code(answer)) == (409, "being-sent")
        page = await post.admin.post(f"/deliveries/{delivery['id']}/resend")  # a second tap
        assert page.headers["location"] == f"/deliveries/{delivery['id']}?resent=yes"

    async def test_nothing_is_sent_to_the_dead_before_somebody_looked(self, post: Post):
        target = await post.target("wecom")
        post.receiver.answers = [Answer(body=b'{"errcode":93000,"errmsg":"invalid webhook url"}'), Answer(body=b'{"errcode":0}')]
        await post.open_case()
        await post.send()
        assert (await post.state_of(target))["dead_reason"] == "wrong_settings"
        answer = await post.admin.post("/api/v1/deliveries/1/resend")
        assert (answer.status_code, problem_code(answer)) == (409, "target-off")
        post.clock.pass_by(days=1)
        await post.send()
        assert len(post.receiver.requests) == 1
        test = await post.admin.post(f"/api/v1/targets/{target['id']}/test")
        assert test.status_code == 202
        for _ in range(2):
            await post.send()
            post.clock.pass_by(seconds=4)
        assert [delivery["state"] for delivery in await post.deliveries()] == ["delivered", "delivered"]
        assert (await post.state_of(target))["state"] == "working"

    async def test_no_test_message_to_what_is_switched_off(self, post: Post):
        target = await post.target(enabled=False)
        answer = await post.admin.post(f"/api/v1/targets/{target['id']}/test")
        assert (answer.status_code, problem_code(answer)) == (409, "target-off")
