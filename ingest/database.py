"""The edge's small database: which evidence waits to be sent, what was told, which minutes were looked at. SQLite, one file."""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import structlog

from ingest.disk import Disk

log = structlog.get_logger(__name__)

SCHEMA = """
CREATE TABLE IF NOT EXISTS reports (
    violation_id TEXT NOT NULL,
    is_clip INTEGER NOT NULL,
    camera_id TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    digest TEXT NOT NULL,
    rule TEXT,
    box TEXT,
    repeat_until REAL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'sent', 'parked', 'deleted')),
    settled_at REAL,
    taken_s REAL,
    boot TEXT,
    PRIMARY KEY (violation_id, is_clip)
);
CREATE INDEX IF NOT EXISTS reports_by_camera ON reports (camera_id, sequence);
CREATE INDEX IF NOT EXISTS reports_by_state ON reports (state, camera_id, sequence);
CREATE TABLE IF NOT EXISTS minutes (
    camera_id TEXT NOT NULL,
    minute INTEGER NOT NULL,
    looks INTEGER NOT NULL,
    fault TEXT,
    width INTEGER,
    height INTEGER,
    began_s REAL,
    boot TEXT,
    PRIMARY KEY (camera_id, minute)
) WITHOUT ROWID;
"""
# An edge from before there were clips keeps its rows.
BEFORE_CLIPS = """
DROP INDEX IF EXISTS reports_by_camera;
DROP INDEX IF EXISTS reports_by_state;
ALTER TABLE reports RENAME TO reports_before_clips;
"""
AFTER_CLIPS = """
INSERT INTO reports (violation_id, is_clip, camera_id, sequence, digest, rule, box, repeat_until, state, settled_at)
    SELECT violation_id, 0, camera_id, sequence, digest, rule, box, repeat_until, state, settled_at FROM reports_before_clips;
DROP TABLE reports_before_clips;
"""
# Of an edge from before these were kept: by `ingest.uptime`, since which start of the machine, and when.
LATER = {"reports": ("taken_s REAL", "boot TEXT"), "minutes": ("began_s REAL", "boot TEXT")}


class Database:
    """One connection that several threads share, one at a time."""

    def __init__(self, path: Path, busy_timeout_s: float = 5.0, disk: Disk | None = None) -> None:
        """Open or make it. Raises sqlite3.OperationalError when it is locked or the disk is full.

        A damaged file is put aside, not given up on: evidence lies in its own folders, from which the rows are made again, and
        the centre recognises what it already has.
        """
        self._lock = threading.Lock()
        self._busy_timeout_s = busy_timeout_s
        self._disk = disk or Disk()
        try:
            self._connection = _open(path, busy_timeout_s)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            aside = path.with_name(f"{path.name}.damaged-{time.time_ns()}")
            path.rename(aside)
            for companion in ("-wal", "-shm"):
                path.with_name(path.name + companion).unlink(missing_ok=True)
            log.error("edge_database_damaged", file=str(path), kept_as=str(aside), cause=str(error))
            self._connection = _open(path, busy_timeout_s)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, on disk when it returns. Raises sqlite3.Error."""
        with self._taken():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                raise

    def rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        """Raises sqlite3.Error."""
        with self._taken():
            return self._connection.execute(query, values).fetchall()

    @contextlib.contextmanager
    def _taken(self) -> Iterator[None]:
        """Nobody waits for ever for a thread that the disk does not let go of."""
        with self._disk.asked():
            if not self._lock.acquire(timeout=self._busy_timeout_s):
                raise sqlite3.OperationalError("the disk has not answered the one before")
            try:
                yield
            finally:
                self._lock.release()

    def close(self) -> None:
        with self._lock:
            self._connection.close()


def _open(path: Path, busy_timeout_s: float) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False)
    try:
        connection.row_factory = sqlite3.Row
        # A few hundred rows: milliseconds. What is damaged inside would otherwise show only after days, at one query.
        (state,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if state != "ok":
            raise sqlite3.DatabaseError(state)
        connection.execute("PRAGMA journal_mode = WAL")
        # WAL with the default NORMAL may forget the last commits in a power cut; a row must not be forgotten once it is told.
        connection.execute("PRAGMA synchronous = FULL")
        old = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'reports' AND sql NOT LIKE '%is_clip%'").fetchone()
        script = SCHEMA if old is None else f"{BEFORE_CLIPS}{SCHEMA}{AFTER_CLIPS}"
        connection.executescript(f"BEGIN IMMEDIATE;{script}COMMIT;")
        for table, columns in LATER.items():
            there = {row["name"] for row in connection.execute(f"PRAGMA table_info({table})")}
            for column in columns:
                if column.split()[0] not in there:
                    connection.execute(f"ALTER TABLE {table} ADD COLUMN {column}")
    except BaseException:
        connection.close()
        raise
    return connection
