"""The review queue in a real browser: one key for a verdict, the next picture without a request, the way back, two at once."""

import re

import pytest
from playwright.sync_api import Page, Request, Route, expect

from tests.api.console.chromium import PHONE, LiveCentre, OpenPage
from tests.api.world import CLIP_S, video

pytestmark = pytest.mark.browser

SHOWN = ".looked:not([hidden])"
# Whether a picture is there and decoded, so that showing it takes a frame and no more.
DECODED = "(picture) => picture.complete && picture.naturalWidth > 0"


def expect_shown(page: Page, case_id: int) -> None:
    expect(page.locator(SHOWN)).to_have_attribute("data-case", str(case_id))


def state_of(page: Page, case_id: int) -> str:
    state: str = page.request.get(f"/api/v1/cases/{case_id}").json()["state"]
    return state


def wait_for_state(page: Page, case_id: int, state: str) -> None:
    page.wait_for_function(
        "async ([id, state]) => (await (await fetch(`/api/v1/cases/${id}`)).json()).state === state", arg=[case_id, state]
    )


def hand_in_with_clip(centre: LiveCentre, codec: str = "h264") -> int:
    case_id = centre.hand_in()
    content = video("libx265" if codec == "hevc" else "libx264", width=1280, height=720)
    centre.hand_in_clip(content, codec=codec, duration_s=CLIP_S, moment_s=0.5)
    return case_id


@pytest.fixture
def waiting(centre: LiveCentre) -> list[int]:
    return [centre.hand_in() for _ in range(4)]


def review(open_page: OpenPage, login: str = "reviewer", **options: object) -> Page:
    page = open_page(login, "/review", **options)
    page.wait_for_selector("[data-review][data-ready]")
    for row in page.locator(".looked [data-picture]").all()[:4]:
        page.wait_for_function(DECODED, arg=row.element_handle())
    return page


