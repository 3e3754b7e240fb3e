"""The exact bytes that each robot's service gets, and what its answers mean."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from api.cases.timekeeper import catch_up
from tests.api.deliveries.post import Post
from tests.api.deliveries.receiver import Answer
from tests.api.world import problem_code

OK = {
    "wecom": b'{"errcode":0,"errmsg":"ok"}', "dingtalk": b'{"errcode":0,"errmsg":"ok"}',
    "feishu": b'{"code":0,"msg":"success","data":{}}',
}
SECRET = b"SEC0123456789"


async def test_wecom(post: Post):
    post.receiver.answers = [Answer(body=OK["wecom"])]
    await post.target("wecom")
    await post.open_case()
    await post.send()
    request, = post.receiver.requests
    assert (request.method, request.path) == ("POST", "/cgi-bin/webhook/send?key=robot-key-1234")
    text = json.loads(request.body)["text"]["content"]
    assert request.body == b'{"msgtype":"text","text":{"content":' + json.dumps(text, ensure_ascii=False).encode() + b"}}"
    assert text.startswith("【待审核】AI 线索，须经人工审核 ")
    assert text.endswith("\nhttp://127.0.0.1:8000/cases/1")
    assert (await post.deliveries())[0]["state"] == "delivered"


async def test_a_reminder_says_whose_turn_it_is(post: Post):
    post.receiver.answers = [Answer(body=OK["wecom"])]
    await post.target("wecom", events=["case.overdue"])
    await post.act(await post.open_case(), "confirm")
    post.clock.now = datetime(2026, 1, 8, tzinfo=UTC)  # a Thursday; confirmed on a Monday, class 2
    await catch_up(post.world.centre)
    await post.send()
    request, = post.receiver.requests
    assert "\n下发期限 2026-01-06 17:30\n" in json.loads(request.body)["text"]["content"]


async def test_dingtalk_signs_in_the_address(post: Post):
    post.receiver.answers = [Answer(body=OK["dingtalk"])]
    await post.target("dingtalk", language="en")
    await post.open_case()
    await post.send()
    request, = post.receiver.requests
    milliseconds = str(int(post.clock.now.timestamp() * 1000))
    sign = base64.b64encode(hmac.new(SECRET, milliseconds.encode() + b"\n" + SECRET, hashlib.sha256).digest()).decode()
    address = urlsplit(request.path)
    assert address.path == "/robot/send"
    assert parse_qs(address.query, strict_parsing=True) == {
        "access_token": ["robot-key-1234"], "timestamp": [milliseconds], "sign": [sign],
    }
    body = json.loads(request.body)
    assert body == {"msgtype": "text", "text": {"content": body["text"]["content"]}, "at": {"isAtAll": False}}
    assert body["text"]["content"].startswith("[To judge] A finding by AI, until a person confirms it ")


async def test_feishu_signs_in_the_body(post: Post):
    post.receiver.answers = [Answer(body=OK["feishu"])]
    await post.target("feishu")
    await post.open_case()
    await post.send()
    request, = post.receiver.requests
    seconds = str(int(post.clock.now.timestamp()))
    sign = base64.b64encode(hmac.new(seconds.encode() + b"\n" + SECRET, b"", hashlib.sha256).digest()).decode()
    body = json.loads(request.body)
    assert request.path == "/open-apis/bot/v2/hook/robot-key-1234"
    assert body == {"timestamp": seconds, "sign": sign, "msg_type": "text", "content": {"text": body["content"]["text"]}}


@pytest.mark.parametrize(
    ("channel", "body", "fault", "state"),
    [
        ("wecom", {"errcode": 45009, "errmsg": "api freq out of limit"}, "too_fast", "failing"),
        ("wecom", {"errcode": 93000, "errmsg": "invalid webhook url"}, "wrong_settings", "dead"),
        ("wecom", {"errcode": -1, "errmsg": "system busy"}, "service_error", "failing"),
        ("dingtalk", {"errcode": 310000, "errmsg": "sign not match"}, "wrong_settings", "dead"),
        ("dingtalk", {"errcode": 130101, "errmsg": "send too fast"}, "too_fast", "failing"),
        ("feishu", {"code": 19021, "msg": "sign match fail"}, "wrong_settings", "dead"),
        ("feishu", {"code": 19024, "msg": "Key Words Not Found"}, "wrong_settings", "dead"),
        ("feishu", {"code": 9499, "msg": "Bad Request"}, "service_error", "failing"),
        ("feishu", {"code": 11232, "msg": "frequency limited"}, "too_fast", "failing"),
        ("feishu", {"code": "0"}, "service_error", "failing"),
        ("wecom", [], "service_error", "failing"),
    ],
)
async def test_a_200_with_an_error_code_in_the_body(post: Post, channel: str, body: object, fault: str, state: str):
    post.receiver.answers = [Answer(body=json.dumps(body).encode())]
    target = await post.target(channel)
    await post.open_case()
    await post.send()
    entry, = await post.log((await post.deliveries())[0]["id"])
    assert (entry["status"], entry["fault"]) == (200, fault)
    assert (await post.state_of(target))["state"] == state


async def test_an_answer_that_never_ends_may_have_arrived_and_is_repeated_once(post: Post):
    post.world.centre.settings.delivery_timeout_s = 0.5
    post.receiver.answers = [Answer(drips=True)]
    await post.target("wecom")
    await post.open_case()
    for _ in range(4):
        await post.send()
        post.clock.pass_by(minutes=31)
    delivery, = await post.deliveries()
    assert (len(post.receiver.requests), delivery["state"], delivery["possibly_twice"]) == (2, "failed", True)


async def test_the_limit_of_the_service_is_kept(post: Post):
    """Four at once, then one in four seconds: 18 in WeCom's first minute of 20."""
    post.receiver.answers = [Answer(body=OK["wecom"])]
    await post.target("wecom")
    for _ in range(10):
        await post.open_case()
    sent = []
    for _ in range(10):
        await post.send()
        sent.append(len(post.receiver.requests))
        post.clock.pass_by(seconds=1)
    assert sent == [4, 4, 4, 4, 5, 5, 5, 5, 6, 6]


async def test_more_than_ten_that_wait_become_one_message(post: Post):
    post.receiver.answers = [Answer(body=OK["wecom"])]
    await post.target("wecom")
    for number in range(30):
        await post.box.report(captured_at=datetime(2026, 1, 1, 12, tzinfo=UTC) + timedelta(hours=3 * number))
    await post.send()
    request, = post.receiver.requests
    text = json.loads(request.body)["text"]["content"]
    assert text.startswith("共 30 条通知：\n【待审核】")
    assert text.endswith("……其余请打开链接查看。\nhttp://127.0.0.1:8000/cases")
    assert len(text.encode()) <= 2048
    assert {delivery["state"] for delivery in await post.deliveries()} == {"delivered"}


@pytest.mark.parametrize(
    ("channel", "changes", "field"),
    [
        ("wecom", {"token": None}, "token"), ("wecom", {"token": "https://evil.example/?"}, "token"),
        ("dingtalk", {"secret": None}, "secret"), ("feishu", {"token": "../../admin"}, "token"),
    ],
)
async def test_keys_that_cannot_be_used(post: Post, channel: str, changes: dict[str, object], field: str):
    body = {"name": "R", "channel": channel, "audience": "authority", "events": ["case.opened"], "token": "k", "secret": "s"}
    answer = await post.admin.post("/api/v1/targets", json={**body, **changes})
    assert (answer.status_code, problem_code(answer)) == (422, "not-a-target")
    assert answer.json()["errors"][0]["field"] == field
