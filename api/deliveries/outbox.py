"""What is told to whom: rows that are written in the transaction of what they tell."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from api.cases.conditions import UNDO_WITHIN
from api.cases.states import TOLD, Act, CaseState, step_of
from api.cases.tables import STAGES_OF_THE_SHOP, Case, Level, ReminderKind, Stage
from api.deliveries import repository
from api.deliveries.events import CaseEvent, CaseFacts, TestEvent, TestFacts
from api.deliveries.kinds import Audience, DeliveryState, Event
from api.deliveries.tables import Delivery, Target
from api.feed import repository as feed
from api.feed.tables import FeedEvent
from api.kit.database import Work, insert_now
from api.kit.ids import new_id

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
            delivery = new_delivery(target, event, key, payload, at, case_id=case.id, severity=case.severity)
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
    delivery = new_delivery(target, Event.TEST, f"test {new_id()}", payload, at)
    work.add(delivery)
    return delivery


def tell_link(work: Work, target: Target, case: Case, at: datetime) -> None:
    """Nothing has happened to the case: one person wants a way to it."""
    payload = CaseEvent(type=Event.LINK_ASKED, timestamp=at, data=_facts(case)).model_dump_json()
    delivery = new_delivery(target, Event.LINK_ASKED, f"link {new_id()}", payload, at, case_id=case.id, severity=case.severity)
    delivery.awaited = False  # no stand-in gets the link of another person
    work.add(delivery)


def new_delivery(
    target: Target, event: Event, key: str, payload: str, at: datetime, *, case_id: int | None = None, severity: int | None = None
) -> Delivery:
    return Delivery(
        message_id=f"msg_{new_id()}", target_id=target.id, key=key, event=event.value, case_id=case_id, severity=severity,
        payload=payload, state=DeliveryState.WAITING, created_at=at, next_at=at, awaited=case_id is not None,
    )
