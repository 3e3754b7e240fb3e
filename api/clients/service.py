"""Managing clients: who made them, for which places, their secrets, and their end."""

import hmac
import re
import secrets
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from api.accounts.actors import Actor, Client
from api.accounts.permissions import Permission
from api.audit.service import record
from api.clients import repository
from api.clients.schemas import ClientIn
from api.clients.scopes import OF_PERSONS
from api.clients.tables import ApiClient, ApiClientPlace
from api.deliveries import repository as deliveries
from api.deliveries.kinds import Fault
from api.kit.database import Work
from api.kit.not_found import or_not_found
from api.kit.problems import Conflict, InvalidField
from api.kit.tokens import token_hash
from api.places import repository as places

# Both secrets work for so long, so that a client changes over without a moment in which none does.
PREVIOUS_LASTS = timedelta(hours=24)
EARLIER_KEPT = 4
# RFC 3986, without user and fragment. The page on which people agree names its host in a header, where a ; would begin a
# directive.
_URI = re.compile(r"https?://[\w.:\[\]-]+([/?][\w.~:/?\[\]@!$&'()*+,;=%-]*)?", re.ASCII)
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class NotAClient(InvalidField):
    code = "not-a-client"


class ClientRevoked(Conflict):
    code = "client-revoked"


async def list_clients(work: Work, actor: Actor, *, after: str | None = None, limit: int | None = None) -> list[ApiClient]:
    actor.require(Permission.CLIENTS_WRITE)
    return await repository.list_clients(work, actor, after=after, limit=limit)


async def get_client(work: Work, actor: Actor, client_id: str, *, for_change: bool = False) -> ApiClient:
    actor.require(Permission.CLIENTS_WRITE)
    return or_not_found(await repository.get_client(work, actor, client_id, for_change=for_change), "client")


async def create_client(work: Work, actor: Actor, new: ClientIn, at: datetime) -> tuple[ApiClient, str]:
    """The client and its secret, which is kept nowhere. Raises NotAClient."""
    actor.require(Permission.CLIENTS_WRITE)
    await _check(work, actor, new)
    secret = secrets.token_urlsafe(32)
    client = ApiClient(
        name=new.name, scopes=sorted(set(new.scopes)), redirect_uris=new.redirect_uris, is_authority=new.is_authority,
        secret_hash=token_hash(secret), created_at=at, created_by=actor.name,
        places=[
            *(ApiClientPlace(district_id=district_id) for district_id in dict.fromkeys(new.district_ids)),
            *(ApiClientPlace(shop_id=shop_id) for shop_id in dict.fromkeys(new.shop_ids)),
        ],
    )
    work.add(client)
    await work.flush()
    record(work, actor, "client.created", "client", client.id, name=client.name, scopes=" ".join(client.scopes))
    return client, secret


async def rotate_secret(work: Work, actor: Actor, client_id: str, at: datetime) -> tuple[ApiClient, str]:
    """A new secret; the one before works for PREVIOUS_LASTS more, also when it is not the last one that is replaced in this time:
    a page that was loaded anew makes another one, and the program goes on with the one that it has."""
    client = await get_client(work, actor, client_id, for_change=True)
    if client.revoked_at is not None:
        raise ClientRevoked("This client was revoked. Add a new one.")
    secret = secrets.token_urlsafe(32)
    if client.previous_hash is not None and client.previous_until is not None:
        replaced = [[client.previous_hash, client.previous_until.isoformat()], *client.earlier]
        client.earlier = [one for one in replaced if at < datetime.fromisoformat(one[1])][:EARLIER_KEPT]
    client.previous_hash, client.previous_until = client.secret_hash, at + PREVIOUS_LASTS
    client.secret_hash = token_hash(secret)
    record(work, actor, "client.secret_rotated", "client", client.id, name=client.name)
    await work.flush()
    return client, secret


async def revoke_client(work: Work, actor: Actor, client_id: str, at: datetime) -> ApiClient:
    """From now on it gets no token and no webhook, and the tokens that it has open nothing. They are left to run out: to delete
    them would be to wait for whoever is just refreshing one, and they for this."""
    client = await get_client(work, actor, client_id, for_change=True)
    if client.revoked_at is None:
        client.revoked_at = at
        record(work, actor, "client.revoked", "client", client.id, name=client.name)
        for target in await deliveries.end_targets_of_client(work, client.id, at):
            record(work, actor, "target.dead", "target", target.id, **target.place, fault=Fault.PROGRAM_REVOKED.value)
        await work.flush()
    return client


def secret_fits(client: ApiClient, secret: str, at: datetime) -> bool:
    given, working = token_hash(secret), [client.secret_hash]
    if client.previous_hash is not None and client.previous_until is not None and at < client.previous_until:
        working.append(client.previous_hash)
    working += [known for known, until in client.earlier if at < datetime.fromisoformat(until)]
    return any(hmac.compare_digest(given, known) for known in working)


def as_part_of_actor(client: ApiClient) -> Client:
    return Client(client.id, client.name, frozenset(client.district_ids), frozenset(client.shop_ids), client.is_authority)


async def _check(work: Work, actor: Actor, new: ClientIn) -> None:
    if not new.district_ids and not new.shop_ids:
        raise NotAClient("district_ids", "A client sees what it is given: name a district or a shop.")
    for district_id in new.district_ids:
        if not await places.is_own_district(work, actor, district_id):
            raise NotAClient("district_ids", "There is no such district, or it is not yours to see.")
    for shop_id in new.shop_ids:
        if await places.get_shop(work, actor, shop_id) is None:
            raise NotAClient("shop_ids", "There is no such shop, or it is not yours to see.")
    if OF_PERSONS & set(new.scopes) and not new.redirect_uris:
        raise NotAClient("redirect_uris", "People have to agree to these scopes: say where they come back to.")
    for uri in new.redirect_uris:
        if not _can_lead_back(uri):
            words = "Write it as https://host/path, without a # part; http only for a loopback address."
            raise NotAClient("redirect_uris", words)


def _can_lead_back(uri: str) -> bool:
    """RFC 6749, 3.1.2, and RFC 8252, 7.3"""
    try:
        parts = urlsplit(uri)
        hostname, _ = parts.hostname, parts.port
    except ValueError:
        return False
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and hostname in _LOOPBACK)
    return is_safe and bool(hostname) and _URI.fullmatch(uri) is not None
