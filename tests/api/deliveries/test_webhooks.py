"""What a receiver sees, checked by the reference library of Standard Webhooks and by the words of the specification."""

import base64
import gzip
import hashlib
import hmac
import json
import re
import tracemalloc
from datetime import timedelta
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook, WebhookVerificationError

from api.deliveries.kinds import Event
from api.kit.times import now
from tests.api.deliveries.post import Post
from tests.api.deliveries.receiver import Answer, Request
from tests.api.test_api_docs import DOCUMENT
from tests.api.world import problem_code


def signatures(request: Request, version: str) -> list[bytes]:
    parts = [part.split(",") for part in request.headers["webhook-signature"].split(" ")]
    return [base64.b64decode(signature) for kind, signature in parts if kind == version]


def signed(request: Request) -> bytes:
    return f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.body


def proves(public_key: str, request: Request) -> bool:
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key.removeprefix("whpk_")))
    for signature in signatures(request, "v1a"):
        try:
            key.verify(signature, signed(request))
        except InvalidSignature:
            continue
        return True
    return False


async def test_a_thin_body_that_the_reference_library_accepts(post: Post):
    target = await post.target()
    post.clock.now = now()  # the library checks the age
    case_id = await post.open_case(severity=1)
    await post.send()
    request, = post.receiver.requests
    assert (request.method, request.path, request.headers["content-type"]) == ("POST", "/hook", "application/json")
    event = Webhook(target["secret"]).verify(request.body, request.headers)
    facts = {"case_id": case_id, "shop_id": post.place.shop_id, "rule": "K09", "severity": 1}
    case = (await (await post.world.person()).get(f"/api/v1/cases/{case_id}")).json()
    facts |= {"state": "pending_review", "version": 1, "stage": "review", "due_at": case["due_at"], "escalation": None}
    assert (event["type"], event["data"]) == ("case.opened", facts)


async def test_both_signatures_are_what_the_specification_says(post: Post):
    target = await post.target()
    await post.open_case()
    await post.send()
    request, = post.receiver.requests
    key = base64.b64decode(target["secret"].removeprefix("whsec_"))
    assert 24 <= len(key) <= 64
    assert signatures(request, "v1") == [hmac.new(key, signed(request), hashlib.sha256).digest()]
    assert proves(target["public_key"], request)


async def test_another_secret_or_another_body_is_refused(post: Post):
    target, other = await post.target(), await post.target(name="Other", events=["case.dismissed"])
    post.clock.now = now()
    await post.open_case()
    await post.send()
    request, = post.receiver.requests
    for secret, body in ((other["secret"], request.body), (target["secret"], request.body + b" ")):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(body, request.headers)
    assert not proves(other["public_key"], request)


@pytest.mark.parametrize("skew", [timedelta(minutes=-6), timedelta(minutes=6)])
async def test_a_clock_that_is_off_shows(post: Post, skew: timedelta):
    target = await post.target()
    post.clock.now = now() + skew
    await post.open_case()
    await post.send()
    request, = post.receiver.requests
    with pytest.raises(WebhookVerificationError, match="too"):
        Webhook(target["secret"]).verify(request.body, request.headers)


async def test_every_try_carries_the_same_id_and_body_with_a_new_time(post: Post):
    await post.target()
    post.receiver.answers = [Answer(500), Answer(204)]
    await post.open_case()
    await post.send()
    post.clock.pass_by(seconds=5)
    await post.send()
    first, second = post.receiver.requests
    assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)
    assert int(second.headers["webhook-timestamp"]) == int(first.headers["webhook-timestamp"]) + 5


