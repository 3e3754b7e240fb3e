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
        target_id = delivery.target.next_id
        if target_id is None or await repository.is_told(work, target_id, delivery.key):
            continue
        target = await repository.lock_target(work, target_id)
        may_hear = await repository.may_hear_of(work, target_id, delivery.case_id)
        if target.enabled and can_stand_in(target, delivery.target) and may_hear:
            work.add(
                new_delivery(
                    target, Event(delivery.event), delivery.key, delivery.payload, at, case_id=delivery.case_id,
                    severity=delivery.severity,
                )
            )
            await work.flush()


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
