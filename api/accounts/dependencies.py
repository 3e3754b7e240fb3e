"""Who is asking, for endpoints and pages."""

from contextlib import suppress
from typing import Annotated

from fastapi import Depends, Request, Response
from fastapi.security import APIKeyCookie
from pydantic import SecretStr
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm.exc import StaleDataError

from api.accounts import service
from api.accounts.actors import Actor
from api.accounts.passwords import password_fits
from api.accounts.service import CodeNeeded
from api.accounts.tables import User
from api.accounts.throttle import network_of
from api.centre import Centre
from api.clients.access import actor_with_token, bearer_of
from api.kit.problems import Unauthenticated
from api.kit.tokens import token_hash

COOKIE = "sunshine_session"
_DEVICE_LENGTH = 160


# Only for the OpenAPI document; `signed_in_or_none` reads the cookie, also for pages.
_described_cookie = APIKeyCookie(name=COOKIE, scheme_name="session", description="set by POST /login", auto_error=False)


def centre_of(request: Request) -> Centre:
    centre: Centre = request.app.state.centre
    return centre


def address_of(request: Request) -> str:
    return request.client.host[:64] if request.client else "unknown"  # a proxy may hand on any text


def device_of(request: Request) -> str:
    """What the browser says of itself, as far as it can be shown."""
    words = "".join(character for character in request.headers.get("user-agent", "") if character.isprintable())
    return words[:_DEVICE_LENGTH] or "unknown"


async def signed_in_or_none(request: Request) -> Actor | None:
    """Whose access token the request carries, or the person whose session the cookie belongs to; the session goes on. Asked
    more than once, it answers the same. Raises RateLimited, and what `actor_with_token` raises."""
    if not hasattr(request.state, "actor"):
        token = bearer_of(request)
        if token is not None:
            request.state.actor = await actor_with_token(request, token, address_of(request))
        else:
            request.state.actor = await _authenticate(request, prolonging=True)
    actor: Actor | None = request.state.actor
    return actor


async def signed_in_for_update(request: Request) -> Actor:
    """For what a page asks for by itself: a page that is left open must not keep its session alive. Raises Unauthenticated or
    RateLimited."""
    return await signed_in(await _authenticate(request, prolonging=False), None)


async def _authenticate(request: Request, *, prolonging: bool) -> Actor | None:
    token = request.cookies.get(COOKIE)
    if not token:
        return None
    centre = centre_of(request)
    async with centre.database.reading() as work:
        try:
            actor, is_to_prolong = await service.authenticate(work, token, address_of(request))
        except Unauthenticated:
            return None
    request.state.headers.update(centre.requests_of_person.take(actor.id, centre.clock()))
    if is_to_prolong and prolonging:
        # A busy database is no reason to sign anybody out; the next request prolongs it. One that ended meanwhile has ended.
        with suppress(DBAPIError, StaleDataError):
            async with centre.database.writing() as work:
                await service.prolong(work, centre.settings, token)
    return actor


async def signed_in(
    actor: Annotated[Actor | None, Depends(signed_in_or_none)], _cookie: Annotated[str | None, Depends(_described_cookie)]
) -> Actor:
    """Raises Unauthenticated."""
    if actor is None:
        raise Unauthenticated("Send an access token (Authorization: Bearer TOKEN), or sign in: there is no session that holds.")
    return actor


CentreOf = Annotated[Centre, Depends(centre_of)]
SignedIn = Annotated[Actor, Depends(signed_in)]
SignedInForUpdate = Annotated[Actor, Depends(signed_in_for_update)]
MaybeSignedIn = Annotated[Actor | None, Depends(signed_in_or_none)]


async def limited_link(request: Request) -> None:
    """For an address that holds a link. Whoever holds it may be anybody, and each look through it is written into the audit.
    Raises RateLimited."""
    centre, link = centre_of(request), request.path_params.get("link") or request.path_params.get("token", "")
    centre.requests_of_link.take(f"{network_of(address_of(request))} {token_hash(link)}", centre.clock())


async def sign_in(request: Request, response: Response, login: str, password: SecretStr, code: str | None = None) -> Actor:
    """Check password and, where the account has a second factor, its code; start a session and set its cookie.

    Raises WrongPassword, CodeNeeded or TooManyLogins.
    """
    centre, address = centre_of(request), address_of(request)
    async with centre.database.writing() as work:
        user = await service.begin_sign_in(work, login, address)
    fits = await password_fits(password, user.password_hash if user else None)
    return await _end_sign_in(request, response, user, fits, code, login)


async def sign_in_with_code(request: Request, response: Response, login: str, proved: str, code: str) -> Actor:
    """After the password was found to be right, as CodeNeeded said. Raises WrongPassword or TooManyLogins."""
    async with centre_of(request).database.writing() as work:
        user = await service.begin_sign_in(work, login, address_of(request))
    fits = user is not None and token_hash(user.password_hash) == proved
    return await _end_sign_in(request, response, user, fits, code, login)


async def _end_sign_in(
    request: Request, response: Response, user: User | None, fits: bool, code: str | None, login: str
) -> Actor:
    centre, signed_in, needed = centre_of(request), None, None
    async with centre.database.writing() as work:
        try:
            signed_in = await service.end_sign_in(
                work, centre.settings, centre.keyring, user, fits, code, login, address_of(request), device_of(request)
            )
        except CodeNeeded as error:
            needed = error
    if needed is not None:
        raise needed
    if signed_in is None:
        raise service.WrongPassword("The login or the password is wrong." if code is None else "The code is wrong or was used.")
    actor, token = signed_in
    set_session(request, response, token)
    return actor


async def is_own_password(request: Request, actor: Actor, password: SecretStr) -> bool:
    """Asked before what a session alone must not do; guessed as slowly as at the sign-in. Raises TooManyLogins."""
    database = centre_of(request).database
    async with database.writing() as work:
        user = await service.begin_own_password(work, actor, address_of(request))
    fits = await password_fits(password, user.password_hash)
    async with database.writing() as work:
        await service.end_own_password(work, actor, user.login, fits, address_of(request))
    return fits


def set_session(request: Request, response: Response, token: str) -> None:
    response.set_cookie(
        COOKIE, token, max_age=int(centre_of(request).settings.session_longest_days * 86400), httponly=True, samesite="lax",
        secure=request.url.scheme == "https", path="/",
    )


async def sign_out(request: Request, response: Response, actor: Actor) -> None:
    async with centre_of(request).database.writing() as work:
        await service.sign_out(work, actor, request.cookies.get(COOKIE, ""))
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax")
