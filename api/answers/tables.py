from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from api.cases.states import Act
from api.kit.database import Table, words
from api.kit.ids import ID_LENGTH, new_id
from api.kit.times import UtcDateTime

_KEPT = text("deleted_at IS NULL")
_FILES_LEFT = text("deleted_at IS NOT NULL AND key <> ''")


class Answer(Table):
    """Of a shop to its notice: put right, or an objection (陈述申辩). `is_for_shop` says that an officer entered it (代办)."""

    __tablename__ = "case_answers"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True, default=new_id)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    act: Mapped[Act] = mapped_column(words(Act))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    text: Mapped[str] = mapped_column(Text)
    person: Mapped[str | None] = mapped_column(String(100))
    training: Mapped[str | None] = mapped_column(Text)
    actor_id: Mapped[str] = mapped_column(String(64))
    actor_name: Mapped[str] = mapped_column(String(100))
    is_for_shop: Mapped[bool]
    photographs: Mapped[list["Photograph"]] = relationship(lazy="raise", order_by="Photograph.place")


class Photograph(Table):
    """Decoded and encoded anew. `taken_at` is what the phone wrote into it. It is kept as long as the evidence of its case:
    api/evidence/deletion.py."""

    __tablename__ = "answer_photographs"
    __table_args__ = (
        Index("ix_answer_photographs_kept", "received_at", sqlite_where=_KEPT, postgresql_where=_KEPT),
        Index("ix_answer_photographs_files_to_delete", "id", sqlite_where=_FILES_LEFT, postgresql_where=_FILES_LEFT),
    )

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    answer_id: Mapped[str] = mapped_column(ForeignKey("case_answers.id"), index=True)
    place: Mapped[int]
    # The place of the file in the store, empty when it is deleted.
    key: Mapped[str] = mapped_column(String(200))
    sha256: Mapped[str] = mapped_column(String(64))
    sent_sha256: Mapped[str] = mapped_column(String(64))  # of the file as it was sent
    size: Mapped[int]
    width: Mapped[int]
    height: Mapped[int]
    taken_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    deleted_by: Mapped[str | None] = mapped_column(String(100))
    deletion_ground: Mapped[str | None] = mapped_column(String(500))
