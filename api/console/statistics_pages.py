"""Statistics with their tables as files, and the monthly report."""

from datetime import date, datetime, timedelta
from typing import Annotated, Any

import anyio.to_thread
from babel.dates import format_date
from fastapi import APIRouter, Depends, Query, Request, Response

from api.accounts.actors import Actor
from api.accounts.dependencies import CentreOf, SignedIn
from api.accounts.permissions import Permission
from api.cases.states import Act
from api.centre import Centre
from api.console.i18n import N_, Language
from api.console.rendering import page, speaker_of
from api.console.sheets import XLSX, Sheet, to_csv, to_xlsx
from api.console.speech import Speaker
from api.console.statistics_filter import Asked, Filter, month_after, read_filter, this_month
from api.console.statistics_views import counts_table, meanings, overall, sections, share, spoken, tiles, times_table
from api.console.statistics_words import COLUMNS, TIMES
from api.console.views import Fact
from api.console.words import ROLES
from api.kit.database import Work
from api.kit.headers import attachment
from api.kit.problems import Invalid
from api.kit.times import in_shop_time
from api.kit.work import At, Reading
from api.statistics import service as statistics
from api.statistics.endpoints import one_count
from api.statistics.figures import By, Counts, Month, Scope

router = APIRouter(dependencies=[Depends(one_count)])

# The page has the first of them and must stay light; the files have all. A report has all rules and stations, which add up to its
# totals, and the first of the shops.
_SHOWN, _IN_A_REPORT = 20, 10
_ALL = (By.WEEK, By.RULE, By.STATION, By.SHOP, By.CAMERA)


class BadFilter(Invalid):
    code = "bad-filter"


@router.get("/statistics")
async def statistics_page(
    request: Request, actor: SignedIn, work: Reading, centre: CentreOf, at: At, asked: Annotated[Asked, Query()]
) -> Response:
    actor.require(Permission.STATISTICS_READ)
    speaker = speaker_of(request)
    wanted = await read_filter(work, actor, speaker, centre.catalogue, asked, at)
    figures = await statistics.get_figures(work, actor, wanted.scope, _ALL) if wanted.scope else None

    def link(by: By, key: str) -> str | None:
        field = {By.RULE: "rule", By.SHOP: "shop", By.STATION: "district"}.get(by)
        return f"/statistics?{wanted.query(**{field: key})}" if field else None

    return page(
        request, "statistics.html", actor=actor, status=422 if wanted.wrong else 200, filter=wanted,
        tiles=tiles(speaker, figures) if figures else [], most=_SHOWN,
        sections=sections(speaker, centre.catalogue, figures, link, _SHOWN + 1) if figures else [], meanings=meanings(speaker),
        is_empty=figures is not None and figures.total == Counts() and not figures.missed,
        month_url=f"/statistics/month?{wanted.query(since='', until='', month=_month_of(wanted, at))}",
    )


