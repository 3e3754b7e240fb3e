"""The book of minutes: for each camera and minute how often it was looked at, or why it could not be."""

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from contract.edges import CameraMinute, StreamFault
from ingest.database import Database
from ingest.uptime import boot_id, uptime_s

# A camera that was watched for less of a minute than this, and gave neither picture nor fault, was just being opened.
OPENING_S = 20.0
# As long as a week without the centre is made up for; older minutes are dropped, so the book cannot fill the disk.
KEEP_S = 7 * 86_400.0
# Closed minutes that wait for a database that cannot be written: an hour of 64 cameras.
WAITING_FOR_DISK = 3840
# As long as nobody knows which minutes are old: a week of 64 cameras, some 30 MB.
MOST_KEPT = 64 * 7 * 1440


@dataclass
class _Page:
    """The running minute of one camera; `fault` is its state now, `seen_fault` the last one of this minute. By uptime: when the
    minute began, and from when on the camera was watched in it. `is_compared`: the clock was."""

    minute: int
    began_s: float
    watched_s: float
    is_compared: bool
    fault: StreamFault | None = None
    looks: int = 0
    seen_fault: StreamFault | None = None
    size: tuple[int, int] | None = None


class MinuteBook:
    """Several threads may write. Minutes are closed by `turn`, which must be called more often than once a minute.

    `is_compared`: whether `clock` goes by the centre's. Minutes from before that are put right once it does, by a clock that
    counts from the start of the machine; until then they are not told.
    """

    def __init__(
        self, database: Database, clock: Callable[[], float] = time.time, is_compared: Callable[[], bool] = lambda: True,
        uptime: Callable[[], float] = uptime_s,
    ) -> None:
        self._database = database
        self._clock = clock
        self._is_compared = is_compared
        self._uptime = uptime
        self._lock = threading.Lock()
        self._pages: dict[str, _Page] = {}
        self._closed: deque[tuple[CameraMinute, float | None]] = deque(maxlen=WAITING_FOR_DISK)

    def watch(self, camera_id: str) -> None:
        with self._lock:
            self._pages.setdefault(camera_id, self._begun(self._uptime()))

    def unwatch(self, camera_id: str) -> None:
        with self._lock:
            page = self._pages.pop(camera_id, None)
            if page is not None:
                self._close(camera_id, page)

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
            _keep(connection, [_row(one, began_s) for one, began_s in waiting])
            if self._is_compared():
                self._put_right(connection)
                connection.execute("DELETE FROM minutes WHERE minute < ?", (_minute(self._clock() - KEEP_S),))
            else:
                connection.execute(
                    "DELETE FROM minutes WHERE (SELECT COUNT(*) FROM minutes) > ? AND minute < "
                    "(SELECT minute FROM minutes ORDER BY minute DESC LIMIT 1 OFFSET ?)", (MOST_KEPT, MOST_KEPT),
                )
        with self._lock:
            # Of those that were written, some may have given way to newer ones meanwhile.
            written = set(map(id, waiting))
            while self._closed and id(self._closed[0]) in written:
                self._closed.popleft()

    def _put_right(self, connection: sqlite3.Connection) -> None:
        started = self._clock() - self._uptime()
        rows = connection.execute("SELECT * FROM minutes WHERE boot = ?", (boot_id(),)).fetchall()
        connection.execute("DELETE FROM minutes WHERE boot = ?", (boot_id(),))
        known: dict[str, object] = {"began_s": None, "boot": None}
        _keep(connection, [{**row, **known, "minute": round((started + row["began_s"]) / 60)} for row in rows])

    def closed(self, limit: int) -> list[CameraMinute]:
        """The oldest minutes that the centre has not confirmed. Raises sqlite3.Error."""
        rows = self._database.rows(
            "SELECT * FROM minutes WHERE boot IS NOT ? ORDER BY minute, camera_id LIMIT ?", boot_id(), limit
        )
        return [
            CameraMinute(
                camera_id=row["camera_id"], minute=_moment(row["minute"]), looks=row["looks"],
                fault=row["fault"], width=row["width"], height=row["height"],
            )
            for row in rows
        ]

    def running(self) -> list[CameraMinute]:
        """The minute that still runs, as far as there is something to tell."""
        with self._lock:
            told = [_told(camera_id, page, self._uptime()) for camera_id, page in self._pages.items()]
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
        if page is not None and page.minute != _minute(self._clock()):
            self._close(camera_id, page)
            fault, page = page.fault, self._begun(page.watched_s)
            page.fault = page.seen_fault = fault
            self._pages[camera_id] = page
        return page

    def _begun(self, watched_s: float) -> _Page:
        now = self._clock()
        began_s = self._uptime() - now % 60.0
        return _Page(_minute(now), began_s, max(began_s, watched_s), self._is_compared())

    def _close(self, camera_id: str, page: _Page) -> None:
        minute = _told(camera_id, page, min(page.began_s + 60.0, self._uptime()))
        if minute is not None:
            self._closed.append((minute, None if page.is_compared else page.began_s))


def _row(one: CameraMinute, began_s: float | None) -> dict[str, object]:
    return {
        "camera_id": one.camera_id, "minute": _minute(one.minute.timestamp()), "looks": one.looks, "fault": one.fault,
        "width": one.width, "height": one.height, "began_s": began_s, "boot": None if began_s is None else boot_id(),
    }


def _keep(connection: sqlite3.Connection, rows: Sequence[Mapping[str, object]]) -> None:
    """The same minute twice: the edge was restarted in it; or, where the machine was and its clock began anew, these are two of
    which nobody can say when they were, and the later one stays."""
    connection.executemany(
        "INSERT INTO minutes (camera_id, minute, looks, fault, width, height, began_s, boot) "
        "VALUES (:camera_id, :minute, :looks, :fault, :width, :height, :began_s, :boot) "
        "ON CONFLICT DO UPDATE SET looks = iif(boot <> excluded.boot, 0, looks) + excluded.looks, "
        "fault = coalesce(excluded.fault, iif(boot <> excluded.boot, NULL, fault)), "
        "width = coalesce(excluded.width, width), height = coalesce(excluded.height, height), "
        "began_s = excluded.began_s, boot = excluded.boot", rows,
    )


def _told(camera_id: str, page: _Page, until_s: float) -> CameraMinute | None:
    fault = page.seen_fault
    if not page.looks and fault is None:
        if until_s - page.watched_s < OPENING_S:
            return None
        fault = StreamFault.NO_PICTURE
    width, height = page.size or (None, None)
    return CameraMinute(
        camera_id=camera_id, minute=_moment(page.minute), looks=page.looks, fault=fault, width=width, height=height
    )


def _minute(moment: float) -> int:
    return int(moment // 60)


def _moment(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * 60, UTC)
