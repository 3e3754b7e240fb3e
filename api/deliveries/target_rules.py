"""What a target must be to be kept."""

from dataclasses import replace

import anyio.to_thread

from api.accounts.actors import Actor
from api.clients import repository as clients
from api.clients.service import as_part_of_actor
from api.deliveries import repository
from api.deliveries.escalation import can_stand_in
from api.deliveries.extra import NotAnAddress, check_address_of_apprise
from api.deliveries.kinds import EVENTS_OF, PERSONAL, ROBOTS, SIGNED_ROBOTS, SMS_EVENTS, Audience, Channel, Fault
from api.deliveries.mail import ADDRESS
from api.deliveries.schemas import TargetIn
from api.deliveries.secrets import TargetSecrets
from api.deliveries.sms import MOBILE
from api.deliveries.tables import Target
from api.kit.database import Work
from api.kit.not_found import not_found
from api.kit.outbound import Refused, check_url
from api.kit.problems import InvalidField, NotFound
from api.kit.settings import Settings
from api.places import repository as places


class NotATarget(InvalidField):
    code = "not-a-target"


async def fill(
    work: Work, actor: Actor, settings: Settings, target: Target, secrets: TargetSecrets, new: TargetIn
) -> TargetSecrets:
    """Writes what was entered into `target`, and returns its secrets: what was not entered again stays. Raises NotATarget or
    NotFound, before anything is changed."""
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
    if not can_stand_in(following, new):
        raise NotATarget("next_id", "A shop or another department is told instead of nobody else. Name a target of officers.")


def _is_key(token: str) -> bool:
    return token.isascii() and token.replace("-", "").replace("_", "").isalnum()
