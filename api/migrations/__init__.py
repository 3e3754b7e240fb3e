"""The history of the database, and how it is brought up to date: at every start, in one transaction."""

from importlib.resources import files

from alembic import command
from alembic.config import Config
from sqlalchemy.engine import Connection

from api.kit.database import Database

LOCK = 0x53554E  # any number that no other program on the database uses


async def upgrade(database: Database) -> None:
    async with database.writing() as work:
        await (await work.connection()).run_sync(_upgrade)


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
    command.upgrade(config_for(connection), "head")
