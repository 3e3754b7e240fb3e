"""What a push service gets, read as the browser reads it; and whose browser is told of what."""

from datetime import timedelta

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from api.accounts.permissions import Role
from api.deliveries import web_push
from api.deliveries.secrets import Subscription
from api.deliveries.web_push import KEPT_FOR, encrypted
from tests.api.deliveries.browser import KEYS, claims, raw, read
from tests.api.deliveries.post import Post
from tests.api.deliveries.receiver import Answer
from tests.api.world import problem_code

CREATED = Answer(status=201)


def test_the_example_of_the_specification():
    """RFC 8291, 5."""
    key = ec.derive_private_key(int.from_bytes(raw("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw")), ec.SECP256R1())
    subscription = Subscription(endpoint="https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV", **KEYS)
    body = encrypted(subscription, b"When I grow up, I want to be a watermelon", key, raw("DGv6ra1nlYgDCS1FRnbzlw"))
    assert body == raw(
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6"
        "cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


async def officer(post: Post, role: Role = Role.OFFICER) -> httpx.AsyncClient:
    if role not in post.people:
        post.people[role] = await post.world.person(role, place=post.place)
    return post.people[role]


async def switch_on(
    post: Post, who: httpx.AsyncClient, path: str = "/push/the-secret-address", *, events: tuple[str, ...] = ("case.opened",),
    **changes: str,
) -> httpx.Response:
    form = {"name": "My phone", "endpoint": f"{post.receiver.url}{path}", **KEYS, "events": list(events), **changes}
    return await who.post("/notifications", data=form)


async def targets(post: Post) -> list[dict[str, object]]:
    found: list[dict[str, object]] = (await post.admin.get("/api/v1/targets")).json()["items"]
    return [target for target in found if target["channel"] == "web_push"]


async def test_the_push_service_gets_what_only_the_browser_can_read(any_post: Post):
    post = any_post
    post.receiver.answers = [CREATED]
    assert (await switch_on(post, await officer(post))).status_code == 303
    await post.open_case()
    await post.send()
    request, = post.receiver.requests
    delivery, = await post.deliveries()
    assert (request.method, request.path) == ("POST", "/push/the-secret-address")
    sent = {name: request.headers[name] for name in ("content-encoding", "ttl", "urgency", "topic")}
    assert sent == {
        "content-encoding": "aes128gcm", "ttl": str(int(KEPT_FOR.total_seconds())), "urgency": "normal",
        "topic": delivery["message_id"],
    }
    who = claims(request, post.receiver.url)
    assert who["exp"] == int((post.clock.now + timedelta(hours=12)).timestamp())
    assert who["sub"] == "mailto:root@localhost"
    assert who["k"] in (await post.people[Role.OFFICER].get("/notifications")).text
    told = read(request.body)
    assert told["title"].startswith("[To judge] A finding by AI, until a person confirms it")
    assert (told["url"], told["id"]) == ("http://127.0.0.1:8000/cases/1", delivery["message_id"])
    assert "Shop · Cold dishes · case 1" in told["body"]
    assert delivery["state"] == "delivered"
    entry, = await post.log(delivery["id"])
    assert "the-secret-address" not in str(entry)
    assert told["title"] in entry["request"]


async def test_each_message_is_encrypted_with_a_key_of_its_own(post: Post):
    post.receiver.answers = [CREATED]
    await switch_on(post, await officer(post))
    for _ in range(2):
        await post.open_case()
        await post.send()
    one, other = (request.body[:86] for request in post.receiver.requests)
    assert one[:16] != other[:16]
    assert one[21:] != other[21:]


@pytest.mark.parametrize(
    ("status", "fault", "is_on"), [(410, "gone", False), (404, "gone", False), (403, "wrong_settings", True)]
)
async def test_a_browser_that_is_gone_is_left_alone(post: Post, status: int, fault: str, is_on: bool):
    post.receiver.answers = [Answer(status=status)]
    await switch_on(post, await officer(post))
    for _ in range(2):
        await post.open_case()
        await post.send()
    target, = await targets(post)
    assert (len(post.receiver.requests), target["dead_reason"], target["enabled"]) == (1, fault, is_on)


async def test_a_push_service_that_is_busy_is_given_its_time(post: Post):
    post.receiver.answers = [Answer(status=429, headers={"Retry-After": "120"}), CREATED]
    await switch_on(post, await officer(post))
    await post.open_case()
    await post.send()
    post.clock.pass_by(seconds=100)
    await post.send()
    assert len(post.receiver.requests) == 1
    post.clock.pass_by(seconds=40)
    await post.send()
    first, second = post.receiver.requests
    assert first.headers["topic"] == second.headers["topic"]


async def test_at_night_only_what_is_serious_rings(post: Post):
    post.receiver.answers = [CREATED]
    await switch_on(post, await officer(post))
    post.clock.pass_by(hours=11)
    await post.open_case(severity=2)
    serious = await post.open_case(severity=1)
    await post.send()
    request, = post.receiver.requests
    assert read(request.body)["url"].endswith(f"/cases/{serious}")
    assert request.headers["urgency"] == "high"


async def test_many_that_wait_become_one(post: Post):
    post.receiver.answers = [CREATED]
    await switch_on(post, await officer(post))
    for _ in range(12):
        await post.open_case()
    await post.send()
    request, = post.receiver.requests
    assert read(request.body)["title"] == "12 messages:"
    assert len(request.body) <= 4096


async def test_who_may_not_sign_in_any_more_is_told_nothing(post: Post):
    post.receiver.answers = [CREATED]
    await switch_on(post, await officer(post))
    await post.open_case()
    me = (await post.people[Role.OFFICER].get("/api/v1/me")).json()
    await post.world.disable(me["id"])
    await post.open_case()
    await post.send()
    assert post.receiver.requests == []


async def test_a_shop_hears_of_its_notice_and_not_of_findings(post: Post):
    post.receiver.answers = [CREATED]
    store = await officer(post, Role.STORE_ADMIN)
    refused = await switch_on(post, store, events=("case.opened",))
    assert (refused.status_code, 'id="events-wrong"' in refused.text) == (422, True)
    assert (await switch_on(post, store, events=("case.issued",))).status_code == 303
    case_id = await post.open_case()
    await post.act(case_id, "confirm", "issue")
    await post.send()
    request, = post.receiver.requests
    assert read(request.body)["title"].startswith("[Notice] Please sign for it and put it right")


async def test_a_browser_tells_one_person_only(post: Post):
    post.receiver.answers = [CREATED]
    await switch_on(post, await officer(post))
    await switch_on(post, await officer(post))
    await switch_on(post, await officer(post, Role.CHIEF))
    await post.open_case()
    await post.send()
    assert len(post.receiver.requests) == 1
    mine, theirs = [(await (await officer(post, role)).get("/notifications")).text for role in (Role.OFFICER, Role.CHIEF)]
    assert ("My phone" in mine, "My phone" in theirs) == (False, True)


async def test_the_test_message_and_switching_off(post: Post):
    post.receiver.answers = [CREATED]
    me = await officer(post)
    await switch_on(post, me)
    target, = await targets(post)
    assert (await me.post(f"/notifications/{target['id']}/test")).status_code == 303
    await post.send()
    assert read(post.receiver.requests[0].body)["title"] == "[Test] If you read this, messages arrive here."
    for _ in range(2):  # a second tap
        assert (await me.post(f"/notifications/{target['id']}/off")).headers["location"] == "/notifications?done=off"
    await post.open_case()
    await post.send()
    assert len(post.receiver.requests) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"endpoint": "https://10.0.0.1/push"}, {"endpoint": "ftp://example.org/push"}, {"endpoint": ""},
        {"p256dh": KEYS["p256dh"][:-2]}, {"p256dh": "!"}, {"auth": "c2hvcnQ"},
    ],
)
async def test_what_is_no_subscription_is_refused(post: Post, changes: dict[str, str]):
    answer = await switch_on(post, await officer(post), **changes)
    assert (answer.status_code, 'id="endpoint-wrong"' in answer.text) == (422, True)


