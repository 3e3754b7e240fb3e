"""Adding a shop with its first area: what an edge box and a camera need before they can join."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel

from api.accounts.actors import Actor
from api.accounts.dependencies import SignedIn
from api.accounts.permissions import Permission
from api.console.i18n import N_
from api.console.rendering import page, speaker_of
from api.console.speech import Speaker
from api.console.views import Option
from api.console.words import AREAS
from api.kit.database import Work
from api.kit.work import Reading, Writing
from api.places import service as places
from api.places.schemas import AreaIn, DistrictIn, ShopIn
from contract.catalogue import AreaKind

router = APIRouter()

_LONGEST_NAME = 100
_NEEDED = N_("Fill this in, with at most 100 characters.")


class ShopTyped(BaseModel):
    """The fields as they come from a browser."""

    district: str = ""
    name: str = ""
    area: str = ""
    kind: AreaKind = AreaKind.COOKING


@router.get("/shops/new")
async def new_shop(request: Request, actor: SignedIn, work: Reading) -> Response:
    actor.require(Permission.PLACES_WRITE)
    return await _page(request, actor, work, ShopTyped(), {})


@router.post("/shops/new")
async def add_shop(request: Request, actor: SignedIn, work: Writing, typed: Annotated[ShopTyped, Form()]) -> Response:
    """A district that is already there by this name is taken, otherwise it is made."""
    actor.require(Permission.PLACES_WRITE)
    names = {"district": typed.district.strip(), "name": typed.name.strip(), "area": typed.area.strip()}
    speaker = speaker_of(request)
    wrong = {field: speaker.say(_NEEDED) for field, name in names.items() if not 0 < len(name) <= _LONGEST_NAME}
    if wrong:
        return await _page(request, actor, work, typed, wrong)
    known = {district.name: district.id for district in await places.list_districts(work, actor)}
    district_id = known.get(names["district"])
    if district_id is None:
        district_id = (await places.create_district(work, actor, DistrictIn(name=names["district"]))).id
    shop = await places.create_shop(work, actor, ShopIn(district_id=district_id, name=names["name"]))
    await places.create_area(work, actor, AreaIn(shop_id=shop.id, name=names["area"], kind=typed.kind))
    return RedirectResponse("/cameras/new", 303)


async def _page(request: Request, actor: Actor, work: Work, typed: ShopTyped, wrong: dict[str, str]) -> Response:
    speaker: Speaker = speaker_of(request)
    kinds = [Option(kind.value, speaker.say(words)) for kind, words in AREAS.items()]
    districts = sorted(district.name for district in await places.list_districts(work, actor))
    return page(
        request, "shop_new.html", actor=actor, status=422 if wrong else 200, typed=typed, wrong=wrong, kinds=kinds,
        districts=districts,
    )
