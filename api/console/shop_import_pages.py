"""Adding shops from a list: the file is read and tried, and what would be added goes along in the page, to be sent back by who
agrees. Nothing is kept in between."""

import zlib
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import TypeAdapter
from starlette.datastructures import UploadFile

from api.accounts.actors import Actor
from api.accounts.dependencies import CentreOf, SignedIn
from api.accounts.permissions import Permission
from api.centre import Centre
from api.console.i18n import N_
from api.console.rendering import page, speaker_of
from api.console.sheets import XLSX, to_csv, to_xlsx
from api.console.shop_files import MOST_BYTES, NotAList
from api.console.shop_import import Outcome, add_shops, look_at_shops
from api.console.shop_lists import MOST_AT_ONCE, MOST_LINES, Line, ShopList, read_list, template
from api.deliveries import targets
from api.deliveries.sms import is_mobile
from api.kit import base64url
from api.kit.headers import attachment
from api.kit.problems import Invalid
from api.kit.work import At
from api.places.service import CreditCodeTaken

router = APIRouter()

# The page must stay light: who has more mistakes mends these first.
_SHOWN = 100
# Of columns that are not known, and of others that are only named: so many, and so many letters of each.
_NAMED = 40
# A file of Chinese in GB 18030 is half as long again in UTF-8, and each cell has the name of its field.
_UNPACKED_BYTES = 3 * MOST_BYTES
_LINES = TypeAdapter(list[Line])


class NotTheLines(Invalid):
    code = "not-the-lines"


@router.get("/shops/import")
async def import_page(
    request: Request, actor: SignedIn, added: Annotated[int, Query(ge=0)] = 0, later: Annotated[int, Query(ge=0)] = 0
) -> Response:
    """`later` are shops of a list of which the first part was added."""
    actor.require(Permission.PLACES_WRITE)
    return _page(request, actor, added=added, later=later)


@router.get("/shops/import/template.csv")
async def template_text(request: Request, actor: SignedIn) -> Response:
    actor.require(Permission.PLACES_WRITE)
    content = to_csv(template(speaker_of(request)))
    return Response(content, media_type="text/csv; charset=utf-8", headers=attachment("shops.csv"))


@router.get("/shops/import/template.xlsx")
async def template_workbook(request: Request, actor: SignedIn) -> Response:
    actor.require(Permission.PLACES_WRITE)
    return Response(to_xlsx([template(speaker_of(request))]), media_type=XLSX, headers=attachment("shops.xlsx"))


@router.post("/shops/import")
async def try_list(request: Request, actor: SignedIn, centre: CentreOf) -> Response:
    """What would be added, and what would not."""
    actor.require(Permission.PLACES_WRITE)
    async with request.form(max_files=1, max_fields=5) as form:
        part = form.get("list")
        content = await part.read(MOST_BYTES + 1) if isinstance(part, UploadFile) and part.filename else None
    if content is None:
        return _page(request, actor, wrong=speaker_of(request).say(N_("Choose a file first.")))
    try:
        found = await read_list(content, speaker_of(request))
    except NotAList as problem:
        return _page(request, actor, wrong=str(problem))
    async with centre.database.reading() as work:
        outcome = await look_at_shops(work, actor, speaker_of(request), found.lines)
    return _page(request, actor, outcome=outcome, found=found, mobiles=_mobiles(actor, centre, outcome))


@router.post("/shops/import/lines")
async def add_lines(
    request: Request, actor: SignedIn, centre: CentreOf, at: At, lines: Annotated[str, Form()] = "",
    later: Annotated[int, Form(ge=0)] = 0, tell: Annotated[str, Form()] = "",
) -> Response:
    """All of them, or none: what has become wrong since is shown first. `tell`: their contacts are told by short message."""
    actor.require(Permission.PLACES_WRITE)
    agreed, speaker = _unpacked(lines), speaker_of(request)
    try:
        async with centre.database.writing() as work:
            outcome, shops = await add_shops(work, actor, speaker, agreed)
            if shops and tell:
                await targets.tell_contacts(work, actor, centre.settings, centre.keyring, shops, at)
    except CreditCodeTaken:
        async with centre.database.reading() as work:
            outcome, shops = await look_at_shops(work, actor, speaker, agreed), []
    if shops:
        added = f"added={len(shops)}"
        return RedirectResponse(f"/shops/import?{added}&later={later}" if later else f"/shops?{added}", 303)
    return _page(request, actor, outcome=outcome, has_changed=True, mobiles=_mobiles(actor, centre, outcome))


def _mobiles(actor: Actor, centre: Centre, outcome: Outcome) -> int:
    """How many of the contacts could be told by short message, where the reader can have that done."""
    if centre.settings.sms_provider is None or not actor.may(Permission.TARGETS_WRITE):
        return 0
    return sum(is_mobile(line.cells.get("contact_phone", "")) for line in outcome.good)


def _page(
    request: Request, actor: Actor, *, wrong: str = "", outcome: Outcome | None = None, found: ShopList | None = None,
    has_changed: bool = False, added: int = 0, later: int = 0, mobiles: int = 0,
) -> Response:
    mistakes = sorted([*outcome.mistakes, *(found.mistakes if found else [])], key=lambda one: one.number) if outcome else []
    return page(
        request, "shops_import.html", actor=actor, status=422 if wrong else 409 if has_changed else 200, wrong=wrong,
        outcome=outcome, mistakes=mistakes[:_SHOWN], wrong_lines=len({one.number for one in mistakes}),
        more_mistakes=len(mistakes[_SHOWN:]), has_changed=has_changed,
        unknown=_some(found.unknown) if found else [], sheet=found.sheet[:_NAMED] if found else "",
        left=_some(found.left) if found else [], bare=found.bare[:_SHOWN] if found else [], added=added, later=later,
        packed=_packed(outcome.good) if outcome and outcome.good else "", shown=_SHOWN, most_lines=MOST_LINES,
        most_at_once=MOST_AT_ONCE, mobiles=mobiles,
    )


def _some(names: Sequence[str]) -> list[str]:
    return [name[:_NAMED] for name in names[:_NAMED]]


def _packed(lines: Sequence[Line]) -> str:
    """Small enough for the page: 400 shops are some 36 kB."""
    return base64url.encode(zlib.compress(_LINES.dump_json(list(lines)), 9))


def _unpacked(packed: str) -> list[Line]:
    """Raises NotTheLines: nobody's page of ours sends such a thing."""
    unpacking = zlib.decompressobj()
    try:
        content = unpacking.decompress(base64url.decode(packed), _UNPACKED_BYTES)
        lines = _LINES.validate_json(content) if unpacking.eof else []
    except (ValueError, zlib.error):
        lines = []
    if not 0 < len(lines) <= MOST_AT_ONCE:
        raise NotTheLines("These are not the lines of a list that was looked at. Choose the file again.")
    return lines
