"""The history of the database, and how it is brought up to date: at every start, in one transaction."""

from importlib.resources import files
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy.engine import Connection

from api.kit.database import Database

LOCK = 0x53554E  # any number that no other program on the database uses


class DatabaseUnusable(Exception):
    """This version cannot use such a database; the message says what to do."""


async def upgrade(database: Database) -> None:
    """Raises DatabaseUnusable, and leaves nothing then."""
    is_sqlite = database.engine.dialect.name == "sqlite"
    try:
        async with database.writing() as work:
            connection = await work.connection()
            if is_sqlite:
                # To change a table SQLite makes it anew, and while others name its rows it cannot be dropped; they are checked at
                # the end. Within a transaction this would do nothing (https://www.sqlite.org/lang_altertable.html, 7), so past
                # SQLAlchemy, before there is one.
                driver: Any = (await connection.get_raw_connection()).driver_connection
                await driver.execute("PRAGMA foreign_keys=OFF")
            await connection.run_sync(_upgrade)
    finally:
        if is_sqlite:
            await database.close()  # every new connection checks again


def config_for(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("api.migrations")))
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        # Of several centres that start together on one database, one migrates and the others wait for it, as long as it takes.
        connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
        if encoding != "UTF8":
            raise DatabaseUnusable(
                f"The database keeps text as {encoding}, which has no place for Chinese. Make another one, and name it in "
                "SUNSHINE_DATABASE_URL: CREATE DATABASE sunshine OWNER sunshine ENCODING 'UTF8' TEMPLATE template0"
            )
    before = MigrationContext.configure(connection).get_current_revision()
    try:
        command.upgrade(config_for(connection), "head")
    except CommandError as error:
        raise DatabaseUnusable(
            f"The database is of a newer version than this program, which does not know its state {before}. Start the newer "
            "version, or put back the copy that was made before it."
        ) from error
    is_moved = before != MigrationContext.configure(connection).get_current_revision()
    if is_moved and connection.dialect.name == "sqlite":
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        if broken:
            tables = ", ".join(sorted({row[0] for row in broken}))
            raise DatabaseUnusable(
                f"The database cannot be brought up to date, and is as it was: {len(broken)} of its rows (in {tables}) name "
                "others that are not there. Somebody changed it past the centre, or this version is at fault. Start the version "
                "from before, or put back a copy."
            )
