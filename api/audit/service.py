"""Recording who did what."""

from typing import Any

from api.accounts.actors import Actor
from api.accounts.permissions import Permission
from api.audit import repository
from api.audit.tables import AuditEntry
from api.kit.database import Work
from api.kit.times import now


def record(work: Work, actor: Actor, action: str, object_kind: str, object_id: object, **detail: Any) -> None:
    """One entry, in the transaction of the act. `detail` never holds a secret."""
    work.add(
        AuditEntry(
            at=now(), actor_kind=actor.kind.value, actor_id=actor.id, actor_name=actor.name, address=actor.address,
            action=action, object_kind=object_kind, object_id=str(object_id), detail=detail,
        )
    )


async def list_entries(work: Work, actor: Actor, *, before: int | None, limit: int) -> list[AuditEntry]:
    actor.require(Permission.AUDIT_READ)
    return await repository.list_entries(work, actor, before=before, limit=limit)