class TestOneKey:
    def test_the_next_picture_is_shown_before_anything_is_asked(
        self, centre: LiveCentre, waiting: list[int], open_page: OpenPage
    ) -> None:
        centre.hand_in_clip(video(width=1280, height=720), codec="h264", duration_s=CLIP_S, moment_s=0.5)
        page = review(open_page)
        expect_shown(page, waiting[0])
        page.wait_for_load_state("networkidle")
        # What the page had asked for by the frame in which the next picture was painted.
        page.evaluate(
            """() => {
                window.asked = performance.getEntriesByType("resource").length;
                addEventListener("keydown", () => requestAnimationFrame(() => {
                    window.askedMeanwhile = performance.getEntriesByType("resource").length - window.asked;
                    const picture = document.querySelector(".looked:not([hidden]) [data-picture]");
                    window.isThere = picture.complete && picture.naturalWidth > 0 && picture.getBoundingClientRect().width > 100;
                }));
            }"""
        )
        requests: list[Request] = []
        page.on("request", lambda request: requests.append(request))
        page.route("**/review/judge*", lambda route: None)  # the server never answers
        page.keyboard.press("1")
        page.wait_for_function("() => window.askedMeanwhile !== undefined")
        assert page.evaluate("[window.askedMeanwhile, window.isThere]") == [0, True]
        expect_shown(page, waiting[1])
        assert [request.method for request in requests if request.resource_type == "image"] == []

    @pytest.mark.parametrize(("key", "state"), [("1", "confirmed"), ("2", "dismissed"), ("3", "dismissed")])
    def test_is_a_verdict(self, waiting: list[int], open_page: OpenPage, key: str, state: str) -> None:
        page = review(open_page)
        page.keyboard.press(key)
        wait_for_state(page, waiting[0], state)
        expect(page.locator("[data-left=judge]")).to_have_text("3")

    def test_n_confirms_and_issues_once_it_cannot_be_taken_back(self, waiting: list[int], open_page: OpenPage) -> None:
        page = review(open_page, "officer")
        page.clock.install()
        page.keyboard.press("n")
        page.clock.run_for(500)
        wait_for_state(page, waiting[0], "confirmed")
        page.clock.run_for(10_000)
        wait_for_state(page, waiting[0], "issued")

    def test_u_takes_it_back(self, waiting: list[int], open_page: OpenPage) -> None:
        page = review(open_page)
        page.keyboard.press("2")
        wait_for_state(page, waiting[0], "dismissed")
        page.keyboard.press("u")
        wait_for_state(page, waiting[0], "pending_review")
        expect_shown(page, waiting[0])
        expect(page.locator("[data-left=judge]")).to_have_text("4")

    def test_u_before_the_server_has_answered(self, waiting: list[int], open_page: OpenPage) -> None:
        page = review(open_page)
        page.keyboard.press("1")
        page.keyboard.press("u")
        expect(page.get_by_role("status")).to_have_text("撤回判定")
        expect_shown(page, waiting[0])
        assert state_of(page, waiting[0]) == "pending_review"

    def test_u_before_the_next_picture_is_painted(self, waiting: list[int], open_page: OpenPage) -> None:
        page = review(open_page)
        page.evaluate(
            "() => ['1', 'u'].forEach((key) => document.body.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true })))"
        )
        expect(page.get_by_role("status")).to_have_text("撤回判定")
        expect_shown(page, waiting[0])
        assert state_of(page, waiting[0]) == "pending_review"

    def test_j_and_k_walk(self, waiting: list[int], open_page: OpenPage) -> None:
        page = review(open_page)
        page.keyboard.press("j")
        page.keyboard.press("j")
        page.keyboard.press("k")
        expect_shown(page, waiting[1])

    def test_f_b_and_the_question_mark(self, waiting: list[int], open_page: OpenPage) -> None:
        page = review(open_page)
        page.keyboard.press("b")
        expect(page.locator(f"{SHOWN} .violating").first).to_be_hidden()
        page.keyboard.press("f")
        box = page.locator(f"{SHOWN} .picture").bounding_box()
        assert box is not None
        assert (box["x"], box["y"], box["width"]) == (0, 0, 1280)
        page.keyboard.press("Escape")
        page.keyboard.press("?")
        expect(page.get_by_role("dialog")).to_contain_text("撤回刚才的判定")
        page.keyboard.press("1")  # what lies behind it is not judged
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_be_hidden()
        expect_shown(page, waiting[0])
        page.get_by_role("button", name="快捷键").click()
        page.get_by_role("button", name="关闭").click()
        expect(page.get_by_role("dialog")).to_be_hidden()

    def test_no_key_judges_while_somebody_writes(self, waiting: list[int], open_page: OpenPage) -> None:
        page = review(open_page)
        page.get_by_text("筛选", exact=True).first.click()
        page.get_by_role("searchbox").press_sequentially("1号2号")
        expect_shown(page, waiting[0])

    def test_keys_can_be_switched_off_for_good(self, waiting: list[int], open_page: OpenPage) -> None:
        page = review(open_page)
        page.get_by_label("使用单键快捷键").uncheck()
        page.reload()
        page.keyboard.press("1")
        expect_shown(page, waiting[0])


