"""The edge that is asking, by its signed token."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.accounts.actors import Actor
from api.accounts.dependencies import address_of, centre_of
from api.edges import service
from api.kit.problems import Unauthenticated
from contract.edge_auth import content_digest

_bearer = HTTPBearer(scheme_name="edge", description="a JWT that the edge signs with its own Ed25519 key", auto_error=False)
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


async def _edge(request: Request, credentials: Credentials) -> Actor:
    actor, digest = await _known(request, credentials)
    _compare(await request.body(), digest)  # only now: a stranger's body is not even read
    return actor


async def _reporting_edge(request: Request, credentials: Credentials) -> Actor:
    """Pictures need not lie in memory to prove who sends them: they are sealed under the key, and the key is proved."""
    actor, digest = await _known(request, credentials)
    _compare(request.headers.get("Idempotency-Key", "").encode(), digest)
    return actor


async def _known(request: Request, credentials: HTTPAuthorizationCredentials | None) -> tuple[Actor, str]:
    if credentials is None:
        raise Unauthenticated("The request carries no edge token.")
    centre = centre_of(request)
    async with centre.database.reading() as work:
        actor, digest = await service.authenticate(
            work, credentials.credentials, request.method, request.url.path, address_of(request)
        )
    request.state.headers.update(centre.requests_of_box.take(actor.id, centre.clock()))
    return actor, digest


def _compare(content: bytes, digest: str) -> None:
    if content_digest(content) != digest:
        raise Unauthenticated("The edge token was made for another content. Send the request as it was signed.")


SignedEdge = Annotated[Actor, Depends(_edge)]
ReportingEdge = Annotated[Actor, Depends(_reporting_edge)]
