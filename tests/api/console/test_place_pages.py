import re

import httpx
import pytest

from api.console import place_pages
from tests.api.console.kitchen import Kitchen, sign_in

FORM = {"district": "城西所", "name": "春来早点铺", "area": "面点间", "kind": "cooking"}


async def test_a_shop_with_its_area_can_take_a_camera_and_an_edge_box(browser: httpx.AsyncClient) -> None:
    await sign_in(browser, "installer")
    answer = await browser.post("/shops/new", data=FORM)
    assert answer.status_code == 303
    # Its edge box is next, and the shop need not be looked for again among hundreds.
    page = (await browser.get(answer.headers["location"])).text
    assert " selected>春来早点铺 · 城西所</option>" in page
    assert "“春来早点铺 · 城西所”已添加。" in page
    assert "春来早点铺 · 城西所 · 面点间 (烹饪区)" in (await browser.get("/cameras/new")).text


async def test_a_station_is_there_before_its_first_shop(browser: httpx.AsyncClient) -> None:
    """Or nobody could be invited to it."""
    await sign_in(browser, "admin")
    assert 'href="/districts/new"' in (await browser.get("/shops")).text
    added = await browser.post("/districts/new", data={"county": "安吉县局", "name": "递铺所"})
    assert (added.status_code, added.headers["location"].startswith("/districts/")) == (303, True)
    offered = (await browser.get("/invitations/new")).text
    assert ("递铺所</option>" in offered, "安吉县局</option>" in offered) == (True, True)
    again = await browser.post("/districts/new", data={"county": "安吉县局", "name": "递铺所"})
    assert again.headers["location"] == added.headers["location"]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"name": " "}, "请填写这一项"), ({"name": "甲所", "county": "乙所"}, "这是监管所"),
        ({"name": "甲所", "county": "a\tb"}, 'id="county-wrong">请填写这一项'),
    ],
    ids=["no name", "no county", "two cells of a spreadsheet"],
)
async def test_a_station_that_cannot_be_added(browser: httpx.AsyncClient, typed: dict[str, str], words: str) -> None:
    await sign_in(browser, "admin")
    await browser.post("/districts/new", data={"county": "安吉县局", "name": "乙所"})
    answer = await browser.post("/districts/new", data=typed)
    assert (answer.status_code, words in answer.text) == (422, True)


async def test_a_station_that_was_written_wrongly_is_deleted(browser: httpx.AsyncClient) -> None:
    await sign_in(browser, "admin")
    await browser.post("/shops/new", data={**FORM, "district": "城西二所"})
    listed = (await browser.get("/shops")).text
    wrong = re.search(r'href="(/districts/[\w-]+)">城西二所<', listed)
    assert wrong is not None
    refused = await browser.post(f"{wrong[1]}/delete")
    assert (refused.status_code, "不能删除：还有关联的内容" in refused.text) == (409, True)
    shop = re.search(r'href="(/shops/[\w-]+)">春来早点铺<', listed)
    assert shop is not None
    await browser.post(shop[1], data={"name": "春来早点铺", "station": "district-1"})
    for _ in range(2):  # a second tap
        done = await browser.post(f"{wrong[1]}/delete", follow_redirects=True)
        assert ("已删除。" in done.text, "城西二所" in done.text) == (True, False)


async def test_a_known_district_is_taken(browser: httpx.AsyncClient) -> None:
    await sign_in(browser, "installer")
    for name in ("春来早点铺", "秋香面馆"):
        await browser.post("/shops/new", data={**FORM, "name": name})
    page = (await browser.get("/shops/new")).text
    assert page.split('<datalist id="districts">')[1].count('<option value="城西所">') == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"district": ""}, {"name": " "}, {"area": "长" * 101},
        # Two cells of a spreadsheet, pasted.
        {"area": "a\tb"}, {"district": "a\tb"}, {"county": "a\tb"},
    ],
)
async def test_what_is_wrong_is_said_at_its_field(browser: httpx.AsyncClient, wrong: dict[str, str]) -> None:
    await sign_in(browser, "installer")
    answer = await browser.post("/shops/new", data={**FORM, **wrong})
    assert answer.status_code == 422
    assert f'id="{next(iter(wrong))}-wrong">请填写这一项' in answer.text
    assert "春来早点铺" not in (await browser.get("/cameras/new")).text


