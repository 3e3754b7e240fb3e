"""Times are kept in UTC and shown in the time of the shops."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from sqlalchemy import DateTime, String
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

SHOP_TIME = ZoneInfo("Asia/Shanghai")


def now() -> datetime:
    return datetime.now(UTC)


def in_shop_time(moment: datetime) -> datetime:
    return moment.astimezone(SHOP_TIME)


def midnight(day: date) -> datetime:
    """When the day begins for the shops."""
    return datetime.combine(day, time(), SHOP_TIME)


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


class shop_week(FunctionElement[str]):
    """SQL: the Monday of the week that the moment lies in, in the shops' time, as 2026-11-23."""

    type = String()
    inherit_cache = True


@compiles(shop_week, "sqlite")
def _shop_week_in_sqlite(element: shop_week, compiler: SQLCompiler, **options: object) -> str:
    # China has kept one time without summer time since 1992.
    moment = compiler.process(element.clauses, **options)
    return f"date({moment}, '+8 hours', 'weekday 0', '-6 days')"


@compiles(shop_week, "postgresql")
def _shop_week_in_postgres(element: shop_week, compiler: SQLCompiler, **options: object) -> str:
    moment = compiler.process(element.clauses, **options)
    return f"to_char(date_trunc('week', {moment} AT TIME ZONE '{SHOP_TIME.key}'), 'YYYY-MM-DD')"
