"""Times as people read them: local (Asia/Shanghai), short on the page, full on hover."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from babel.dates import format_date, format_datetime, format_timedelta

from api.console.i18n import Language
from api.kit.times import in_shop_time

_EXACT = {Language.ZH: "y年M月d日 HH:mm:ss", Language.EN: "d MMM y, HH:mm:ss"}
_SHORT = {Language.ZH: "M月d日 HH:mm", Language.EN: "d MMM, HH:mm"}
_SHORT_WITH_YEAR = {Language.ZH: "y年M月d日 HH:mm", Language.EN: "d MMM y, HH:mm"}

_ZONE = {Language.ZH: "（北京时间）", Language.EN: " (Asia/Shanghai)"}


@dataclass(frozen=True)
class LocalTime:
    """One moment in four forms: `machine` for the datetime attribute, `short` for the eye, `exact` with the day and seconds
    whichever day it is, `full` with the zone too."""

    machine: str
    short: str
    exact: str
    full: str


def local_time(moment: datetime, language: Language, now: datetime) -> LocalTime:
    """`moment` and `now` must be aware. Short is the time of day for today, with the date for other days."""
    here = in_shop_time(moment)
    today = in_shop_time(now)
    locale = "zh_CN" if language is Language.ZH else "en"
    if here.date() == today.date():
        short = here.strftime("%H:%M:%S")
    else:
        pattern = _SHORT if here.year == today.year else _SHORT_WITH_YEAR
        short = format_datetime(here, pattern[language], locale=locale)
    exact = format_datetime(here, _EXACT[language], locale=locale)
    return LocalTime(here.isoformat(timespec="seconds"), short, exact, f"{exact}{_ZONE[language]}")


def local_day(day: date, language: Language) -> str:
    pattern = "y年M月d日" if language is Language.ZH else "d MMM y"
    return format_date(day, pattern, locale="zh_CN" if language is Language.ZH else "en")


def ago(moment: datetime, language: Language, now: datetime) -> str:
    """Such as "12 minutes ago"; in whole minutes, hours or days."""
    locale = "zh_CN" if language is Language.ZH else "en"
    passed = max(now - moment, timedelta(minutes=1))
    return format_timedelta(-passed, granularity="minute", threshold=1.5, add_direction=True, locale=locale)


def span(duration: timedelta, language: Language) -> str:
    """Such as "56 years"; in whole minutes, hours, days, weeks, months or years."""
    return format_timedelta(duration, granularity="minute", threshold=1.5, locale="zh_CN" if language is Language.ZH else "en")


def whole_seconds(duration: timedelta) -> int:
    return max(0, round(duration.total_seconds()))
