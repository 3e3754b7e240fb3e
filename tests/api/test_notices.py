"""Notices: what they say, how they are numbered, what stands in their way, what they may cite, and drafts."""

import asyncio
import hashlib
from datetime import datetime
from typing import Any

import cv2
import httpx
import numpy as np
import pymupdf
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from api.accounts.dependencies import COOKIE
from api.accounts.permissions import Role
from api.accounts.service import actor_of, start_session
from api.accounts.tables import User
from api.kit.times import SHOP_TIME, now
from api.notices.documents import LANGUAGES, TEMPLATES, Officer, OrderDraft, notice_html, notice_pdf, order_html, qr_png
from api.notices.paper import NoSuchCharacter, missing_characters, write_pdf
from api.notices.schemas import Facts
from tests.api.acts import do, done
from tests.api.world import EdgeBox, Place, World, problem_code, with_key

OP_MASKS = "《餐饮服务食品安全操作规范》（2018）14.3.2.3、14.3.2.4（“宜”）"
GB = "GB 31654-2021《餐饮服务通用卫生规范》（条款待核）"
F33_8 = "《食品安全法》第三十三条第一款第（八）项"
NO_PENALTY = "本告知由AI线索经人工审核后发出，不属于行政处罚决定"


async def confirmed(world: World, box: EdgeBox, officer: httpx.AsyncClient, rule: str = "K01") -> int:
    case_id: int = (await box.report(rule=rule)).json()["case_id"]
    await done(officer, case_id, "confirm")
    return case_id


async def issued(world: World, box: EdgeBox, officer: httpx.AsyncClient) -> int:
    case_id = await confirmed(world, box, officer)
    await done(officer, case_id, "issue")
    return case_id


async def change_shop(world: World, place: Place, **changes: Any) -> None:
    admin = await world.person(Role.ADMIN)
    shop = (await admin.get(f"/api/v1/shops/{place.shop_id}")).json()
    body = {key: value for key, value in {**shop, **changes}.items() if key not in ("id", "version")}
    assert (await admin.put(f"/api/v1/shops/{place.shop_id}", json=body)).status_code == 200


def words_of(pdf: bytes, between_lines: str = "") -> str:
    with pymupdf.open("pdf", pdf) as document:
        return "".join(page.get_text(flags=0) for page in document).replace("\n", between_lines)


