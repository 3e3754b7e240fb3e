import asyncio
import sqlite3
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import aiosqlite
import pytest
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import OperationalError, StatementError

from api.audit.tables import AuditEntry
from api.kit.database import Database, Work
from api.kit.problems import Unavailable, from_database
from api.kit.settings import Settings
from api.places.tables import District
from tests.api.world import World


def entry_values(at: datetime) -> dict[str, Any]:
    words = dict.fromkeys(("actor_kind", "actor_id", "actor_name", "action", "object_kind", "object_id", "chain"), "x")
    return {"at": at, "detail": {}, **words}


def entry(at: datetime) -> AuditEntry:
    return AuditEntry(**entry_values(at))


async def test_what_fails_leaves_nothing_and_tells_nobody(any_world: World):
    told: list[str] = []

    async def act() -> None:
        async with any_world.centre.database.writing() as work:
            work.add(entry(datetime.now(UTC)))
            work.when_committed(lambda: told.append("committed"))
            await work.flush()
            raise RuntimeError("something else")

    with pytest.raises(RuntimeError):
        await act()
    async with any_world.centre.database.reading() as work:
        assert await work.get(AuditEntry, 1) is None
    assert told == []


async def test_it_is_told_after_the_commit(world: World):
    seen: list[int] = []

    def look() -> None:
        with sqlite3.connect(world.centre.settings.data / "sunshine.db") as other:
            seen.append(other.execute("SELECT count(*) FROM audit_entries").fetchone()[0])

    async with world.centre.database.writing() as work:
        work.add(entry(datetime.now(UTC)))
        work.when_committed(look)
    assert seen == [1]


async def test_a_reading_of_one_moment_sees_nothing_of_what_comes_after(any_world: World):
    async with any_world.centre.database.reading(of_one_moment=True) as work:
        assert await work.scalar(select(func.count()).select_from(AuditEntry)) == 0
        async with any_world.centre.database.writing() as other:
            other.add(entry(datetime.now(UTC)))
        assert await work.scalar(select(func.count()).select_from(AuditEntry)) == 0


async def test_what_is_changed_in_a_reading_is_not_saved(any_world: World):
    async with any_world.centre.database.writing() as work:
        work.add(District(id="one", name="as it was"))
    async with any_world.centre.database.reading() as work:
        (await work.get_one(District, "one")).name = "changed"
        await work.scalar(select(func.count()).select_from(District))
    async with any_world.centre.database.reading() as work:
        assert (await work.get_one(District, "one")).name == "as it was"


@pytest.mark.postgres
async def test_a_reading_of_postgres_keeps_no_transaction_open(postgres_settings: Settings):
    database = Database(postgres_settings.async_database_url, wait_s=1)
    async with database.reading() as work, database.reading() as other:
        mine = await work.scalar(select(func.pg_backend_pid()))
        state = text("SELECT state FROM pg_stat_activity WHERE pid = :pid")
        assert await other.scalar(state, {"pid": mine}) == "idle"
    await database.close()


async def test_times_come_back_in_utc(any_world: World):
    noon_in_shanghai = datetime(2026, 11, 22, 12, tzinfo=timezone(timedelta(hours=8)))
    async with any_world.centre.database.writing() as work:
        work.add(entry(noon_in_shanghai))
    async with any_world.centre.database.reading() as work:
        found = await work.get(AuditEntry, 1)
    assert found is not None
    assert found.at == noon_in_shanghai
    assert found.at.utcoffset() == timedelta(0)


async def test_a_time_without_a_zone_is_refused(world: World):
    with pytest.raises(StatementError, match="without a time zone"):
        async with world.centre.database.writing() as work:
            work.add(entry(datetime(2026, 11, 22, 12)))


async def test_writers_wait_for_each_other(world: World):
    """Each reads first and writes then: without `BEGIN IMMEDIATE` all but one would fail at once."""

    async def count_up() -> None:
        async with world.centre.database.writing() as work:
            await work.get(AuditEntry, 1)
            work.add(entry(datetime.now(UTC)))

    await asyncio.gather(*(count_up() for _ in range(8)))


async def test_waiting_has_an_end(tmp_path: Path):
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'x.db'}", wait_s=0.1)
    other = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    other.execute("PRAGMA journal_mode=WAL").close()
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(OperationalError, match="locked"):
        async with database.writing() as work:
            await work.execute(text("SELECT 1"))
    other.close()
    await database.close()


