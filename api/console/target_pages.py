"""Where messages go: the list, adding a target, changing it, its keys, a test message."""

from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ValidationError

from api.accounts.actors import Actor
from api.accounts.dependencies import CentreOf, SignedIn
from api.accounts.permissions import Permission
from api.clients import service as clients
from api.console.delivery_views import target_row
from api.console.delivery_words import AUDIENCES, CHANNELS, EVENTS, WRONG
from api.console.form_errors import refused_fields
from api.console.i18n import N_
from api.console.rendering import page, speaker_of
from api.console.shop_choice import choose_shop, offer_districts
from api.console.speech import Speaker
from api.console.views import Option
from api.deliveries import targets
from api.deliveries.kinds import ASKED_FOR, PERSONAL, ROBOTS, SMS_EVENTS, Audience, Channel, Event, Fault
from api.deliveries.schemas import TargetIn
from api.deliveries.secrets import TargetSecrets
from api.deliveries.sms import mobile_of
from api.deliveries.tables import Target
from api.deliveries.target_rules import NotATarget
from api.deliveries.targets import TargetInUse
from api.kit.cursors import decode_text, encode_cursor
from api.kit.database import Work
from api.kit.problems import NotFound, VersionConflict
from api.kit.work import At, Reading, Writing
from api.places import service as places
from api.places.schemas import Id

router = APIRouter()

_PAGE = 100
_FIELDS = {"shop_id": "place", "district_id": "place", "audience": "place"}
_WITH_KEY = ROBOTS | {Channel.APPRISE}
_IN_USE = N_(
    "It cannot be deleted: it was sent messages about cases, which are kept as long as the evidence of these; or a message "
    "waits, or another target names it. Switch it off: nothing more is sent to it, and the links that it got open nothing."
)
# Of a revoked program, which cannot be switched off any more.
_IN_USE_AND_OVER = N_(
    "It cannot be deleted yet: it was sent messages about cases, which are kept as long as the evidence of these; or another "
    "target names it. Nothing is sent to it any more."
)


class TargetTyped(BaseModel):
    """The fields as they come from a browser. `place` is empty for all places, `shop:ID` or `district:ID`; `version` is of the
    target as it was seen."""

    name: str = ""
    channel: str = Channel.WECOM.value
    audience: str = "authority"
    place: str = ""
    url: str = ""
    client_id: str = ""
    recipient: str = ""
    token: str = ""
    secret: str = ""
    events: list[str] = []
    language: str = "zh-CN"
    next_id: str = ""
    # An unticked box is not sent at all.
    enabled: str = ""
    version: int = 0

    @classmethod
    def of(cls, target: Target) -> "TargetTyped":
        """Without the secrets: they are never shown again."""
        place = f"shop:{target.shop_id}" if target.shop_id else f"district:{target.district_id}" if target.district_id else ""
        return cls(
            name=target.name, channel=target.channel.value, audience=target.audience.value, place=place, url=target.url or "",
            client_id=target.client_id or "", recipient=target.recipient or "",
            events=target.events, language=target.language, next_id=target.next_id or "", enabled="yes" if target.enabled else "",
        )

    def read(self) -> TargetIn:
        """Raises ValidationError."""
        kind, _, place_id = self.place.partition(":")
        has_key, is_personal = self.channel in _WITH_KEY, self.channel in PERSONAL
        return TargetIn.model_validate(
            {
                "name": self.name.strip(), "channel": self.channel, "audience": self.audience,
                "shop_id": place_id if kind == "shop" else None, "district_id": place_id if kind == "district" else None,
                "url": self.url.strip() if self.channel == Channel.WEBHOOK else None,
                "client_id": (self.client_id or None) if self.channel == Channel.WEBHOOK else None,
                "recipient": self.recipient.strip() if is_personal else None,
                "token": (self.token.strip() or None) if has_key else None,
                "secret": (self.secret.strip() or None) if has_key else None, "events": self.events, "language": self.language,
                "next_id": self.next_id or None, "enabled": self.enabled == "yes",
            }
        )


