"""Signing in and out."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import SecretStr

from api.accounts.dependencies import MaybeSignedIn, sign_in, sign_out
from api.console.i18n import N_
from api.console.rendering import PAGES, page, speaker_of
from api.console.views import LoginView
from api.kit.problems import TooManyRequests, Unauthenticated

router = APIRouter()

_WRONG = N_("User name or password is wrong. Check the language of the keyboard and the Caps Lock key, then try again.")
_TOO_MANY = N_("Too many wrong tries. Wait a few minutes, then try again.")


@router.get("/")
async def start(actor: MaybeSignedIn) -> Response:
    if actor is None:
        return RedirectResponse("/login", 303)
    # Every role has one.
    return RedirectResponse(next(url for url, _, permission in PAGES if actor.may(permission)), 303)


@router.get("/login")
async def login_page(request: Request, actor: MaybeSignedIn, next: str = "") -> Response:
    if actor is not None:
        return RedirectResponse(_safe(next), 303)
    return page(request, "login.html", actor=None, login=LoginView(next=_safe(next)))


@router.post("/login")
async def log_in(
    request: Request,
    username: Annotated[str, Form(max_length=64)],
    password: Annotated[SecretStr, Form(max_length=200)],
    next: Annotated[str, Form()] = "",
) -> Response:
    response = RedirectResponse(_safe(next), 303)
    try:
        await sign_in(request, response, username.strip(), password)
    except (Unauthenticated, TooManyRequests) as problem:
        words = _TOO_MANY if isinstance(problem, TooManyRequests) else _WRONG
        login = LoginView(username, _safe(next), speaker_of(request).say(words))
        refused = page(request, "login.html", actor=None, status=problem.status, login=login)
        refused.headers.update(problem.headers())
        return refused
    return response


@router.post("/logout")
async def log_out(request: Request, actor: MaybeSignedIn) -> Response:
    response = RedirectResponse("/login", 303)
    if actor is not None:
        await sign_out(request, response, actor)
    # The pictures that were looked at go from this browser too.
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


def _safe(address: str) -> str:
    """Only a path of this site: a link to the sign-in must not lead on to another one."""
    inside = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if inside else "/"
