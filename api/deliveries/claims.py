"""What is sent next, by whom, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from api.accounts.actors import the_house
from api.audit.service import record as record_act
from api.deliveries import repository
from api.deliveries.budgets import BUDGETS
from api.deliveries.escalation import is_quiet
from api.deliveries.events import DeadTarget, TargetDeadEvent
from api.deliveries.kinds import DIGESTED, REPEATED_ONCE, DeliveryState, Event, Fault
from api.deliveries.outbox import new_delivery
from api.deliveries.outcome import Outcome
from api.deliveries.retries import DELAYS_S, rest_until, retry_at
from api.deliveries.tables import Delivery, DeliveryAttempt, Target
from api.kit.database import Work
from api.kit.ids import new_id
from api.kit.settings import Settings

log = structlog.get_logger(__name__)
# More than so many that wait for one chat or browser become one message: a budget leaves no room for each, nor does a person.
DIGEST_ABOVE = 10
LONGEST_DIGEST = 200
# What cannot be read or sent however often it is tried.
_ENDS_TARGET = frozenset({Fault.GONE, Fault.WRONG_SETTINGS, Fault.KEY_MISSING, Fault.NO_SUCH_RECIPIENT})


@dataclass(frozen=True)
class Claim:
    """Deliveries to one target that only this process sends now: one, or all that wait for one chat or browser when they are too
    many."""

    mark: str
    target: Target
    deliveries: Sequence[Delivery]

    @property
    def ids(self) -> list[int]:
        return [delivery.id for delivery in self.deliveries]


async def claim(work: Work, settings: Settings, target_id: str, at: datetime) -> Claim | None:
    """Take what is to be sent to the target next, or None. The caller commits before it sends.

    A claim runs out: what a process that was killed had taken is found again by the next one.
    """
    await repository.lock_if_counted(work, target_id)  # its budget holds for all processes together
    while True:
        due = await repository.due_deliveries(work, target_id, at, is_quiet(settings, at), LONGEST_DIGEST)
        if not due:
            return None
        target = due[0].target
        taken = due if target.channel in DIGESTED and len(due) > DIGEST_ABOVE else due[:1]
        for delivery in taken:
            if delivery.claim is not None:
                _interrupted(work, delivery, at)
        taken = [delivery for delivery in taken if delivery.state is DeliveryState.WAITING]
        if taken:
            break
        await work.flush()
    mark = new_id()
    for delivery in taken:
        delivery.claim, delivery.next_at = mark, at + claim_lasts(settings)
    if target.channel in BUDGETS:
        target.budget_full_at, target.not_before = BUDGETS[target.channel].spend(target.budget_full_at, at)
    return Claim(mark, target, taken)


def claim_lasts(settings: Settings) -> timedelta:
    """Longer than a try can take, with room for a slow commit."""
    return timedelta(seconds=3 * settings.delivery_timeout_s)


def _interrupted(work: Work, delivery: Delivery, at: datetime) -> None:
    """Whoever had claimed it is gone, and nobody knows whether it was sent. A receiver of webhooks knows a repeat by its id; in
    a chat or on a phone it would be read twice, so there it is repeated once, and never again. No message is repeated without
    end: it may be what ends the process."""
    delivery.unclear += 1
    delivery.claim = None
    work.add(DeliveryAttempt(delivery_id=delivery.id, at=at, duration_ms=0, request="", answer="", fault=Fault.INTERRUPTED))
    _give_up_when_repeated(delivery)


def _give_up_when_repeated(delivery: Delivery) -> None:
    if delivery.unclear > (1 if delivery.target.channel in REPEATED_ONCE else len(DELAYS_S)):
        delivery.state = DeliveryState.FAILED


async def record(
    work: Work, claim: Claim, outcome: Outcome, begun_at: datetime, at: datetime, chance: float
) -> None:
    """What came of a claim. `chance` in [0, 1) spreads the next try."""
    target = await repository.lock_target(work, claim.target.id)
    duration_ms = max(0, round((at - begun_at).total_seconds() * 1000))
    has_run_out = False
    for delivery in await repository.lock_deliveries(work, claim.ids):
        work.add(
            DeliveryAttempt(
                delivery_id=delivery.id, at=begun_at, duration_ms=duration_ms, request=outcome.request, status=outcome.status,
                answer=outcome.answer, fault=outcome.fault,
            )
        )
        if outcome.fault is None:
            delivery.state, delivery.delivered_at, delivery.awaited, delivery.claim = DeliveryState.DELIVERED, at, False, None
            delivery.attempts += 1
        elif delivery.claim == claim.mark:  # otherwise the claim ran out, and another process tries now
            has_run_out |= _to_be_tried_again(delivery, outcome, at, chance)
    await _judge_target(work, target, outcome, at, has_run_out)


async def give_up(work: Work, delivery_id: int, fault: Fault, at: datetime) -> None:
    """Before it was sent, for good. Nothing is wrong with the target. It stays awaited, so that officers see it as late."""
    for delivery in await repository.lock_deliveries(work, [delivery_id]):
        delivery.state, delivery.claim = DeliveryState.FAILED, None
        work.add(DeliveryAttempt(delivery_id=delivery.id, at=at, duration_ms=0, request="", answer="", fault=fault))


def _to_be_tried_again(delivery: Delivery, outcome: Outcome, at: datetime, chance: float) -> bool:
    """Whether this was its last try."""
    delivery.claim = None
    delivery.attempts += 1
    if outcome.unclear:
        delivery.unclear += 1
        _give_up_when_repeated(delivery)
    again = retry_at(at, delivery.attempts, chance, outcome.retry_after_s)
    if again is None:
        delivery.state = DeliveryState.FAILED
        return True
    delivery.next_at = again
    return False


async def _judge_target(work: Work, target: Target, outcome: Outcome, at: datetime, has_run_out: bool) -> None:
    waits = [target.not_before] if target.channel in BUDGETS and target.not_before is not None else []
    if outcome.fault is None:
        target.failures, target.last_delivered_at = 0, at
    else:
        target.failures += 1
        waits += [until for until in (rest_until(at, target.failures),) if until is not None]
        if outcome.retry_after_s is not None:
            waits.append(at + timedelta(seconds=outcome.retry_after_s))
    target.not_before = max(waits, default=None)
    if outcome.fault in _ENDS_TARGET or has_run_out:
        await _bury(work, target, outcome.fault or Fault.NO_ANSWER, at)


async def _bury(work: Work, target: Target, reason: Fault, at: datetime) -> None:
    """Nothing more is sent to it before a person has looked; who answers for the place is told."""
    if target.dead_at is not None:
        return
    target.dead_at, target.dead_reason = at, reason
    if reason is Fault.GONE:
        target.enabled = False
    record_act(work, the_house("dispatcher"), "target.dead", "target", target.id, **target.place, fault=reason.value)
    log.warning("a target takes no messages any more", target=target.id, reason=reason.value)
    facts = DeadTarget(target_id=target.id, name=target.name, reason=reason)
    payload = TargetDeadEvent(type=Event.TARGET_DEAD, timestamp=at, data=facts).model_dump_json()
    key = f"dead {target.id} {at.isoformat()}"
    for other in await repository.targets_beside(work, Event.TARGET_DEAD, target):
        work.add(new_delivery(other, Event.TARGET_DEAD, key, payload, at))
