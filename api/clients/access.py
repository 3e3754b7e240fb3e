"""A request with an access token: whose it is, whether it opens this operation, and how many more there may be."""

from contextlib import suppress

from fastapi import Request
from sqlalchemy.exc import DBAPIError

from api.accounts.actors import Actor
from api.clients import grants
from api.clients.scopes import OPERATIONS
from api.kit.problems import Forbidden


class InsufficientScope(Forbidden):
    code = "insufficient-scope"

    def __init__(self, detail: str, scopes: str) -> None:
        super().__init__(detail)
        self.scopes = scopes

    def headers(self) -> dict[str, str]:
        needed = f', scope="{self.scopes}"' if self.scopes else ""
        return {"WWW-Authenticate": f'Bearer error="insufficient_scope"{needed}'}  # RFC 6750, 3


def bearer_of(request: Request) -> str | None:
    """The access token of a request to the API (RFC 6750, 2.1)."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and request.url.path.startswith("/api/") else None


async def actor_with_token(request: Request, token: str, address: str) -> Actor:
    """Raises InvalidToken, RateLimited or InsufficientScope."""
    centre = request.app.state.centre
    at = centre.clock()
    async with centre.database.reading() as work:
        actor, scopes, is_to_touch = await grants.authenticate(work, token, address, at)
    request.state.headers.update(centre.limiter.take(actor.client.id if actor.client else "", at))
    opening = OPERATIONS.get(getattr(request.scope.get("route"), "operation_id", None) or "", ())
    if not scopes & set(opening):
        if not opening:
            raise InsufficientScope("No access token opens this address; it is for people who are signed in.", "")
        names = " or ".join(opening)
        raise InsufficientScope(f"This access token does not open this address; it needs {names}.", opening[0])
    if is_to_touch:
        # A busy database is no reason to refuse anything; the next request notes it.
        with suppress(DBAPIError):
            async with centre.database.writing() as work:
                await grants.touch(work, token, at)
    return actor
