"""The page of who is in: the funnel in words and figures, and for each shop that is not what comes next."""

import re

import httpx

from tests.api.console.kitchen import Kitchen, sign_in
from tests.api.console.test_camera_pages import heartbeat
from tests.api.console.test_camera_wall_pages import add_shop


def numbers(page: str) -> list[int]:
    """Of the funnel."""
    return [int(number) for number in re.findall(r"<strong>(\d+)</strong>", page)]


def tabs(page: str) -> list[str]:
    return re.findall(r'href="(/cameras/coverage[^"]*)"', page)


async def test_the_funnel_and_the_table_behind_it(browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
    await add_shop(kitchen)
    await heartbeat(browser, kitchen, looks=57, fault=None)
    await sign_in(browser, "chief")
    page = (await browser.get("/cameras/coverage")).text
    assert numbers(page) == [2, 2, 1, 0]
    west = page.split("城西所</a></th>")[1].partition("</tr>")[0]
    assert re.findall(r">(\d+%?)<", west) == ["1", "1", "0", "0", "0%"]
    assert "其中 2 家没有录入有效的食品经营许可证" in page


async def test_who_is_not_in_and_what_comes_next(browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
    await add_shop(kitchen)
    await sign_in(browser, "chief")
    page = (await browser.get("/cameras/coverage")).text
    kitchens, snacks = page.split("<h3>望江楼川菜馆</h3>")[1], page.split("<h3>人民路小吃</h3>")[1]
    assert "边缘盒从未上线" in kitchens.partition("</li>")[0]
    assert "未邀请" in snacks.partition("</li>")[0]
    assert "/invitations/new" not in page, "a chief invites nobody"
    await sign_in(browser, "admin")
    page = (await browser.get("/cameras/coverage")).text
    assert 'href="/invitations/new?place=shop%3Ashop-2"' in page
    form = (await browser.get("/invitations/new?place=shop%3Ashop-2")).text
    assert '<option value="shop:shop-2" selected>' in form


async def test_of_one_station_and_of_one_step(browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
    await add_shop(kitchen)
    await heartbeat(browser, kitchen, looks=57, fault=None)
    await sign_in(browser, "chief")
    page = (await browser.get("/cameras/coverage?station=district-2")).text
    assert "<h3>人民路小吃</h3>" in page
    assert "<h3>望江楼川菜馆</h3>" not in page
    assert "/cameras/coverage?station=district-2&amp;reached=invited" in tabs(page)
    page = (await browser.get("/cameras/coverage?reached=connected")).text
    assert re.findall("<h3>([^<]+)</h3>", page) == ["望江楼川菜馆"]
    assert "没有单位停在这一步" in (await browser.get("/cameras/coverage?station=district-2&reached=connected")).text


async def test_a_step_that_is_none(browser: httpx.AsyncClient) -> None:
    await sign_in(browser, "chief")
    assert (await browser.get("/cameras/coverage?reached=heaven")).status_code == 422


async def test_before_the_first_shop(browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
    await sign_in(browser, "store")
    assert numbers((await browser.get("/cameras/coverage")).text) == [1, 1, 0, 0]
