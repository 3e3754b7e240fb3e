from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from api.cases.tables import Case, TimeDoubt
from api.edges.tables import Edge
from api.kit.database import Table, words
from api.kit.ids import ID_LENGTH, new_id
from api.kit.times import UtcDateTime

_KEPT = text("deleted_at IS NULL")
_FILES_LEFT = text("deleted_at IS NOT NULL AND folder <> ''")


class Chain(StrEnum):
    """How a manifest fits the one before it of the same camera and edge."""

    WHOLE = "whole"
    GAP = "gap"  # the one before has not arrived
    BROKEN = "broken"  # the one before is another than this one names
    NONE = "none"  # of another's box: what came before it, nobody numbered


class Evidence(Table):
    """One sealed violation. The manifest is kept as the very text that was signed."""

    __tablename__ = "evidence"
    __table_args__ = (
        Index("ix_evidence_camera_id_edge_id_sequence", "camera_id", "edge_id", "sequence"),
        Index("ix_evidence_camera_id_received_at", "camera_id", "received_at"),
        Index("ix_evidence_kept", "received_at", sqlite_where=_KEPT, postgresql_where=_KEPT),
        Index("ix_evidence_files_to_delete", "violation_id", sqlite_where=_FILES_LEFT, postgresql_where=_FILES_LEFT),
    )

    violation_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    case: Mapped[Case] = relationship(lazy="raise")
    camera_id: Mapped[str] = mapped_column(ForeignKey("cameras.id"))
    edge_id: Mapped[str] = mapped_column(ForeignKey("edges.id"))
    edge: Mapped[Edge] = relationship(lazy="raise")
    manifest: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(String(64))
    signature: Mapped[str] = mapped_column(String(100))
    sequence: Mapped[int]
    previous: Mapped[str] = mapped_column(String(64))
    chain: Mapped[Chain] = mapped_column(words(Chain))
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # When it was seen, by the centre's clock, and why that may be wrong: cases/seen.py.
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    time_doubt: Mapped[TimeDoubt | None] = mapped_column(words(TimeDoubt))
    # Folder of the files in the store, empty when they are deleted; their names are in the manifest.
    folder: Mapped[str] = mapped_column(String(200))
    # Afterwards only who, when, on what ground, and the digest of the manifest are left: deletion.py.
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    deleted_by: Mapped[str | None] = mapped_column(String(100))
    deletion_ground: Mapped[str | None] = mapped_column(String(500))
    clip: Mapped["Clip | None"] = relationship(lazy="raise")

    @property
    def links(self) -> "list[Evidence | Clip]":
        """What of it is sealed: the snapshot, and the clip where one has come. Each has its own place in the chain."""
        return [self] if self.clip is None else [self, self.clip]


class Clip(Table):
    """The clip of a violation, or the edge's word that there is none. It lies in the folder of its evidence and is deleted with
    it; what is left then is its place in the chain."""

    __tablename__ = "clips"
    __table_args__ = (Index("ix_clips_camera_id_edge_id_sequence", "camera_id", "edge_id", "sequence"),)

    violation_id: Mapped[str] = mapped_column(ForeignKey("evidence.violation_id"), primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    camera_id: Mapped[str] = mapped_column(ForeignKey("cameras.id"))
    edge_id: Mapped[str] = mapped_column(ForeignKey("edges.id"))
    manifest: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(String(64))
    signature: Mapped[str] = mapped_column(String(100))
    sequence: Mapped[int]
    previous: Mapped[str] = mapped_column(String(64))
    chain: Mapped[Chain] = mapped_column(words(Chain))
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)


class CentreKey(Table):
    """A key with which the centre signs: the newest that can be read does. All of them are published for ever."""

    __tablename__ = "centre_keys"

    public_key: Mapped[str] = mapped_column(String(64), primary_key=True)  # Ed25519, raw, base64
    private_encrypted: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Countersignature(Table):
    """What the centre has said of a manifest, as the very text that it signed: contract/countersigning.py. It outlives the
    manifest. Append-only: the database itself refuses to change or delete a row."""

    __tablename__ = "countersignatures"

    manifest: Mapped[str] = mapped_column(String(64), primary_key=True)  # its digest
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    statement: Mapped[str] = mapped_column(Text)
    signature: Mapped[str] = mapped_column(String(100))


class LegalHold(Table):
    """The evidence of a case is kept while one stands, whatever its retention says. Who, when and why stay."""

    __tablename__ = "legal_holds"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True, default=new_id)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    set_at: Mapped[datetime] = mapped_column(UtcDateTime)
    set_by: Mapped[str] = mapped_column(String(100))
    set_because: Mapped[str] = mapped_column(String(500))
    lifted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    lifted_by: Mapped[str | None] = mapped_column(String(100))
    lifted_because: Mapped[str | None] = mapped_column(String(500))


class IdempotencyKey(Table):
    """What was answered to a report, for ever: a repeat gets the same answer."""

    __tablename__ = "idempotency_keys"

    edge_id: Mapped[str] = mapped_column(ForeignKey("edges.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    request_digest: Mapped[str] = mapped_column(String(64))
    answer: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