class TestIssue:
    async def test_the_notice_holds_every_item(self, any_world: World):
        any_world.centre.clock = lambda: datetime(2026, 11, 24, 9, 0, tzinfo=SHOP_TIME)
        place = await any_world.place("川菜馆")
        licences = [
            {"kind": "business", "number": "91510104MA6CA0000H", "expires_on": None},
            {"kind": "food_business", "number": "JY25101120000000", "expires_on": "2026-11-23"},
            {"kind": "food_business", "number": "JY25101120012345", "expires_on": "2031-11-23"},
        ]
        await change_shop(any_world, place, address="东大街 1 号", licences=licences)
        officer = await any_world.person()
        case_id = await issued(any_world, await any_world.edge(place), officer)
        notice = (await officer.get(f"/api/v1/cases/{case_id}/notice")).json()
        paper = words_of((await officer.get(f"/api/v1/cases/{case_id}/notice.pdf")).content)
        for item in (
            "川菜馆 district整告〔2026〕1号", "川菜馆", "JY25101120012345", "东大街 1 号", "从业人员在食品处理区未戴工作帽",
            "K01 未戴工作帽", F33_8, "2026年11月22日 20:00:00", "川菜馆 camera", "Cold dishes", "较重",
            "工作人员戴好清洁的工作帽", "2026年11月27日 17:30",
            "http://127.0.0.1:8000/n/", "陈述申辩", "officer person", "028-1234567", NO_PENALTY,
        ):
            assert item in paper, item
        assert notice["reference"] == "川菜馆 district整告〔2026〕1号"
        assert GB not in paper
        assert notice["facts"]["licence"] == "JY25101120012345"

    @pytest.mark.parametrize(
        ("told", "chinese", "english"),
        [
            (datetime(1970, 1, 1, tzinfo=SHOP_TIME), "时间存疑：设备时钟有误", "when the centre received the picture"),
            (datetime(2026, 11, 22, 20, tzinfo=SHOP_TIME), "时间存疑：此为设备自身时钟的时间", "as the box told it"),
        ],
    )
    async def test_a_doubtful_time_is_marked(self, world: World, told: datetime, chinese: str, english: str):
        box, officer = await world.edge(await world.place()), await world.person()
        case_id = (await box.report(captured_at=told, clock_offset_s=None)).json()["case_id"]
        assert (await do(officer, case_id, "confirm", 1)).status_code == 200
        assert (await do(officer, case_id, "issue", 2)).status_code == 200
        for language, words, between in (("zh-CN", chinese, ""), ("en", english, " ")):
            paper = await officer.get(f"/api/v1/cases/{case_id}/notice.pdf?language={language}")
            assert words in words_of(paper.content, between)

    async def test_in_english_too(self, world: World):
        officer = await world.person()
        case_id = await issued(world, await world.edge(await world.place()), officer)
        paper = words_of((await officer.get(f"/api/v1/cases/{case_id}/notice.pdf?language=en")).content, " ")
        assert "A person worked in the food-processing area without a work cap" in paper
        assert "not a decision on an administrative penalty" in paper

    @pytest.mark.parametrize(("language", "mark"), [("zh-CN", "已撤销"), ("en", "WITHDRAWN")])
    async def test_one_that_was_withdrawn_says_so_on_each_page(self, world: World, language: str, mark: str):
        """As it was issued, it would be taken for one that holds by whoever is handed the sheet."""
        officer, chief = await world.person(), await world.person(Role.CHIEF)
        case_id = await issued(world, await world.edge(await world.place()), officer)
        for is_marked in (False, True):
            paper = (await officer.get(f"/api/v1/cases/{case_id}/notice.pdf?language={language}")).content
            with pymupdf.open("pdf", paper) as document:
                assert {mark in page.get_text(flags=0).replace("\n", "") for page in document} == {is_marked}
            if not is_marked:
                await done(chief, case_id, "withdraw", reason="wrong_facts")

    async def test_a_notice_stays_as_it_was_issued(self, any_world: World):
        place = await any_world.place("Before")
        officer = await any_world.person()
        case_id = await issued(any_world, await any_world.edge(place), officer)
        await change_shop(any_world, place, name="After")
        assert (await officer.get(f"/api/v1/cases/{case_id}/notice")).json()["facts"]["shop"] == "Before"
        for change in ("UPDATE notices SET number = 7", "DELETE FROM notices"):
            async with any_world.centre.database.reading() as work:
                with pytest.raises(DBAPIError, match="append-only"):
                    await work.execute(text(change))

    async def test_the_shop_sees_it_and_another_does_not(self, world: World):
        place = await world.place()
        case_id = await issued(world, await world.edge(place), await world.person())
        owner = await world.person(Role.STORE_OWNER, place=place)
        stranger = await world.person(Role.STORE_OWNER, place=await world.place("Another"))
        assert (await owner.get(f"/api/v1/cases/{case_id}/notice")).status_code == 200
        assert (await owner.get(f"/api/v1/cases/{case_id}/notice.pdf")).headers["content-type"] == "application/pdf"
        assert (await stranger.get(f"/api/v1/cases/{case_id}/notice")).status_code == 404


class TestNumbers:
    async def test_without_gaps_also_in_parallel(self, any_world: World):
        """On PostgreSQL the transactions really run side by side; an issue that fails takes no number with it."""
        place = await any_world.place()
        box, officer = await any_world.edge(place), await any_world.person()
        cases = [await confirmed(any_world, box, officer) for _ in range(8)]
        refused = await confirmed(any_world, box, officer, rule="K03")
        answers = await asyncio.gather(
            *(do(officer, case_id, "issue", 2) for case_id in (*cases[:4], refused, *cases[4:]))
        )
        assert sorted(answer.status_code for answer in answers) == [200] * 8 + [409]
        numbers = [(await officer.get(f"/api/v1/cases/{case_id}/notice")).json()["facts"]["number"] for case_id in cases]
        assert sorted(numbers) == list(range(1, 9))

    async def test_each_station_and_each_year_begins_with_one(self, any_world: World):
        officer = await any_world.person()
        boxes = [await any_world.edge(await any_world.place(name)) for name in ("A", "B")]
        found = []
        for year, box in ((2026, boxes[0]), (2026, boxes[1]), (2026, boxes[0]), (2027, boxes[0])):
            # The year turns in Shanghai, eight hours before it does in UTC.
            any_world.centre.clock = lambda year=year: datetime(year, 1, 1, 0, 30, tzinfo=SHOP_TIME)
            case_id = await issued(any_world, box, officer)
            facts = (await officer.get(f"/api/v1/cases/{case_id}/notice")).json()["facts"]
            found.append((facts["station"], facts["year"], facts["number"]))
        assert found == [("A district", 2026, 1), ("B district", 2026, 1), ("A district", 2026, 2), ("A district", 2027, 1)]