async def test_networks_that_an_administrator_opened_are_not_for_browsers(post: Post, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(web_push, "NETWORKS", ())
    assert (await switch_on(post, await officer(post))).status_code == 422


async def test_an_address_inside_is_refused_when_it_is_asked_too(post: Post, monkeypatch: pytest.MonkeyPatch):
    post.receiver.answers = [CREATED]
    await switch_on(post, await officer(post))
    monkeypatch.setattr(web_push, "NETWORKS", ())
    await post.dispatcher.stop()
    post.dispatcher = post.another_dispatcher()
    await post.open_case()
    await post.send()
    delivery, = await post.deliveries()
    assert ((await post.log(delivery["id"]))[0]["fault"], post.receiver.requests) == ("address_refused", [])


async def test_an_administrator_may_narrow_it_but_not_make_one(post: Post):
    await switch_on(post, await officer(post))
    target, = await targets(post)
    body = {
        **{name: target[name] for name in ("name", "channel", "audience", "district_id", "shop_id")}, "events": ["case.overdue"],
    }
    path = f"/api/v1/targets/{target['id']}"
    assert (await post.admin.put(path, json=body)).json()["events"] == ["case.overdue"]
    elsewhere = await post.admin.put(path, json={**body, "district_id": None, "shop_id": post.place.shop_id})
    made = await post.admin.post("/api/v1/targets", json=body)
    assert [problem_code(answer) for answer in (elsewhere, made)] == ["not-a-target", "not-a-target"]


async def test_only_in_the_browser_itself_is_it_switched_on_again(post: Post):
    """Somebody else may use it by now."""
    await switch_on(post, await officer(post))
    mine, = await targets(post)
    await switch_on(post, await officer(post, Role.CHIEF))
    body = {name: mine[name] for name in ("name", "channel", "audience", "district_id", "shop_id", "events")}
    path = f"/api/v1/targets/{mine['id']}"
    answer = await post.admin.put(path, json={**body, "enabled": True})
    assert (answer.status_code, problem_code(answer)) == (422, "not-a-target")
    assert (await post.admin.put(path, json={**body, "enabled": False})).status_code == 200


async def test_a_password_that_somebody_else_knew_ends_what_was_switched_on_with_it(any_post: Post):
    any_post.receiver.answers = [CREATED]
    me = await officer(any_post)
    await switch_on(any_post, me)
    about = (await me.get("/api/v1/me")).json()
    shown = (await any_post.admin.post(f"/accounts/{about['id']}/password")).text
    path = "/join/" + shown.partition("/join/")[2].partition("<")[0]
    assert (await any_post.world.client().post(path, data={"password": "three grains of rice"})).status_code == 303
    await any_post.open_case()
    await any_post.send()
    assert any_post.receiver.requests == []


async def test_the_browser_of_who_looks_after_several_shops_rings_for_each_as_long_as_they_do(any_post: Post):
    post, elsewhere = any_post, await any_post.world.place("Elsewhere")
    post.receiver.answers = [CREATED]
    owner = await post.world.person(Role.STORE_ADMIN, place=elsewhere)
    await switch_on(post, owner, events=("case.issued",))
    await post.act(await post.open_case(), "confirm", "issue")
    form = {"name": "Zhao", "role": "store_admin", "place": f"shop:{post.place.shop_id}"}
    shown = (await post.admin.post("/invitations/new", data=form)).text
    await owner.post("/join/" + shown.partition("/join/")[2].partition("<")[0] + "/shop")
    told = await post.open_case()
    await post.act(told, "confirm", "issue")
    await post.send()
    request, = post.receiver.requests
    assert read(request.body)["url"].endswith(f"/cases/{told}")
    # The station of the account's own shop does not read of the other.
    others = await post.world.person(Role.OFFICER, place=elsewhere)
    assert (await others.get("/api/v1/deliveries")).json()["items"] == []
    post.clock.pass_by(hours=11)
    await post.act(await post.open_case(), "confirm", "issue")
    user_id = (await owner.get("/api/v1/me")).json()["id"]
    assert (await post.admin.post(f"/accounts/{user_id}/shops/{post.place.shop_id}/end")).status_code == 303
    post.clock.pass_by(hours=11)
    await post.send()
    assert len(post.receiver.requests) == 1, "what waited for the morning is told to nobody"
