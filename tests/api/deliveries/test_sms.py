"""The exact request that Aliyun's short messages take, and what its answers mean."""

import hashlib
import hmac
import json
from urllib.parse import parse_qsl, urlsplit

import pytest
from pydantic import SecretStr

from api.deliveries.sms import authorization
from tests.api.deliveries.post import Post
from tests.api.deliveries.receiver import Answer, Request
from tests.api.world import problem_code

PHONE, KEY_ID, KEY_SECRET = "13800138000", "LTAI-test", "sms-key-secret-77"
OK = Answer(body=b'{"Code":"OK","Message":"OK","BizId":"1","RequestId":"2"}')
OF_SHOP = {"audience": "shop", "events": ["case.issued", "case.due_soon", "case.overdue"], "recipient": PHONE}


@pytest.fixture
def sms(post: Post) -> Post:
    settings = post.world.centre.settings
    settings.sms_provider, settings.sms_url = "aliyun", post.receiver.url
    settings.sms_key_id, settings.sms_key_secret = KEY_ID, SecretStr(KEY_SECRET)
    settings.sms_sign_name, settings.sms_template = "阳光食品", "SMS_1"
    post.receiver.answers = [OK]
    return post


def test_the_signature_is_the_one_that_the_documentation_gives():
    """Example of Aliyun's page on version 3 of its signatures, with its own key, nonce and time."""
    headers = {
        "host": "ecs.cn-shanghai.aliyuncs.com", "x-acs-action": "RunInstances",
        "x-acs-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "x-acs-date": "2023-10-26T10:22:32Z", "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
        "x-acs-version": "2014-05-26",
    }
    query = "ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&RegionId=cn-shanghai"
    signed = authorization(query, headers, "YourAccessKeyId", "YourAccessKeySecret")
    assert signed.endswith(",Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0")


def is_signed(request: Request) -> bool:
    """By the words of that page, over what has arrived."""
    algorithm, _, rest = request.headers["authorization"].partition(" ")
    parts = dict(part.split("=", 1) for part in rest.split(","))
    names = parts["SignedHeaders"].split(";")
    assert (algorithm, parts["Credential"]) == ("ACS3-HMAC-SHA256", KEY_ID)
    assert {"host", *(name for name in request.headers if name.startswith("x-acs-"))} == set(names)
    lines = "".join(f"{name}:{request.headers[name]}\n" for name in sorted(names))
    url = urlsplit(request.path)
    content = hashlib.sha256(request.body).hexdigest()
    canonical = "\n".join((request.method, url.path, url.query, lines, parts["SignedHeaders"], content))
    to_sign = f"{algorithm}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    return hmac.new(KEY_SECRET.encode(), to_sign.encode(), hashlib.sha256).hexdigest() == parts["Signature"]


async def test_the_exact_request(sms: Post):
    await sms.target("sms", shop_id=sms.place.shop_id, **OF_SHOP)
    case_id = await sms.open_case()
    await sms.act(case_id, "confirm", "issue")
    await sms.send()
    request, = sms.receiver.requests
    assert is_signed(request)
    headers = {name: value for name, value in request.headers.items() if name.startswith("x-acs-")}
    assert len(headers.pop("x-acs-signature-nonce")) == 20
    assert headers == {
        "x-acs-action": "SendSms", "x-acs-version": "2017-05-25", "x-acs-date": "2026-01-05T04:00:00Z",
        "x-acs-content-sha256": hashlib.sha256(b"").hexdigest(),
    }
    delivery, = await sms.deliveries()
    fields = dict(parse_qsl(urlsplit(request.path).query))
    told = {"what": "整改告知 请签收并整改 未戴工作帽 (较重)", "case": str(case_id), "until": "2026-01-08 17:30"}
    sent = json.loads(fields.pop("TemplateParam"))
    assert len(sent.pop("link")) == 22  # what comes after /n/ in the address of the shop's page
    assert sent == told
    assert fields == {"PhoneNumbers": PHONE, "SignName": "阳光食品", "TemplateCode": "SMS_1", "OutId": delivery["message_id"]}
    assert delivery["state"] == "delivered"
    assert KEY_SECRET not in (await sms.admin.get(f"/api/v1/deliveries/{delivery['id']}")).text


@pytest.mark.parametrize(
    ("status", "code", "fault", "state"),
    [
        (200, "isv.BUSINESS_LIMIT_CONTROL", "too_fast", "failing"),
        (200, "isv.MOBILE_NUMBER_ILLEGAL", "no_such_recipient", "dead"),
        (200, "isv.AMOUNT_NOT_ENOUGH", "not_set_up", "failing"), (404, "InvalidAccessKeyId.NotFound", "not_set_up", "failing"),
        (400, "SignatureDoesNotMatch", "not_set_up", "failing"), (200, "isp.SYSTEM_ERROR", "service_error", "failing"),
        (503, "ServiceUnavailable", "http_status", "failing"), (200, None, "service_error", "failing"),
    ],
)
async def test_what_its_codes_mean(sms: Post, status: int, code: str | None, fault: str, state: str):
    target = await sms.target("sms", shop_id=sms.place.shop_id, **OF_SHOP)
    sms.receiver.answers = [Answer(status, body=json.dumps({"Code": code}).encode())]
    await sms.act(await sms.open_case(), "confirm", "issue")
    await sms.send()
    entry, = await sms.log((await sms.deliveries())[0]["id"])
    assert (entry["status"], entry["fault"]) == (status, fault)
    assert (await sms.state_of(target))["state"] == state


async def test_no_answer_is_repeated_once_at_most(sms: Post):
    sms.world.centre.settings.delivery_timeout_s = 0.5
    await sms.target("sms", shop_id=sms.place.shop_id, **OF_SHOP)
    sms.receiver.answers = [Answer(hangs=True)]
    await sms.act(await sms.open_case(), "confirm", "issue")
    for _ in range(4):
        await sms.send()
        sms.clock.pass_by(minutes=31)
    delivery, = await sms.deliveries()
    assert (len(sms.receiver.requests), delivery["state"], delivery["possibly_twice"]) == (2, "failed", True)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"recipient": "12345678901"}, "recipient"), ({"recipient": "+8613800138000"}, "recipient"),
        ({"recipient": None}, "recipient"), ({"events": ["case.closed"]}, "events"),
    ],
)
async def test_what_cannot_be_used(sms: Post, changes: dict[str, object], field: str):
    body = {"name": "T", "channel": "sms", "shop_id": sms.place.shop_id, **OF_SHOP, **changes}
    answer = await sms.admin.post("/api/v1/targets", json=body)
    assert (answer.status_code, problem_code(answer)) == (422, "not-a-target")
    assert answer.json()["errors"][0]["field"] == field


async def test_none_before_a_provider_is_named(post: Post):
    body = {"name": "T", "channel": "sms", "shop_id": post.place.shop_id, **OF_SHOP}
    answer = await post.admin.post("/api/v1/targets", json=body)
    assert answer.json()["errors"][0]["field"] == "channel"
