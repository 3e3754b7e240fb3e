"""Working off a queue: a reviewer's next cases are theirs for a while, so that two never judge the same one unknowingly."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from api.accounts.actors import Actor
from api.accounts.permissions import Permission
from api.cases import repository
from api.cases.queues import Queue
from api.cases.states import Act, DismissalReason
from api.cases.tables import Case, CaseTransition, ReviewLease
from api.kit.database import Work

# A page that is open renews them four times in this time; one that was closed or fell asleep loses them soon enough.
LEASE = timedelta(seconds=120)
# As many as are judged while the next are fetched, and few enough that a colleague finds some too.
WINDOW = 12
# Enough to see whether a camera or a rule is usually right.
_VERDICTS = 20


class Verdict(StrEnum):
    VIOLATION = "violation"
    NOT_A_VIOLATION = "not_a_violation"
    CANNOT_TELL = "cannot_tell"
    NOTICE = "notice"
    MERGE = "merge"
    UNDO = "undo"


# The step of `states.STEPS` that each is, and its reason.
STEPS: dict[Verdict, tuple[Act, DismissalReason | None]] = {
    Verdict.VIOLATION: (Act.CONFIRM, None),
    Verdict.NOT_A_VIOLATION: (Act.DISMISS, DismissalReason.NOT_A_VIOLATION),
    Verdict.CANNOT_TELL: (Act.DISMISS, DismissalReason.CANNOT_TELL),
    Verdict.NOTICE: (Act.ISSUE, None),
    Verdict.MERGE: (Act.MERGE, None),
    Verdict.UNDO: (Act.UNDO, None),
}


@dataclass(frozen=True)
class Window:
    """`kept` of the cases that somebody had are still theirs, `lost` are another's by now, `new` ones came to them."""

    kept: frozenset[int]
    lost: Sequence[ReviewLease]
    new: Sequence[Case]


async def count_in_queue(work: Work, actor: Actor, wanted: Queue) -> int:
    actor.require(Permission.CASES_READ)
    return await repository.count_in_queue(work, actor, wanted)


async def list_queue(work: Work, actor: Actor, wanted: Queue, at: datetime, limit: int) -> list[Case]:
    """The most serious first, then what is due first."""
    actor.require(Permission.CASES_READ)
    return await repository.list_queue(work, actor, wanted, at, limit)


async def claim(work: Work, actor: Actor, wanted: Queue, at: datetime, had: Collection[int] = ()) -> Window:
    """Go on looking at the cases that one had, and take new ones until there are WINDOW."""
    actor.require(Permission.CASES_JUDGE)
    visible = await repository.list_visible(work, actor, had)
    kept = await repository.take_leases(work, actor, visible, at, at + LEASE)
    lost = await repository.list_leases(work, actor, set(visible) - kept, at)
    found = await repository.list_queue(work, actor, wanted, at, WINDOW - len(kept), is_free=True, without=had)
    taken = await repository.take_leases(work, actor, [case.id for case in found], at, at + LEASE)
    return Window(frozenset(kept), lost, [case for case in found if case.id in taken])


async def leave(work: Work, actor: Actor, case_ids: Collection[int]) -> None:
    """Nobody has to wait for the end of a lease whose page was closed."""
    await repository.end_leases(work, actor, case_ids)


async def look_at(work: Work, actor: Actor, case_id: int, at: datetime) -> ReviewLease | None:
    """Say that one looks at a case; who else does already, if anybody."""
    if not await repository.take_leases(work, actor, await repository.list_visible(work, actor, [case_id]), at, at + LEASE):
        return next(iter(await repository.list_leases(work, actor, [case_id], at)), None)
    return None


async def others_looking(work: Work, actor: Actor, case_ids: Collection[int], at: datetime) -> dict[int, str]:
    """The names of those who look at these cases just now, without one's own."""
    return {lease.case_id: lease.actor_name for lease in await repository.list_leases(work, actor, case_ids, at)}


async def count_leased(work: Work, actor: Actor, wanted: Queue, at: datetime) -> list[tuple[str, int]]:
    """Who else looks at how many of a queue."""
    actor.require(Permission.CASES_READ)
    return await repository.count_leased(work, actor, wanted, at)


async def past_verdicts(work: Work, actor: Actor, case: Case) -> Sequence[CaseTransition]:
    """What people have judged about the same rule at the same camera before, the latest first."""
    actor.require(Permission.CASES_READ)
    return await repository.list_verdicts(work, actor, case, _VERDICTS)
