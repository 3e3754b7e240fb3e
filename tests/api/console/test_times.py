from datetime import UTC, datetime

import pytest

from api.console.i18n import Language
from api.console.speech import Speaker
from api.console.times import local_time

NOW = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)  # noon in Shanghai


@pytest.mark.parametrize(
    ("moment", "language", "short"),
    [
        (datetime(2026, 3, 1, 3, 59, 58, tzinfo=UTC), Language.ZH, "11:59:58"),
        (datetime(2026, 2, 28, 16, 0, 1, tzinfo=UTC), Language.ZH, "00:00:01"),  # today there, yesterday in UTC
        (datetime(2026, 2, 28, 15, 59, tzinfo=UTC), Language.ZH, "2月28日 23:59"),
        (datetime(2026, 2, 28, 15, 59, tzinfo=UTC), Language.EN, "28 Feb, 23:59"),
        (datetime(2025, 12, 31, 15, 59, tzinfo=UTC), Language.ZH, "2025年12月31日 23:59"),
    ],
)
def test_short_form(moment: datetime, language: Language, short: str) -> None:
    assert local_time(moment, language, NOW).short == short


def test_full_form_names_the_zone() -> None:
    time = local_time(datetime(2026, 2, 28, 15, 59, 7, tzinfo=UTC), Language.ZH, NOW)
    assert time.full == "2026年2月28日 23:59:07（北京时间）"
    assert time.machine == "2026-02-28T23:59:07+08:00"


@pytest.mark.parametrize(
    ("limit", "language", "words"),
    [
        (datetime(2026, 3, 1, 9, 30, tzinfo=UTC), Language.ZH, "今天 17:30"),
        (datetime(2026, 3, 1, 9, 30, tzinfo=UTC), Language.EN, "today 17:30"),
        (datetime(2026, 3, 1, 16, 0, tzinfo=UTC), Language.ZH, "3月2日 00:00"),  # today in UTC, tomorrow there
    ],
)
def test_a_limit_of_today_says_so(limit: datetime, language: Language, words: str) -> None:
    assert Speaker(language, NOW).by(limit) == words