class TestObstacles:
    async def refused(self, world: World, place: Place, rule: str = "K01") -> str:
        officer = await world.person()
        case_id = await confirmed(world, await world.edge(place), officer, rule)
        answer = await do(officer, case_id, "issue", 2)
        assert (answer.status_code, problem_code(answer)) == (409, "notice-not-possible")
        case = (await officer.get(f"/api/v1/cases/{case_id}")).json()
        assert (case["state"], case["version"]) == ("confirmed", 2)
        detail: str = answer.json()["detail"]
        return detail

    async def test_a_shop_without_a_contact(self, any_world: World):
        place = await any_world.place()
        await change_shop(any_world, place, contacts=[])
        assert "Enter a name and a telephone number" in await self.refused(any_world, place)

    async def test_a_station_without_a_telephone(self, world: World):
        place = await world.place()
        admin = await world.person(Role.ADMIN)
        body = {"name": "Station", "phone": None}
        assert (await admin.put(f"/api/v1/districts/{place.district_id}", json=body)).status_code == 200
        assert "Station has no telephone number" in await self.refused(world, place)

    async def test_a_character_that_the_font_lacks_is_named(self, world: World):
        place = await world.place()
        await change_shop(world, place, name="𠮷野家")
        assert "𠮷 (U+20BB7) – 𠮷野家" in await self.refused(world, place)

    async def test_a_rule_that_nobody_has_checked(self, world: World):
        assert f"Nobody has checked {OP_MASKS}" in await self.refused(world, await world.place(), "K03")

    @pytest.mark.parametrize("rule", ["K16", "V01", "V02", "V03"])
    async def test_a_rule_without_a_clause_number(self, world: World, rule: str):
        assert "no clause number" in await self.refused(world, await world.place(), rule)


