"""The console in a real browser: what updates by itself, what works by keyboard, on a phone, and without JavaScript."""

import re

import pymupdf
import pytest
from playwright.sync_api import expect

from api.kit.working_time import WorkingTime
from tests.api.console.chromium import DESKTOP, LiveCentre, OpenPage
from tests.api.world import CLIP_S, video

pytestmark = pytest.mark.browser


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


def test_a_wall_goes_on_after_a_lost_connection_and_says_that_its_session_has_ended(open_page: OpenPage) -> None:
    page = open_page("chief", "/wall")
    page.clock.install()
    page.reload()
    status = page.get_by_role("status")
    page.route("**/wall/part", lambda route: route.abort())
    page.clock.fast_forward(16_000)
    expect(status).to_have_text("与服务器的连接中断，正在重试")
    page.unroute("**/wall/part")
    page.clock.fast_forward(31_000)
    expect(status).to_have_text("自动更新")
    page.context.clear_cookies()
    page.clock.fast_forward(16_000)
    expect(status).to_contain_text("登录已过期")
    expect(page.get_by_role("heading", name="当前未结")).to_be_visible()


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

    @pytest.mark.parametrize("codec", ["h264", "hevc"])
    def test_the_clip_plays(self, centre: LiveCentre, open_page: OpenPage, codec: str) -> None:
        """Of H.265 the preview: it is H.264 and smaller."""
        case_id = centre.hand_in()
        content = video("libx265" if codec == "hevc" else "libx264", width=1280, height=720)
        centre.hand_in_clip(content, codec=codec, duration_s=CLIP_S, moment_s=0.5)
        page = open_page(path=f"/cases/{case_id}")
        clip = page.locator("video.clip")
        clip.evaluate("clip => { clip.muted = true; return clip.play() }")
        expect(clip).to_have_js_property("videoWidth", 960 if codec == "hevc" else 1280)
        expect(clip).to_have_js_property("ended", True)

    def test_the_code_on_the_notice_is_square(self, centre: LiveCentre, open_page: OpenPage) -> None:
        """Otherwise no phone reads it."""
        case_id = centre.hand_in()
        page = open_page("officer", f"/cases/{case_id}")
        page.get_by_role("button", name="确认违规").click()
        page.goto(f"/cases/{case_id}/notice")
        box = page.get_by_role("img", name="答复二维码").bounding_box()
        assert box is not None
        assert box["width"] == pytest.approx(box["height"])
        assert box["width"] >= 94

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
    page.get_by_role("link", name="摄像头", exact=True).click()
    expect(page.get_by_role("heading", name="专间 1 号机")).to_be_visible()
    page.get_by_role("button", name="退出").click()
    expect(page.get_by_role("heading", name="登录")).to_be_visible()


def test_first_stop_of_the_keyboard_skips_to_the_content(open_page: OpenPage) -> None:
    page = open_page()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="跳到正文")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_a_report_fills_paper_that_is_as_wide_as_a_screen(open_page: OpenPage) -> None:
    page = open_page("chief", "/statistics/month")
    page.emulate_media(media="print")
    paper = page.locator(".paper").bounding_box()
    assert paper is not None
    assert paper["width"] > 0.8 * DESKTOP["width"]
    page.emulate_media(media="screen")
    page.evaluate("window.print = () => { window.printed = true }")
    page.get_by_role("button", name="打印").click()
    assert page.evaluate("window.printed")


def test_sheets_hold_what_is_printed_alone_and_are_counted(open_page: OpenPage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WorkingTime, "knows", lambda self, year: False)
    page = open_page("admin", "/shops/shop-1/sign")
    expect(page.locator("main > .notice")).to_contain_text("节假日安排未知")
    with pymupdf.open(stream=page.pdf(prefer_css_page_size=True)) as sign:
        assert [("节假日" in sheet.get_text(), "1 / 1" in sheet.get_text()) for sheet in sign] == [(False, False)]
    page = open_page("chief", "/statistics/month")
    with pymupdf.open(stream=page.pdf(prefer_css_page_size=True)) as report:
        assert "1 / 1" in report[0].get_text()


def test_a_case_on_paper_names_its_number_and_the_day_of_each_step(centre: LiveCentre, open_page: OpenPage) -> None:
    """For a court: on the screen what was done today has no day, and what can be pressed is no part of the record."""
    case_id = centre.hand_in()
    page = open_page("chief", f"/cases/{case_id}")
    with pymupdf.open(stream=page.pdf(prefer_css_page_size=True)) as paper:
        text = "".join(sheet.get_text() for sheet in paper).replace("\n", "")
    assert f"{case_id} 号" in text
    assert len(re.findall(r"\d\d:\d\d:\d\d \[\d{4}年\d+月\d+日", text)) >= 2
    assert "导出证据" not in text


def test_a_password_can_be_seen_while_it_is_typed_and_one_that_is_too_short_is_not_lost(
    centre: LiveCentre, open_page: OpenPage
) -> None:
    admin = open_page("admin", "/invitations/new")
    admin.get_by_label("姓名").fill("王大厨")
    admin.get_by_label("可见范围").select_option(f"shop:{centre.kitchen.shop_id}")
    admin.get_by_label("角色").select_option("store_admin")
    admin.get_by_role("button", name="生成邀请").click()
    path = "/join/" + admin.locator(".command code").inner_text().rpartition("/")[2]
    page = open_page("store", "/account")
    page.context.clear_cookies()  # who is signed in may take the shop on with that account
    page.goto(path)
    page.get_by_label("用户名").fill("wang")
    password = page.locator("[name=password]")
    password.fill("wang123")
    page.get_by_label("显示输入内容").check()
    expect(password).to_have_attribute("type", "text")
    page.get_by_role("button", name="创建账号").click()
    assert password.evaluate("it => it.validity.tooShort")
    expect(password).to_have_value("wang123")
    password.press_sequentially(" zai chu fang")
    page.get_by_role("button", name="创建账号").click()
    page.wait_for_url("**/cases")


def test_a_second_tap_sends_nothing_a_second_time(open_page: OpenPage) -> None:
    page = open_page("admin", "/invitations/new")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    page.get_by_label("姓名").fill("王小明")
    page.get_by_label("可见范围").select_option(index=0)
    button = page.get_by_role("button", name="生成邀请")
    button.evaluate("button => { button.click(); return new Promise((next) => setTimeout(next)).then(() => button.click()) }")
    expect(page.get_by_role("heading", name="王小明")).to_be_visible()
    assert len(sent) == 1
