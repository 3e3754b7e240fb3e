"""The shop's phone page in a real browser of the size of a cheap phone: on a slow network, without one, and without scripts."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx
import numpy as np
import pytest
from PIL import ExifTags, Image
from playwright.sync_api import Browser, BrowserContext, Page, expect

from api.deliveries.kinds import Channel
from tests.api.console.chromium import PATIENCE_MS, PHONE, LiveCentre, link_to
from tests.api.console.kitchen import PASSWORD
from tests.api.console.test_every_page import UNNAMED

pytestmark = pytest.mark.browser
WECHAT = (
    "Mozilla/5.0 (Linux; Android 13; M2012K11AC) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/116.0 "
    "Mobile Safari/537.36 MicroMessenger/8.0.50.2701 WeChat/arm64 Weixin Language/zh_CN"
)
# 400 kb/s and 400 ms, as in a basement kitchen.
SLOW = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
USABLE_MS = 3000
NOTHING_KEPT = """() => new Promise((done) => {
    const opening = indexedDB.open("sunshine-answer", 1);
    opening.onsuccess = () => {
        const asked = opening.result.transaction("sunshine-answer").objectStore("sunshine-answer").count();
        asked.onsuccess = () => { opening.result.close(); done(asked.result === 0); };
    };
})"""


@dataclass
class Shop:
    centre: LiveCentre
    case_id: int
    token: str

    @property
    def path(self) -> str:
        return f"/n/{self.token}"

    def case(self) -> dict[str, object]:
        found: dict[str, object] = _officer(self.centre).get(f"/api/v1/cases/{self.case_id}").json()
        return found


def _officer(centre: LiveCentre) -> httpx.Client:
    client = httpx.Client(base_url=centre.url, timeout=PATIENCE_MS / 1000, trust_env=False)
    assert client.post("/api/v1/login", json={"login": "officer", "password": PASSWORD}).status_code == 200
    return client


@pytest.fixture
def shop(centre: LiveCentre) -> Shop:
    case_id = centre.hand_in()
    officer = _officer(centre)
    for version, act in enumerate(("confirm", "issue"), 1):
        headers = {"If-Match": f'"{version}"', "Idempotency-Key": str(uuid4())}
        answer = officer.post(f"/api/v1/cases/{case_id}/{act}", json={}, headers=headers)
        assert answer.status_code == 200, answer.text
    return Shop(centre, case_id, link_to(centre, case_id, Channel.SMS))


def sign_in(page: Page, path: str) -> None:
    page.goto(f"/login?next={path}")
    page.locator("[name=username]").fill("store")
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("main [type=submit]").click()
    page.wait_for_url(f"**{path}")


OpenPhone = Callable[..., Page]


@pytest.fixture
def phone(chromium: Browser, centre: LiveCentre) -> Iterator[OpenPhone]:
    contexts: list[BrowserContext] = []

    def opener(**options: object) -> Page:
        context = chromium.new_context(
            base_url=centre.url, locale="zh-CN", viewport=PHONE, user_agent=WECHAT, has_touch=True, is_mobile=True,  # type: ignore[arg-type]
            device_scale_factor=2, **options,  # type: ignore[arg-type]
        )
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        return context.new_page()

    expect.set_options(timeout=PATIENCE_MS)
    yield opener
    for context in contexts:
        context.close()


@pytest.fixture
def photograph(chromium: Browser, tmp_path: Path) -> Path:
    """As a phone takes it, 12 megapixels with noise."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif.get_ifd(ExifTags.IFD.Exif).update({ExifTags.Base.DateTimeOriginal: "2030:01:02 03:04:05"})
    noise = np.random.default_rng(1).integers(0, 255, (3000, 4000, 3), np.uint8)
    path = tmp_path / "IMG_0001.jpg"
    Image.fromarray(noise).save(path, quality=95, exif=exif)
    assert path.stat().st_size > 10_000_000
    return path


def test_usable_within_three_seconds_on_a_slow_network(shop: Shop, phone: OpenPhone) -> None:
    # The network is what is measured: of a machine that is busy with other tests, the best of a few times.
    taken = []
    for _ in range(5):
        page = phone()
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.send("Network.emulateNetworkConditions", SLOW)
        page.goto(shop.path, wait_until="domcontentloaded")
        expect(page.get_by_role("heading", name="未戴工作帽")).to_be_visible()
        page.wait_for_function("() => performance.getEntriesByName('first-contentful-paint').length > 0")
        painted = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        parsed = page.evaluate("performance.getEntriesByType('navigation')[0].domInteractive")
        taken.append(max(painted, parsed))
        if taken[-1] <= USABLE_MS:
            break
    assert min(taken) <= USABLE_MS, taken


