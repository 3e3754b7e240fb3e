"""OAuth 2 (RFC 6749): client credentials, authorization code with PKCE (RFC 7636), refresh, revocation (RFC 7009).

Tokens are random and opaque, so that one that is revoked opens nothing from that moment on. Authlib's server is not used: it
calls its storage without `await`, so all that would be left of it here is the reading of forms.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict

from api.accounts import repository as accounts
from api.accounts.actors import Actor, ActorKind, nobody
from api.accounts.permissions import Permission
from api.accounts.service import TOUCH_EVERY, actor_of, with_further_shops
from api.audit.service import record
from api.clients import repository
from api.clients.schemas import TokenAnswer
from api.clients.scopes import OF_PERSONS, Scope, permissions_of
from api.clients.service import as_part_of_actor, secret_fits
from api.clients.tables import ApiClient, ApiToken, TokenKind
from api.kit import base64url
from api.kit.database import Work
from api.kit.ids import new_id
from api.kit.problems import Invalid, Unauthenticated
from api.kit.settings import Settings
from api.kit.tokens import token_hash

# The browser brings it at once.
CODE_LASTS = timedelta(seconds=60)
# Longer than a client waits for an answer before it asks again.
REPEATED_WITHIN = timedelta(minutes=1)
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_LONGEST_STATE = 1000


class TokenRefused(Exception):
    """RFC 6749, 5.2: `error` is one of its words."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error, self.description = error, description

    @property
    def status(self) -> int:
        return 401 if self.error == "invalid_client" else 400


class WrongClient(Invalid):
    """Nobody is sent back to an address that nobody has registered."""

    code = "wrong-client"


class InvalidToken(Unauthenticated):
    code = "invalid-token"

    def headers(self) -> dict[str, str]:
        return {"WWW-Authenticate": 'Bearer error="invalid_token"'}  # RFC 6750, 3


class AuthorizationRequest(BaseModel):
    """The query of the authorization endpoint, as it came."""

    model_config = ConfigDict(frozen=True)

    response_type: str = ""
    client_id: str = ""
    redirect_uri: str = ""
    scope: str = ""
    state: str = ""
    code_challenge: str = ""
    code_challenge_method: str = ""


@dataclass(frozen=True)
class Asked:
    """What a person is asked to agree to; `refused` is what is wrong with it, to be told to the client."""

    client: ApiClient
    request: AuthorizationRequest
    scopes: frozenset[Scope]
    refused: str | None = None

    def answer(self, issuer: str, **values: str) -> str:
        """Where the browser goes with it (RFC 6749, 4.1.2; RFC 9207)."""
        known = {"state": self.request.state} if self.request.state else {}
        separator = "&" if "?" in self.request.redirect_uri else "?"
        return f"{self.request.redirect_uri}{separator}{urlencode({**values, **known, 'iss': issuer})}"


async def authenticate_client(work: Work, client_id: str, secret: str, at: datetime) -> ApiClient:
    """Raises TokenRefused."""
    client = await repository.find_client(work, client_id)
    if client is None or client.revoked_at is not None or not secret_fits(client, secret, at):
        raise TokenRefused("invalid_client", "There is no such client, its secret is another one, or it was revoked.")
    return client


async def by_client_credentials(work: Work, settings: Settings, client: ApiClient, scope: str, at: datetime) -> TokenAnswer:
    """RFC 6749, 4.4. Raises TokenRefused."""
    allowed = frozenset(map(Scope, client.scopes)) - OF_PERSONS
    scopes = _wanted(scope, allowed)
    if scopes is None:
        if OF_PERSONS & set(scope.split()):
            raise TokenRefused("invalid_scope", "Acts and looks with faces need a person: use the authorization code grant.")
        raise TokenRefused("invalid_scope", f"This client may ask for: {' '.join(sorted(allowed)) or 'nothing by itself'}.")
    return await _issue(work, settings, client, scopes, at)


