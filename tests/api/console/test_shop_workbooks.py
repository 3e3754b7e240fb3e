"""Shops from a workbook: what a spreadsheet made of what somebody typed, and workbooks that nobody made by hand."""

import io
import zipfile
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any

import httpx
import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.formula import ArrayFormula
from openpyxl.worksheet.worksheet import Worksheet

from api.console import shop_form, shop_lists
from api.console.i18n import Language
from api.console.shop_files import NotAList
from api.console.shop_lists import ShopList, read_list, wrong_cells
from api.console.speech import Speaker
from api.console.workbook_tool import MOST_ROWS, MOST_UNPACKED_BYTES, TooLarge, read
from api.kit.times import now
from tests.api.console.kitchen import Kitchen, sign_in
from tests.api.console.test_shop_import import agree, count

HEADINGS = ("县（区）局", "辖区／监管所", "单位名称", "统一社会信用代码", "证照编号", "有效期至", "联系人", "电话")
GOOD = ("安吉县局", "城西所", "春来早点铺", "91330522MA2B4C5D6E", "JY23305220012345", date(2027, 5, 31), "李", 13800000000)
SHEET = "xl/worksheets/sheet1.xml"
ROWS = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'


def speaker() -> Speaker:
    return Speaker(Language.ZH, now())


def saved(book: Workbook) -> bytes:
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def workbook(*rows: Sequence[Any], headings: Sequence[str] = HEADINGS) -> bytes:
    book = Workbook()
    for row in (headings, *rows):
        book.active.append(row)
    return saved(book)


def with_sheet(xml: str) -> bytes:
    """A workbook whose sheet is this."""
    content = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook(GOOD))) as old, zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            new.writestr(entry.filename, xml if entry.filename == SHEET else old.read(entry))
    return content.getvalue()


def read_here(content: bytes) -> ShopList:
    """In this process: one of its own is half a second."""
    return shop_lists._read(shop_lists.FileRead(read(content)), speaker())


def sheet_of(*rows: Sequence[Any]) -> tuple[Workbook, Worksheet]:
    book = Workbook()
    for row in (HEADINGS, *rows):
        book.active.append(row)
    return book, book.active


async def look(browser: httpx.AsyncClient, content: bytes) -> httpx.Response:
    return await browser.post("/shops/import", files={"list": ("名单.xlsx", content, "application/octet-stream")})


@pytest.fixture
async def installer(browser: httpx.AsyncClient) -> httpx.AsyncClient:
    await sign_in(browser, "installer")
    return browser


async def test_a_workbook_is_looked_at_and_added_like_any_list(installer: httpx.AsyncClient, kitchen: Kitchen) -> None:
    page = await look(installer, workbook(GOOD))
    assert ("将添加 1 家" in page.text, "读取的工作表：Sheet" in page.text) == (True, True), page.text
    assert (await agree(installer, page)).headers["location"] == "/shops?added=1"
    shops = (await installer.get("/shops")).text
    assert "食品经营许可证 JY23305220012345 · 有效期至 2027年5月31日" in shops
    assert "李 13800000000" in shops


async def test_the_template_keeps_what_is_written_into_it_as_text(installer: httpx.AsyncClient) -> None:
    template = await installer.get("/shops/import/template.xlsx")
    sheet = load_workbook(io.BytesIO(template.content)).active
    formats = {sheet["D2"].number_format, sheet.column_dimensions["D"].number_format}
    assert (sheet["A1"].value, formats) == ("县（区）局", {"@"})
    page = (await look(installer, template.content)).text
    assert ("这是模板里的示例" in page, "不认识的列" in page) == (True, False)


FLAWS = (
    ("单位名称", '="春"&"来"', "这里是公式"),
    ("单位名称", ArrayFormula("C2", "=A1:A2"), "这里是公式"),
    ("单位名称", "#N/A", "表格在这里显示错误"),
    ("统一社会信用代码", 913305220000000000, "表格软件把这个号码缩写了"),
    ("统一社会信用代码", 9.1330522e17, "表格软件把这个号码缩写了"),
    ("统一社会信用代码", 91330522, "18 位"),
    ("证照编号", datetime(2024, 1, 3), "表格软件把这里变成了日期"),
    ("证照编号", 123456789012345678, "表格软件把这个号码缩写了"),
    ("有效期至", 46000, "2027-05-31"),
    ("电话", 5725123456, "区号前面的 0 没有了"),
)


@pytest.mark.parametrize(("heading", "value", "said"), FLAWS, ids=range(len(FLAWS)))
def test_what_a_spreadsheet_made_of_it_is_said_at_line_and_column(heading: str, value: object, said: str) -> None:
    row = list(GOOD)
    row[HEADINGS.index(heading)] = value
    line, = read_here(workbook(row)).lines
    _, wrong = wrong_cells(line, speaker())
    if not wrong:
        with pytest.raises(shop_form.NotAShop) as refused:
            shop_form.read_shop(shop_form.ShopTyped.model_validate(wrong_cells(line, speaker())[0]), "d")
        wrong = {field: speaker().say(words) for field, words in refused.value.wrong.items()}
    (field, words), = wrong.items()
    assert (line.number, speaker().say(shop_lists.COLUMNS[field].heading), said in words) == (2, heading, True), words


