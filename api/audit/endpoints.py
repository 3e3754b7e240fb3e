from fastapi import APIRouter

from api.accounts.dependencies import SignedIn
from api.audit import service
from api.audit.schemas import AuditEntries, AuditEntryOut
from api.kit.cursors import decode_number, encode_cursor
from api.kit.parameters import Cursor, Limit
from api.kit.problems import Forbidden, Unauthenticated, documented
from api.kit.work import Reading

router = APIRouter(tags=["audit"])


@router.get("/audit", operation_id="list_audit_entries", summary="Who did what", responses=documented(Unauthenticated, Forbidden))
async def list_entries(work: Reading, actor: SignedIn, cursor: Cursor = None, limit: Limit = 50) -> AuditEntries:
    """Newest first."""
    rows = await service.list_entries(work, actor, before=decode_number(cursor), limit=limit)
    following = encode_cursor(rows[-1].id) if len(rows) == limit else None
    return AuditEntries(items=[AuditEntryOut.model_validate(row) for row in rows], next=following)
