"""One's own account: password, second factor, and the sessions that are open."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Path, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import AwareDatetime, BaseModel, SecretStr, ValidationError

from api.accounts import posts, repository, second_factor, service, sessions
from api.accounts.actors import Actor
from api.accounts.dependencies import COOKIE, CentreOf, SignedIn, is_own_password
from api.accounts.password_rules import LEAST_ALONE, LEAST_WITH_SECOND_FACTOR, Weakness, weakness
from api.accounts.passwords import MOST_TYPED, hash_password, password_fits
from api.accounts.second_factor import WrongCode
from api.accounts.tables import User
from api.centre import Centre
from api.clients import consents
from api.console.client_pages import SCOPES
from api.console.devices import device_words
from api.console.i18n import N_
from api.console.qr import qr_svg
from api.console.rendering import page, speaker_of
from api.console.speech import Speaker
from api.console.times import LocalTime
from api.kit.problems import NotFound
from api.kit.secrets import KeyringError
from api.kit.tokens import token_hash
from api.kit.work import At, Writing
from api.places import service as places
from api.places.schemas import Id

router = APIRouter()


@dataclass(frozen=True)
class SessionRow:
    id: str
    device: str
    address: str | None
    since: LocalTime
    seen: LocalTime
    is_this: bool


@dataclass(frozen=True)
class GrantRow:
    """A program that acts under one's name."""

    client_id: str
    name: str
    scopes: list[str]
    since: LocalTime
    used: LocalTime | None


_WRONG_PASSWORD = N_("This is not your current password.")
_WRONG_CODE = N_("The code is wrong or too old. Set the time of the phone by the network, and type the next one.")
WEAK: dict[Weakness, str] = {
    Weakness.TOO_SHORT: N_("Too short: at least %(least)s characters. A few words in a row are easy to keep in mind."),
    Weakness.TOO_LONG: N_("Too long: at most 200 characters."),
    Weakness.COMMON: N_("Many people have this password, so it is guessed first. Choose another one."),
    Weakness.GUESSABLE: N_("This is easy to guess from the user name, the product's name or a pattern. Choose another one."),
}
_DONE = {
    "password": N_("The password was changed. Your other sessions, and the programs that you had let in, have ended."),
    "on": N_("From now on signing in asks for a code from your phone."),
    "off": N_("From now on the password alone signs you in."),
    "ended": N_("Ended."),
    "shop": N_("You look after this shop too from now on. Its cases and cameras stand in your lists with the others."),
    "left": N_(
        "You no longer look after that shop. If your mobile number is among its contacts, its short messages still reach you: "
        "ask the station to take you out."
    ),
    "grant": N_("Ended. The program can no longer do anything in your name."),
}
# Long enough to install the app first.
_SET_UP_WITHIN = timedelta(minutes=30)
_NOTHING = SecretStr("")


class _SetUp(BaseModel):
    """A secret that the phone has been shown and not proved yet; sealed for this account."""

    secret: str
    expires_at: AwareDatetime


@router.get("/account")
async def account_page(request: Request, actor: SignedIn, centre: CentreOf, done: str = "") -> Response:
    return await _page(request, actor, centre, {}, done=done)


@router.post("/account/password")
async def change_password(
    request: Request, actor: SignedIn, centre: CentreOf, at: At, present: Annotated[SecretStr, Form(max_length=MOST_TYPED)],
    new: Annotated[SecretStr, Form(max_length=MOST_TYPED)],
) -> Response:
    """Sent again (a second tap, an answer that was lost) it has done what it should."""
    speaker = speaker_of(request)
    fits = await is_own_password(request, actor, present)
    async with centre.database.reading() as work:
        user = await repository.own_user(work, actor)
    if not fits and await password_fits(new, user.password_hash):
        return RedirectResponse("/account?done=password", 303)
    if not fits:
        return await _page(request, actor, centre, {"present": speaker.say(_WRONG_PASSWORD)})
    if wrong := weak(new, user.login, user.totp_encrypted is not None, speaker):
        return await _page(request, actor, centre, {"new": wrong})
    hashed = await hash_password(new)
    async with centre.database.writing() as work:
        await service.change_password(work, actor, hashed, request.cookies.get(COOKIE, ""), at)
    return RedirectResponse("/account?done=password", 303)


@router.get("/account/second-factor")
async def set_up_page(request: Request, actor: SignedIn, centre: CentreOf, at: At) -> Response:
    secret = second_factor.new_secret()
    set_up = _SetUp(secret=secret.get_secret_value(), expires_at=at + _SET_UP_WITHIN)
    sealed = centre.keyring.encrypt(SecretStr(set_up.model_dump_json()), _purpose(actor))
    return await _set_up(request, actor, centre, secret, sealed)