def test_the_document_and_its_stylesheet_are_all_it_needs(shop: Shop, phone: OpenPhone) -> None:
    page = phone()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(shop.path, wait_until="networkidle")
    before_the_picture = [url for url in asked if not re.search(r"\.(jpg|svg|js)\b|/opened$", url)]
    assert len(before_the_picture) == 2, before_the_picture
    size = page.evaluate(
        "performance.getEntries().filter((it) => !/jpg|svg/.test(it.name)).reduce((sum, it) => sum + (it.transferSize || 0), 0)"
    )
    assert size < 150_000


def test_names_and_room_on_a_small_screen(shop: Shop, phone: OpenPhone) -> None:
    page = phone()
    for path in (shop.path, "/n/practice"):
        page.goto(path)
        assert page.evaluate(UNNAMED) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        buttons = [button.bounding_box() for button in page.locator(".phone-act:visible").all()]
        assert len(buttons) == 3
        for box in buttons:
            assert box is not None
            assert box["height"] >= 44
            # On the first screen, but for the sentence that tells practice from earnest.
            assert path != shop.path or box["y"] + box["height"] <= PHONE["height"]
        together = {(round(box["y"]), round(box["width"]), round(box["height"])) for box in buttons if box}
        assert len(together) == 1, buttons
        # What is opened pushes the rest down and does not lie on it.
        page.get_by_role("link", name="我有异议").click()
        send, below = page.locator("#disagree button").bounding_box(), page.locator(".phone-acts + section").bounding_box()
        assert send is not None
        assert below is not None
        assert send["y"] + send["height"] <= below["y"]


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_letters_twice_as_large(shop: Shop, phone: OpenPhone, language: str) -> None:
    page = phone()
    page.goto(f"{shop.path}?lang={language}")
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    for words in page.locator(".phone-words dd, .phone-act:visible").all():
        assert words.evaluate("it => it.scrollWidth <= it.clientWidth")
        box = words.bounding_box()
        assert box is not None
        assert box["width"] > PHONE["width"] / 2, words.inner_text()


def test_letters_twice_as_large_with_an_account(shop: Shop, phone: OpenPhone) -> None:
    page = phone()
    sign_in(page, "/cases")
    for path in ("/cases", f"/cases/{shop.case_id}", "/cameras", "/cameras/trials/new", "/account", "/shops/shop-1/status"):
        page.goto(path)
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path
        for words in page.locator(".case-facts").all():
            box = words.bounding_box()
            assert box is not None
            assert box["width"] > PHONE["width"] / 4, path


def test_a_photograph_of_twelve_megabytes_is_made_smaller_and_keeps_its_time(
    shop: Shop, phone: OpenPhone, photograph: Path
) -> None:
    page = phone()
    page.goto(shop.path)
    page.locator("#fix").set_input_files(photograph)
    expect(page.get_by_role("status")).to_have_text("照片已就绪，请按“提交”。")
    sent: list[int] = []
    page.on("request", lambda request: sent.append(len(request.post_data_buffer or b"")) if request.method == "POST" else None)
    page.get_by_role("button", name="提交").first.click()
    expect(page.get_by_text("已提交，执法人员正在查看。")).to_be_visible()
    assert max(sent) < 6_000_000
    kept = shop.case()["answers"][0]["photographs"][0]  # type: ignore[index]
    assert kept["taken_at"] == "2030-01-01T19:04:05Z"
    assert kept["height"] > kept["width"]  # upright, as the phone was held


def test_a_browser_that_is_years_old_sends_the_photograph_upright(shop: Shop, phone: OpenPhone, photograph: Path) -> None:
    """As of Chrome 79, and of Safari 14: what came after them is taken away."""
    page = phone()
    page.add_init_script(
        "delete AbortSignal.timeout; delete Element.prototype.replaceChildren; delete Blob.prototype.arrayBuffer;"
        "delete window.DataTransfer;"
    )
    page.goto(shop.path)
    page.locator("#fix").set_input_files(photograph)
    expect(page.get_by_role("status")).to_have_text("照片已就绪，请按“提交”。")
    sent: list[int] = []
    page.on("request", lambda request: sent.append(len(request.post_data_buffer or b"")) if request.method == "POST" else None)
    page.locator(".phone-fix [type=submit]").click()
    expect(page.get_by_text("已提交，执法人员正在查看。")).to_be_visible()
    kept = shop.case()["answers"][0]["photographs"][0]  # type: ignore[index]
    assert kept["taken_at"] == "2030-01-01T19:04:05Z"
    assert kept["height"] > kept["width"]
    assert max(sent) < 6_000_000