class TestCitations:
    async def test_accepted_once_on_record(self, any_world: World):
        place = await any_world.place()
        box, officer = await any_world.edge(place), await any_world.person(place=place)
        chief = await any_world.person(Role.CHIEF, place=place)
        case_id = await confirmed(any_world, box, officer, "K03")
        for note in ("Read in the gazette.", "Again."):
            answer = await chief.post("/api/v1/citations/accept", json={"text": OP_MASKS, "note": note})
            assert (answer.status_code, answer.json()["note"]) == (200, "Read in the gazette.")
        assert (await do(officer, case_id, "issue", 2)).status_code == 200
        facts = (await officer.get(f"/api/v1/cases/{case_id}/notice")).json()["facts"]
        assert [(line["text"], line["standing"]) for line in facts["citations"]] == [(OP_MASKS, "accepted")]
        auditor = await any_world.person(Role.AUDITOR)
        entries = (await auditor.get("/api/v1/audit", params={"limit": 200})).json()["items"]
        assert [entry["detail"]["text"] for entry in entries if entry["action"] == "citation.accepted"] == [OP_MASKS]

    async def test_taken_back_on_record(self, any_world: World):
        place = await any_world.place()
        box, officer = await any_world.edge(place), await any_world.person(place=place)
        chief = await any_world.person(Role.CHIEF, place=place)
        before, after = await confirmed(any_world, box, officer, "K03"), await confirmed(any_world, box, officer, "K03")
        await chief.post("/api/v1/citations/accept", json={"text": OP_MASKS, "note": "Read in the gazette."})
        assert (await do(officer, before, "issue", 2)).status_code == 200
        for _ in range(2):  # a second tap
            answer = await chief.post("/api/v1/citations/revoke", json={"text": OP_MASKS, "note": "Misread."})
            assert (answer.status_code, answer.json()["standing"]) == (200, "unverified")
        assert (await do(officer, after, "issue", 2)).status_code == 409
        facts = (await officer.get(f"/api/v1/cases/{before}/notice")).json()["facts"]
        assert [line["text"] for line in facts["citations"]] == [OP_MASKS]
        auditor = await any_world.person(Role.AUDITOR)
        (entry,) = (await auditor.get("/api/v1/audit", params={"action": "citation.revoked"})).json()["items"]
        assert (entry["actor_name"], entry["reason"], entry["detail"]["text"]) == ("chief person", "Misread.", OP_MASKS)
        await chief.post("/api/v1/citations/accept", json={"text": OP_MASKS, "note": "Read again."})
        assert (await do(officer, after, "issue", 2)).status_code == 200

    async def test_what_nobody_has_accepted_cannot_be_taken_back(self, world: World):
        chief = await world.person(Role.CHIEF, place=await world.place())
        elsewhere = await world.person(Role.CHIEF, place=await world.place("Elsewhere"))
        await elsewhere.post("/api/v1/citations/accept", json={"text": OP_MASKS, "note": "Read."})
        for text_, note in ((OP_MASKS, "x"), ("《某法》第一条", "x")):
            answer = await chief.post("/api/v1/citations/revoke", json={"text": text_, "note": note})
            assert answer.status_code == 404

    async def test_does_not_hold_in_another_district(self, world: World):
        chief = await world.person(Role.CHIEF, place=await world.place("Elsewhere"))
        await chief.post("/api/v1/citations/accept", json={"text": OP_MASKS, "note": "Read."})
        officer = await world.person()
        case_id = await confirmed(world, await world.edge(await world.place("Here")), officer, "K03")
        assert (await do(officer, case_id, "issue", 2)).status_code == 409

    @pytest.mark.parametrize(
        ("citation", "status"), [(GB, 422), (F33_8, 422), ("《某法》第一条", 404)], ids=["no clause", "verified", "unknown"]
    )
    async def test_what_cannot_be_accepted(self, world: World, citation: str, status: int):
        chief = await world.person(Role.CHIEF)
        answer = await chief.post("/api/v1/citations/accept", json={"text": citation, "note": "Read."})
        assert answer.status_code == status

    async def test_only_a_section_head_accepts(self, world: World):
        answer = await (await world.person()).post("/api/v1/citations/accept", json={"text": OP_MASKS, "note": "Read."})
        assert answer.status_code == 403

    async def test_nobody_of_one_shop_accepts_or_takes_back_for_others(self, world: World):
        place, head = await world.place(), await world.person(Role.CHIEF)
        await head.post("/api/v1/citations/accept", json={"text": OP_MASKS, "note": "Read."})
        async with world.centre.database.writing() as work:
            bound = User(
                login="bound", name="Bound", password_hash="!", role=Role.CHIEF, shop_id=place.shop_id, created_at=now()
            )
            work.add(bound)
            await work.flush()
            token = await start_session(work, world.centre.settings, actor_of(bound, None))
        chief = world.client(cookies={COOKIE: token}, event_hooks={"request": [with_key]})
        for act in ("accept", "revoke"):
            answer = await chief.post(f"/api/v1/citations/{act}", json={"text": OP_MASKS, "note": "Read."})
            assert (answer.status_code, problem_code(answer)) == (403, "forbidden")

    async def test_the_list_says_what_is_checked(self, world: World):
        items = (await (await world.person()).get("/api/v1/citations")).json()["items"]
        standings = {item["text"]: (item["standing"], item["rules"][:1]) for item in items}
        assert standings[F33_8] == ("verified", ["K01"])
        assert standings[OP_MASKS] == ("unverified", ["K03"])
        assert standings[GB] == ("no_clause", ["K01"])


FACTS = Facts.model_validate({
    "template": 1, "case_id": 7, "year": 2026, "number": 3, "bureau": "望江县市场监督管理局", "station": "城东所",
    "phone": "028-1234567", "station_address": None, "officer": "王建国", "issued_at": "2026-11-24T01:00:00Z",
    "shop": "望江楼 & <川菜馆>", "licence": None, "credit_code": None, "address": None, "rule": "K01",
    "rule_name": {"zh": "未戴工作帽", "en": "No work cap"}, "severity": 3,
    "seen": {"zh": "看见", "en": "Seen"}, "to_do": {"zh": "改正", "en": "Put right"}, "captured_at": "2026-11-24T00:00:00Z",
    "citations": [{"text": OP_MASKS, "says": "rule", "standing": "unverified"}], "camera": "1 号机", "area": "凉菜间",
    "due_at": "2026-11-27T09:30:00Z",
})


