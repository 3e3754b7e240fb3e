"""Where messages go: what people do with targets."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.exc import IntegrityError

from api.accounts.actors import Actor
from api.accounts.permissions import Permission
from api.audit.service import record
from api.deliveries import outbox, repository
from api.deliveries.kinds import SIGNED_ROBOTS, SMS_EVENTS, Audience, Channel, Event, Fault, TargetState
from api.deliveries.schemas import TargetIn
from api.deliveries.secrets import SigningKeys, TargetSecrets, open_secrets, seal_secrets
from api.deliveries.sms import is_mobile, mobile_of
from api.deliveries.tables import Delivery, Target
from api.deliveries.target_rules import NotATarget, fill
from api.kit.database import Work
from api.kit.ids import new_id
from api.kit.not_found import or_not_found
from api.kit.problems import Conflict, VersionConflict
from api.kit.secrets import Keyring, KeyringError
from api.kit.settings import Settings
from api.places.tables import Shop


class TargetOff(Conflict):
    code = "target-off"


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
    secrets = await fill(work, actor, settings, target, secrets, new)
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
    seal_secrets(keyring, target, await fill(work, actor, settings, target, before, new))
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


async def _target(work: Work, actor: Actor, target_id: str, *, for_change: bool = False) -> Target:
    return or_not_found(await repository.get_target(work, actor, target_id, for_change=for_change), "target")
