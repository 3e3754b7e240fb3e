from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from api.kit.database import Table, words
from api.kit.times import UtcDateTime


class PublicStatus(StrEnum):
    """How a shop takes part; nothing of what was seen there."""

    NONE = "none"  # 未接入
    PENDING = "pending"  # 已接入，未验收
    ACTIVE = "active"  # 正常
    DEGRADED = "degraded"  # 在线时长不足


class ShopStatus(Table):
    """Of a shop whose connection an officer has accepted. `state` is active or degraded, kept because the way back is longer."""

    __tablename__ = "shop_statuses"

    shop_id: Mapped[str] = mapped_column(ForeignKey("shops.id"), primary_key=True)
    accepted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    accepted_by: Mapped[str] = mapped_column(String(100))
    state: Mapped[PublicStatus] = mapped_column(words(PublicStatus))
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    # Of all its cameras together, over the time that counts.
    required_minutes: Mapped[int] = mapped_column(default=0)
    observed_minutes: Mapped[int] = mapped_column(default=0)
    measured_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
