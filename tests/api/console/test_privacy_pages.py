"""What everybody may know of the cameras, and the sign beside them: as the centre is set."""

import httpx
import pymupdf
import pytest

from api.evidence.retention import Retention
from api.kit.database import Database
from api.places.tables import Shop
from tests.api.console.kitchen import SHOP, Kitchen, sign_in


def keeps(browser: httpx.AsyncClient, retention: Retention) -> None:
    browser._transport.app.state.centre.retention = retention  # type: ignore[attr-defined]


async def test_everybody_reads_what_is_kept_for_how_long(browser: httpx.AsyncClient) -> None:
    keeps(browser, Retention(dismissed=12, ended=345, transferred=None))
    page = (await browser.get("/privacy")).text
    assert "判定后保存 12 天" in page
    assert "办结后保存 345 天" in page
    assert "随执法案卷的需要保存" in page
    assert "未戴工作帽、" in page
    assert "12 days after that decision" in (await browser.get("/privacy?lang=en")).text


async def test_what_only_a_person_deletes_is_not_said_to_end(browser: httpx.AsyncClient) -> None:
    keeps(browser, Retention(dismissed=None, ended=None, transferred=7))
    page = (await browser.get("/privacy")).text
    assert page.count("保存到监管部门负责人删除为止") == 2
    assert "移交后保存 7 天" in page


async def test_the_sign_fits_one_sheet_and_names_shop_and_station(browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
    keeps(browser, Retention(dismissed=12, ended=345, transferred=None))
    await sign_in(browser, "store")
    for language, said in (("zh-CN", "判定后保存 12 天"), ("en", "12 days after that decision")):
        answer = await browser.get(f"/shops/{kitchen.shop_id}/sign.pdf?lang={language}")
        sign = pymupdf.open("pdf", answer.content)
        assert len(sign) == 1
        words = sign[0].get_text().replace("\n", "")
        assert [part in words for part in (SHOP, "城东所", "028-1234567", said)] == [True] * 4
        assert sign[0].get_images()


async def test_a_name_that_the_font_lacks_is_told(browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
    database = Database(kitchen.settings.async_database_url, 5)
    async with database.writing() as work:
        shop = await work.get_one(Shop, kitchen.shop_id)
        shop.name = "\U00030000面馆"
    await database.close()
    await sign_in(browser, "store")
    answer = await browser.get(f"/shops/{kitchen.shop_id}/sign.pdf")
    assert answer.status_code == 422
    assert "用浏览器打印页面" in answer.text
    assert "\U00030000面馆" in (await browser.get(f"/shops/{kitchen.shop_id}/sign")).text


@pytest.mark.parametrize("path", ["sign", "sign.pdf"])
async def test_no_sign_of_a_shop_that_is_not_there(browser: httpx.AsyncClient, path: str) -> None:
    await sign_in(browser, "store")
    assert (await browser.get(f"/shops/elsewhere/{path}")).status_code == 404


async def test_who_has_added_a_camera_is_led_to_the_sign(browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
    await sign_in(browser, "store")
    assert f'href="/shops/{kitchen.shop_id}/sign"' in (await browser.get(f"/cameras?added={kitchen.camera_id}")).text
    assert "/sign" not in (await browser.get("/cameras?added=elsewhere")).text
