"""Signing in with the identity provider of the bureau: OpenID Connect Core 1.0, authorization code flow with PKCE (RFC 7636).

PyJWT checks the ID token; there is no session of our own before somebody has signed in, so what belongs to one sign-in lies
encrypted in a cookie.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import jwt
import structlog
from pydantic import AwareDatetime, BaseModel, SecretStr, ValidationError

from api.accounts import repository
from api.accounts.actors import nobody
from api.accounts.tables import User
from api.audit.service import record
from api.kit import base64url
from api.kit.database import Work
from api.kit.outbound import trusted
from api.kit.problems import Unauthenticated
from api.kit.secrets import Keyring, KeyringError
from api.kit.settings import Settings

log = structlog.get_logger(__name__)
TIMEOUT_S = 10
VALID_FOR = timedelta(minutes=10)
_LEEWAY_S = 60
# Signed by a key of the provider. Never "none", and nothing that is signed with a shared secret.
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
_PURPOSE = "oidc sign-in"


class OidcFailed(Unauthenticated):
    """The provider did not say who it is; the log says why."""

    code = "oidc-failed"


class OidcUnknown(Unauthenticated):
    """It did, but nobody here has that name."""

    code = "oidc-unknown"


class Attempt(BaseModel):
    """One sign-in that has begun, as the cookie keeps it."""

    state: str
    nonce: str
    verifier: str
    next: str
    expires_at: AwareDatetime

    @classmethod
    def new(cls, next: str, at: datetime) -> "Attempt":
        return cls(
            state=secrets.token_urlsafe(24), nonce=secrets.token_urlsafe(24), verifier=secrets.token_urlsafe(48), next=next,
            expires_at=at + VALID_FOR,
        )

    def sealed(self, keyring: Keyring) -> str:
        return keyring.encrypt(SecretStr(self.model_dump_json()), _PURPOSE)

    @classmethod
    def opened(cls, keyring: Keyring, sealed: str, state: str, at: datetime) -> "Attempt":
        """Raises OidcFailed for one of another browser, or one that took too long."""
        try:
            attempt = cls.model_validate_json(keyring.decrypt(sealed, _PURPOSE).get_secret_value())
        except (KeyringError, ValidationError) as error:
            raise OidcFailed("This sign-in was not begun in this browser. Begin it again.") from error
        if not secrets.compare_digest(attempt.state.encode(), state.encode()) or attempt.expires_at <= at:
            raise OidcFailed("This sign-in was not begun in this browser, or took too long. Begin it again.")
        return attempt

    @property
    def challenge(self) -> str:
        return base64url.encode(hashlib.sha256(self.verifier.encode()).digest())


class Provider:
    """As the settings name it. `back` is the address that it leads back to, which must be registered there."""

    def __init__(self, settings: Settings, back: str) -> None:
        if settings.oidc_issuer is None or settings.oidc_client_id is None:
            raise OidcFailed("This centre knows no identity provider.")
        self._issuer, self._client_id, self._back = settings.oidc_issuer, settings.oidc_client_id, back
        self._secret, self._claim = settings.oidc_client_secret, settings.oidc_login_claim

    async def address(self, attempt: Attempt) -> str:
        """Where the browser is sent. Raises OidcFailed."""
        async with self._client() as client:
            about = await self._discover(client)
        asked = {
            "response_type": "code", "client_id": self._client_id, "redirect_uri": self._back, "scope": "openid profile",
            "state": attempt.state, "nonce": attempt.nonce, "code_challenge": attempt.challenge, "code_challenge_method": "S256",
        }
        endpoint = str(about["authorization_endpoint"])
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"

    async def claims(self, attempt: Attempt, code: str) -> dict[str, Any]:
        """What the provider says of the person, checked. Raises OidcFailed."""
        if not code:
            raise _failed("there is no code: it was cancelled there", None)
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": self._back, "code_verifier": attempt.verifier,
            "client_id": self._client_id,
        }
        async with self._client() as client:
            about = await self._discover(client)
            proof: dict[str, Any] = {}
            if self._secret is not None:
                methods = about.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
                if "client_secret_basic" in methods:
                    proof["auth"] = (self._client_id, self._secret.get_secret_value())
                else:
                    form["client_secret"] = self._secret.get_secret_value()
            token = await self._json(client.post(str(about["token_endpoint"]), data=form, **proof))
            keys = await self._json(client.get(str(about["jwks_uri"])))
            claims = self._checked(token, keys, attempt)
            if self._claim not in claims and "userinfo_endpoint" in about:
                # Many providers say in the ID token no more than who it is for them.
                proved = {"Authorization": f"Bearer {token.get('access_token')}"}
                more = await self._json(client.get(str(about["userinfo_endpoint"]), headers=proved))
                if more.get("sub") != claims["sub"]:
                    raise _failed("the provider speaks of another person", None)
                claims = more | claims
        return claims

    def _checked(self, token: dict[str, Any], keys: dict[str, Any], attempt: Attempt) -> dict[str, Any]:
        """The claims of the ID token (OpenID Connect Core 1.0, 3.1.3.7)."""
        try:
            found = jwt.PyJWKSet.from_dict(keys)
            kid = jwt.get_unverified_header(token["id_token"]).get("kid")
            key = found[kid] if kid is not None else found.keys[0]
            claims: dict[str, Any] = jwt.decode(
                token["id_token"], key.key, algorithms=_ALGORITHMS, audience=self._client_id, issuer=self._issuer,
                leeway=_LEEWAY_S, options={"require": ["exp", "iat", "iss", "aud", "sub"]},
            )
        except (jwt.PyJWTError, KeyError, IndexError, TypeError) as error:
            raise _failed("the ID token does not hold", error) from error
        if claims.get("nonce") != attempt.nonce:
            raise _failed("the ID token was made for another sign-in", None)
        return claims

    def login_of(self, claims: dict[str, Any]) -> str | None:
        value = claims.get(self._claim)
        return value if isinstance(value, str) and value else None

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(verify=trusted(), timeout=TIMEOUT_S, follow_redirects=False, trust_env=False)

    async def _discover(self, client: httpx.AsyncClient) -> dict[str, Any]:
        about = await self._json(client.get(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"))
        if about.get("issuer") != self._issuer or not {"authorization_endpoint", "token_endpoint", "jwks_uri"} <= about.keys():
            raise _failed(f"the provider calls itself {about.get('issuer')!r}", None)
        return about

    async def _json(self, request: Any) -> dict[str, Any]:
        try:
            answer = (await request).raise_for_status().json()
        except (httpx.HTTPError, ValueError) as error:
            raise _failed("the provider does not answer as it should", error) from error
        if not isinstance(answer, dict):
            raise _failed("the provider does not answer as it should", None)
        return answer


async def account_of(work: Work, issuer: str, claims: dict[str, Any], login: str | None, address: str) -> User:
    """The account that was bound to this person before; at the first time, that of the same login. Raises OidcUnknown."""
    subject = f"{issuer} {claims['sub']}"
    user = await repository.find_oidc_subject(work, subject)
    if user is None and login is not None:
        user = await repository.find_login(work, login)
        if user is not None and user.oidc_subject is None:
            user.oidc_subject = subject
            record(work, nobody(address), "oidc.bound", "user", user.id, **user.place, login=user.login)
        else:
            user = None
    if user is None or user.disabled:
        raise OidcUnknown("The identity provider knows you, but there is no account for you here. Ask an administrator.")
    return user


def _failed(why: str, error: Exception | None) -> OidcFailed:
    log.warning("sign-in with the identity provider failed", why=why, error=type(error).__name__ if error else None)
    return OidcFailed("Signing in with the identity provider did not work. Try again, or sign in with a password.")