def test_it_goes_on_after_the_connection_was_lost(shop: Shop, phone: OpenPhone, photograph: Path) -> None:
    page = phone()
    page.goto(shop.path)
    page.locator("#fix").set_input_files(photograph)
    expect(page.get_by_role("status")).to_have_text("照片已就绪，请按“提交”。")
    page.context.set_offline(True)
    page.get_by_role("button", name="提交").first.click()
    expect(page.get_by_role("status")).to_contain_text("网络断了，会自动继续")
    expect(page.get_by_role("status")).to_be_in_viewport()
    assert shop.case()["state"] == "issued"
    page.context.set_offline(False)
    expect(page.get_by_text("已提交，执法人员正在查看。")).to_be_visible()
    assert shop.case()["state"] == "submitted"


def test_what_a_proxy_finds_too_large_is_told_and_the_photograph_stays(shop: Shop, phone: OpenPhone, photograph: Path) -> None:
    page = phone()
    page.goto(shop.path)
    page.locator("#fix").set_input_files(photograph)
    expect(page.get_by_role("status")).to_have_text("照片已就绪，请按“提交”。")
    page.route("**/answer", lambda route: route.fulfill(status=413, body="<h1>413 Request Entity Too Large</h1>"))
    page.locator(".phone-fix [type=submit]").click()
    expect(page.get_by_role("status")).to_have_text("照片太大，没有发出去。请少放几张，或者打监管所的电话。")
    expect(page.locator(".phone-fix canvas")).to_be_visible()


def test_an_answer_that_is_lost_on_its_way_back_is_done_once(shop: Shop, phone: OpenPhone, photograph: Path) -> None:
    page = phone()
    page.goto(shop.path)
    page.locator("#fix").set_input_files(photograph)
    lost: list[str] = []

    def lose(route) -> None:  # type: ignore[no-untyped-def]
        if not lost:
            lost.append(route.fetch().text())
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route("**/answer", lose)
    page.get_by_role("button", name="提交").first.click()
    expect(page.get_by_text("已提交，执法人员正在查看。")).to_be_visible()
    assert "done=submit" in lost[0]
    assert len(shop.case()["answers"]) == 1  # type: ignore[arg-type]


def test_what_another_did_meanwhile_is_told_and_the_answer_goes_on_from_there(
    shop: Shop, phone: OpenPhone, photograph: Path
) -> None:
    page = phone()
    page.goto(shop.path)
    page.locator("#fix").set_input_files(photograph)
    headers = {"If-Match": f'"{shop.case()["version"]}"', "Idempotency-Key": str(uuid4())}
    assert _officer(shop.centre).post(f"/api/v1/cases/{shop.case_id}/acknowledge", json={}, headers=headers).is_success
    send = page.locator(".phone-fix [type=submit]")
    send.click()
    expect(page.locator("[data-status]")).to_contain_text("告知已签收。 您还可以答复：请再按一次按钮。")
    send.click()
    page.wait_for_url(re.compile(r"done=submit"))
    assert shop.case()["state"] == "submitted"


def test_what_is_missing_is_said_at_its_field_and_the_photograph_stays(shop: Shop, phone: OpenPhone, tmp_path: Path) -> None:
    path = tmp_path / "now.jpg"
    Image.new("RGB", (640, 480), "green").save(path)
    page = phone()
    page.goto(shop.path)
    page.locator("#fix").set_input_files(path)
    text = page.get_by_label("做了什么")
    text.fill("")
    page.locator(".phone-fix [type=submit]").click()
    expect(text).to_have_accessible_description("请填写这一项。")
    expect(text).to_be_focused()
    text.fill("戴好了")
    page.locator(".phone-fix [type=submit]").click()
    page.wait_for_url(re.compile(r"done=submit"))