class TestTemplates:
    @pytest.mark.parametrize(
        ("template", "language", "digest"),
        [
            (1, "zh-CN", "4336351adcebdf54"), (1, "en", "e5ec2619ef398f64"), (2, "zh-CN", "d0174df4a81838d4"),
            (2, "en", "dfb64417836b9d76"),
        ],
    )
    def test_what_was_issued_stays_as_it_was(self, template: int, language: str, digest: str):
        facts = FACTS.model_copy(update={"template": template})
        html = notice_html(facts, language, "http://centre.test/n/x", "code.png")
        assert hashlib.sha256(html.encode()).hexdigest()[:16] == digest

    def test_a_day_has_no_zeros_before_its_numbers(self):
        """GB/T 9704-2012, 7.3.5.4."""
        moment = datetime(2026, 12, 2, 9, 5, tzinfo=SHOP_TIME)
        facts = FACTS.model_copy(
            update={"template": TEMPLATES, "captured_at": moment, "due_at": moment, "issued_at": moment, "number": None}
        )
        officers = (Officer("王建国", "1"), Officer("李红", "2"))
        order = order_html(OrderDraft(facts, moment, officers, [], "王建国", moment, []))
        for html in (notice_html(facts, "zh-CN", "", ""), order):
            assert "2026年12月2日" in html
            assert "02日" not in html

    def test_an_order_says_that_its_time_is_in_doubt(self):
        facts = FACTS.model_copy(update={"template": TEMPLATES, "time_doubt": "uncompared"})
        officers = (Officer("王建国", "1"), Officer("李红", "2"))
        assert "时间存疑，须核实" in order_html(OrderDraft(facts, None, officers, [], "王建国", now(), []))

    def test_what_did_not_change_is_set_as_before(self):
        newest = FACTS.model_copy(update={"template": TEMPLATES})
        before = FACTS.model_copy(update={"template": 2})
        assert notice_html(newest, "en", "", "") == notice_html(before, "en", "", "")


class TestPaper:
    @pytest.mark.parametrize("language", LANGUAGES)
    def test_the_chinese_font_is_embedded(self, language: str):
        with pymupdf.open("pdf", notice_pdf(FACTS, language, "http://centre.test", False)) as document:
            fonts = {font[3]: font[1] for page in document for font in page.get_fonts()}
            text = "".join(page.get_text(flags=0) for page in document).replace("\n", "")
            assert document.page_count == 1
        assert [kind for name, kind in fonts.items() if name.endswith("+Droid Sans Fallback Regular")] == ["ttf"]
        assert len(fonts) == 1
        assert "望江楼 & <川菜馆>" in text
        assert "�" not in text

    def test_a_missing_character_is_no_box(self):
        with pytest.raises(NoSuchCharacter, match=r"𠮷 \(U\+20BB7\)"):
            write_pdf("<p>𠮷野家</p>", "Title")

    def test_a_link_can_be_copied_off_it(self):
        """Letter by letter: "fl" set as one letter is another address."""
        link = "http://centre.test/n/5ERI1yr-iflHANffi"
        with pymupdf.open("pdf", write_pdf(f"<p>打开 {link}。</p>", "Title")) as document:
            assert link in document[0].get_text()

    def test_the_font_has_every_usual_character(self):
        """GB 2312, levels 1 and 2: what names and addresses are usually written with."""
        pairs = (bytes((first, second)) for first in range(0xB0, 0xF8) for second in range(0xA1, 0xFF))
        assert missing_characters("".join(pair.decode("gb2312", "ignore") for pair in pairs)) == []

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_a_draft_looks_like_one(self, language: str):
        draft = FACTS.model_copy(update={"number": None})
        text = words_of(notice_pdf(draft, language, "http://centre.test", False))
        watermark, mark = {"zh-CN": ("草稿", "（未核对）"), "en": ("DRAFT", "(not verified)")}[language]
        assert watermark in text
        assert mark in text

    def test_the_code_leads_to_the_answer(self):
        picture = cv2.imdecode(np.frombuffer(qr_png("http://centre.test/cases/7"), np.uint8), cv2.IMREAD_GRAYSCALE)
        assert cv2.QRCodeDetectorAruco().detectAndDecode(picture)[0] == "http://centre.test/cases/7"
