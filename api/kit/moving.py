"""All rows of one database into another, on another engine."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    FromClause,
    Insert,
    MetaData,
    Row,
    Table,
    Text,
    bindparam,
    cast,
    create_engine,
    func,
    insert,
    select,
    type_coerce,
    update,
)
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DataError

# Few enough to lie in memory, whatever is in them.
_AT_ONCE = 500


class CannotMove(Exception):
    """Nothing was copied; the message says why, and what to do."""


def move_rows(metadata: MetaData, source: Path, target_url: str, tell: Callable[[str], None]) -> int:
    """Copy every row of the SQLite database `source` into the PostgreSQL database; both have the tables of `metadata`, and nobody
    writes to either. One transaction: all of it or nothing. `tell` gets the name of each table and its number of rows, which are
    summed up in what is returned, and each text that loses a NUL, which PostgreSQL keeps nowhere. Raises CannotMove."""
    old_engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True))
    new_engine = create_engine(target_url, hide_parameters=True, connect_args={"client_encoding": "utf8"})
    try:
        with old_engine.connect() as old, new_engine.begin() as new:
            for table in metadata.sorted_tables:
                if new.execute(select(table).limit(1)).first() is not None:
                    raise CannotMove(f"The database of SUNSHINE_DATABASE_URL is not empty ({table.name}). Name one that is.")
            count = 0
            for table in metadata.sorted_tables:
                rows = _copy(table, old, new, tell)
                tell(f"{table.name}: {rows}")
                count += rows
            return count
    finally:
        old_engine.dispose()
        new_engine.dispose()


def _copy(table: Table, old: Connection, new: Connection, tell: Callable[[str], None]) -> int:
    # JSON as its text: else an absent value and a stored null would become one.
    read = select(*(type_coerce(column, Text) if _is_json(column) else column for column in table.c))
    write = insert(table).values({column.name: _given(column) for column in table.c})
    own = [column for column in table.c if any(key.column.table is table for key in column.foreign_keys)]
    keys = list(table.primary_key)
    count = 0
    for rows in old.execution_options(yield_per=_AT_ONCE).execute(read).partitions():
        given = [
            {f"new_{column.name}": _without_nul(column, value, row, tell) for column, value in zip(table.c, row, strict=True)}
            for row in rows
        ]
        # A row may name one that comes after it.
        _insert(table, [row | {f"new_{column.name}": None for column in own} for row in given], write, new)
        count += len(given)
    for column in own:
        naming = select(column, *keys).where(column.is_not(None))
        found = [{f"new_{name}": value for name, value in row._mapping.items()} for row in old.execute(naming)]
        if found:
            this = [key == bindparam(f"new_{key.name}") for key in keys]
            new.execute(update(table).where(*this).values({column.name: bindparam(f"new_{column.name}")}), found)
    if count and table.autoincrement_column is not None:
        counter = table.autoincrement_column
        highest = select(func.max(counter)).scalar_subquery()
        new.execute(select(func.setval(func.pg_get_serial_sequence(table.name, counter.name), highest)))
    return count


def _insert(table: Table, given: list[dict[str, Any]], write: Insert, new: Connection) -> None:
    try:
        with new.begin_nested():
            new.execute(write, given)
    except DataError as error:
        if len(given) == 1:
            key = _key(table, lambda column: given[0][f"new_{column.name}"])
            raise CannotMove(
                f"PostgreSQL does not take the row {key} of {table.name} ({error.orig}). Nothing was moved. Start the centre as "
                "before, shorten or correct there what this names, and move again."
            ) from error
        for row in given:  # which of them it is
            _insert(table, [row], write, new)


def _without_nul(column: Column[Any], value: Any, row: Row[Any], tell: Callable[[str], None]) -> Any:
    """SQLite took it in earlier versions; nobody sees it."""
    if not isinstance(value, str) or "\0" not in value:
        return value
    key = _key(column.table, lambda part: row._mapping[part.name])
    told = f"{column.table.name} {key}: {column.name} held a NUL, an invisible character that PostgreSQL cannot keep."
    if column.table.name == "audit_entries":
        told += " `sunshine audit verify` names this entry from now on: keep sunshine.db.moved, which has it as it was."
    tell(told)
    return value.replace("\0", "")


def _key(table: FromClause, value: Callable[[Any], Any]) -> str:
    return ", ".join(f"{column.name}={value(column)}" for column in table.primary_key)


def _is_json(column: Column[object]) -> bool:
    return isinstance(column.type, JSON)


def _given(column: Column[object]) -> object:
    name = f"new_{column.name}"
    return cast(bindparam(name, type_=Text), column.type) if _is_json(column) else bindparam(name, type_=column.type)
