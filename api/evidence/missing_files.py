"""Files that a row names and that are not there: a copy was put back without a part of it, or a disk fails."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import structlog

from api.accounts.actors import the_system
from api.answers import repository as answers
from api.centre import Centre
from api.evidence import repository
from api.evidence.service import ORIGINAL, OVERLAY, stored_clip
from api.kit.database import Work
from api.kit.times import now

log = structlog.get_logger(__name__)
_DAY = timedelta(days=1)


async def tell_missing(centre: Centre, stopping: asyncio.Event | None = None) -> int:
    """How many are missing. The log says so, and what to do."""
    async with centre.database.reading() as work:
        begun = [await first(work, the_system()) for first in (repository.first_kept, answers.first_kept)]
    missing: list[str] = []
    count = 0
    for named, first in zip((_of_evidence, _of_answers), begun, strict=True):
        start = first.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) if first is not None else None
        while start is not None and start <= now() and not (stopping is not None and stopping.is_set()):
            keys = await _read(centre, named, start)
            gone = keys - await _stored(centre, keys)
            if gone:
                gone &= await _read(centre, named, start)  # or it was lawfully deleted just now
            missing += sorted(gone)
            count, start = count + len(keys), start + _DAY
    if missing:
        words = "files of evidence are missing: put them back from a copy that has them, as docs/centre.md says"
        log.error(words, missing=len(missing), of=count, first=missing[0])
    return len(missing)


_Named = Callable[[Work, datetime, datetime], Awaitable[set[str]]]


async def _read(centre: Centre, named: _Named, day: datetime) -> set[str]:
    async with centre.database.reading() as work:
        return await named(work, day, day + _DAY)


async def _of_evidence(work: Work, since: datetime, until: datetime) -> set[str]:
    keys = set()
    for folder, clip in await repository.list_kept(work, the_system(), since, until):
        keys |= {f"{folder}/{ORIGINAL}", f"{folder}/{OVERLAY}"} | ({stored_clip(folder, clip)} if clip is not None else set())
    return keys


async def _of_answers(work: Work, since: datetime, until: datetime) -> set[str]:
    return set(await answers.list_kept(work, the_system(), since, until))


async def _stored(centre: Centre, keys: set[str]) -> set[str]:
    """What lies in the folders of their days. Read after the rows: whatever a row names was stored before it."""
    days = {"/".join(key.split("/")[:4]) for key in keys}
    return {key for day in days for key in await centre.files.files_below(day)}
