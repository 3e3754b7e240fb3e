"""The end of evidence: by retention or by a person, never under a legal hold. Rows first, then files: whatever is cut off in
between, nothing that was deleted is shown again, and the files go with the next round."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

import structlog

from api.accounts.actors import Actor, the_system
from api.accounts.permissions import Permission
from api.answers import deletion as photographs
from api.audit.service import REASON_LENGTH, record
from api.cases.service import get_case
from api.cases.tables import Case
from api.centre import Centre
from api.evidence import countersigning, repository
from api.evidence.retention import Retention
from api.evidence.tables import Evidence, LegalHold
from api.kit.database import Work
from api.kit.problems import Conflict, Invalid, NotFound, Unavailable
from api.kit.secrets import Keyring

log = structlog.get_logger(__name__)
# Of one transaction; the rest comes right after it.
BATCH = 100
_JUMP = timedelta(days=1)
# In both languages, for whoever reads it later.
_FOR_ORDER = "已起草责令改正通知书 a formal order was drafted"


class ReasonMissing(Invalid):
    code = "reason-missing"


class UnderHold(Conflict):
    code = "under-legal-hold"


class AlreadyHeld(Conflict):
    code = "already-held"


class NothingToHold(Conflict):
    code = "nothing-to-hold"


async def set_hold(work: Work, actor: Actor, case_id: int, reason: str, at: datetime) -> LegalHold:
    """From now on nothing of the case's evidence is deleted. Asked again, it is the same hold. Raises AlreadyHeld, or
    NothingToHold where all of it is gone: whoever asks would rely on what is not there."""
    actor.require(Permission.EVIDENCE_KEEP)
    case, reason = await get_case(work, actor, case_id, for_change=True), _said(reason)
    active = await repository.active_hold(work, actor, case_id)
    if active is None:
        if not await is_anything_left(work, actor, case):
            raise NothingToHold("The evidence of this case is gone: there is nothing left that a legal hold could keep.")
        return await _hold(work, actor, case, reason, at)
    if (active.set_by, active.set_because) != (actor.name, reason):
        raise AlreadyHeld("The evidence of this case is under a legal hold already.")
    return active


async def is_anything_left(work: Work, actor: Actor, case: Case) -> bool:
    """That a hold on this case would keep."""
    return await repository.is_anything_left(work, actor, case)


async def hold_for_order(work: Work, actor: Actor, case_id: int, at: datetime) -> None:
    """What a formal order names is kept until somebody who may lifts this: the order may be served and disputed long after the
    case itself has ended here."""
    case = await get_case(work, actor, case_id, for_change=True)
    if await repository.active_hold(work, actor, case_id) is None:
        await _hold(work, actor, case, _FOR_ORDER, at)


async def _hold(work: Work, actor: Actor, case: Case, reason: str, at: datetime) -> LegalHold:
    hold = LegalHold(case_id=case.id, set_at=at, set_by=actor.name, set_because=reason)
    work.add(hold)
    record(work, actor, "hold.set", "case", case.id, shop_id=case.shop_id, reason=hold.set_because)
    await work.flush()
    return hold


async def lift_hold(work: Work, actor: Actor, case_id: int, reason: str, at: datetime) -> LegalHold:
    """Asked again, it is the one that was lifted. Raises NotFound."""
    actor.require(Permission.EVIDENCE_KEEP)
    case, reason = await get_case(work, actor, case_id, for_change=True), _said(reason)
    hold = await repository.active_hold(work, actor, case_id)
    if hold is None:
        last = next(reversed(await repository.list_holds(work, actor, case_id)), None)
        if last is None or (last.lifted_by, last.lifted_because) != (actor.name, reason):
            raise NotFound("There is no legal hold on this case.")
        return last
    hold.lifted_at, hold.lifted_by, hold.lifted_because = at, actor.name, reason
    record(work, actor, "hold.lifted", "case", case_id, shop_id=case.shop_id, reason=hold.lifted_because)
    await work.flush()
    return hold


async def list_holds(work: Work, actor: Actor, case_id: int) -> list[LegalHold]:
    """Oldest first; for those who may see evidence."""
    await get_case(work, actor, case_id)
    return await repository.list_holds(work, actor, case_id) if actor.may(Permission.EVIDENCE_READ) else []


async def list_deleted(work: Work, actor: Actor, case_id: int) -> list[Evidence]:
    """What is left of evidence that was deleted: who, when, on what ground, and the digest."""
    return await repository.list_deleted(work, actor, case_id)


async def delete_evidence_of_case(
    work: Work, actor: Actor, keyring: Keyring, case_id: int, reason: str, at: datetime
) -> int:
    """All of a case's evidence, before its time, with the photographs of its answers. Raises UnderHold."""
    actor.require(Permission.EVIDENCE_KEEP)
    ground = _said(reason)
    case = await get_case(work, actor, case_id, for_change=True)
    # What was merged is kept by a hold on the case that it is part of; nobody sets one meanwhile.
    whole = case if case.merged_into is None else await get_case(work, actor, case.merged_into, for_change=True)
    if await repository.held_among(work, actor, {case.id, whole.id}):
        raise UnderHold("The evidence of this case, or of the one that it is part of, is under a legal hold. Lift it first.")
    found = await repository.list_of_cases(work, actor, [case_id], for_change=True)
    await delete_evidence(work, actor, keyring, found, ground, at)
    return len(found) + await photographs.delete_of_case(work, actor, case_id, ground, at)


