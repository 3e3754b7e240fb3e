"""The book of minutes: for each camera and minute how often it was looked at, or why it could not be."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from contract.edges import CameraMinute, StreamFault
from ingest.database import Database

# A camera that was watched for less of a minute than this, and gave neither picture nor fault, was just being opened.
OPENING_S = 20.0
# As long as a week without the centre is made up for; older minutes are dropped, so the book cannot fill the disk.
KEEP_S = 7 * 86_400.0
# Closed minutes that wait for a database that cannot be written: an hour of 64 cameras.
WAITING_FOR_DISK = 3840


@dataclass
class _Page:
    """The running minute of one camera; `fault` is its state now, `seen_fault` the last one of this minute."""

    minute: int
    watched_from: float
    fault: StreamFault | None = None
    looks: int = 0
    seen_fault: StreamFault | None = None
    size: tuple[int, int] | None = None


class MinuteBook:
    """Several threads may write. Minutes are closed by `turn`, which must be called more often than once a minute."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self._pages: dict[str, _Page] = {}
        self._closed: deque[CameraMinute] = deque(maxlen=WAITING_FOR_DISK)

    def watch(self, camera_id: str) -> None:
        with self._lock:
            now = self._clock()
            self._pages.setdefault(camera_id, _Page(_minute(now), now))

    def unwatch(self, camera_id: str) -> None:
        with self._lock:
            page = self._pages.pop(camera_id, None)
            if page is not None:
                self._close(camera_id, page, self._clock())

    def looked(self, camera_id: str, width: int, height: int) -> None:
        with self._lock:
            page = self._page(camera_id)
            if page is not None:
                page.looks += 1
                page.size = (width, height)

    def still(self, camera_id: str) -> None:
        """A picture came in which nothing had moved since the last look: the camera was watched all the same."""
        with self._lock:
            page = self._page(camera_id)
            if page is not None:
                page.looks += 1

    def state(self, camera_id: str, fault: StreamFault | None) -> None:
        """The camera cannot be looked at from now on, or (None) can again."""
        with self._lock:
            page = self._page(camera_id)
            if page is not None:
                page.fault = fault
                page.seen_fault = fault or page.seen_fault

    def turn(self) -> None:
        """Close the minutes that are over and keep them on disk. Raises sqlite3.Error; what was not kept is kept next time."""
        with self._lock:
            for camera_id in self._pages:
                self._page(camera_id)
            waiting = list(self._closed)
        with self._database.transaction() as connection:
            # The same minute twice: the edge was restarted in it.
            connection.executemany(
                "INSERT INTO minutes (camera_id, minute, looks, fault, width, height) VALUES (?, ?, ?, ?, ?, ?) "
                "ON CONFLICT DO UPDATE SET looks = looks + excluded.looks, fault = coalesce(excluded.fault, fault), "
                "width = coalesce(excluded.width, width), height = coalesce(excluded.height, height)",
                [
                    (one.camera_id, _minute(one.minute.timestamp()), one.looks, one.fault, one.width, one.height)
                    for one in waiting
                ],
            )
            connection.execute("DELETE FROM minutes WHERE minute < ?", (_minute(self._clock() - KEEP_S),))
        with self._lock:
            # Of those that were written, some may have given way to newer ones meanwhile.
            written = set(map(id, waiting))
            while self._closed and id(self._closed[0]) in written:
                self._closed.popleft()

    def closed(self, limit: int) -> list[CameraMinute]:
        """The oldest minutes that the centre has not confirmed. Raises sqlite3.Error."""
        rows = self._database.rows("SELECT * FROM minutes ORDER BY minute, camera_id LIMIT ?", limit)
        return [
            CameraMinute(
                camera_id=row["camera_id"], minute=_moment(row["minute"]), looks=row["looks"],
                fault=_fault(row["fault"]), width=row["width"], height=row["height"],
            )
            for row in rows
        ]

    def running(self) -> list[CameraMinute]:
        """The minute that still runs, as far as there is something to tell."""
        with self._lock:
            told = [_told(camera_id, page, self._clock()) for camera_id, page in self._pages.items()]
        return [minute for minute in told if minute is not None]

    def confirm(self, minutes: Sequence[CameraMinute]) -> None:
        """The centre has these. Raises sqlite3.Error."""
        if not minutes:
            return
        with self._database.transaction() as connection:
            connection.executemany(
                "DELETE FROM minutes WHERE camera_id = ? AND minute = ?",
                [(one.camera_id, _minute(one.minute.timestamp())) for one in minutes],
            )

    def _page(self, camera_id: str) -> _Page | None:
        page = self._pages.get(camera_id)
        now = self._clock()
        if page is not None and page.minute != _minute(now):
            self._close(camera_id, page, (page.minute + 1) * 60.0)
            page = _Page(_minute(now), _minute(now) * 60.0, page.fault, 0, page.fault, None)
            self._pages[camera_id] = page
        return page

    def _close(self, camera_id: str, page: _Page, end: float) -> None:
        minute = _told(camera_id, page, end)
        if minute is not None:
            self._closed.append(minute)


def _told(camera_id: str, page: _Page, now: float) -> CameraMinute | None:
    fault = page.seen_fault
    if not page.looks and fault is None:
        if now - page.watched_from < OPENING_S:
            return None
        fault = StreamFault.NO_PICTURE
    width, height = page.size or (None, None)
    return CameraMinute(
        camera_id=camera_id, minute=_moment(page.minute), looks=page.looks, fault=fault, width=width, height=height
    )


def _fault(kept: str | None) -> StreamFault | None:
    """One that this version does not know is some fault all the same."""
    if kept is None:
        return None
    return StreamFault(kept) if kept in set(StreamFault) else StreamFault.OTHER


def _minute(moment: float) -> int:
    return int(moment // 60)


def _moment(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * 60, UTC)
