"""A database that cannot be used is told in words, with what to do: by every command, and at the start."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
import typer
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from typer.testing import CliRunner

from api import cli
from api.kit.database import Database
from api.kit.settings import Settings
from tests.api.conftest import tell_postgres


def told(data: Path) -> str:
    """What a command says that reads the database."""
    app = typer.Typer()
    app.add_typer(cli.accounts, name="accounts")
    answer = CliRunner().invoke(app, ["accounts", "list", "--data", str(data)])
    assert answer.exit_code in (1, 2)
    return " ".join(answer.stderr.replace("│", " ").split())


def test_one_of_a_newer_version(sqlite_settings: Settings):
    async def come_from_the_future() -> None:
        database = Database(sqlite_settings.async_database_url, wait_s=60)
        async with database.writing() as work:
            await work.execute(text("UPDATE alembic_version SET version_num = 'later'"))
        await database.close()

    asyncio.run(come_from_the_future())
    assert told(sqlite_settings.data).startswith("The database is of a newer version")


@pytest.mark.parametrize(("code", "words"), [("SQLITE_IOERR", "Make room"), ("SQLITE_READONLY", "chown")])
def test_a_disk_that_is_full_or_anothers_is_no_reason_to_put_a_copy_back(
    sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch, code: str, words: str
):
    async def fail(_: object) -> None:
        cause = sqlite3.OperationalError("it is so")
        cause.sqlite_errorcode = getattr(sqlite3, code)
        raise OperationalError("SELECT 1", {}, cause)

    monkeypatch.setattr(cli, "upgrade", fail)
    said = told(sqlite_settings.data)
    assert words in said
    assert "copy" not in said


def test_an_address_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SUNSHINE_DATABASE_URL", "postgresql://sunshine:hunter2@host:port/name")
    words = told(tmp_path)
    assert "Give a URL such as postgresql://" in words
    assert "hunter2" not in words


@pytest.mark.postgres
def test_a_server_that_knows_no_such_database(tmp_path: Path, postgres_server: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SUNSHINE_DATABASE_URL", postgres_server.format(name="absent"))
    words = told(tmp_path)
    assert 'database "absent" does not exist' in words
    assert "Is SUNSHINE_DATABASE_URL right" in words


@pytest.mark.postgres
def test_one_that_has_no_place_for_chinese(tmp_path: Path, postgres_server: str, monkeypatch: pytest.MonkeyPatch):
    """What `createdb` makes where the server was set up without a locale."""
    tell_postgres(postgres_server, "CREATE DATABASE bytes ENCODING 'SQL_ASCII' TEMPLATE template0")
    monkeypatch.setenv("SUNSHINE_DATABASE_URL", postgres_server.format(name="bytes"))
    assert told(tmp_path).startswith("The database keeps text as SQL_ASCII")


@pytest.mark.postgres
def test_one_that_belongs_to_another(tmp_path: Path, postgres_server: str, monkeypatch: pytest.MonkeyPatch):
    tell_postgres(postgres_server, "CREATE DATABASE anothers TEMPLATE template0")
    tell_postgres(postgres_server, "CREATE ROLE visitor LOGIN")
    url = postgres_server.format(name="anothers").replace("postgres@", "visitor@")
    monkeypatch.setenv("SUNSHINE_DATABASE_URL", url)
    assert told(tmp_path).endswith("ALTER DATABASE name OWNER TO user")
