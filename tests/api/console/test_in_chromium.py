"""The console in a real browser: what updates by itself, what works by keyboard, on a phone, and without JavaScript."""

import asyncio
import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from api.app import create_app
from tests.api.console.kitchen import PASSWORD, Kitchen

pytestmark = pytest.mark.browser

CHROMIUM = os.environ.get("SUNSHINE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]
# Machines that run tests are busy; a page that is right is right sooner.
PATIENCE_MS = 120_000
PHONE = {"width": 360, "height": 640}
DESKTOP = {"width": 1280, "height": 800}


# What a screen reader could not name or would name twice.
UNNAMED = """() => {
    const all = (selector) => [...document.querySelectorAll(selector)];
    const ids = all("[id]").map((element) => element.id);
    const wrong = [
        ...all("input:not([type=hidden]), select, textarea").filter((element) => element.labels.length !== 1),
        ...all("img:not([alt])"),
        ...all("button, a, summary").filter((element) => !element.textContent.trim()),
        ...all("[aria-labelledby]").filter((element) => !document.getElementById(element.getAttribute("aria-labelledby"))),
        ...all("[aria-describedby]").filter((element) => !document.getElementById(element.getAttribute("aria-describedby"))),
    ].map((element) => element.outerHTML);
    const headings = all("h1, h2, h3").map((element) => Number(element.tagName[1]));
    if (headings.filter((level) => level === 1).length !== 1) wrong.push("not one h1");
    if (headings.some((level, at) => at && level > headings[at - 1] + 1)) wrong.push(`headings ${headings}`);
    return [...wrong, ...ids.filter((id, at) => ids.indexOf(id) !== at)];
}"""


@dataclass
class LiveCentre:
    url: str
    kitchen: Kitchen

    def hand_in(self, rule: str = "K01") -> int:
        request = {**self.kitchen.report(rule), "url": f"{self.url}/api/v1/edge/violations"}
        answer = httpx.post(**request, timeout=PATIENCE_MS / 1000, trust_env=False)  # type: ignore[arg-type]
        assert answer.status_code == 201, answer.text
        case_id: int = answer.json()["case_id"]
        return case_id


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (apt install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS, timeout=PATIENCE_MS)
        yield browser
        browser.close()


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[LiveCentre]:
    # In a thread of its own: Playwright's loop runs in this one.
    with ThreadPoolExecutor(1) as pool:
        kitchen = pool.submit(lambda: asyncio.run(Kitchen.build(tmp_path))).result()
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app(kitchen.settings), log_level="warning", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield LiveCentre(f"http://127.0.0.1:{listener.getsockname()[1]}", kitchen)
    server.should_exit = True
    thread.join(PATIENCE_MS / 1000)
    listener.close()
    assert not thread.is_alive()


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(chromium: Browser, centre: LiveCentre) -> Iterator[OpenPage]:
    """A signed-in page in a browser of its own."""
    contexts: list[BrowserContext] = []

    def opener(login: str = "reviewer", path: str = "/cases", *, viewport: dict[str, int] = DESKTOP, **options: object) -> Page:
        context = chromium.new_context(base_url=centre.url, locale="zh-CN", viewport=viewport, **options)  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        page.goto(f"/login?next={path}")
        page.get_by_label("用户名").fill(login)
        page.get_by_label("密码").fill(PASSWORD)
        page.get_by_role("button", name="登录").click()
        page.wait_for_url(f"**{path}")
        return page

    expect.set_options(timeout=PATIENCE_MS)
    yield opener
    for context in contexts:
        context.close()



class TestList:
    def test_a_new_case_appears_by_itself(self, centre: LiveCentre, open_page: OpenPage) -> None:
        page = open_page()
        expect(page.get_by_text("没有待审核的案件")).to_be_visible()
        page.evaluate("window.sameDocument = true")
        case_id = centre.hand_in()
        expect(page.locator(f"[data-key='case-{case_id}']")).to_be_visible()
        expect(page.get_by_role("status")).to_have_text("有新案件")
        assert page.evaluate("window.sameDocument")
        picture = page.locator(f"[data-key='case-{case_id}'] img")
        expect(picture).to_have_js_property("naturalWidth", 320)

    def test_nothing_is_asked_while_paused(self, centre: LiveCentre, open_page: OpenPage) -> None:
        page = open_page()
        page.clock.install()
        page.reload()
        page.get_by_role("button", name="暂停更新").click()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        case_id = centre.hand_in()
        page.clock.fast_forward(60_000)
        assert asked == []
        page.get_by_role("button", name="继续更新").click()
        expect(page.locator(f"[data-key='case-{case_id}']")).to_be_visible()

    def test_focus_stays_on_the_case_while_the_list_changes(self, centre: LiveCentre, open_page: OpenPage) -> None:
        first = centre.hand_in()
        page = open_page()
        page.locator(f"#case-{first}").focus()
        second = centre.hand_in()
        expect(page.locator(f"[data-key='case-{second}']")).to_be_visible()
        expect(page.locator(f"#case-{first}")).to_be_focused()

    def test_a_lost_connection_is_said_and_found_again(self, centre: LiveCentre, open_page: OpenPage) -> None:
        page = open_page()
        page.route("**/cases/list", lambda route: route.abort())
        expect(page.get_by_role("status")).to_have_text("与服务器的连接中断，正在重试")
        page.unroute("**/cases/list")
        expect(page.get_by_role("status")).to_have_text("自动更新")

    def test_an_ended_session_leads_to_the_sign_in(self, open_page: OpenPage) -> None:
        page = open_page()
        page.context.clear_cookies()
        page.wait_for_url("**/login?next=%2Fcases")


class TestCase:
    @pytest.mark.parametrize("javascript", [True, False])
    def test_boxes_can_be_switched_off_and_on(self, centre: LiveCentre, open_page: OpenPage, javascript: bool) -> None:
        path = f"/cases/{centre.hand_in()}"
        page = open_page(path=path, java_script_enabled=javascript)
        boxes = page.locator(".picture .boxes rect.violating")
        expect(boxes).to_be_visible()
        page.get_by_text("显示标框").click()
        expect(boxes).to_be_hidden()
        page.locator("#boxes-on").press("Space")
        expect(boxes).to_be_visible()

    def test_boxes_lie_on_the_picture(self, centre: LiveCentre, open_page: OpenPage) -> None:
        page = open_page(path=f"/cases/{centre.hand_in()}")
        picture, box = page.locator(".picture img").bounding_box(), page.locator(".picture rect.violating").bounding_box()
        assert picture is not None
        assert box is not None
        scale = picture["width"] / 1280
        assert box["x"] - picture["x"] == pytest.approx(445 * scale, abs=3)
        assert box["y"] - picture["y"] == pytest.approx(125 * scale, abs=3)
        assert box["width"] == pytest.approx(110 * scale, abs=5)

    def test_confirm_by_keyboard(self, centre: LiveCentre, open_page: OpenPage) -> None:
        page = open_page(path=f"/cases/{centre.hand_in()}")
        page.get_by_role("button", name="确认违规").press("Enter")
        expect(page.get_by_role("status")).to_contain_text("操作成功：确认违规")

    def test_dismiss_by_keyboard(self, centre: LiveCentre, open_page: OpenPage) -> None:
        page = open_page(path=f"/cases/{centre.hand_in()}")
        page.locator("summary.button-wide").press("Enter")
        page.get_by_label("没有违规").press("Space")
        page.get_by_label("说明").fill("浅色头巾")
        page.locator("details[open] button[type=submit]").press("Enter")
        expect(page.get_by_role("status")).to_contain_text("操作成功：不予处理")
        expect(page.get_by_role("list").filter(has_text="没有违规")).to_contain_text("浅色头巾")

    def test_two_reviewers_at_once(self, centre: LiveCentre, open_page: OpenPage) -> None:
        path = f"/cases/{centre.hand_in()}"
        one, other = open_page("reviewer", path), open_page("officer", path)
        one.get_by_role("button", name="确认违规").click()
        expect(one.get_by_role("status")).to_contain_text("操作成功：确认违规")
        other.get_by_role("button", name="确认违规").click()
        expect(other.get_by_role("alert")).to_contain_text("reviewer 张 已于")
        expect(other.get_by_role("button", name="确认违规")).to_have_count(0)


def test_everything_works_without_javascript(centre: LiveCentre, open_page: OpenPage) -> None:
    case_id = centre.hand_in()
    page = open_page(java_script_enabled=False)
    assert page.locator("noscript meta[http-equiv=refresh]").count() == 1
    page.locator(f"#case-{case_id}").click()
    page.locator("summary.button-wide").click()
    page.get_by_label("测试或演练").check()
    page.locator("details[open] button[type=submit]").click()
    expect(page.get_by_role("status")).to_contain_text("操作成功：不予处理")
    page.get_by_role("link", name="摄像头").click()
    expect(page.get_by_role("heading", name="专间 1 号机")).to_be_visible()
    page.get_by_role("button", name="退出").click()
    expect(page.get_by_role("heading", name="登录")).to_be_visible()


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize(
    ("login", "paths"),
    [
        ("reviewer", ["/cases", "/cases?state=all", "/cases?state=dismissed", "/cases/1", "/cameras", "/edge-boxes"]),
        ("installer", ["/cameras", "/cameras/new", "/cameras/camera-1", "/edge-boxes", "/edge-boxes/new", "/shops/new"]),
    ],
)
def test_pages_fit_and_complain_of_nothing(
    centre: LiveCentre, open_page: OpenPage, login: str, paths: list[str], viewport: dict[str, int], language: str
) -> None:
    """No error in the console (which is also where a broken content security policy shows), and nothing wider than the screen."""
    assert centre.hand_in() == 1
    page = open_page(login, paths[0], viewport=viewport)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    for path in paths:
        page.goto(f"{path}{'&' if '?' in path else '?'}lang={language}", wait_until="load")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
        assert page.evaluate(UNNAMED) == [], path
    assert complaints == []


def test_first_stop_of_the_keyboard_skips_to_the_content(open_page: OpenPage) -> None:
    page = open_page()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="跳到正文")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
