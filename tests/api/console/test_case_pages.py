import html
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from markupsafe import escape
from sqlalchemy import func, select, text

from api.accounts.permissions import Role
from api.audit.tables import AuditEntry
from api.cases.queues import STATES as QUEUES
from api.cases.queues import QueueName
from api.cases.states import TOLD
from api.cases.tables import Case, Level
from api.console import case_list_pages
from api.console.case_words import STATES_FOR_THE_SHOP
from api.console.csrf import token_of
from api.kit.database import Database
from api.kit.times import SHOP_TIME
from api.kit.working_time import WorkingTime
from tests.api.console.kitchen import BARE_HEAD, CAMERA, SHOP, Kitchen, hand_in, sign_in
from tests.api.world import CLIP_S, World, video


async def test_a_clock_that_was_wrong_is_told(browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
    case_id = await hand_in(browser, kitchen, ago_s=56 * 365 * 86_400)
    await sign_in(browser, "reviewer")
    for address in (f"/cases/{case_id}", "/review"):
        assert "不可能正确：上面的时间是中心收到画面的时间" in (await browser.get(address)).text


async def test_a_time_that_nobody_can_check_is_told(browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
    case_id = await hand_in(browser, kitchen, ago_s=7200, off_s=None)
    await sign_in(browser, "reviewer")
    for address in (f"/cases/{case_id}", "/review"):
        assert "时间存疑：这是设备自身时钟的时间" in (await browser.get(address)).text
    assert '">时间存疑</span>' in (await browser.get("/cases")).text


async def test_a_clock_that_was_off_is_put_right_in_every_time(browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
    case_id = await hand_in(browser, kitchen, ago_s=3 * 3600, off_s=-7200.0)
    await sign_in(browser, "reviewer")
    page = (await browser.get(f"/cases/{case_id}")).text
    seen = kitchen.last.captured_at.astimezone(SHOP_TIME) + timedelta(hours=2) if kitchen.last else None
    assert seen is not None
    assert f"{seen - timedelta(seconds=22):%H:%M}" in page.split("开始看到")[0].rpartition("从")[2]
    assert "这里的时间已按中心时钟校正" in page


class TestList:
    async def test_shows_rule_severity_and_place_in_words(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "reviewer")
        page = (await browser.get("/cases")).text
        assert f'href="/cases/{case_id}">未戴工作帽</a>' in page
        assert f"{SHOP}&nbsp;· 专间&nbsp;· {CAMERA}" in page
        assert "较重" in page  # in a 专间 the rule is stricter
        assert "（北京时间）" in page

    async def test_says_what_to_do_when_empty(self, browser: httpx.AsyncClient) -> None:
        await sign_in(browser, "reviewer")
        page = (await browser.get("/cases")).text
        assert "没有待审核的案件" in page
        assert 'href="/cameras"' in page

    async def test_filters_come_from_the_address(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        cap, smoking = await hand_in(browser, kitchen, "K01"), await hand_in(browser, kitchen, "K07")
        await sign_in(browser, "reviewer")
        await browser.post(f"/cases/{cap}/confirm", data={"version": "1"})
        assert _cases_in(await browser.get("/cases")) == [smoking]
        assert _cases_in(await browser.get("/cases?state=confirmed")) == [cap]
        assert _cases_in(await browser.get("/cases?state=all")) == [smoking, cap]
        assert _cases_in(await browser.get("/cases?state=all&rule=K01")) == [cap]
        assert _cases_in(await browser.get("/cases?rule=K99")) == []

    async def test_those_of_one_shop_are_found_from_it_and_stay_together(self, world: World) -> None:
        here, there = await world.place("Here"), await world.place("There")
        case_id, other = await world.case(here), await world.case(there)
        reviewer = await world.person(Role.REVIEWER)
        address = f"/cases?state=all&shop={here.shop_id}".replace("&", "&amp;")
        assert f'href="{address}"' in (await reviewer.get("/shops")).text
        assert f'href="{address}"' in (await reviewer.get(f"/cases/{case_id}")).text
        assert _cases_in(await reviewer.get("/cases?state=all")) == [other, case_id]
        listed = await reviewer.get(html.unescape(address))
        assert _cases_in(listed) == [case_id]
        assert "Here：案件" in listed.text
        assert f'name="shop" value="{here.shop_id}"' in listed.text  # for who narrows it further
        assert _cases_in(await reviewer.get(f"/cases/list?state=all&shop={here.shop_id}")) == [case_id]
        opened = html.unescape(listed.text.split(f'id="case-{case_id}" href="')[1].split('"')[0])
        assert f'class="back" href="{address}">← 案件 · 全部 · Here</a>' in (await reviewer.get(opened)).text

    async def test_those_of_a_shop_elsewhere_are_refused(self, world: World) -> None:
        here, there = await world.place("Here"), await world.place("There")
        officer = await world.person(Role.OFFICER, place=here)
        assert (await officer.get(f"/cases?state=all&shop={there.shop_id}")).status_code == 404

    @pytest.mark.parametrize("address", ["/cases?state=nonsense", "/cases?cursor=nonsense", "/cases/0", "/cases/abc"])
    async def test_a_value_that_is_none_is_said_in_words(self, browser: httpx.AsyncClient, address: str) -> None:
        await sign_in(browser, "reviewer")
        answer = await browser.get(address)
        assert answer.status_code == 422
        assert "请返回后重新选择" in answer.text

    async def test_goes_on_where_the_page_ends(
        self, browser: httpx.AsyncClient, kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(case_list_pages, "_PAGE", 2)
        ids = [await hand_in(browser, kitchen) for _ in range(3)]
        await sign_in(browser, "reviewer")
        first = await browser.get("/cases")
        assert _cases_in(first) == [ids[2], ids[1]]
        older = first.text.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0]
        second = await browser.get(older)
        assert _cases_in(second) == [ids[0]]
        assert "data-live" not in second.text
        assert "回到最新" in second.text

    async def test_part_is_sent_again_only_when_it_changed(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        await sign_in(browser, "reviewer")
        whole = (await browser.get("/cases")).text
        part = await browser.get("/cases/list")
        etag = {"If-None-Match": part.headers["etag"]}
        assert str(escape(part.headers["etag"])) in whole
        assert (await browser.get("/cases/list", headers=etag)).status_code == 304
        await hand_in(browser, kitchen)
        assert (await browser.get("/cases/list", headers=etag)).status_code == 200


class TestCase:
    async def test_tells_votes_rule_and_seal_in_words(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "reviewer")
        page = (await browser.get(f"/cases/{case_id}")).text
        assert "看了 21 次：17 次未戴帽，1 次戴帽，3 次看不清" in page
        assert "已持续 22 秒" in page
        assert "《食品安全法》第三十三条第一款第（八）项</li>" in page
        assert 'GB 31654-2021《餐饮服务通用卫生规范》（条款待核） <span class="chip chip-wait">缺条款号</span>' in page
        assert "整改期限：3 个工作日内" in page
        assert "画面和数据与边缘盒签名时一致" in page
        assert "AI 线索，须人工确认" in page

    async def test_tells_how_much_has_joined_it(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        first, second = [
            (await browser.post(**kitchen.report(boxes=[BARE_HEAD]))).json()  # type: ignore[arg-type]
            for _ in range(2)
        ]
        assert second["case_id"] == first["case_id"]
        await sign_in(browser, "reviewer")
        assert "共发现 2 次，合并为一个案件" in (await browser.get(f"/cases/{first['case_id']}")).text

    async def test_what_was_merged_by_mistake_is_separated_with_a_reason(
        self, browser: httpx.AsyncClient, kitchen: Kitchen
    ) -> None:
        whole, part = await hand_in(browser, kitchen), await hand_in(browser, kitchen)
        await sign_in(browser, "officer")
        merged = await browser.post(f"/cases/{part}/merge", data={"version": "1", "into": str(whole)}, follow_redirects=True)
        assert '<a class="back" href="/review">← 待审核</a>' in merged.text
        assert f'并入本案的案件： <a href="/cases/{part}">' in (await browser.get(f"/cases/{whole}")).text
        later = (await browser.get(f"/cases/{part}")).text
        assert '<a class="back" href="/cases">← 案件</a>' in later
        assert ("撤销合并" in later, "为什么不是同一件事" in later, f"{whole} 号" in later) == (True, True, True)
        bare = await browser.post(f"/cases/{part}/split", data={"version": "2", "note": ""})
        assert bare.status_code == 422
        done = await browser.post(f"/cases/{part}/split", data={"version": "2", "note": "先后两个人"}, follow_redirects=True)
        assert ("撤销合并，恢复为单独案件待审核" in done.text, "先后两个人" in done.text) == (True, True)
        assert "并入本案的案件" not in (await browser.get(f"/cases/{whole}")).text

    async def test_a_merge_from_before_it_was_kept_says_so_and_can_be_taken_back(
        self, browser: httpx.AsyncClient, kitchen: Kitchen
    ) -> None:
        whole, part = await hand_in(browser, kitchen), await hand_in(browser, kitchen)
        await sign_in(browser, "officer")
        await browser.post(f"/cases/{part}/merge", data={"version": "1", "into": str(whole)})
        database = Database(kitchen.settings.async_database_url, 5)
        async with database.writing() as work:
            await work.execute(text("UPDATE case_transitions SET merged_into = NULL"))
        await database.close()
        done = await browser.post(f"/cases/{part}/split", data={"version": "2", "note": "先后两个人"}, follow_redirects=True)
        timeline = done.text.split('<ol class="timeline">')[1]
        assert ("当时的版本没有记录并入了哪个案件" in timeline, "撤销合并，恢复为单独案件待审核" in timeline) == (True, True)

    async def test_speaks_english(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "reviewer")
        page = (await browser.get(f"/cases/{case_id}?lang=en")).text
        assert "<h1>No work cap</h1>" in page
        assert "Looked 21 times: 17 without a cap, 1 with a cap, 3 cannot tell" in page
        assert "wording not verified" in page

    async def test_boxes_are_drawn_over_the_original(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "reviewer")
        page = (await browser.get(f"/cases/{case_id}")).text
        assert '<rect class="kind-head violating" x="445" y="125" width="110" height="120"/>' in page
        picture = page.split('<div class="picture">')[1].split('src="')[1].split('"')[0]
        assert (await browser.get(picture)).headers["content-type"] == "image/jpeg"

    async def test_a_changed_file_breaks_the_seal(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await hand_in(browser, kitchen)
        _spoil(kitchen.settings.data, "original.jpg")
        await sign_in(browser, "reviewer")
        page = (await browser.get(f"/cases/{case_id}")).text
        assert "请勿据此判定" in page
        assert "完好" not in page

    async def test_scripts_in_names_stay_text(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "reviewer")
        script = "</p><script>alert(1)</script>"
        await browser.post(f"/cases/{case_id}/dismiss", data={"version": "1", "reason": "other", "note": script})
        page = await browser.get(f"/cases/{case_id}?state={script}")
        assert "<script>" not in page.text
        assert "&lt;script&gt;alert(1)" in page.text
        assert "script-src 'self'" in page.headers["content-security-policy"]
        assert "unsafe" not in page.headers["content-security-policy"]

    async def test_is_light(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "reviewer")
        page = (await browser.get(f"/cases/{case_id}")).text
        style = page.split('rel="stylesheet" href="')[1].split('"')[0]
        sheet = await browser.get(style)
        assert sheet.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert len(page.encode()) + sheet.num_bytes_downloaded < 25_000  # as they come over the line


def test_a_shop_is_told_in_every_state_whether_it_has_something_to_do() -> None:
    for state in TOLD:
        assert ("or you to" in STATES_FOR_THE_SHOP[state].words) == (state in QUEUES[QueueName.SHOP]), state


class TestProgress:
    async def stages(self, browser: httpx.AsyncClient, case_id: int) -> list[tuple[str, str]]:
        page = (await browser.get(f"/cases/{case_id}")).text
        return [(words, tense) for tense, words in re.findall(r'class="progress-(\w+)"[^>]*>([^<]*)<', page)]

    async def test_what_is_waited_for(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "officer")
        await browser.post(f"/cases/{case_id}/confirm", data={"version": "1"})
        later = [("签收", "later"), ("答复", "later"), ("销号", "later")]
        assert await self.stages(browser, case_id) == [("抓拍", "past"), ("判定", "past"), ("告知", "now"), *later]

    async def test_a_case_that_ended_early_has_no_later_stage(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "officer")
        await browser.post(f"/cases/{case_id}/dismiss", data={"version": "1", "reason": "test"})
        assert await self.stages(browser, case_id) == [("抓拍", "past"), ("判定", "past")]


class TestRoles:
    @pytest.mark.parametrize("login", ["installer", "auditor"])
    async def test_cases_are_closed_to(self, browser: httpx.AsyncClient, kitchen: Kitchen, login: str) -> None:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, login)
        for path in ("/cases", "/cases/list", f"/cases/{case_id}", f"/cases/{case_id}/thumbnail.jpg"):
            answer = await browser.get(path)
            assert answer.status_code in (403, 404), path
            assert SHOP not in answer.text
        answer = await browser.post(f"/cases/{case_id}/confirm", data={"version": "1"})
        assert answer.status_code == 403

    async def test_who_reads_only_is_told_who_judges(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "bureau")
        page = (await browser.get(f"/cases/{case_id}")).text
        assert "判定由审核员和执法人员进行" in page
        assert "/confirm" not in page
        assert (await browser.post(f"/cases/{case_id}/confirm", data={"version": "1"})).status_code == 403

    async def test_a_shop_sees_only_what_it_has_notice_of_and_no_faces(
        self, browser: httpx.AsyncClient, kitchen: Kitchen
    ) -> None:
        confirmed, waiting = await hand_in(browser, kitchen), await hand_in(browser, kitchen)
        await sign_in(browser, "reviewer")
        await browser.post(f"/cases/{confirmed}/confirm", data={"version": "1"})
        await sign_in(browser, "officer")
        await browser.post(f"/cases/{confirmed}/issue", data={"version": "2"})
        await sign_in(browser, "store")
        assert _cases_in(await browser.get("/cases")) == [confirmed]
        assert _cases_in(await browser.get("/cases?state=all")) == [confirmed]
        assert _cases_in(await browser.get("/cases?state=pending_review")) == []
        assert (await browser.get(f"/cases/{waiting}")).status_code == 404
        page = (await browser.get(f"/cases/{confirmed}")).text
        assert set(re.findall(r"/evidence/[^/]*/([^\"]*)", page)) == {"blurred.jpg"}
        assert "查看未遮挡的图片" not in page
        asked = (await browser.get(f"/cases/{confirmed}?why=curious")).text
        assert "original.jpg" not in asked
        assert await shown(browser, kitchen, confirmed) == "blurred.jpg"


async def shown(browser: httpx.AsyncClient, kitchen: Kitchen, case_id: int) -> str:
    """Of which file the thumbnail of a case is made."""
    assert (await browser.get(f"/cases/{case_id}/thumbnail.jpg")).status_code == 200
    database = Database(kitchen.settings.async_database_url, 5)
    async with database.reading() as work:
        latest = await work.scalar(select(AuditEntry).where(AuditEntry.action == "evidence.read").order_by(AuditEntry.id.desc()))
    await database.close()
    assert latest is not None
    file: str = latest.detail["file"]
    return file


class TestFaces:
    async def test_who_judges_sees_the_original_and_afterwards_nobody(
        self, browser: httpx.AsyncClient, kitchen: Kitchen
    ) -> None:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "reviewer")
        assert "original.jpg" in (await browser.get(f"/cases/{case_id}")).text
        assert await shown(browser, kitchen, case_id) == "original.jpg"
        await browser.post(f"/cases/{case_id}/confirm", data={"version": "1"})
        page = (await browser.get(f"/cases/{case_id}")).text
        assert "original.jpg" not in page
        assert "图中人脸已作不可还原的遮挡" in page
        assert await shown(browser, kitchen, case_id) == "blurred.jpg"
        assert "blurred" in (await browser.get("/cases?state=confirmed")).text

    async def test_who_does_not_judge_sees_no_face_in_the_review_either(
        self, browser: httpx.AsyncClient, kitchen: Kitchen
    ) -> None:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "bureau")
        assert "original.jpg" not in (await browser.get(f"/cases/{case_id}")).text
        assert await shown(browser, kitchen, case_id) == "blurred.jpg"

    async def test_a_look_with_faces_asks_for_a_reason(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "bureau")
        assert 'name="why"' in (await browser.get(f"/cases/{case_id}")).text
        page = (await browser.get(f"/cases/{case_id}", params={"why": "复议要求 & <核对>"})).text
        picture = html.unescape(page.split('<div class="picture">')[1].split('src="')[1].split('"')[0])
        assert "复议要求 &amp; &lt;核对&gt;" in page
        assert (await browser.get(picture)).status_code == 200
        await sign_in(browser, "auditor")
        audit = (await browser.get("/audit?action=evidence.read")).text
        assert "复议要求 &amp; &lt;核对&gt;" in audit
        assert "可辨认人脸：是" in audit

    async def test_a_reason_that_another_site_gives_is_none(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "bureau")
        elsewhere = {"Sec-Fetch-Site": "cross-site"}
        assert "original.jpg" not in (await browser.get(f"/cases/{case_id}?why=planted", headers=elsewhere)).text


class TestClip:
    async def hand_in(self, browser: httpx.AsyncClient, kitchen: Kitchen, content: bytes | None, **told: object) -> int:
        case_id = await hand_in(browser, kitchen)
        answer = await browser.post(**kitchen.clip(content, **told))  # type: ignore[arg-type]
        assert answer.status_code == 201, answer.text
        return case_id

    async def test_who_judges_can_play_it(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        told = {"codec": "h264", "duration_s": CLIP_S, "moment_s": 0.5, "ends_early": "memory"}
        case_id = await self.hand_in(browser, kitchen, video(), **told)
        await sign_in(browser, "reviewer")
        page = (await browser.get(f"/cases/{case_id}")).text
        address = html.unescape(page.split('<video class="clip" src="')[1].split('"')[0])
        assert (await browser.get(address)).content == video()
        assert "图片所示时刻在第 0.5 秒" in page
        assert "结尾不足：超出边缘盒的内存上限。" in page

    async def test_afterwards_only_with_faces_for_a_reason(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await self.hand_in(browser, kitchen, video(), codec="h264", duration_s=CLIP_S, moment_s=0.5)
        await sign_in(browser, "reviewer")
        await browser.post(f"/cases/{case_id}/confirm", data={"version": "1"})
        page = (await browser.get(f"/cases/{case_id}")).text
        assert "<video" not in page
        assert "须说明理由查看原图时才能一并查看" in page
        assert "<video" in (await browser.get(f"/cases/{case_id}", params={"why": "复议"})).text

    async def test_why_there_is_none_is_said(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await self.hand_in(browser, kitchen, None, missing="stopped")
        await sign_in(browser, "reviewer")
        assert "没有视频片段：边缘盒停止运行或断电。" in (await browser.get(f"/cases/{case_id}")).text

    async def test_one_that_is_still_to_come(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "reviewer")
        assert "视频片段尚未收到" in (await browser.get(f"/cases/{case_id}")).text


class TestThumbnail:
    async def test_is_small_and_the_look_is_recorded(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "reviewer")
        answer = await browser.get(f"/cases/{case_id}/thumbnail.jpg")
        picture = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        assert picture.shape == (240, 320, 3)
        assert answer.headers["cache-control"].startswith("private")
        assert await _recorded(kitchen, "evidence.read") == 1

    async def test_of_no_case(self, browser: httpx.AsyncClient) -> None:
        await sign_in(browser, "reviewer")
        assert (await browser.get("/cases/7/thumbnail.jpg")).status_code == 404


class TestDeadlines:
    async def issued(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> int:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "chief")
        await browser.post(f"/cases/{case_id}/confirm", data={"version": "1"})
        await browser.post(f"/cases/{case_id}/issue", data={"version": "2"})
        return case_id

    async def test_says_until_when(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await self.issued(browser, kitchen)
        page = (await browser.get(f"/cases/{case_id}")).text
        assert "签收期限：" in page
        assert "整改期限：" in page.split('<div class="chips">')[0]

    async def test_each_side_reads_what_it_has_to_do_and_until_when(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await self.issued(browser, kitchen)
        listed = (await browser.get("/cases?state=with_shop")).text
        assert "已下发" in listed
        assert "签收期限：" in listed
        await sign_in(browser, "store")
        for address in ("/cases", f"/cases/{case_id}"):
            page = (await browser.get(address)).text
            assert "待您签收" in page
            assert "请签收，期限：" in page
        await browser.post(f"/cases/{case_id}/acknowledge", data={"version": "3"})
        assert "待您整改" in (await browser.get("/cases")).text

    async def test_is_extended_to_a_time_of_the_shops(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await self.issued(browser, kitchen)
        form = {"version": "3", "due": f"{_in_100_days()}T18:30", "note": "等待配件"}
        assert "请按北京时间填写" in (await browser.get(f"/cases/{case_id}")).text
        answer = await browser.post(f"/cases/{case_id}/extend", data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/cases/{case_id}?done=extend")
        case = (await browser.get(f"/api/v1/cases/{case_id}")).json()
        assert case["rectify_due_at"] == f"{_in_100_days()}T10:30:00Z"
        timeline = (await browser.get(f"/cases/{case_id}")).text.split('<ol class="timeline">')[1]
        assert re.search(r"整改期限：[^<]*18:30", timeline)

    @pytest.mark.parametrize("due", ["2020-01-01T09:00", "soon"])
    async def test_a_deadline_that_is_none(self, browser: httpx.AsyncClient, kitchen: Kitchen, due: str) -> None:
        case_id = await self.issued(browser, kitchen)
        answer = await browser.post(f"/cases/{case_id}/extend", data={"version": "3", "due": due, "note": "等待配件"})
        assert answer.status_code == 422
        assert 'id="due-wrong">请选择今后的日期和时间' in answer.text
        assert "等待配件" in answer.text

    async def test_not_shorter_than_it_was(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await self.issued(browser, kitchen)
        form = {"version": "3", "due": f"{_in_100_days()}T18:30", "note": "等待配件"}
        await browser.post(f"/cases/{case_id}/extend", data=form)
        answer = await browser.post(f"/cases/{case_id}/extend", data={**form, "version": "4", "due": f"{_in_100_days()}T18:00"})
        assert answer.status_code == 422
        assert "请选择晚于现有期限、且在一年以内的时间" in answer.text

    async def test_what_is_overdue_stands_out_and_can_be_listed(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        late, other = await hand_in(browser, kitchen), await hand_in(browser, kitchen)
        database = Database(kitchen.settings.async_database_url, 60)
        async with database.writing() as work:
            case = await work.get_one(Case, late)
            case.overdue_at, case.escalation = case.due_at, Level.BUREAU
        await database.close()
        await sign_in(browser, "officer")
        page = await browser.get("/cases?state=overdue")
        assert _cases_in(page) == [late]
        assert "已逾期（" in page.text
        assert "审核期限：" in page.text  # what is late, and who has heard of it
        assert "已上报局" in page.text
        assert "已上报局" in (await browser.get(f"/cases/{late}")).text
        assert "已逾期" not in (await browser.get(f"/cases/{other}")).text

    async def test_an_administrator_is_told_of_a_year_without_holidays(
        self, browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(WorkingTime, "knows", lambda self, year: False)
        await sign_in(browser, "admin")
        assert "节假日安排未知" in (await browser.get("/shops")).text
        await sign_in(browser, "officer")
        assert "节假日安排未知" not in (await browser.get("/shops")).text


class TestJudgement:
    async def test_confirm(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id, other = await hand_in(browser, kitchen), await hand_in(browser, kitchen)
        await sign_in(browser, "reviewer")
        answer = await browser.post(f"/cases/{case_id}/confirm", data={"version": "1"})
        assert (answer.status_code, answer.headers["location"]) == (303, f"/cases/{case_id}?done=confirm")
        page = (await browser.get(answer.headers["location"])).text
        assert "操作成功：确认违规" in page
        assert f'href="/cases/{other}">下一个待审核案件' in page
        assert "reviewer 张" in page

    async def test_who_issues_notices_goes_on_with_the_next_that_waits_for_one(
        self, browser: httpx.AsyncClient, kitchen: Kitchen
    ) -> None:
        case_id, other, to_judge = [await hand_in(browser, kitchen) for _ in range(3)]
        await sign_in(browser, "officer")
        for confirmed in (case_id, other):
            await browser.post(f"/cases/{confirmed}/confirm", data={"version": "1"})
        for issued, following, words in ((case_id, other, "下一个待下发案件"), (other, to_judge, "下一个待审核案件")):
            answer = await browser.post(f"/cases/{issued}/issue", data={"version": "2"})
            assert f'href="/cases/{following}">{words}' in (await browser.get(answer.headers["location"])).text

    @pytest.mark.parametrize("into", ["abc", "9" * 30, "²"])
    async def test_a_number_where_none_is_asked_for_is_no_error_of_ours(
        self, browser: httpx.AsyncClient, kitchen: Kitchen, into: str
    ) -> None:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "reviewer")
        answer = await browser.post(f"/cases/{case_id}/confirm", data={"version": "1", "into": into})
        assert answer.headers["location"] == f"/cases/{case_id}?done=confirm"

    async def test_what_leads_on_is_offered_before_the_way_back(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "officer")
        await browser.post(f"/cases/{case_id}/confirm", data={"version": "1"})
        acts = (await browser.get(f"/cases/{case_id}")).text.split('id="acts"')[1].split("</section>")[0]
        found = re.findall(rf'action="/cases/{case_id}/(\w+)">.*?class="button button-wide( button-main)?"', acts, re.DOTALL)
        assert found == [("issue", " button-main"), ("undo", "")]

    async def test_a_shop_reads_nothing_of_what_only_the_authority_does(
        self, browser: httpx.AsyncClient, kitchen: Kitchen
    ) -> None:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "officer")
        await browser.post(f"/cases/{case_id}/confirm", data={"version": "1"})
        await browser.post(f"/cases/{case_id}/issue", data={"version": "2"})
        assert "延长期限" in (await browser.get(f"/cases/{case_id}")).text
        await sign_in(browser, "store")
        page = (await browser.get(f"/cases/{case_id}")).text
        assert [words in page for words in ("收到了", "我已整改", "我有异议", "签收告知")] == [True, True, True, False]
        assert "现在不能由您办理" not in page

    async def test_what_happened_keeps_its_order_when_the_clock_is_put_back(
        self, browser: httpx.AsyncClient, kitchen: Kitchen
    ) -> None:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "officer")
        centre = browser._transport.app.state.centre  # type: ignore[attr-defined]
        centre.clock = lambda: datetime.now(UTC) + timedelta(days=2)
        await browser.post(f"/cases/{case_id}/confirm", data={"version": "1"})
        centre.clock = lambda: datetime.now(UTC)
        await browser.post(f"/cases/{case_id}/issue", data={"version": "2"})
        timeline = (await browser.get(f"/cases/{case_id}")).text.split('<ol class="timeline">')[1].split("</ol>")[0]
        assert re.findall("<strong>(.*?)</strong>", timeline)[-2:] == ["确认违规", "已下发"]

    async def test_dismiss_with_reason_and_remark(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "officer")
        form = {"version": "1", "reason": "not_staff", "note": "送货员"}
        answer = await browser.post(f"/cases/{case_id}/dismiss", data=form)
        page = (await browser.get(answer.headers["location"])).text
        assert "操作成功：不予处理" in page
        assert "不是食品从业人员" in page
        assert "送货员" in page
        assert "没有其他待审核的案件了" in page

    @pytest.mark.parametrize(
        ("form", "wrong"),
        [({"note": "浅色头巾"}, "请选择一个原因"), ({"reason": "other", "note": " "}, "请在说明里写明")],
    )
    async def test_incomplete_form_comes_back(
        self, browser: httpx.AsyncClient, kitchen: Kitchen, form: dict[str, str], wrong: str
    ) -> None:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "reviewer")
        answer = await browser.post(f"/cases/{case_id}/dismiss", data={"version": "1", **form})
        assert answer.status_code == 422
        assert wrong in answer.text
        assert "<details open>" in answer.text
        assert form["note"].strip() in answer.text
        assert "待审核" in (await browser.get(f"/cases/{case_id}")).text

    async def test_second_reviewer_learns_who_was_faster(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "officer")
        await browser.post(f"/cases/{case_id}/confirm", data={"version": "1"})
        await sign_in(browser, "reviewer")
        form = {"version": "1", "reason": "cannot_tell", "note": "太模糊了"}
        answer = await browser.post(f"/cases/{case_id}/dismiss", data=form)
        assert answer.status_code == 412
        assert "已有人先处理" in answer.text
        assert "officer 张 已于" in answer.text
        assert "太模糊了" in answer.text  # what was typed is not lost
        assert f'href="/cases/{case_id}?lang=en"' in answer.text
        assert "操作成功" not in (await browser.get(f"/cases/{case_id}")).text

    async def test_a_form_that_is_sent_twice_has_done_what_it_should(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "reviewer")
        for _ in range(2):
            answer = await browser.post(f"/cases/{case_id}/confirm", data={"version": "1"})
            assert (answer.status_code, answer.headers["location"]) == (303, f"/cases/{case_id}?done=confirm")
        answer = await browser.post(f"/cases/{case_id}/dismiss", data={"version": "1", "reason": "test"})
        assert answer.status_code == 412

    async def test_a_remark_is_as_long_as_it_was_typed(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        """A browser counts the end of a line as one character and sends two."""
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "reviewer")
        form = {"version": "1", "reason": "test", "note": "a b\r\n" * 500 + "z"}
        answer = await browser.post(f"/cases/{case_id}/dismiss", data=form)
        assert answer.status_code == 422
        assert 'id="dismiss-note-wrong">内容太长了' in answer.text
        assert "z</textarea>" in answer.text
        answer = await browser.post(f"/cases/{case_id}/dismiss", data={**form, "note": form["note"][:-1]})
        assert answer.status_code == 303

    async def test_a_remark_outlives_the_session_it_was_typed_in(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await hand_in(browser, kitchen)
        form = {"version": "1", "reason": "other", "note": "浅色头巾 </blockquote><script>alert(1)</script>"}
        answer = await browser.post(f"/cases/{case_id}/dismiss", data=form)
        assert answer.status_code == 401
        assert "内容没有丢失" in answer.text
        assert f"<blockquote class=\"said\">{escape(form['note'])}</blockquote>" in answer.text
        hidden = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', answer.text)
        kept = {name: html.unescape(value) for name, value in hidden}
        assert {name: value for name, value in kept.items() if name != "csrf"} == form
        await sign_in(browser, "reviewer")
        answer = await browser.post(answer.text.split('method="post" action="')[1].split('"')[0], data=kept)
        assert answer.headers["location"] == f"/cases/{case_id}?done=dismiss"

    async def test_a_remark_outlives_a_new_sign_in(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        """The form was open in another tab; there the token of the earlier session is still in it."""
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "reviewer")
        token = token_of(browser.cookies["sunshine_session"])
        await browser.post("/logout")
        await sign_in(browser, "reviewer")
        form = {"csrf": token, "version": "1", "reason": "other", "note": "浅色头巾"}
        url = f"/cases/{case_id}/dismiss"
        for headers in ({}, {"Sec-Fetch-Site": "none"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.test"}):
            answer = await browser.post(url, data=form, headers=headers)
            assert (answer.status_code, "浅色头巾" in answer.text) == (403, False), headers
        for headers in ({"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://centre"}):
            answer = await browser.post(url, data=form, headers=headers)
            assert answer.status_code == 403
            assert "您已重新登录" in answer.text
            assert re.findall('<blockquote class="said">(.*?)</blockquote>', answer.text) == ["浅色头巾"], "no code of a choice"
        kept = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', answer.text.partition(f'action="{url}"')[2]))
        assert kept["csrf"] != token
        answer = await browser.post(url, data=kept)
        assert answer.headers["location"] == f"/cases/{case_id}?done=dismiss"

    async def test_more_than_a_form_holds_is_refused_in_words(self, browser: httpx.AsyncClient) -> None:
        await sign_in(browser, "reviewer")
        files = [("photographs", (f"{number}.jpg", b"x", "image/jpeg")) for number in range(11)]
        headers = {"Sec-Fetch-Site": "same-origin"}
        answer = await browser.post("/cases/1/dismiss", data={"csrf": "earlier"}, files=files, headers=headers)
        assert (answer.status_code, "没有执行" in answer.text) == (403, True)

    async def test_no_password_comes_back_in_a_page(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        form = {"name": "灶台", "url": "rtsp://192.0.2.7/x", "password": "typed-password"}
        answer = await browser.post("/cameras/new", data=form)
        assert answer.status_code == 401
        assert 'value="rtsp://192.0.2.7/x"' in answer.text
        assert "typed-password" not in answer.text
        assert "密码不会保留" in answer.text

    async def test_a_program_is_told_in_json(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        answer = await browser.post("/review/judge", data={"verdict": "violation"}, headers={"Accept": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")

    async def test_a_form_of_another_site_is_refused_in_words(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "reviewer")
        headers = {"Sec-Fetch-Site": "cross-site"}
        answer = await browser.post(f"/cases/{case_id}/confirm", data={"version": "1"}, headers=headers)
        assert answer.status_code == 403
        assert "这个请求来自其他网站" in answer.text

    async def test_words_of_thanks_cannot_be_forged(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "reviewer")
        assert "操作成功" not in (await browser.get(f"/cases/{case_id}?done=confirm")).text


def _cases_in(page: httpx.Response) -> list[int]:
    assert page.status_code == 200, page.text
    return [int(part.split('"')[0]) for part in page.text.split('data-key="case-')[1:]]


async def _recorded(kitchen: Kitchen, action: str) -> int:
    database = Database(kitchen.settings.async_database_url, 5)
    async with database.reading() as work:
        count = await work.scalar(select(func.count()).select_from(AuditEntry).where(AuditEntry.action == action))
    await database.close()
    return count or 0


def _spoil(folder: Path, name: str) -> None:
    stored = next(folder.rglob(name))
    stored.write_bytes(stored.read_bytes()[:-1] + b"\0")


def _in_100_days() -> date:
    return date.today() + timedelta(days=100)


def asked_again(answer: httpx.Response, form: str, typed: str, wrong: str) -> None:
    """One form of the page is open, with what was typed and what is wrong with it."""
    assert answer.status_code == 422
    (opened,) = re.findall(r"<details[^>]* open>.*?</details>", answer.text, re.DOTALL)
    assert form in opened
    assert f'value="{typed}"' in opened or f">{typed}</textarea>" in opened
    assert wrong in opened


class TestKeeping:
    async def test_hold_lift_and_delete(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "chief")
        keeping = f"/cases/{case_id}/keeping"
        assert (await browser.post(f"{keeping}/hold", data={"reason": "法院 <调取>"})).status_code == 303
        page = (await browser.get(f"/cases/{case_id}")).text
        assert "设定证据保全：法院 &lt;调取&gt;" in page
        assert f"{keeping}/delete" not in page
        refused = await browser.post(f"{keeping}/delete", data={"reason": "x"})
        assert refused.status_code == 409
        assert "本案证据处于保全状态" in refused.text
        assert (await browser.post(f"{keeping}/lift", data={"reason": "已审结"})).status_code == 303
        assert (await browser.post(f"{keeping}/delete", data={"reason": "拍到儿童"})).status_code == 303
        page = (await browser.get(f"/cases/{case_id}")).text
        assert "图片已删除" in page
        assert "依据：拍到儿童" in page
        assert list((kitchen.settings.data / "files").rglob("*.jpg")) == []

    async def test_a_reason_of_spaces_or_too_long_is_asked_for_again(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "chief")
        await browser.post(f"/cases/{case_id}/dismiss", data={"version": "1", "reason": "test"})
        for typed, wrong in (("   ", "请填写这一项"), ("x" * 501, "内容太长了")):
            for act in ("hold", "delete"):
                answer = await browser.post(f"/cases/{case_id}/keeping/{act}", data={"reason": typed})
                asked_again(answer, f'action="/cases/{case_id}/keeping/{act}"', typed, wrong)
            answer = await browser.get(f"/cases/{case_id}/export", params={"reason": typed})
            asked_again(answer, f'action="/cases/{case_id}/export"', typed, wrong)
            asked_again(await browser.get(f"/cases/{case_id}", params={"why": typed}), f'action="/cases/{case_id}"', typed, wrong)

    async def test_the_export_is_one_step_away(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "chief")
        answer = await browser.get(f"/cases/{case_id}/export", params={"reason": "法院 & 调取"})
        assert answer.status_code == 303
        archive = await browser.get(answer.headers["location"])
        assert (archive.status_code, archive.headers["content-type"]) == (200, "application/zip")

    async def test_says_until_when(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "officer")
        assert "案件未结期间保存" in (await browser.get(f"/cases/{case_id}")).text
        await browser.post(f"/cases/{case_id}/dismiss", data={"version": "1", "reason": "test"})
        page = (await browser.get(f"/cases/{case_id}")).text
        assert "到期删除" in page
        assert "/keeping/" not in page