@router.get("/statistics.csv")
async def statistics_csv(
    request: Request, actor: SignedIn, work: Reading, centre: CentreOf, at: At, asked: Annotated[Asked, Query()],
    table: str = By.WEEK.value,
) -> Response:
    speaker, _, scope = await _asked(request, actor, work, centre, asked, at)
    if table == TIMES:
        sheet = times_table(speaker, centre.catalogue, await statistics.get_figures(work, actor, scope, ())).sheet()
    elif table in list(By):
        by = By(table)
        figures = await statistics.get_figures(work, actor, scope, (by,))
        sheet = counts_table(speaker, centre.catalogue, by, figures.by[by]).sheet()
    else:
        raise BadFilter("There is no such table.")
    headers = attachment(f"{_name(scope)}-{table}.csv")
    return Response(to_csv(sheet), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/statistics.xlsx")
async def statistics_xlsx(
    request: Request, actor: SignedIn, work: Reading, centre: CentreOf, at: At, asked: Annotated[Asked, Query()]
) -> Response:
    speaker, wanted, scope = await _asked(request, actor, work, centre, asked, at)
    figures = await statistics.get_figures(work, actor, scope, _ALL)
    made = [[fact.name, fact.value] for fact in _made(speaker, actor, at, wanted)]
    total = [[fact.name, fact.value] for fact in tiles(speaker, figures)]
    words = [[fact.name, fact.value] for fact in meanings(speaker)]
    about = Sheet(speaker.say(N_("About")), [speaker.say(N_("Statistics")), ""], [*made, *total, *words])
    tables = [section.table.sheet() for section in sections(speaker, centre.catalogue, figures, lambda by, key: None)]
    content = await anyio.to_thread.run_sync(to_xlsx, [about, *tables])
    return Response(content, media_type=XLSX, headers=attachment(f"{_name(scope)}.xlsx"))


@router.get("/statistics/month")
async def month_page(
    request: Request, actor: SignedIn, work: Reading, centre: CentreOf, at: At, asked: Annotated[Asked, Query()]
) -> Response:
    """The monthly report, for paper."""
    actor.require(Permission.STATISTICS_READ)
    speaker = speaker_of(request)
    wanted = await read_filter(work, actor, speaker, centre.catalogue, asked, at, is_month=True)
    shown = (By.RULE, By.STATION, By.SHOP)
    month = await statistics.get_month(work, actor, wanted.scope, shown, at) if wanted.scope else None
    values = _month(speaker, centre, month, at) if month else {}
    return page(
        request, "month.html", actor=actor, status=422 if wanted.wrong else 200, filter=wanted,
        typed_month=wanted.asked.month or this_month(at), month=month, made=_made(speaker, actor, at, wanted),
        meanings=meanings(speaker), most=_IN_A_REPORT, **values,
    )


async def _asked(
    request: Request, actor: Actor, work: Work, centre: Centre, asked: Asked, at: datetime
) -> tuple[Speaker, Filter, Scope]:
    """Raises BadFilter."""
    actor.require(Permission.STATISTICS_READ)
    speaker = speaker_of(request)
    wanted = await read_filter(work, actor, speaker, centre.catalogue, asked, at)
    if wanted.scope is None:
        raise BadFilter(" ".join(wanted.sentences))
    return speaker, wanted, wanted.scope


def _month_of(wanted: Filter, at: datetime) -> str:
    """Of the last of its days, where they were asked for and are not still to come."""
    if wanted.scope is None or not wanted.asked.since + wanted.asked.until:
        return ""
    return f"{min(in_shop_time(wanted.scope.end) - timedelta(days=1), in_shop_time(at)):%Y-%m}"


def _name(scope: Scope) -> str:
    return f"statistics-{in_shop_time(scope.begin).date()}-{(in_shop_time(scope.end) - timedelta(days=1)).date()}"


def _made(speaker: Speaker, actor: Actor, at: datetime, wanted: Filter) -> list[Fact]:
    """Of what it is, who made it, and when."""
    role = speaker.say(ROLES[actor.role]) if actor.role else ""
    words = list(wanted.words)
    if not wanted.asked.district and not wanted.asked.shop:
        words.append(Fact(speaker.say(N_("Station")), speaker.say(N_("All that I see"))))
    return [
        *words, Fact(speaker.say(N_("Made by")), f"{actor.name} {role}".strip()),
        Fact(speaker.say(N_("Made at")), speaker.time(at).full),
    ]


def _month(speaker: Speaker, centre: Centre, month: Month, at: datetime) -> dict[str, Any]:
    figures, coverage = month.figures, month.coverage
    until = {act: overall(figures, act) for act in (Act.SUBMIT, Act.CLOSE)}
    times = {
        act.value: None if its is None else (spoken(speaker, its.median), spoken(speaker, its.p90)) for act, its in until.items()
    }
    compared = [(speaker.say(column.heading), column.of(figures.total), column.of(month.before)) for column in COLUMNS]
    compared.append((speaker.say(N_("Deadlines missed")), figures.missed, month.missed_before))
    return {
        "total": figures.total, "missed": figures.missed, "coverage": coverage,
        "joined": share(speaker, coverage.connected, coverage.entered),
        "false_share": share(speaker, figures.total.false_alarms, figures.total.judged), "times": times, "compared": compared,
        "title": _month_words(speaker, month.first), "before": _month_words(speaker, month.first - timedelta(days=1)),
        "is_over": in_shop_time(at).date() >= month_after(month.first),
        "tables": [counts_table(speaker, centre.catalogue, by, rows) for by, rows in figures.by.items()],
        "earlier": f"{month.first - timedelta(days=1):%Y-%m}",
        "days": (month.first.isoformat(), (month_after(month.first) - timedelta(days=1)).isoformat()),
    }


def _month_words(speaker: Speaker, day: date) -> str:
    is_chinese = speaker.language is Language.ZH
    return format_date(day, "y年M月" if is_chinese else "MMMM y", locale="zh_CN" if is_chinese else "en")
