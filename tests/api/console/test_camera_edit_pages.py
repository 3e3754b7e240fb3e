import re

import httpx
import pytest
from sqlalchemy import select

from api.cameras.tables import Camera
from api.kit.database import Database
from api.kit.secrets import Keyring
from tests.api.console.kitchen import Kitchen, hand_in, sign_in

FORM = {
    "area_id": "area-1", "name": "凉菜间门口", "url": "rtsp://192.0.2.8/live?channel=1&subtype=0", "username": "viewer",
    "password": "p%@:/ss", "transport": "tcp", "posts": "gloves_required", "enabled": "true",
}


async def stored(kitchen: Kitchen, name: str) -> Camera | None:
    database = Database(kitchen.settings.async_database_url, 5)
    async with database.reading() as work:
        camera: Camera | None = await work.scalar(select(Camera).where(Camera.name == name))
    await database.close()
    return camera


def password_of(kitchen: Kitchen, camera: Camera) -> str:
    assert camera.password_encrypted is not None
    keyring = Keyring.from_file(kitchen.settings.data / "keys.json")
    return keyring.decrypt(camera.password_encrypted, f"camera {camera.id} password").get_secret_value()


class TestAdd:
    async def test_is_added_and_given_to_the_edge_of_the_shop(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        await sign_in(browser, "installer")
        assert "海康威视" in (await browser.get("/cameras/new")).text
        answer = await browser.post("/cameras/new", data=FORM)
        camera = await stored(kitchen, "凉菜间门口")
        assert camera is not None
        assert (answer.status_code, answer.headers["location"]) == (303, f"/cameras/{camera.id}")
        assert "凉菜间门口" in (await browser.get("/cameras")).text
        assert (camera.edge_id, camera.posts, camera.username) == (kitchen.edge_id, ["gloves_required"], "viewer")
        assert password_of(kitchen, camera) == "p%@:/ss"

    async def test_pasted_address_is_taken_apart(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        await sign_in(browser, "installer")
        pasted = {"url": "rtsp://viewer:p%25%40%3A%2Fss@192.0.2.8:8554/live", "username": "", "password": ""}
        answer = await browser.post("/cameras/new", data={**FORM, **pasted})
        assert answer.status_code == 303
        camera = await stored(kitchen, "凉菜间门口")
        assert camera is not None
        assert (camera.url, camera.username) == ("rtsp://192.0.2.8:8554/live", "viewer")
        assert password_of(kitchen, camera) == "p%@:/ss"

    async def test_pasted_password_that_is_not_encoded(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        await sign_in(browser, "installer")
        pasted = {"url": "rtsp://viewer:p%@:/ss@192.0.2.8:8554/live", "username": "", "password": ""}
        assert (await browser.post("/cameras/new", data={**FORM, **pasted})).status_code == 303
        camera = await stored(kitchen, "凉菜间门口")
        assert camera is not None
        assert (camera.url, password_of(kitchen, camera)) == ("rtsp://192.0.2.8:8554/live", "p%@:/ss")

    @pytest.mark.parametrize(
        ("wrong", "field", "sentence"),
        [
            ({"url": "http://192.0.2.8/"}, "url", "摄像头地址写法不对"),
            ({"url": "rtsp://[::1"}, "url", "摄像头地址写法不对"),
            ({"url": ""}, "url", "请填写这一项"),
            ({"url": "rtsp://192.0.2.8/user=admin&password=x&channel=1"}, "url", "这个地址的路径里带着密码"),
            ({"name": " "}, "name", "请填写这一项"),
            ({"name": "长" * 101}, "name", "内容太长了"),
            ({"username": ""}, "username", "请填写这一项"),
            ({"hours": "早上九点"}, "hours", "请按 09:00-14:00 的格式填写"),
            ({"hours": "09:00-09:00"}, "hours", "请按 09:00-14:00 的格式填写"),
            ({"hours": "09:00-25:00"}, "hours", "请按 09:00-14:00 的格式填写"),
            ({"zone": "0, 0\n100, 0"}, "zone", "区域至少要有三个角"),
            ({"zone": "0, 0\n100, 0\n50, 101"}, "zone", "有一个角在画面之外"),
            ({"zone": "0, 0\n100, 0\n50, -1"}, "zone", "有一个角在画面之外"),
            ({"zone": "0, 0\n100, 0\nNaN, 50"}, "zone", "请每行写一个角"),
            ({"zone": "10, 10\n90, 90\n90, 10\n10, 90"}, "zone", "区域的边互相交叉或重叠"),
            ({"zone": "10, 10\n12, 10\n12, 12"}, "zone", "区域比一个人还小"),
        ],
    )
    async def test_what_is_wrong_is_said_at_its_field(
        self, browser: httpx.AsyncClient, wrong: dict[str, str], field: str, sentence: str
    ) -> None:
        await sign_in(browser, "installer")
        answer = await browser.post("/cameras/new", data={**FORM, **wrong})
        assert answer.status_code == 422
        assert f'<span class="wrong" id="{field}-wrong">{sentence}' in answer.text
        assert FORM["password"] not in answer.text
        assert 'value="gloves_required" checked' in answer.text

    async def test_a_pasted_password_is_not_shown_again(self, browser: httpx.AsyncClient) -> None:
        await sign_in(browser, "installer")
        pasted_in_path = "rtsp://192.0.2.8/user=viewer&password=hunter2"
        assert "ter2" not in (await browser.post("/cameras/new", data={**FORM, "url": pasted_in_path})).text
        for pasted in ("rtsp://viewer:hunter2@192.0.2.8/live", "rtsp://viewer:hun/ter2@192.0.2.8/live"):
            answer = await browser.post("/cameras/new", data={**FORM, "url": pasted, "name": " "})
            assert answer.status_code == 422
            assert "ter2" not in answer.text
            assert 'value="rtsp://192.0.2.8/live"' in answer.text

    async def test_area_of_another_shop(self, browser: httpx.AsyncClient) -> None:
        await sign_in(browser, "installer")
        assert (await browser.post("/cameras/new", data={**FORM, "area_id": "area-9"})).status_code == 404

    @pytest.mark.parametrize("login", ["reviewer", "store", "auditor"])
    async def test_is_closed_to(self, browser: httpx.AsyncClient, kitchen: Kitchen, login: str) -> None:
        await sign_in(browser, login)
        assert (await browser.get("/cameras/new")).status_code == 403
        assert (await browser.post("/cameras/new", data=FORM)).status_code == 403
        assert "/cameras/new" not in (await browser.get("/cameras")).text
        assert await stored(kitchen, "凉菜间门口") is None


SAVED = {
    "area_id": "area-1", "edge_id": "edge-1", "name": "专间 1 号机", "url": "rtsp://192.0.2.7/Streaming/Channels/101",
    "username": "viewer", "password": "", "transport": "tcp", "enabled": "true", "version": "1",
}


class TestChange:
    async def test_form_shows_what_is_stored_but_never_the_password(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        await sign_in(browser, "installer")
        page = (await browser.get(f"/cameras/{kitchen.camera_id}")).text
        assert 'value="rtsp://192.0.2.7/Streaming/Channels/101"' in page
        assert "已保存密码" in page
        assert "sealed-elsewhere" not in page

    async def test_another_host_needs_the_password_again(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        await sign_in(browser, "installer")
        answer = await browser.post(f"/cameras/{kitchen.camera_id}", data={**SAVED, "url": "rtsp://198.51.100.9/live"})
        assert answer.status_code == 422
        assert '<span class="wrong" id="password-wrong">摄像头的主机、端口、所属单位或边缘盒已改变' in answer.text

    async def test_hours_zone_and_posts_are_kept_and_shown_again(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        await sign_in(browser, "installer")
        typed = {"hours": "9:00-14:00，16:30-24:00", "zone": "10, 20\n90% 20%\n50.5，80", "posts": "gloves_required"}
        answer = await browser.post(f"/cameras/{kitchen.camera_id}", data={**SAVED, **typed})
        assert (answer.status_code, answer.headers["location"]) == (303, f"/cameras/{kitchen.camera_id}?saved=yes")
        page = (await browser.get(answer.headers["location"])).text
        assert 'value="09:00-14:00, 16:30-24:00"' in page
        assert "10, 20\n90, 20\n50.5, 80</textarea>" in page
        assert 'value="gloves_required" checked' in page
        assert "已保存。" in page
        camera = await stored(kitchen, "专间 1 号机")
        assert camera is not None
        assert camera.zone == [[0.1, 0.2], [0.9, 0.2], [0.505, 0.8]]
        assert camera.password_encrypted == "sealed-elsewhere"  # left empty: kept
        assert camera.interval_s == 2.5  # not in the form: kept
        assert camera.edge_id == kitchen.edge_id

    async def test_a_whole_day_can_be_written_out(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        await sign_in(browser, "installer")
        await browser.post(f"/cameras/{kitchen.camera_id}", data={**SAVED, "hours": "00:00-24:00"})
        assert 'value="00:00-24:00"' in (await browser.get(f"/cameras/{kitchen.camera_id}")).text

    async def test_rules_in_force_follow_area_and_posts(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        await sign_in(browser, "installer")
        address = f"/cameras/{kitchen.camera_id}"
        assert await _in_force(browser, address) == ["K01", "K02", "K07"]
        await browser.post(address, data={**SAVED, "posts": "gloves_required"})
        assert await _in_force(browser, address) == ["K01", "K02", "K06", "K07"]
        answer = await browser.post(f"{address}/area", data={"kind": "cooking"})
        assert answer.status_code == 303
        assert "烹饪区" in (await browser.get(address)).text
        assert await _in_force(browser, address) == ["K01", "K06", "K07"]
        assert "仅在标明" not in (await browser.get(address)).text
        assert (await browser.post(f"{address}/area", data={"kind": "garden"})).status_code == 422

    async def test_second_writer_is_told_and_keeps_what_was_typed(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        await sign_in(browser, "installer")
        await browser.post(f"/cameras/{kitchen.camera_id}", data={**SAVED, "name": "改过的名字"})
        answer = await browser.post(f"/cameras/{kitchen.camera_id}", data={**SAVED, "hours": "09:00-14:00"})
        assert answer.status_code == 412
        assert "有人改过这台摄像头" in answer.text
        assert 'value="09:00-14:00"' in answer.text
        assert 'name="version" value="2"' in answer.text

    async def test_who_only_reads_sees_state_and_rules_but_no_form(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        await sign_in(browser, "reviewer")
        page = (await browser.get(f"/cameras/{kitchen.camera_id}")).text
        assert "生效的规则" in page
        assert "rtsp://" not in page
        assert "<textarea" not in page
        for path, form in (("", SAVED), ("/area", {"kind": "cooking"})):
            assert (await browser.post(f"/cameras/{kitchen.camera_id}{path}", data=form)).status_code == 403

    async def test_zone_is_drawn_on_the_latest_picture(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        await hand_in(browser, kitchen)
        await sign_in(browser, "installer")
        await browser.post(f"/cameras/{kitchen.camera_id}", data={**SAVED, "zone": "10, 20\n90, 20\n50, 80"})
        page = (await browser.get(f"/cameras/{kitchen.camera_id}")).text
        assert '<polygon points="10,11.25 90,11.25 50,45"/>' in page
        assert "/evidence/" not in page  # an installer sees no people
        await sign_in(browser, "reviewer")
        assert '<image href="/api/v1/evidence/' in (await browser.get(f"/cameras/{kitchen.camera_id}")).text

    @pytest.mark.parametrize(("login", "may"), [("officer", True), ("installer", False), ("store", False)])
    async def test_its_evidence_chain_is_for_who_may_read_evidence(
        self, browser: httpx.AsyncClient, kitchen: Kitchen, login: str, may: bool
    ) -> None:
        await hand_in(browser, kitchen)
        await sign_in(browser, login)
        links = re.findall(r'href="([^"]+)" download', (await browser.get(f"/cameras/{kitchen.camera_id}")).text)
        assert len(links) == may
        for link in links:
            assert len((await browser.get(link)).json()["manifests"]) == 1

    async def test_no_such_camera(self, browser: httpx.AsyncClient) -> None:
        await sign_in(browser, "installer")
        assert (await browser.get("/cameras/elsewhere")).status_code == 404
        assert (await browser.post("/cameras/elsewhere", data=SAVED)).status_code == 404


async def _in_force(browser: httpx.AsyncClient, address: str) -> list[str]:
    rules = (await browser.get(address)).text.split('id="rules"')[1].split("</ul>")[0]
    return re.findall(r"<li>(K\d\d) ", rules)
