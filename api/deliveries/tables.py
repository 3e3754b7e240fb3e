from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from api.accounts.tables import OfAPlace
from api.clients.tables import ApiClient
from api.deliveries.kinds import REPEATED_ONCE, Audience, Channel, DeliveryState, Fault
from api.kit.database import Table, words
from api.kit.ids import ID_LENGTH, new_id
from api.kit.times import UtcDateTime


class Target(OfAPlace, Table):
    """Where messages go. Of a shop, of a district with the stations below it, or, without either, of all places."""

    __tablename__ = "delivery_targets"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(100))
    channel: Mapped[Channel] = mapped_column(words(Channel))
    audience: Mapped[Audience] = mapped_column(words(Audience))
    district_id: Mapped[str | None] = mapped_column(ForeignKey("districts.id"), index=True)
    shop_id: Mapped[str | None] = mapped_column(ForeignKey("shops.id"), index=True)
    # Of a webhook; the address of a robot is in the settings, and its key among the secrets.
    url: Mapped[str | None] = mapped_column(String(2000))
    # Of e-mail an address, of short messages the number of a mobile phone.
    recipient: Mapped[str | None] = mapped_column(String(254))
    # Of Web Push: whose browser it is, and by which digest of its address it is known again.
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id"), index=True)
    subscription_digest: Mapped[str | None] = mapped_column(String(64), unique=True)
    # Of a webhook: the program that gets it. When that is revoked, so is this.
    client_id: Mapped[str | None] = mapped_column(ForeignKey(ApiClient.id), index=True)
    secrets_encrypted: Mapped[str] = mapped_column(Text)
    events: Mapped[list[str]] = mapped_column(JSON)
    language: Mapped[str] = mapped_column(String(10), default="zh-CN")
    enabled: Mapped[bool] = mapped_column(default=True)
    # Told instead, when a message has not arrived here in time.
    next_id: Mapped[str | None] = mapped_column(ForeignKey("delivery_targets.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(default=1)
    # In a row, of whatever messages.
    failures: Mapped[int] = mapped_column(default=0)
    # Nothing is sent before: the circuit is open, or the service asked to wait, or its limit is kept.
    not_before: Mapped[datetime | None] = mapped_column(UtcDateTime)
    budget_full_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    dead_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    dead_reason: Mapped[Fault | None] = mapped_column(words(Fault))
    last_delivered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Delivery(Table):
    """One message to one target. Written in the transaction of what it tells."""

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("target_id", "key"),
        Index("ix_deliveries_state_next_at", "state", "next_at"),
        Index("ix_deliveries_target_id_state_next_at", "target_id", "state", "next_at"),
        Index("ix_deliveries_awaited_created_at", "awaited", "created_at"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    # The same in every try, so that a receiver knows a repeat.
    message_id: Mapped[str] = mapped_column(String(40), unique=True)
    target_id: Mapped[str] = mapped_column(ForeignKey("delivery_targets.id"))
    target: Mapped[Target] = relationship(lazy="raise")
    # What is told, such as a step of a case: it is told to a target once.
    key: Mapped[str] = mapped_column(String(100))
    event: Mapped[str] = mapped_column(String(60))
    case_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id"), index=True)
    severity: Mapped[int | None]
    payload: Mapped[str] = mapped_column(Text)
    state: Mapped[DeliveryState] = mapped_column(words(DeliveryState))
    # With a known end.
    attempts: Mapped[int] = mapped_column(default=0)
    # Whose end is unknown: no answer came, or the process was killed.
    unclear: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    next_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # Who is sending it now; it is anybody's again at `next_at`.
    claim: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    # When it has not arrived in time, the next target is told, and this ends.
    awaited: Mapped[bool] = mapped_column(default=False)
    escalated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    delivered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    @property
    def is_possibly_twice(self) -> bool:
        """Whoever gets a webhook, an e-mail or a Web Push knows a repeat by its id; who reads a chat does not."""
        return self.unclear > 0 and self.target.channel in REPEATED_ONCE


class DeliveryAttempt(Table):
    """Append-only: what was sent and what came back, cut, without secrets."""

    __tablename__ = "delivery_attempts"

    id: Mapped[int] = mapped_column(primary_key=True)
    delivery_id: Mapped[int] = mapped_column(ForeignKey("deliveries.id"), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    duration_ms: Mapped[int]
    request: Mapped[str] = mapped_column(Text)
    status: Mapped[int | None]
    answer: Mapped[str] = mapped_column(Text)
    fault: Mapped[Fault | None] = mapped_column(words(Fault))