async def by_code(
    work: Work, settings: Settings, client: ApiClient, code: str, redirect_uri: str, verifier: str, at: datetime, address: str
) -> TokenAnswer:
    """RFC 6749, 4.1.3, and RFC 7636, 4.5. Raises TokenRefused."""
    granted = await _take(work, client, TokenKind.CODE, code, at, address)
    challenge = base64url.encode(hashlib.sha256(verifier.encode()).digest())
    is_verified = _VERIFIER.fullmatch(verifier) is not None and hmac.compare_digest(challenge, granted.challenge or "")
    if granted.redirect_uri != redirect_uri or not is_verified:
        raise TokenRefused("invalid_grant", "The redirect_uri or the code_verifier is not the one of the authorization request.")
    return await _issue(work, settings, client, _scopes(granted), at, granted)


async def by_refresh(
    work: Work, settings: Settings, client: ApiClient, token: str, scope: str, at: datetime, address: str
) -> TokenAnswer:
    """RFC 6749, 6; each refresh token works once (RFC 9700, 4.14.2). Raises TokenRefused."""
    granted = await _take(work, client, TokenKind.REFRESH, token, at, address)
    scopes = _wanted(scope, _scopes(granted))
    if scopes is None:
        granted.used_at = None  # what was refused works still
        raise TokenRefused("invalid_scope", "The person did not agree to that much.")
    return await _issue(work, settings, client, scopes, at, granted)


async def revoke(work: Work, client: ApiClient, token: str) -> None:
    """RFC 7009: with a token all goes that came of the same consent. One that is not there, or another's, changes nothing."""
    found = await repository.find_token(work, token_hash(token))
    if found is not None and found.client_id == client.id:
        await repository.end_family(work, found.family)
        record(work, _speaker(found), "client.token_revoked", "client", client.id, name=client.name)


async def begin_authorization(work: Work, request: AuthorizationRequest) -> Asked:
    """Raises WrongClient where nobody may be sent back."""
    client = await repository.find_client(work, request.client_id)
    if client is None or client.revoked_at is not None or request.redirect_uri not in client.redirect_uris:
        raise WrongClient("The program that sent you here is not known, or names an address that is not its own. Ask its makers.")
    scopes = _wanted(request.scope, frozenset(map(Scope, client.scopes)))
    refused = None
    if request.response_type != "code":
        refused = "unsupported_response_type"
    elif (
        request.code_challenge_method != "S256" or not _CHALLENGE.fullmatch(request.code_challenge)
        or len(request.state) > _LONGEST_STATE
    ):
        refused = "invalid_request"
    elif scopes is None:
        refused = "invalid_scope"
    return Asked(client, request, scopes or frozenset(), refused)


async def agree(work: Work, actor: Actor, asked: Asked, at: datetime) -> str:
    """The code for the client; in the audit with the name of who agreed."""
    code = secrets.token_urlsafe(32)
    work.add(
        ApiToken(
            token_hash=token_hash(code), kind=TokenKind.CODE, client_id=asked.client.id, user_id=actor.id,
            scopes=sorted(asked.scopes), family=new_id(), redirect_uri=asked.request.redirect_uri,
            challenge=asked.request.code_challenge, agreed_at=at, created_at=at, expires_at=at + CODE_LASTS,
        )
    )
    scopes = " ".join(sorted(asked.scopes))
    record(work, actor, "client.agreed", "client", asked.client.id, name=asked.client.name, scopes=scopes)
    return code


async def authenticate(work: Work, token: str, address: str, at: datetime) -> tuple[Actor, frozenset[Scope], bool]:
    """Who asks with this access token: the client, or a person through it; and whether its use is to be noted for the person.
    Raises InvalidToken."""
    found = await repository.find_token(work, token_hash(token))
    is_valid = found is not None and found.kind is TokenKind.ACCESS and at < found.expires_at
    if not is_valid or found is None or found.client.revoked_at is not None or (found.user is not None and found.user.disabled):
        raise InvalidToken("The access token is not valid, or its time is over. Ask for a new one at the token endpoint.")
    scopes = _scopes(found)
    allowed, client = permissions_of(scopes), as_part_of_actor(found.client)
    if found.user is None:
        actor = Actor(ActorKind.CLIENT, client.id, client.name, allowed, language="en", address=address, client=client)
        return actor, scopes, False
    person = await with_further_shops(work, actor_of(found.user, address))
    is_to_touch = found.used_at is None or at - found.used_at > TOUCH_EVERY
    return _through(person, allowed & person.permissions, found), scopes, is_to_touch