@router.post("/account/second-factor")
async def switch_on(
    request: Request, actor: SignedIn, centre: CentreOf, at: At, ticket: Annotated[str, Form(max_length=2000)],
    code: Annotated[str, Form(max_length=20)] = "", present: Annotated[SecretStr, Form(max_length=MOST_TYPED)] = _NOTHING,
) -> Response:
    """Not with a session alone: whoever finds a browser left open would lock its owner out."""
    try:
        set_up = _SetUp.model_validate_json(centre.keyring.decrypt(ticket, _purpose(actor)).get_secret_value())
    except (KeyringError, ValidationError):
        return RedirectResponse("/account/second-factor", 303)
    if set_up.expires_at <= at:
        return RedirectResponse("/account/second-factor", 303)
    secret = SecretStr(set_up.secret)
    if not await is_own_password(request, actor, present):
        wrong = {"present": speaker_of(request).say(_WRONG_PASSWORD)}
        return await _set_up(request, actor, centre, secret, ticket, wrong)
    try:
        async with centre.database.writing() as work:
            await second_factor.switch_on(work, actor, centre.keyring, secret, code, at)
    except WrongCode:
        return await _set_up(request, actor, centre, secret, ticket, {"code": speaker_of(request).say(_WRONG_CODE)})
    return RedirectResponse("/account?done=on", 303)


@router.post("/account/second-factor/off")
async def switch_off(
    request: Request, actor: SignedIn, centre: CentreOf, present: Annotated[SecretStr, Form(max_length=MOST_TYPED)]
) -> Response:
    if not await is_own_password(request, actor, present):
        return await _page(request, actor, centre, {"off": speaker_of(request).say(_WRONG_PASSWORD)})
    async with centre.database.writing() as work:
        await second_factor.switch_off(work, actor, await repository.own_user(work, actor))
    return RedirectResponse("/account?done=off", 303)


@router.post("/account/sessions/end")
async def end_others(request: Request, actor: SignedIn, centre: CentreOf) -> Response:
    async with centre.database.writing() as work:
        await sessions.end_others(work, actor, token_hash(request.cookies.get(COOKIE, "")))
    return RedirectResponse("/account?done=ended", 303)


@router.post("/account/sessions/{session_id}/end")
async def end_session(actor: SignedIn, centre: CentreOf, session_id: Annotated[str, Path(max_length=64)]) -> Response:
    async with centre.database.writing() as work:
        await sessions.end_own(work, actor, session_id)
    return RedirectResponse("/account?done=ended", 303)


@router.post("/account/shops/{shop_id}/end")
async def leave_shop(actor: SignedIn, work: Writing, at: At, shop_id: Id) -> Response:
    await posts.leave(work, actor, shop_id, at)
    return RedirectResponse("/account?done=left", 303)


@router.post("/account/grants/{client_id}/end")
async def end_grant(actor: SignedIn, work: Writing, at: At, client_id: Id) -> Response:
    with suppress(NotFound):  # a second tap
        await consents.end_own(work, actor, client_id, at)
    return RedirectResponse("/account?done=grant", 303)


def weak(password: SecretStr, login: str, has_second_factor: bool, speaker: Speaker) -> str | None:
    """What speaks against a password, in words."""
    found = weakness(password, login, has_second_factor)
    least = LEAST_WITH_SECOND_FACTOR if has_second_factor else LEAST_ALONE
    return speaker.say(WEAK[found], least=least) if found is Weakness.TOO_SHORT else speaker.say(WEAK[found]) if found else None


def _purpose(actor: Actor) -> str:
    return f"second factor set-up of {actor.id}"


async def _set_up(
    request: Request, actor: Actor, centre: Centre, secret: SecretStr, ticket: str, wrong: dict[str, str] | None = None
) -> Response:
    speaker = speaker_of(request)
    async with centre.database.reading() as work:
        user = await repository.own_user(work, actor)
    address = second_factor.address_of(secret, user.login, centre.settings.centre_name)
    return page(
        request, "second_factor.html", actor=actor, here="/account/second-factor", status=422 if wrong else 200, ticket=ticket,
        address=address, code=qr_svg(address, speaker.say(N_("QR code for the authenticator app"))), wrong=wrong or {},
        secret=" ".join(secret.get_secret_value()[place : place + 4] for place in range(0, len(secret.get_secret_value()), 4)),
    )


async def _page(
    request: Request, actor: Actor, centre: Centre, wrong: dict[str, str], *, done: str = ""
) -> Response:
    speaker = speaker_of(request)
    this = token_hash(request.cookies.get(COOKIE, ""))
    async with centre.database.reading() as work:
        user: User = await repository.own_user(work, actor)
        rows = [
            SessionRow(
                row.id, device_words(row.device, speaker), row.address, speaker.time(row.created_at),
                speaker.time(row.seen_at), row.token_hash == this,
            )
            for row in await sessions.list_own(work, actor)
        ]
        grants = [
            GrantRow(
                consent.client.id, consent.client.name,
                [speaker.say(words) for scope, words in SCOPES.items() if scope in consent.scopes],
                speaker.time(consent.since), speaker.time(consent.last_used_at) if consent.last_used_at else None,
            )
            for consent in await consents.list_own(work, actor, centre.clock())
        ]
        shops = await places.list_shop_names(work, actor) if actor.further_shop_ids else []
    has_second_factor = user.totp_encrypted is not None
    return page(
        request, "account.html", actor=actor, here="/account", status=422 if wrong else 200, login=user.login, sessions=rows,
        grants=grants, shops=sorted((name, shop_id) for shop_id, name, _ in shops),
        wrong=wrong, has_second_factor=has_second_factor, done=speaker.say(_DONE[done]) if done in _DONE else None,
        least=LEAST_WITH_SECOND_FACTOR if has_second_factor else LEAST_ALONE,
    )
