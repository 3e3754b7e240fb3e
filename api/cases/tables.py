from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from api.cameras.tables import Camera
from api.cases.states import OPEN, Act, CaseState
from api.kit.database import Table, words
from api.kit.ids import ID_LENGTH, new_id
from api.kit.times import UtcDateTime
from api.places.tables import Area, Shop

# Written out, as a partial index needs it; a query that is to use the index names the same.
IS_OPEN = text(f"state IN ({', '.join(repr(state.value) for state in sorted(OPEN))})")
_IS_OVERDUE = text("overdue_at IS NOT NULL")


class Stage(StrEnum):
    """Which limit runs."""

    REVIEW = "review"
    NOTICE = "notice"
    SIGN = "sign"
    RECTIFY = "rectify"
    VERIFY = "verify"
    DECIDE = "decide"  # on an objection
    VISIT = "visit"  # a check on site


# The other limits are the authority's own: no shop and no partner hears of them.
STAGES_OF_THE_SHOP = frozenset({Stage.SIGN, Stage.RECTIFY})


class Level(StrEnum):
    """Who hears of a case that is overdue."""

    STATION = "station"  # 所
    BUREAU = "bureau"  # 局
    TALK = "talk"  # 约谈


class TimeDoubt(StrEnum):
    """Why the time of a picture may be wrong."""

    NO_CLOCK = "no_clock"  # what its box told cannot be: the time is when the picture arrived
    UNCOMPARED = "uncompared"  # it is the box's own, and nobody had compared its clock


class ReminderKind(StrEnum):
    HALF = "half"
    LIMIT = "limit"
    ESCALATED = "escalated"


class Case(Table):
    __tablename__ = "cases"
    # AUTOINCREMENT: the number of a case is printed and spoken, so it is never used again.
    __table_args__ = (
        Index("ix_cases_shop_id_id", "shop_id", "id"),
        Index("ix_cases_shop_id_rule_opened_at", "shop_id", "rule", "opened_at"),
        Index("ix_cases_camera_id_id", "camera_id", "id"),
        Index("ix_cases_rule_id", "rule", "id"),
        # Of what is over there is more every year; of these there is not.
        Index("ix_cases_open", "shop_id", "id", sqlite_where=IS_OPEN, postgresql_where=IS_OPEN),
        Index("ix_cases_queue", "state", "severity", "due_at", "id"),
        Index("ix_cases_overdue", "id", sqlite_where=_IS_OVERDUE, postgresql_where=_IS_OVERDUE),
        Index("ix_cases_state_id", "state", "id"),
        Index("ix_cases_camera_id_rule_last_seen_at", "camera_id", "rule", "last_seen_at"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    camera_id: Mapped[str] = mapped_column(ForeignKey("cameras.id"))
    camera: Mapped[Camera] = relationship(lazy="raise")
    # Shop and area at the time: the camera may be moved later.
    shop_id: Mapped[str] = mapped_column(ForeignKey("shops.id"))
    shop: Mapped[Shop] = relationship(lazy="raise")
    area_id: Mapped[str] = mapped_column(ForeignKey("areas.id"))
    area: Mapped[Area] = relationship(lazy="raise")
    rule: Mapped[str] = mapped_column(String(3))
    severity: Mapped[int]
    state: Mapped[CaseState] = mapped_column(words(CaseState))
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # By the centre's clock, and why that may be wrong: seen.py.
    captured_at: Mapped[datetime] = mapped_column(UtcDateTime)
    time_doubt: Mapped[TimeDoubt | None] = mapped_column(words(TimeDoubt))
    # Of the last observation that joined: when, which person of the edge's, and the box as parts of width and height.
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    track: Mapped[int]
    spot: Mapped[list[float] | None] = mapped_column(JSON(none_as_null=True))
    looks: Mapped[int]
    sure_looks: Mapped[int]
    violating_looks: Mapped[int]
    observations: Mapped[int] = mapped_column(default=1)
    version: Mapped[int]
    merged_into: Mapped[int | None] = mapped_column(ForeignKey("cases.id"))

    # The limit that runs, and its flags with their times: clock.py.
    stage: Mapped[Stage | None] = mapped_column(words(Stage))
    stage_from: Mapped[datetime | None] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    next_check_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    overdue_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    escalation: Mapped[Level | None] = mapped_column(words(Level))
    escalated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # The shop's own time, which stands still while it waits for others: what was left of it then.
    rectify_due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    rectify_left_s: Mapped[float | None]


class ReviewLease(Table):
    """Who looks at a case just now, so that nobody else judges it unknowingly. It ends by itself."""

    __tablename__ = "review_leases"

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    actor_id: Mapped[str] = mapped_column(String(64))
    actor_name: Mapped[str] = mapped_column(String(100))
    until: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class CaseTransition(Table):
    """Who did what, when, from where, on what ground. Append-only: the database itself refuses to change or delete a row."""

    __tablename__ = "case_transitions"
    __table_args__ = (Index("ix_case_transitions_act_at", "act", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    version: Mapped[int]  # of the case after it
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor_kind: Mapped[str] = mapped_column(String(10))
    actor_id: Mapped[str] = mapped_column(String(64))
    actor_name: Mapped[str] = mapped_column(String(100))
    address: Mapped[str | None] = mapped_column(String(64))
    act: Mapped[Act] = mapped_column(words(Act))
    before: Mapped[CaseState | None] = mapped_column(words(CaseState))
    after: Mapped[CaseState] = mapped_column(words(CaseState))
    reason: Mapped[str | None] = mapped_column(String(40))
    note: Mapped[str | None] = mapped_column(Text)
    # The shop's new deadline, of an extension.
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Of a merge: `Case.merged_into` goes on to what that one becomes part of later.
    merged_into: Mapped[int | None]


class Reminder(Table):
    """That a limit is half over or over, or who hears of it now. Append-only."""

    __tablename__ = "case_reminders"
    __table_args__ = (Index("ix_case_reminders_kind_at", "kind", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    kind: Mapped[ReminderKind] = mapped_column(words(ReminderKind))
    stage: Mapped[Stage] = mapped_column(words(Stage))
    level: Mapped[Level | None] = mapped_column(words(Level))


class MutedSpot(Table):
    """What a camera sees at one spot is set aside for one rule: people have dismissed it there twice."""

    __tablename__ = "muted_spots"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True, default=new_id)
    camera_id: Mapped[str] = mapped_column(ForeignKey("cameras.id"), index=True)
    rule: Mapped[str] = mapped_column(String(3))
    box: Mapped[list[float]] = mapped_column(JSON)
    muted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # The second dismissal.
    because_of: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    # Where what was seen there since is kept; null as long as there was nothing.
    case_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id"))
    observations: Mapped[int] = mapped_column(default=0)
    last_seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_by: Mapped[str | None] = mapped_column(String(100))
