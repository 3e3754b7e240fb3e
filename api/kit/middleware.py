"""What holds for every request and every answer: size limits, no requests forged by other sites, security headers."""

import asyncio
import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.kit.headers import HTTPS_HEADERS, SECURITY_HEADERS
from api.kit.problems import FromAnotherSite, LengthMissing, NotFound, Problem, TooLarge, answer

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# A heartbeat after a day without a network: 5,000 camera minutes of about 180 bytes.
BODY_BYTES = 2_000_000
# What a phone at the edge of a mobile network still manages (2G). Whoever is slower holds connections, or does it on purpose.
SLOWEST_BYTES_S = 2_000
FIRST_BYTES_S = 60.0


class Guard:
    """The outermost layer. `uploads` are patterns of the paths that take larger bodies, with their limits in bytes."""

    def __init__(self, app: ASGIApp, uploads: dict[str, int]) -> None:
        self.app = app
        self.uploads = [(re.compile(path), limit) for path, limit in uploads.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        if scope["method"] == "HEAD":  # as a GET (RFC 9110, 9.3.2), which is all that routes know; the server sends no body
            scope = {**scope, "method": "GET"}
        # What is found out about the request beside its answer, as `request.state.headers`.
        scope.setdefault("state", {})["headers"] = {}

        always = SECURITY_HEADERS | (HTTPS_HEADERS if scope["scheme"] == "https" else {})

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in (always | scope["state"]["headers"]).items():
                    headers.setdefault(name, value)
            await send(message)

        problem = self._refusal(scope)
        if problem is not None:
            response = await answer(Request(scope), problem)
            await response(scope, receive, send_with_headers)
        else:
            await self.app(scope, _in_time(receive, _length(scope)), send_with_headers)

    def _refusal(self, scope: Scope) -> Problem | None:
        headers = Headers(scope=scope)
        if scope["path"].startswith("/api/") and scope["path"].endswith("/"):
            # Starlette would lead on to an address made of the Host header, and a program would take its token there.
            return NotFound("There is no such address: leave out the slash at its end.")
        if "transfer-encoding" in headers:
            return LengthMissing("Send the body with a Content-Length.")
        length = headers.get("content-length", "0")
        limit = next((limit for path, limit in self.uploads if path.fullmatch(scope["path"])), BODY_BYTES)
        if not length.isdecimal() or int(length) > limit:
            return TooLarge(f"The body is larger than the {limit} bytes that this address takes.")
        if scope["method"] not in SAFE_METHODS and not is_same_site(headers):
            return FromAnotherSite("This request comes from another site and was not carried out.")
        return None


def _length(scope: Scope) -> int:
    return int(Headers(scope=scope).get("content-length", "0"))


def _in_time(receive: Receive, length: int) -> Receive:
    """As if the sender had gone away, once its body should long be here."""
    until = asyncio.get_running_loop().time() + FIRST_BYTES_S + length / SLOWEST_BYTES_S
    is_whole = length == 0

    async def receive_in_time() -> Message:
        nonlocal is_whole
        if is_whole:  # whoever waits now waits for the end of the connection
            return await receive()
        try:
            async with asyncio.timeout_at(until):
                message = await receive()
        except TimeoutError:
            return {"type": "http.disconnect"}
        is_whole = not message.get("more_body", False)
        return message

    return receive_in_time


def is_same_site(headers: Headers) -> bool:
    """Browsers say where a request comes from (Fetch Metadata, or Origin in older ones); other programs carry no cookies of
    a person's browser."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is None or origin.partition("://")[2] == headers.get("host")
