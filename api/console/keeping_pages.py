"""The legal hold, the deletion and the export of evidence, each for a reason."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from api.accounts.dependencies import CentreOf, SignedIn
from api.accounts.permissions import Permission
from api.cases import service as cases
from api.cases.endpoints import CaseId
from api.console.case_pages import asked_again, wrong_text
from api.console.keeping import Keeping
from api.console.ways_back import came_from, case_address
from api.evidence import deletion
from api.evidence.keeping_endpoints import delete_now
from api.kit.work import At

router = APIRouter()


@router.post("/cases/{case_id}/keeping/{keeping}")
async def change_keeping(
    request: Request, case_id: CaseId, keeping: Keeping, actor: SignedIn, centre: CentreOf, at: At,
    reason: Annotated[str, Form()] = "",
) -> Response:
    if wrong := wrong_text(reason):
        return await asked_again(request, actor, centre, case_id, request.url.path, reason, wrong, at)
    if keeping is Keeping.DELETE:
        await delete_now(centre, actor, case_id, reason, at)
    else:
        change = deletion.set_hold if keeping is Keeping.HOLD else deletion.lift_hold
        async with centre.database.writing() as work:
            await change(work, actor, case_id, reason, at)
    return RedirectResponse(case_address(case_id, came_from(request, actor)), 303)


@router.get("/cases/{case_id}/export")
async def export_case(
    request: Request, case_id: CaseId, actor: SignedIn, centre: CentreOf, at: At, reason: str = ""
) -> Response:
    """To the file, or back to the form."""
    actor.require(Permission.EVIDENCE_READ)
    if wrong := wrong_text(reason):
        return await asked_again(request, actor, centre, case_id, request.url.path, reason, wrong, at)
    async with centre.database.reading() as work:
        await cases.get_case(work, actor, case_id)
    return RedirectResponse(f"/api/v1/cases/{case_id}/evidence?{urlencode({'reason': reason})}", 303)
