"""The edge that is asking, by its signed token."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.accounts.actors import Actor
from api.accounts.dependencies import address_of, centre_of
from api.edges import service
from api.kit.problems import Unauthenticated
from contract.edge_auth import body_digest

_bearer = HTTPBearer(scheme_name="edge", description="a JWT that the edge signs with its own Ed25519 key", auto_error=False)


async def _edge(request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> Actor:
    if credentials is None:
        raise Unauthenticated("The request carries no edge token.")
    async with centre_of(request).database.reading() as work:
        actor, digest = await service.authenticate(
            work, credentials.credentials, request.method, request.url.path, address_of(request)
        )
    # Only now: a stranger's body is not even read. The request keeps it for whoever takes it apart.
    if body_digest(await request.body()) != digest:
        raise Unauthenticated("The edge token was made for another body. Send the request again as it was signed.")
    return actor


SignedEdge = Annotated[Actor, Depends(_edge)]
