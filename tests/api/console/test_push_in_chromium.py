"""Web Push in a real browser: switched on under the content security policy, shown by the service worker."""

import json

import pytest
from playwright.sync_api import expect

from api.deliveries.web_push import content_for
from tests.api.console.chromium import PHONE, LiveCentre, OpenPage
from tests.api.deliveries.browser import KEYS

pytestmark = pytest.mark.browser

# The browser's push service is far away: what it would give out is put in its place, and so is what it would deliver.
SUBSCRIPTION = f"""
    PushManager.prototype.subscribe = async (options) => {{
        if (!options.userVisibleOnly || options.applicationServerKey.length !== 65) throw new Error("not as it should be");
        return {{ toJSON: () => ({{ endpoint: "https://push.example.org/1", keys: {json.dumps(KEYS)} }}) }};
    }};
"""
SHOWN = """async () => {
    const [registration] = await navigator.serviceWorker.getRegistrations();
    return (await registration.getNotifications()).map(({ title, body, tag }) => ({ title, body, tag }));
}"""


def test_it_is_switched_on_and_what_is_pushed_is_shown_once(centre: LiveCentre, open_page: OpenPage) -> None:
    page = open_page("officer", "/notifications")
    page.context.grant_permissions(["notifications"], origin=centre.url)
    page.add_init_script(SUBSCRIPTION)
    page.reload()
    page.get_by_label("设备名称").fill("值班电脑")
    page.get_by_role("button", name="开启", exact=True).click()
    expect(page.get_by_text("已开启。请发送测试消息")).to_be_visible()
    expect(page.get_by_role("heading", name="值班电脑")).to_be_visible()
    worker = page.context.new_cdp_session(page)
    found: list[str] = []
    worker.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda event: found.extend(one["registrationId"] for one in event["registrations"]),
    )
    worker.send("ServiceWorker.enable")
    page.wait_for_function("() => navigator.serviceWorker.getRegistrations().then((all) => all[0]?.active?.state)")
    told = json.loads(content_for("新案件\n望江楼川菜馆\nhttps://centre.example.org/cases/1", "msg_1"))
    for _ in range(2):
        push = {"origin": centre.url, "registrationId": found[0], "data": json.dumps(told)}
        worker.send("ServiceWorker.deliverPushMessage", push)
        page.wait_for_function(f"async () => (await ({SHOWN})()).length")
    assert page.evaluate(SHOWN) == [{"title": "新案件", "body": "望江楼川菜馆", "tag": "msg_1"}]


def test_who_forbids_messages_is_told_what_to_do(centre: LiveCentre, open_page: OpenPage) -> None:
    page = open_page("officer", "/notifications", viewport=PHONE)
    page.add_init_script("Notification.requestPermission = async () => 'denied';")
    page.reload()
    page.get_by_role("button", name="开启", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("您已禁止本网站发送通知")
