"""Shops: the list, adding one with its first area (what an edge box and a camera need before they can join), changing one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from api.accounts.actors import Actor
from api.accounts.dependencies import SignedIn
from api.accounts.permissions import Permission
from api.console.i18n import N_
from api.console.rendering import page, speaker_of
from api.console.shop_choice import offer_districts
from api.console.shop_form import (
    CODE_TAKEN,
    NEEDED,
    NOT_A_COUNTY,
    NotAShop,
    ShopTyped,
    read_new_shop,
    read_shop,
)
from api.console.speech import Speaker
from api.console.told_contacts import told_view
from api.console.views import Link, Option
from api.console.ways_back import cases_of_shop
from api.console.words import AREAS, DUTIES, GRADES, LICENCES
from api.kit.cursors import decode_text, encode_cursor
from api.kit.database import Work
from api.kit.names import is_name
from api.kit.work import Reading, Writing
from api.places import service as places
from api.places.schemas import AreaIn
from api.places.service import CreditCodeTaken, NotACounty
from api.places.tables import Shop

router = APIRouter()


@dataclass(frozen=True)
class ShopRow:
    """`url` is there for who may change the shop, `cases_url` for who may see its cases."""

    name: str
    url: str | None
    status_url: str
    cases_url: str | None
    facts: Sequence[str]
    licence: str
    contact: str


_PAGE = 100
CONFLICT = N_("Somebody else has changed this meanwhile. What you typed is still here: check it, then save again.")


@router.get("/shops")
async def shop_list(
    request: Request, actor: SignedIn, work: Reading, cursor: str | None = None, name: Annotated[str, Query(max_length=100)] = "",
    added: Annotated[int, Query(ge=0)] = 0, deleted: str = "",
) -> Response:
    found = await places.list_shops(work, actor, name=name.strip(), after=decode_text(cursor), limit=_PAGE + 1)
    asked = {"name": name} if name else {}
    speaker = speaker_of(request)
    districts = await offer_districts(work, actor) if actor.may(Permission.PLACES_WRITE) else []
    return page(
        request, "shops.html", actor=actor, shops=[_row(shop, actor, speaker) for shop in found[:_PAGE]],
        districts=[Link(f"/districts/{district.value}", district.words) for district in districts],
        may_add_shop=actor.may(Permission.PLACES_WRITE), name=name, added=added, deleted=deleted == "yes",
        first_url=f"/shops?{urlencode(asked)}" if cursor else None,
        next_url=f"/shops?{urlencode({**asked, 'cursor': encode_cursor(found[_PAGE - 1].id)})}" if len(found) > _PAGE else None,
    )


@router.get("/shops/new")
async def new_shop(request: Request, actor: SignedIn, work: Reading) -> Response:
    actor.require(Permission.PLACES_WRITE)
    return await _page(request, actor, work, ShopTyped(), {})


@router.post("/shops/new")
async def add_shop(request: Request, actor: SignedIn, work: Writing, typed: Annotated[ShopTyped, Form()]) -> Response:
    """Districts that are already there by these names are taken, others are made."""
    actor.require(Permission.PLACES_WRITE)
    wrong = {} if is_name(typed.area) else {"area": NEEDED}
    try:
        new = read_new_shop(typed)
    except NotAShop as problem:
        wrong = problem.wrong | wrong
    if wrong:
        return await _page(request, actor, work, typed, wrong)
    try:
        async with work.begin_nested():  # an account that is refused half-way has made no district
            new.district_id = await places.find_or_make_district(work, actor, typed.county.strip(), typed.district.strip())
            shop = await places.create_shop(work, actor, new)
    except CreditCodeTaken:
        return await _page(request, actor, work, typed, {"credit_code": CODE_TAKEN})
    except NotACounty:
        return await _page(request, actor, work, typed, {"county": NOT_A_COUNTY})
    await places.create_area(work, actor, AreaIn(shop_id=shop.id, name=typed.area.strip(), kind=typed.kind))
    return RedirectResponse(f"/edge-boxes/new?shop_id={shop.id}", 303)


@router.get("/shops/{shop_id}")
async def shop_page(request: Request, shop_id: str, actor: SignedIn, work: Reading, saved: str = "") -> Response:
    actor.require(Permission.PLACES_WRITE)
    shop = await places.get_shop(work, actor, shop_id)
    return await _page(request, actor, work, ShopTyped.of(shop), {}, shop, saved=saved == "yes")


@router.post("/shops/{shop_id}")
async def change_shop(
    request: Request, shop_id: str, actor: SignedIn, work: Writing, typed: Annotated[ShopTyped, Form()]
) -> Response:
    actor.require(Permission.PLACES_WRITE)
    shop = await places.get_shop(work, actor, shop_id, for_change=True)
    if typed.version not in (None, shop.version):
        return await _page(request, actor, work, typed, {}, shop, conflict=CONFLICT)
    try:
        new = read_shop(typed, typed.station or shop.district_id, shop)
        async with work.begin_nested():
            await places.update_shop(work, actor, shop_id, new)
    except NotAShop as problem:
        return await _page(request, actor, work, typed, problem.wrong, shop)
    except CreditCodeTaken:
        shop = await places.get_shop(work, actor, shop_id)
        return await _page(request, actor, work, typed, {"credit_code": CODE_TAKEN}, shop)
    return RedirectResponse(f"/shops/{shop_id}?saved=yes", 303)


def _row(shop: Shop, actor: Actor, speaker: Speaker) -> ShopRow:
    licence = next(iter(shop.licences), None)
    facts = [shop.district.name, shop.address, shop.credit_code]
    words = ""
    if licence is not None:
        words = f"{speaker.say(LICENCES[licence.kind])} {licence.number}"
        if licence.expires_on is not None:
            words += " · " + speaker.say(N_("valid until %(day)s"), day=speaker.day(licence.expires_on))
    contact = next((f"{person.name} {person.phone}" for person in places.contacts_for(actor, shop)), "")
    url = f"/shops/{shop.id}" if actor.may(Permission.PLACES_WRITE) else None
    cases_url = cases_of_shop(shop.id) if actor.may(Permission.CASES_READ) else None
    return ShopRow(shop.name, url, f"/shops/{shop.id}/status", cases_url, [fact for fact in facts if fact], words, contact)


async def _page(
    request: Request, actor: Actor, work: Work, typed: ShopTyped, wrong: dict[str, str], shop: Shop | None = None, *,
    saved: bool = False, conflict: str = "",
) -> Response:
    """The form; of a shop that is there already, where there is one."""
    speaker: Speaker = speaker_of(request)
    districts = await places.list_districts(work, actor)
    return page(
        request, "shop.html" if shop else "shop_new.html", actor=actor, status=422 if wrong else 412 if conflict else 200,
        typed=typed, saved=saved, wrong={field: speaker.say(words) for field, words in wrong.items()},
        shop_id=shop.id if shop else None, version=shop.version if shop else 0,
        conflict=speaker.say(conflict) if conflict else "",
        kinds=[Option(kind.value, speaker.say(words)) for kind, words in AREAS.items()],
        licence_kinds=[Option(kind.value, speaker.say(words)) for kind, words in LICENCES.items()],
        grades=[Option(grade.value, speaker.say(words)) for grade, words in GRADES.items()],
        duties=[Option(duty.value, speaker.say(words)) for duty, words in DUTIES.items()],
        told=await told_view(work, actor, shop, speaker) if shop else None,
        counties=sorted({district.name for district in districts if district.parent_id is None}),
        districts=sorted({district.name for district in districts}), stations=await offer_districts(work, actor) if shop else [],
    )
