"""Pages and files of figures: what is typed wrongly gets a sentence, and what a name holds stays a name."""

import csv
import io
import re
import zipfile
from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert

from api.cameras.tables import Camera
from api.cases.states import Act
from api.console import statistics_pages
from api.console.sheets import Sheet, to_csv, to_xlsx
from api.kit.times import SHOP_TIME
from tests.api.history import History
from tests.api.world import Place, World

NOON = datetime(2026, 11, 26, 12, 0, tzinfo=SHOP_TIME)
EVIL = "=HYPERLINK(\"http://evil.example\")<script>alert(1)</script>"


async def judged(world: World, place: Place, confirmed: int, dismissed: int) -> None:
    world.centre.clock = lambda: NOON
    async with History(world.centre.database, place) as history:
        for number in range(confirmed + dismissed):
            verdict = (NOON, Act.CONFIRM) if number < confirmed else (NOON, Act.DISMISS, "not_a_violation")
            history.case((NOON, Act.REPORT), verdict)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("since=2026-11-20&until=2026-11-19", "The last day is before the first"),
        ("since=2024-01-01&until=2026-01-01", "more than 366 days after it"),
        ("since=0001-01-01&until=0001-01-01", "Choose other days"),
        ("until=0001-01-02", "Choose other days"),
        ("until=9999-12-31", "Choose other days"),
        ("since=yesterday", "Write a day like 2026-11-24."),
        ("until=2026-02-30", "Write a day like 2026-11-24."),
        ("district=nowhere", "There is no such station"),
        ("shop=nowhere", "There is no such shop"),
        ("shop=%00%F0%9F%8D%9C", "There is no such shop"),
        ("rule=K99", "There is no such rule"),
        ("rule=%3Cscript%3E", "There is no such rule"),
    ],
)
async def test_a_filter_that_is_none(world: World, query: str, sentence: str):
    world.centre.clock = lambda: NOON
    officer = await world.person()
    answer = await officer.get(f"/statistics?{query}&lang=en")
    assert answer.status_code == 422
    assert sentence in answer.text
    assert "<svg role" not in answer.text
    assert "<script>" not in answer.text
    for path in ("/statistics.csv", "/statistics.xlsx"):
        assert (await officer.get(f"{path}?{query}")).status_code == 422


@pytest.mark.parametrize(
    ("month", "sentence"),
    [
        ("2026-12", "This month has not begun yet."), ("2026-13", "Write a month like 2026-11."),
        ("November", "Write a month like 2026-11."), ("9999-12", "Write a month like 2026-11."),
        ("0000-01", "Write a month like 2026-11."), ("0001-02", "Choose other days."),
    ],
)
async def test_a_month_that_is_none(world: World, month: str, sentence: str):
    world.centre.clock = lambda: NOON
    answer = await (await world.person()).get(f"/statistics/month?month={month}&lang=en")
    assert answer.status_code == 422
    assert sentence in answer.text
    assert "<article" not in answer.text


async def test_a_table_that_is_none(world: World):
    assert (await (await world.person()).get("/statistics.csv?table=secrets")).status_code == 422


async def test_a_shop_of_another_district_is_as_unknown_as_one_that_is_none(world: World):
    here, elsewhere = await world.place("Here"), await world.place("Elsewhere")
    officer = await world.person(place=here)
    for path in ("/statistics", "/statistics/month"):
        for asked in (f"shop={elsewhere.shop_id}", f"district={elsewhere.district_id}"):
            answer = await officer.get(f"{path}?{asked}&lang=en")
            assert answer.status_code == 422
            assert "or it is not yours to see" in answer.text
            assert "Elsewhere" not in answer.text


async def test_a_name_is_a_name_everywhere(world: World):
    place = await world.place(EVIL)
    await judged(world, place, 2, 0)
    officer = await world.person()
    for path in ("/statistics", "/statistics/month", "/wall"):
        answer = await officer.get(path)
        assert answer.status_code == 200, path
        assert "<script>alert" not in answer.text, path
    page = (await officer.get("/statistics")).text
    assert "=HYPERLINK(&#34;http" in page, "in the table and in the chart"
    rows = list(csv.reader(io.StringIO((await officer.get("/statistics.csv?table=shop")).content.decode("utf-8-sig"))))
    assert rows[1][0] == f"'{EVIL}"
    book = zipfile.ZipFile(io.BytesIO((await officer.get("/statistics.xlsx")).content))
    sheets = [book.read(name).decode() for name in book.namelist() if name.startswith("xl/worksheets/sheet")]
    assert not any("<f>" in sheet or "<hyperlink" in sheet for sheet in sheets)
    assert "&lt;script&gt;" in book.read("xl/sharedStrings.xml").decode()


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r=", "＝", " ="])
def test_no_text_of_a_csv_is_a_formula(start: str):
    content = to_csv(Sheet("S", ["名称", "数"], [[f"{start}1+1", -1]]))
    assert content.startswith(b"\xef\xbb\xbf"), "Excel knows by it that this is UTF-8"
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert rows == [["名称", "数"], [f"'{start}1+1", "-1"]]


