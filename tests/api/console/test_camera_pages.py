import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import update

from api.cameras.tables import Camera
from api.console import camera_pages
from api.kit.database import Database
from contract.edges import CameraMinute, EdgeLoad, EdgeTrouble, Heartbeat, StreamFault
from tests.api.console.kitchen import Kitchen, sign_in


async def heartbeat(
    browser: httpx.AsyncClient, kitchen: Kitchen, *, looks: int, fault: StreamFault | None, age_min: int = 1,
    trouble: EdgeTrouble | None = None, load: EdgeLoad | None = None, sent_at: datetime | None = None,
    run: str | None = None, waiting: int = 0,
) -> None:
    minute = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=age_min)
    told = CameraMinute(camera_id=kitchen.camera_id, minute=minute, looks=looks, fault=fault)
    body = Heartbeat(
        sent_at=sent_at or datetime.now(UTC), software_version="0.1.0", config_version=None, outbox_waiting=waiting,
        trouble=trouble, load=load, run=run, minutes=[told],
    )
    headers = {"Content-Type": "application/json"}
    answer = await browser.post("/api/v1/edge/heartbeats", headers=headers, content=body.model_dump_json(), auth=kitchen.sign)
    assert answer.status_code == 204, answer.text


@pytest.mark.parametrize(
    ("looks", "fault", "age_min", "state", "sentence"),
    [
        (57, None, 1, "正常查看", "最近 5 分钟看了 57 次"),
        (12, StreamFault.DISCONNECTED, 1, "查看中，时有中断", "视频中断了，正在自动重连"),
        (0, StreamFault.WRONG_PASSWORD, 1, "无法查看", "用户名或密码不对"),
        (57, None, 20, "边缘盒失联", "请检查边缘盒（店里的小主机）的电源和网络"),
    ],
)
async def test_state_in_words(
    browser: httpx.AsyncClient, kitchen: Kitchen, looks: int, fault: StreamFault | None, age_min: int, state: str, sentence: str
) -> None:
    await heartbeat(browser, kitchen, looks=looks, fault=fault, age_min=age_min)
    await sign_in(browser, "installer")
    first = (await browser.get("/cameras")).text.split("<article")[1]
    assert state in first
    assert sentence in first


async def test_a_camera_that_was_never_heard_of(browser: httpx.AsyncClient) -> None:
    await sign_in(browser, "reviewer")
    assert "边缘盒还没有报告过这台摄像头" in (await browser.get("/cameras")).text


