"""What the figures are of, as the address of the page says it; and what is wrong with it, in sentences."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import urlencode

from pydantic import BaseModel

from api.accounts.actors import Actor
from api.console.i18n import N_
from api.console.shop_choice import offer_districts
from api.console.speech import Speaker, find_rule
from api.console.views import Fact, Option
from api.kit.database import Work
from api.kit.problems import NotFound
from api.kit.times import in_shop_time, midnight
from api.places import service as places
from api.statistics import service as statistics
from api.statistics.figures import Scope
from api.statistics.service import LONGEST, BadPeriod
from contract.catalogue import Catalogue

# As many as a person scrolls through; of more, the table of shops leads to each, or the station narrows them.
_MOST_SHOPS = 200
_NO_DAY = N_("Write a day like 2026-11-24.")


class Asked(BaseModel):
    """As it is typed, or stands in the address. `month` is of the monthly report, the days of the statistics."""

    since: str = ""
    until: str = ""
    month: str = ""
    district: str = ""
    shop: str = ""
    rule: str = ""

    def query(self, **others: str) -> str:
        return urlencode({name: value for name, value in {**self.model_dump(), **others}.items() if value})


@dataclass(frozen=True)
class Filter:
    """`scope` is None where something is wrong, which `wrong` says by field; `words` say what the scope is."""

    asked: Asked
    scope: Scope | None
    wrong: dict[str, str]
    words: Sequence[Fact]
    districts: Sequence[Option]
    shops: Sequence[Option]
    rules: Sequence[Option]

    def query(self, **others: str) -> str:
        return self.asked.query(**others)

    @property
    def sentences(self) -> list[str]:
        return list(dict.fromkeys(self.wrong.values()))


async def read_filter(
    work: Work, actor: Actor, speaker: Speaker, catalogue: Catalogue, asked: Asked, at: datetime, *, is_month: bool = False
) -> Filter:
    asked = Asked(**{name: value.strip() for name, value in asked.model_dump().items()})
    wrong: dict[str, str] = {}
    since, until = _month(asked, at, wrong, speaker) if is_month else _days(asked, wrong, speaker)
    words = []
    districts = await places.list_districts(work, actor)
    chosen = next((district for district in districts if district.id == asked.district), None)
    if asked.district and chosen is None:
        wrong["district"] = speaker.say(N_("There is no such station, or it is not yours to see. Choose one from the list."))
    shops = [Option(*one) for one in await statistics.list_shop_names(work, actor, chosen.id if chosen else None, _MOST_SHOPS)]
    if asked.shop:
        name = await _shop_name(work, actor, asked.shop)
        if name is None:
            wrong["shop"] = speaker.say(N_("There is no such shop, or it is not yours to see. Choose one from the list."))
        elif asked.shop not in (option.value for option in shops):
            shops.insert(0, Option(asked.shop, name))
    rule = find_rule(asked.rule, catalogue)
    if asked.rule and rule is None:
        wrong["rule"] = speaker.say(N_("There is no such rule. Choose one from the list."))
    scope = None
    if not wrong.keys() & {"since", "until", "month"}:
        try:
            scope = statistics.scope_of(
                at, since, until, district_id=asked.district or None, shop_id=asked.shop or None, rule=asked.rule or None
            )
        except BadPeriod:
            sentence = N_("The last day is before the first, or more than %(days)s days after it. Choose other days.")
            wrong["since"] = speaker.say(sentence, days=LONGEST.days)
    if wrong:
        scope = None
    if scope is not None:
        first, last = in_shop_time(scope.begin), in_shop_time(scope.end) - timedelta(days=1)
        words.append(Fact(speaker.say(N_("Time")), f"{speaker.day(first)} – {speaker.day(last)}"))
    if chosen is not None:
        words.append(Fact(speaker.say(N_("Station")), chosen.name))
    words += [Fact(speaker.say(N_("Shop")), option.words) for option in shops if option.value == asked.shop]
    if rule is not None:
        words.append(Fact(speaker.say(N_("Rule")), speaker.choose(rule.name)))
    return Filter(
        asked, scope, wrong, words, await offer_districts(work, actor), shops,
        [Option(one.code, speaker.choose(one.name)) for one in catalogue.rules],
    )


def this_month(at: datetime) -> str:
    return in_shop_time(at).strftime("%Y-%m")


def month_after(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)


async def _shop_name(work: Work, actor: Actor, shop_id: str) -> str | None:
    if not shop_id.isprintable():  # not every database takes such a text
        return None
    try:
        return (await places.get_shop(work, actor, shop_id)).name
    except NotFound:
        return None


def _days(asked: Asked, wrong: dict[str, str], speaker: Speaker) -> tuple[date | None, date | None]:
    days: list[date | None] = []
    for name in ("since", "until"):
        typed = getattr(asked, name)
        try:
            days.append(date.fromisoformat(typed) if typed else None)
        except ValueError:
            days.append(None)
            wrong[name] = speaker.say(_NO_DAY)
    return days[0], days[1]


def _month(asked: Asked, at: datetime, wrong: dict[str, str], speaker: Speaker) -> tuple[date | None, date | None]:
    """The first and the last day."""
    try:
        first = date.fromisoformat(f"{asked.month or this_month(at)}-01")
        last = month_after(first) - timedelta(days=1)
    except (ValueError, OverflowError):
        wrong["month"] = speaker.say(N_("Write a month like 2026-11."))
        return None, None
    if midnight(first) > at:
        wrong["month"] = speaker.say(N_("This month has not begun yet. Choose one that has."))
    return first, last