def test_a_workbook_keeps_numbers_as_numbers():
    book = zipfile.ZipFile(io.BytesIO(to_xlsx([Sheet("一", ["名称", "数"], [["012", 3.5], [None, 0]])])))
    sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert re.search(r'<c r="B2"[^>]*><v>3.5</v>', sheet)
    assert re.search(r'<c r="A2"[^>]* t="s">', sheet), "a text that looks like a number stays one"


async def test_no_share_of_few(world: World):
    place = await world.place()
    await judged(world, place, 15, 4)
    officer = await world.person()
    few = (await officer.get("/statistics?lang=en")).text
    assert ("4 of 19" in few, "camera-share-title" in few) == (True, False)
    await judged(world, place, 1, 0)
    page = (await officer.get("/statistics?lang=en")).text
    assert ("20%" in page, "camera-share-title" in page) == (True, True)
    assert "4 of 20" not in page


async def test_a_camera_that_finds_nothing_but_false_alarms_is_drawn_however_many_others_there_are(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(statistics_pages, "_SHOWN", 1)
    for name, confirmed, dismissed in (("Good", 20, 0), ("Fair", 10, 0), ("Bad", 0, 20)):
        await judged(world, await world.place(name), confirmed, dismissed)
    page = (await (await world.person()).get("/statistics?lang=en")).text
    assert "Bad camera · Bad: 100%; Good camera · Good: 0%</desc>" in page
    table = page.partition('id="by-camera"')[2].partition("<tbody>")[2].partition("</tbody>")[0]
    assert table.count("<tr>") == 1
    assert "The first 1; the file has all." in page


async def test_a_file_has_all(world: World):
    place = await world.place()
    await judged(world, place, 0, 0)
    of_shop = {"shop_id": place.shop_id, "area_id": place.area_id, "url": ""}
    cameras = [{"id": f"c{number}", "name": f"No. {number}", **of_shop} for number in range(6000)]
    async with world.centre.database.writing() as work:
        await work.execute(insert(Camera), cameras)
    async with History(world.centre.database, place) as history:
        for camera in cameras:
            history.case((NOON, Act.REPORT))
            history.cases[-1][0].camera_id = camera["id"]
    officer = await world.person()
    assert len((await officer.get("/statistics.csv?table=camera")).text.splitlines()) == 1 + len(cameras)


async def test_a_month_has_all_stations_and_says_of_which_shops_it_has_the_first(world: World):
    for number in range(12):
        await judged(world, await world.place(f"No{number}."), 1, 0)
    page = (await (await world.person()).get("/statistics/month?month=2026-11&lang=en")).text
    stations, _, shops = page.partition("<h2>By shop</h2>")
    table = stations.partition("<h2>By station</h2>")[2]
    assert [number for number in range(12) if f">No{number}. district<" not in table] == []
    assert shops.count('<th scope="row">No') == 10
    assert "The 10 with the most confirmed violations, of 12 shops" in shops


async def test_the_way_to_the_month_and_back_keeps_the_time(world: World):
    world.centre.clock = lambda: NOON
    officer = await world.person()
    for asked, month in (("since=2026-10-01&until=2026-10-31", "2026-10"), ("until=2026-12-31", "2026-11")):
        page = (await officer.get(f"/statistics?{asked}&rule=K01&lang=en")).text
        assert f'href="/statistics/month?month={month}&amp;rule=K01"' in page
    assert 'href="/statistics/month?rule=K01"' in (await officer.get("/statistics?rule=K01")).text
    report = (await officer.get("/statistics/month?month=2026-10&rule=K01")).text
    assert 'class="back" href="/statistics?since=2026-10-01&amp;until=2026-10-31&amp;rule=K01"' in report


async def test_a_month_without_anything_says_so(world: World):
    place = await world.place()
    await judged(world, place, 3, 0)
    officer = await world.person()
    empty = (await officer.get("/statistics/month?month=2026-10&lang=en")).text
    assert "In this month no camera found anything" in empty
    full = (await officer.get("/statistics/month?month=2026-11&lang=en")).text
    assert "AI captured 3 clues. People confirmed 3 violations" in full
    assert "The month is not over" in full
    assert "officer person" in full, "who made it"
    world.centre.clock = lambda: NOON + timedelta(days=5)
    assert "The month is not over" not in (await officer.get("/statistics/month?month=2026-11&lang=en")).text


async def test_a_wall_names_no_person_and_does_not_keep_its_session(world: World):
    place = await world.place()
    await judged(world, place, 1, 0)
    wall = (await (await world.person()).get("/wall")).text
    assert "officer person" not in wall
    assert "Owner" not in wall
    assert (await world.client().get("/wall/part")).status_code == 401
