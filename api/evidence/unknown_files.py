"""Files that no row names. They are stored before their row is committed: a process that is killed in between leaves them, and
what the sender sends again is stored anew."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import structlog

from api.accounts.actors import Actor, the_system
from api.answers import repository as answers
from api.centre import Centre
from api.evidence import repository
from api.kit.database import Work

log = structlog.get_logger(__name__)
LOOK_EVERY_S = 86400.0
# Time to put back a newer copy of the database, should somebody have put back an old one.
KEPT = timedelta(days=7)
# No killed process leaves more than a few. Where it is more than this part of all, the database is not the one of these files.
_FEW, _PART = 10, 10
_ROWS_AT_ONCE = 500
# What goes as one, and the id of the row that names it: the folder of a piece of evidence, a photograph with what was made of it.
# Whatever else somebody has put there stays.
_UNITS: dict[str, tuple[re.Pattern[str], Callable[[Work, Actor, list[str]], Awaitable[set[str]]]]] = {
    "evidence": (re.compile(r"evidence/[\d/]{10}/([0-9a-f-]{36})-[0-9a-f]{16}(?=/)"), repository.folders_of),
    "answers": (re.compile(r"answers/[\d/]{10}/\d+-([0-9a-f]{20})\b"), answers.photographs_of),
}


async def remove_unknown(centre: Centre, stopping: asyncio.Event | None = None) -> int:
    """Delete what no row names and is old enough; returns how many pieces of evidence and photographs.

    Nothing new is stored in the folder of a day that has passed, so that no row comes to name it meanwhile.
    """
    before = centre.clock() - KEPT
    unknown: dict[str, list[str]] = {}
    known = 0
    for root in _UNITS:
        for day in await _days(centre, root, before):
            if stopping is not None and stopping.is_set():
                return 0
            left, named = await _look_at(centre, root, day, before)
            unknown |= left
            known += named
    if len(unknown) > (max(_FEW, known // _PART) if known else 0):
        words = "more files than a killed process leaves are named by no row: is this their database? None of them is deleted"
        log.error(words, unknown=len(unknown), known=known)
        return 0
    for unit, keys in unknown.items():
        for key in keys:
            await centre.files.delete(key)
        await centre.files.delete_folder(unit)
        log.warning("deleted what no row names: the centre was killed before it was filed", name=unit, files=len(keys))
    return len(unknown)


async def _days(centre: Centre, root: str, before: datetime) -> list[str]:
    """The folders of the days that ended before that moment."""
    last = f"{root}/{before.astimezone(UTC):%Y/%m/%d}"
    years = await centre.files.folders_below(root)
    months = [month for year in years for month in await centre.files.folders_below(year)]
    return [day for month in months for day in await centre.files.folders_below(month) if day < last]


async def _look_at(centre: Centre, root: str, day: str, before: datetime) -> tuple[dict[str, list[str]], int]:
    """The files of each unit that no row names and that is old enough, and how many units are named."""
    pattern, named_by = _UNITS[root]
    stored = await centre.files.files_below(day)
    files: dict[str, list[str]] = {}
    ids: dict[str, None] = {}
    for key in stored:
        if match := pattern.match(key):
            files.setdefault(match[0], []).append(key)
            ids[match[1]] = None
    ordered, named = list(ids), set[str]()
    for start in range(0, len(ordered), _ROWS_AT_ONCE):
        async with centre.database.reading() as work:
            named |= await named_by(work, the_system(), ordered[start : start + _ROWS_AT_ONCE])
    left = {unit: keys for unit, keys in files.items() if unit not in named and all(stored[key] < before for key in keys)}
    return left, len(files.keys() & named)
