"""What is told to whom: rows that are written in the transaction of what they tell, and what becomes of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from api.accounts.actors import the_house
from api.audit.service import record as record_act
from api.cases.conditions import UNDO_WITHIN
from api.cases.states import TOLD, Act, CaseState, step_of
from api.cases.tables import STAGES_OF_THE_SHOP, Case, Level, ReminderKind, Stage
from api.deliveries import repository
from api.deliveries.budgets import BUDGETS
from api.deliveries.events import CaseEvent, CaseFacts, DeadTarget, TargetDeadEvent, TestEvent, TestFacts
from api.deliveries.kinds import DIGESTED, REPEATED_ONCE, Audience, DeliveryState, Event, Fault
from api.deliveries.outcome import Outcome
from api.deliveries.retries import DELAYS_S, rest_until, retry_at
from api.deliveries.schemas import TargetIn
from api.deliveries.tables import Delivery, DeliveryAttempt, Target
from api.feed import repository as feed
from api.feed.tables import FeedEvent
from api.kit.database import Work, insert_now
from api.kit.ids import new_id
from api.kit.settings import Settings
from api.kit.times import in_shop_time

log = structlog.get_logger(__name__)
# More than so many that wait for one chat or browser become one message: a budget leaves no room for each, nor does a person.
DIGEST_ABOVE = 10
LONGEST_DIGEST = 200
LATE_AT_ONCE = 100
# What cannot be read or sent however often it is tried.
_ENDS_TARGET = frozenset({Fault.GONE, Fault.WRONG_SETTINGS, Fault.KEY_MISSING, Fault.NO_SUCH_RECIPIENT})
# A moment longer than an act can be taken back: clocks and transactions need some of it.
HELD_FOR = UNDO_WITHIN + timedelta(seconds=1)
_OF_STATE: dict[CaseState, Event] = {
    CaseState.PENDING_REVIEW: Event.CASE_OPENED,
    CaseState.CONFIRMED: Event.CASE_CONFIRMED,
    CaseState.DISMISSED: Event.CASE_DISMISSED,
    CaseState.MERGED: Event.CASE_MERGED,
    CaseState.RECORDED: Event.CASE_RECORDED,
    CaseState.ISSUED: Event.CASE_ISSUED,
    CaseState.ACKNOWLEDGED: Event.CASE_ACKNOWLEDGED,
    CaseState.REFUSED: Event.CASE_REFUSED,
    CaseState.APPEALED: Event.CASE_APPEALED,
    CaseState.SUBMITTED: Event.CASE_SUBMITTED,
    CaseState.RETURNED: Event.CASE_RETURNED,
    CaseState.ON_SITE: Event.CASE_ON_SITE,
    CaseState.WITHDRAWN: Event.CASE_WITHDRAWN,
    CaseState.CLOSED: Event.CASE_CLOSED,
    CaseState.TRANSFERRED: Event.CASE_TRANSFERRED,
}
# Acts that mean something else than the state they lead to.
_OF_ACT: dict[Act, Event] = {Act.EXTEND: Event.CASE_EXTENDED, Act.REJECT: Event.CASE_APPEAL_REJECTED}
_OF_REMINDER: dict[ReminderKind, Event] = {
    ReminderKind.HALF: Event.CASE_DUE_SOON, ReminderKind.LIMIT: Event.CASE_OVERDUE, ReminderKind.ESCALATED: Event.CASE_ESCALATED,
}


async def tell_step(work: Work, case: Case, act: Act, before: CaseState | None, at: datetime) -> None:
    """Tell of a step of a case, in its transaction; to the shop and its officer at once.

    What can be taken back is held for as long. Then nobody hears of it, except who did already.
    """
    event = _OF_ACT.get(act) or _OF_STATE.get(case.state)
    if event is None or act is Act.MUTE:
        return
    held_until = at if step_of(case.state, Act.UNDO) is None else at + HELD_FOR
    is_news = True
    if act is Act.UNDO and before is not None:
        undone = _key(case, _OF_STATE[before], case.version - 1)
        await repository.take_back(work, undone, at)
        targets = await repository.targets_told(work, undone)
        is_news = not await feed.take_back(work, undone)
    else:
        if act is not Act.QUEUE:  # before a case is judged nothing is held
            await repository.hold_no_longer(work, case.id, at)
            await feed.hold_no_longer(work, case.id, at)
        targets = await repository.targets_of(work, event, case.shop_id)
    await _tell(work, case, event, _key(case, event, case.version), targets, at, held_until, is_news=is_news)


async def tell_reminder(work: Work, case: Case, kind: ReminderKind, level: Level | None, at: datetime) -> None:
    """Tell that a limit is half over or over, in the transaction that writes it down."""
    event = _OF_REMINDER[kind]
    targets = await repository.targets_of(work, event, case.shop_id)
    key = _key(case, event, case.version) + (f" {level.value}" if level is not None else "")
    await _tell(work, case, event, key, targets, at, at, level, is_inside=case.stage not in STAGES_OF_THE_SHOP)


async def _tell(
    work: Work, case: Case, event: Event, key: str, targets: Sequence[Target], at: datetime, not_before: datetime,
    level: Level | None = None, *, is_inside: bool = False, is_news: bool = True,
) -> None:
    """To the targets, and, where it is news, to the feed. What is inside the authority no shop and no partner hears of."""
    outside = case.state in TOLD and not is_inside
    payload = CaseEvent(type=event, timestamp=at, data=_facts(case, level, outside=outside)).model_dump_json()
    if is_news:
        news = FeedEvent(
            ready_at=not_before, key=key, type=event.value, case_id=case.id, shop_id=case.shop_id, outside=outside,
            payload=payload,
        )
        await insert_now(work, news)
    for target in targets:
        if outside or target.audience is Audience.AUTHORITY:
            delivery = _delivery(target, event, key, payload, at, case_id=case.id, severity=case.severity)
            delivery.next_at = not_before
            work.add(delivery)


def _facts(case: Case, level: Level | None = None, *, outside: bool = True) -> CaseFacts:
    """Outside nobody reads by when officers come."""
    is_timed = not outside or case.stage is not Stage.VISIT
    return CaseFacts(
        case_id=case.id, shop_id=case.shop_id, rule=case.rule, severity=case.severity, state=case.state.value,
        version=case.version, stage=case.stage if is_timed else None,
        due_at=case.due_at if is_timed else None, escalation=level,
    )


def _key(case: Case, event: Event, version: int) -> str:
    return f"case {case.id} {event.value} {version}"


def tell_test(work: Work, target: Target, at: datetime) -> Delivery:
    payload = TestEvent(type=Event.TEST, timestamp=at, data=TestFacts(target_id=target.id)).model_dump_json()
    delivery = _delivery(target, Event.TEST, f"test {new_id()}", payload, at)
    work.add(delivery)
    return delivery


def tell_link(work: Work, target: Target, case: Case, at: datetime) -> None:
    """Nothing has happened to the case: one person wants a way to it."""
    payload = CaseEvent(type=Event.LINK_ASKED, timestamp=at, data=_facts(case)).model_dump_json()
    delivery = _delivery(target, Event.LINK_ASKED, f"link {new_id()}", payload, at, case_id=case.id, severity=case.severity)
    delivery.awaited = False  # no stand-in gets the link of another person
    work.add(delivery)


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
        work.add(_delivery(other, Event.TARGET_DEAD, key, payload, at))


async def escalate(work: Work, settings: Settings, at: datetime) -> int:
    """Give what has not arrived in time to the next target too; returns how many."""
    late = await repository.late_deliveries(work, late_before(settings, at), LATE_AT_ONCE)
    for delivery in late:
        delivery.awaited, delivery.escalated_at = False, at
        target_id = delivery.target.next_id
        if target_id is None or await repository.is_told(work, target_id, delivery.key):
            continue
        target = await repository.lock_target(work, target_id)
        may_hear = await repository.may_hear_of(work, target_id, delivery.case_id)
        if target.enabled and can_stand_in(target, delivery.target) and may_hear:
            work.add(
                _delivery(
                    target, Event(delivery.event), delivery.key, delivery.payload, at, case_id=delivery.case_id,
                    severity=delivery.severity,
                )
            )
            await work.flush()
    return len(late)


def can_stand_in(following: Target, target: Target | TargetIn) -> bool:
    """Officers may be told instead of anybody; a shop or a partner only of the same place, and of what it may know anyway."""
    if following.audience is Audience.AUTHORITY:
        return True
    is_same_place = (following.shop_id, following.district_id) == (target.shop_id, target.district_id)
    return is_same_place and following.audience is target.audience


def late_before(settings: Settings, at: datetime) -> repository.Late:
    patience = timedelta(minutes=settings.late_minutes)
    # What was held back in quiet hours is given its time from their end.
    are_ringing_late = not is_quiet(settings, at) and not is_quiet(settings, at - patience)
    return repository.Late(at - timedelta(minutes=settings.late_minutes_serious), at - patience, are_ringing_late)


def is_quiet(settings: Settings, at: datetime) -> bool:
    clock, begin, end = in_shop_time(at).time(), settings.quiet_from, settings.quiet_until
    return begin <= clock < end if begin <= end else clock >= begin or clock < end


def _delivery(
    target: Target, event: Event, key: str, payload: str, at: datetime, *, case_id: int | None = None, severity: int | None = None
) -> Delivery:
    return Delivery(
        message_id=f"msg_{new_id()}", target_id=target.id, key=key, event=event.value, case_id=case_id, severity=severity,
        payload=payload, state=DeliveryState.WAITING, created_at=at, next_at=at, awaited=case_id is not None,
    )
