"""The programs that a person lets act under their name: seen, and ended."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from api.accounts import repository as accounts
from api.accounts.actors import Actor
from api.audit.service import record
from api.clients import repository
from api.clients.scopes import Scope
from api.clients.tables import ApiClient, ApiToken, TokenKind
from api.kit.database import Work
from api.kit.problems import NotFound


@dataclass(frozen=True)
class Consent:
    """All that one program holds of one person, however often they agreed."""

    client: ApiClient
    scopes: frozenset[Scope]
    since: datetime
    last_used_at: datetime | None

    @classmethod
    def of(cls, tokens: list[ApiToken]) -> "Consent":
        used = [token.used_at or token.created_at for token in tokens if token.kind is not TokenKind.CODE]
        return cls(
            tokens[0].client, frozenset(Scope(scope) for token in tokens for scope in token.scopes),
            min(token.agreed_at or token.created_at for token in tokens), max(used, default=None),
        )


async def list_own(work: Work, actor: Actor, at: datetime) -> list[Consent]:
    """The latest let in first."""
    by_client: defaultdict[str, list[ApiToken]] = defaultdict(list)
    for token in await repository.list_own_tokens(work, actor, at):
        by_client[token.client_id].append(token)
    return sorted(map(Consent.of, by_client.values()), key=lambda consent: consent.since, reverse=True)


async def end_own(work: Work, actor: Actor, client_id: str, at: datetime) -> None:
    """Its tokens open nothing from the next request on. Raises NotFound."""
    await accounts.own_user(work, actor)  # locked: no token is made meanwhile
    consent = next((consent for consent in await list_own(work, actor, at) if consent.client.id == client_id), None)
    if consent is None:
        raise NotFound("You let no such program in, or it has ended already.")
    await _end(work, actor, consent)


async def end_all_own(work: Work, actor: Actor, at: datetime) -> None:
    """For a caller that has locked the account."""
    for consent in await list_own(work, actor, at):
        await _end(work, actor, consent)


async def _end(work: Work, actor: Actor, consent: Consent) -> None:
    await repository.end_own_tokens(work, actor, consent.client.id)
    record(work, actor, "client.consent_ended", "client", consent.client.id, name=consent.client.name)