async def test_one_of_hundreds_is_found_by_its_name(browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    await sign_in(browser, "installer")
    for name in ("春来早点铺", "秋香面馆"):
        await browser.post("/shops/new", data={**FORM, "name": name})
    monkeypatch.setattr(place_pages, "_PAGE", 1)
    assert 'name="name" type="search"' in (await browser.get("/shops")).text
    found = (await browser.get("/shops", params={"name": "秋香"})).text
    assert ("秋香面馆</a>" in found, "春来早点铺" in found) == (True, False)
    assert "没有找到" in (await browser.get("/shops", params={"name": "%"})).text


async def test_a_kind_that_is_none(browser: httpx.AsyncClient) -> None:
    await sign_in(browser, "installer")
    assert (await browser.post("/shops/new", data={**FORM, "kind": "garden"})).status_code == 422


@pytest.mark.parametrize("login", ["reviewer", "store", "auditor"])
async def test_is_closed_to(browser: httpx.AsyncClient, kitchen: Kitchen, login: str) -> None:
    await sign_in(browser, login)
    assert (await browser.get("/shops/new")).status_code == 403
    assert (await browser.post("/shops/new", data=FORM)).status_code == 403


SHOP = {
    "name": "春来早点铺", "credit_code": "91330522ma2b4c5d6e", "address": "人民路 1 号", "licence_kind": "food_business",
    "licence_number": "JY23305220012345", "licence_expires": "2027-05-31", "contact_name": "李", "contact_duty": "owner",
    "contact_phone": "138 0000 0000",
}


async def test_a_shop_is_shown_and_changed(browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
    await sign_in(browser, "installer")
    answer = await browser.post(f"/shops/{kitchen.shop_id}", data=SHOP)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/shops/{kitchen.shop_id}?saved=yes")
    assert 'value="91330522MA2B4C5D6E"' in (await browser.get(answer.headers["location"])).text
    page = (await browser.get("/shops")).text
    assert "食品经营许可证 JY23305220012345 · 有效期至 2027年5月31日" in page
    assert "李 138 0000 0000" in page
    await sign_in(browser, "auditor")  # who reads names, not ids
    assert "名称：春来早点铺" in (await browser.get("/audit", params={"action": "shop.changed"})).text


async def test_a_shop_that_somebody_else_has_changed_meanwhile_is_not_overwritten(
    browser: httpx.AsyncClient, kitchen: Kitchen
) -> None:
    await sign_in(browser, "installer")
    page = f"/shops/{kitchen.shop_id}"
    loaded = re.search(r'name="version" value="(\d+)"', (await browser.get(page)).text)
    assert loaded is not None
    assert (await browser.post(page, data=SHOP)).status_code == 303
    late = {**SHOP, "contact_name": "王", "version": loaded[1]}
    answer = await browser.post(page, data=late)
    assert answer.status_code == 412
    assert "已有其他人改过" in answer.text
    assert 'value="王"' in answer.text  # what was typed is not lost
    assert "李 138 0000 0000" in (await browser.get("/shops")).text
    again = re.search(r'name="version" value="(\d+)"', answer.text)
    assert again is not None
    assert (await browser.post(page, data=late | {"version": again[1]})).status_code == 303


async def test_a_station_that_somebody_else_has_changed_meanwhile_is_not_overwritten(browser: httpx.AsyncClient) -> None:
    await sign_in(browser, "installer")
    page, station = "/districts/district-1", {"name": "城东所", "phone": "028-7654321"}
    assert 'name="version" value="1"' in (await browser.get(page)).text
    assert (await browser.post(page, data=station | {"version": "1"})).status_code == 303
    answer = await browser.post(page, data={**station, "phone": "028-1111111", "version": "1"})
    assert (answer.status_code, "已有其他人改过" in answer.text) == (412, True)
    assert 'value="028-1111111"' in answer.text  # what was typed is not lost
    assert 'value="028-7654321"' in (await browser.get(page)).text
    assert 'name="version" value="2"' in answer.text


@pytest.mark.parametrize(
    "wrong",
    [{"credit_code": "1"}, {"licence_expires": "31.5.2027"}, {"contact_phone": "x"}, {"licence_number": "JY" * 40}, {"name": ""}],
)
async def test_what_is_wrong_with_a_shop_is_said_at_its_field(
    browser: httpx.AsyncClient, kitchen: Kitchen, wrong: dict[str, str]
) -> None:
    await sign_in(browser, "installer")
    answer = await browser.post(f"/shops/{kitchen.shop_id}", data={**SHOP, **wrong})
    assert answer.status_code == 422
    assert f'id="{next(iter(wrong))}-wrong">' in answer.text
    assert "人民路 1 号" in answer.text  # what was typed is not lost


async def test_a_station_stands_below_its_county(browser: httpx.AsyncClient) -> None:
    await sign_in(browser, "installer")
    assert (await browser.post("/shops/new", data={**FORM, "county": "安吉县局"})).status_code == 303
    answer = await browser.post("/shops/new", data={**FORM, "name": "秋香面馆", "county": "城西所", "district": "城西二所"})
    assert answer.status_code == 422
    assert "这是监管所" in answer.text


async def test_a_credit_code_that_is_taken(browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
    await sign_in(browser, "installer")
    await browser.post(f"/shops/{kitchen.shop_id}", data=SHOP)
    answer = await browser.post("/shops/new", data={**FORM, "credit_code": SHOP["credit_code"], "district": "城南所"})
    assert answer.status_code == 422
    assert "已有其他单位使用这个信用代码" in answer.text
    assert "城南所" not in (await browser.get("/shops")).text
    await browser.post("/shops/new", data={**FORM, "credit_code": "91330522MA2B4C5D7E"})
    changed = await browser.post(f"/shops/{kitchen.shop_id}", data={**SHOP, "credit_code": "91330522MA2B4C5D7E"})
    assert changed.status_code == 422
    assert "已有其他单位使用这个信用代码" in changed.text


async def test_the_list_is_open_to_who_reads_places(browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
    await sign_in(browser, "store")
    page = (await browser.get("/shops")).text
    assert "望江楼川菜馆" in page
    assert f'href="/shops/{kitchen.shop_id}"' not in page


async def test_an_alarm_box_whose_name_was_two_cells_of_a_spreadsheet(browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
    await sign_in(browser, "installer")
    typed = {"shop_id": kitchen.shop_id, "name": "a\tb", "form": "carrier_cloud"}
    answer = await browser.post("/alarm-boxes/new", data=typed)
    assert (answer.status_code, "写成一行" in answer.text) == (422, True)
