import httpx

from tests.api.console.kitchen import Kitchen, sign_in


async def test_code_is_shown_with_the_command(browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
    await sign_in(browser, "installer")
    assert f'<option value="{kitchen.shop_id}">' in (await browser.get("/edge-boxes/new")).text
    page = (await browser.post("/edge-boxes/new", data={"shop_id": kitchen.shop_id})).text
    assert "sunshine edge enroll --centre http://centre --code " in page
    assert "登记码只能用一次" in page


async def test_for_a_shop_that_is_none(browser: httpx.AsyncClient) -> None:
    await sign_in(browser, "installer")
    assert (await browser.post("/edge-boxes/new", data={"shop_id": "elsewhere"})).status_code == 404


async def test_is_closed_to_who_only_reads(browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
    await sign_in(browser, "reviewer")
    assert (await browser.get("/edge-boxes/new")).status_code == 403
    assert (await browser.post("/edge-boxes/new", data={"shop_id": kitchen.shop_id})).status_code == 403
