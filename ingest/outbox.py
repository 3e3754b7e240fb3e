"""What waits for the centre: one row for each committed evidence folder, kept until long after the centre has it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from contract.evidence import Manifest
from detector.rules import Repeat
from ingest.database import Database


@dataclass(frozen=True)
class Entry:
    """What the outbox keeps of a committed violation; `repeat` says until when it is not told again."""

    manifest: Manifest
    repeat: Repeat


@dataclass(frozen=True)
class Report:
    violation_id: UUID
    camera_id: str
    sequence: int


@dataclass(frozen=True)
class Head:
    """The last manifest of a camera's chain."""

    sequence: int
    digest: str


class Outbox:
    """A report is `waiting`, then `sent` or `parked`; `deleted` when its evidence is. All methods raise sqlite3.Error."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, entries: Iterable[Entry]) -> None:
        """Queue committed evidence; what is already here stays as it is."""
        rows = [
            (
                str(entry.manifest.violation_id), entry.manifest.camera_id, entry.manifest.sequence, entry.manifest.digest(),
                entry.repeat.rule, json.dumps(entry.repeat.box), entry.repeat.until.timestamp(),
            )
            for entry in entries
        ]
        with self._database.transaction() as connection:
            connection.executemany(
                "INSERT INTO reports (violation_id, camera_id, sequence, digest, rule, box, repeat_until, state) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, 'waiting') ON CONFLICT (violation_id) DO NOTHING", rows,
            )

    def known(self) -> set[UUID]:
        return {UUID(row["violation_id"]) for row in self._database.rows("SELECT violation_id FROM reports")}

    def next_of_each_camera(self) -> list[Report]:
        """The first waiting report of every camera that has one: a camera's reports are sent in the order of its chain."""
        return self._reports(
            "SELECT violation_id, camera_id, MIN(sequence) AS sequence FROM reports WHERE state = 'waiting' GROUP BY camera_id"
        )

    def mark_sent(self, violation_id: UUID, now: float) -> None:
        self._settle(violation_id, "sent", now)

    def park(self, violation_id: UUID, now: float) -> None:
        """Set aside what the centre does not take; its evidence stays."""
        self._settle(violation_id, "parked", now)

    def waiting(self) -> int:
        return self._count("waiting")

    def parked(self) -> int:
        return self._count("parked")

    def parked_since(self, moment: float) -> bool:
        return bool(self._database.rows("SELECT 1 FROM reports WHERE state = 'parked' AND settled_at > ? LIMIT 1", moment))

    def retry_parked(self) -> None:
        """Queue again what was set aside: what made the centre refuse it may have been put right since."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE reports SET state = 'waiting', settled_at = NULL WHERE state = 'parked'")

    def heads(self) -> dict[str, Head]:
        rows = self._database.rows("SELECT camera_id, MAX(sequence) AS sequence, digest FROM reports GROUP BY camera_id")
        return {row["camera_id"]: Head(row["sequence"], row["digest"]) for row in rows}

    def repeats(self, now: float) -> dict[str, list[Repeat]]:
        """By camera, what was told and is not to be told again yet."""
        repeats: dict[str, list[Repeat]] = {}
        for row in self._database.rows("SELECT camera_id, rule, box, repeat_until FROM reports WHERE repeat_until > ?", now):
            x1, y1, x2, y2 = json.loads(row["box"])
            until = datetime.fromtimestamp(row["repeat_until"], UTC)
            repeats.setdefault(row["camera_id"], []).append(Repeat(row["rule"], (x1, y1, x2, y2), until))
        return repeats

    def sent_before(self, moment: float) -> list[Report]:
        return self._reports(
            "SELECT violation_id, camera_id, sequence FROM reports WHERE state = 'sent' AND settled_at < ?", moment
        )

    def mark_deleted(self, violation_id: UUID, now: float) -> None:
        self._settle(violation_id, "deleted", now)

    def purge(self, now: float) -> None:
        """Drop the rows that nothing needs any more; the head of a chain stays, because the next manifest names it."""
        with self._database.transaction() as connection:
            connection.execute(
                "DELETE FROM reports WHERE state = 'deleted' AND repeat_until <= ? AND sequence < "
                "(SELECT MAX(sequence) FROM reports AS other WHERE other.camera_id = reports.camera_id)", (now,),
            )

    def _reports(self, query: str, *values: object) -> list[Report]:
        rows = self._database.rows(query, *values)
        return [Report(UUID(row["violation_id"]), row["camera_id"], row["sequence"]) for row in rows]

    def _settle(self, violation_id: UUID, state: str, now: float) -> None:
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE reports SET state = ?, settled_at = ? WHERE violation_id = ?", (state, now, str(violation_id))
            )

    def _count(self, state: str) -> int:
        return int(self._database.rows("SELECT COUNT(*) AS number FROM reports WHERE state = ?", state)[0]["number"])
