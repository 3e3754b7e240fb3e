"""Tables as files: CSV for one, XLSX for several. A cell is a number, or a text, which no spreadsheet may take for a formula."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from xlsxwriter import Workbook

Cell = str | int | float | None
# What Excel, LibreOffice and WPS take for the beginning of a formula, also in full width
# (https://owasp.org/www-community/attacks/CSV_Injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
_WIDEST = 60
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True)
class Sheet:
    """`name` is at most 31 characters long, without []:*?/\\ (a rule of XLSX)."""

    name: str
    headings: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    # To be filled in: what is written into it stays the text that it is.
    is_form: bool = False


def to_csv(sheet: Sheet) -> bytes:
    """RFC 4180, in UTF-8 with a byte order mark: without it Excel takes Chinese for something else."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerows([[_harmless(cell) for cell in row] for row in (sheet.headings, *sheet.rows)])
    return text.getvalue().encode("utf-8-sig")


def to_xlsx(sheets: Sequence[Sheet]) -> bytes:
    content = io.BytesIO()
    with Workbook(content, {"in_memory": True}) as book:
        bold, wrapped = book.add_format({"bold": True, "text_wrap": True}), book.add_format({"text_wrap": True, "valign": "top"})
        as_text = book.add_format({"num_format": "@", "text_wrap": True, "valign": "top"})
        for sheet in sheets:
            page = book.add_worksheet(sheet.name)
            page.freeze_panes(1, 1)
            for number, cells in enumerate((sheet.headings, *sheet.rows)):
                for column, cell in enumerate(cells):
                    style = bold if not number else as_text if sheet.is_form else wrapped
                    if isinstance(cell, str):
                        page.write_string(number, column, cell, style)  # never a formula, never a link
                    elif cell is not None:
                        page.write_number(number, column, cell, style)
            for column in range(len(sheet.headings)):
                longest = max((_width(row[column]) for row in (sheet.headings, *sheet.rows)), default=0)
                page.set_column(column, column, min(_WIDEST, longest + 2), as_text if sheet.is_form else None)
    return content.getvalue()


def is_formula(text: str) -> bool:
    """Whether a spreadsheet may take it for one."""
    return text.lstrip(" ").startswith(_FORMULA)


def _harmless(cell: Cell) -> Cell:
    """An apostrophe in front makes it a text; a CSV has no other way to say so."""
    return f"'{cell}" if isinstance(cell, str) and is_formula(cell) else cell


def _width(cell: Cell) -> int:
    """In Latin letters; Chinese ones are twice as wide."""
    return sum(2 if character > "\u2e80" else 1 for character in str(cell if cell is not None else ""))
