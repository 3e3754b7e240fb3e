from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, func, not_, or_, select, true, update
from sqlalchemy.orm import InstrumentedAttribute, joinedload

from api.accounts.actors import Actor, without_actor
from api.accounts.permissions import STORE_ROLES, Permission
from api.accounts.tables import FurtherShop, Invitation, SignInFailures, User, UserSession
from api.cases.tables import Case
from api.clients.tables import ApiToken
from api.deliveries.kinds import DeliveryState
from api.deliveries.tables import Delivery, Target
from api.kit.database import Work, insert_if_missing, insert_where_missing
from api.places.repository import district_is_visible, shop_is_visible
from api.places.tables import Shop


@without_actor("signing in: the password is the proof, and nothing of the account is told before it fits")
async def find_login(work: Work, login: str) -> User | None:
    user: User | None = await work.scalar(select(User).where(User.login == login))
    return user


@without_actor("the password, or a token that the account gave, was the proof")
async def get_user(work: Work, user_id: str) -> User | None:
    """Locked: a code is used up by one sign-in only, and no tokens are made while others are ended."""
    query = select(User).where(User.id == user_id).with_for_update().execution_options(populate_existing=True)
    user: User | None = await work.scalar(query)
    return user


@without_actor("the session's token is the proof")
async def find_session(work: Work, token_hash: str) -> UserSession | None:
    query = select(UserSession).where(UserSession.token_hash == token_hash).options(joinedload(UserSession.user))
    session: UserSession | None = await work.scalar(query)
    return session


@without_actor("signing out ends whatever session the token belongs to")
async def delete_session(work: Work, token_hash: str) -> bool:
    """Whether it was there: of two who end it at once, one has."""
    ended = delete(UserSession).where(UserSession.token_hash == token_hash).returning(UserSession.token_hash)
    return (await work.execute(ended)).first() is not None


@without_actor("old sessions of everybody go")
async def delete_expired_sessions(work: Work, at: datetime) -> None:
    await work.execute(delete(UserSession).where(UserSession.expires_at < at))


@without_actor("who signs in is not known yet")
async def failures_of(work: Work, key: str, at: datetime) -> SignInFailures:
    """Nobody else can read or change it before this transaction ends."""
    await insert_where_missing(work, SignInFailures, {"key": key, "count": 0, "last_at": at, "blocked_until": at}, "key")
    return await work.get_one(SignInFailures, key)


@without_actor("old failures of everybody go")
async def delete_old_failures(work: Work, before: datetime) -> None:
    # Those that somebody is counting at this moment stay: to wait for them could be to wait for each other.
    old = select(SignInFailures.key).where(SignInFailures.last_at < before).with_for_update(skip_locked=True)
    await work.execute(delete(SignInFailures).where(SignInFailures.key.in_(old)))


@without_actor("asked once at the first start, when there is nobody yet")
async def count_users(work: Work) -> int:
    return await work.scalar(select(func.count()).select_from(User)) or 0


async def list_users(
    work: Work, actor: Actor, *, who: str = "", after: str | None = None, limit: int | None = None
) -> list[User]:
    if not actor.may(Permission.ACCOUNTS_WRITE):
        return []
    query = select(User).where(_is_bound_below(actor, User)).order_by(User.login).limit(limit)
    if who:
        query = query.where(_is_called(who))
    if after is not None:
        query = query.where(User.login > after)
    return list(await work.scalars(query))


def _is_called(who: str) -> ColumnElement[bool]:
    return or_(User.name.icontains(who, autoescape=True), User.login.icontains(who, autoescape=True))


def _is_bound_below(actor: Actor, table: type[User] | type[Invitation]) -> ColumnElement[bool]:
    """An administrator of a district sees who is bound to it, to a station below it, or to a shop of theirs."""
    if actor.sees_all_places:
        return true()
    of_shop: InstrumentedAttribute[str] = table.shop_id  # type: ignore[assignment]
    return or_(
        and_(table.shop_id.is_not(None), shop_is_visible(actor, of_shop)),
        and_(table.district_id.is_not(None), district_is_visible(actor, table.district_id)),
    )


async def list_further_shops(work: Work, actor: Actor, user_id: str) -> list[str]:
    if actor.id != user_id and not actor.may(Permission.ACCOUNTS_WRITE):
        return []
    query = select(FurtherShop.shop_id).where(FurtherShop.user_id == user_id)
    return list(await work.scalars(query.order_by(FurtherShop.shop_id)))


async def list_who_looks_after(
    work: Work, actor: Actor, *, who: str = "", user_id: str | None = None, limit: int | None = None
) -> list[tuple[User, str]]:
    """Whoever looks after a shop of the actor's beside their own, with the id of that shop."""
    if not actor.may(Permission.ACCOUNTS_WRITE):
        return []
    query = select(User, FurtherShop.shop_id).join(FurtherShop, FurtherShop.user_id == User.id)
    query = query.where(shop_is_visible(actor, FurtherShop.shop_id)).order_by(User.login, FurtherShop.shop_id).limit(limit)
    if who:
        query = query.where(_is_called(who))
    if user_id is not None:
        query = query.where(User.id == user_id)
    return [(user, shop_id) for user, shop_id in await work.execute(query)]


async def list_with_shops_of_others(work: Work, actor: Actor, user_ids: Collection[str]) -> set[str]:
    """Which of them look after a shop that this actor does not see."""
    of_others = not_(shop_is_visible(actor, FurtherShop.shop_id))
    return set(await work.scalars(select(FurtherShop.user_id).where(FurtherShop.user_id.in_(user_ids), of_others)))


