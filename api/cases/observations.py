"""One case for one thing: what an edge reports joins the open case of the same person or spot, with a counter."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from api.accounts.actors import Actor, the_system
from api.audit.service import record
from api.cameras.repository import OwnCamera
from api.cases import repository
from api.cases.clock import set_clock
from api.cases.deadlines import Deadlines
from api.cases.passing import transition
from api.cases.seen import Seen
from api.cases.spots import is_same, mute_at, spot_of
from api.cases.states import OPEN, Act, CaseState
from api.cases.tables import Case, MutedSpot
from api.deliveries.outbox import tell_step
from api.kit.database import Work, insert_now
from contract.evidence import Manifest

# An edge tells again after the rule's repeat interval; one telling may be missed, because somebody stood in front.
MERGE_REPEATS = 2
# For a rule that the catalogue has lost: what most of the shipped ones have.
USUAL_REPEAT_S = 1800.0


async def take_observation(
    work: Work, actor: Actor, camera: OwnCamera, severity: int, repeat_s: float | None, manifest: Manifest, seen: Seen,
    at: datetime, deadlines: Deadlines,
) -> tuple[Case, bool]:
    """The case that checked evidence of an edge belongs to, and whether it is a new one. The caller has locked the camera, so
    that two reports of one thing do not open two."""
    spot, seen_at = spot_of(manifest), seen.at
    muted = await mute_at(work, camera.id, manifest.rule, camera.shop_id, spot)
    if muted is not None:
        muted.observations += 1
        muted.last_seen_at = max(muted.last_seen_at or seen_at, seen_at)
        case = await _set_aside(work, muted)
    else:
        window = timedelta(seconds=MERGE_REPEATS * (repeat_s or USUAL_REPEAT_S))
        alike = await repository.list_open_alike(work, camera.id, manifest.rule, seen_at, window)
        here = [one for one in alike if one.shop_id == camera.shop_id]  # it may have been moved from another shop
        same = [one.id for one in here if one.track == manifest.track or is_same(one.spot, spot)]
        case = await _still_open(work, same)
    if case is None:
        return await open_case(work, actor, camera, severity, manifest, seen, at, deadlines, muted), True
    case.observations += 1
    case.last_seen_at = max(case.last_seen_at, seen_at)
    case.track, case.spot = manifest.track, list(spot) if spot else case.spot
    record(work, actor, "case.observed", "case", case.id, shop_id=case.shop_id, violation=str(manifest.violation_id))
    return case, False


async def open_case(
    work: Work, actor: Actor, camera: OwnCamera, severity: int, manifest: Manifest, seen: Seen, at: datetime,
    deadlines: Deadlines, muted: MutedSpot | None = None,
) -> Case:
    """A case for judgement; set aside at once where the spot is muted."""
    spot = spot_of(manifest)
    act, state = (Act.QUEUE, CaseState.PENDING_REVIEW) if muted is None else (Act.MUTE, CaseState.DISMISSED)
    # Two steps of machines at once; people find version 1.
    case = Case(
        camera_id=camera.id, shop_id=camera.shop_id, area_id=camera.area_id, rule=manifest.rule, severity=severity,
        state=state, opened_at=at, captured_at=seen.at, time_doubt=seen.doubt, last_seen_at=seen.at, track=manifest.track,
        spot=list(spot) if spot else None, looks=manifest.votes.looks, sure_looks=manifest.votes.sure,
        violating_looks=manifest.votes.violating, observations=1, version=1,
    )
    set_clock(case, CaseState.DETECTED, at, deadlines)
    await insert_now(work, case)
    if muted is not None:
        muted.case_id = case.id
    await insert_now(
        work, transition(actor, case, 0, Act.REPORT, None, CaseState.DETECTED, at),
        transition(the_system(), case, 1, act, CaseState.DETECTED, state, at),
    )
    await tell_step(work, case, act, CaseState.DETECTED, at)
    return case


async def _still_open(work: Work, case_ids: Sequence[int]) -> Case | None:
    """The first of these that nobody has decided meanwhile."""
    for case_id in case_ids:
        case = await repository.get_case(work, the_system(), case_id, for_change=True)
        if case is not None and case.state in OPEN:
            return case
    return None


async def _set_aside(work: Work, muted: MutedSpot) -> Case | None:
    """The case that what is seen at a muted spot is kept in."""
    if muted.case_id is None:
        return None
    case = await repository.get_case(work, the_system(), muted.case_id, for_change=True)
    return case if case is not None and case.state is CaseState.DISMISSED else None
