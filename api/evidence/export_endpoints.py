"""Evidence that leaves the house, and the keys with which it is checked there."""

import tempfile
from contextlib import ExitStack
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.background import BackgroundTask

from api.accounts.dependencies import CentreOf, SignedIn
from api.audit.service import REASON_LENGTH
from api.cases.endpoints import CaseId
from api.evidence import countersigning, export
from api.evidence.endpoints import given_reason
from api.evidence.schemas import CentreKeyOut, CentreKeys
from api.kit.headers import attachment
from api.kit.problems import Forbidden, NotFound, Unauthenticated, documented
from api.kit.work import Reading
from api.places.schemas import Id
from api.repeats.routes import ApiRoute

router = APIRouter(tags=["evidence"], route_class=ApiRoute)
Why = Annotated[str | None, Query(max_length=REASON_LENGTH, description="why it is taken out of the house")]
CHUNK_BYTES = 2**20


@router.get(
    "/cases/{case_id}/evidence", operation_id="export_case_evidence", summary="All evidence of a case as one ZIP",
    response_class=Response,
    responses={
        200: {"description": "For `sunshine evidence verify`; with a draft 电子数据提取笔录", "content": {"application/zip": {}}},
        **documented(Unauthenticated, Forbidden, NotFound),
    },
)
async def export_case(request: Request, actor: SignedIn, centre: CentreOf, case_id: CaseId, reason: Why = None) -> Response:
    """As it was sealed, faces and all, with that of what was merged into it. Recorded with the name of who exported it, and the
    reason."""
    why = given_reason(request, reason)
    key = await export.signing_key_of(centre)
    # On disk: the clips of a case that was seen a hundred times do not fit into memory.
    with ExitStack() as undone:
        archive = undone.enter_context(tempfile.TemporaryFile())
        async with centre.database.reading(of_one_moment=True) as work:
            rows = await export.read_case(work, actor, case_id, why)
        await export.write_case(
            rows, centre.files, key, centre.catalogue, centre.settings.centre_name, centre.clock(), archive
        )
        async with centre.database.writing() as work:
            export.record_case_export(work, actor, rows, why)
        undone.pop_all()
    headers = attachment(export.case_name(case_id)) | {"Content-Length": str(archive.tell())}
    archive.seek(0)
    chunks = iter(partial(archive.read, CHUNK_BYTES), b"")
    return StreamingResponse(chunks, headers=headers, media_type="application/zip", background=BackgroundTask(archive.close))


@router.get(
    "/cameras/{camera_id}/evidence-chain", operation_id="export_evidence_chain", summary="The manifests of a camera, in order",
    response_class=Response,
    responses={
        200: {"description": "For `sunshine evidence verify`", "content": {"application/json": {}}},
        **documented(Unauthenticated, Forbidden, NotFound),
    },
)
async def export_chain(actor: SignedIn, centre: CentreOf, camera_id: Id) -> Response:
    """Without pictures; with the public keys of the edges that signed. Recorded with the name of who exported it."""
    key = await export.signing_key_of(centre)
    async with centre.database.reading() as work:
        camera, content = await export.export_chain(work, actor, key, camera_id, centre.clock())
    async with centre.database.writing() as work:
        export.record_chain_export(work, actor, camera)
    return Response(content, media_type="application/json", headers=attachment(export.chain_name(camera_id)))


@router.get(
    "/evidence-keys", operation_id="list_centre_keys", summary="The public keys with which this centre signs",
    responses=documented(),
)
async def list_centre_keys(work: Reading) -> CentreKeys:
    """For everybody: whoever was handed evidence compares them, or gives them to `sunshine evidence verify --centre-key`."""
    return CentreKeys(items=[CentreKeyOut.model_validate(key) for key in await countersigning.published_keys(work)])