class TestClip:
    @pytest.mark.parametrize("codec", ["h264", "hevc"])
    def test_space_plays_it_over_the_picture(self, centre: LiveCentre, open_page: OpenPage, codec: str) -> None:
        """Of H.265 the preview: it is H.264 and smaller."""
        hand_in_with_clip(centre, codec)
        page = review(open_page)
        # It is gone from the page at its end, so what was seen of it is kept.
        page.evaluate("addEventListener('ended', ({ target }) => { window.seen = [target.videoWidth, target.muted]; }, true)")
        page.keyboard.press("Space")
        page.wait_for_function("() => window.seen !== undefined")
        assert page.evaluate("window.seen") == [960 if codec == "hevc" else 1280, True]
        expect(page.locator("video")).to_have_count(0)

    def test_space_pauses_it_and_a_verdict_ends_it(self, centre: LiveCentre, open_page: OpenPage) -> None:
        first = hand_in_with_clip(centre)
        second = hand_in_with_clip(centre)
        page = review(open_page)
        page.get_by_role("link", name="播放视频片段").click()
        clip = page.locator(f"[data-case='{first}'] video")
        page.keyboard.press("Space")
        expect(clip).to_have_js_property("paused", True)
        page.keyboard.press("1")
        expect_shown(page, second)
        expect(page.locator("video")).to_have_count(0)
        wait_for_state(page, first, "confirmed")

    def test_one_that_comes_after_the_page(self, centre: LiveCentre, open_page: OpenPage) -> None:
        case_id = centre.hand_in()
        page = review(open_page)
        page.keyboard.press("Space")
        expect(page.get_by_role("status")).to_contain_text("视频片段尚未收到")
        centre.hand_in_clip(video(width=1280, height=720), codec="h264", duration_s=CLIP_S, moment_s=0.5)
        page.keyboard.press("Space")
        expect(page.locator(f"[data-case='{case_id}'] video")).to_be_visible()

    def test_one_that_cannot_be_played_leaves_the_picture(self, centre: LiveCentre, open_page: OpenPage) -> None:
        hand_in_with_clip(centre)
        page = review(open_page)
        page.route("**/clip.mp4", lambda route: route.abort())
        page.keyboard.press("Space")
        expect(page.get_by_role("alert")).to_contain_text("视频片段无法播放")
        expect(page.locator("video")).to_have_count(0)


class TestPhone:
    def test_the_picture_is_seen_first_and_after_each_verdict(self, waiting: list[int], open_page: OpenPage) -> None:
        page = review(open_page, viewport=PHONE)
        assert page.evaluate("scrollY") == 0
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        page.get_by_role("button", name="无法判断").click()
        expect_shown(page, waiting[1])
        expect(page.locator(f"{SHOWN} [data-picture]")).to_be_in_viewport(ratio=1)


class TestMany:
    def test_a_range_is_judged_and_taken_back_at_once(self, waiting: list[int], open_page: OpenPage) -> None:
        page = review(open_page)
        page.keyboard.press("x")
        page.keyboard.press("j")
        page.keyboard.press("j")
        page.keyboard.press("Shift+X")
        page.keyboard.press("3")
        expect_shown(page, waiting[3])
        wait_for_state(page, waiting[2], "dismissed")
        page.keyboard.press("u")
        for case_id in waiting[:3]:
            wait_for_state(page, case_id, "pending_review")
        expect(page.locator("[data-rows] > li")).to_have_count(4)

    def test_m_merges_the_selected_into_the_one_that_is_shown(self, waiting: list[int], open_page: OpenPage) -> None:
        page = review(open_page)
        button = page.get_by_role("button", name="所选并入本案")
        expect(button).to_be_hidden()
        page.keyboard.press("m")
        expect(page.get_by_role("status")).to_contain_text("请先勾选")
        page.keyboard.press("x")
        page.keyboard.press("j")
        page.keyboard.press("x")
        page.keyboard.press("j")
        expect(button).to_be_visible()
        page.keyboard.press("m")
        expect_shown(page, waiting[2])
        expect(page.get_by_role("status")).to_contain_text(f"已并入 {waiting[2]} 号 ({waiting[0]}、{waiting[1]})")
        for case_id in waiting[:2]:
            wait_for_state(page, case_id, "merged")
        expect(page.locator("[data-left=judge]")).to_have_text("2")

    def test_u_takes_a_merge_back(self, waiting: list[int], open_page: OpenPage) -> None:
        page = review(open_page)
        page.keyboard.press("x")
        page.keyboard.press("j")
        page.keyboard.press("x")
        page.keyboard.press("j")
        page.keyboard.press("m")
        wait_for_state(page, waiting[1], "merged")
        page.keyboard.press("u")
        for case_id in waiting[:2]:
            wait_for_state(page, case_id, "pending_review")
        expect_shown(page, waiting[0])
        expect(page.locator("[data-rows] > li")).to_have_count(4)

    def test_all_and_none(self, waiting: list[int], open_page: OpenPage) -> None:
        page = review(open_page)
        page.keyboard.press("Control+a")
        expect(page.locator("[data-rows] input:checked")).to_have_count(4)
        page.keyboard.press("Control+a")
        expect(page.locator("[data-rows] input:checked")).to_have_count(0)

    def test_the_last_one_leaves_an_empty_queue_that_fills_again(
        self, centre: LiveCentre, waiting: list[int], open_page: OpenPage
    ) -> None:
        page = review(open_page)
        page.keyboard.press("Control+a")
        page.keyboard.press("2")
        expect(page.get_by_role("heading", name="没有待审核的案件")).to_be_visible()
        wait_for_state(page, waiting[3], "dismissed")
        new = centre.hand_in("K07")
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        expect(page.locator(f"{SHOWN}[data-case='{new}']")).to_be_visible()


