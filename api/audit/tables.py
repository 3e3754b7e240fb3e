from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from api.audit.chain import CENTRE
from api.kit.database import Table
from api.kit.ids import ID_LENGTH
from api.kit.times import UtcDateTime

_WAITING = text("digest IS NULL")


class AuditEntry(Table):
    """Append-only. Written in the transaction of the act that it tells of; the last three columns are filled in once, when it is
    chained. The database itself refuses any other change, and to delete a row."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index("ix_audit_entries_chain_sequence", "chain", "sequence", unique=True),
        Index("ix_audit_entries_object_id_object_kind", "object_id", "object_kind"),
        # Each shows the newest, or the newest of a time, without reading anything else.
        Index("ix_audit_entries_at_id", "at", "id"),
        Index("ix_audit_entries_chain_at_id", "chain", "at", "id"),
        Index("ix_audit_entries_actor_name_at_id", "actor_name", "at", "id"),
        Index("ix_audit_entries_action_at_id", "action", "at", "id"),
        Index("ix_audit_entries_object_kind_at_id", "object_kind", "at", "id"),
        Index("ix_audit_entries_waiting", "id", sqlite_where=_WAITING, postgresql_where=_WAITING),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor_kind: Mapped[str] = mapped_column(String(10))
    actor_id: Mapped[str] = mapped_column(String(64))
    actor_name: Mapped[str] = mapped_column(String(100))
    # The district or the shop that the account is bound to, as it was called then; null for who is bound to none.
    unit: Mapped[str | None] = mapped_column(String(100))
    address: Mapped[str | None] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(60))
    object_kind: Mapped[str] = mapped_column(String(30))
    object_id: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str | None] = mapped_column(String(500))
    detail: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    # The id of the district that it concerns, or CENTRE.
    chain: Mapped[str] = mapped_column(String(ID_LENGTH), default=CENTRE)
    sequence: Mapped[int | None]
    previous: Mapped[str | None] = mapped_column(String(64))
    digest: Mapped[str | None] = mapped_column(String(64))


class AuditChain(Table):
    """How far a chain has come: where its last entries are taken out, this shows it."""

    __tablename__ = "audit_chains"

    chain: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    sequence: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))
