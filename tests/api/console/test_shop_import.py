"""Shops from a list: what is wrong with a file, what would be added, and that nothing is before somebody agrees."""

import asyncio
import re

import httpx
import pytest
from sqlalchemy import text

from api.accounts.permissions import Role
from api.console import shop_files, shop_import, shop_lists
from api.console.i18n import Language
from api.console.speech import Speaker
from api.kit.database import Database
from api.kit.settings import Settings
from api.kit.times import now
from tests.api.console.kitchen import SHOP, Kitchen, sign_in
from tests.api.world import HOUSE, World

HEADINGS = "县（区）局,辖区／监管所,单位名称,统一社会信用代码,证照编号,有效期至,联系人,电话"
GOOD = "安吉县局,城西所,春来早点铺,91330522MA2B4C5D6E,JY23305220012345,2027/5/31,李,138 0000 0000"

CREATED = "audit_entries WHERE action = 'shop.created'"

BELOW = "districts JOIN districts AS above ON above.id = districts.parent_id AND above.name = '安吉县局'"


def listed(*lines: str, headings: str = HEADINGS) -> bytes:
    return "\r\n".join((headings, *lines, "")).encode()


async def look(browser: httpx.AsyncClient, content: bytes, name: str = "list.csv", **options: str) -> httpx.Response:
    return await browser.post("/shops/import", files={"list": (name, content, "text/csv")}, params=options)


async def agree(browser: httpx.AsyncClient, page: httpx.Response) -> httpx.Response:
    """Sends what the form of the page holds."""
    packed = dict(re.findall(r'name="(lines|later)" value="([\w-]+)"', page.text))
    assert packed, page.text
    return await browser.post("/shops/import/lines", data=packed)


async def count(kitchen: Kitchen, what: str) -> int:
    database = Database(kitchen.settings.async_database_url, 5)
    async with database.reading() as work:
        number: int = (await work.execute(text(f"SELECT count(*) FROM {what}"))).scalar_one()
    await database.close()
    return number


@pytest.fixture
async def installer(browser: httpx.AsyncClient) -> httpx.AsyncClient:
    await sign_in(browser, "installer")
    return browser


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030"])
async def test_encodings_of_spreadsheets(encoding: str) -> None:
    found = await shop_lists.read_list(listed(GOOD).decode().encode(encoding), Speaker(Language.ZH, now()))
    assert [line.cells["name"] for line in found.lines] == ["春来早点铺"]


async def test_is_looked_at_first_and_added_when_agreed(installer: httpx.AsyncClient, kitchen: Kitchen) -> None:
    assert 'href="/shops/import"' in (await installer.get("/shops")).text
    page = await look(installer, listed(GOOD, ",城东所,秋香面馆,,,,,"))
    assert (page.status_code, "将添加 2 家" in page.text) == (200, True)
    assert "将新建这些监管所或县（区）局：安吉县局、城西所。" in page.text
    assert [await count(kitchen, table) for table in ("shops", "districts", CREATED)] == [1, 1, 0]
    added = await agree(installer, page)
    assert (added.status_code, added.headers["location"]) == (303, "/shops?added=2")
    shops = (await installer.get(added.headers["location"])).text
    assert "已添加 2 家单位" in shops
    assert "食品经营许可证 JY23305220012345 · 有效期至 2027年5月31日" in shops
    assert "李 138 0000 0000" in shops
    assert await count(kitchen, CREATED) == 2
    assert await count(kitchen, "shops WHERE district_id = 'district-1'") == 2
    assert await count(kitchen, BELOW) == 1


async def test_who_looks_keeps_nobody_from_writing(installer: httpx.AsyncClient, kitchen: Kitchen) -> None:
    database = Database(kitchen.settings.async_database_url, 5)
    async with database.writing() as work:
        await work.execute(text("UPDATE districts SET address = 'taken'"))
        page = await asyncio.wait_for(look(installer, listed(GOOD)), 4)
    await database.close()
    assert "将添加 1 家" in page.text