class TestTrouble:
    def test_without_a_connection_nothing_is_lost(self, waiting: list[int], open_page: OpenPage) -> None:
        page = review(open_page)
        page.route("**/review/judge*", lambda route: route.abort())
        page.keyboard.press("1")
        expect(page.get_by_role("alert")).to_contain_text("网络中断：没有保存")
        expect_shown(page, waiting[0])
        page.unroute("**/review/judge*")
        page.keyboard.press("1")
        wait_for_state(page, waiting[0], "confirmed")

    def test_an_ended_session_is_said_and_the_case_stays(self, waiting: list[int], open_page: OpenPage) -> None:
        page = review(open_page)
        page.context.clear_cookies()
        page.keyboard.press("1")
        expect(page.get_by_role("alert")).to_contain_text("登录已过期：没有保存")
        expect_shown(page, waiting[0])

    def test_what_is_judged_while_more_are_asked_for_does_not_come_again(self, waiting: list[int], open_page: OpenPage) -> None:
        page = review(open_page)
        held: list[Route] = []
        page.route("**/review/judge*", lambda route: held.append(route))
        with page.expect_request("**/review/judge*"):
            page.keyboard.press("1")
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        page.keyboard.press("1")
        expect_shown(page, waiting[2])
        with page.expect_response("**/review/claim*"), page.expect_request("**/review/judge*"):
            held[0].continue_()
        held[1].continue_()
        wait_for_state(page, waiting[1], "confirmed")
        expect(page.locator("[data-left=judge]")).to_have_text("2")
        expect(page.locator("[data-rows] > li")).to_have_count(2)

    def test_two_reviewers_have_different_cases(self, centre: LiveCentre, waiting: list[int], open_page: OpenPage) -> None:
        mine = review(open_page, "reviewer")
        theirs = review(open_page, "officer")
        expect(theirs.get_by_text("其中 4 件 reviewer 张 正在查看")).to_be_visible()
        mine.goto("/cases")  # leaving gives them back
        theirs.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        expect(theirs.locator("[data-rows] > li")).to_have_count(4)

    def test_the_back_button_after_a_verdict_shows_what_is_left(self, waiting: list[int], open_page: OpenPage) -> None:
        page = open_page("reviewer", "/review", java_script_enabled=False)
        page.get_by_role("button", name="无法判断").click()
        expect(page.get_by_role("status")).to_contain_text("无法判断")
        page.go_back()
        page.get_by_role("button", name="无法判断").click()
        assert re.search(r"[?&](failed=1|judged=2%3A2)", page.url)
        assert state_of(page, waiting[0]) == "dismissed"


@pytest.mark.parametrize("viewport", [PHONE, {"width": 1280, "height": 800}], ids=["phone", "desktop"])
def test_works_without_javascript(waiting: list[int], open_page: OpenPage, viewport: dict[str, int]) -> None:
    page = open_page("reviewer", "/review", viewport=viewport, java_script_enabled=False)
    page.get_by_role("button", name="违规", exact=False).first.click()
    expect(page.get_by_role("status")).to_contain_text("1 号：违规")
    page.get_by_role("button", name="撤回").click()
    assert state_of(page, waiting[0]) == "pending_review"
    page.locator(f"[data-case='{waiting[2]}'] input").check()
    page.get_by_role("button", name="无法判断").click()
    assert state_of(page, waiting[2]) == "dismissed"
    assert state_of(page, waiting[0]) == "pending_review"