@router.get("/targets")
async def target_list(
    request: Request, actor: SignedIn, work: Reading, cursor: str | None = None, deleted: str = ""
) -> Response:
    found = await targets.list_targets(work, actor, after=decode_text(cursor), limit=_PAGE + 1)
    speaker, names = speaker_of(request), await places.names(work, actor)
    return page(
        request, "targets.html", actor=actor, targets=[target_row(target, names, speaker) for target in found[:_PAGE]],
        may_add=actor.may(Permission.TARGETS_WRITE), deleted=deleted == "yes", first_url="/targets" if cursor else None,
        next_url=f"/targets?cursor={encode_cursor(found[_PAGE - 1].id)}" if len(found) > _PAGE else None,
    )


@router.get("/targets/new")
async def new_target(
    request: Request, actor: SignedIn, work: Reading, centre: CentreOf, shop: Id = "",
    contact: Annotated[int, Query(ge=0, lt=100)] = 0,
) -> Response:
    """Filled in with a contact of a shop, where one is named."""
    actor.require(Permission.TARGETS_WRITE)
    typed = TargetTyped(events=[Event.CASE_ISSUED.value], enabled="yes")
    if shop:
        people = places.contacts_for(actor, await places.get_shop(work, actor, shop))
        if contact >= len(people):
            raise NotFound("There is no such contact any more.")
        typed = typed.model_copy(
            update={"name": people[contact].name, "audience": Audience.SHOP.value, "place": f"shop:{shop}"}
            | {"recipient": mobile_of(people[contact].phone), "events": [event.value for event in Event if event in SMS_EVENTS]}
        )
        if centre.settings.sms_provider is not None:
            typed.channel = Channel.SMS.value
    return await _form(request, actor, work, typed, {})


@router.post("/targets/new")
async def add_target(
    request: Request, actor: SignedIn, work: Writing, centre: CentreOf, at: At, typed: Annotated[TargetTyped, Form()]
) -> Response:
    """The keys of a webhook are on this answer only."""
    actor.require(Permission.TARGETS_WRITE)
    try:
        target, secrets = await targets.create_target(work, actor, centre.settings, centre.keyring, typed.read(), at)
    except (ValidationError, NotATarget) as error:
        return await _form(request, actor, work, typed, _wrong(error))
    if target.channel is Channel.WEBHOOK:
        return await _target_page(request, actor, work, target, keys=secrets)
    return RedirectResponse(f"/targets/{target.id}?done=saved", 303)


@router.get("/targets/{target_id}")
async def target_page(request: Request, actor: SignedIn, work: Reading, target_id: Id, done: str = "") -> Response:
    target = await targets.get_target(work, actor, target_id)
    return await _target_page(request, actor, work, target, done=done)


@router.post("/targets/{target_id}")
async def change_target(
    request: Request, actor: SignedIn, work: Writing, centre: CentreOf, target_id: Id, typed: Annotated[TargetTyped, Form()]
) -> Response:
    actor.require(Permission.TARGETS_WRITE)
    target = await targets.get_target(work, actor, target_id)
    typed.channel = target.channel.value
    typed = typed.model_copy(update=TargetTyped.of(target).model_dump(include={"audience", "place"}))
    try:
        await targets.update_target(work, actor, centre.settings, centre.keyring, target_id, typed.read(), typed.version)
    except (ValidationError, NotATarget) as error:
        return await _target_page(request, actor, work, target, typed=typed, wrong=_wrong(error))
    except VersionConflict:
        conflict = speaker_of(request).say(
            N_("Somebody else has changed this target meanwhile. What you typed is still here: check it, then save again.")
        )
        return await _target_page(request, actor, work, target, typed=typed, conflict=conflict, status=412)
    return RedirectResponse(f"/targets/{target_id}?done=saved", 303)


@router.post("/targets/{target_id}/test")
async def send_test(actor: SignedIn, work: Writing, at: At, target_id: Id) -> Response:
    delivery = await targets.send_test(work, actor, target_id, at)
    return RedirectResponse(f"/deliveries/{delivery.id}?resent=yes", 303)


@router.post("/targets/{target_id}/rotate")
async def rotate(request: Request, actor: SignedIn, work: Writing, centre: CentreOf, at: At, target_id: Id) -> Response:
    """The new keys are on this answer only."""
    target, secrets = await targets.rotate_secret(work, actor, centre.keyring, target_id, at)
    return await _target_page(request, actor, work, target, keys=secrets)


