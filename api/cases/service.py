"""Cases: opened by evidence, decided by a person."""

from collections.abc import Sequence
from datetime import timedelta

from api.accounts.actors import Actor
from api.accounts.permissions import Permission
from api.audit.service import record
from api.cameras.tables import Camera
from api.cases import repository
from api.cases.states import Act, CaseState, DismissalReason, acts_in, step_of
from api.cases.tables import Case, CaseTransition
from api.deliveries.outbox import tell_case
from api.kit.database import Work
from api.kit.problems import Conflict, Forbidden, Invalid, NotFound, VersionConflict
from api.kit.times import now
from contract.evidence import Manifest

NOTE_LENGTH = 2000


class ActNotPossible(Conflict):
    code = "act-not-possible"


async def list_cases(
    work: Work, actor: Actor, *, state: CaseState | None = None, rule: str | None = None, shop_id: str | None = None,
    camera_id: str | None = None, before: int | None = None, limit: int = 50,
) -> list[Case]:
    """Newest first; `before` is the id after which the next page goes on."""
    actor.require(Permission.CASES_READ)
    return await repository.list_cases(
        work, actor, state=state, rule=rule, shop_id=shop_id, camera_id=camera_id, before=before, limit=limit
    )


async def get_case(work: Work, actor: Actor, case_id: int) -> Case:
    actor.require(Permission.CASES_READ)
    case = await repository.get_case(work, actor, case_id)
    if case is None:
        raise _not_found()
    return case


async def list_transitions(work: Work, actor: Actor, case_id: int) -> Sequence[CaseTransition]:
    await get_case(work, actor, case_id)
    return await repository.list_transitions(work, actor, case_id)


def acts_of(actor: Actor, case: Case) -> list[Act]:
    """What this actor can do with the case now."""
    return acts_in(case.state, actor.permissions)


async def confirm(work: Work, actor: Actor, case_id: int, expected_version: int, note: str | None = None) -> Case:
    return await _act(work, actor, case_id, expected_version, Act.CONFIRM, None, note)


async def dismiss(
    work: Work, actor: Actor, case_id: int, expected_version: int, reason: DismissalReason, note: str | None = None
) -> Case:
    if reason is DismissalReason.OTHER and not (note or "").strip():
        raise Invalid("Say in a few words why the case is dismissed.")
    return await _act(work, actor, case_id, expected_version, Act.DISMISS, reason.value, note)


async def open_case(work: Work, actor: Actor, camera: Camera, severity: int, manifest: Manifest) -> Case:
    """From the evidence of an edge; the caller has checked it."""
    case = Case(
        camera_id=camera.id, shop_id=camera.shop_id, area_id=camera.area_id, rule=manifest.rule,
        severity=severity, state=CaseState.PENDING_REVIEW, opened_at=now(),
        captured_at=manifest.captured_at - timedelta(seconds=manifest.clock_offset_s or 0), looks=manifest.votes.looks,
        sure_looks=manifest.votes.sure, violating_looks=manifest.votes.violating, observations=1, version=1,
    )
    work.add(case)
    await work.flush()
    _note_transition(work, actor, case, None, None, None)
    await tell_case(work, case)
    return case


async def _act(
    work: Work, actor: Actor, case_id: int, expected_version: int, act: Act, reason: str | None, note: str | None
) -> Case:
    actor.require(Permission.CASES_READ)
    case = await repository.get_case(work, actor, case_id, for_change=True)
    if case is None:
        raise _not_found()
    if case.version != expected_version:
        raise VersionConflict("Somebody else has acted on this case since you loaded it. Load it again to see what changed.")
    step = step_of(case.state, act)
    if step is None:
        raise ActNotPossible(f"A case that is {case.state.value} cannot be changed by {act.value}.")
    if not actor.may(step.needs):
        raise Forbidden(f"Your account may not do this; it needs the permission {step.needs.value}.")
    before, case.state = case.state, step.after
    case.version += 1
    _note_transition(work, actor, case, before, reason, (note or "").strip()[:NOTE_LENGTH] or None)
    record(work, actor, f"case.{act.value}", "case", case.id, reason=reason)
    await tell_case(work, case)
    await work.flush()
    return case


def _note_transition(
    work: Work, actor: Actor, case: Case, before: CaseState | None, reason: str | None, note: str | None
) -> None:
    work.add(
        CaseTransition(
            case_id=case.id, at=now(), actor_kind=actor.kind.value, actor_id=actor.id, actor_name=actor.name,
            address=actor.address, before=before, after=case.state, reason=reason, note=note,
        )
    )


def _not_found() -> NotFound:
    return NotFound("There is no such case, or it is not yours to see.")
