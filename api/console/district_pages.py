"""Counties and stations: adding one before it has a shop, what notices of it name, and deleting one that is empty."""

from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ValidationError

from api.accounts.actors import Actor
from api.accounts.dependencies import SignedIn
from api.accounts.permissions import Permission
from api.console.form_errors import refused_fields
from api.console.i18n import N_
from api.console.place_pages import CONFLICT
from api.console.rendering import page, speaker_of
from api.console.shop_form import ADDRESS, NEEDED, NOT_A_COUNTY
from api.kit.database import Work
from api.kit.names import is_name
from api.kit.problems import NotFound
from api.kit.work import Reading, Writing
from api.places import service as places
from api.places.schemas import DistrictIn
from api.places.service import DistrictInUse, NotACounty
from api.places.tables import District

router = APIRouter()

_IN_USE = N_(
    "It cannot be deleted: something belongs to it. Shops go over to another station on their own pages; a station also stays "
    "that has stations below it, an account or an invitation, a target of messages, another system, or that has issued a notice."
)
_WRONG_OF_DISTRICT: dict[str, str] = {
    "name": NEEDED,
    "phone": N_("Write a telephone number of digits such as 028 1234 5678."),
    "address": ADDRESS,
}


class DistrictTyped(BaseModel):
    """`version` is of the district when the form was filled."""

    name: str = ""
    phone: str = ""
    address: str = ""
    version: int | None = None

    @classmethod
    def of(cls, district: District) -> "DistrictTyped":
        return cls(name=district.name, phone=district.phone or "", address=district.address or "")


@router.get("/districts/new")
async def new_district(request: Request, actor: SignedIn, work: Reading) -> Response:
    actor.require(Permission.PLACES_WRITE)
    return await _new_page(request, actor, work, "", "", {})


@router.post("/districts/new")
async def add_district(
    request: Request, actor: SignedIn, work: Writing, county: Annotated[str, Form()] = "", name: Annotated[str, Form()] = ""
) -> Response:
    """Who works there is invited before it has a shop. One that is there already by these names is shown."""
    actor.require(Permission.PLACES_WRITE)
    wrong = {} if is_name(name) else {"name": NEEDED}
    if county.strip() and not is_name(county):
        wrong["county"] = NEEDED
    if not wrong:
        try:
            async with work.begin_nested():  # an account that is refused half-way has made no county
                district_id = await places.find_or_make_district(work, actor, county.strip(), name.strip())
            return RedirectResponse(f"/districts/{district_id}", 303)
        except NotACounty:
            wrong["county"] = NOT_A_COUNTY
    return await _new_page(request, actor, work, county, name, wrong)


async def _new_page(
    request: Request, actor: Actor, work: Work, county: str, name: str, wrong: dict[str, str]
) -> Response:
    speaker = speaker_of(request)
    counties = sorted(district.name for district in await places.list_districts(work, actor) if district.parent_id is None)
    return page(
        request, "district_new.html", actor=actor, status=422 if wrong else 200, county=county, name=name, counties=counties,
        wrong={field: speaker.say(words) for field, words in wrong.items()},
    )


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
        return _district_page(request, actor, district, typed, {}, conflict=CONFLICT, status=412)
    values = {"name": typed.name.strip(), "phone": typed.phone.strip() or None, "address": typed.address.strip() or None}
    try:
        new = DistrictIn.model_validate({**values, "parent_id": district.parent_id})
    except ValidationError as error:
        wrong = {field: _WRONG_OF_DISTRICT[field] for field in refused_fields(error)}
        return _district_page(request, actor, district, typed, wrong)
    await places.update_district(work, actor, district_id, new)
    return RedirectResponse(f"/districts/{district_id}?saved=yes", 303)


@router.post("/districts/{district_id}/delete")
async def delete_district(request: Request, district_id: str, actor: SignedIn, work: Writing) -> Response:
    try:
        with suppress(NotFound):  # a second tap
            await places.delete_district(work, actor, district_id)
    except DistrictInUse:
        district = await places.get_district(work, actor, district_id)
        return _district_page(request, actor, district, DistrictTyped.of(district), {}, conflict=_IN_USE, status=409)
    return RedirectResponse("/shops?deleted=yes", 303)


def _district_page(
    request: Request, actor: Actor, district: District, typed: DistrictTyped, wrong: dict[str, str], *, saved: bool = False,
    conflict: str = "", status: int = 200,
) -> Response:
    speaker = speaker_of(request)
    return page(
        request, "district.html", actor=actor, status=422 if wrong else status, typed=typed, saved=saved,
        district_id=district.id, version=district.version, conflict=speaker.say(conflict) if conflict else "",
        wrong={field: speaker.say(words) for field, words in wrong.items()},
    )
