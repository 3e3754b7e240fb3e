from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String, Text, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from api.kit.database import Table
from api.kit.ids import ID_LENGTH, new_id
from api.kit.times import UtcDateTime


class NoticeCounter(Table):
    """The last number that a station has given in a year. Counted in the transaction of the notice, so none is lost."""

    __tablename__ = "notice_counters"

    station_id: Mapped[str] = mapped_column(ForeignKey("districts.id"), primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int]


class Notice(Table):
    """A notice as it was issued: all that it says, and the template that it was set in. The database refuses to change it."""

    __tablename__ = "notices"
    __table_args__ = (UniqueConstraint("station_id", "year", "number"),)

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), primary_key=True, autoincrement=False)
    station_id: Mapped[str] = mapped_column(ForeignKey("districts.id"))
    year: Mapped[int]
    number: Mapped[int]
    issued_at: Mapped[datetime] = mapped_column(UtcDateTime)
    issued_by: Mapped[str] = mapped_column(String(64))
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)


class AcceptedCitation(Table):
    """A section head has read the text of a citation that the catalogue has not verified, or takes that back (`revokes`): the
    last word counts. `district_id` is the reach: that district with its stations, everything where null. The database refuses to
    change it."""

    __tablename__ = "accepted_citations"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True, default=new_id)
    text: Mapped[str] = mapped_column(String(300), index=True)
    district_id: Mapped[str | None] = mapped_column(ForeignKey("districts.id"))
    accepted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor_id: Mapped[str] = mapped_column(String(64))
    actor_name: Mapped[str] = mapped_column(String(100))
    note: Mapped[str] = mapped_column(Text)
    revokes: Mapped[bool] = mapped_column(default=False, server_default=false())
