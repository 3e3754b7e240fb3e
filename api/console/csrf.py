"""Every form carries a token that only this browser's own pages know; a form without it is not carried out.

The token is made of a cookie that no other site can read: of the session, or, before somebody has signed in, of a visitor's. It
is the first field of its form, so it is checked before the rest of a large one has arrived. Addresses of links in messages need
none: whoever knows the address of the form holds the link.
"""

import hashlib
import hmac
import re
import secrets
from urllib.parse import parse_qs

from fastapi import Request, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.accounts.dependencies import COOKIE
from api.kit import base64url
from api.kit.middleware import SAFE_METHODS, is_same_site
from api.kit.problems import Forbidden, answer

FIELD = "csrf"
VISITOR = "sunshine_visitor"
# Of programs, which carry no cookies of a browser's, and of links in messages.
_WITHOUT = ("/api/", "/n/")
_FORM = re.compile(r'(<form\b[^>]*\bmethod="post"[^>]*>)(?!<input type="hidden" name="csrf")')
_PART = re.compile(rb'\A--[^\r\n]+\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n([\w-]+)\r\n', re.IGNORECASE)
# Here a form does something for who is not signed in. Anywhere else without a session there is nothing that another site could
# abuse, and the page says that one must sign in, and keeps what was typed.
_OF_VISITORS = ("/login", "/join/")
# Room for the first field, whatever the boundary of the parts.
_PEEKED_BYTES = 1024


class FormTooOld(Forbidden):
    code = "form-too-old"


def token_of(cookie: str) -> str:
    digest = hmac.new(cookie.encode(), b"form", hashlib.sha256).digest()
    return base64url.encode(digest)


def with_tokens(request: Request, html: str, *, is_signed_in: bool = True, visitors: list[str] | None = None) -> str:
    """Put the token first into each form. A page for nobody in particular is made for the visitor, whose cookie outlives the
    sign-in; a new one is added to `visitors`."""
    if _FORM.search(html) is None:
        return html
    cookie = request.cookies.get(COOKIE if is_signed_in else VISITOR)
    if cookie is None:
        cookie = secrets.token_urlsafe(32)
        if visitors is not None:
            visitors.append(cookie)
    return _FORM.sub(rf'\1<input type="hidden" name="{FIELD}" value="{token_of(cookie)}">', html)


def is_from_here(request: Request) -> bool:
    """Whether the browser itself says that a page of ours sent the form, so that its token is of an earlier session and no other
    site's invention."""
    site = request.headers.get("sec-fetch-site", "same-origin" if "origin" in request.headers else "none")
    return site == "same-origin" and is_same_site(request.headers) and not request.url.path.startswith(_OF_VISITORS)


def remember(request: Request, response: Response, visitors: list[str]) -> None:
    for visitor in visitors:
        response.set_cookie(VISITOR, visitor, httponly=True, samesite="lax", secure=request.url.scheme == "https", path="/")


class FormGuard:
    """Refuses forms without the token."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in SAFE_METHODS or scope["path"].startswith(_WITHOUT):
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        if not request.cookies.get(COOKIE) and not scope["path"].startswith(_OF_VISITORS):
            await self.app(scope, receive, send)
            return
        taken: list[Message] = []
        start = b""
        while len(start) < _PEEKED_BYTES:
            message = await receive()
            taken.append(message)
            start += message.get("body", b"")
            if message["type"] != "http.request" or not message.get("more_body", False):
                break

        async def replay() -> Message:
            return taken.pop(0) if taken else await receive()

        if _is_known(request, _sent(start)):
            await self.app(scope, replay, send)
        else:
            problem = FormTooOld("The form was not made for this browser, or is too old. Open the page again, and send it anew.")
            response = await answer(Request(scope, replay), problem)
            await response(scope, replay, send)


def _sent(start: bytes) -> str:
    part = _PART.match(start)
    if part is not None:
        return part[1].decode()
    first = start.partition(b"&")[0].decode("latin-1")
    return parse_qs(first).get(FIELD, [""])[0]


def _is_known(request: Request, sent: str) -> bool:
    cookies = [request.cookies[name] for name in (COOKIE, VISITOR) if request.cookies.get(name)]
    return any(hmac.compare_digest(token_of(cookie).encode(), sent.encode()) for cookie in cookies)
