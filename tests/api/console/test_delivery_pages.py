import html
import re

import httpx
import pytest

from api.console.told_contacts import mobile_of
from tests.api.console.kitchen import Kitchen, hand_in, sign_in

TARGET = {
    "name": "所里的群", "channel": "wecom", "audience": "authority", "place": "district:district-1", "token": "key-of-the-robot",
    "events": ["case.opened", "case.confirmed"], "enabled": "yes",
}
WEBHOOK = {**TARGET, "name": "<县局平台>", "channel": "webhook", "url": "https://example.org/hook"}


async def add(browser: httpx.AsyncClient, form: dict[str, object]) -> str:
    """The address of the new target's page."""
    answer = await browser.post("/targets/new", data=form)
    if answer.status_code == 303:
        return answer.headers["location"].partition("?")[0]
    found = re.search(r'action="(/targets/\w+)"', answer.text)
    assert found is not None, answer.text
    return found[1]


@pytest.fixture
async def admin(browser: httpx.AsyncClient) -> httpx.AsyncClient:
    await sign_in(browser, "admin")
    return browser


async def test_a_target_that_was_never_tried_is_not_called_working(admin: httpx.AsyncClient) -> None:
    await add(admin, TARGET)
    page = (await admin.get("/targets")).text
    assert ("尚未发送过" in page, "正常" in page) == (True, False)


async def test_a_list_that_is_empty_for_its_filter_says_so(admin: httpx.AsyncClient) -> None:
    told = {show: (await admin.get("/deliveries", params={"show": show})).text for show in ("", "failed")}
    assert ["没有处于此状态的通知" in page for page in told.values()] == [False, True]


async def test_a_robot_is_added_and_its_key_is_never_shown(admin: httpx.AsyncClient) -> None:
    address = await add(admin, TARGET)
    for path in (address, "/targets"):
        page = (await admin.get(path)).text
        assert "所里的群" in page
        assert "key-of-the-robot" not in page


async def test_one_that_was_added_by_mistake_is_deleted(admin: httpx.AsyncClient) -> None:
    address = await add(admin, TARGET)
    for _ in range(2):  # a second tap
        assert (await admin.post(f"{address}/delete")).headers["location"] == "/targets?deleted=yes"
    assert (await admin.get(address)).status_code == 404


async def test_the_keys_of_a_webhook_are_shown_once(admin: httpx.AsyncClient) -> None:
    answer = await admin.post("/targets/new", data=WEBHOOK)
    assert answer.text.count("whsec_") == answer.text.count("whpk_") == 1
    assert "&lt;县局平台&gt;" in answer.text
    address = await add(admin, {**WEBHOOK, "name": "另一个"})
    assert "whsec_" not in (await admin.get(address)).text
    rotated = (await admin.post(f"{address}/rotate")).text
    assert "whsec_" in rotated
    assert "旧密钥也会一起签名" in rotated


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"url": "https://10.0.0.1/"}, "url"), ({"name": ""}, "name"), ({"events": []}, "events"),
        ({"audience": "shop"}, "place"), ({"audience": "partner"}, "events"), ({"channel": "feishu"}, "secret"),
        ({"channel": "wecom", "token": ""}, "token"), ({"channel": "email", "recipient": "a@example.org"}, "channel"),
    ],
)
async def test_what_is_wrong_is_said_at_its_field(admin: httpx.AsyncClient, wrong: dict[str, object], field: str) -> None:
    answer = await admin.post("/targets/new", data={**WEBHOOK, **wrong})
    assert answer.status_code == 422
    assert f'id="{field}-wrong">' in answer.text


