"""A list of shops as a file: a workbook, or comma-separated text as spreadsheets save it. Here its bytes become rows."""

import csv
import io
import subprocess
import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import anyio

from api.console.i18n import N_
from api.console.speech import Speaker
from api.console.workbook_tool import CPU_S, SHEETS, TOO_LARGE, Row, SheetRead

# Half of what any request may have. 3,000 shops with all columns are 600 kB of text, and lists have columns that are not used.
MOST_BYTES = 1_000_000
_XLSX, _XLS = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_TOOL = "api.console.workbook_tool"
# Each is a process with up to a gigabyte.
_at_once = anyio.CapacityLimiter(2)
# With others beside it on the cores, a process gets there later than its CPU time says.
_WALL_S = 3 * CPU_S


class NotAList(ValueError):
    """The file as a whole cannot be read; its text is a sentence in the reader's language."""


@dataclass(frozen=True)
class FileRead:
    """Comma-separated text is one sheet without a name. `is_torn`: the last row may be cut off."""

    sheets: Sequence[SheetRead]
    is_torn: bool = False


async def read_file(content: bytes, speaker: Speaker) -> FileRead:
    """Raises NotAList."""
    if len(content) > MOST_BYTES:
        words = N_("The file is larger than %(size)s MB. Delete columns that are not needed, or divide the list.")
        raise NotAList(speaker.say(words, size=MOST_BYTES // 1_000_000))
    if content.startswith(_XLS):
        words = N_(
            "This is a workbook of the old kind (.xls), or it has a password. Open it, save it as “Excel workbook (.xlsx)” "
            "without a password, and choose the new file."
        )
        raise NotAList(speaker.say(words))
    if content.startswith(_XLSX):
        return FileRead(await _read_workbook(content, speaker))
    text = _decode(content, speaker)
    # Spreadsheets may leave out empty cells at the end of a row, but never the end of its last line.
    return FileRead([SheetRead(name="", rows=_rows(text, speaker))], is_torn=not text.endswith(("\n", "\r")))


async def _read_workbook(content: bytes, speaker: Speaker) -> list[SheetRead]:
    status: int = TOO_LARGE
    async with _at_once:
        with anyio.move_on_after(_WALL_S):
            done = await anyio.run_process(
                [sys.executable, "-m", _TOOL], input=content, stderr=subprocess.DEVNULL, check=False
            )
            status = done.returncode
    if not status:
        return SHEETS.validate_json(done.stdout)
    if status == 1:
        words = N_("The workbook cannot be read. Open it, save it again as “Excel workbook (.xlsx)”, and choose the new file.")
        raise NotAList(speaker.say(words))
    # Ended for its memory or time: the same workbook would end so again.
    words = N_("This workbook has far more in it than a list of shops. Copy the lines with shops into a new one, and choose it.")
    raise NotAList(speaker.say(words))


def _decode(content: bytes, speaker: Speaker) -> str:
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


def _rows(text: str, speaker: Speaker) -> list[Row]:
    """Those in which something stands. What stands in several lines of a cell, or behind spaces, becomes one line."""
    first = text.lstrip().partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error:
        words = N_("A quotation mark is not closed, or the file is cut off. Save the list again from the spreadsheet.")
        raise NotAList(speaker.say(words)) from None
    filled = [Row(number=number, cells=[" ".join(cell.split()) for cell in row]) for number, row in enumerate(rows, 1)]
    return [row for row in filled if any(row.cells)]
