"""Many shops at once: each line of a list goes the way of the form, all of them in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

from api.accounts.actors import Actor
from api.console.i18n import N_
from api.console.shop_form import CODE_TAKEN, NOT_A_COUNTY, NotAShop, ShopTyped, read_new_shop
from api.console.shop_lists import COLUMNS, MOST_AT_ONCE, Line, Mistake, wrong_cells
from api.console.speech import Speaker
from api.kit.database import Work
from api.kit.problems import Forbidden, NotFound
from api.places import service as places
from api.places.schemas import ShopIn
from api.places.service import NotACounty
from api.places.tables import District, Shop

_TWICE = N_("The same licence, credit code, or name in the same station as in line %(line)s. Keep one of the two.")
_NOT_YOURS = N_("This station is not there, and your account cannot make it. Write a station of your own.")


@dataclass(frozen=True)
class Outcome:
    """`there` are lines of shops that were there before; `districts` are names that were not; `later` is how many more could be
    added, but not at once."""

    good: Sequence[Line]
    there: Sequence[Line]
    mistakes: Sequence[Mistake]
    districts: Sequence[str]
    later: int


@dataclass(frozen=True)
class _Read:
    line: Line
    place: tuple[str, str]
    new: ShopIn


@dataclass(frozen=True)
class _Plan:
    """`districts` are those that have to be made for the shops, a county before its stations."""

    outcome: Outcome
    districts: Sequence[District]
    shops: Sequence[ShopIn]


async def look_at_shops(work: Work, actor: Actor, speaker: Speaker, lines: Sequence[Line]) -> Outcome:
    """What would be added. Nothing is written, so nobody who writes has to wait meanwhile."""
    return (await _plan(work, actor, speaker, lines)).outcome


async def add_shops(work: Work, actor: Actor, speaker: Speaker, lines: Sequence[Line]) -> tuple[Outcome, list[Shop]]:
    """All of them, or none where there is anything to say of one. Raises CreditCodeTaken where another shop came to have one of
    their codes at this moment."""
    # Who adds the same list at the same time waits here, and then finds these shops.
    await places.take_turn(work, actor)
    plan = await _plan(work, actor, speaker, lines)
    if not 0 < len(lines) == len(plan.shops):
        return plan.outcome, []
    await places.add_districts(work, actor, plan.districts)
    return plan.outcome, await places.create_shops(work, actor, plan.shops)


async def _plan(work: Work, actor: Actor, speaker: Speaker, lines: Sequence[Line]) -> _Plan:
    there: list[Line] = []
    mistakes: list[Mistake] = []

    def refuse(line: Line, wrong: dict[str, str]) -> None:
        for field, words in wrong.items():
            column = speaker.say(COLUMNS[field].heading) if field else ""
            mistakes.append(Mistake(line.number, line.cells.get("name", ""), column, words))

    read: list[_Read] = []
    for line in lines:
        found = _read(line, speaker)
        if isinstance(found, _Read):
            read.append(found)
        else:
            refuse(line, found)

    known_districts = await places.list_districts(work, actor)
    districts, made, refused = _find_districts(actor, known_districts, {one.place for one in read})
    known = {key for shop in await places.list_shops(work, actor) for key in _keys(shop)}
    taken = await places.taken_codes(work, actor, [one.new.credit_code for one in read if one.new.credit_code])
    good: dict[int, _Read] = {}
    numbers: dict[tuple[str, ...], int] = {}
    for one in read:
        if one.place in refused:
            field, words = refused[one.place]
            refuse(one.line, {field: speaker.say(words)})
            continue
        one.new.district_id = districts[one.place]
        keys = _keys(one.new)
        twins = [numbers[key] for key in keys if key in numbers]
        if not known.isdisjoint(keys):
            there.append(one.line)
        elif twins:
            refuse(one.line, {"": speaker.say(_TWICE, line=min(twins))})
        elif one.new.credit_code in taken:  # by a shop that this account does not see
            refuse(one.line, {"credit_code": speaker.say(CODE_TAKEN)})
        else:
            good[one.line.number] = one
            numbers |= dict.fromkeys(keys, one.line.number)
    later = list(good)[MOST_AT_ONCE:]
    for number in later:
        del good[number]

    used = {one.new.district_id for one in good.values()}
    used |= {district.parent_id for district in made if district.id in used and district.parent_id}
    wanted = [district for district in made if district.id in used]
    names = [name for _, name in sorted((district.parent_id is not None, district.name) for district in wanted)]
    outcome = Outcome([one.line for one in good.values()], there, mistakes, names, len(later))
    return _Plan(outcome, wanted, [one.new for one in good.values()])


def _read(line: Line, speaker: Speaker) -> _Read | dict[str, str]:
    """What is wrong, by field, where it makes no shop."""
    cells, wrong = wrong_cells(line, speaker)
    try:
        typed = ShopTyped.model_validate({field: cell for field, cell in cells.items() if field not in wrong})
        new = read_new_shop(typed)
    except NotAShop as problem:
        return {field: speaker.say(words) for field, words in problem.wrong.items()} | wrong
    return wrong or _Read(line, (typed.county, typed.district), new)


def _find_districts(
    actor: Actor, known: Sequence[District], wanted: set[tuple[str, str]]
) -> tuple[dict[tuple[str, str], str], list[District], dict[tuple[str, str], tuple[str, str]]]:
    """Their ids, by county and station; those that have to be made; and of those that cannot be, the field that is wrong and
    why."""
    districts: dict[tuple[str, str], str] = {}
    made: list[District] = []
    refused: dict[tuple[str, str], tuple[str, str]] = {}
    # With their county first, so that one without finds it.
    for place in sorted(wanted, key=lambda place: (not place[0], place)):
        try:
            districts[place], more = places.plan_district(actor, [*known, *made], *place)
            made += more
        except NotACounty:
            refused[place] = "county", NOT_A_COUNTY
        except (Forbidden, NotFound):
            refused[place] = "district", _NOT_YOURS
    return districts, made, refused


def _keys(shop: Shop | ShopIn) -> set[tuple[str, ...]]:
    """Two with one of them in common are the same shop."""
    keys = {("licence", licence.number.casefold()) for licence in shop.licences}
    named: tuple[str, ...] = ("name", shop.district_id, shop.name)
    return {*keys, named, *([("code", shop.credit_code)] if shop.credit_code else [])}