def test_numbers_that_may_have_lost_a_nought_are_named() -> None:
    found = read_here(workbook(GOOD, [*GOOD[:4], 12345, *GOOD[5:]]))
    assert [(line.number, line.cells["licence_number"]) for line in found.lines] == [(2, GOOD[4]), (3, "12345")]
    assert found.bare == [3]


def test_a_number_is_read_with_the_noughts_that_the_spreadsheet_shows() -> None:
    book, sheet = sheet_of([*GOOD[:4], 12345, *GOOD[5:]])
    sheet["E2"].number_format = "00000000"
    found = read_here(saved(book))
    assert (found.lines[0].cells["licence_number"], found.bare) == ("00012345", [])


def test_what_stands_in_merged_cells_stands_in_each_line() -> None:
    book, sheet = sheet_of(GOOD, (None, None, "秋香面馆"), (None, None, "夏荷饭店"), ("德清县局", "城东所", "冬至面馆"))
    sheet.merge_cells("A2:A4")
    sheet.merge_cells("B2:B4")
    sheet.merge_cells("A6:A900")
    lines = read_here(saved(book)).lines
    assert [line.cells["county"] + line.cells["district"] for line in lines] == ["安吉县局城西所"] * 3 + ["德清县局城东所"]


def test_a_title_above_the_headings_is_none_of_them() -> None:
    book, sheet = sheet_of(GOOD)
    sheet.insert_rows(1, 2)
    sheet["A1"] = "安吉县餐饮单位名单"
    sheet.merge_cells("A1:H1")
    line, = read_here(saved(book)).lines
    assert (line.number, line.cells["name"]) == (4, "春来早点铺")


def test_only_sheets_that_can_be_seen_are_read_and_the_others_are_named() -> None:
    book, _ = sheet_of(GOOD)
    hidden, other = book.create_sheet("隐藏", 0), book.create_sheet("说明", 0)
    hidden.sheet_state = "hidden"
    for sheet, name in ((hidden, "不见"), (other, "怎么填写")):
        sheet.append(HEADINGS if sheet is hidden else [name])
        sheet.append(["", "城西所", name])
    found = read_here(saved(book))
    assert ([line.cells["name"] for line in found.lines], found.sheet, found.left) == (["春来早点铺"], "Sheet", ["说明"])


def test_cells_beside_the_headings_are_named_as_columns_that_are_not_used() -> None:
    assert read_here(workbook([*GOOD, None, "备注"])).unknown == ["第 10 列（没有表头）"]


def test_lines_far_below_are_read_with_their_number() -> None:
    book, sheet = sheet_of(GOOD)
    sheet["B1048576"], sheet["C1048576"] = "城西所", "最后一家"
    assert [(line.number, line.cells["name"]) for line in read_here(saved(book)).lines][1:] == [(1048576, "最后一家")]


@pytest.mark.parametrize(
    "xml",
    [
        lambda: " " * (MOST_UNPACKED_BYTES + 1),
        lambda: ROWS.format('<row r="999999999999"/>'),
        lambda: ROWS.format("<row><c><v>1</v></c></row>" * (MOST_ROWS + 1)),
    ],
    ids=["bomb", "rows without end", "too many rows"],
)
def test_a_workbook_made_to_fill_memory_or_time(xml: Callable[[], str]) -> None:
    with pytest.raises(TooLarge):
        read(with_sheet(xml()))


async def test_a_workbook_that_is_too_large_is_told_from_one_that_cannot_be_read() -> None:
    with pytest.raises(NotAList, match="这个工作簿的内容远多于一份单位名单"):
        await read_list(with_sheet(" " * (MOST_UNPACKED_BYTES + 1)), speaker())


@pytest.mark.parametrize(
    "xml",
    [
        "no XML",
        '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;">]>' + ROWS.format("<row><c><v>&b;</v></c></row>"),
    ],
    ids=["no XML", "entities"],
)
def test_a_workbook_that_is_none(xml: str) -> None:
    with pytest.raises((SyntaxError, ValueError)):
        read(with_sheet(xml))


async def test_a_whole_county_is_added_in_parts_of_the_same_file(
    installer: httpx.AsyncClient, kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.console.shop_import.MOST_AT_ONCE", 2)
    county = workbook(*([None, "城西所", f"第{number}家"] for number in range(5)))
    page = await look(installer, county)
    assert ("将添加 2 家" in page.text, "添加其余 3 家" in page.text) == (True, True)
    first = await agree(installer, page)
    assert first.headers["location"] == "/shops/import?added=2&later=3"
    assert "名单里还有 3 家待添加" in (await installer.get(first.headers["location"])).text
    page = await look(installer, county)
    assert ("将添加 2 家" in page.text, "已经有的，不改动：2 家" in page.text, "添加其余 1 家" in page.text) == (True, True, True)
    await agree(installer, page)
    assert (await agree(installer, await look(installer, county))).headers["location"] == "/shops?added=1"
    assert await count(kitchen, "shops") == 6
