from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, ForeignKey, String, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from api.kit.database import Table, words
from api.kit.ids import ID_LENGTH, new_id
from api.kit.times import UtcDateTime
from api.places.tables import Shop
from contract.edges import EdgeTrouble


class EdgeKind(StrEnum):
    """Who seals: a box of ours where the picture is taken, or the centre, when the alarm of another's box arrives."""

    EDGE = "edge"
    ALARM_BOX = "alarm_box"


class Edge(Table):
    __tablename__ = "edges"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True, default=new_id)
    kind: Mapped[EdgeKind] = mapped_column(words(EdgeKind), default=EdgeKind.EDGE)
    name: Mapped[str] = mapped_column(String(100))
    shop_id: Mapped[str] = mapped_column(ForeignKey("shops.id"), index=True)
    shop: Mapped[Shop] = relationship(lazy="raise")
    public_key: Mapped[str] = mapped_column(String(64), unique=True)
    encryption_key: Mapped[str] = mapped_column(String(64))
    enrolled_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # Who made its code.
    enrolled_by: Mapped[str] = mapped_column(String(100))
    # Before somebody who answers for the shop has approved it, it is given no camera, and so no password.
    approved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Edge clock minus centre clock, as the last heartbeat showed it; the time on the way is in it.
    clock_offset_s: Mapped[float | None]
    software_version: Mapped[str] = mapped_column(String(50))
    config_version: Mapped[str | None] = mapped_column(String(64))
    outbox_waiting: Mapped[int] = mapped_column(default=0)
    outbox_parked: Mapped[int] = mapped_column(default=0)
    trouble: Mapped[EdgeTrouble | None] = mapped_column(words(EdgeTrouble))
    # Cameras that it is to watch; about how many it can carry, None where it keeps up; whether the fast weights go wrong on it.
    watched: Mapped[int] = mapped_column(default=0)
    carries: Mapped[int | None]
    is_exact: Mapped[bool] = mapped_column(default=False)
    # What was to compute, or to decode, in the place of its processor is missing or does not work.
    no_provider: Mapped[bool] = mapped_column(default=False, server_default=false())
    no_decoder: Mapped[bool] = mapped_column(default=False, server_default=false())

    # The last starts of which it told, the one that spoke last at the end; how often one came back after another; and when that
    # last showed that two boxes have its identity.
    runs: Mapped[list[str]] = mapped_column(JSON, default=list, server_default="[]")
    runs_back: Mapped[int] = mapped_column(default=0, server_default="0")
    doubled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    @property
    def is_trusted(self) -> bool:
        return self.approved_at is not None and self.revoked_at is None


class EnrolmentCode(Table):
    """Only the hash is kept, as with passwords. The edge of the code serves the shop, and takes its cameras that have no edge."""

    __tablename__ = "enrolment_codes"

    code_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    shop_id: Mapped[str] = mapped_column(ForeignKey("shops.id"))
    created_by: Mapped[str] = mapped_column(String(100))
    # Made by somebody who may approve edges: its edge waits for nobody.
    is_approved: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Who used it: an edge that did not get the answer asks again, and gets the same one.
    edge_id: Mapped[str | None] = mapped_column(ForeignKey("edges.id"))
