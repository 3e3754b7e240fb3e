"""Web Push: everybody switches it on in their own browser, tries it, and switches it off again."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ValidationError

from api.accounts.actors import Actor
from api.accounts.dependencies import CentreOf, SignedIn
from api.accounts.permissions import Permission
from api.centre import Centre
from api.console.delivery_views import target_row
from api.console.delivery_words import EVENTS
from api.console.form_errors import refused_fields
from api.console.i18n import N_
from api.console.rendering import page, speaker_of
from api.console.views import Option
from api.deliveries import subscriptions
from api.deliveries.kinds import EVENTS_OF
from api.deliveries.subscriptions import USUAL, SubscriptionIn, audience_of
from api.deliveries.target_rules import NotATarget
from api.deliveries.web_push import public_key
from api.keys.service import KeyName, open_key, sealed_key
from api.kit.work import At, Writing
from api.places.schemas import Id

router = APIRouter()

_WRONG = {
    "name": N_("Fill this in, with at most 100 characters; at most ten browsers."),
    "events": N_("Choose at least one."),
    "endpoint": N_("This browser gave no address that messages can be sent to. Try another browser, or ask an administrator."),
}
_DONE = {
    "on": N_("Switched on. Send a test message to see whether it arrives."),
    "tested": N_("The test message is on its way. It appears within seconds, even when this page is closed."),
    "off": N_("Switched off."),
}


class SubscriptionTyped(BaseModel):
    """The fields as they come from a browser; all but the name and the events are filled in by the script."""

    name: str = ""
    endpoint: str = ""
    p256dh: str = ""
    auth: str = ""
    events: list[str] = []


@router.get("/notifications")
async def notifications(request: Request, actor: SignedIn, centre: CentreOf, done: str = "") -> Response:
    actor.require(Permission.CASES_READ)
    events = sorted(event.value for event in USUAL[audience_of(actor)])
    return await _page(request, actor, centre, SubscriptionTyped(name=actor.name, events=events), done=done)


@router.post("/notifications")
async def switch_on(
    request: Request, actor: SignedIn, centre: CentreOf, at: At, typed: Annotated[SubscriptionTyped, Form()]
) -> Response:
    await sealed_key(centre, KeyName.WEB_PUSH)  # there from the first subscription on
    try:
        new = SubscriptionIn.model_validate({**typed.model_dump(), "name": typed.name.strip()})
        async with centre.database.writing() as work:
            await subscriptions.subscribe(work, actor, centre.keyring, new, at)
    except (ValidationError, NotATarget) as error:
        return await _page(request, actor, centre, typed, wrong=_wrong(error))
    return RedirectResponse("/notifications?done=on", 303)


@router.post("/notifications/{subscription_id}/test")
async def send_test(actor: SignedIn, work: Writing, at: At, subscription_id: Id) -> Response:
    await subscriptions.send_test(work, actor, subscription_id, at)
    return RedirectResponse("/notifications?done=tested", 303)


@router.post("/notifications/{subscription_id}/off")
async def switch_off(actor: SignedIn, work: Writing, subscription_id: Id) -> Response:
    await subscriptions.unsubscribe(work, actor, subscription_id)
    return RedirectResponse("/notifications?done=off", 303)


async def _page(
    request: Request, actor: Actor, centre: Centre, typed: SubscriptionTyped, *, done: str = "",
    wrong: dict[str, str] | None = None,
) -> Response:
    speaker = speaker_of(request)
    key: Any = open_key(centre.keyring, KeyName.WEB_PUSH, await sealed_key(centre, KeyName.WEB_PUSH))
    async with centre.database.reading() as work:
        own = await subscriptions.list_own(work, actor)
    offered = EVENTS_OF[audience_of(actor)]
    return page(
        request, "notifications.html", actor=actor, here="/notifications", status=422 if wrong else 200, key=public_key(key),
        typed=typed, wrong={field: speaker.say(words) for field, words in (wrong or {}).items()},
        done=speaker.say(_DONE[done]) if done in _DONE else None,
        own=[(target.id, target_row(target, {}, speaker)) for target in own],
        events=[Option(event.value, speaker.say(words)) for event, words in EVENTS.items() if event in offered],
    )


def _wrong(error: ValidationError | NotATarget) -> dict[str, str]:
    """In words not yet translated."""
    return {name: _WRONG[name] for name in (field if field in _WRONG else "endpoint" for field in refused_fields(error))}