def test_a_photograph_outlives_the_page_until_it_is_sent(shop: Shop, phone: OpenPhone, tmp_path: Path) -> None:
    """As when the phone dies in a basement without a network, or the chat throws its page away."""
    path = tmp_path / "now.jpg"
    Image.new("RGB", (640, 480), "green").save(path)
    page = phone()
    page.goto(shop.path)
    page.locator("#fix").set_input_files(path)
    expect(page.get_by_text("照片已就绪，请按“提交”。")).to_be_visible()
    page.close()
    page = page.context.new_page()
    page.goto(shop.path)
    expect(page.get_by_text("照片已就绪，请按“提交”。")).to_be_visible()
    page.get_by_role("button", name="收到了").click()
    page.wait_for_url(re.compile(r"done=acknowledge"))
    expect(page.get_by_text("照片已就绪，请按“提交”。")).to_be_visible()
    expect(page.locator(".phone-fix canvas")).to_be_visible()
    page.locator(".phone-fix [type=submit]").click()
    page.wait_for_url(re.compile(r"done=submit"))
    page.goto(shop.path)
    page.wait_for_function(NOTHING_KEPT)


def test_more_than_six_photographs_are_told_before_they_are_sent(shop: Shop, phone: OpenPhone, tmp_path: Path) -> None:
    path = tmp_path / "now.jpg"
    Image.new("RGB", (640, 480), "green").save(path)
    page = phone()
    page.goto(shop.path)
    page.get_by_role("link", name="我有异议").click()
    page.get_by_label("哪里不对？").fill("戴着帽子")
    posted: list[str] = []
    page.on("request", lambda request: posted.append(request.url) if request.url.endswith("/answer") else None)
    photographs = page.locator("#appeal-photographs")
    photographs.set_input_files([path] * 7)
    expect(photographs).to_have_accessible_description("照片超过六张。请选最能说明情况的六张。")
    page.locator("#disagree [type=submit]").click()
    expect(photographs).to_be_focused()
    assert posted == []
    photographs.set_input_files([path] * 6)
    page.locator("#disagree [type=submit]").click()
    page.wait_for_url(re.compile(r"done=appeal"))


def test_with_an_account_photographs_are_made_smaller_and_counted_too(
    shop: Shop, phone: OpenPhone, photograph: Path, tmp_path: Path
) -> None:
    path = tmp_path / "now.jpg"
    Image.new("RGB", (640, 480), "green").save(path)
    page = phone()
    sign_in(page, f"/cases/{shop.case_id}")
    page.locator("details:has(#submit-photographs) > summary").click()
    page.locator("#submit-note").fill("戴好了")
    posted: list[int] = []
    page.on("request", lambda request: posted.append(len(request.post_data_buffer or b"")) if request.method == "POST" else None)
    photographs = page.locator("#submit-photographs")
    photographs.set_input_files([path] * 7)
    expect(photographs).to_have_accessible_description("照片超过六张。请选最能说明情况的六张。")
    page.locator("form:has(#submit-photographs) [type=submit]").click()
    assert posted == []
    photographs.set_input_files(photograph)
    expect(page.locator("form:has(#submit-photographs) canvas")).to_be_visible()
    page.locator("form:has(#submit-photographs) [type=submit]").click()
    page.wait_for_url(re.compile(r"done=submit"))
    kept = shop.case()["answers"][0]["photographs"][0]  # type: ignore[index]
    assert max(posted) < 6_000_000
    assert kept["taken_at"] == "2030-01-01T19:04:05Z"


def test_photographs_outlive_the_session_that_they_were_chosen_in(shop: Shop, phone: OpenPhone, tmp_path: Path) -> None:
    path = tmp_path / "now.jpg"
    Image.new("RGB", (640, 480), "green").save(path)
    page = phone()
    case_url = f"/cases/{shop.case_id}"
    sign_in(page, case_url)
    page.locator("details:has(#submit-photographs) > summary").click()
    page.locator("#submit-note").fill("戴好了")
    page.locator("#submit-photographs").set_input_files([path] * 2)
    expect(page.locator("canvas")).to_have_count(2)
    page.context.clear_cookies(name="sunshine_session")
    page.locator("form:has(#submit-photographs) [type=submit]").click()
    expect(page.get_by_role("heading", name="登录已过期")).to_be_visible()
    expect(page.locator("canvas")).to_have_count(2)
    sign_in(page.context.new_page(), case_url)
    page.get_by_role("button", name="提交填写的内容").click()
    page.wait_for_url(re.compile(r"done=submit"))
    (answer,) = shop.case()["answers"]  # type: ignore[misc]
    assert (answer["text"], len(answer["photographs"])) == ("戴好了", 2)  # type: ignore[index]
    page.wait_for_function(NOTHING_KEPT)


