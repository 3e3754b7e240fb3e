"""Talking to the centre: tokens of the program and of people, and the generated client with the right one."""

import base64
import hashlib
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import httpx
from sunshine_client import AuthenticatedClient
from sunshine_client.api.accounts import get_me
from sunshine_client.models import Me

from examples.mobile_backend.store import Store

SCOPES = "cases:read cases:act shops:read"
# A token is renewed while it still works.
EARLY_S = 60


class SignInAgain(Exception):
    """The person has to agree anew, or is none whom this app is for."""


@dataclass
class Centre:
    url: str
    client_id: str
    client_secret: str
    back_url: str
    store: Store
    _own: dict[str, Any] = field(default_factory=dict)

    async def as_program(self) -> AuthenticatedClient:
        if self._own.get("until", 0) < time.time():
            self._own = await self._token(grant_type="client_credentials")
        return self._client(self._own)

    def forget_own_token(self) -> None:
        """It was revoked."""
        self._own = {}

    async def as_person(self, person: str) -> AuthenticatedClient:
        """Raises SignInAgain."""
        row = self.store.row("SELECT tokens FROM people WHERE id = ?", person)
        if row is None or row["tokens"] is None:
            raise SignInAgain
        tokens = json.loads(row["tokens"])
        if tokens["until"] < time.time():
            try:
                tokens = await self._token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
            except httpx.HTTPStatusError as error:
                if error.response.status_code != 400:
                    raise
                # Used before: this process was dead for more than a minute between the answer and the next line, or somebody
                # stole it.
                self.store.change("UPDATE people SET tokens = NULL WHERE id = ?", person)
                raise SignInAgain from error
            self.store.change("UPDATE people SET tokens = ? WHERE id = ?", json.dumps(tokens), person)
        return self._client(tokens)

    def begin_sign_in(self) -> tuple[str, str, str]:
        """Where to send the browser, the state that it has to come back with, itself and no other, and what proves that the code
        is ours. The browser keeps both in a cookie: kept here, anybody could fill the disk by beginning."""
        state, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        query = {
            "response_type": "code", "client_id": self.client_id, "redirect_uri": self.back_url, "scope": SCOPES, "state": state,
            "code_challenge": challenge, "code_challenge_method": "S256",
        }
        return f"{self.url}/oauth/authorize?{urlencode(query)}", state, verifier

    async def sign_in(self, code: str, verifier: str) -> str:
        """The secret of a new session of the app. Raises SignInAgain."""
        tokens = await self._token(
            grant_type="authorization_code", code=code, redirect_uri=self.back_url, code_verifier=verifier
        )
        me = await get_me.asyncio(client=self._client(tokens))
        # The program sees findings that nobody has confirmed, and other shops than this person: neither is handed on.
        if not isinstance(me, Me) or "cases.judge" not in me.permissions:
            raise SignInAgain
        shops = json.dumps(await self._shops(self._client(tokens)))
        secret = secrets.token_urlsafe(32)
        with self.store.transaction():
            self.store.change(
                "INSERT INTO people VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET name = excluded.name, tokens = excluded.tokens,"
                " shops = excluded.shops",
                me.id, me.name, json.dumps(tokens), shops,
            )
            self.store.change("INSERT INTO sessions VALUES (?, ?)", _hash(secret), me.id)
        return secret

    async def _shops(self, client: AuthenticatedClient) -> list[str]:
        """Those that this person sees, and that the program was given."""
        found: list[str] = []
        query: dict[str, Any] = {"limit": 200}
        async with client.get_async_httpx_client() as http:
            while True:
                answer = await http.get("/api/v1/shops", params=query)
                answer.raise_for_status()
                page = answer.json()
                found += [shop["id"] for shop in page["items"]]
                if page["next"] is None:
                    return found
                query["cursor"] = page["next"]

    def person_of(self, secret: str) -> str | None:
        row = self.store.row("SELECT person FROM sessions WHERE secret = ?", _hash(secret))
        return row["person"] if row else None

    async def _token(self, **form: str) -> dict[str, Any]:
        async with httpx.AsyncClient(auth=(self.client_id, self.client_secret)) as client:
            answer = await client.post(f"{self.url}/api/v1/oauth/token", data=form)
        answer.raise_for_status()
        tokens: dict[str, Any] = answer.json()
        return tokens | {"until": time.time() + tokens["expires_in"] - EARLY_S}

    def _client(self, tokens: dict[str, Any]) -> AuthenticatedClient:
        return AuthenticatedClient(self.url, tokens["access_token"])


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
