from datetime import datetime

from sqlalchemy import JSON, ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from api.edges.tables import Edge
from api.kit.database import Table
from api.kit.ids import ID_LENGTH, new_id
from api.kit.times import UtcDateTime
from api.places.tables import Shop


class CameraTrial(Table):
    """One attempt; or, without `urls`, a search for the cameras in the edge's networks. Password, picture and answer are kept for
    half an hour at most; that there was an attempt, a little longer."""

    __tablename__ = "camera_trials"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True, default=new_id)
    # What the camera will be called, and what the password is sealed for. Attempts with the same password share it.
    camera_id: Mapped[str] = mapped_column(String(ID_LENGTH), default=new_id)
    shop_id: Mapped[str] = mapped_column(ForeignKey("shops.id"), index=True)
    shop: Mapped[Shop] = relationship(lazy="raise")
    edge_id: Mapped[str] = mapped_column(ForeignKey("edges.id"), index=True)
    edge: Mapped[Edge] = relationship(lazy="raise")
    # As it was filled in, so that it can be corrected.
    maker: Mapped[str] = mapped_column(String(40))
    address: Mapped[str] = mapped_column(String(1000))
    channel: Mapped[int]
    is_sub: Mapped[bool]
    host: Mapped[str] = mapped_column(String(255))
    port: Mapped[int]
    urls: Mapped[list[str]] = mapped_column(JSON)
    username: Mapped[str | None] = mapped_column(String(200))
    # To the edge's own key: nobody else can open it, the centre neither.
    password_sealed: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    taken_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # A `TrialAnswer` without its picture.
    answer: Mapped[str | None] = mapped_column(Text)
    picture: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    # Until a picture came: what is not answered counts as a failure too.
    is_failure: Mapped[bool] = mapped_column(default=True)
    # Nothing of it is left but that it was.
    over_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    @property
    def is_search(self) -> bool:
        return not self.urls
