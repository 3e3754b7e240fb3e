"""Shops: the list, adding one with its first area (what an edge box and a camera need before they can join), changing one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ValidationError

from api.accounts.actors import Actor
from api.accounts.dependencies import SignedIn
from api.accounts.permissions import Permission
from api.console.i18n import N_
from api.console.rendering import page, speaker_of
from api.console.speech import Speaker
from api.console.views import Link, Option
from api.console.words import AREAS, DUTIES, GRADES, LICENCES
from api.kit.cursors import decode_text, encode_cursor
from api.kit.database import Work
from api.kit.work import Reading, Writing
from api.places import service as places
from api.places.schemas import AreaIn, DistrictIn, ShopIn
from api.places.service import CreditCodeTaken, NotACounty
from api.places.tables import District, Duty, LicenceKind, Shop
from contract.catalogue import AreaKind

router = APIRouter()


@dataclass(frozen=True)
class ShopRow:
    """`url` is there for who may change the shop."""

    name: str
    url: str | None
    status_url: str
    facts: Sequence[str]
    licence: str
    contact: str


_PAGE = 100
_LONGEST_NAME = 100
_NEEDED = N_("Fill this in, with at most 100 characters.")
_TOO_LONG = N_("This is longer than it can be.")
_CONFLICT = N_("Somebody else has changed this meanwhile. What you typed is still here: check it, then save again.")
# By the field of `ShopIn` that refuses, and the field of the form.
_WRONG: dict[str, tuple[str, str]] = {
    "credit_code": ("credit_code", N_("A unified social credit code is 18 digits and capital letters without I, O, S, V and Z.")),
    "address": ("address", _TOO_LONG),
    "licences": ("licence_number", N_("Write the number as it is printed on the licence.")),
    "contacts": ("contact_phone", N_("Write a name, and a telephone number of digits such as 138 0000 0000.")),
    "name": ("name", _NEEDED),
    "grade": ("grade", N_("Choose one of the grades.")),
}

_WRONG_OF_DISTRICT: dict[str, str] = {
    "name": _NEEDED,
    "phone": N_("Write a telephone number of digits such as 028 1234 5678."),
    "address": _TOO_LONG,
}


class ShopTyped(BaseModel):
    """The fields as they come from a browser: of the licences and contacts of a shop, the first one each. `version` is of
    the shop when the form was filled."""

    county: str = ""
    district: str = ""
    name: str = ""
    credit_code: str = ""
    address: str = ""
    grade: str = ""
    licence_kind: LicenceKind = LicenceKind.FOOD_BUSINESS
    licence_number: str = ""
    licence_expires: str = ""
    contact_duty: Duty = Duty.FOOD_SAFETY
    contact_name: str = ""
    contact_phone: str = ""
    area: str = ""
    kind: AreaKind = AreaKind.COOKING
    version: int | None = None

    @classmethod
    def of(cls, shop: Shop) -> "ShopTyped":
        typed = cls(
            district=shop.district.name, name=shop.name, credit_code=shop.credit_code or "", address=shop.address or "",
            grade=shop.grade.value if shop.grade else "",
        )
        for licence in shop.licences[:1]:
            expires = licence.expires_on.isoformat() if licence.expires_on else ""
            typed.licence_kind, typed.licence_number, typed.licence_expires = licence.kind, licence.number, expires
        for contact in shop.contacts[:1]:
            typed.contact_duty, typed.contact_name, typed.contact_phone = contact.duty, contact.name, contact.phone
        return typed


class DistrictTyped(BaseModel):
    """`version` is of the district when the form was filled."""

    name: str = ""
    phone: str = ""
    address: str = ""
    version: int | None = None

    @classmethod
    def of(cls, district: District) -> "DistrictTyped":
        return cls(name=district.name, phone=district.phone or "", address=district.address or "")


class NotAShop(ValueError):
    """What was typed makes no shop; `wrong` says why, by field, in words not yet translated."""

    def __init__(self, wrong: dict[str, str]) -> None:
        super().__init__("; ".join(wrong))
        self.wrong = wrong


@router.get("/shops")
async def shop_list(
    request: Request, actor: SignedIn, work: Reading, cursor: str | None = None, name: Annotated[str, Query(max_length=100)] = ""
) -> Response:
    found = await places.list_shops(work, actor, name=name.strip(), after=decode_text(cursor), limit=_PAGE + 1)
    asked = {"name": name} if name else {}
    speaker = speaker_of(request)
    districts = await places.list_districts(work, actor) if actor.may(Permission.PLACES_WRITE) else []
    return page(
        request, "shops.html", actor=actor, shops=[_row(shop, actor, speaker) for shop in found[:_PAGE]],
        districts=[Link(f"/districts/{district.id}", district.name) for district in districts],
        may_add_shop=actor.may(Permission.PLACES_WRITE), name=name, first_url=f"/shops?{urlencode(asked)}" if cursor else None,
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
    names = {"district": typed.district.strip(), "name": typed.name.strip(), "area": typed.area.strip()}
    wrong = {field: _NEEDED for field, name in names.items() if not 0 < len(name) <= _LONGEST_NAME}
    if len(typed.county.strip()) > _LONGEST_NAME:
        wrong["county"] = _TOO_LONG
    try:
        new = _read(typed, "")
    except NotAShop as problem:
        wrong = problem.wrong | wrong
    if wrong:
        return await _page(request, actor, work, typed, wrong)
    try:
        async with work.begin_nested():  # an account that is refused half-way has made no district
            new.district_id = await _district(work, actor, typed.county.strip(), names["district"])
            shop = await places.create_shop(work, actor, new)
    except CreditCodeTaken:
        return await _page(request, actor, work, typed, {"credit_code": N_("Another shop already has this credit code.")})
    except NotACounty:
        return await _page(request, actor, work, typed, {"county": N_("This is a station. Write the county above it.")})
    await places.create_area(work, actor, AreaIn(shop_id=shop.id, name=names["area"], kind=typed.kind))
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
        return await _page(request, actor, work, typed, {}, shop, conflict=_CONFLICT)
    try:
        new = _read(typed, shop.district_id, shop)
        async with work.begin_nested():
            await places.update_shop(work, actor, shop_id, new)
    except NotAShop as problem:
        return await _page(request, actor, work, typed, problem.wrong, shop)
    except CreditCodeTaken:
        wrong = {"credit_code": N_("Another shop already has this credit code.")}
        return await _page(request, actor, work, typed, wrong, await places.get_shop(work, actor, shop_id))
    return RedirectResponse(f"/shops/{shop_id}?saved=yes", 303)


@router.get("/districts/{district_id}")
async def district_page(request: Request, district_id: str, actor: SignedIn, work: Reading, saved: str = "") -> Response:
    """What notices of this station name for questions."""
    actor.require(Permission.PLACES_WRITE)
    district = await places.get_district(work, actor, district_id)
    return _district_page(request, actor, district, DistrictTyped.of(district), {}, saved=saved == "yes")


@router.post("/districts/{district_id}")
async def change_district(
    request: Request, district_id: str, actor: SignedIn, work: Writing, typed: Annotated[DistrictTyped, Form()]
) -> Response:
    actor.require(Permission.PLACES_WRITE)
    district = await places.get_district(work, actor, district_id, for_change=True)
    if typed.version not in (None, district.version):
        return _district_page(request, actor, district, typed, {}, conflict=_CONFLICT)
    values = {"name": typed.name.strip(), "phone": typed.phone.strip() or None, "address": typed.address.strip() or None}
    try:
        new = DistrictIn.model_validate({**values, "parent_id": district.parent_id})
    except ValidationError as error:
        fields = {str(item["loc"][0]) for item in error.errors()}
        return _district_page(request, actor, district, typed, {field: _WRONG_OF_DISTRICT[field] for field in fields})
    await places.update_district(work, actor, district_id, new)
    return RedirectResponse(f"/districts/{district_id}?saved=yes", 303)


def _district_page(
    request: Request, actor: Actor, district: District, typed: DistrictTyped, wrong: dict[str, str], *, saved: bool = False,
    conflict: str = "",
) -> Response:
    speaker = speaker_of(request)
    return page(
        request, "district.html", actor=actor, status=422 if wrong else 412 if conflict else 200, typed=typed, saved=saved,
        district_id=district.id, version=district.version, conflict=speaker.say(conflict) if conflict else "",
        wrong={field: speaker.say(words) for field, words in wrong.items()},
    )


def _read(typed: ShopTyped, district_id: str, before: Shop | None = None) -> ShopIn:
    """Licences and contacts after the first are kept as they are: the form does not show them. Raises NotAShop."""
    values: dict[str, Any] = {
        "district_id": district_id, "name": typed.name.strip(), "credit_code": typed.credit_code.strip().upper() or None,
        "address": typed.address.strip() or None, "grade": typed.grade or None,
        "licences": list(before.licences[1:]) if before else [], "contacts": list(before.contacts[1:]) if before else [],
    }
    wrong = {}
    if typed.licence_number.strip():
        licence = {"kind": typed.licence_kind, "number": typed.licence_number.strip()}
        try:
            expires = typed.licence_expires.strip()
            values["licences"].insert(0, {**licence, "expires_on": date.fromisoformat(expires) if expires else None})
        except ValueError:
            wrong["licence_expires"] = N_("Write the date as 2027-05-31; leave it empty where the licence does not expire.")
    elif typed.licence_expires.strip():
        wrong["licence_number"] = _WRONG["licences"][1]
    if typed.contact_name.strip() or typed.contact_phone.strip():
        contact = {"duty": typed.contact_duty, "name": typed.contact_name.strip(), "phone": typed.contact_phone.strip()}
        values["contacts"].insert(0, contact)
    try:
        new = ShopIn.model_validate(values)
    except ValidationError as error:
        fields = {str(item["loc"][0]) for item in error.errors()}
        raise NotAShop(wrong | {_WRONG[field][0]: _WRONG[field][1] for field in fields}) from None
    if wrong:
        raise NotAShop(wrong)
    return new


async def _district(work: Work, actor: Actor, county: str, station: str) -> str:
    """The id of the station below the county; without a county, of a district of that name wherever it stands."""
    known = await places.list_districts(work, actor)
    if not county:
        found = next((district for district in known if district.name == station), None)
        return (found or await places.create_district(work, actor, DistrictIn(name=station))).id
    above = next((district for district in known if district.name == county), None)
    above = above or await places.create_district(work, actor, DistrictIn(name=county))
    found = next((district for district in known if district.name == station and district.parent_id == above.id), None)
    return (found or await places.create_district(work, actor, DistrictIn(name=station, parent_id=above.id))).id


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
    return ShopRow(shop.name, url, f"/shops/{shop.id}/status", [fact for fact in facts if fact], words, contact)


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
        counties=sorted({district.name for district in districts if district.parent_id is None}),
        districts=sorted({district.name for district in districts}),
    )
