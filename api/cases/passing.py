"""Passing a case from one state to the next, with its record."""

from datetime import datetime

from api.accounts.actors import Actor
from api.cases.clock import set_clock
from api.cases.deadlines import Deadlines
from api.cases.states import Act, CaseState
from api.cases.tables import Case, CaseTransition
from api.deliveries.outbox import tell_step
from api.kit.database import Work


async def pass_to(
    work: Work, actor: Actor, case: Case, act: Act, after: CaseState, at: datetime, deadlines: Deadlines,
    reason: str | None = None, note: str | None = None, *, due_at: datetime | None = None, merged_into: int | None = None,
    is_told: bool = True,
) -> None:
    """With its record, its clock, and word to everybody who is to be told."""
    before = case.state
    case.state = after
    case.version += 1
    if act is not Act.EXTEND:
        set_clock(case, before, at, deadlines)
    step = transition(actor, case, case.version, act, before, after, at)
    step.reason, step.note, step.due_at, step.merged_into = reason, note, due_at, merged_into
    work.add(step)
    if is_told:
        await tell_step(work, case, act, before, at)


def transition(
    actor: Actor, case: Case, version: int, act: Act, before: CaseState | None, after: CaseState, at: datetime
) -> CaseTransition:
    """What is written down of one step."""
    return CaseTransition(
        case_id=case.id, version=version, at=at, actor_kind=actor.kind.value, actor_id=actor.id, actor_name=actor.name,
        address=actor.address, act=act, before=before, after=after,
    )
