"""The engine, and the unit of work: one transaction that its owner commits, never a service."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from enum import StrEnum
from functools import cache, partial
from typing import Any, cast

from sqlalchemy import ColumnElement, Enum, Insert, MetaData, TableClause, event, insert, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.orm.attributes import set_committed_value

from api.kit.sqlite import begin_sqlite, open_sqlite, prepare_sqlite

_SOMETHING = text("SELECT version_num FROM alembic_version")


class Table(DeclarativeBase):
    """The base of all tables. Constraints have names, so that a migration can change them on any engine."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def words(kind: type[StrEnum]) -> Enum:
    """A column of one word out of an enumeration, kept as text: a new word needs no migration."""
    return Enum(
        kind, native_enum=False, create_constraint=False, length=40, values_callable=lambda members: [m.value for m in members]
    )


class Work(AsyncSession):
    """A unit of work. What is told to the world waits until it is committed."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._afterwards: list[Callable[[], object]] = []

    def when_committed(self, callback: Callable[[], object]) -> None:
        self._afterwards.append(callback)

    def run_afterwards(self) -> None:
        callbacks, self._afterwards = self._afterwards, []
        for callback in callbacks:
            callback()


class Database:
    """One per process. `reading` changes nothing; `writing` commits at its end, or leaves nothing."""

    def __init__(self, url: str, wait_s: float) -> None:
        is_sqlite = url.startswith("sqlite")
        arguments = {"timeout": wait_s, "async_creator_fn": open_sqlite} if is_sqlite else _postgres_arguments(wait_s)
        # hide_parameters: a value may be personal data, and errors are logged.
        self.engine = create_async_engine(url, connect_args=arguments, pool_timeout=wait_s, hide_parameters=True)
        if is_sqlite:
            event.listen(self.engine.sync_engine, "connect", prepare_sqlite)
            event.listen(self.engine.sync_engine, "begin", begin_sqlite)
        else:
            event.listen(self.engine.sync_engine, "connect", partial(_limit_postgres, wait_s))
        # A transaction that reads first and writes later fails at once when another has written in between, however long it
        # would be willing to wait. One that says at its beginning that it will write, waits for its turn.
        self._writing_engine = self.engine.execution_options(sqlite_begin="BEGIN IMMEDIATE")
        # PostgreSQL lets each statement see what was committed before it, within a transaction too: one around what only reads
        # would cost two more trips to the server.
        self._reading_engine = self.engine if is_sqlite else self.engine.execution_options(isolation_level="AUTOCOMMIT")
        # What SQLite gives anyway.
        self._engine_of_one_moment = (
            self.engine if is_sqlite else self.engine.execution_options(isolation_level="REPEATABLE READ")
        )

    @asynccontextmanager
    async def reading(self, *, of_one_moment: bool = False) -> AsyncIterator[Work]:
        """`of_one_moment`: several statements see one state of the data, whatever is committed in between."""
        engine = self._engine_of_one_moment if of_one_moment else self._reading_engine
        async with Work(engine, expire_on_commit=False, autoflush=False) as work:
            yield work

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Work]:
        async with Work(self._writing_engine, expire_on_commit=False) as work:
            yield work
            await work.commit()
            work.run_afterwards()

    async def close(self) -> None:
        await self.engine.dispose()


async def read_something(work: AsyncSession) -> None:
    """Raises what the database does. To take a connection would not do: it comes out of a pool."""
    await work.execute(_SOMETHING)


async def insert_now(work: AsyncSession, *rows: Table) -> None:
    """Insert rows of one table, all with values for the same columns, at once and apart from the unit of work, which would take
    twice as long; what is changed in them later is not saved. One alone has its key afterwards, also where the database gives
    it."""
    kind = type(rows[0])
    values = [{name: value for name, value in vars(row).items() if name in kind.__table__.c} for row in rows]
    if len(rows) > 1:
        await work.execute(_inserting(kind), values)
        return
    result: Any = await work.execute(_inserting(kind), values[0])
    for column, value in zip(kind.__table__.primary_key, result.inserted_primary_key, strict=True):
        set_committed_value(rows[0], column.name, value)


async def insert_or_update(work: AsyncSession, table: type[Table], rows: Sequence[dict[str, Any]], keys: Sequence[str]) -> None:
    """Insert the rows; where one with the same keys is there, overwrite it."""
    if not rows:
        return
    statement = _insert_of(work)(table)
    overwritten = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    await work.execute(statement.on_conflict_do_update(index_elements=list(keys), set_=overwritten), rows)


async def insert_where_missing(work: AsyncSession, table: type[Table], row: dict[str, Any], key: str) -> None:
    """Insert the row, unless one with the same key is there; either way it is locked until the end of the transaction."""
    statement = _insert_of(work)(table).values(row)
    await work.execute(statement.on_conflict_do_update(index_elements=[key], set_={key: statement.excluded[key]}))


async def insert_if_missing(work: AsyncSession, table: type[Table], row: dict[str, Any]) -> bool:
    """Whether the row was inserted: not where one with the same key is there, which is left as it is."""
    return (await work.scalars(_inserting_if_missing(_insert_of(work), table), row)).first() is not None


async def insert_or_take(
    work: AsyncSession, table: type[Table], rows: Sequence[dict[str, Any]], key: str, may_take: ColumnElement[bool]
) -> list[Any]:
    """Insert the rows; one that is there is overwritten only where `may_take` holds for it. Returns the keys that were written:
    of two who want the same row at once, one gets it."""
    if not rows:
        return []
    statement = _insert_of(work)(table)
    overwritten = {name: statement.excluded[name] for name in rows[0] if name != key}
    taking = statement.values(list(rows)).on_conflict_do_update(index_elements=[key], set_=overwritten, where=may_take)
    return list(await work.scalars(taking.returning(getattr(table, key))))


@cache
def _inserting(table: type[Table]) -> Insert:
    return insert(cast(TableClause, table.__table__))  # of the class itself, the unit of work would take a part


@cache
def _inserting_if_missing(insert: Any, table: type[Table]) -> Any:
    """One for each table: built anew, it would cost more than it does."""
    rows = table.__table__  # of the class itself, the unit of work would take a part
    return insert(rows).on_conflict_do_nothing().returning(*rows.primary_key)


def _insert_of(work: AsyncSession) -> Any:
    return postgresql.insert if work.get_bind().dialect.name == "postgresql" else sqlite.insert


def _postgres_arguments(wait_s: float) -> dict[str, Any]:
    """A server that is switched off, or behind a cable that was pulled, is noticed within about half a minute (libpq, 34.1.2)."""
    return {
        "client_encoding": "utf8",  # whatever the server or PGCLIENTENCODING would have it be
        "connect_timeout": max(2, round(wait_s)), "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3,
        "tcp_user_timeout": 30_000,
    }


def _limit_postgres(wait_s: float, connection: DBAPIConnection, _record: object) -> None:
    """Nothing waits for ever. A lock is held for moments, so who waits longer than `wait_s` is told to come again; no statement
    of ours takes seconds; a transaction that somebody forgot (a process that was stopped) gives its locks back."""
    limits_s = {"lock_timeout": wait_s, "statement_timeout": 4 * wait_s, "idle_in_transaction_session_timeout": 60}
    cursor = connection.cursor()
    try:
        for name, seconds in limits_s.items():
            cursor.execute("SELECT set_config(%s, %s, false)", (name, f"{max(1, round(seconds * 1000))}ms"))
    finally:
        cursor.close()
    connection.commit()  # with a transaction that is rolled back, they would go again
