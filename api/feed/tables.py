from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from api.kit.database import Table
from api.kit.times import UtcDateTime


class FeedEvent(Table):
    """Written in the transaction of what it tells. Its position it gets later, from one writer at a time: by then it is
    committed, and nothing can come to lie before it."""

    __tablename__ = "feed_events"
    __table_args__ = (Index("ix_feed_events_position_ready_at", "position", "ready_at"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    position: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    # Not before: what can be taken back is told by nobody.
    ready_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # The same as of the messages about it.
    key: Mapped[str] = mapped_column(String(100), index=True)
    type: Mapped[str] = mapped_column(String(60))
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    shop_id: Mapped[str] = mapped_column(ForeignKey("shops.id"))
    # Whether a shop and a partner may know of it.
    outside: Mapped[bool]
    payload: Mapped[str] = mapped_column(Text)