async def delete_evidence(
    work: Work, actor: Actor, keyring: Keyring, found: Sequence[Evidence], ground: str, at: datetime
) -> None:
    """The one place where evidence ends. What is left is what was signed (its digest, its place in the chain and the signature),
    and the tombstone: the centre's signed statement of who, when and on what ground. The files go in `remove_files`."""
    await countersigning.say(work, actor, keyring, [link for one in found for link in one.links], "deleted", at, ground)
    for evidence in found:
        evidence.deleted_at, evidence.deleted_by, evidence.deletion_ground = at, actor.name, ground
        evidence.manifest = ""
        if evidence.clip is not None:
            evidence.clip.manifest = ""
        record(
            work, actor, "evidence.deleted", "case", evidence.case_id, shop_id=evidence.case.shop_id, reason=ground,
            violation=evidence.violation_id, digest=evidence.digest,
        )
    await work.flush()


async def delete_expired(work: Work, keyring: Keyring, retention: Retention, at: datetime) -> int:
    """What its retention has ended of, a batch of it."""
    system = the_system()
    expired = await repository.list_expired(work, system, retention.cuts(at), BATCH)
    # Those whose hold was set in the moment before they were locked stay.
    held = await repository.held_among(work, system, set[int]().union(*(_kept_with(evidence) for evidence, _ in expired)))
    found = [(evidence, state) for evidence, state in expired if not _kept_with(evidence) & held]
    for state in {state for _, state in found}:
        ended = [evidence for evidence, its in found if its is state]
        await delete_evidence(work, system, keyring, ended, retention.ground(state), at)
    return len(found)


async def remove_files(centre: Centre) -> None:
    """The files of what was deleted, this time or before a power failure. A folder is forgotten once it is found empty: who had
    begun to look may have put a blurred picture there meanwhile. One that cannot be deleted keeps back no other: Unavailable is
    raised at the end."""
    failed: Unavailable | None = None
    async with centre.database.reading() as work:
        left = await repository.list_files_left(work, the_system())
    for evidence in left:
        try:
            if await centre.files.delete_folder(evidence.folder):
                continue
        except Unavailable as error:
            failed = error
            continue
        async with centre.database.writing() as work:
            await repository.forget_folder(work, the_system(), evidence.violation_id)
    await photographs.remove_files(centre)
    if failed is not None:
        raise failed


def _kept_with(evidence: Evidence) -> set[int]:
    """The cases whose hold keeps it: its own, and the one that this is part of."""
    return {evidence.case_id, evidence.case.merged_into or evidence.case_id}


async def keep_to_retention(centre: Centre, stopping: asyncio.Event | None = None) -> int:
    """Everything whose time is over; returns how many files or pieces of evidence. Where there is none, nothing is locked."""
    done, count = 0, BATCH
    while count == BATCH and not (stopping is not None and stopping.is_set()):
        at = centre.clock()
        async with centre.database.reading() as work:
            is_expired = await repository.list_expired(work, the_system(), centre.retention.cuts(at), 1)
            if not is_expired and not await photographs.is_anything_expired(work, centre.retention, at):
                break
        async with centre.database.writing() as work:
            count = await delete_expired(work, centre.keyring, centre.retention, at)
            count += await photographs.delete_expired(work, centre.retention, at, BATCH - count)
        done += count
    await remove_files(centre)
    return done


def in_rounds(
    centre: Centre, delete: Callable[[Centre, asyncio.Event], Awaitable[object]] = keep_to_retention
) -> Callable[[asyncio.Event], Awaitable[None]]:
    """`delete`, while the clock runs evenly: what a clock that jumps ahead deletes, no correction brings back."""
    begun, running_s = centre.clock(), _running_s()

    async def act(stopping: asyncio.Event) -> None:
        ahead = centre.clock() - begun - timedelta(seconds=_running_s() - running_s)
        if abs(ahead) > _JUMP:
            log.error("the clock has jumped: no evidence is deleted until the centre is started again", ahead=str(ahead))
            return
        await delete(centre, stopping)

    return act


def _running_s() -> float:
    """Seconds that nobody can set; where the system has such a clock, with those that the machine slept."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _said(reason: str) -> str:
    reason = reason.strip()
    if not reason or len(reason) > REASON_LENGTH:
        raise ReasonMissing(f"Say why, in at most {REASON_LENGTH} characters.")
    return reason
