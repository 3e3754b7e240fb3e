"""The guides, for whoever is signed in."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import RedirectResponse

from api.accounts.dependencies import SignedIn
from api.console.guide import HELP, Guide, guide_view, guides_of, picture_of
from api.console.i18n import language_of
from api.console.rendering import page
from api.console.views import Link

router = APIRouter()

# Who looks up something looks up more; a new version of the software may show another picture.
_KEPT = {"Cache-Control": "private, max-age=3600"}


@router.get("/help")
async def help_page(actor: SignedIn) -> Response:
    return RedirectResponse(f"{HELP}/{guides_of(actor)[0]}", 303)


@router.get("/help/{guide}")
async def guide_page(request: Request, actor: SignedIn, guide: Guide) -> Response:
    language = language_of(request)
    tabs = [Link(f"{HELP}/{one}", guide_view(one, language).title, one is guide) for one in guides_of(actor)]
    return page(request, "help.html", actor=actor, guide=guide_view(guide, language), tabs=tabs)


@router.get("/help/pictures/{picture}")
async def guide_picture(_actor: SignedIn, picture: Annotated[str, Path(max_length=100)]) -> Response:
    return Response(picture_of(picture), media_type="image/webp", headers=_KEPT)