async def test_rotation_signs_with_both_for_a_day(post: Post):
    target = await post.target()
    rotated = (await post.admin.post(f"/api/v1/targets/{target['id']}/rotate")).json()
    assert rotated["secret"] != target["secret"]
    post.clock.pass_by(hours=23)
    await post.open_case()
    await post.send()
    post.clock.pass_by(hours=2)
    await post.open_case()
    await post.send()
    during, after = post.receiver.requests
    assert len(signatures(during, "v1")) == len(signatures(during, "v1a")) == 2
    assert [proves(keys["public_key"], during) for keys in (target, rotated)] == [True, True]
    assert [proves(keys["public_key"], after) for keys in (target, rotated)] == [False, True]


async def test_keys_that_are_replaced_twice_in_a_day_sign_for_their_day(post: Post):
    """Somebody loads the page anew that showed the new ones: the receiver has none of them yet."""
    target = await post.target()
    second, third = [(await post.admin.post(f"/api/v1/targets/{target['id']}/rotate")).json() for _ in range(2)]
    for hours in (23, 2):
        post.clock.pass_by(hours=hours)
        await post.open_case()
        await post.send()
    during, after = post.receiver.requests
    assert [proves(keys["public_key"], during) for keys in (target, second, third)] == [True, True, True]
    assert [proves(keys["public_key"], after) for keys in (target, second, third)] == [False, False, True]


