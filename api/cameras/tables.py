from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from api.edges.tables import Edge
from api.kit.database import Table, words
from api.kit.ids import ID_LENGTH, new_id
from api.kit.times import UtcDateTime
from api.places.tables import Area, Shop
from contract.edges import StreamFault


class Camera(Table):
    __tablename__ = "cameras"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True, default=new_id)
    shop_id: Mapped[str] = mapped_column(ForeignKey("shops.id"), index=True)
    shop: Mapped[Shop] = relationship(lazy="raise")
    area_id: Mapped[str] = mapped_column(ForeignKey("areas.id"))
    area: Mapped[Area] = relationship(lazy="raise")
    edge_id: Mapped[str | None] = mapped_column(ForeignKey("edges.id"), index=True)
    edge: Mapped[Edge | None] = relationship(lazy="raise")
    name: Mapped[str] = mapped_column(String(100))
    url: Mapped[str] = mapped_column(String(1000))
    username: Mapped[str | None] = mapped_column(String(200))
    password_encrypted: Mapped[str | None] = mapped_column(Text)
    # In place of it, of a camera that its edge has tried: to that edge's own key.
    password_sealed: Mapped[str | None] = mapped_column(Text)
    transport: Mapped[str] = mapped_column(String(3), default="tcp")
    zone: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))
    hours: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))
    posts: Mapped[list[str]] = mapped_column(JSON, default=list)
    interval_s: Mapped[float] = mapped_column(default=1.0)
    enabled: Mapped[bool] = mapped_column(default=True)
    # Since when this shop is to have it looked at: it was added, switched on or moved here then; null where nobody wrote it down.
    wanted_from: Mapped[datetime | None] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(default=1)

    # The last minute that its edge told about, so that a list of cameras needs no search in the minutes.
    last_minute: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_looks: Mapped[int | None]
    last_fault: Mapped[StreamFault | None] = mapped_column(words(StreamFault))
    last_looked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    width: Mapped[int | None]
    height: Mapped[int | None]
    # When the latest picture was taken; None where there is none to show.
    pictured_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    @property
    def has_password(self) -> bool:
        return self.password_encrypted is not None or self.password_sealed is not None


class CameraMinuteRow(Table):
    """One camera in one minute: looked, or could not look and why."""

    __tablename__ = "camera_minutes"

    camera_id: Mapped[str] = mapped_column(ForeignKey("cameras.id"), primary_key=True)
    minute: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    looks: Mapped[int]
    fault: Mapped[StreamFault | None] = mapped_column(words(StreamFault))
