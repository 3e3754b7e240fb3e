from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from api.edges.tables import Edge
from api.kit.database import Table
from api.kit.ids import ID_LENGTH


class AlarmBox(Table):
    """What a box of a shop's own has beside what any edge has: the form that it speaks, its token (only the hash is kept), and
    the key with which the centre seals for it what arrives."""

    __tablename__ = "alarm_boxes"

    edge_id: Mapped[str] = mapped_column(ForeignKey("edges.id"), primary_key=True)
    edge: Mapped[Edge] = relationship(lazy="raise")
    format: Mapped[str] = mapped_column(String(40))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    key_encrypted: Mapped[str] = mapped_column(Text)
    # The last alarm that was not taken, and why, until one is taken again.
    trouble: Mapped[str | None] = mapped_column(String(500))
    trouble_code: Mapped[str | None] = mapped_column(String(60))


class AlarmChannel(Table):
    """Which camera a box means by which device code."""

    __tablename__ = "alarm_channels"
    __table_args__ = (UniqueConstraint("edge_id", "device_code"),)

    edge_id: Mapped[str] = mapped_column(String(ID_LENGTH), ForeignKey("edges.id"), primary_key=True)
    camera_id: Mapped[str] = mapped_column(ForeignKey("cameras.id"), primary_key=True)
    device_code: Mapped[str] = mapped_column(String(100))
