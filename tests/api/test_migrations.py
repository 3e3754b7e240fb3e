import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Column, MetaData, select, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from api.bootstrap import prepare
from api.cases.tables import Case
from api.centre import Centre
from api.evidence.tables import Evidence
from api.kit.database import Database
from api.kit.settings import Settings
from api.migrations import DatabaseUnusable, config_for, upgrade
from api.tables import metadata
from tests.api.world import World

CAPTURED = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'empty.db'}"
    url: str = request.getfixturevalue("empty_postgres")
    return url


async def in_transaction(database: Database, act: Any) -> Any:
    async with database.writing() as work:
        return await (await work.connection()).run_sync(act)


async def test_an_empty_database_becomes_what_the_tables_say(empty_url: str):
    database = Database(empty_url, wait_s=60)
    await upgrade(database)
    differences = await in_transaction(
        database, lambda connection: compare_metadata(MigrationContext.configure(connection), metadata)
    )
    await database.close()
    assert differences == []


async def test_a_second_run_changes_nothing(empty_url: str):
    database = Database(empty_url, wait_s=60)
    await upgrade(database)
    await upgrade(database)
    await database.close()


async def test_there_is_a_way_back(empty_url: str):
    def tables(connection: Connection) -> set[str]:
        from sqlalchemy import inspect

        return set(inspect(connection).get_table_names())

    database = Database(empty_url, wait_s=60)
    await upgrade(database)
    await in_transaction(database, lambda connection: command.downgrade(config_for(connection), "base"))
    left = await in_transaction(database, tables)
    await database.close()
    assert left == {"alembic_version"}


async def test_a_migration_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'empty.db'}", wait_s=60)

    def fail_at_the_end(*_: object) -> None:
        raise RuntimeError("power failure")

    monkeypatch.setattr("api.kit.database.Work.commit", fail_at_the_end)
    with pytest.raises(RuntimeError, match="power failure"):
        await upgrade(database)
    monkeypatch.undo()
    await upgrade(database)
    await database.close()


async def test_a_centre_that_is_in_use_is_brought_up_to_date(empty_url: str):
    """Of each table that is there before the first day's changes, a row, and rows that name it."""
    database = Database(empty_url, wait_s=60)
    await in_transaction(database, lambda connection: command.upgrade(config_for(connection), "2026_11_24_feed"))
    before = await in_transaction(database, _filled)
    await upgrade(database)
    after = await in_transaction(database, partial(_counted, sorted(before)))
    async with database.writing() as work:
        with pytest.raises(IntegrityError):
            await work.execute(text("DELETE FROM edges"))
    await database.close()
    assert after == before


async def test_rows_that_name_what_is_not_there_are_told_and_nothing_is_changed(tmp_path: Path):
    """Somebody has deleted rows with a tool that checks nothing."""
    path = tmp_path / "old.db"
    database = Database(f"sqlite+aiosqlite:///{path}", wait_s=60)
    await in_transaction(database, lambda connection: command.upgrade(config_for(connection), "2026_11_24_feed"))
    await in_transaction(database, _filled)
    with closing(sqlite3.connect(path)) as tool:
        tool.execute("DELETE FROM edges")
        tool.commit()
    with pytest.raises(DatabaseUnusable, match=r"is as it was: .* name others that are not there\..* put back a copy"):
        await upgrade(database)
    async with database.reading() as work:
        assert (await work.execute(text("SELECT version_num FROM alembic_version"))).scalar_one() == "2026_11_24_feed"
    await database.close()


def _filled(connection: Connection) -> dict[str, int]:
    tables = MetaData()
    tables.reflect(connection)
    given: dict[str, dict[str, Any]] = {}
    for table in tables.sorted_tables:
        if table.name in ("alembic_version", "evidence"):  # a manifest is no value of any kind
            continue
        row = given[table.name] = {}
        for column in table.columns:
            for key in column.foreign_keys:
                row[column.name] = given[key.column.table.name].get(key.column.name)
            if column.name not in row and not column.nullable:
                row[column.name] = _value(column)
        connection.execute(table.insert().values(row))
    return _counted(sorted(given), connection)


def _value(column: Column[Any]) -> Any:
    kind = column.type.python_type
    if kind is str:
        return column.name[: column.type.length or 5]
    return {dict: {}, datetime: CAPTURED, bytes: b"", bool: False}.get(kind, 1)


def _counted(tables: list[str], connection: Connection) -> dict[str, int]:
    return {name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in tables}


@pytest.mark.postgres
async def test_two_centres_that_start_together(tmp_path: Path, empty_postgres: str):
    given = {"database_url": empty_postgres, "database_wait_s": 60}
    centres = [Centre(Settings.model_validate({"data": tmp_path / name, **given})) for name in ("a", "b")]
    logins = await asyncio.gather(*map(prepare, centres))
    for centre in centres:
        await centre.close()
    assert len([login for login in logins if login is not None]) == 1


async def test_evidence_of_before_gets_its_time_and_its_doubt(any_world: World):
    """As it was filed, and filed again by the migration."""
    box = await any_world.edge(await any_world.place())
    for told, offset_s in ((CAPTURED, None), (CAPTURED, 7200.0), (datetime(1970, 1, 1, tzinfo=UTC), 0.0), (CAPTURED, -1.8e9)):
        assert (await box.report(captured_at=told, since=told, clock_offset_s=offset_s)).status_code == 201

    async def read() -> list[tuple[datetime, str | None, str | None]]:
        async with any_world.centre.database.reading() as work:
            rows = await work.execute(select(Evidence, Case.time_doubt).join(Case).order_by(Evidence.sequence))
            return [(one.seen_at.replace(second=0, microsecond=0), one.time_doubt, doubt) for one, doubt in rows]

    before = await read()
    assert [doubt for _, doubt, _ in before] == ["uncompared", None, "no_clock", "uncompared"]
    for move, revision in ((command.downgrade, "2026_11_27_edge_runs"), (command.upgrade, "head")):
        await in_transaction(any_world.centre.database, partial(_moved, move, revision))
    assert await read() == before


def _moved(move: Callable[[Config, str], None], revision: str, connection: Connection) -> None:
    move(config_for(connection), revision)
