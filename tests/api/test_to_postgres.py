"""A centre that has outgrown SQLite goes on with PostgreSQL: nothing is lost, and what comes next has its place."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
import typer
from click.testing import Result
from sqlalchemy import select, update
from typer.testing import CliRunner

from api import cli
from api.accounts.permissions import Role
from api.cases.tables import Case
from api.kit.settings import Settings
from api.places.schemas import DistrictIn
from api.places.service import create_district
from api.tables import metadata
from tests.api.world import HOUSE, World

pytestmark = pytest.mark.postgres


async def everything(world: World) -> dict[str, list[Any]]:
    async with world.centre.database.reading() as work:
        return {
            table.name: [tuple(row) for row in await work.execute(select(table).order_by(*table.primary_key))]
            for table in metadata.sorted_tables
        }


async def move(settings: Settings, url: str, monkeypatch: pytest.MonkeyPatch) -> Result:
    monkeypatch.setenv("SUNSHINE_DATABASE_URL", url)
    app = typer.Typer()
    app.command("to-postgres")(cli.to_postgres)
    return await asyncio.to_thread(CliRunner().invoke, app, ["--data", str(settings.data)])


async def fill(world: World) -> None:
    """Two cases, one of them part of the other, which comes after it; a station, whose county comes after it in the alphabet."""
    box = await world.edge(await world.place())
    for hours in (0, 1):
        assert (await box.report(captured_at=world.centre.clock() - timedelta(hours=hours))).status_code == 201
    async with world.centre.database.writing() as work:
        county = await create_district(work, HOUSE, DistrictIn(name="County"))
        await create_district(work, HOUSE, DistrictIn(name="Station", parent_id=county.id))
        await work.execute(update(Case).where(Case.id == 1).values(merged_into=2))
    await (await world.person(Role.OFFICER)).get("/api/v1/cases/1")


async def test_every_row_is_as_it_was(sqlite_settings: Settings, empty_postgres: str, monkeypatch: pytest.MonkeyPatch):
    async with World.open(sqlite_settings) as world:
        await fill(world)
        before = await everything(world)
    assert {name for name, rows in before.items() if rows} >= {"cases", "evidence", "audit_entries", "countersignatures", "users"}
    answer = await move(sqlite_settings, empty_postgres, monkeypatch)
    assert answer.exit_code == 0, answer.output
    moved = Settings.model_validate({"data": sqlite_settings.data, "database_url": empty_postgres, "database_wait_s": 60})
    async with World.open(moved) as world:
        assert await everything(world) == before
        # A new case does not take the number of an old one.
        box = await world.edge(await world.place("Another shop"))
        assert (await box.report()).json()["case_id"] == 3


async def test_a_database_that_holds_something_is_left_alone(
    sqlite_settings: Settings, postgres_settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    async with World.open(postgres_settings) as world:
        await world.person()
        before = await everything(world)
        answer = await move(sqlite_settings, postgres_settings.async_database_url, monkeypatch)
        assert (answer.exit_code, "is not empty" in answer.stderr) == (1, True)
        assert await everything(world) == before
    assert (sqlite_settings.data / "sunshine.db").is_file()


def change(settings: Settings, statement: str, *values: str) -> None:
    """Past the centre, which lets no such thing in."""
    with closing(sqlite3.connect(settings.data / "sunshine.db")) as database:
        database.execute(statement, values)
        database.commit()


async def test_an_invisible_character_is_taken_out_and_told(
    sqlite_settings: Settings, empty_postgres: str, monkeypatch: pytest.MonkeyPatch
):
    """Earlier versions kept it in SQLite, and PostgreSQL keeps it nowhere."""
    async with World.open(sqlite_settings) as world:
        await fill(world)
        (shop, *_) = (await everything(world))["shops"]
    change(sqlite_settings, "UPDATE shops SET name = ?", "Sh\0op")
    answer = await move(sqlite_settings, empty_postgres, monkeypatch)
    assert answer.exit_code == 0, answer.output
    assert f"shops id={shop[0]}: name held a NUL" in answer.stdout
    async with World.open(Settings.model_validate({"data": sqlite_settings.data, "database_url": empty_postgres})) as world:
        assert (await everything(world))["shops"] == [shop]


async def test_a_row_that_is_not_taken_is_named(sqlite_settings: Settings, empty_postgres: str, monkeypatch: pytest.MonkeyPatch):
    async with World.open(sqlite_settings) as world:
        await fill(world)
    change(sqlite_settings, "UPDATE districts SET name = ? WHERE name = 'Station'", "x" * 1000)
    answer = await move(sqlite_settings, empty_postgres, monkeypatch)
    assert (answer.exit_code, "of districts (value too long" in answer.stderr) == (1, True), answer.output
    assert (sqlite_settings.data / "sunshine.db").is_file()
