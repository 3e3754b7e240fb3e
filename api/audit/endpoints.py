from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime

from api.accounts.actors import Actor
from api.accounts.dependencies import CentreOf, SignedIn
from api.audit import service
from api.audit.repository import Filter
from api.audit.schemas import AuditEntries, AuditEntryOut
from api.centre import Centre
from api.kit.headers import attachment
from api.kit.paging import Paged
from api.kit.problems import Forbidden, Unauthenticated, documented
from api.kit.times import in_shop_time
from api.kit.work import Reading
from api.repeats.routes import ApiRoute

router = APIRouter(tags=["audit"], route_class=ApiRoute)
Word = Annotated[str | None, Query(max_length=100)]
Moment = Annotated[AwareDatetime | None, Query()]
EXPORT_TYPE = "application/jsonl"


@router.get("/audit", operation_id="list_audit_entries", summary="Who did what", responses=documented(Unauthenticated, Forbidden))
async def list_entries(
    work: Reading, actor: SignedIn, page: Paged, who: Word = None, action: Word = None, object_kind: Word = None,
    object_id: Word = None, chain: Word = None, since: Moment = None, until: Moment = None,
) -> AuditEntries:
    """Newest first."""
    wanted = Filter(who, action, object_kind, object_id, chain, since, until)
    rows = await service.list_entries(work, actor, wanted, before=page.number, limit=page.limit)
    following = page.following([row.id for row in rows])
    return AuditEntries(items=[AuditEntryOut.model_validate(row) for row in rows], next=following)


@router.get(
    "/audit/export", operation_id="export_audit", summary="The audit as a file that can be checked",
    response_class=StreamingResponse,
    responses={
        200: {"description": "One head, then one entry a line", "content": {EXPORT_TYPE: {}}},
        **documented(Unauthenticated, Forbidden),
    },
)
async def export(
    actor: SignedIn, centre: CentreOf, chain: Word = None, since: Moment = None, until: Moment = None
) -> StreamingResponse:
    """Of each chain everything between the first and the last entry of that time. `sunshine audit verify` checks it offline."""
    return await exported(centre, actor, chain, since, until)


async def exported(
    centre: Centre, actor: Actor, chain: str | None, since: datetime | None, until: datetime | None
) -> StreamingResponse:
    async with centre.database.reading() as work:
        head = await service.begin_export(work, actor, centre.settings.centre_name, chain=chain, since=since, until=until)
    async with centre.database.writing() as work:
        service.record_export(work, actor, head)

    name = f"audit-{in_shop_time(head.exported_at):%Y%m%d-%H%M%S}.jsonl"
    lines = service.export_lines(centre.database, actor, head)
    return StreamingResponse(lines, media_type=EXPORT_TYPE, headers=attachment(name))
