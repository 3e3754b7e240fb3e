from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from api.deliveries.tables import Target
from api.kit.database import Table, words
from api.kit.ids import ID_LENGTH, new_id
from api.kit.times import UtcDateTime


class LinkKind(StrEnum):
    PERSONAL = "personal"
    GROUP = "group"  # posted by a robot: whoever reads the chat can open it
    PAPER = "paper"  # on the printed notice: whoever holds it can scan it


class CaseLink(Table):
    """A link to one case for one receiver. Only the hash of its token is kept: who reads the database cannot open the link."""

    __tablename__ = "case_links"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True, default=new_id)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[LinkKind] = mapped_column(words(LinkKind))
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    # Null on paper, which is sent to nobody.
    target_id: Mapped[str | None] = mapped_column(ForeignKey("delivery_targets.id"), index=True)
    target: Mapped[Target | None] = relationship(lazy="raise")
    # Of a personal one, whose: as the name and the address of the target were then.
    person: Mapped[str] = mapped_column(String(100))
    recipient: Mapped[str | None] = mapped_column(String(254))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # The device that it was first used on, by the hash of what its cookie holds; on another one it shows no more than a group's.
    device_hash: Mapped[str | None] = mapped_column(String(64))
    opened_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    opened_from: Mapped[str | None] = mapped_column(String(64))
    opened_with: Mapped[str | None] = mapped_column(String(200))
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_by: Mapped[str | None] = mapped_column(String(100))