async def test_trouble_of_the_edge_box(browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
    await heartbeat(browser, kitchen, looks=57, fault=None, trouble=EdgeTrouble.DISK_FULL)
    await sign_in(browser, "installer")
    assert "边缘盒的磁盘已满" in (await browser.get("/cameras")).text
    assert "The disk of the edge box is full" in (await browser.get("/cameras?lang=en")).text


async def test_a_box_whose_clock_stands_in_1970(browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
    """Its minutes are told by the centre's clock."""
    await heartbeat(browser, kitchen, looks=57, fault=None, sent_at=datetime(1970, 1, 1, 0, 3, tzinfo=UTC))
    await sign_in(browser, "installer")
    page = (await browser.get("/cameras")).text
    assert "正常查看" in page
    assert "这台边缘盒的时钟差了" in page
    assert "年。请校准时钟（NTP）" in page
    assert "The clock of this box is wrong by" in (await browser.get("/edge-boxes?lang=en")).text


async def test_a_box_whose_folder_was_copied(browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
    for run in "ABABA":
        await heartbeat(browser, kitchen, looks=57, fault=None, run=run)
    await sign_in(browser, "installer")
    assert "有两台边缘盒在轮流使用这台的身份" in (await browser.get("/edge-boxes")).text


async def test_a_box_whose_reports_do_not_get_through(browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
    """Its heartbeats do, and its cameras are looked at: nothing else shows that violations are missing here."""
    await sign_in(browser, "installer")
    await heartbeat(browser, kitchen, looks=57, fault=None, waiting=57)
    assert "还有 57 条上报等待上传" in (await browser.get("/edge-boxes")).text
    assert "57 of its reports wait to be sent" in (await browser.get("/edge-boxes?lang=en")).text
    await heartbeat(browser, kitchen, looks=57, fault=None)
    assert "等待上传" not in (await browser.get("/edge-boxes")).text


@pytest.mark.parametrize("page", ["/cameras", "/edge-boxes"])
async def test_a_box_that_is_too_small_and_slow(browser: httpx.AsyncClient, kitchen: Kitchen, page: str) -> None:
    await sign_in(browser, "installer")
    await heartbeat(browser, kitchen, looks=57, fault=None, load=EdgeLoad(watched=24, carries=18, is_exact=True))
    assert "本机约可承载 18 路这样的摄像头，现配置了 24 路" in (await browser.get(page)).text
    english = (await browser.get(page + "?lang=en")).text
    assert "This box can carry about 18 such cameras; 24 are configured." in english
    assert "it uses the exact ones" in english
    await heartbeat(browser, kitchen, looks=57, fault=None, load=EdgeLoad(watched=18))
    assert "This box can carry" not in (await browser.get(page + "?lang=en")).text


@pytest.mark.parametrize("page", ["/cameras", "/edge-boxes"])
@pytest.mark.parametrize(
    ("load", "chinese", "english"),
    [({"no_provider": True}, "已改由处理器计算，检查照常进行", "its graphics card or provider is missing or fails"),
     ({"no_decoder": True}, "已改由处理器解码，检查照常进行", "decodes with its processor")],
)
async def test_a_box_without_what_it_was_to_work_with(
    browser: httpx.AsyncClient, kitchen: Kitchen, page: str, load: dict[str, bool], chinese: str, english: str
) -> None:
    await sign_in(browser, "installer")
    await heartbeat(browser, kitchen, looks=57, fault=None, load=EdgeLoad.model_validate({"watched": 1} | load))
    assert chinese in (await browser.get(page)).text
    assert english in (await browser.get(page + "?lang=en")).text
    await heartbeat(browser, kitchen, looks=57, fault=None, load=EdgeLoad(watched=1))
    assert chinese not in (await browser.get(page)).text


async def test_english(browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
    await heartbeat(browser, kitchen, looks=0, fault=StreamFault.REFUSED)
    await sign_in(browser, "reviewer")
    page = (await browser.get("/cameras?lang=en")).text
    assert "Cannot look" in page
    assert "switch on RTSP" in page


async def test_neither_address_nor_password_is_shown(browser: httpx.AsyncClient) -> None:
    await sign_in(browser, "installer")
    page = (await browser.get("/cameras")).text
    assert "rtsp://192.0.2.7" not in page
    assert "sealed-elsewhere" not in page
    assert "viewer" not in page


async def test_part_is_sent_again_only_when_it_changed(browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
    await sign_in(browser, "installer")
    etag = {"If-None-Match": (await browser.get("/cameras/list")).headers["etag"]}
    assert (await browser.get("/cameras/list", headers=etag)).status_code == 304
    await heartbeat(browser, kitchen, looks=3, fault=None)
    assert (await browser.get("/cameras/list", headers=etag)).status_code == 200


async def test_closed_to_who_has_nothing_to_do_with_cameras(browser: httpx.AsyncClient) -> None:
    await sign_in(browser, "auditor")
    assert (await browser.get("/cameras")).status_code == 403


async def test_scripts_in_names_stay_text(browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
    database = Database(kitchen.settings.async_database_url, 5)
    async with database.writing() as work:
        await work.execute(update(Camera).values(name="<img src=x onerror=alert(1)>"))
    await database.close()
    await sign_in(browser, "installer")
    page = (await browser.get("/cameras")).text
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page


async def test_goes_on_where_the_page_ends(browser: httpx.AsyncClient, kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera_pages, "_PAGE", 1)
    await sign_in(browser, "installer")
    first = (await browser.get("/cameras")).text
    assert first.count("data-key=") == 1
    link = re.search(r'href="(/cameras\?cursor=[^"]+)" rel="next"', first)
    assert link is not None
    second = (await browser.get(link[1])).text
    assert second.count("data-key=") == 1
    assert f'data-live="{link[1].replace("/cameras", "/cameras/list")}"' in second
    assert "rel=\"next\"" not in second
    assert (await browser.get("/cameras?cursor=x")).status_code == 422


class TestDays:
    async def test_minutes_by_day_as_bars_and_in_figures(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        await heartbeat(browser, kitchen, looks=57, fault=None, age_min=40)
        await heartbeat(browser, kitchen, looks=0, fault=StreamFault.TIMEOUT, age_min=30)
        await sign_in(browser, "reviewer")
        page = (await browser.get(f"/cameras/{kitchen.camera_id}")).text
        rows = re.findall(r"<tr><th scope=\"row\">([\d-]+)</th>((?:<td[^>]*>[^<]*</td>)+)</tr>", page)
        assert len(rows) == 7
        observed = [re.findall(r">([^<]*)</td>", cells) for _, cells in rows]
        # Around midnight in the shops the forty minutes lie on two days.
        assert sum(int(cells[1]) for cells in observed if cells[1].isdecimal()) == 1
        assert 35 <= sum(int(cells[0]) for cells in observed if cells[0].isdecimal()) <= 36
        assert observed[0] == ["–", "–", "–"]

    async def test_its_hours_are_told_to_who_may_not_change_them(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        await sign_in(browser, "reviewer")
        assert "查看时段：全天" in (await browser.get(f"/cameras/{kitchen.camera_id}")).text
