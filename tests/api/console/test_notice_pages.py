"""Notices and drafts on the pages: what the issuer reads before, what the shop reads after."""

import html
import re
from datetime import timedelta

import httpx
import pymupdf
import pytest
from sqlalchemy import update

from api.cases.tables import Case
from api.kit.database import Database
from api.kit.times import now
from api.places import repository as places
from tests.api.console.kitchen import SHOP, Kitchen, hand_in, sign_in
from tests.api.console.test_case_pages import asked_again
from tests.api.world import HOUSE

OFFICERS = {"officer_1": "王建国", "certificate_1": "川 0101", "officer_2": "李红", "certificate_2": "川 0102"}
OP_GLOVES = "《餐饮服务食品安全操作规范》（2018）14.3.2.5（仅规定“如佩戴手套”）"


def words(page: httpx.Response) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", page.text))


async def confirmed(browser: httpx.AsyncClient, kitchen: Kitchen, rule: str = "K01") -> int:
    case_id = await hand_in(browser, kitchen, rule)
    await sign_in(browser, "officer")
    assert (await browser.post(f"/cases/{case_id}/confirm", data={"version": 1})).status_code == 303
    return case_id


class TestNotice:
    async def test_the_draft_before_and_the_notice_after(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await confirmed(browser, kitchen)
        draft = words(await browser.get(f"/cases/{case_id}/notice"))
        assert "草稿：未下发，无编号" in draft
        assert "14.3.1.3（未核对）" in draft
        assert (await browser.post(f"/cases/{case_id}/issue", data={"version": 2})).status_code == 303
        notice = words(await browser.get(f"/cases/{case_id}/notice"))
        assert "草稿" not in notice
        assert "14.3.1.3" not in notice
        assert re.search(r"城东所整告〔\d{4}〕1号", words(await browser.get(f"/cases/{case_id}")))

    async def test_the_shop_reads_it(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await confirmed(browser, kitchen)
        await browser.post(f"/cases/{case_id}/issue", data={"version": 2})
        await sign_in(browser, "store")
        case = await browser.get(f"/cases/{case_id}")
        assert f'href="/cases/{case_id}/notice"' in case.text
        assert f"/api/v1/cases/{case_id}/notice.pdf?language=zh-CN" in case.text
        assert "不属于行政处罚决定" in words(await browser.get(f"/cases/{case_id}/notice"))
        assert (await browser.get(f"/cases/{case_id}/answer.png")).headers["content-type"] == "image/png"

    async def test_that_no_message_reaches_the_shop_is_said_to_who_issues(
        self, browser: httpx.AsyncClient, kitchen: Kitchen
    ) -> None:
        case_id = await confirmed(browser, kitchen)
        unreached = "告知消息发不到该单位"
        assert unreached in (await browser.get(f"/cases/{case_id}")).text
        group = {"channel": "wecom", "name": "后厨群", "token": "a-robot-key", "events": "case.issued", "enabled": "yes"}
        for place, reads, told in (("", "authority", False), (f"shop:{kitchen.shop_id}", "shop", True)):
            await sign_in(browser, "admin")
            added = await browser.post("/targets/new", data={**group, "place": place, "audience": reads, "language": "zh-CN"})
            assert added.status_code == 303, added.text
            await sign_in(browser, "officer")
            assert (unreached not in (await browser.get(f"/cases/{case_id}")).text) is told

    async def test_without_a_contact_the_page_says_what_to_do(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await confirmed(browser, kitchen)
        database = Database(kitchen.settings.async_database_url, 5)
        async with database.writing() as work:
            shop = await places.get_shop(work, HOUSE, kitchen.shop_id)
            assert shop is not None
            shop.contacts.clear()
        await database.close()
        answer = await browser.post(f"/cases/{case_id}/issue", data={"version": 2})
        told = f"“{SHOP}”没有联系人，告知无人接收。请在“餐饮单位”中填写联系人姓名和电话。"
        assert answer.status_code == 409
        assert told in words(answer)
        assert told in words(await browser.get(f"/cases/{case_id}/notice"))

    async def test_a_section_head_accepts_a_citation(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await confirmed(browser, kitchen, "K06")
        assert "科所负责人" in words(await browser.post(f"/cases/{case_id}/issue", data={"version": 2}))
        assert "认可此条文" not in (await browser.get(f"/cases/{case_id}")).text
        await sign_in(browser, "chief")
        assert "认可此条文" in (await browser.get(f"/cases/{case_id}")).text
        form = {"text": OP_GLOVES, "note": "已核对原文。", "case": case_id}
        assert (await browser.post("/citations/accept", data=form)).status_code == 303
        assert "已由科所负责人认可" in words(await browser.get(f"/cases/{case_id}"))
        assert (await browser.post("/citations/revoke", data={**form, "note": "看错条款。"})).status_code == 303
        assert "尚未核对，也没有其他条款" in words(await browser.get(f"/cases/{case_id}"))
        assert (await browser.post("/citations/accept", data=form)).status_code == 303
        assert (await browser.post(f"/cases/{case_id}/issue", data={"version": 2})).status_code == 303

    async def test_a_citation_needs_a_note(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await confirmed(browser, kitchen, "K06")
        await sign_in(browser, "chief")
        form = {"text": OP_GLOVES, "note": "已核对原文。", "case": case_id}
        for act in ("accept", "revoke"):
            for typed, wrong in (("  ", "请填写这一项"), ("x" * 1001, "内容太长了")):
                answer = await browser.post(f"/citations/{act}", data={**form, "note": typed})
                asked_again(answer, f'action="/citations/{act}"', typed, wrong)
            await browser.post("/citations/accept", data=form)

    @pytest.mark.parametrize("rule", ["K16", "V01", "V02", "V03"])
    async def test_a_rule_without_a_clause_number_says_so_before(
        self, browser: httpx.AsyncClient, kitchen: Kitchen, rule: str
    ) -> None:
        case_id = await confirmed(browser, kitchen, rule)
        page = words(await browser.get(f"/cases/{case_id}"))
        assert "暂不能下发告知" in page
        assert "因此不能据此下发告知，任何人认可也不行" in page


class TestOrder:
    async def test_a_draft_with_two_named_officers(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await confirmed(browser, kitchen)
        draft = await browser.get(f"/cases/{case_id}/order", params=OFFICERS)
        for item in (
            "责令改正通知书", "草稿", SHOP, "未戴工作帽", "第三十三条第一款第（八）项", "14.3.1.3（未核对）", "（条款待补）",
            "《行政处罚法》第二十八条", "王建国（执法证号 川 0101）", "李红（执法证号 川 0102）", "六十日内",
            "六个月内", "officer 张", "028-1234567",
        ):
            assert item in words(draft), item
        paper = await browser.get(f"/cases/{case_id}/order.pdf", params=OFFICERS)
        with pymupdf.open("pdf", paper.content) as document:
            text = [page.get_text(flags=0).replace("\n", "") for page in document]
        assert all("草稿 未生效" in page for page in text)
        assert "川 0102" in "".join(text)

    async def test_what_it_names_is_kept_until_somebody_lifts_that(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        """An order is disputed for six months after its service; the case may have been closed here long before."""
        case_id = await confirmed(browser, kitchen)
        for _ in range(2):
            await browser.get(f"/cases/{case_id}/order", params=OFFICERS)
        await sign_in(browser, "chief")
        (hold,) = (await browser.get(f"/api/v1/cases/{case_id}/holds")).json()
        assert (hold["set_by"], hold["lifted_at"], "责令改正通知书" in hold["set_because"]) == ("officer 张", None, True)

    async def test_it_names_the_evidence_of_what_was_merged_too(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        part, case_id = await hand_in(browser, kitchen), await confirmed(browser, kitchen)
        await browser.post(f"/cases/{part}/merge", data={"version": 1, "into": case_id})
        draft = words(await browser.get(f"/cases/{case_id}/order", params=OFFICERS))
        assert len(set(re.findall(r"[0-9a-f]{64}", draft))) == 2

    async def test_no_day_to_put_it_right_by_that_is_over(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await confirmed(browser, kitchen)
        await browser.post(f"/cases/{case_id}/issue", data={"version": 2})
        in_time = words(await browser.get(f"/cases/{case_id}/order", params=OFFICERS))
        assert re.search(r"现责令你（单位）在 \d+年\d+月\d+日 17时30分 前改正", in_time)
        database = Database(kitchen.settings.async_database_url, 5)
        async with database.writing() as work:
            await work.execute(update(Case).values(rectify_due_at=now() - timedelta(days=1)))
        await database.close()
        late = words(await browser.get(f"/cases/{case_id}/order", params=OFFICERS))
        assert re.search(r"现责令你（单位）在　+年　+月　+日前改正", late)

    @pytest.mark.parametrize(
        "wrong", [{"officer_2": ""}, {"certificate_2": " "}, {"officer_2": "王建国"}, {"certificate_2": "川 0101"}],
        ids=["one officer", "no certificate", "the same name", "the same certificate"],
    )
    async def test_not_without_two(self, browser: httpx.AsyncClient, kitchen: Kitchen, wrong: dict[str, str]) -> None:
        case_id = await confirmed(browser, kitchen)
        answer = await browser.get(f"/cases/{case_id}/order", params=OFFICERS | wrong)
        assert answer.status_code == 422
        assert "请填写两名不同的执法人员及各自的执法证号" in words(answer)
        assert (await browser.get(f"/cases/{case_id}/order.pdf", params=OFFICERS | wrong)).status_code == 422

    async def test_not_of_a_case_that_nobody_has_confirmed(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        case_id = await hand_in(browser, kitchen)
        await sign_in(browser, "officer")
        assert (await browser.get(f"/cases/{case_id}/order.pdf", params=OFFICERS)).status_code == 409


class TestStation:
    async def test_its_telephone(self, browser: httpx.AsyncClient) -> None:
        await sign_in(browser, "admin")
        assert "/districts/district-1" in (await browser.get("/shops")).text
        wrong = await browser.post("/districts/district-1", data={"name": "城东所", "phone": "none"})
        assert (wrong.status_code, "请填写数字电话号码" in words(wrong)) == (422, True)
        right = await browser.post("/districts/district-1", data={"name": "城东所", "phone": "028 7654321", "address": "东大街"})
        assert right.status_code == 303
        assert "028 7654321" in (await browser.get("/districts/district-1")).text
