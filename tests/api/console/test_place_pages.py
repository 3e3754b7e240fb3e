import httpx
import pytest

from tests.api.console.kitchen import Kitchen, sign_in

FORM = {"district": "城西所", "name": "春来早点铺", "area": "面点间", "kind": "cooking"}


async def test_a_shop_with_its_area_can_take_a_camera_and_an_edge_box(browser: httpx.AsyncClient) -> None:
    await sign_in(browser, "installer")
    answer = await browser.post("/shops/new", data=FORM)
    assert (answer.status_code, answer.headers["location"]) == (303, "/cameras/new")
    assert "春来早点铺 · 面点间 (烹饪区)" in (await browser.get("/cameras/new")).text
    assert "春来早点铺</option>" in (await browser.get("/edge-boxes/new")).text


async def test_a_known_district_is_taken(browser: httpx.AsyncClient) -> None:
    await sign_in(browser, "installer")
    for name in ("春来早点铺", "秋香面馆"):
        await browser.post("/shops/new", data={**FORM, "name": name})
    assert (await browser.get("/shops/new")).text.count('<option value="城西所">') == 1


@pytest.mark.parametrize("wrong", [{"district": ""}, {"name": " "}, {"area": "长" * 101}])
async def test_what_is_wrong_is_said_at_its_field(browser: httpx.AsyncClient, wrong: dict[str, str]) -> None:
    await sign_in(browser, "installer")
    answer = await browser.post("/shops/new", data={**FORM, **wrong})
    assert answer.status_code == 422
    assert f'id="{next(iter(wrong))}-wrong">请填写这一项' in answer.text
    assert "春来早点铺" not in (await browser.get("/cameras/new")).text


async def test_a_kind_that_is_none(browser: httpx.AsyncClient) -> None:
    await sign_in(browser, "installer")
    assert (await browser.post("/shops/new", data={**FORM, "kind": "garden"})).status_code == 422


@pytest.mark.parametrize("login", ["reviewer", "store", "auditor"])
async def test_is_closed_to(browser: httpx.AsyncClient, kitchen: Kitchen, login: str) -> None:
    await sign_in(browser, login)
    assert (await browser.get("/shops/new")).status_code == 403
    assert (await browser.post("/shops/new", data=FORM)).status_code == 403
