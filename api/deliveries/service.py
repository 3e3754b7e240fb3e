"""Targets and the log of deliveries, for people."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import anyio.to_thread
from sqlalchemy.exc import IntegrityError

from api.accounts.actors import Actor
from api.accounts.permissions import Permission
from api.audit.service import record
from api.clients import repository as clients
from api.clients.service import as_part_of_actor
from api.deliveries import outbox, repository
from api.deliveries.extra import NotAnAddress, check_address_of_apprise
from api.deliveries.kinds import (
    EVENTS_OF,
    PERSONAL,
    ROBOTS,
    SIGNED_ROBOTS,
    SMS_EVENTS,
    Audience,
    Channel,
    DeliveryState,
    Event,
    Fault,
    TargetState,
)
from api.deliveries.mail import ADDRESS
from api.deliveries.schemas import TargetIn
from api.deliveries.secrets import SigningKeys, TargetSecrets, open_secrets, seal_secrets
from api.deliveries.sms import MOBILE, is_mobile, mobile_of
from api.deliveries.tables import Delivery, DeliveryAttempt, Target
from api.kit.database import Work
from api.kit.ids import new_id
from api.kit.not_found import not_found, or_not_found
from api.kit.outbound import Refused, check_url
from api.kit.problems import Conflict, InvalidField, NotFound, VersionConflict
from api.kit.secrets import Keyring, KeyringError
from api.kit.settings import Settings
from api.places import repository as places
from api.places.tables import Shop


class NotATarget(InvalidField):
    code = "not-a-target"


class TargetOff(Conflict):
    code = "target-off"


class BeingSent(Conflict):
    code = "being-sent"


class TargetInUse(Conflict):
    code = "target-in-use"


async def list_targets(
    work: Work, actor: Actor, *, shop_id: str | None = None, client_id: str | None = None, after: str | None = None,
    limit: int | None = None,
) -> list[Target]:
    actor.require(Permission.DELIVERIES_READ)
    return await repository.list_targets(work, actor, shop_id=shop_id, client_id=client_id, after=after, limit=limit)


async def is_shop_reached(work: Work, shop_id: str) -> bool:
    """Whether anybody of the shop is sent its notices."""
    told = await repository.targets_of(work, Event.CASE_ISSUED, shop_id)
    return any(target.audience is Audience.SHOP and target.dead_at is None for target in told)


async def get_target(work: Work, actor: Actor, target_id: str) -> Target:
    actor.require(Permission.DELIVERIES_READ)
    return await _target(work, actor, target_id)


async def create_target(
    work: Work, actor: Actor, settings: Settings, keyring: Keyring, new: TargetIn, at: datetime
) -> tuple[Target, TargetSecrets]:
    """With its secrets; the signing secret of a webhook is told this once."""
    actor.require(Permission.TARGETS_WRITE)
    target = Target(channel=new.channel, created_at=at, secrets_encrypted="", version=1)
    secrets = TargetSecrets(current=SigningKeys.new()) if new.channel is Channel.WEBHOOK else TargetSecrets()
    secrets = await _fill(work, actor, settings, target, secrets, new)
    work.add(target)
    await work.flush()
    seal_secrets(keyring, target, secrets)
    record(work, actor, "target.created", "target", target.id, **target.place, name=new.name, channel=new.channel.value)
    await work.flush()
    return target, secrets


async def tell_contacts(
    work: Work, actor: Actor, settings: Settings, keyring: Keyring, shops: Sequence[Shop], at: datetime
) -> None:
    """Contacts of new shops that have a mobile number are told of notices by short message, in the way of the form; all of them
    at once."""
    actor.require(Permission.TARGETS_WRITE)
    if settings.sms_provider is None:
        return
    people = {
        (shop.id, mobile_of(contact.phone)): contact.name
        for shop in shops for contact in shop.contacts if is_mobile(contact.phone)
    }
    targets = [
        Target(
            name=name, channel=Channel.SMS, audience=Audience.SHOP, shop_id=shop_id, recipient=phone, events=sorted(SMS_EVENTS),
            language="zh-CN", enabled=True, created_at=at, secrets_encrypted="", version=1, id=new_id(),
        )
        for (shop_id, phone), name in people.items()
    ]
    for target in targets:
        seal_secrets(keyring, target, TargetSecrets())
        record(work, actor, "target.created", "target", target.id, **target.place, name=target.name, channel=target.channel.value)
    work.add_all(targets)
    await work.flush()


async def update_target(
    work: Work, actor: Actor, settings: Settings, keyring: Keyring, target_id: str, new: TargetIn, expected_version: int | None
) -> Target:
    """A dead one is tried again from now on: somebody has looked at it."""
    actor.require(Permission.TARGETS_WRITE)
    target = await _target(work, actor, target_id, for_change=True)
    if expected_version is not None and target.version != expected_version:
        raise VersionConflict("Somebody else has changed this target since. Load it again, then repeat your change.")
    if new.channel is not target.channel:
        raise NotATarget("channel", "The channel of a target cannot be changed. Add a new target.")
    if (new.audience, new.district_id, new.shop_id) != (target.audience, target.district_id, target.shop_id):
        # What waits for it, or is sent to it once more, others may not know.
        words = "Who is told, and of which place, cannot be changed. Switch this target off, and add a new one."
        raise NotATarget("audience", words)
    are_new = new.token is not None and (new.secret is not None or new.channel not in SIGNED_ROBOTS)
    # With all of them entered again, those that cannot be read any more are not needed.
    before = TargetSecrets() if are_new else open_secrets(keyring, target)
    seal_secrets(keyring, target, await _fill(work, actor, settings, target, before, new))
    target.version += 1
    revive(target)
    record(
        work, actor, "target.changed", "target", target.id, **target.place, enabled=new.enabled, secrets=new.token is not None
    )
    await work.flush()
    return target


async def delete_target(work: Work, actor: Actor, target_id: str) -> None:
    """One that nothing was sent to about a case, or of which that has ended. Raises TargetInUse."""
    actor.require(Permission.TARGETS_WRITE)
    target = await _target(work, actor, target_id, for_change=True)
    try:
        async with work.begin_nested():
            await repository.delete_target(work, actor, target_id)
    except IntegrityError as error:
        raise TargetInUse(
            "It was sent messages about cases, which are kept, with their links, as long as the evidence of these; or a "
            "message waits, or another target names it. Switch it off: nothing more is sent to it, and its links open nothing."
        ) from error
    record(work, actor, "target.deleted", "target", target_id, **target.place, name=target.name, channel=target.channel.value)


async def rotate_secret(work: Work, actor: Actor, keyring: Keyring, target_id: str, at: datetime) -> tuple[Target, TargetSecrets]:
    """New keys for a webhook; for a day the previous ones sign too, unless they cannot be read any more."""
    actor.require(Permission.TARGETS_WRITE)
    target = await _target(work, actor, target_id, for_change=True)
    if target.channel is not Channel.WEBHOOK:
        raise NotATarget("channel", "The key of a robot is made where the robot was made. Enter the new one here.")
    try:
        before = open_secrets(keyring, target)
    except KeyringError:
        before = TargetSecrets()
    secrets = before.rotated(at)
    seal_secrets(keyring, target, secrets)
    record(work, actor, "target.secret_rotated", "target", target.id, **target.place)
    await work.flush()
    return target, secrets


async def send_test(work: Work, actor: Actor, target_id: str, at: datetime) -> Delivery:
    actor.require(Permission.TARGETS_WRITE)
    target = await _target(work, actor, target_id, for_change=True)
    if not target.enabled:
        raise TargetOff("The target is switched off. Switch it on, then send the test message.")
    revive(target)
    delivery = outbox.tell_test(work, target, at)
    record(work, actor, "target.tested", "target", target.id, **target.place)
    await work.flush()
    await work.refresh(delivery, ["target"])
    return delivery


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


async def rotate_keys(work: Work, actor: Actor, old: Keyring, new: Keyring) -> int:
    """Encrypt the secrets of every target again with the current key of `new`; returns how many."""
    targets = await repository.list_targets(work, actor)
    for target in targets:
        seal_secrets(new, target, open_secrets(old, target))
    record(work, actor, "keys.rotated", "keyring", new.current, targets=len(targets))
    return len(targets)


def state_of(target: Target) -> TargetState:
    if target.dead_at is not None:
        return TargetState.DEAD
    if not target.enabled:
        return TargetState.OFF
    return TargetState.FAILING if target.failures else TargetState.WORKING


def revive(target: Target) -> None:
    if target.dead_reason is Fault.PROGRAM_REVOKED:
        return
    target.dead_at, target.dead_reason, target.failures, target.not_before = None, None, 0, None


async def _fill(
    work: Work, actor: Actor, settings: Settings, target: Target, secrets: TargetSecrets, new: TargetIn
) -> TargetSecrets:
    """Raises NotATarget or NotFound, before anything is changed."""
    await _check_place(work, actor, new)
    await _check_next(work, actor, target, new)
    unfit = [event for event in new.events if event not in EVENTS_OF[new.audience]]
    if unfit:
        raise NotATarget("events", f"This audience is not told of {unfit[0].value}: nothing reaches it before the notice.")
    if new.channel is Channel.WEB_PUSH and target.user_id is None:
        words = "Web Push is switched on in the browser that is to be told: sign in there, page /notifications."
        raise NotATarget("channel", words)
    if new.channel is Channel.WEB_PUSH and new.enabled and target.subscription_digest is None:
        # Somebody else may use it by now.
        raise NotATarget("enabled", "This was switched off in the browser. It is switched on again there: page /notifications.")
    if new.channel is Channel.SMS and not SMS_EVENTS.issuperset(new.events):
        raise NotATarget("events", f"A short message tells of these only: {', '.join(sorted(SMS_EVENTS))}.")
    if new.channel in PERSONAL:
        _check_recipient(settings, new)
    client_id = await _client_of(work, actor, target, new)
    if new.channel is Channel.WEBHOOK:
        try:
            check_url(new.url or "", settings.allowed_networks)
        except Refused as error:
            raise NotATarget("url", str(error)) from error
    token = new.token.get_secret_value() if new.token is not None else secrets.token
    secret = new.secret.get_secret_value() if new.secret is not None else secrets.secret
    if new.channel in ROBOTS and (token is None or not _is_key(token)):
        raise NotATarget("token", "A robot needs its key: what stands at the end of its address, letters, digits, - and _ only.")
    if new.channel is Channel.APPRISE:
        await _check_apprise(token)
    if new.channel in SIGNED_ROBOTS and secret is None:
        raise NotATarget("secret", "Switch on signing (加签) for the robot, and enter its secret.")
    target.name, target.audience, target.district_id, target.shop_id = new.name, new.audience, new.district_id, new.shop_id
    target.url = new.url if new.channel is Channel.WEBHOOK else None
    target.client_id = client_id
    target.recipient = new.recipient if new.channel in PERSONAL else None
    target.events = sorted({event.value for event in new.events})
    target.language, target.next_id, target.enabled = new.language, new.next_id, new.enabled
    if new.channel is Channel.WEBHOOK:
        return secrets
    return secrets.model_copy(update={"token": token, "secret": secret if new.channel in SIGNED_ROBOTS else None})


async def _check_apprise(address: str | None) -> None:
    try:
        await anyio.to_thread.run_sync(check_address_of_apprise, address or "")
    except NotAnAddress as error:
        raise NotATarget("token", f"{error} Write one as Apprise does, such as ntfys://host/topic.") from error


def _check_recipient(settings: Settings, new: TargetIn) -> None:
    if new.channel is Channel.EMAIL:
        if settings.smtp_host is None or settings.mail_from is None:
            words = "This centre sends no e-mail yet. SUNSHINE_SMTP_HOST and SUNSHINE_MAIL_FROM are to be set."
            raise NotATarget("channel", words)
        if not ADDRESS.fullmatch(new.recipient or ""):
            raise NotATarget("recipient", "This is no e-mail address. Write it as name@example.org.")
    else:
        if settings.sms_provider is None:
            raise NotATarget("channel", "This centre sends no short messages yet. An administrator sets SUNSHINE_SMS_PROVIDER.")
        if not MOBILE.fullmatch(new.recipient or ""):
            raise NotATarget("recipient", "This is no mobile number in mainland China. Write its 11 digits.")


async def _check_place(work: Work, actor: Actor, new: TargetIn) -> None:
    """Whoever is bound to a place adds targets of that place only."""
    if new.shop_id is not None and new.district_id is not None:
        raise NotATarget("shop_id", "A target belongs to a shop or to a district. Name one of them.")
    if new.audience is Audience.SHOP and new.shop_id is None:
        raise NotATarget("shop_id", "A target that a shop reads belongs to that shop. Name it.")
    is_known = actor.sees_all_places
    if new.shop_id is not None:
        is_known = await places.get_shop(work, actor, new.shop_id) is not None
    elif new.district_id is not None:
        is_known = await places.is_own_district(work, actor, new.district_id)
    if not is_known:
        raise not_found("shop or district")


async def _client_of(work: Work, actor: Actor, target: Target, new: TargetIn) -> str | None:
    """Named anew only where the program may ask for as much. Locked then: it is not revoked at the same moment."""
    if new.enabled and target.dead_reason is Fault.PROGRAM_REVOKED:
        raise NotATarget("client_id", "The program that got this was revoked. Add a new target for whoever is to be told now.")
    if new.client_id is None or new.client_id == target.client_id:
        return target.client_id
    if new.channel is not Channel.WEBHOOK or target.client_id is not None:
        raise NotATarget("client_id", "A program gets webhooks, and each is one program's. Add a new target for another one.")
    client = await clients.get_client(work, actor, new.client_id, for_change=True)
    if client is None or client.revoked_at is not None:
        raise NotATarget("client_id", "There is no such program, it is not yours to see, or it was revoked.")
    if new.audience is Audience.AUTHORITY and not client.is_authority:
        words = "This program is from outside the authority: it is told as another department or platform, from the notice on."
        raise NotATarget("client_id", words)
    try:
        await _check_place(work, replace(actor, client=as_part_of_actor(client)), new)
    except NotFound as error:
        words = "This program does not see this place. Name one that it was given, or another program."
        raise NotATarget("client_id", words) from error
    return client.id


async def _check_next(work: Work, actor: Actor, target: Target, new: TargetIn) -> None:
    if new.next_id is None:
        return
    following = await repository.get_target(work, actor, new.next_id)
    if following is None or following.id == target.id:
        raise not_found("next target")
    if not outbox.can_stand_in(following, new):
        raise NotATarget("next_id", "A shop or another department is told instead of nobody else. Name a target of officers.")


def _is_key(token: str) -> bool:
    return token.isascii() and token.replace("-", "").replace("_", "").isalnum()


async def _target(work: Work, actor: Actor, target_id: str, *, for_change: bool = False) -> Target:
    return or_not_found(await repository.get_target(work, actor, target_id, for_change=for_change), "target")


async def _delivery(work: Work, actor: Actor, delivery_id: int, *, for_change: bool = False) -> Delivery:
    return or_not_found(await repository.get_delivery(work, actor, delivery_id, for_change=for_change), "message")