@pytest.mark.postgres
async def test_waiting_for_a_row_of_postgres_has_an_end(postgres_settings: Settings):
    database = Database(postgres_settings.async_database_url, wait_s=1)
    async with database.writing() as work:
        work.add(entry(datetime.now(UTC)))
    async with database.writing() as first:
        await first.get(AuditEntry, 1, with_for_update=True)
        with pytest.raises(OperationalError, match="lock timeout") as caught:
            async with database.writing() as second:
                await second.get(AuditEntry, 1, with_for_update=True)
    await database.close()
    problem = from_database(caught.value)
    assert problem is not None
    assert (problem.status, problem.headers()) == (503, {"Retry-After": "5"})
    assert "busy" in problem.detail


@pytest.mark.postgres
async def test_a_statement_of_postgres_has_an_end(postgres_settings: Settings):
    database = Database(postgres_settings.async_database_url, wait_s=1)
    with pytest.raises(OperationalError, match="statement timeout") as caught:
        async with database.reading() as work:
            await (await work.connection()).exec_driver_sql("SELECT pg_sleep(60)")
    await database.close()
    problem = from_database(caught.value)
    assert problem is not None
    assert problem.status == 503


async def test_sqlite_keeps_what_it_committed(world: World):
    async def pragma(work: Work, name: str) -> object:
        return (await (await work.connection()).exec_driver_sql(f"PRAGMA {name}")).scalar_one()

    async with world.centre.database.reading() as work:
        assert [await pragma(work, name) for name in ("journal_mode", "synchronous", "foreign_keys")] == ["wal", 2, 1]


async def test_a_connection_that_cannot_be_opened_leaves_no_thread(tmp_path: Path):
    database = Database(f"sqlite+aiosqlite:///{tmp_path}", wait_s=0.1)

    def workers() -> set[threading.Thread]:
        return {thread for thread in threading.enumerate() if "_connection_worker_thread" in thread.name}

    before = workers()
    for _ in range(20):  # one alone may end in time by luck
        with pytest.raises(OperationalError):
            async with database.reading() as work:
                await work.connection()
        assert workers() <= before
    await database.close()


async def test_a_statement_of_sqlite_takes_one_trip_to_its_thread(world: World, monkeypatch: pytest.MonkeyPatch):
    trips: list[str] = []
    whole = aiosqlite.Connection._execute

    async def counted(connection: aiosqlite.Connection, act: Any, *args: Any) -> object:
        trips.append(act.__name__)
        return await whole(connection, act, *args)  # type: ignore[no-untyped-call]

    async with world.centre.database.writing() as work:
        connection = await work.connection()
        monkeypatch.setattr(aiosqlite.Connection, "_execute", counted)
        await work.execute(insert(AuditEntry), [entry_values(datetime.now(UTC)) for _ in range(3)])
        rows = (await work.execute(select(AuditEntry.id).where(AuditEntry.action == "x"))).all()
        ended = await connection.exec_driver_sql("DELETE FROM feed_events")
        assert (len(rows), ended.rowcount, len(trips)) == (3, 0, 3)


async def test_a_writer_that_is_cancelled_leaves_nothing_locked(tmp_path: Path):
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'x.db'}", wait_s=0.5)
    begun = asyncio.Event()

    async def write(*, is_slow: bool = False) -> None:
        async with database.writing() as work:
            if is_slow:
                begun.set()
            await work.execute(text("SELECT 1"))

    for _ in range(20):  # in the middle of the first statement, which opens the transaction
        begun.clear()
        writing = asyncio.create_task(write(is_slow=True))
        await begun.wait()
        await asyncio.sleep(0)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        await write()
    async with database.writing():
        pass  # nothing was said in it
    await write()
    await database.close()


def test_shared_memory_that_is_full_is_no_full_disk():
    """In the words of PostgreSQL 15, in a container with 4 MB of it."""
    words = 'could not resize shared memory segment "/PostgreSQL.1161754460" to 2105344 bytes: No space left on device'
    problem = from_database(OperationalError("SELECT 1", {}, Exception(words)))
    assert isinstance(problem, Unavailable)
    assert "shm_size" in problem.detail
