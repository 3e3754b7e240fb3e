"""SQLite as the engine uses it: how connections are opened, how transactions begin, and one trip to the thread a statement."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, Self

import aiosqlite
from sqlalchemy.engine import Connection
from sqlalchemy.engine.interfaces import DBAPIConnection


class OneTripCursor:
    """What SQLAlchemy asks of a cursor of aiosqlite, with its rows fetched in the same trip to the thread that executes: cursor,
    execute, fetch and close one by one cost four, which is more than most of our statements."""

    arraysize = 1

    def __init__(self, connection: "OneTripConnection") -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, statement: str, parameters: Sequence[Any] = ()) -> Self:
        _refuse_nul(parameters)
        return await self._trip(lambda cursor: cursor.execute(statement, parameters))

    async def executemany(self, statement: str, parameters: Sequence[Sequence[Any]]) -> Self:
        for row in parameters:
            _refuse_nul(row)
        return await self._trip(lambda cursor: cursor.executemany(statement, parameters))

    async def fetchall(self) -> list[Any]:
        rows, self._rows = self._rows, []
        return rows

    async def close(self) -> None:
        self._rows = []

    async def _trip(self, act: Callable[[sqlite3.Cursor], object]) -> Self:
        # From here on there may be something to roll back, whatever becomes of who waits for it.
        begin, self._connection.begins = self._connection.begins, None
        await self._connection._execute(self._run, begin, act)  # type: ignore[no-untyped-call]
        return self

    def _run(self, begin: str | None, act: Callable[[sqlite3.Cursor], object]) -> None:
        cursor = self._connection._conn.cursor()
        try:
            if begin is not None:
                cursor.execute(begin)
            act(cursor)
            self._rows = cursor.fetchall()
            self.description, self.rowcount, self.lastrowid = cursor.description, cursor.rowcount, cursor.lastrowid
        finally:
            cursor.close()


class OneTripConnection(aiosqlite.Connection):
    # How the transaction begins that the next statement opens; it goes along with it.
    begins: str | None = None

    def cursor(self) -> OneTripCursor:  # type: ignore[override]
        return OneTripCursor(self)

    async def commit(self) -> None:
        if not self._is_unopened():
            await super().commit()

    async def rollback(self) -> None:
        if not self._is_unopened():
            await super().rollback()

    def _is_unopened(self) -> bool:
        unopened, self.begins = self.begins is not None, None
        return unopened


def _refuse_nul(parameters: Sequence[Any]) -> None:
    """As PostgreSQL does: a centre that kept it could never move there."""
    if any(isinstance(value, str) and "\0" in value for value in parameters):
        raise sqlite3.DataError("a text holds NUL")


async def open_sqlite(database: str, **options: Any) -> aiosqlite.Connection:
    """As SQLAlchemy does it, but a connection that could not be opened has ended its thread when the error is told.

    aiosqlite does not wait for it, and a loop that is closed meanwhile (a command ends) makes that thread fail with a traceback.
    """
    connection = OneTripConnection(lambda: sqlite3.connect(database, **options), iter_chunk_size=64)
    connection._thread.daemon = True
    try:
        return await connection
    except BaseException:
        await asyncio.to_thread(connection._thread.join)
        raise


def prepare_sqlite(connection: DBAPIConnection, _record: object) -> None:
    # None: the driver begins no transactions of its own; `begin_sqlite` says how they begin.
    connection.isolation_level = None
    cursor = connection.cursor()
    try:
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA journal_mode=WAL")
        # FULL: in WAL mode the default of some builds loses the last commits when the power fails, and an edge deletes its
        # copy once we have answered.
        cursor.execute("PRAGMA synchronous=FULL")
    finally:
        cursor.close()


def begin_sqlite(connection: Connection) -> None:
    """Not before there is something to do in it."""
    driver: Any = connection.connection.driver_connection
    driver.begins = connection.get_execution_options().get("sqlite_begin", "BEGIN")
