"""Web Push, from the side of the person whose browser it is: switched on, tried and switched off without anybody's help."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import IntegrityError

from api.accounts.actors import Actor
from api.accounts.permissions import STORE_ROLES, Permission, Role
from api.audit.service import record
from api.deliveries import outbox, repository, web_push
from api.deliveries.kinds import EVENTS_OF, Audience, Channel, Event
from api.deliveries.secrets import Subscription, TargetSecrets, seal_secrets
from api.deliveries.tables import Delivery, Target
from api.deliveries.target_rules import NotATarget
from api.deliveries.targets import revive
from api.deliveries.web_push import NotASubscription, check_subscription
from api.kit.database import Work
from api.kit.outbound import Refused, check_url
from api.kit.problems import Conflict, NotFound
from api.kit.secrets import Keyring
from contract.base import Name

# More browsers than a person has; each is a message more.
MOST_OF_ONE_PERSON = 10
# What is ticked at first.
USUAL: dict[Audience, frozenset[Event]] = {
    Audience.AUTHORITY: frozenset(
        {Event.CASE_OPENED, Event.CASE_SUBMITTED, Event.CASE_APPEALED, Event.CASE_OVERDUE, Event.CASE_ESCALATED}
    ),
    Audience.SHOP: EVENTS_OF[Audience.SHOP],
    Audience.PARTNER: EVENTS_OF[Audience.PARTNER],
}


class SubscriptionIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Name
    endpoint: Annotated[str, Field(min_length=1, max_length=2000)]
    p256dh: Annotated[str, Field(min_length=1, max_length=200)]
    auth: Annotated[str, Field(min_length=1, max_length=100)]
    events: Annotated[list[Event], Field(min_length=1, max_length=len(Event))]


def audience_of(actor: Actor) -> Audience:
    if actor.role in STORE_ROLES:
        return Audience.SHOP
    return Audience.PARTNER if actor.role is Role.PARTNER else Audience.AUTHORITY


async def list_own(work: Work, actor: Actor) -> Sequence[Target]:
    """Those that are switched on, oldest first."""
    actor.require(Permission.CASES_READ)
    return await repository.list_own_subscriptions(work, actor)


async def subscribe(
    work: Work, actor: Actor, keyring: Keyring, new: SubscriptionIn, at: datetime
) -> Target:
    """A target of the person's own place. A browser has one: subscribed anew it is changed, by somebody else it is taken over."""
    actor.require(Permission.CASES_READ)
    subscription = Subscription(endpoint=new.endpoint, p256dh=new.p256dh, auth=new.auth)
    _check(subscription)
    audience = audience_of(actor)
    if not EVENTS_OF[audience].issuperset(new.events):
        raise NotATarget("events", "You are not told of one of these.")
    digest = hashlib.sha256(new.endpoint.encode()).hexdigest()
    target = await repository.find_subscription(work, digest)
    if target is not None and target.user_id != actor.id:
        target.enabled, target.subscription_digest = False, None
        target = None
    if target is None:
        if len(await repository.list_own_subscriptions(work, actor)) >= MOST_OF_ONE_PERSON:
            raise NotATarget("name", "You have this switched on in enough browsers. Switch it off in one of them first.")
        target = Target(
            channel=Channel.WEB_PUSH, audience=audience, district_id=actor.district_id, shop_id=actor.shop_id, user_id=actor.id,
            subscription_digest=digest, language=actor.language, created_at=at, secrets_encrypted="", version=0,
        )
        work.add(target)
    target.name, target.events, target.enabled = new.name, sorted({event.value for event in new.events}), True
    target.version += 1
    revive(target)
    try:
        await work.flush()
    except IntegrityError as error:  # sent twice at once
        raise Conflict("This browser is being switched on just now. Look at the list.") from error
    seal_secrets(keyring, target, TargetSecrets(subscription=subscription))
    record(work, actor, "target.created", "target", target.id, **target.place, name=new.name, channel=Channel.WEB_PUSH.value)
    await work.flush()
    return target


async def unsubscribe(work: Work, actor: Actor, target_id: str) -> None:
    """One that is off stays off."""
    for target in await list_own(work, actor):
        if target.id == target_id:
            target.enabled, target.subscription_digest = False, None
            target.version += 1
            record(work, actor, "target.changed", "target", target.id, **target.place, enabled=False)
    await work.flush()


async def send_test(work: Work, actor: Actor, target_id: str, at: datetime) -> Delivery:
    target = await _own(work, actor, target_id)
    revive(target)
    delivery = outbox.tell_test(work, target, at)
    record(work, actor, "target.tested", "target", target.id, **target.place)
    await work.flush()
    return delivery


async def _own(work: Work, actor: Actor, target_id: str) -> Target:
    actor.require(Permission.CASES_READ)
    found = next((row for row in await repository.list_own_subscriptions(work, actor) if row.id == target_id), None)
    if found is None:
        raise NotFound("There is no such browser of yours.")
    return found


def _check(subscription: Subscription) -> None:
    try:
        check_url(subscription.endpoint, web_push.NETWORKS)
        check_subscription(subscription)
    except (Refused, NotASubscription) as error:
        raise NotATarget("endpoint", str(error)) from error
