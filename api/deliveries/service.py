"""The log of messages, for people."""

from collections.abc import Sequence
from datetime import datetime

from api.accounts.actors import Actor
from api.accounts.permissions import Permission
from api.audit.service import record
from api.deliveries import repository
from api.deliveries.kinds import DeliveryState
from api.deliveries.tables import Delivery, DeliveryAttempt
from api.deliveries.targets import TargetOff
from api.kit.database import Work
from api.kit.not_found import or_not_found
from api.kit.problems import Conflict


class BeingSent(Conflict):
    code = "being-sent"


async def list_deliveries(
    work: Work, actor: Actor, *, target_id: str | None = None, case_id: int | None = None, state: DeliveryState | None = None,
    late: bool = False, before: int | None = None, limit: int = 50,
) -> list[Delivery]:
    actor.require(Permission.DELIVERIES_READ)
    return await repository.list_deliveries(
        work, actor, target_id=target_id, case_id=case_id, state=state, late=late, before=before, limit=limit
    )


async def get_delivery(work: Work, actor: Actor, delivery_id: int) -> tuple[Delivery, Sequence[DeliveryAttempt]]:
    """With the log of its tries."""
    actor.require(Permission.DELIVERIES_READ)
    delivery = await _delivery(work, actor, delivery_id)
    return delivery, await repository.list_attempts(work, actor, delivery_id)


async def resend(work: Work, actor: Actor, delivery_id: int, at: datetime) -> Delivery:
    """From the beginning of the schedule, with the same id: whoever has it already knows the repeat."""
    actor.require(Permission.DELIVERIES_RESEND)
    delivery = await _delivery(work, actor, delivery_id, for_change=True)
    if not delivery.target.enabled or delivery.target.dead_at is not None:
        raise TargetOff("The target takes no messages now. Put it right and send it a test message first.")
    if delivery.claim is not None:
        raise BeingSent("The message is being sent just now. Look at its log in a minute.")
    delivery.state, delivery.attempts, delivery.unclear, delivery.next_at = DeliveryState.WAITING, 0, 0, at
    record(work, actor, "delivery.resent", "delivery", delivery.id, **delivery.target.place, target=delivery.target_id)
    await work.flush()
    return delivery


async def _delivery(work: Work, actor: Actor, delivery_id: int, *, for_change: bool = False) -> Delivery:
    return or_not_found(await repository.get_delivery(work, actor, delivery_id, for_change=for_change), "message")
