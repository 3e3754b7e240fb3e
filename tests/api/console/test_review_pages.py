"""The review queue without a script: what is shown, who is given which case, verdicts, and the way back."""

import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import delete

from api.cases import review
from api.console.keys import CAPS, KEYS
from api.kit.database import Database
from api.places.tables import Contact
from tests.api.console.kitchen import SHOP, Kitchen, hand_in, sign_in
from tests.api.world import CLIP_S, video

CLIP_TOLD = {"codec": "h264", "duration_s": CLIP_S, "moment_s": 0.5}


def shown(answer: httpx.Response) -> list[int]:
    """The cases that the page holds, in their order; the first is the one that is looked at."""
    return [int(number) for number in re.findall(r'<article class="looked" data-case="(\d+)"', answer.text)]


def left(answer: httpx.Response) -> dict[str, int]:
    return {name: int(count) for name, count in re.findall(r'data-left="(\w+)">(\d+)<', answer.text)}


async def judge(browser: httpx.AsyncClient, verdict: str, *refs: str, **query: str) -> httpx.Response:
    answer = await browser.post("/review/judge", params=query, data={"verdict": verdict, "case": refs})
    assert answer.status_code == 303, answer.text
    return await browser.get(answer.headers["location"])


class TestQueue:
    async def test_tells_all_that_a_judgement_needs(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        earlier, case_id = await hand_in(browser, kitchen), await hand_in(browser, kitchen)
        await sign_in(browser, "officer")
        await judge(browser, "not_a_violation", f"{earlier}:1")
        await browser.post("/review/leave", data={"had": str(case_id)})
        await sign_in(browser, "reviewer")
        page = (await browser.get("/review")).text
        assert "看了 21 次：17 次未戴帽，1 次戴帽，3 次看不清" in page
        assert "《食品安全法》第三十三条第一款第（八）项" in page
        assert "最近 1 次判定：" in page
        assert "没有违规 1 次" in page
        assert "officer 张" in page
        assert "original.jpg" in page
        assert 'role="img" aria-label="从画面中截取的人员"' in page
        assert "（北京时间）" in page

    async def test_the_most_serious_and_the_longest_waiting_first(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        gloves, cap = await hand_in(browser, kitchen, "K06"), await hand_in(browser, kitchen, "K01")
        later = await hand_in(browser, kitchen, "K01")
        await sign_in(browser, "reviewer")
        assert shown(await browser.get("/review")) == [cap, later, gloves]

    async def test_keys_are_printed_as_they_are_bound(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        await sign_in(browser, "reviewer")
        page = (await browser.get("/review")).text
        printed = re.findall(r'data-act="(\w+)" data-keys="([^"]*)"', page)
        assert printed == [(key.act, "|".join(key.keys)) for key in KEYS]

    async def test_buttons_bear_the_keys_that_are_bound(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        await hand_in(browser, kitchen)
        await sign_in(browser, "officer")
        printed = re.findall(r'<kbd aria-hidden="true">(.*?)</kbd>', (await browser.get("/review")).text)
        assert printed == [CAPS[act] for act in ("violation", "not_a_violation", "cannot_tell", "notice", "merge", "keys")]

    async def test_filters_come_from_the_address(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        cap, smoking = await hand_in(browser, kitchen, "K01"), await hand_in(browser, kitchen, "K07")
        await sign_in(browser, "reviewer")
        assert shown(await browser.get("/review?rule=K07")) == [smoking]
        assert shown(await browser.get("/review", params={"words": SHOP[1:3]})) == [cap, smoking]
        assert shown(await browser.get("/review", params={"words": "100%"})) == []
        answer = await judge(browser, "violation", f"{smoking}:1", rule="K07")
        assert str(answer.request.url).startswith("http://centre/review?rule=K07&")

    @pytest.mark.parametrize("address", ["/review", "/cases"])
    async def test_what_boxes_of_the_shops_own_tell_of_can_be_chosen(self, browser: httpx.AsyncClient, address: str) -> None:
        """A rat is what an inspector looks for first, though no model of ours sees it."""
        await sign_in(browser, "reviewer")
        offered = re.findall(r'<option value="(\w\d\d)"', (await browser.get(address)).text)
        assert {"K01", "K07", "K09"} <= set(offered)
        assert "L02" not in offered

    async def test_a_filter_that_fits_nothing_shows_the_way_out(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        await hand_in(browser, kitchen)
        await sign_in(browser, "reviewer")
        page = (await browser.get("/review?rule=K99&severity=1")).text
        assert "没有符合筛选的案件" in page
        assert 'href="/review">显示全部' in page

    @pytest.mark.parametrize(
        "address", ["queue=nonsense", "severity=4", "severity=x", "words=" + "长" * 101, "judged=1", "failed=x"]
    )
    async def test_a_value_that_is_none_is_said_in_words(self, browser: httpx.AsyncClient, address: str) -> None:
        await sign_in(browser, "reviewer")
        answer = await browser.get(f"/review?{address}")
        assert answer.status_code == 422
        assert "请返回后重新选择" in answer.text

    async def test_a_script_as_a_filter_stays_text(self, browser: httpx.AsyncClient) -> None:
        await sign_in(browser, "reviewer")
        page = (await browser.get("/review", params={"words": '"><script>alert(1)</script>'})).text
        assert "<script>alert" not in page
        assert "&#34;&gt;&lt;script&gt;" in page

    async def test_says_what_to_do_when_empty(self, browser: httpx.AsyncClient) -> None:
        await sign_in(browser, "officer")
        empty = {
            "judge": "没有待审核的案件", "notice": "没有待下发的告知书", "shop": "没有等待单位答复的案件",
            "verify": "没有待复核的案件",
        }
        for queue, words in empty.items():
            page = (await browser.get(f"/review?queue={queue}")).text
            assert words in page
            assert 'class="button" href="/' in page

    async def test_each_queue_says_what_is_left(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        ids = [await hand_in(browser, kitchen) for _ in range(3)]
        await sign_in(browser, "officer")
        await judge(browser, "violation", f"{ids[0]}:1")
        answer = await judge(browser, "notice", f"{ids[1]}:1")
        assert left(answer) == {"judge": 1, "notice": 1, "shop": 1, "verify": 0}
        listed = await browser.get("/review?queue=shop")
        assert f'href="/cases/{ids[1]}?queue=shop"' in listed.text
        assert "签收期限：" in listed.text

    async def test_a_reviewer_issues_no_notices(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "reviewer")
        page = await browser.get("/review")
        assert set(left(page)) == {"judge", "shop", "verify"}
        assert 'value="notice"' not in page.text
        assert (await browser.get("/review?queue=notice")).status_code == 403
        answer = await browser.post("/review/judge", data={"verdict": "notice", "case": f"{case_id}:1"})
        assert answer.status_code == 403
        assert left(await browser.get("/review"))["judge"] == 1  # nor is the case half done


class TestClip:
    async def test_a_link_without_a_script_or_why_there_is_none(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        for content, told in ((video(), CLIP_TOLD), (None, {"missing": "stopped"})):
            await hand_in(browser, kitchen)
            await browser.post(**kitchen.clip(content, **told))  # type: ignore[arg-type]
        await sign_in(browser, "reviewer")
        page = (await browser.get("/review")).text
        assert [(await browser.get(link)).content for link in re.findall(r'href="([^"]+)" data-play', page)] == [video()]
        assert "没有视频片段：边缘盒停止运行或断电。" in page

    async def test_one_that_comes_later_comes_into_the_page(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "reviewer")
        page = (await browser.get("/review")).text
        assert "视频片段尚未收到" in page
        had = {"had": str(case_id), "without_clip": str(case_id)}
        assert "data-clip" not in (await browser.post("/review/claim", data=had)).text
        await browser.post(**kitchen.clip(video(), **CLIP_TOLD))  # type: ignore[arg-type]
        more = (await browser.post("/review/claim", data=had)).text
        assert f'data-clip="{case_id}"' in more
        assert "/clip.mp4" in more
        # Not into that of somebody who looks at another case.
        await sign_in(browser, "officer")
        assert "data-clip" not in (await browser.post("/review/claim", data=had)).text


class TestTwoReviewers:
    async def test_never_get_the_same_case(
        self, browser: httpx.AsyncClient, kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(review, "WINDOW", 2)
        ids = [await hand_in(browser, kitchen) for _ in range(3)]
        await sign_in(browser, "reviewer")
        assert shown(await browser.get("/review")) == ids[:2]
        await sign_in(browser, "officer")
        page = await browser.get("/review")
        assert shown(page) == ids[2:]
        await sign_in(browser, "chief")
        page = await browser.get("/review")
        assert shown(page) == []
        assert "其中 2 件 reviewer 张 正在查看" in page.text

    async def test_who_opens_anothers_case_is_told(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "reviewer")
        await browser.get("/review")
        assert "正在查看" not in (await browser.get(f"/cases/{case_id}")).text
        await sign_in(browser, "officer")
        assert "reviewer 张 正在查看" in (await browser.get(f"/cases/{case_id}")).text

    async def test_what_was_left_is_free_at_once(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "reviewer")
        await browser.get("/review")
        await browser.post("/review/leave", data={"had": str(case_id)})
        await sign_in(browser, "officer")
        assert shown(await browser.get("/review")) == [case_id]

    async def test_nobody_can_end_anothers_lease(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "reviewer")
        await browser.get("/review")
        await sign_in(browser, "officer")
        await browser.post("/review/leave", data={"had": str(case_id)})
        assert shown(await browser.get("/review")) == []

    async def test_a_lease_ends_by_itself_and_its_holder_is_told(
        self, browser: httpx.AsyncClient, kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "reviewer")
        await browser.get("/review")
        monkeypatch.setattr(review, "LEASE", timedelta(hours=-1))
        await browser.post("/review/claim", data={"had": str(case_id)})  # as if the last renewal lay an hour back
        monkeypatch.undo()
        await sign_in(browser, "officer")
        assert shown(await browser.get("/review")) == [case_id]
        await sign_in(browser, "reviewer")
        answer = await browser.post("/review/claim", data={"had": str(case_id)})
        assert f'data-lost="{case_id}">{case_id} 号现在由 officer 张 查看' in answer.text


class TestVerdicts:
    async def test_of_many_at_once_and_back(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        ids = [await hand_in(browser, kitchen) for _ in range(3)]
        await sign_in(browser, "reviewer")
        page = await judge(browser, "cannot_tell", f"{ids[0]}:1", f"{ids[1]}:1")
        assert shown(page) == ids[2:]
        assert f"{ids[0]}、{ids[1]} 号：无法判断" in page.text
        back = dict.fromkeys(re.findall(r'name="case" value="(\d+:2)"', page.text))
        # Their time to be judged begins anew, so that within working hours they come last.
        assert sorted(shown(await judge(browser, "undo", *back))) == ids

    async def test_of_the_one_that_is_shown(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        first, second = await hand_in(browser, kitchen), await hand_in(browser, kitchen)
        await sign_in(browser, "reviewer")
        await browser.post("/review/judge", data={"verdict": "violation", "current": f"{first}:1"})
        assert shown(await browser.get("/review")) == [second]

    async def test_the_selected_are_merged_into_the_one_that_is_shown(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        whole, *parts = [await hand_in(browser, kitchen) for _ in range(3)]
        await sign_in(browser, "reviewer")
        form = {"verdict": "merge", "current": f"{whole}:1", "case": [f"{part}:1" for part in (whole, *parts)]}
        page = await browser.post("/review/judge", data=form, follow_redirects=True)
        assert shown(page) == [whole]
        assert f"{parts[0]}、{parts[1]} 号：已并入其他案件" in page.text
        assert [(await browser.get(f"/api/v1/cases/{part}")).json()["merged_into"] for part in parts] == [whole, whole]

    async def test_a_merge_is_taken_back(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        whole, *parts = [await hand_in(browser, kitchen) for _ in range(3)]
        await sign_in(browser, "reviewer")
        form = {"verdict": "merge", "current": f"{whole}:1", "case": [f"{part}:1" for part in parts]}
        page = await browser.post("/review/judge", data=form, follow_redirects=True)
        back = re.findall(r'name="case" value="(\d+:2)"', page.text)
        assert sorted(shown(await judge(browser, "undo", *back))) == [whole, *parts]
        assert [(await browser.get(f"/api/v1/cases/{one}")).json()["merged_into"] for one in parts] == [None, None]

    @pytest.mark.parametrize("current", ["{0}:1", "", "x"])
    async def test_nothing_is_merged_into_itself_or_nowhere(
        self, browser: httpx.AsyncClient, kitchen: Kitchen, current: str
    ) -> None:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "reviewer")
        form = {"verdict": "merge", "current": current.format(case_id), "case": f"{case_id}:1"}
        answer = await browser.post("/review/judge", data=form)
        assert answer.status_code == 422
        assert "请返回，勾选与所显示案件为同一件事的案件" in answer.text
        assert shown(await browser.get("/review")) == [case_id]

    async def test_into_one_that_has_ended_is_told(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        ended, waiting = await hand_in(browser, kitchen), await hand_in(browser, kitchen)
        await sign_in(browser, "reviewer")
        await judge(browser, "cannot_tell", f"{ended}:1")
        form = {"verdict": "merge", "current": f"{ended}:1", "case": f"{waiting}:1"}
        told = (await browser.post("/review/judge", data=form, headers={"Accept": "application/json"})).json()
        assert "要并入的案件已办结" in told["problems"][str(waiting)]

    async def test_a_notice_that_nobody_would_get_confirms_nothing_either(
        self, browser: httpx.AsyncClient, kitchen: Kitchen
    ) -> None:
        case_id = await hand_in(browser, kitchen)
        database = Database(kitchen.settings.async_database_url, 5)
        async with database.writing() as work:
            await work.execute(delete(Contact))
        await database.close()
        await sign_in(browser, "officer")
        page = await judge(browser, "notice", f"{case_id}:1")
        assert f'<a href="/cases/{case_id}">{case_id} 号</a>' in page.text
        assert (await browser.get(f"/api/v1/cases/{case_id}")).json()["state"] == "pending_review"

    async def test_who_comes_second_is_told_what_the_first_did(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "officer")
        await judge(browser, "violation", f"{case_id}:1")
        await sign_in(browser, "reviewer")
        form = {"verdict": "not_a_violation", "case": f"{case_id}:1"}
        told = (await browser.post("/review/judge", data=form, headers={"Accept": "application/json"})).json()
        assert told["versions"] == {}
        assert "officer 张 已于" in told["problems"][str(case_id)]
        page = await judge(browser, "not_a_violation", f"{case_id}:1")
        assert "这些案件没有处理" in page.text

    async def test_twice_from_two_tabs_is_done_once(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "reviewer")
        await judge(browser, "violation", f"{case_id}:1")
        page = await judge(browser, "violation", f"{case_id}:1")
        assert f'href="/cases/{case_id}">' in page.text
        case = (await browser.get(f"/api/v1/cases/{case_id}")).json()
        assert [step["act"] for step in case["transitions"]].count("confirm") == 1

    async def test_undo_is_over_after_ten_seconds(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "reviewer")
        await judge(browser, "violation", f"{case_id}:1")
        centre = browser._transport.app.state.centre  # type: ignore[attr-defined]
        centre.clock = lambda: datetime.now(UTC) + timedelta(seconds=11)
        form = {"verdict": "undo", "case": f"{case_id}:2"}
        told = (await browser.post("/review/judge", data=form, headers={"Accept": "application/json"})).json()
        assert "10 秒" in told["problems"][str(case_id)]

    @pytest.mark.parametrize(
        ("ref", "status"), [("", 422), ("x", 422), ("1", 422), ("1:1:1", 422), ("-1:1", 422), ("999999:1", 404)]
    )
    async def test_a_case_that_is_none(self, browser: httpx.AsyncClient, kitchen: Kitchen, ref: str, status: int) -> None:
        await hand_in(browser, kitchen)
        await sign_in(browser, "reviewer")
        answer = await browser.post("/review/judge", data={"verdict": "violation", "case": ref})
        assert answer.status_code == status
        assert left(await browser.get("/review"))["judge"] == 1


class TestWayBack:
    async def test_leads_to_the_queue_as_it_was_narrowed(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        done, following, other = [await hand_in(browser, kitchen, rule) for rule in ("K07", "K07", "K01")]
        await sign_in(browser, "officer")
        for case_id in (done, following, other):
            await judge(browser, "violation", f"{case_id}:1")
        came = "queue=notice&amp;rule=K07"
        listed = (await browser.get("/review?queue=notice&rule=K07")).text
        assert f'href="/cases/{done}?{came}"' in listed
        page = (await browser.get(f"/cases/{done}?queue=notice&rule=K07")).text
        back = f'<a class="back" href="/review?{came}">← 待下发 · 抽烟</a>'
        assert back in page
        assert f'action="/cases/{done}/issue?{came}"' in page
        after = await browser.post(f"/cases/{done}/issue?queue=notice&rule=K07", data={"version": "2"}, follow_redirects=True)
        assert back in after.text
        assert f'<a href="/cases/{following}?{came}">' in after.text

    async def test_leads_to_the_list_as_it_was_narrowed(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        older, other, done = [await hand_in(browser, kitchen, rule) for rule in ("K07", "K01", "K07")]
        await sign_in(browser, "officer")
        for case_id in (older, other, done):
            await judge(browser, "violation", f"{case_id}:1")
        came = "list=confirmed&amp;rule=K07"
        assert f'href="/cases/{done}?{came}"' in (await browser.get("/cases?state=confirmed&rule=K07")).text
        back = '<a class="back" href="/cases?state=confirmed&amp;rule=K07">← 案件 · 已确认 · 抽烟</a>'
        assert back in (await browser.get(f"/cases/{done}?list=confirmed&rule=K07")).text
        after = await browser.post(f"/cases/{done}/issue?list=confirmed&rule=K07", data={"version": "2"}, follow_redirects=True)
        assert (back in after.text, f'<a href="/cases/{older}?{came}">' in after.text) == (True, True)

    async def test_the_list_as_it_first_is_needs_no_name(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "officer")
        assert f'href="/cases/{case_id}">' in (await browser.get("/cases")).text
        assert '<a class="back" href="/cases">← 案件</a>' in (await browser.get(f"/cases/{case_id}")).text

    async def test_is_kept_by_the_smaller_forms_of_a_case(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "chief")
        await judge(browser, "violation", f"{case_id}:1")
        page = (await browser.get(f"/cases/{case_id}?list=confirmed&rule=K01")).text
        faces = page.split('name="why"')[0].rsplit("<form", 1)[1]
        assert ('name="list" value="confirmed"' in faces, 'name="rule" value="K01"' in faces) == (True, True)
        held = await browser.post(f"/cases/{case_id}/keeping/hold?list=confirmed&rule=K01", data={"reason": "诉讼"})
        assert held.headers["location"] == f"/cases/{case_id}?list=confirmed&rule=K01"

    async def test_a_shop_is_led_to_its_own_lists_only(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "officer")
        await judge(browser, "notice", f"{case_id}:1")
        await sign_in(browser, "store")
        assert 'href="/cases?state=all">' in (await browser.get(f"/cases/{case_id}?list=all")).text
        assert '<a class="back" href="/cases">' in (await browser.get(f"/cases/{case_id}?list=dismissed")).text

    @pytest.mark.parametrize(
        "address",
        [
            "queue=nonsense", "queue=notice&severity=x", "queue=shop&words=" + "长" * 300, "list=nonsense",
            "list=all&cursor=nonsense",
        ],
    )
    async def test_a_queue_that_is_none_keeps_nobody_from_the_case(
        self, browser: httpx.AsyncClient, kitchen: Kitchen, address: str
    ) -> None:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "officer")
        assert (await browser.get(f"/cases/{case_id}?{address}")).status_code == 200

    async def test_a_shop_is_led_to_no_queue(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "officer")
        await judge(browser, "notice", f"{case_id}:1")
        await sign_in(browser, "store")
        assert "/review" not in (await browser.get(f"/cases/{case_id}?queue=shop")).text
