"""Times are kept in UTC and shown in the time of the shops."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import DateTime
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

SHOP_TIME = ZoneInfo("Asia/Shanghai")


def now() -> datetime:
    return datetime.now(UTC)


def in_shop_time(moment: datetime) -> datetime:
    return moment.astimezone(SHOP_TIME)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime. SQLite knows no time zones, so there it is kept as UTC without one, and comes back with it."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
