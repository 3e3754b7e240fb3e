"""The wall of cameras: pictures, how old they are and how the cameras are, of those that one may see."""

import re

import httpx
import pytest
from playwright.sync_api import expect

from api.cameras.tables import Camera
from api.console import camera_wall_pages
from api.kit.database import Database
from api.places.tables import Area, District, Shop
from contract.catalogue import AreaKind
from tests.api.console.chromium import LiveCentre, OpenPage
from tests.api.console.kitchen import Kitchen, sign_in
from tests.api.console.test_camera_pages import heartbeat


async def show(browser: httpx.AsyncClient, kitchen: Kitchen, ago_s: int = 5) -> None:
    answer = await browser.post(**kitchen.picture(ago_s=ago_s))  # type: ignore[arg-type]
    assert answer.status_code == 204, answer.text


async def add_shop(kitchen: Kitchen) -> None:
    """Of another station, with a camera that nobody watches."""
    database = Database(kitchen.settings.async_database_url, 5)
    async with database.writing() as work:
        work.add(District(id="district-2", name="城西所"))
        await work.flush()
        work.add(Shop(id="shop-2", district_id="district-2", name="人民路小吃"))
        await work.flush()
        work.add(Area(id="area-2", shop_id="shop-2", kind=AreaKind.COOKING, name="灶台"))
        await work.flush()
        work.add(Camera(id="camera-3", shop_id="shop-2", area_id="area-2", name="灶台 1 号机", url="rtsp://192.0.2.9/1"))
    await database.close()


def names(page: str) -> list[str]:
    return re.findall(r'<a id="wall-[^"]+" href="[^"]+">([^<]+)</a>', page)


async def test_a_picture_with_its_age_and_the_state_of_the_camera(browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
    await show(browser, kitchen, ago_s=12 * 60)
    await heartbeat(browser, kitchen, looks=57, fault=None)
    await sign_in(browser, "reviewer")
    first, second = (await browser.get("/cameras/wall")).text.split('data-key="wall-')[1:]
    assert "12分钟前" in first
    assert "正常查看" in first
    assert "is-old" not in first
    assert "还没有画面" in second
    source = re.search(r'<img src="([^"]+)"', first)
    assert source is not None
    answer = await browser.get(source[1].replace("&amp;", "&"))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")


async def test_an_old_picture_is_marked(browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
    await show(browser, kitchen, ago_s=31 * 60)
    await sign_in(browser, "reviewer")
    assert "camera-old" in (await browser.get("/cameras/wall")).text


async def test_of_a_station_and_of_a_shop(browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
    await add_shop(kitchen)
    await sign_in(browser, "reviewer")
    assert len(names((await browser.get("/cameras/wall")).text)) == 3
    assert names((await browser.get("/cameras/wall?station=district-2")).text) == ["灶台 1 号机"]
    assert names((await browser.get("/cameras/wall?shop=小吃")).text) == ["灶台 1 号机"]
    assert names((await browser.get("/cameras/wall/list?shop=%25")).text) == []
    assert "没有符合筛选条件的摄像头" in (await browser.get("/cameras/wall?station=nowhere")).text


async def test_a_shop_sees_its_own_alone(browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
    await add_shop(kitchen)
    await sign_in(browser, "store")
    assert names((await browser.get("/cameras/wall")).text) == ["专间 1 号机", "专间 2 号机"]


async def test_page_by_page(browser: httpx.AsyncClient, kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera_wall_pages, "_PAGE", 2)
    await add_shop(kitchen)
    await sign_in(browser, "reviewer")
    first = (await browser.get("/cameras/wall?shop=")).text
    following = re.search(r'href="(/cameras/wall\?cursor=[^"]+)" rel="next"', first)
    assert following is not None
    assert [*names(first), *names((await browser.get(following[1])).text)] == ["专间 1 号机", "专间 2 号机", "灶台 1 号机"]


async def test_without_cameras_it_says_what_comes_first(browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
    database = Database(kitchen.settings.async_database_url, 5)
    async with database.writing() as work:
        for camera_id in (kitchen.camera_id, kitchen.second_camera_id):
            await work.delete(await work.get_one(Camera, camera_id))
    await database.close()
    await sign_in(browser, "reviewer")
    assert "看看谁还没有到位" in (await browser.get("/cameras/wall")).text


@pytest.mark.browser
def test_a_new_picture_appears_by_itself(centre: LiveCentre, open_page: OpenPage) -> None:
    page = open_page(path="/cameras/wall")
    page.clock.install()
    page.reload()
    expect(page.get_by_text("还没有画面")).to_have_count(2)
    centre.show()
    page.clock.run_for(21_000)
    picture = page.locator(".camera-wall img")
    expect(picture).to_have_js_property("naturalWidth", 640)