@router.post("/targets/{target_id}/delete")
async def delete(request: Request, actor: SignedIn, work: Writing, target_id: Id) -> Response:
    try:
        with suppress(NotFound):  # a second tap
            await targets.delete_target(work, actor, target_id)
    except TargetInUse:
        target = await targets.get_target(work, actor, target_id)
        words = _IN_USE_AND_OVER if _is_over(target) else _IN_USE
        return await _target_page(request, actor, work, target, conflict=speaker_of(request).say(words), status=409)
    return RedirectResponse("/targets?deleted=yes", 303)


async def _target_page(
    request: Request, actor: Actor, work: Work, target: Target, *, typed: TargetTyped | None = None,
    wrong: dict[str, str] | None = None, keys: TargetSecrets | None = None, done: str = "",
    conflict: str | None = None, status: int = 200,
) -> Response:
    speaker = speaker_of(request)
    shown = keys.current if keys is not None else None
    is_over = _is_over(target)
    return page(
        request, "target.html", actor=actor, here=f"/targets/{target.id}", status=422 if wrong else status,
        row=target_row(target, await places.names(work, actor), speaker), log_url=f"/deliveries?target={target.id}",
        version=target.version, conflict=conflict,
        keys=shown, until=speaker.time(keys.previous_until) if keys and keys.previous_until else None, saved=done == "saved",
        is_over=is_over, may_delete=actor.may(Permission.TARGETS_WRITE),
        may_change=actor.may(Permission.TARGETS_WRITE) and not is_over,
        is_webhook=target.channel is Channel.WEBHOOK, is_on=target.enabled,
        **await _fields(request, actor, work, speaker, typed or TargetTyped.of(target), wrong or {}, target),
    )


def _is_over(target: Target) -> bool:
    return target.dead_reason is Fault.PROGRAM_REVOKED


async def _form(request: Request, actor: Actor, work: Work, typed: TargetTyped, wrong: dict[str, str]) -> Response:
    fields = await _fields(request, actor, work, speaker_of(request), typed, wrong, None)
    return page(request, "target_new.html", actor=actor, status=422 if wrong else 200, **fields)


async def _fields(
    request: Request, actor: Actor, work: Work, speaker: Speaker, typed: TargetTyped, wrong: dict[str, str], target: Target | None
) -> dict[str, Any]:
    choice = await choose_shop(request, work, actor, [typed.place], prefix="shop:")
    districts = await offer_districts(work, actor, prefix="district:")
    all_places = [Option("", speaker.say(N_("All places")))] if actor.sees_all_places else []
    target_id = target.id if target is not None else None
    programs = await clients.list_clients(work, actor) if actor.may(Permission.CLIENTS_WRITE) else []
    program = next((one for one in programs if target is not None and one.id == target.client_id), None)
    others = [
        Option(row.id, row.name) for row in await targets.list_targets(work, actor)
        if row.id != target_id and (_can_stand_in(row, typed) or row.id == typed.next_id)
    ]
    return {
        "typed": typed, "wrong": {field: speaker.say(words) for field, words in wrong.items()},
        "is_robot": typed.channel in ROBOTS, "has_key": typed.channel in _WITH_KEY, "is_personal": typed.channel in PERSONAL,
        "is_read": typed.channel != Channel.WEBHOOK, "target_id": target_id, "choice": choice,
        "places": [*all_places, *districts, *choice.options],
        "channels": [Option(one.value, speaker.say(words)) for one, words in CHANNELS.items() if one is not Channel.WEB_PUSH],
        "audiences": [Option(audience.value, speaker.say(words)) for audience, words in AUDIENCES.items()],
        "events": [Option(event.value, speaker.say(words)) for event, words in EVENTS.items() if event not in ASKED_FOR],
        "languages": [Option("zh-CN", "中文"), Option("en", "English")], "others": others,
        "programs": [Option(one.id, one.name) for one in programs if one.revoked_at is None],
        "program": Option(f"/clients/{program.id}", program.name) if program is not None else None,
    }


def _can_stand_in(row: Target, typed: TargetTyped) -> bool:
    """Officers, or others of the same place: the numbers of 3,000 shops are no choice."""
    other = TargetTyped.of(row)
    return row.audience is Audience.AUTHORITY or (other.place, other.audience) == (typed.place, typed.audience)


def _wrong(error: ValidationError | NotATarget) -> dict[str, str]:
    """In words not yet translated, by field of the form."""
    names = [_FIELDS.get(field, field) for field in refused_fields(error)]
    return {name: WRONG.get(name, WRONG["name"]) for name in names}
