"""Figures as tables, charts and sheets in the reader's language."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from babel.dates import format_date

from api.cases.states import Act
from api.console.charts import BarChart, WeekChart, bar_chart, week_chart
from api.console.i18n import N_, Language
from api.console.sheets import Cell, Sheet
from api.console.speech import Speaker
from api.console.statistics_words import (
    COLUMNS,
    CONFIRMED,
    FEWEST_FOR_SHARE,
    FEWEST_FOR_TIME,
    FOUND,
    MEANINGS,
    SHARE,
    TABLES,
    TIMES,
    UNTIL,
)
from api.console.views import Fact
from api.statistics.figures import By, Counts, CountsRow, Duration, DurationRow, Figures
from contract.catalogue import Catalogue

# The most that a chart shows beside each other; the table has the rest.
_MOST_BARS = 10
LinkOf = Callable[[By, str], str | None]


@dataclass(frozen=True)
class TableCell:
    """`words` for the page, `value` for a sheet."""

    words: str
    value: Cell
    url: str | None = None


@dataclass(frozen=True)
class TableView:
    id: str
    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[TableCell]]
    # Where a sheet has to say the unit, which on the page each cell says.
    of_sheet: Sequence[str] = ()
    # So many columns hold words, the others numbers.
    texts: int = 1

    def sheet(self) -> Sheet:
        return Sheet(self.title, self.of_sheet or self.headings, [[cell.value for cell in row] for row in self.rows])


@dataclass(frozen=True)
class Section:
    """A table, with its chart where there is something to draw."""

    table: TableView
    charts: Sequence[BarChart | WeekChart]


def share(speaker: Speaker, part: int, whole: int) -> str:
    """In per cent; of few, the counts."""
    if not whole:
        return "–"
    if whole < FEWEST_FOR_SHARE:
        return speaker.say(N_("%(part)s of %(whole)s"), part=part, whole=whole)
    return f"{part / whole:.0%}"


def spoken(speaker: Speaker, time: timedelta) -> str:
    """In the largest unit of which it has at least two."""
    hours = time / timedelta(hours=1)
    if hours < 2:
        return speaker.say(N_("%(amount)s min"), amount=round(hours * 60))
    if hours < 48:
        return speaker.say(N_("%(amount)s h"), amount=round(hours))
    return speaker.say(N_("%(amount)s days"), amount=f"{hours / 24:.1f}")


def day(speaker: Speaker, moment: date) -> str:
    pattern = "M月d日" if speaker.language is Language.ZH else "d MMM"
    return format_date(moment, pattern, locale="zh_CN" if speaker.language is Language.ZH else "en")


def tiles(speaker: Speaker, figures: Figures) -> list[Fact]:
    total = figures.total
    facts = [Fact(speaker.say(column.heading), str(column.of(total))) for column in COLUMNS if column not in COLUMNS[2:5]]
    facts.insert(2, Fact(speaker.say(SHARE), share(speaker, total.false_alarms, total.judged)))
    return [*facts, Fact(speaker.say(N_("Deadlines missed")), str(figures.missed))]


def meanings(speaker: Speaker) -> list[Fact]:
    numbers = {"share": FEWEST_FOR_SHARE, "time": FEWEST_FOR_TIME}
    return [Fact(speaker.say(name), speaker.say(words, **numbers)) for name, words in MEANINGS]


def sections(speaker: Speaker, catalogue: Catalogue, figures: Figures, link: LinkOf, most: int | None = None) -> list[Section]:
    """Tables have at most so many rows, but all weeks; the charts are of all."""
    found = []
    for by, rows in figures.by.items():
        table = counts_table(speaker, catalogue, by, rows if by is By.WEEK else rows[:most], link)
        charts = [_weeks(speaker, rows)] if by is By.WEEK else _bars(speaker, catalogue, table.title, by, rows)
        found.append(Section(table, [chart for chart in charts if chart is not None]))
    return [*found, Section(times_table(speaker, catalogue, figures), [])]


def counts_table(
    speaker: Speaker, catalogue: Catalogue, by: By, rows: Sequence[CountsRow], link: LinkOf = lambda by, key: None
) -> TableView:
    title, first = TABLES[by]
    headings = [speaker.say(first), *(speaker.say(column.heading) for column in COLUMNS), speaker.say(SHARE)]
    if by is By.CAMERA:
        headings.insert(1, speaker.say(N_("Shop")))
    cells = []
    for row in rows:
        name = _name(speaker, catalogue, by, row.key, row.name)
        named = [TableCell(name, name, link(by, row.key))]
        if by is By.CAMERA:
            named.append(TableCell(row.of, row.of))
        counted = [TableCell(str(amount), amount) for amount in (column.of(row.counts) for column in COLUMNS)]
        cells.append([*named, *counted, _share_cell(speaker, row.counts)])
    return TableView(by.value, speaker.say(title), headings, cells, texts=2 if by is By.CAMERA else 1)


def times_table(speaker: Speaker, catalogue: Catalogue, figures: Figures) -> TableView:
    """One row for each of what is measured, with both times."""
    headings, of_sheet = [[speaker.say(N_("Of"))] for _ in range(2)]
    for until in UNTIL.values():
        number = speaker.say(N_("Cases %(until)s"), until=speaker.say(until))
        times = [speaker.say(words, until=speaker.say(until)) for words in (N_("Median %(until)s"), N_("90 %% %(until)s"))]
        headings += [number, *times]
        of_sheet += [number, *(speaker.say(N_("%(name)s, in hours"), name=time) for time in times)]
    cells = []
    for by, rows in figures.durations.items():
        for key in dict.fromkeys(row.key for row in rows):
            its = {row.until: row for row in rows if row.key == key}
            name = _duration_name(speaker, catalogue, by, next(iter(its.values())))
            measured = [cell for until in UNTIL for cell in _time_cells(speaker, its[until].duration if until in its else None)]
            cells.append([TableCell(name, name), *measured])
    return TableView(TIMES, speaker.say(N_("Rectification time")), headings, cells, of_sheet)


def overall(figures: Figures, until: Act) -> Duration | None:
    """Of all cases together, where there are enough to tell."""
    its = next((row.duration for row in figures.durations.get(None, ()) if row.until is until), None)
    return its if its is not None and its.cases >= FEWEST_FOR_TIME else None


def _name(speaker: Speaker, catalogue: Catalogue, by: By, key: str, name: str) -> str:
    if by is By.RULE:
        return speaker.rule_title(key, catalogue)
    return key if by is By.WEEK else name


def _duration_name(speaker: Speaker, catalogue: Catalogue, by: By | None, row: DurationRow) -> str:
    return speaker.say(N_("All together")) if by is None else _name(speaker, catalogue, by, row.key, row.name)


def _share_cell(speaker: Speaker, counts: Counts) -> TableCell:
    words = share(speaker, counts.false_alarms, counts.judged)
    return TableCell(words, round(counts.false_alarms / counts.judged, 4) if counts.judged >= FEWEST_FOR_SHARE else words)


def _time_cells(speaker: Speaker, its: Duration | None) -> list[TableCell]:
    if its is None:
        return [TableCell("0", 0), TableCell("–", None), TableCell("–", None)]
    number = TableCell(str(its.cases), its.cases)
    if its.cases < FEWEST_FOR_TIME:
        return [number, TableCell("–", None), TableCell("–", None)]
    hours = [round(time / timedelta(hours=1), 1) for time in (its.median, its.p90)]
    return [number, TableCell(spoken(speaker, its.median), hours[0]), TableCell(spoken(speaker, its.p90), hours[1])]


def _weeks(speaker: Speaker, rows: Sequence[CountsRow]) -> WeekChart | None:
    shown = (FOUND, CONFIRMED)
    weeks = [(day(speaker, date.fromisoformat(row.key)), [column.of(row.counts) for column in shown]) for row in rows]
    week = N_("week from %(day)s: %(found)s found, %(confirmed)s confirmed")
    told = [speaker.say(week, day=name, found=amounts[0], confirmed=amounts[1]) for name, amounts in weeks]
    title = speaker.say(N_("Findings and confirmed violations by week"))
    return week_chart("weeks", title, speaker.say(N_("; ")).join(told), weeks, [speaker.say(column.heading) for column in shown])


def _bars(speaker: Speaker, catalogue: Catalogue, title: str, by: By, rows: Sequence[CountsRow]) -> list[BarChart | None]:
    def name(row: CountsRow) -> str:
        """Every shop has a camera No. 1."""
        return " · ".join(filter(None, (_name(speaker, catalogue, by, row.key, row.name), row.of)))

    confirmed = [
        (name(row), str(row.counts.confirmed), float(row.counts.confirmed)) for row in rows[:_MOST_BARS] if row.counts.confirmed
    ]
    charts = [_chart(speaker, f"{by.value}-confirmed", speaker.say(N_("Confirmed violations")), title, confirmed)]
    if by in (By.RULE, By.CAMERA):
        judged = [(row.counts.false_alarms / row.counts.judged, row) for row in rows if row.counts.judged >= FEWEST_FOR_SHARE]
        judged.sort(key=lambda found: -found[0])
        shares = [
            (name(row), share(speaker, row.counts.false_alarms, row.counts.judged), part) for part, row in judged[:_MOST_BARS]
        ]
        charts.append(_chart(speaker, f"{by.value}-share", speaker.say(SHARE), title, shares, whole=1.0))
    return charts


def _chart(
    speaker: Speaker, id: str, what: str, table: str, bars: Sequence[tuple[str, str, float]], whole: float | None = None
) -> BarChart | None:
    title = speaker.say(N_("%(name)s: %(value)s"), name=what, value=table)
    told = speaker.say(N_("; ")).join(speaker.say(N_("%(name)s: %(value)s"), name=name, value=value) for name, value, _ in bars)
    return bar_chart(id, title, told, bars, whole)
