"""The zone is drawn on the picture: by mouse, by touch and by keyboard. What is drawn stands in the field that is sent."""

import sqlite3
from contextlib import closing

import pytest
from playwright.sync_api import Page, expect

from tests.api.console.chromium import PHONE, LiveCentre, OpenPage

pytestmark = pytest.mark.browser

SQUARE = "10, 10\n90, 10\n90, 90\n10, 90"


def at(page: Page, x: float, y: float) -> dict[str, float]:
    """Where in the picture, in percent of it."""
    page.locator("svg.zone").evaluate("svg => svg.scrollIntoView({ block: 'center' })")
    box = page.locator("svg.zone").bounding_box()
    assert box is not None
    return {"x": box["x"] + box["width"] * x / 100, "y": box["y"] + box["height"] * y / 100}


def corners(page: Page) -> list[tuple[float, float]]:
    lines = page.locator("#zone").input_value().splitlines()
    return [(float(x), float(y)) for x, y in (line.split(",") for line in lines)]


def stored(centre: LiveCentre) -> object:
    with closing(sqlite3.connect(centre.kitchen.settings.data / "sunshine.db")) as database:
        return database.execute("SELECT zone FROM cameras WHERE id = 'camera-1'").fetchone()[0]


def test_by_mouse_and_saved(centre: LiveCentre, open_page: OpenPage) -> None:
    centre.show()
    page = open_page("installer", "/cameras/camera-1")
    expect(page.locator("[data-zone-status]")).to_have_text("查看整个画面。")
    for x, y in ((20, 20), (80, 20), (50, 80)):
        page.mouse.click(**at(page, x, y))
    assert corners(page) == [pytest.approx(one, abs=0.5) for one in ((20, 20), (80, 20), (50, 80))]
    page.mouse.move(**at(page, 50, 80))
    page.mouse.down()
    page.mouse.move(**at(page, 60, 95), steps=4)
    page.mouse.up()
    assert corners(page)[2] == pytest.approx((60, 95), abs=0.5)
    page.mouse.click(**at(page, 50, 20))
    assert len(corners(page)) == 4
    assert corners(page)[1] == pytest.approx((50, 20), abs=0.5), "not put into the nearest side"
    page.locator("#password").fill("secret")
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_role("status").first).to_contain_text("已保存")
    assert str(stored(centre)).count("[") == 5
    expect(page.locator("svg.zone g")).to_have_count(4)


def test_by_touch(centre: LiveCentre, open_page: OpenPage) -> None:
    page = open_page("installer", "/cameras/camera-1", viewport=PHONE, has_touch=True)
    for x, y in ((20, 20), (80, 20), (50, 80)):
        page.touchscreen.tap(**at(page, x, y))
    assert corners(page) == [pytest.approx(one, abs=1) for one in ((20, 20), (80, 20), (50, 80))]
    reach = page.locator("svg.zone g .reach").first.bounding_box()
    assert reach is not None
    assert min(reach["width"], reach["height"]) >= 24, "WCAG 2.2, 2.5.8"


def test_by_keyboard_alone(centre: LiveCentre, open_page: OpenPage) -> None:
    page = open_page("installer", "/cameras/camera-1")
    page.get_by_role("button", name="加一个角").press("Enter")
    first = page.get_by_role("button", name="第 1 个角：距左边百分之 10，距上边百分之 10")
    expect(first).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    assert corners(page)[0] == (11, 15)
    for _ in range(20):
        page.keyboard.press("Shift+ArrowLeft")
    assert corners(page)[0] == (0, 15)
    page.keyboard.press("Delete")
    assert corners(page) == [(90, 10), (90, 90), (10, 90)]
    page.keyboard.press("Delete")
    expect(page.locator("[data-zone-status]")).to_have_text("区域至少要有三个角。")
    page.get_by_role("button", name="查看整个画面").press("Enter")
    assert corners(page) == []


def test_sides_that_cross_are_said_at_once_and_not_sent(centre: LiveCentre, open_page: OpenPage) -> None:
    page = open_page("installer", "/cameras/camera-1")
    page.locator("#zone").fill("10, 10\n90, 90\n90, 10\n10, 90")
    expect(page.locator("[data-zone-status]")).to_contain_text("区域的边互相交叉或重叠")
    page.get_by_role("button", name="保存").click()
    assert page.url.endswith("/cameras/camera-1")
    assert stored(centre) is None


def test_typed_without_javascript(centre: LiveCentre, open_page: OpenPage) -> None:
    page = open_page("installer", "/cameras/camera-1", java_script_enabled=False)
    expect(page.locator("[data-zone-tools]")).to_be_hidden()
    page.locator("#zone").fill(SQUARE)
    page.locator("#password").fill("secret")
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_role("status").first).to_contain_text("已保存")
    expect(page.locator("svg.zone polygon")).to_have_count(1)


def test_who_may_not_change_it_draws_nothing(centre: LiveCentre, open_page: OpenPage) -> None:
    centre.show()
    page = open_page("reviewer", "/cameras/camera-1")
    expect(page.locator("svg.zone image")).to_have_count(1)
    expect(page.locator("[data-zone-tools]")).to_have_count(0)