async def touch(work: Work, token: str, at: datetime) -> None:
    await repository.touch_token(work, token_hash(token), at)


def _speaker(token: ApiToken) -> Actor:
    """For the record alone."""
    if token.user is not None:
        return _through(actor_of(token.user, None), frozenset(), token)
    return Actor(ActorKind.CLIENT, token.client_id, token.client.name, client=as_part_of_actor(token.client))


def _through(person: Actor, permissions: frozenset[Permission], token: ApiToken) -> Actor:
    return replace(person, permissions=permissions, is_admin=False, client=as_part_of_actor(token.client))


async def _take(work: Work, client: ApiClient, kind: TokenKind, token: str, at: datetime, address: str) -> ApiToken:
    """A code or a refresh token, for the only time. One that comes a second time was stolen, then or now, but for a repeat: all
    that came of it ends. The caller commits also what is refused."""
    found = await repository.find_token(work, token_hash(token))
    if found is not None and found.user_id is not None:
        # One at a time with what ends the person's tokens, or the tokens made here would outlive it.
        await accounts.get_user(work, found.user_id)
        found = await repository.find_token(work, token_hash(token), for_change=True)
    if found is None or found.kind is not kind or found.client_id != client.id or found.user is None or found.user.disabled:
        raise TokenRefused("invalid_grant", "It is not valid, or it was given to another client.")
    if found.used_at is not None and not await _is_repeated(work, found, at):
        await repository.end_family(work, found.family)
        record(work, nobody(address), "client.token_reused", "client", client.id, name=client.name)
        raise TokenRefused("invalid_grant", "It was used before. All tokens that came of it have ended; the person agrees anew.")
    if at >= found.expires_at:
        raise TokenRefused("invalid_grant", "Its time is over. Send the person to the authorization endpoint again.")
    found.used_at = found.used_at or at
    return found


async def _is_repeated(work: Work, token: ApiToken, at: datetime) -> bool:
    """Whether the answer to its first use may have been lost on the way: then nobody has used what was in it, and nobody can any
    more."""
    if token.kind is not TokenKind.REFRESH or token.used_at is None or at - token.used_at > REPEATED_WITHIN:
        return False
    return await repository.take_back_unused(work, token.family, token.used_at)


async def _issue(
    work: Work, settings: Settings, client: ApiClient, scopes: frozenset[Scope], at: datetime, granted: ApiToken | None = None
) -> TokenAnswer:
    """`granted` is the code or the refresh token of a person; without one, the client speaks for itself. The next refresh token
    is good for as much as the one before (RFC 6749, 6), however little the access token opens."""
    await repository.delete_expired_tokens(work, at)
    client.last_used_at = at
    family = granted.family if granted else new_id()

    def token(kind: TokenKind, lasts: timedelta, opens: frozenset[Scope]) -> str:
        value = secrets.token_urlsafe(32)
        work.add(
            ApiToken(
                token_hash=token_hash(value), kind=kind, client_id=client.id,
                user_id=granted.user_id if granted else None, agreed_at=granted.agreed_at if granted else None,
                scopes=sorted(opens), family=family, created_at=at, expires_at=at + lasts,
            )
        )
        return value

    lasts = timedelta(minutes=settings.access_token_minutes)
    longest = timedelta(days=settings.refresh_token_days)
    refresh = None if granted is None else token(TokenKind.REFRESH, longest, _scopes(granted))
    return TokenAnswer(
        access_token=token(TokenKind.ACCESS, lasts, scopes), expires_in=int(lasts.total_seconds()),
        scope=" ".join(sorted(scopes)), refresh_token=refresh,
    )


def _scopes(token: ApiToken) -> frozenset[Scope]:
    return frozenset(map(Scope, token.scopes))


def _wanted(scope: str, allowed: frozenset[Scope]) -> frozenset[Scope] | None:
    """All that is allowed where nothing is named; None for more than that."""
    names = set(scope.split()) or set(allowed)
    return frozenset(map(Scope, names)) if names and names <= set(allowed) else None
