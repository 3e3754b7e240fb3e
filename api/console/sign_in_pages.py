"""Signing in and out: with a password, with the code of an authenticator app after it, or with an identity provider."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import AwareDatetime, BaseModel, SecretStr, ValidationError

from api.accounts import oidc
from api.accounts.dependencies import (
    CentreOf,
    MaybeSignedIn,
    address_of,
    device_of,
    set_session,
    sign_in,
    sign_in_with_code,
    sign_out,
)
from api.accounts.oidc import Attempt, OidcFailed, OidcUnknown, Provider
from api.accounts.passwords import MOST_TYPED
from api.accounts.service import CodeNeeded, start_session_of
from api.centre import Centre
from api.console.i18n import N_
from api.console.rendering import PAGES, page, speaker_of
from api.kit.problems import TooManyRequests, Unauthenticated
from api.kit.secrets import KeyringError

router = APIRouter()


@dataclass(frozen=True)
class LoginView:
    """`ticket` says that the password was right and a code is needed; `has_joined`, that it was chosen with a link."""

    username: str = ""
    next: str = ""
    problem: str | None = None
    ticket: str = ""
    has_joined: bool = False


_WRONG = N_("User name or password is wrong. Check the language of the keyboard and the Caps Lock key, then try again.")
_WRONG_CODE = N_("The code is wrong or was used already. Wait for the next one, and check that the phone's clock is right.")
_TOO_MANY = N_("Too many wrong tries. Wait a few minutes, then try again.")
_TOO_LATE = N_("That took too long. Type the password again.")
_OIDC_FAILED = N_("Signing in there did not work. Try again, or sign in with a password here.")
_OIDC_UNKNOWN = N_("You are known there, but have no account here. Ask an administrator to invite you.")
_OIDC_COOKIE, _OIDC_PATH = "sunshine_oidc", "/login/oidc"
# Long enough to find the phone.
_CODE_WITHIN = timedelta(minutes=5)
_PURPOSE = "sign-in without its code"


class _Ticket(BaseModel):
    """That the password was right; sealed, so that nobody else can make one."""

    username: str
    proved: str
    expires_at: AwareDatetime


@router.get("/")
async def start(actor: MaybeSignedIn) -> Response:
    if actor is None:
        return RedirectResponse("/login", 303)
    # Every role has one.
    return RedirectResponse(next(url for url, _, permission in PAGES if actor.may(permission)), 303)


@router.get("/login")
async def login_page(
    request: Request, actor: MaybeSignedIn, centre: CentreOf, next: str = "", joined: str = ""
) -> Response:
    """`joined`: by a link that was used before, or where a code is needed as well."""
    if actor is not None:
        return RedirectResponse(_safe(next), 303)
    return _page(request, centre, LoginView(next=_safe(next), has_joined=joined != ""), 200)


@router.post("/login")
async def log_in(
    request: Request,
    centre: CentreOf,
    username: Annotated[str, Form(max_length=64)],
    password: Annotated[SecretStr, Form(max_length=MOST_TYPED)],
    next: Annotated[str, Form()] = "",
) -> Response:
    response = RedirectResponse(_safe(next), 303)
    try:
        await sign_in(request, response, username.strip(), password)
    except CodeNeeded as needed:
        ticket = _Ticket(username=username.strip(), proved=needed.proved, expires_at=centre.clock() + _CODE_WITHIN)
        sealed = centre.keyring.encrypt(SecretStr(ticket.model_dump_json()), _PURPOSE)
        return page(request, "login_code.html", actor=None, here="/login", login=LoginView(username, _safe(next), ticket=sealed))
    except (Unauthenticated, TooManyRequests) as problem:
        words = _TOO_MANY if isinstance(problem, TooManyRequests) else _WRONG
        return _refused(request, centre, username, next, words, problem)
    return response


@router.post("/login/code")
async def type_code(
    request: Request, centre: CentreOf, ticket: Annotated[str, Form(max_length=4000)] = "",
    code: Annotated[str, Form(max_length=20)] = "", next: Annotated[str, Form()] = "",
) -> Response:
    typed = _read(centre, ticket, centre.clock())
    if typed is None:
        return _refused(request, centre, "", next, _TOO_LATE, Unauthenticated("too late"))
    response = RedirectResponse(_safe(next), 303)
    try:
        await sign_in_with_code(request, response, typed.username, typed.proved, code)
    except (Unauthenticated, TooManyRequests) as problem:
        words = _TOO_MANY if isinstance(problem, TooManyRequests) else _WRONG_CODE
        login = LoginView(typed.username, _safe(next), speaker_of(request).say(words), ticket=ticket)
        refused = page(request, "login_code.html", actor=None, here="/login", status=problem.status, login=login)
        refused.headers.update(problem.headers())
        return refused
    return response


@router.get("/login/oidc")
async def begin_oidc(request: Request, centre: CentreOf, next: str = "") -> Response:
    attempt = Attempt.new(_safe(next), centre.clock())
    try:
        address = await Provider(centre.settings, f"{centre.public_url}/login/oidc/back").address(attempt)
    except OidcFailed as problem:
        return _refused(request, centre, "", next, _OIDC_FAILED, problem)
    response = RedirectResponse(address, 303)
    response.set_cookie(
        _OIDC_COOKIE, attempt.sealed(centre.keyring), max_age=int(oidc.VALID_FOR.total_seconds()), httponly=True, samesite="lax",
        secure=request.url.scheme == "https", path=_OIDC_PATH,
    )
    return response


@router.get("/login/oidc/back")
async def end_oidc(request: Request, centre: CentreOf, code: str = "", state: str = "") -> Response:
    """Where the identity provider leads back to."""
    address = address_of(request)
    try:
        attempt = Attempt.opened(centre.keyring, request.cookies.get(_OIDC_COOKIE, ""), state, centre.clock())
        provider = Provider(centre.settings, f"{centre.public_url}/login/oidc/back")
        claims = await provider.claims(attempt, code)
        async with centre.database.writing() as work:
            user = await oidc.account_of(work, centre.settings.oidc_issuer or "", claims, provider.login_of(claims), address)
            token = await start_session_of(work, centre.settings, user, address, device_of(request))
    except (OidcFailed, OidcUnknown) as problem:
        words = _OIDC_UNKNOWN if isinstance(problem, OidcUnknown) else _OIDC_FAILED
        return _refused(request, centre, "", "", words, problem)
    response = RedirectResponse(attempt.next, 303)
    set_session(request, response, token)
    response.delete_cookie(_OIDC_COOKIE, path=_OIDC_PATH, httponly=True, samesite="lax")
    return response


@router.post("/logout")
async def log_out(request: Request, actor: MaybeSignedIn) -> Response:
    response = RedirectResponse("/login", 303)
    if actor is not None:
        await sign_out(request, response, actor)
    # The pictures that were looked at go from this browser too.
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


def _read(centre: Centre, ticket: str, at: datetime) -> _Ticket | None:
    try:
        typed = _Ticket.model_validate_json(centre.keyring.decrypt(ticket, _PURPOSE).get_secret_value())
    except (KeyringError, ValidationError):
        return None
    return typed if typed.expires_at > at else None


def _page(request: Request, centre: Centre, login: LoginView, status: int) -> Response:
    provider = centre.settings.oidc_name if centre.settings.oidc_issuer is not None else None
    return page(request, "login.html", actor=None, status=status, login=login, provider=provider)


def _refused(
    request: Request, centre: Centre, username: str, next: str, words: str, problem: Unauthenticated | TooManyRequests
) -> Response:
    refused = _page(request, centre, LoginView(username, _safe(next), speaker_of(request).say(words)), problem.status)
    refused.headers.update(problem.headers())
    return refused


def _safe(address: str) -> str:
    """Only a path of this site: a link to the sign-in must not lead on to another one."""
    inside = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if inside else "/"
