"""A list of shops: the table in a file, its headings and lines, and what no form could have; and the template of such a file."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from pydantic import BaseModel

from api.console.i18n import N_, Language, translations
from api.console.sheets import Sheet, is_formula
from api.console.shop_files import FileRead, NotAList, read_file
from api.console.speech import Speaker
from api.console.words import DUTIES, GRADES, LICENCES
from api.console.workbook_tool import Flaw, Row, SheetRead
from api.places.tables import Duty, Grade, LicenceKind

# A county has 3,000 restaurants (of which `MOST_AT_ONCE` are added at a time).
MOST_LINES = 5_000
# They go along in the page that shows them: 1,000 are 100 kB of it.
MOST_AT_ONCE = 1_000
_NEEDED = ("district", "name")
# Above the headings stand a title, and who made the list.
_HEADINGS_WITHIN = 10
_DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?")
_FOREVER = ("长期", "长期有效", "long-term")
# What a spreadsheet makes of a number of more than eleven digits, unless its column is text.
_SHORTENED = re.compile(r"\d(\.\d+)?E\+\d+", re.IGNORECASE)
# An area code and a number, without the nought in front; neither a mobile number nor one of 400 and 800.
_WITHOUT_NOUGHT = re.compile(r"(?!1[3-9]\d{9}$|[48]00)[1-9]\d{8,10}")


@dataclass(frozen=True)
class Column:
    """`others` are headings that lists of authorities have for the same."""

    heading: str
    example: str
    others: tuple[str, ...] = ()


# By the field of `ShopTyped`, in the order of the form.
COLUMNS: dict[str, Column] = {
    "county": Column(N_("County"), N_("Anji county bureau"), ("县局", "区局", "区县", "县区", "所属区县")),
    "district": Column(
        N_("District or station"), N_("West station"), ("监管所", "市场监管所", "所属监管所", "辖区", "station", "district")
    ),
    "name": Column(
        N_("Name of the shop"), N_("Example: Spring Breakfast"),
        ("名称", "店名", "企业名称", "经营者名称", "主体名称", "name", "shop"),
    ),
    "credit_code": Column(N_("Unified social credit code"), "91330522MA2B4C5D6E", ("社会信用代码", "信用代码", "credit code")),
    "address": Column(N_("Address of the shop"), N_("1 Renmin Road"), ("地址", "经营地址", "经营场所", "address")),
    "grade": Column(N_("Grade of the year"), GRADES[Grade.A], ("等级", "量化等级", "grade")),
    "licence_kind": Column(N_("Licence"), LICENCES[LicenceKind.FOOD_BUSINESS], ("证照类型", "许可证类型", "kind of licence")),
    "licence_number": Column(
        N_("Number of the licence"), "JY23305220012345", ("许可证编号", "许可证号", "食品经营许可证编号", "licence number")
    ),
    "licence_expires": Column(N_("Valid until"), "2027-05-31", ("有效期", "到期日期", "有效期截止日期", "expires")),
    "contact_name": Column(N_("Who is to be told"), N_("Li Mei"), ("联系人姓名", "contact")),
    "contact_duty": Column(N_("Duty"), DUTIES[Duty.FOOD_SAFETY], ("联系人职务",)),
    "contact_phone": Column(N_("Telephone"), "138 0000 0000", ("联系电话", "联系人电话", "手机", "手机号", "手机号码", "phone")),
}
_WORDS: dict[str, dict[str, str]] = {
    "grade": {grade.value: words for grade, words in GRADES.items()},
    "licence_kind": {kind.value: words for kind, words in LICENCES.items()},
    "contact_duty": {duty.value: words for duty, words in DUTIES.items()},
}


_SHORTENED_WORDS = N_("The spreadsheet has shortened this number. Format the column as text, write the number again, and save.")
_FLAWS: dict[Flaw, str] = {
    Flaw.FORMULA: N_("This is a formula. Copy the column, paste it as values, and save."),
    Flaw.DATE: N_("The spreadsheet has made a date of this. Format the column as text, write it again, and save."),
    Flaw.SHORTENED: _SHORTENED_WORDS,
    Flaw.ERROR: N_("The spreadsheet shows an error here. Write what belongs there, and save."),
}


class Line(BaseModel):
    """`number` is that of the row in a spreadsheet; `cells` and `flaws` by the field of the form."""

    number: int
    cells: dict[str, str]
    flaws: dict[str, Flaw] = {}


@dataclass(frozen=True)
class Mistake:
    """`column` is empty where the whole line is wrong."""

    number: int
    name: str
    column: str
    sentence: str


@dataclass(frozen=True)
class ShopList:
    """`unknown` are columns, and `left` sheets, that were not used; `bare` the lines in which the number of the licence may have
    lost its noughts."""

    lines: Sequence[Line]
    mistakes: Sequence[Mistake]
    unknown: Sequence[str]
    sheet: str
    left: Sequence[str]
    bare: Sequence[int]


def template(speaker: Speaker) -> Sheet:
    columns = COLUMNS.values()
    examples = [speaker.say(column.example) for column in columns]
    return Sheet(speaker.say(N_("Shops")), [speaker.say(column.heading) for column in columns], [examples], is_form=True)


async def read_list(content: bytes, speaker: Speaker) -> ShopList:
    """Raises NotAList."""
    return _read(await read_file(content, speaker), speaker)


def _read(file: FileRead, speaker: Speaker) -> ShopList:
    sheets = [sheet for sheet in file.sheets if sheet.rows]
    if not sheets:
        raise NotAList(speaker.say(N_("The file is empty. Fill in the template, and choose it again.")))
    sheet = next((sheet for sheet in sheets if _headings_of(sheet)), sheets[0])
    headings = _headings_of(sheet) or sheet.rows[0]
    fields = _fields(headings.cells, speaker)
    filled = [row for row in sheet.rows if row.number > headings.number]
    if not filled:
        raise NotAList(speaker.say(N_("There is no shop below the headings. Write one shop in each line.")))
    if len(filled) > MOST_LINES:
        words = N_("These are %(number)s shops, and a list may have at most %(most)s. Divide the list.")
        raise NotAList(speaker.say(words, number=len(filled), most=MOST_LINES))
    lines, mistakes = [], []
    for row in filled:
        cells = {field: row.cells[place] for place, field in fields.items() if place < len(row.cells)}
        flaws = {fields[place]: flaw for place, flaw in row.flaws.items() if place in fields}
        if file.is_torn and row is filled[-1] and len(row.cells) < len(headings.cells):
            words = N_("The file ends in the middle of this line. Save it again, and choose it anew.")
        elif any(row.cells[len(headings.cells) :]) and not sheet.name:
            words = N_("This line has more cells than there are headings. Put what holds a comma into quotation marks.")
        else:
            lines.append(Line(number=row.number, cells=cells, flaws=flaws))
            continue
        mistakes.append(Mistake(row.number, cells.get("name", ""), "", speaker.say(words)))
    widest = max(len(row.cells) for row in ([headings, *filled] if sheet.name else [headings]))
    unknown = [
        heading or speaker.say(N_("column %(number)s, without a heading"), number=place + 1)
        for place, heading in enumerate([*headings.cells, *[""] * (widest - len(headings.cells))])
        if place not in fields and (heading or any(len(row.cells) > place and row.cells[place] for row in filled))
    ]
    bare = [line.number for line in lines if line.flaws.get("licence_number") is Flaw.NUMBER]
    left = [other.name for other in sheets if other is not sheet]
    return ShopList(lines, mistakes, unknown, sheet.name, left, bare)


def _headings_of(sheet: SheetRead) -> Row | None:
    for row in sheet.rows[:_HEADINGS_WITHIN]:
        named = {_headings().get(_plain(cell)) for cell in row.cells}
        if named.issuperset(_NEEDED):
            return row
    return None


def wrong_cells(line: Line, speaker: Speaker) -> tuple[dict[str, str], dict[str, str]]:
    """The line as the form would have it, and what of it the form could not have: both by field."""
    cells = {field: line.cells.get(field, "") for field in COLUMNS}
    wrong = {}
    for field, cell in cells.items():
        flaw = line.flaws.get(field)
        if flaw in _FLAWS and not (field == "licence_expires" and flaw is Flaw.DATE):
            wrong[field] = speaker.say(_FLAWS[flaw])
        elif is_formula(cell) and not (field == "contact_phone" and cell.startswith("+")):
            wrong[field] = speaker.say(N_("This looks like a formula. Write a text that does not begin with =, +, - or @."))
        elif _SHORTENED.fullmatch(cell):
            wrong[field] = speaker.say(_SHORTENED_WORDS)
        elif field == "contact_phone" and _WITHOUT_NOUGHT.fullmatch(cell):
            words = N_("The 0 of the area code is not there. Format the column as text, write the number again, and save.")
            wrong[field] = speaker.say(words)
        elif field in _WORDS and cell:
            value = _words(field).get(_plain(cell))
            if value is None:
                choices = speaker.listed(speaker.say(words) for words in _WORDS[field].values())
                wrong[field] = speaker.say(N_("Write one of these: %(words)s."), words=choices)
            cells[field] = value or ""
    if _plain(cells["name"]) in _both(COLUMNS["name"].example):
        wrong["name"] = speaker.say(N_("This is the example of the template. Delete the line."))
    expires = cells["licence_expires"]
    if expires in _FOREVER:
        cells["licence_expires"] = ""
    elif day := _DATE.fullmatch(expires):
        cells["licence_expires"] = f"{day[1]}-{int(day[2]):02}-{int(day[3]):02}"
    # What is chosen in the form has a value before anybody chooses.
    return {field: cell for field, cell in cells.items() if cell}, wrong


def _fields(headings: Sequence[str], speaker: Speaker) -> dict[int, str]:
    """By the place of the column."""
    fields: dict[int, str] = {}
    for place, heading in enumerate(headings):
        field = _headings().get(_plain(heading))
        if field is not None and field in fields.values():
            words = N_("Two columns are “%(column)s”. Delete one of them.")
            raise NotAList(speaker.say(words, column=speaker.say(COLUMNS[field].heading)))
        if field is not None:
            fields[place] = field
    missing = [speaker.say(COLUMNS[field].heading) for field in _NEEDED if field not in fields.values()]
    if missing:
        words = N_("The first line must name the columns. Not found: %(columns)s. Take the headings of the template.")
        raise NotAList(speaker.say(words, columns=speaker.listed(missing)))
    return fields


@cache
def _headings() -> dict[str, str]:
    return {
        name: field for field, column in COLUMNS.items() for name in (*_both(column.heading), *map(_plain, column.others))
    }


@cache
def _words(field: str) -> dict[str, str]:
    """The value, by what people write for it."""
    known = {name: value for value, words in _WORDS[field].items() for name in (_plain(value), *_both(words))}
    return known | {f"{value.lower()}级": value for value in _WORDS[field] if field == "grade"}


def _both(words: str) -> Iterable[str]:
    return [_plain(translations(language).gettext(words)) for language in Language]


def _plain(text: str) -> str:
    """Without what people write differently: spaces, width, capitals, and what stands in brackets."""
    narrow = unicodedata.normalize("NFKC", text).casefold()
    return re.sub(r"\(.*?\)|[\s*:]", "", narrow)
