"""Takes a workbook (XLSX) apart. Its XML can be made to fill any memory, so this runs in a process of its own, with bounds on
memory and time that it sets itself before it looks at the first byte.

    python -m api.console.workbook_tool < FILE        prints the visible sheets as JSON: see `SheetRead`

Exit status 1 where it is no such workbook, and `TOO_LARGE` where it has far more in it than a list of shops.
"""

import io
import re
import resource
import sys
import warnings
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from pydantic import BaseModel, TypeAdapter

TOO_LARGE = 2
MEMORY_BYTES = 2**30
CPU_S = 20
# 3,000 shops with thirty columns are 10 MB of XML; who has formatted a million empty rows has more than this.
MOST_UNPACKED_BYTES = 32_000_000
# Of a sheet. No list of shops has more columns, and a county has 3,000 restaurants.
MOST_COLUMNS, MOST_ROWS = 100, 20_000
# Of any workbook.
LAST_ROW = 2**20
# A spreadsheet counts in 15 digits: the others of a longer number are noughts.
_EXACT = 10**15
_NOUGHTS = re.compile(r"0{2,}")
# In a text of the sheet, no < stands as it is.
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s+ref="([A-Z]+\d+:[A-Z]+\d+)"')


class Flaw(StrEnum):
    """What a spreadsheet made of what somebody typed."""

    FORMULA = "formula"
    DATE = "date"  # the text is one of YYYY-MM-DD
    SHORTENED = "shortened"
    NUMBER = "number"  # whole, but noughts in front of it are gone
    ERROR = "error"


class Row(BaseModel):
    """`number` as the spreadsheet counts, from 1; `flaws` by the place of the cell."""

    number: int
    cells: list[str]
    flaws: dict[int, Flaw] = {}


class SheetRead(BaseModel):
    """Rows in which something stands. What stands in merged cells stands in each of them."""

    name: str
    rows: list[Row]


SHEETS = TypeAdapter(list[SheetRead])


class TooLarge(Exception):
    """It has far more in it than any list of shops."""


class _Range(NamedTuple):
    """Counted from 1, and with both ends."""

    left: int
    top: int
    right: int
    bottom: int


_Cell = tuple[str, Flaw | None]
_EMPTY: _Cell = ("", None)


def read(content: bytes) -> list[SheetRead]:
    """Raises TooLarge, or whatever openpyxl says."""
    from openpyxl import load_workbook  # here, because the centre needs the words of this module only

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        # What is more than its entry says is never unpacked.
        if sum(entry.file_size for entry in archive.infolist()) > MOST_UNPACKED_BYTES:
            raise TooLarge
    book = load_workbook(io.BytesIO(content), read_only=True, keep_links=False)
    visible = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
    return [SheetRead(name=sheet.title, rows=list(_rows(sheet, book))) for sheet in visible]


def _rows(sheet: Any, book: Any) -> Iterator[Row]:
    sheet.reset_dimensions()  # what the file says of them may be wrong
    beginning: dict[int, list[_Range]] = {}
    for one in _merged(sheet, book):
        beginning.setdefault(one.top, []).append(one)
    going_on: list[tuple[_Range, _Cell]] = []
    found = 0
    for number, row in enumerate(sheet.iter_rows(), 1):
        if number > LAST_ROW:
            raise TooLarge
        cells = [_cell(cell) for cell in row[:MOST_COLUMNS]]
        begins = beginning.get(number, [])
        going_on = [(one, cell) for one, cell in going_on if number <= one.bottom]
        going_on += [(one, cells[one.left - 1] if one.left <= len(cells) else _EMPTY) for one in begins]
        # What only a merged cell stands in is no row of its own.
        if not any(words for words, _ in cells):
            continue
        found += 1
        if found > MOST_ROWS:
            raise TooLarge
        for one, cell in going_on:
            cells += [_EMPTY] * (one.right - len(cells))
            cells[one.left - 1 : one.right] = [cell] * (one.right - one.left + 1)
        flaws = {place: flaw for place, (_, flaw) in enumerate(cells) if flaw}
        yield Row(number=number, cells=_until_last([words for words, _ in cells]), flaws=flaws)


def _merged(sheet: Any, book: Any) -> Iterator[_Range]:
    """They stand behind the rows, and openpyxl does not read them with these."""
    from openpyxl.utils import range_boundaries

    for found in _MERGED.finditer(book._archive.read(sheet._worksheet_path)):
        left, top, right, bottom = range_boundaries(found[1].decode())
        if left <= MOST_COLUMNS:
            yield _Range(left, top, min(right, MOST_COLUMNS), bottom)


def _cell(cell: Any) -> _Cell:
    value, kind = cell.value, cell.data_type
    if value is None:
        return _EMPTY
    if kind == "f":
        return "=", Flaw.FORMULA
    if kind == "e":
        return str(value), Flaw.ERROR
    if isinstance(value, datetime | date | time | timedelta):
        return value.date().isoformat() if isinstance(value, datetime) else str(value), Flaw.DATE
    if isinstance(value, bool) or not isinstance(value, int | float):
        return " ".join(str(value).split()), None
    if abs(value) >= _EXACT:
        return f"{value:.0f}", Flaw.SHORTENED
    if isinstance(value, float) and not value.is_integer():
        return str(value), None
    digits = str(int(value))
    # A format of noughts shows so many digits.
    if _NOUGHTS.fullmatch(cell.number_format):
        return digits.zfill(len(cell.number_format)), None
    return digits, Flaw.NUMBER


def _until_last(cells: list[str]) -> list[str]:
    """Without the empty ones at the end."""
    return cells[: max((place for place, words in enumerate(cells, 1) if words), default=0)]


def main() -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    warnings.simplefilter("ignore")  # of what openpyxl leaves out: pictures, colours
    try:
        sheets = read(sys.stdin.buffer.read())
    except (TooLarge, MemoryError):
        return TOO_LARGE
    except Exception:  # whatever openpyxl's parsers raise
        return 1
    sys.stdout.buffer.write(SHEETS.dump_json(sheets))
    return 0


if __name__ == "__main__":
    sys.exit(main())
