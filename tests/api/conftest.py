"""A migrated database for each test, on SQLite and, for the tests that ask for it, on PostgreSQL too."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine
from sqlalchemy.dialects.postgresql.psycopg import PGDialectAsync_psycopg
from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite
from sqlalchemy.util import LRUCache

from api.accounts import passwords
from api.kit.database import Database
from api.kit.settings import Settings
from api.migrations import upgrade
from tests.api.console.kitchen import WEAK
from tests.api.postgres_server import PostgresMissing, running_server
from tests.api.world import World

_numbers = count(1)
# Seconds. Nobody waits that long, except behind others on a slow and busy machine.
WAIT_S = 60


async def _migrate(url: str) -> None:
    database = Database(url, wait_s=WAIT_S)
    await upgrade(database)
    await database.close()


@pytest.fixture(scope="session", autouse=True)
def _weak_passwords() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", WEAK)
        yield


@pytest.fixture(scope="session", autouse=True)
def _statements_compiled_once() -> Iterator[None]:
    """For all engines of a kind: each test has one of its own, and compiling its statements anew took a quarter of its time."""
    made = LRUCache(5000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Engine, "_compiled_cache", property(lambda _: made, lambda _, __: None), raising=False)
        for kind in (SQLiteDialect_aiosqlite, PGDialectAsync_psycopg):  # part of the key
            patch.setattr(kind, "__eq__", lambda self, other: type(self) is type(other))
            patch.setattr(kind, "__hash__", lambda self: hash(type(self)))
        yield


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "sunshine.db"
    asyncio.run(_migrate(f"sqlite+aiosqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    try:
        with running_server(in_memory=True) as url:
            yield url
    except PostgresMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: str) -> str:
    """The name of a database that others are copied from."""
    _create_database(postgres_server, "migrated")
    asyncio.run(_migrate(postgres_server.format(name="migrated")))
    return "migrated"


def _create_database(server: str, name: str, template: str = "template1") -> None:
    tell_postgres(server, f"CREATE DATABASE {name} TEMPLATE {template}")


def _drop_database(server: str, name: str) -> None:
    tell_postgres(server, f"DROP DATABASE {name} WITH (FORCE)")


def tell_postgres(server: str, statement: str) -> None:
    with psycopg.connect(server.format(name="postgres").replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(statement)  # type: ignore[arg-type]


@pytest.fixture
def empty_postgres(postgres_server: str) -> Iterator[str]:
    """The URL of an empty database."""
    name = f"empty_{next(_numbers)}"
    _create_database(postgres_server, name)
    yield postgres_server.format(name=name)
    _drop_database(postgres_server, name)


@pytest.fixture
def sqlite_settings(tmp_path: Path, migrated_sqlite: Path) -> Settings:
    shutil.copy(migrated_sqlite, tmp_path / "sunshine.db")
    return Settings(data=tmp_path, database_wait_s=WAIT_S)


@pytest.fixture
def postgres_settings(tmp_path: Path, postgres_server: str, migrated_postgres: str) -> Iterator[Settings]:
    name = f"test_{next(_numbers)}"
    _create_database(postgres_server, name, migrated_postgres)
    url = postgres_server.format(name=name)
    yield Settings.model_validate({"data": tmp_path, "database_url": url, "database_wait_s": WAIT_S})
    _drop_database(postgres_server, name)


@pytest.fixture
async def world(sqlite_settings: Settings) -> AsyncIterator[World]:
    async with World.open(sqlite_settings) as world:
        yield world


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def any_settings(request: pytest.FixtureRequest) -> Settings:
    settings: Settings = request.getfixturevalue(f"{request.param}_settings")
    return settings


@pytest.fixture
async def any_world(any_settings: Settings) -> AsyncIterator[World]:
    """For the core tests: the same on both engines."""
    async with World.open(any_settings) as world:
        yield world