async def test_a_code_that_came_to_another_shop_at_this_moment(
    installer: httpx.AsyncClient, kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = await look(installer, listed(GOOD, ",城东所,秋香面馆,,,,,"))
    await agree(installer, await look(installer, listed("安吉县局,城西所,别名,91330522MA2B4C5D6E,,,,")))

    async def none_yet(*_: object) -> set[str]:
        return set()

    async def no_shops(*_: object) -> list[object]:
        return []

    with monkeypatch.context() as moment:
        moment.setattr(shop_import.places, "taken_codes", none_yet)
        moment.setattr(shop_import.places, "list_shops", no_shops)
        answer = await agree(installer, page)
    assert (answer.status_code, "您查看之后情况有变" in answer.text) == (409, True)
    assert await count(kitchen, "shops WHERE name = '秋香面馆'") == 0


class TestContacts:
    """Whoever is to be told stands in the list; nobody writes 3,000 numbers once more."""

    LINES = (GOOD, ",城东所,秋香面馆,,,,王,0572-5123456", ",城东所,夏荷酒家,,,,赵,+86 13900000000")
    TARGETS = "delivery_targets WHERE channel = 'sms' AND audience = 'shop'"

    async def test_are_told_by_short_message_when_that_is_agreed(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        kitchen.settings.sms_provider = "aliyun"
        await sign_in(browser, "admin")
        page = await look(browser, listed(*self.LINES))
        assert "手机号 2 个" in page.text
        packed = dict(re.findall(r'name="(lines|tell)" value="([\w-]+)"', page.text))
        assert (await browser.post("/shops/import/lines", data=packed)).headers["location"] == "/shops?added=3"
        assert await count(kitchen, f"{self.TARGETS} AND recipient IN ('13800000000', '13900000000')") == 2
        shop = re.search(r'href="(/shops/[\w-]+)">夏荷酒家<', (await browser.get("/shops")).text)
        assert shop is not None
        told = (await browser.get(shop[1])).text
        assert "赵 · 短信 · 13900000000" in told
        assert await count(kitchen, "audit_entries WHERE action = 'target.created'") == 2

    async def test_are_not_where_it_is_not(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        kitchen.settings.sms_provider = "aliyun"
        await sign_in(browser, "admin")
        await agree(browser, await look(browser, listed(*self.LINES)))
        assert await count(kitchen, self.TARGETS) == 0

    async def test_a_centre_without_short_messages_does_not_offer_it(self, browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
        await sign_in(browser, "admin")
        page = await look(browser, listed(*self.LINES))
        assert 'name="tell"' not in page.text
        packed = dict(re.findall(r'name="(lines)" value="([\w-]+)"', page.text))
        await browser.post("/shops/import/lines", data=packed | {"tell": "yes"})
        assert await count(kitchen, self.TARGETS) == 0

    async def test_who_adds_no_targets_is_not_offered_it(self, installer: httpx.AsyncClient, kitchen: Kitchen) -> None:
        kitchen.settings.sms_provider = "aliyun"
        assert 'name="tell"' not in (await look(installer, listed(*self.LINES))).text


async def test_the_template_is_read_back_but_its_example_is_no_shop(installer: httpx.AsyncClient) -> None:
    template = await installer.get("/shops/import/template.csv")
    assert template.content.decode("utf-8-sig").startswith("县（区）局,辖区／监管所,单位名称,统一社会信用代码")
    page = (await look(installer, template.content)).text
    assert ("没有可添加的单位" in page, "这是模板里的示例" in page, "不认识的列" in page) == (True, True, False)
    shop = template.text.replace("示例：春来早点铺", "春来早点铺")
    assert "将添加 1 家" in (await look(installer, shop.encode())).text


async def test_english_headings_and_words(installer: httpx.AsyncClient) -> None:
    headings = "Name of the shop;STATION;Duty;contact;Phone;Grade of the year;Licence;Licence number;Expires"
    line = "Spring;城东所;Owner of the shop;Li;+86 138 0000 0000;A级;小餐饮登记证;X1;长期"
    page = await look(installer, listed(line, headings=headings))
    assert "将添加 1 家" in page.text, page.text
    await agree(installer, page)
    assert "小餐饮登记证 X1" in (await installer.get("/shops")).text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "文件是空的"),
        ("\ufeff\r\n,,\r\n".encode(), "文件是空的"),
        (listed(), "表头下面没有单位"),
        (b"PK\x03\x04rest", "工作簿无法读取"),
        (b"\xd0\xcf\x11\xe0rest", "这是旧格式（.xls）或设了密码的工作簿"),
        (b"\x00\x01\x02\xff" * 50, "文件无法按文字读取"),
        (listed(GOOD).decode().encode("utf-16"), "文件无法按文字读取"),
        (listed(GOOD).decode().encode("big5", "ignore"), "文件无法按文字读取"),
        (listed(GOOD)[:-17], "文件无法按文字读取"),  # in the middle of a letter
        (listed(GOOD).replace("春来早点铺".encode(), '"春来'.encode()), "有双引号没有成对"),
        (listed(GOOD).replace("春来早点铺".encode(), b"x" * 140_000), "有双引号没有成对"),
        (listed(GOOD, headings="电话,单位名称"), "没有找到：辖区／监管所"),
        (listed(GOOD, headings="监管所,单位名称,店名"), "有两列都是“单位名称”"),
        (b"x" * (shop_files.MOST_BYTES + 1), "文件超过 1 MB"),
        (listed(*[GOOD] * (shop_lists.MOST_LINES + 1)), "一个名单最多 5000 家"),
    ],
    ids=[
        "empty", "blank", "headings only", "xlsx", "xls", "binary", "utf-16", "big5", "torn", "torn quotation", "endless cell",
        "no station", "twice the same", "too large", "too many",
    ],
)
async def test_a_file_that_is_no_list(content: bytes, said: str) -> None:
    with pytest.raises(shop_files.NotAList, match=said):
        await shop_lists.read_list(content, Speaker(Language.ZH, now()))


async def test_what_is_wrong_with_a_file_is_said_at_its_field(installer: httpx.AsyncClient) -> None:
    page = await look(installer, b"\xd0\xcf\x11\xe0rest")
    assert (page.status_code, 'id="list-wrong">这是旧格式' in page.text) == (422, True)
    page = await installer.post("/shops/import", files={"list": ("", b"", "application/octet-stream")})
    assert (page.status_code, 'id="list-wrong">请先选择文件' in page.text) == (422, True)


MISTAKES = (
    ("安吉县局,,春来,,,,,", "辖区／监管所", "请填写这一项"),
    (f"安吉县局,城西所,{'长' * 101},,,,,", "单位名称", "请填写这一项"),
    ("安吉县局,城西所,春来,1,,,,", "统一社会信用代码", "18 位"),
    ("安吉县局,城西所,春来,9.13305E+17,,,,", "统一社会信用代码", "表格软件把这个号码缩写了"),
    ("安吉县局,城西所,春来,,2.33052E+13,,,", "证照编号", "表格软件把这个号码缩写了"),
    ("安吉县局,城西所,春来,,J1,31.5.2027,,", "有效期至", "2027-05-31"),
    ("安吉县局,城西所,春来,,J1,2027/2/30,,", "有效期至", "2027-05-31"),
    ("安吉县局,城西所,春来,,,,李,x", "电话", "138 0000 0000"),
    ("安吉县局,城西所,春来,,,,李,5725123456", "电话", "区号前面的 0 没有了"),
    ("安吉县局,城西所,春来,,,,李,=1+1", "电话", "像是公式"),
    ("安吉县局,城西所,=HYPERLINK(),,,,,", "单位名称", "像是公式"),
    ("安吉县局,城西所,＝1＋1,,,,,", "单位名称", "像是公式"),
    ("城东分所,城西二所,春来,,,,,", "县（区）局", "这是监管所"),
    ("安吉县局,城西所,春来,,,,,,地,址", "", "格数比表头多"),
    ("安吉县局,城西所,春", "", "中间就断了"),
)


async def test_lines_with_mistakes_do_not_hold_up_the_others(installer: httpx.AsyncClient) -> None:
    await agree(installer, await look(installer, listed("城东所,城东分所,别家,,,,,")))
    page = (await look(installer, listed(GOOD, "", *[line for line, _, _ in MISTAKES]).rstrip())).text
    assert ("将添加 1 家" in page, f"有误的，不添加：{len(MISTAKES)} 行" in page) == (True, True)
    # As the spreadsheet counts: the headings, a good line, an empty one.
    said = [part.partition("</li>")[0] for part in page.partition('id="mistakes"')[2].split("<strong>")[1:]]
    assert len(said) == len(MISTAKES)
    for number, (part, (_, column, words)) in enumerate(zip(said, MISTAKES, strict=True), 4):
        assert (part.startswith(f"第 {number} 行"), column in part, words in part) == (True, True, True), part


async def test_who_is_bound_to_a_station_makes_no_other_and_learns_of_no_other(world: World) -> None:
    """Not even of which shops are there; a credit code is one shop's all the same."""
    place = await world.place("Homely")
    await world.place("Foreign", credit_code="91330522MA2B4C5D6E")
    installer = await world.person(Role.INSTALLER, place=place)
    lines = ("Homely district,A,91330522MA2B4C5D6E", "Foreign district,B,", "Homely district,C,", "Homely district,Foreign,")
    page = await look(installer, listed(*lines, headings="station,name,credit code"), lang="en")
    assert ("To be added: 2" in page.text, "Another shop already has this credit code." in page.text) == (True, True)
    assert "your account cannot make it" in page.text


async def test_words_that_are_none_of_those_to_choose_from(installer: httpx.AsyncClient) -> None:
    page = (await look(installer, listed("城东所,春来,五星", headings="监管所,店名,等级"))).text
    assert "请填写其中之一：A 级（优秀）、B 级（良好）、C 级（一般）。" in page


async def test_columns_that_are_not_known_are_named(installer: httpx.AsyncClient) -> None:
    page = (await look(installer, listed("城东所,春来,快餐,x", headings="监管所,店名,业态<b>,"))).text
    assert "不认识的列，未使用：业态&lt;b&gt;、第 4 列（没有表头）" in page
    assert "将添加 1 家" in page


async def test_the_same_shop_twice_in_the_list(installer: httpx.AsyncClient) -> None:
    twins = (",城东所,甲,91330522MA2B4C5D6E,,,,", ",城东所,乙,,jy23305220012345,,,", "安吉县局,城西所,春来早点铺,,,,,")
    page = (await look(installer, listed(GOOD, *twins))).text
    assert ("将添加 1 家" in page, page.count("与第 2 行重复")) == (True, len(twins))


async def test_what_is_there_is_left_as_it_is(installer: httpx.AsyncClient, kitchen: Kitchen) -> None:
    await agree(installer, await look(installer, listed(GOOD)))
    lines = (f",城东所,{SHOP},,,,,", ",城东所,别名,,JY23305220012345,,,", "安吉县局,城西所,春来早点铺,,,,王,139 0000 0000")
    page = (await look(installer, listed(*lines))).text
    assert ("没有可添加的单位" in page, "已经有的，不改动：3 家" in page) == (True, True)
    assert "李 138 0000 0000" in (await installer.get("/shops")).text


async def test_agreeing_twice_adds_once(installer: httpx.AsyncClient, kitchen: Kitchen) -> None:
    page = await look(installer, listed(GOOD))
    await agree(installer, page)
    again = await agree(installer, page)
    assert (again.status_code, "您查看之后情况有变" in again.text) == (409, True)
    assert await count(kitchen, "shops") == 2


@pytest.mark.postgres
async def test_two_who_add_a_list_with_a_new_station_at_once_make_one(postgres_settings: Settings) -> None:
    database = Database(postgres_settings.async_database_url, 5)
    speaker = Speaker(Language.ZH, now())
    lines = (await shop_lists.read_list(listed(GOOD), speaker)).lines

    async def add() -> shop_import.Outcome:
        async with database.writing() as work:
            return (await shop_import.add_shops(work, HOUSE, speaker, lines))[0]

    async with database.writing() as work:
        await shop_import.add_shops(work, HOUSE, speaker, lines)
        other = asyncio.create_task(add())
        waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        async with asyncio.timeout(20):
            while not other.done() and not (await work.execute(waiting)).scalar_one():
                pass
    assert [line.cells["name"] for line in (await other).there] == ["春来早点铺"]
    async with database.reading() as work:
        names = list(await work.scalars(text("SELECT name FROM districts ORDER BY name")))
    await database.close()
    assert names == ["城西所", "安吉县局"]


async def test_all_or_nothing_when_something_changed_in_between(installer: httpx.AsyncClient, kitchen: Kitchen) -> None:
    page = await look(installer, listed(",城南所,秋香面馆,,,,,", GOOD))
    await agree(installer, await look(installer, listed(GOOD)))
    answer = await agree(installer, page)
    assert answer.status_code == 409
    assert await count(kitchen, "shops WHERE name = '秋香面馆'") == 0
    assert await count(kitchen, "districts WHERE name = '城南所'") == 0
    assert (await agree(installer, answer)).headers["location"] == "/shops?added=1"


@pytest.mark.parametrize("packed", ["", "forged", "eJwDAAAAAAE"])
async def test_lines_that_nobody_has_looked_at(installer: httpx.AsyncClient, packed: str) -> None:
    assert (await installer.post("/shops/import/lines", data={"lines": packed})).status_code == 422


async def test_without_the_token_of_the_page(installer: httpx.AsyncClient, kitchen: Kitchen) -> None:
    refused = await installer.post("/shops/import", data={"csrf": "forged"}, files={"list": ("list.csv", listed(GOOD))})
    assert refused.status_code == 403


@pytest.mark.parametrize("login", ["reviewer", "store", "auditor"])
async def test_is_closed_to(browser: httpx.AsyncClient, login: str) -> None:
    await sign_in(browser, login)
    assert (await browser.get("/shops/import")).status_code == 403
    assert (await look(browser, listed(GOOD))).status_code == 403
    assert "/shops/import" not in (await browser.get("/shops")).text
