"""What has not arrived in time goes to the next target too."""

from datetime import datetime, timedelta

from api.deliveries import repository
from api.deliveries.kinds import Audience, Event
from api.deliveries.outbox import new_delivery
from api.deliveries.schemas import TargetIn
from api.deliveries.tables import Target
from api.kit.database import Work
from api.kit.settings import Settings
from api.kit.times import in_shop_time

LATE_AT_ONCE = 100


async def escalate(work: Work, settings: Settings, at: datetime) -> None:
    """Give what has not arrived in time to the next target too."""
    for delivery in await repository.late_deliveries(work, late_before(settings, at), LATE_AT_ONCE):
        delivery.awaited, delivery.escalated_at = False, at
        target = await _next_that_is_on(work, delivery.target)
        if target is None or await repository.is_told(work, target.id, delivery.key):
            continue
        if can_stand_in(target, delivery.target) and await repository.may_hear_of(work, target.id, delivery.case_id):
            work.add(
                new_delivery(
                    target, Event(delivery.event), delivery.key, delivery.payload, at, case_id=delivery.case_id,
                    severity=delivery.severity,
                )
            )
            await work.flush()


async def _next_that_is_on(work: Work, target: Target) -> Target | None:
    """Past those that are switched off: somebody on leave must not be where an alert ends."""
    passed = {target.id}
    next_id = target.next_id
    while next_id is not None and next_id not in passed:
        following = await repository.lock_target(work, next_id)
        if following.enabled:
            return following
        passed.add(next_id)
        next_id = following.next_id
    return None


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
