"""The places that a form offers: all districts, and of the shops, where there are more than a person scrolls through, those whose
name was looked for."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from fastapi import Request

from api.accounts.actors import Actor
from api.console.views import Option
from api.kit.database import Work
from api.kit.problems import NotFound
from api.places import service as places
from api.places.tables import District, Shop

# All 3,000 of a county would make a form of 300 to 600 kB.
MOST_SHOPS = 200
_LONGEST = 100


@dataclass(frozen=True)
class ShopChoice:
    """`is_searched` where some were looked for, or there are more than are offered; `url` is that of the page."""

    options: list[Option]
    name: str
    is_searched: bool
    url: str


async def choose_shop(request: Request, work: Work, actor: Actor, chosen: Iterable[str], *, prefix: str = "") -> ShopChoice:
    """`shop_name` of the address is a part of their names; `chosen` values are offered in any case; all begin with `prefix`."""
    name = request.query_params.get("shop_name", "").strip()[:_LONGEST]
    found = await places.list_shops(work, actor, name=name, limit=MOST_SHOPS + 1)
    offered = found[:MOST_SHOPS]
    there = {shop.id for shop in offered}
    for value in chosen:
        shop = await _find(work, actor, value.removeprefix(prefix)) if value.startswith(prefix) else None
        if shop is not None and shop.id not in there:
            offered.append(shop)
    options = [Option(prefix + shop.id, f"{shop.name} · {shop.district.name}") for shop in offered]
    return ShopChoice(
        sorted(options, key=lambda option: option.words), name, bool(name) or len(found) > MOST_SHOPS, request.url.path
    )


async def offer_districts(work: Work, actor: Actor, *, prefix: str = "") -> list[Option]:
    """Stations below their county, No. 2 before No. 10; where two have the same name, with that of the county."""
    found = await places.list_districts(work, actor)
    by_id, names = {district.id: district for district in found}, Counter(district.name for district in found)

    def order(district: District) -> tuple[object, ...]:
        county = by_id.get(district.parent_id or "", district)
        return _counted(county.name), county.id, district is not county, _counted(district.name)

    def words(district: District) -> str:
        county = by_id.get(district.parent_id or "")
        return f"{county.name} · {district.name}" if county and names[district.name] > 1 else district.name

    return [Option(prefix + district.id, words(district)) for district in sorted(found, key=order)]


def _counted(name: str) -> list[str | int]:
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name)]


async def _find(work: Work, actor: Actor, shop_id: str) -> Shop | None:
    try:
        return await places.get_shop(work, actor, shop_id)
    except NotFound:
        return None
