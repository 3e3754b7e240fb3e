from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from api.cases.tables import Case
from api.edges.tables import Edge
from api.kit.database import Table, words
from api.kit.times import UtcDateTime


class Chain(StrEnum):
    """How a manifest fits the one before it of the same camera and edge."""

    WHOLE = "whole"
    GAP = "gap"  # the one before has not arrived
    BROKEN = "broken"  # the one before is another than this one names


class Evidence(Table):
    """One sealed violation. The manifest is kept as the very text that was signed."""

    __tablename__ = "evidence"
    __table_args__ = (Index("ix_evidence_camera_id_edge_id_sequence", "camera_id", "edge_id", "sequence"),)

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
    # Folder of the files in the store; their names are in the manifest.
    folder: Mapped[str] = mapped_column(String(200))


class IdempotencyKey(Table):
    """What was answered to a report, for ever: a repeat gets the same answer."""

    __tablename__ = "idempotency_keys"

    edge_id: Mapped[str] = mapped_column(ForeignKey("edges.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    request_digest: Mapped[str] = mapped_column(String(64))
    answer: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
