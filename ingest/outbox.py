"""What waits for the centre: one row for each committed evidence folder (a violation's pictures, or its clip), kept until long
after the centre has it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from uuid import UUID

from contract.evidence import ClipManifest, Manifest
from detector.violation import Repeat
from ingest.database import Database
from ingest.uptime import boot_id


@dataclass(frozen=True)
class Entry:
    """What the outbox keeps of a committed folder; `repeat` says until when a violation is not told again, `taken_s` by uptime
    when its picture was taken, if that is known."""

    manifest: Manifest | ClipManifest
    repeat: Repeat | None = None
    taken_s: float | None = None

    @cached_property
    def digest(self) -> str:
        return self.manifest.digest()


@dataclass(frozen=True)
class Report:
    """`digest` is of the manifest."""

    violation_id: UUID
    camera_id: str
    sequence: int
    is_clip: bool = False
    digest: str = ""


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
                str(entry.manifest.violation_id), isinstance(entry.manifest, ClipManifest), entry.manifest.camera_id,
                entry.manifest.sequence, entry.digest,
                *((repeat.rule, json.dumps(repeat.spot), repeat.until.timestamp()) if (repeat := entry.repeat) else (None,) * 3),
                entry.taken_s, None if entry.taken_s is None else boot_id(),
            )
            for entry in entries
        ]
        with self._database.transaction() as connection:
            connection.executemany(
                "INSERT INTO reports (violation_id, is_clip, camera_id, sequence, digest, rule, box, repeat_until, "
                "taken_s, boot, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'waiting') "
                "ON CONFLICT (violation_id, is_clip) DO NOTHING", rows,
            )

    def known(self, *, is_clip: bool = False) -> set[UUID]:
        rows = self._database.rows("SELECT violation_id FROM reports WHERE is_clip = ?", is_clip)
        return {UUID(row["violation_id"]) for row in rows}

    def next_of_each_camera(self, *, is_clip: bool = False, last: Iterable[UUID] = ()) -> list[Report]:
        """The first that waits of every camera that has one: pictures are sent in the order of the chain, and clips too, each
        after its pictures; pictures do not wait for clips. Those of `last` only where nothing else waits."""
        return self._reports(
            "SELECT *, MIN(sequence + (violation_id IN (SELECT value FROM json_each(?))) * (1 << 40)) FROM reports "
            "WHERE state = 'waiting' AND is_clip = ? AND NOT (is_clip AND EXISTS "
            "(SELECT 1 FROM reports AS its WHERE its.violation_id = reports.violation_id AND NOT its.is_clip AND "
            "its.state = 'waiting')) GROUP BY camera_id", json.dumps([str(one) for one in last]), is_clip,
        )

    def without_clip(self) -> list[Report]:
        """Violations whose clip, or the word that there is none, is not here."""
        return self._reports(
            "SELECT * FROM reports WHERE NOT is_clip AND state <> 'deleted' AND NOT EXISTS "
            "(SELECT 1 FROM reports AS its WHERE its.violation_id = reports.violation_id AND its.is_clip) ORDER BY sequence"
        )

    def mark_sent(self, violation_id: UUID, now: float, *, is_clip: bool = False) -> None:
        self._settle(violation_id, is_clip, "sent", now)

    def park(self, violation_id: UUID, now: float, *, is_clip: bool = False) -> None:
        """Set aside what the centre does not take; its evidence stays."""
        self._settle(violation_id, is_clip, "parked", now)

    def waiting(self) -> int:
        return self._count("waiting")

    def parked(self) -> int:
        return self._count("parked")

    def set_aside(self, *, is_clip: bool = False) -> list[Report]:
        """In the order of the chain, so that a violation is there before its clip."""
        return self._reports("SELECT * FROM reports WHERE state = 'parked' AND is_clip = ? ORDER BY sequence", is_clip)

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

    def taken(self) -> dict[UUID, float]:
        """By uptime, when the pictures that wait were taken, of those from after the machine was started."""
        rows = self._database.rows(
            "SELECT violation_id, taken_s FROM reports WHERE NOT is_clip AND state = 'waiting' AND boot = ?", boot_id()
        )
        return {UUID(row["violation_id"]): row["taken_s"] for row in rows}

    def sent_before(self, moment: float) -> list[Report]:
        return self._reports("SELECT * FROM reports WHERE state = 'sent' AND settled_at < ?", moment)

    def mark_deleted(self, violation_id: UUID, now: float, *, is_clip: bool = False) -> None:
        self._settle(violation_id, is_clip, "deleted", now)

    def purge(self, now: float) -> None:
        """Drop the rows that nothing needs any more; the head of a chain stays, because the next manifest names it."""
        with self._database.transaction() as connection:
            connection.execute(
                "DELETE FROM reports WHERE state = 'deleted' AND coalesce(repeat_until, 0) <= ? AND sequence < "
                "(SELECT MAX(sequence) FROM reports AS other WHERE other.camera_id = reports.camera_id)", (now,),
            )

    def _reports(self, query: str, *values: object) -> list[Report]:
        rows = self._database.rows(query, *values)
        return [
            Report(UUID(row["violation_id"]), row["camera_id"], row["sequence"], bool(row["is_clip"]), row["digest"])
            for row in rows
        ]

    def _settle(self, violation_id: UUID, is_clip: bool, state: str, now: float) -> None:
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE reports SET state = ?, settled_at = ? WHERE violation_id = ? AND is_clip = ?",
                (state, now, str(violation_id), is_clip),
            )

    def _count(self, state: str) -> int:
        return int(self._database.rows("SELECT COUNT(*) AS number FROM reports WHERE state = ?", state)[0]["number"])
