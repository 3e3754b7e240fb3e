from collections.abc import Sequence

from sqlalchemy import Select, false, select
from sqlalchemy.orm import contains_eager, joinedload

from api.accounts.actors import Actor
from api.accounts.permissions import Permission
from api.cases.repository import case_is_visible
from api.cases.tables import Case
from api.evidence.tables import Evidence, IdempotencyKey
from api.kit.database import Work


def _readable(actor: Actor) -> Select[Evidence]:
    allowed = case_is_visible(actor) if actor.may(Permission.EVIDENCE_READ) else false()
    query = select(Evidence).join(Case, Case.id == Evidence.case_id).where(allowed)
    return query.options(joinedload(Evidence.edge), contains_eager(Evidence.case))


async def list_of_cases(work: Work, actor: Actor, case_ids: Sequence[int]) -> list[Evidence]:
    """Oldest first."""
    query = _readable(actor).where(Evidence.case_id.in_(case_ids)).order_by(Evidence.received_at, Evidence.violation_id)
    return list(await work.scalars(query))


async def get_evidence(work: Work, actor: Actor, violation_id: str) -> Evidence | None:
    evidence: Evidence | None = await work.scalar(_readable(actor).where(Evidence.violation_id == violation_id))
    return evidence


async def find_answer(work: Work, actor: Actor, key: str) -> IdempotencyKey | None:
    """What this edge was answered to this key."""
    query = select(IdempotencyKey).where(IdempotencyKey.edge_id == actor.id, IdempotencyKey.key == key)
    answer: IdempotencyKey | None = await work.scalar(query.execution_options(populate_existing=True))
    return answer


async def at_sequence(work: Work, actor: Actor, camera_id: str, sequence: int) -> list[Evidence]:
    """What this edge reported at a place in the chain of a camera; more than one is a fork."""
    query = select(Evidence).where(
        Evidence.edge_id == actor.id, Evidence.camera_id == camera_id, Evidence.sequence == sequence
    )
    return list(await work.scalars(query))