def test_what_is_no_photograph_is_not_sent_at_all(shop: Shop, phone: OpenPhone, tmp_path: Path) -> None:
    path = tmp_path / "IMG_0001.heic"
    path.write_bytes(b"\0\0\0\x18ftypheic" + bytes(1000))
    page = phone()
    page.goto(shop.path)
    page.locator("#fix").set_input_files(path)
    expect(page.get_by_role("alert")).to_contain_text("无法作为照片读取")
    expect(page.locator(".phone-fix [type=submit]")).to_be_hidden()


@pytest.mark.parametrize("scripts", [True, False])
def test_every_button(shop: Shop, phone: OpenPhone, tmp_path: Path, scripts: bool) -> None:
    path = tmp_path / "now.jpg"
    Image.new("RGB", (640, 480), "green").save(path)
    page = phone(java_script_enabled=scripts)
    page.goto(shop.path)
    expect(page.locator(".phone-fix .phone-more")).to_be_hidden()
    page.get_by_role("button", name="收到了").click()
    expect(page.get_by_text("已签收。监管所知道您已看到。")).to_be_visible()
    page.locator("#fix").set_input_files(path)
    expect(page.locator(".phone-fix .phone-more")).to_be_visible()
    page.get_by_role("button", name="提交").first.click()
    expect(page.get_by_text("已提交，执法人员正在查看。")).to_be_visible()
    expect(page.locator(".phone-acts")).to_have_count(0)
    page.go_back()
    if scripts:  # as it is now, not as it was
        expect(page.locator(".phone-acts")).to_have_count(0)
    assert shop.case()["state"] == "submitted"


def test_photographs_of_an_objection_are_seen_before_it_is_sent(shop: Shop, phone: OpenPhone, tmp_path: Path) -> None:
    for colour in ("green", "red"):
        Image.new("RGB", (640, 480), colour).save(tmp_path / f"{colour}.jpg")
    page = phone()
    page.goto(shop.path)
    page.get_by_role("link", name="我有异议").click()
    chosen, previews = page.locator("#appeal-photographs"), page.locator("#disagree canvas")
    chosen.set_input_files([tmp_path / "green.jpg", tmp_path / "red.jpg"])
    expect(previews).to_have_count(2)
    expect(previews.first).to_be_visible()
    chosen.set_input_files([])
    expect(previews).to_have_count(0)


def test_it_reads_aloud(shop: Shop, phone: OpenPhone) -> None:
    page = phone()
    page.add_init_script("window.said = []; speechSynthesis.speak = (it) => said.push([it.lang, it.text]);")
    page.goto(shop.path)
    page.get_by_role("button", name="读给我听").click()
    language, text = page.evaluate("said[0]")
    assert language == "zh-CN"
    for words in ("未戴工作帽", "头发", "戴好清洁的工作帽", "还剩"):
        assert words in text


def test_passed_on_to_somebody_else(shop: Shop, phone: OpenPhone) -> None:
    mine, theirs = phone(), phone()
    mine.goto(shop.path, wait_until="networkidle")
    theirs.goto(shop.path)
    expect(theirs.get_by_text("这不是您本人的链接")).to_be_visible()
    expect(theirs.get_by_role("button", name="收到了")).to_have_count(0)
    assert theirs.evaluate(UNNAMED) == []
    expect(mine.get_by_role("button", name="收到了")).to_be_visible()


def test_practice_sends_nothing(shop: Shop, phone: OpenPhone, photograph: Path) -> None:
    page = phone()
    page.goto(shop.path)
    page.get_by_role("link", name="用练习告知试一试").click()
    posted: list[str] = []
    page.on("request", lambda request: posted.append(request.url) if request.method != "GET" else None)
    page.locator("#fix").set_input_files(photograph)
    page.get_by_role("button", name="提交").first.click()
    expect(page.get_by_text("这是练习，没有发送任何内容。")).to_be_visible()
    assert posted == []


def test_a_second_tap_for_an_own_link_is_no_trouble(shop: Shop, phone: OpenPhone) -> None:
    page = phone()
    page.goto(f"/n/{link_to(shop.centre, shop.case_id, Channel.WECOM)}")
    button = page.get_by_role("button", name="给我发本人链接").first
    button.evaluate("button => { button.click(); return new Promise((next) => setTimeout(next)).then(() => button.click()) }")
    page.wait_for_url(re.compile("asked="))
    assert page.url.endswith("asked=sent")
