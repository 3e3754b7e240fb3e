"""Charts as plain values, drawn by templates/charts.html: across in parts of the width, so that a chart fits any screen while its
letters stay as large as all others; down in pixels."""

from collections.abc import Sequence
from dataclasses import dataclass
from unicodedata import east_asian_width

PLOT_HEIGHT = 160
# The numbers at the side have this part of the width, in per cent: three digits on a phone.
_SIDE = 9.0
# Names of days fit beside each other on a phone as often as this.
_MOST_LABELS = 4
# As wide as a phone shows beside the amount, in Latin letters.
_LONGEST_LABEL = 34


@dataclass(frozen=True)
class Bar:
    """A bar across; `width` in per cent."""

    words: str
    amount: str
    width: float


@dataclass(frozen=True)
class BarChart:
    id: str
    title: str
    text: str
    bars: Sequence[Bar]


@dataclass(frozen=True)
class Upright:
    """`series` is the number of the series, and the class of its colour."""

    series: int
    x: float
    width: float
    y: float
    height: float


@dataclass(frozen=True)
class Mark:
    words: str
    at: float


@dataclass(frozen=True)
class WeekChart:
    id: str
    title: str
    text: str
    side: float
    uprights: Sequence[Upright]
    heights: Sequence[Mark]
    days: Sequence[Mark]
    legend: Sequence[str]


def bar_chart(
    id: str, title: str, text: str, bars: Sequence[tuple[str, str, float]], whole: float | None
) -> BarChart | None:
    """Of words, the amount in words, and the amount. The longest bar is as wide as the chart, or as its part of the whole. None
    where there is nothing to draw: one bar beside no other says no more than its number."""
    most = whole or max((amount for _, _, amount in bars), default=0)
    if not bars or not most or (whole is None and len(bars) == 1):
        return None
    return BarChart(id, title, text, [Bar(_short(words), told, _round(100 * amount / most)) for words, told, amount in bars])


def week_chart(
    id: str, title: str, text: str, weeks: Sequence[tuple[str, Sequence[int]]], legend: Sequence[str]
) -> WeekChart | None:
    """Of the day on which each week begins, and one amount for each series, side by side."""
    most = max((amount for _, amounts in weeks for amount in amounts), default=0)
    if not most:
        return None
    top, room = _round_up(most), (100 - _SIDE) / len(weeks)
    width = min(room * 0.8 / len(legend), 6.0)
    uprights = []
    for place, (_, amounts) in enumerate(weeks):
        left = _SIDE + room * (place + 0.5) - width * len(legend) / 2
        for series, amount in enumerate(amounts):
            height = PLOT_HEIGHT * amount / top
            across = (_round(left + width * series), _round(width))
            uprights.append(Upright(series, *across, _round(PLOT_HEIGHT - height), _round(height)))
    every = -(-len(weeks) // _MOST_LABELS)
    days = [Mark(day, _round(_SIDE + room * (place + 0.5))) for place, (day, _) in enumerate(weeks) if place % every == 0]
    heights = [Mark(str(amount), PLOT_HEIGHT * (1 - amount / top)) for amount in (0, top // 2, top)]
    return WeekChart(id, title, text, _SIDE, uprights, heights, days, legend)


def _round_up(amount: int) -> int:
    """To an even number that reads easily."""
    scale = 1
    while amount > 10 * scale:
        scale *= 10
    return next(step * scale for step in (2, 4, 6, 8, 10) if amount <= step * scale)


def _short(words: str) -> str:
    room = _LONGEST_LABEL
    for place, character in enumerate(words):
        room -= 2 if east_asian_width(character) in "WF" else 1
        if room < 0:
            return f"{words[:place]}…"
    return words


def _round(number: float) -> float:
    return round(number, 2)