async def test_a_target_is_changed_and_keeps_its_key(admin: httpx.AsyncClient) -> None:
    address = await add(admin, TARGET)
    answer = await admin.post(address, data={**TARGET, "name": "新名字", "token": "", "enabled": "", "version": "1"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{address}?done=saved")
    page = (await admin.get(answer.headers["location"])).text
    assert "新名字" in page
    assert "已停用" in page
    assert "发送测试消息" not in page


async def test_whom_a_target_tells_is_shown_and_not_asked_again(admin: httpx.AsyncClient) -> None:
    address = await add(admin, TARGET)
    await admin.post(address, data={**TARGET, "audience": "partner", "place": "", "version": "1"})
    page = (await admin.get(address)).text
    assert re.search(r"企业微信群机器人&nbsp;· 监管人员&nbsp;· \S+&nbsp;·", page)
    assert 'name="audience"' not in page


async def test_a_change_that_is_refused_changes_nothing(admin: httpx.AsyncClient) -> None:
    address = await add(admin, TARGET)
    for wrong in ({"events": []}, {"token": "not a key"}, {"next_id": address.rpartition("/")[2]}):
        answer = await admin.post(address, data={**TARGET, "name": "新名字", "version": "1", **wrong})
        assert answer.status_code in (404, 422)
        assert "新名字" not in (await admin.get(address)).text


async def test_second_writer_is_told_and_keeps_what_was_typed(admin: httpx.AsyncClient) -> None:
    address = await add(admin, TARGET)
    await admin.post(address, data={**TARGET, "name": "改过的名字", "version": "1"})
    answer = await admin.post(address, data={**TARGET, "name": "另一个名字", "version": "1"})
    assert answer.status_code == 412
    assert "有人改过这个通知目标" in answer.text
    assert "<h1>改过的名字</h1>" in answer.text
    assert 'value="另一个名字"' in answer.text
    again = await admin.post(address, data={**TARGET, "name": "另一个名字", "version": "2"})
    assert 'name="version" value="2"' in answer.text
    assert again.status_code == 303


async def test_a_test_message_and_its_log(admin: httpx.AsyncClient) -> None:
    address = await add(admin, TARGET)
    answer = await admin.post(f"{address}/test")
    assert answer.status_code == 303
    page = (await admin.get(answer.headers["location"])).text
    assert "测试消息" in page
    assert "马上发送" in page
    assert "测试消息" in (await admin.get("/deliveries")).text


async def test_an_officer_sees_the_messages_of_a_case_and_sends_again(admin: httpx.AsyncClient, kitchen: Kitchen) -> None:
    await add(admin, TARGET)
    case_id = await hand_in(admin, kitchen)
    for path in ("/deliveries", "/deliveries/1"):  # an administrator may not open it
        assert (f"案件 {case_id}" in (page := (await admin.get(path)).text), f"/cases/{case_id}" in page) == (True, False)
    await sign_in(admin, "officer")
    listed = (await admin.get("/deliveries")).text
    assert f'<a href="/cases/{case_id}">案件 {case_id}</a>' in listed
    assert "/targets/new" not in (await admin.get("/targets")).text
    assert (await admin.get("/targets/new")).status_code == 403
    answer = await admin.post("/deliveries/1/resend")
    assert answer.status_code in (303, 409)  # 409 while it is on its way


async def test_from_a_notice_to_whether_it_arrived(admin: httpx.AsyncClient, kitchen: Kitchen) -> None:
    """Whoever answers to a court for one notice asks when it went to whom; of a county's messages nobody finds these."""
    await add(admin, TARGET | {"events": ["case.opened", "case.issued"]})
    told, other = await hand_in(admin, kitchen), await hand_in(admin, kitchen)
    await sign_in(admin, "officer")
    for version, act in enumerate(("confirm", "issue"), 1):
        await admin.post(f"/cases/{told}/{act}", data={"version": version})
    address = re.findall(r'href="(/deliveries\?case=[^"]*)"', (await admin.get(f"/cases/{told}")).text)[0]
    page = (await admin.get(address)).text
    assert ("已下发整改告知" in page, f"案件 {told}" in page, f"案件 {other}" in page) == (True, True, False)
    assert f'<a class="back" href="/cases/{told}">' in page
    assert f'href="{address}&amp;show=failed"' in page or f"show=failed&amp;case={told}" in page


@pytest.mark.parametrize("login", ["store", "reviewer", "auditor", "installer"])
async def test_is_closed_to(admin: httpx.AsyncClient, login: str) -> None:
    address = await add(admin, TARGET)
    await sign_in(admin, login)
    assert [(await admin.get(path)).status_code for path in ("/deliveries", "/targets")] == [403, 403]
    assert (await admin.get(address)).status_code == 403


class TestContactOfAShop:
    @pytest.mark.parametrize("phone", ["+86 138 0000 0000", "138-0000-0000", "13800000000"])
    def test_as_a_short_message_is_addressed(self, phone: str) -> None:
        assert mobile_of(phone) == "13800000000"

    async def test_is_not_typed_again(self, admin: httpx.AsyncClient, kitchen: Kitchen) -> None:
        settings = admin._transport.app.state.centre.settings  # type: ignore[attr-defined]
        settings.sms_provider = "aliyun"
        page = (await admin.get(f"/shops/{kitchen.shop_id}")).text
        assert "整改告知的消息发不到这家单位" in page
        address = re.findall(r'href="(/targets/new[^"]*)"', page)
        assert len(address) == 1
        form = (await admin.get(html.unescape(address[0]))).text
        typed = dict(re.findall(r'name="(name|recipient)"[^>]* value="([^"]*)"', form))
        chosen = re.findall(r'<option value="([^"]*)" selected>', form)
        events = re.findall(r'name="events" value="([^"]*)" checked', form)
        assert (typed, chosen[:3]) == ({"name": "李梅", "recipient": "13800000000"}, ["sms", "shop", f"shop:{kitchen.shop_id}"])
        await add(admin, {**typed, "channel": "sms", "audience": "shop", "place": chosen[2], "events": events, "enabled": "yes"})
        page = (await admin.get(f"/shops/{kitchen.shop_id}")).text
        assert "李梅 · 短信 · 13800000000" in page
        assert "/targets/new" not in page

    async def test_of_before_the_shop_changed_hands_is_still_told(self, admin: httpx.AsyncClient, kitchen: Kitchen) -> None:
        admin._transport.app.state.centre.settings.sms_provider = "aliyun"  # type: ignore[attr-defined]
        target = {"channel": "sms", "audience": "shop", "place": f"shop:{kitchen.shop_id}", "recipient": "13800000000"}
        address = await add(admin, {**target, "name": "李梅", "events": ["case.issued"], "enabled": "yes"})
        said = "这个号码不是本单位的联系人"
        page = (await admin.get(f"/shops/{kitchen.shop_id}")).text
        assert said not in page
        version = re.findall(r'name="version" value="(\d+)"', page)[0]
        form = {"name": "望江楼川菜馆", "station": "district-1", "version": version}
        changed = {**form, "contact_name": "王芳", "contact_duty": "owner", "contact_phone": "139 0000 0000"}
        assert (await admin.post(f"/shops/{kitchen.shop_id}", data=changed)).status_code == 303
        page = (await admin.get(f"/shops/{kitchen.shop_id}")).text
        assert re.search(rf'{said}.*<a href="{address}">李梅 13800000000</a>', page)
        # Switched off as the page asks for, it is not shown as told.
        off = {**target, "name": "李梅", "events": ["case.issued"], "version": "1"}
        assert (await admin.post(address, data=off)).status_code == 303
        page = (await admin.get(f"/shops/{kitchen.shop_id}")).text
        assert ("李梅 · 短信 · 13800000000 · 已停用" in page, said in page) == (True, False)

    async def test_that_is_gone(self, admin: httpx.AsyncClient, kitchen: Kitchen) -> None:
        assert (await admin.get(f"/targets/new?shop={kitchen.shop_id}&contact=7")).status_code == 404
        assert (await admin.get("/targets/new?shop=elsewhere")).status_code == 404
