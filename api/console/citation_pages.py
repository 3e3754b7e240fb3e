"""Citations that a section head accepts, or takes back."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from api.accounts.actors import Actor
from api.accounts.dependencies import CentreOf, SignedIn
from api.centre import Centre
from api.console.case_pages import asked_again, wrong_text
from api.console.ways_back import came_from, case_address
from api.kit.database import Work
from api.kit.work import At
from api.notices import citations
from api.notices.schemas import CitationOut
from contract.catalogue import Catalogue

router = APIRouter()

_LONGEST_NOTE = 1000


@router.post("/citations/accept")
async def accept_citation(
    request: Request, actor: SignedIn, centre: CentreOf, at: At, text: Annotated[str, Form()], case: Annotated[int, Form()],
    note: Annotated[str, Form()] = "",
) -> Response:
    return await _decide(citations.accept, request, actor, centre, at, text, case, note)


@router.post("/citations/revoke")
async def revoke_citation(
    request: Request, actor: SignedIn, centre: CentreOf, at: At, text: Annotated[str, Form()], case: Annotated[int, Form()],
    note: Annotated[str, Form()] = "",
) -> Response:
    return await _decide(citations.revoke, request, actor, centre, at, text, case, note)


async def _decide(
    decide: Callable[[Work, Actor, Catalogue, str, str, datetime], Awaitable[CitationOut]], request: Request, actor: Actor,
    centre: Centre, at: datetime, text: str, case_id: int, note: str,
) -> Response:
    if wrong := wrong_text(note, _LONGEST_NOTE):
        return await asked_again(request, actor, centre, case_id, f"{request.url.path} {text}", note, wrong, at)
    async with centre.database.writing() as work:
        await decide(work, actor, centre.catalogue, text, note, at)
    return RedirectResponse(f"{case_address(case_id, came_from(request, actor))}#rule", 303)
