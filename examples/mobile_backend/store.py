"""What the backend keeps, in one SQLite file: cases as last seen, how far it has read, people's tokens, and acts on their way."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TABLES = """
CREATE TABLE IF NOT EXISTS cases (id INTEGER PRIMARY KEY, version INTEGER NOT NULL, facts TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS feed (only INTEGER PRIMARY KEY CHECK (only = 1), cursor TEXT);
CREATE TABLE IF NOT EXISTS people (id TEXT PRIMARY KEY, name TEXT NOT NULL, tokens TEXT, shops TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sessions (secret TEXT PRIMARY KEY, person TEXT NOT NULL REFERENCES people);
CREATE TABLE IF NOT EXISTS acts (
  key TEXT PRIMARY KEY, person TEXT NOT NULL REFERENCES people, case_id INTEGER NOT NULL, act TEXT NOT NULL,
  version INTEGER NOT NULL, body TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'waiting', problem TEXT
);
"""
Row = dict[str, Any]


class Store:
    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.row_factory = sqlite3.Row
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.executescript(TABLES)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it, or nothing."""
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def rows(self, query: str, *values: object) -> list[Row]:
        return [dict(row) for row in self._database.execute(query, values)]

    def row(self, query: str, *values: object) -> Row | None:
        return next(iter(self.rows(query, *values)), None)

    def change(self, query: str, *values: object) -> None:
        self._database.execute(query, values)

    @property
    def cursor(self) -> str | None:
        row = self.row("SELECT cursor FROM feed")
        return row["cursor"] if row else None

    def keep_cursor(self, cursor: str | None) -> None:
        self.change("INSERT INTO feed VALUES (1, ?) ON CONFLICT DO UPDATE SET cursor = excluded.cursor", cursor)

    def keep_case(self, case_id: int, version: int, facts: Row) -> None:
        """The newer version stays, in whatever order they come."""
        self.change(
            "INSERT INTO cases VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET version = excluded.version, facts = excluded.facts"
            " WHERE excluded.version >= version",
            case_id, version, json.dumps(facts),
        )

    def forget_cases(self) -> None:
        self.change("DELETE FROM cases")

    def list_cases(self) -> list[Row]:
        return [json.loads(row["facts"]) for row in self.rows("SELECT facts FROM cases ORDER BY id")]

    def list_cases_of(self, person: str) -> list[Row]:
        """Of the shops that this person sees."""
        row = self.row("SELECT shops FROM people WHERE id = ?", person)
        shops = set(json.loads(row["shops"])) if row else set()
        return [case for case in self.list_cases() if case["shop_id"] in shops]
