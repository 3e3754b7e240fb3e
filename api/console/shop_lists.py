"""A list of shops as a file: comma-separated text, as spreadsheets save it, read and checked for what makes no table of it; and
the template of such a file."""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from pydantic import BaseModel

from api.console.i18n import N_, Language, translations
from api.console.sheets import Sheet, is_formula
from api.console.speech import Speaker
from api.console.words import DUTIES, GRADES, LICENCES
from api.places.tables import Duty, Grade, LicenceKind

# Half of what any request may have. 1,000 shops with all columns filled are 200 kB, and lists have columns that are not used.
MOST_BYTES = 1_000_000
# They go along in the page that shows them: 1,000 are 100 kB of it.
MOST_LINES = 1_000
_NEEDED = ("district", "name")
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # XLSX, and XLS
_DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?")
_FOREVER = ("长期", "长期有效", "long-term")
# What a spreadsheet makes of a number of more than eleven digits, unless its column is text.
_SHORTENED = re.compile(r"\d(\.\d+)?E\+\d+", re.IGNORECASE)


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


class Line(BaseModel):
    """`number` is that of the row in a spreadsheet, whose first row has the headings; `cells` by the field of the form."""

    number: int
    cells: dict[str, str]


@dataclass(frozen=True)
class Mistake:
    """`column` is empty where the whole line is wrong."""

    number: int
    name: str
    column: str
    sentence: str


@dataclass(frozen=True)
class ShopList:
    lines: Sequence[Line]
    mistakes: Sequence[Mistake]
    unknown: Sequence[str]


class NotAList(ValueError):
    """The file as a whole cannot be read; its text is a sentence in the reader's language."""


def template(speaker: Speaker) -> Sheet:
    columns = COLUMNS.values()
    return Sheet("", [speaker.say(column.heading) for column in columns], [[speaker.say(column.example) for column in columns]])


def read_list(content: bytes, speaker: Speaker) -> ShopList:
    """Raises NotAList."""
    text = _decode(content, speaker)
    rows = _rows(text, speaker)
    headings = next(((number, row) for number, row in rows if any(row)), None)
    if headings is None:
        raise NotAList(speaker.say(N_("The file is empty. Fill in the template, and choose it again.")))
    fields = _fields(headings[1], speaker)
    filled = [(number, row) for number, row in rows if number > headings[0] and any(row)]
    if not filled:
        raise NotAList(speaker.say(N_("There is no shop below the headings. Write one shop in each line.")))
    if len(filled) > MOST_LINES:
        words = N_("These are %(number)s shops, and at most %(most)s can be added at once. Divide the list.")
        raise NotAList(speaker.say(words, number=len(filled), most=MOST_LINES))
    lines, mistakes = [], []
    for number, row in filled:
        cells = {field: row[place] for place, field in fields.items() if place < len(row)}
        # Spreadsheets may leave out empty cells at the end of a row, but never the end of its last line.
        is_torn = number == rows[-1][0] and len(row) < len(headings[1]) and not text.endswith(("\n", "\r"))
        if is_torn:
            words = N_("The file ends in the middle of this line. Save it again, and choose it anew.")
        elif any(row[len(headings[1]) :]):
            words = N_("This line has more cells than there are headings. Put what holds a comma into quotation marks.")
        else:
            lines.append(Line(number=number, cells=cells))
            continue
        mistakes.append(Mistake(number, cells.get("name", ""), "", speaker.say(words)))
    known = set(fields)
    unknown = [
        heading or speaker.say(N_("column %(number)s, without a heading"), number=place + 1)
        for place, heading in enumerate(headings[1])
        if place not in known and (heading or any(len(row) > place and row[place] for _, row in filled))
    ]
    return ShopList(lines, mistakes, unknown)


def wrong_cells(line: Line, speaker: Speaker) -> tuple[dict[str, str], dict[str, str]]:
    """The line as the form would have it, and what of it the form could not have: both by field."""
    cells = {field: line.cells.get(field, "") for field in COLUMNS}
    wrong = {}
    for field, cell in cells.items():
        if is_formula(cell) and not (field == "contact_phone" and cell.startswith("+")):
            wrong[field] = speaker.say(N_("This looks like a formula. Write a text that does not begin with =, +, - or @."))
        elif _SHORTENED.fullmatch(cell):
            words = N_("The spreadsheet has shortened this number. Format the column as text, write the number again, and save.")
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


def _decode(content: bytes, speaker: Speaker) -> str:
    if len(content) > MOST_BYTES:
        words = N_("The file is larger than %(size)s MB. Delete columns that are not needed, or divide the list.")
        raise NotAList(speaker.say(words, size=MOST_BYTES // 1_000_000))
    if content.startswith(_WORKBOOKS):
        words = N_("This is a workbook. Open it, choose “Save as”, take “CSV UTF-8 (comma delimited)”, and choose the new file.")
        raise NotAList(speaker.say(words))
    # What is no letter of any language: another encoding, or no text at all. GB 18030 takes nearly anything, and makes letters
    # for private use of it; in UTF-8 they are meant, for rare characters of names.
    for encoding, none in (("utf-8-sig", ("Cc", "Cn")), ("gb18030", ("Cc", "Cn", "Co"))):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if not any(unicodedata.category(character) in none for character in set(text) - set("\r\n\t")):
            return text
    words = N_("The file cannot be read as text. Save the list again as “CSV UTF-8 (comma delimited)”, and choose that file.")
    raise NotAList(speaker.say(words))


def _rows(text: str, speaker: Speaker) -> list[tuple[int, list[str]]]:
    """With their numbers in a spreadsheet. What stands in several lines of a cell, or behind spaces, becomes one line."""
    first = text.lstrip().partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error:
        words = N_("A quotation mark is not closed, or the file is cut off. Save the list again from the spreadsheet.")
        raise NotAList(speaker.say(words)) from None
    return [(number, [" ".join(cell.split()) for cell in row]) for number, row in enumerate(rows, 1)]


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
