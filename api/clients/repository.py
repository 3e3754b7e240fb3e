from datetime import datetime

from sqlalchemy import ColumnElement, Exists, Select, and_, delete, exists, false, or_, select, true, update
from sqlalchemy.orm import InstrumentedAttribute, contains_eager, joinedload, selectinload

from api.accounts.actors import Actor, ActorKind, without_actor
from api.accounts.permissions import Permission
from api.accounts.tables import User
from api.clients.tables import ApiClient, ApiClientPlace, ApiToken, TokenKind
from api.kit.database import Work
from api.places.repository import district_is_visible, shop_is_visible


def _client_is_visible(actor: Actor) -> ColumnElement[bool]:
    """To who may manage clients, one of which every place is theirs to see."""
    if not actor.may(Permission.CLIENTS_WRITE):
        return false()
    of_shop: InstrumentedAttribute[str] = ApiClientPlace.shop_id  # type: ignore[assignment]
    mine = or_(
        and_(ApiClientPlace.shop_id.is_not(None), shop_is_visible(actor, of_shop)),
        and_(ApiClientPlace.district_id.is_not(None), district_is_visible(actor, ApiClientPlace.district_id)),
    )
    return ~exists().where(ApiClientPlace.client_id == ApiClient.id, ~mine)


def _readable(actor: Actor) -> Select[ApiClient]:
    return select(ApiClient).where(_client_is_visible(actor)).options(selectinload(ApiClient.places))


async def list_clients(work: Work, actor: Actor, *, after: str | None = None, limit: int | None = None) -> list[ApiClient]:
    query = _readable(actor).order_by(ApiClient.id).limit(limit)
    if after is not None:
        query = query.where(ApiClient.id > after)
    return list(await work.scalars(query))


async def get_client(work: Work, actor: Actor, client_id: str, *, for_change: bool = False) -> ApiClient | None:
    query = _readable(actor).where(ApiClient.id == client_id)
    if for_change:
        query = query.with_for_update(of=ApiClient, key_share=True).execution_options(populate_existing=True)
    client: ApiClient | None = await work.scalar(query)
    return client


async def list_own_tokens(work: Work, actor: Actor, at: datetime) -> list[ApiToken]:
    """Those that still open something."""
    query = select(ApiToken).join(ApiClient, ApiClient.id == ApiToken.client_id).where(
        ApiToken.user_id == actor.id, ApiToken.expires_at > at, ApiClient.revoked_at.is_(None),
        or_(ApiToken.kind == TokenKind.ACCESS, ApiToken.used_at.is_(None)),
    )
    return list(await work.scalars(query.options(contains_eager(ApiToken.client))))


async def end_own_tokens(work: Work, actor: Actor, client_id: str) -> None:
    await work.execute(delete(ApiToken).where(ApiToken.user_id == actor.id, ApiToken.client_id == client_id))


@without_actor("the client proves who it is with its secret, and nothing is told before that fits")
async def find_client(work: Work, client_id: str) -> ApiClient | None:
    if not (client_id.isascii() and client_id.isprintable()):
        return None  # what can be no client's (RFC 6749, A.1), and PostgreSQL is not asked for: NUL
    client: ApiClient | None = await work.get(ApiClient, client_id, options=[selectinload(ApiClient.places)])
    return client


@without_actor("the token is the proof")
async def find_token(work: Work, token_hash: str, *, for_change: bool = False) -> ApiToken | None:
    query = select(ApiToken).where(ApiToken.token_hash == token_hash)
    if for_change:
        query = query.with_for_update(of=ApiToken).execution_options(populate_existing=True)
    token: ApiToken | None = await work.scalar(
        query.options(joinedload(ApiToken.client).selectinload(ApiClient.places), joinedload(ApiToken.user))
    )
    return token


async def is_still_let_in(work: Work, actor: Actor) -> bool:
    """Whether the person, the client, or the client for the person may still ask for anything."""
    needed: list[Exists] = []
    user_id = actor.id if actor.kind is ActorKind.PERSON else None
    client_id = actor.client.id if actor.client is not None else None
    if user_id is not None:
        needed.append(exists().where(User.id == user_id, User.disabled.is_(False)))
    if client_id is not None:
        needed.append(exists().where(ApiClient.id == client_id, ApiClient.revoked_at.is_(None)))
    if user_id is not None and client_id is not None:
        needed.append(exists().where(ApiToken.user_id == user_id, ApiToken.client_id == client_id))
    return bool(await work.scalar(select(and_(true(), *needed))))


@without_actor("the token is the proof")
async def touch_token(work: Work, token_hash: str, at: datetime) -> None:
    await work.execute(update(ApiToken).where(ApiToken.token_hash == token_hash).values(used_at=at))


@without_actor("the token is the proof")
async def take_back_unused(work: Work, family: str, since: datetime) -> bool:
    """What has been given out since then, where nobody has used any of it."""
    given = (ApiToken.family == family, ApiToken.created_at >= since)
    if await work.scalar(select(exists().where(*given, ApiToken.used_at.is_not(None)))):
        return False
    await work.execute(delete(ApiToken).where(*given).execution_options(synchronize_session=False))
    return True


@without_actor("whoever holds a part of it can end it")
async def end_family(work: Work, family: str) -> None:
    await work.execute(delete(ApiToken).where(ApiToken.family == family).execution_options(synchronize_session=False))


@without_actor("old tokens of everybody go")
async def delete_expired_tokens(work: Work, at: datetime) -> None:
    await work.execute(delete(ApiToken).where(ApiToken.expires_at < at).execution_options(synchronize_session=False))