async def add_own_further_shop(work: Work, actor: Actor, shop_id: str) -> bool:
    """False where it was one already."""
    return await insert_if_missing(work, FurtherShop, {"user_id": actor.id, "shop_id": shop_id})


async def is_looked_after_by_another(work: Work, actor: Actor, shop_id: str) -> bool:
    """Whether somebody else who can sign in answers for it."""
    further = select(FurtherShop.user_id).where(FurtherShop.shop_id == shop_id)
    others = select(User.id).where(User.id != actor.id, User.role.in_(STORE_ROLES), User.disabled.is_(False))
    return bool(await work.scalar(select(others.where(or_(User.shop_id == shop_id, User.id.in_(further))).exists())))


async def begin_with(work: Work, actor: Actor, user: User, shop_id: str) -> None:
    """One of one's own further shops and the first one change places, also for what rings in one's browsers."""
    if user.id == actor.id:
        mine = FurtherShop.user_id == user.id, FurtherShop.shop_id == shop_id
        await work.execute(update(FurtherShop).where(*mine).values(shop_id=user.shop_id))
        await work.execute(update(Target).where(Target.user_id == user.id).values(shop_id=shop_id, version=Target.version + 1))
        user.shop_id = shop_id


async def delete_further_shop(work: Work, actor: Actor, user_id: str, shop_id: str) -> str | None:
    """With what waits for the person's browsers about it: in quiet hours that is a night's. Returns the name of the shop."""
    if actor.id == user_id or actor.may(Permission.ACCOUNTS_WRITE):
        await work.execute(delete(FurtherShop).where(FurtherShop.user_id == user_id, FurtherShop.shop_id == shop_id))
        browsers, cases = select(Target.id).where(Target.user_id == user_id), select(Case.id).where(Case.shop_id == shop_id)
        waiting = Delivery.target_id.in_(browsers), Delivery.case_id.in_(cases), Delivery.state == DeliveryState.WAITING
        await work.execute(update(Delivery).where(*waiting).values(state=DeliveryState.FAILED, awaited=False))
    name: str | None = await work.scalar(select(Shop.name).where(Shop.id == shop_id))
    return name


async def own_user(work: Work, actor: Actor) -> User:
    return (await work.scalars(select(User).where(User.id == actor.id).with_for_update())).one()


async def list_own_sessions(work: Work, actor: Actor) -> list[UserSession]:
    """The latest used first."""
    query = select(UserSession).where(UserSession.user_id == actor.id).order_by(UserSession.seen_at.desc())
    return list(await work.scalars(query))


@without_actor("the identity provider has said who it is")
async def find_oidc_subject(work: Work, subject: str) -> User | None:
    user: User | None = await work.scalar(select(User).where(User.oidc_subject == subject))
    return user


@without_actor("the token is the proof")
async def find_invitation(work: Work, token_hash: str) -> Invitation | None:
    found: Invitation | None = await work.scalar(select(Invitation).where(Invitation.token_hash == token_hash).with_for_update())
    return found


@without_actor("the token is the proof")
async def find_invited(work: Work, token_hash: str) -> User | None:
    """Whose account gets a new password with it, locked; None where one is to be made."""
    query = select(User).join(Invitation, Invitation.user_id == User.id).where(Invitation.token_hash == token_hash)
    user: User | None = await work.scalar(query.with_for_update(of=User))
    return user


async def list_open_invitations(work: Work, actor: Actor, at: datetime) -> list[Invitation]:
    if not actor.may(Permission.ACCOUNTS_WRITE):
        return []
    query = select(Invitation).where(_is_bound_below(actor, Invitation), Invitation.used_at.is_(None), Invitation.expires_at > at)
    return list(await work.scalars(query.order_by(Invitation.created_at.desc())))


async def get_invitation(work: Work, actor: Actor, invitation_id: str) -> Invitation | None:
    """Locked: nobody accepts it while it is withdrawn."""
    if not actor.may(Permission.ACCOUNTS_WRITE):
        return None
    query = select(Invitation).where(_is_bound_below(actor, Invitation), Invitation.id == invitation_id)
    found: Invitation | None = await work.scalar(query.with_for_update())
    return found


async def end_password_links(work: Work, actor: Actor, user_id: str, at: datetime) -> None:
    """Over since they were made: who sent a new password just before `at` may be served just after it."""
    if actor.id == user_id or actor.may(Permission.ACCOUNTS_WRITE):
        is_open = Invitation.user_id == user_id, Invitation.used_at.is_(None), Invitation.expires_at > at
        await work.execute(update(Invitation).where(*is_open).values(expires_at=Invitation.created_at))


async def end_sessions(work: Work, actor: Actor, user_id: str, at: datetime) -> None:
    """In browsers, and in programs that the person let in; links to a new password; and what rings in a browser: it may be
    another's."""
    await end_password_links(work, actor, user_id, at)
    if actor.id == user_id or actor.may(Permission.ACCOUNTS_WRITE):
        await work.execute(delete(UserSession).where(UserSession.user_id == user_id))
        await work.execute(delete(ApiToken).where(ApiToken.user_id == user_id))
        off = {"enabled": False, "subscription_digest": None, "version": Target.version + 1}
        await work.execute(update(Target).where(Target.user_id == user_id, Target.enabled).values(off))
