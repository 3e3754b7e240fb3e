from sqlalchemy import select

from api.accounts.actors import Actor
from api.accounts.permissions import Permission
from api.audit.tables import AuditEntry
from api.kit.database import Work


async def list_entries(work: Work, actor: Actor, *, before: int | None, limit: int) -> list[AuditEntry]:
    """Newest first."""
    if not (actor.may(Permission.AUDIT_READ) and actor.sees_all_places):
        return []
    query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit)
    if before is not None:
        query = query.where(AuditEntry.id < before)
    return list(await work.scalars(query))