async def test_what_the_document_shows_takes_ours_and_nothing_else(post: Post):
    (shown,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    scope: dict[str, Any] = {}
    exec(shown, scope)
    is_ours = scope["is_ours"]
    post.clock.now = now()
    old = (await post.target())["secret"]
    target, = (await post.admin.get("/api/v1/targets")).json()["items"]
    new = (await post.admin.post(f"/api/v1/targets/{target['id']}/rotate")).json()["secret"]
    await post.open_case()
    await post.send()
    request, = post.receiver.requests
    headers, body = request.headers, request.body
    assert [is_ours(secrets, headers, body) for secrets in ([old], [new], [old, new])] == [True] * 3
    for changed in (
        {"webhook-id": "msg_other"}, {"webhook-timestamp": str(int(headers["webhook-timestamp"]) - 301)},
        {"webhook-timestamp": "x"}, {"webhook-signature": "v1,ü"}, {"webhook-signature": ""},
    ):
        assert not is_ours([old, new], headers | changed, body)
    assert not is_ours([old, new], headers, body + b" ")
    assert not is_ours([f"whsec_{base64.b64encode(bytes(32)).decode()}"], headers, body)
    assert not is_ours([old, new], {}, body)


async def test_the_secret_is_shown_once(post: Post):
    target = await post.target()
    for path in (f"/api/v1/targets/{target['id']}", "/api/v1/targets", "/api/v1/audit"):
        assert target["secret"] not in (await post.admin.get(path)).text
    stored = (post.world.centre.settings.data / "sunshine.db").read_bytes()
    assert target["secret"].removeprefix("whsec_").encode() not in stored


async def test_410_switches_the_target_off(post: Post):
    target = await post.target()
    await post.target(name="Watcher", events=["target.dead"], url=f"{post.receiver.url}/watch")
    post.receiver.answers = [Answer(410), Answer(204)]
    await post.open_case()
    await post.send()
    gone = await post.state_of(target)
    assert (gone["state"], gone["enabled"], gone["dead_reason"]) == ("dead", False, "gone")
    await post.open_case()
    await post.send()
    told = [request for request in post.receiver.requests if request.path == "/watch"]
    assert len(post.receiver.requests) == 2
    assert json.loads(told[0].body)["data"] == {"target_id": target["id"], "name": "Target", "reason": "gone"}
    assert "target.dead" in (await post.admin.get("/api/v1/audit")).text


async def test_a_station_s_dead_target_is_told_to_the_county_above_and_to_no_neighbour(post: Post):
    county = post.place.district_id
    stations = [
        (await post.admin.post("/api/v1/districts", json={"name": name, "parent_id": county})).json()["id"]
        for name in ("North", "South")
    ]
    dead = await post.target(name="North", district_id=stations[0])
    await post.target(name="County", district_id=county, events=["target.dead"], url=f"{post.receiver.url}/county")
    await post.target(name="South", district_id=stations[1], events=["target.dead"], url=f"{post.receiver.url}/south")
    post.receiver.answers = [Answer(410), Answer(204)]
    await post.admin.post(f"/api/v1/targets/{dead['id']}/test")
    for _ in range(2):
        await post.send()
    assert [request.path for request in post.receiver.requests] == ["/hook", "/county"]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_a_failure_and_is_not_followed(post: Post, status: int):
    await post.target()
    post.receiver.answers = [Answer(status, headers={"Location": f"{post.receiver.url}/elsewhere"})]
    await post.open_case()
    await post.send()
    assert [request.path for request in post.receiver.requests] == ["/hook"]
    delivery, = await post.deliveries()
    assert ((await post.log(delivery["id"]))[0]["fault"], delivery["state"]) == ("redirect", "waiting")


async def test_a_receiver_that_hangs(post: Post):
    post.world.centre.settings.delivery_timeout_s = 0.5
    await post.target()
    post.receiver.answers = [Answer(hangs=True)]
    await post.open_case()
    await post.send()
    delivery, = await post.deliveries()
    assert ((await post.log(delivery["id"]))[0]["fault"], delivery["state"]) == ("no_answer", "waiting")


async def test_a_receiver_that_answers_200_slowly_for_ever_has_the_message(post: Post):
    post.world.centre.settings.delivery_timeout_s = 0.5
    await post.target()
    post.receiver.answers = [Answer(drips=True)]
    await post.open_case()
    await post.send()
    delivery, = await post.deliveries()
    entry, = await post.log(delivery["id"])
    assert (delivery["state"], entry["status"]) == ("delivered", 200)
    assert set(entry["answer"]) == {"."}


async def test_a_private_address_is_refused_when_it_is_sent(post: Post):
    await post.target()
    post.world.centre.settings.outbound_networks = "10.0.0.0/8"
    await post.open_case()
    dispatcher = post.another_dispatcher()
    await dispatcher.look()
    await dispatcher.idle()
    await dispatcher.stop()
    assert post.receiver.requests == []
    delivery, = await post.deliveries()
    assert (await post.log(delivery["id"]))[0]["fault"] == "address_refused"


@pytest.mark.parametrize(
    "url",
    ["https://10.1.2.3/hook", "https://[::ffff:10.1.2.3]/", "http://1.1.1.1/", "https://me:secret@example.org/", "nonsense"],
)
async def test_an_address_that_cannot_be_used_is_refused_when_it_is_entered(post: Post, url: str):
    body = {"name": "T", "channel": "webhook", "audience": "partner", "events": ["case.issued"], "url": url}
    answer = await post.admin.post("/api/v1/targets", json=body)
    assert (answer.status_code, problem_code(answer)) == (422, "not-a-target")
    assert answer.json()["errors"][0]["field"] == "url"


def test_events_are_in_the_openapi_document(post: Post):
    document: dict[str, Any] = post.world.app.openapi()
    assert set(document["webhooks"]) == {event.value for event in Event} - {"link.asked"}  # to one person, never to a program
    operation = document["webhooks"]["case.confirmed"]["post"]
    headers = {"webhook-id", "webhook-timestamp", "webhook-signature"}
    assert {parameter["name"] for parameter in operation["parameters"]} == headers
    assert operation["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/CaseEvent"}


async def test_an_answer_that_comes_packed_is_not_unpacked(post: Post):
    """A hostile receiver packs a thousand times as much into it as goes over the wire."""
    await post.target()
    post.receiver.answers = [Answer(body=gzip.compress(bytes(20_000_000)), headers={"Content-Encoding": "gzip"})]
    await post.open_case()
    tracemalloc.start()
    try:
        await post.send()
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 10_000_000
    (delivery,) = (await post.admin.get("/api/v1/deliveries")).json()["items"]
    assert delivery["state"] == "delivered"
