"""Accounts, signing in and out."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from pydantic import SecretStr
from sqlalchemy.exc import IntegrityError

from api.accounts import repository, second_factor, sessions, throttle
from api.accounts.actors import Actor, ActorKind, nobody, the_house
from api.accounts.passwords import hash_password, random_password
from api.accounts.permissions import STORE_ROLES, Permission, Role, permissions_of
from api.accounts.tables import User, UserSession
from api.audit.service import record
from api.clients import consents
from api.kit.database import Work
from api.kit.names import is_name
from api.kit.problems import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from api.kit.secrets import Keyring
from api.kit.settings import Settings
from api.kit.times import now
from api.kit.tokens import token_hash

# Writing on every request would make each look at a page a transaction.
TOUCH_EVERY = timedelta(minutes=5)
FIRST_LOGIN = "admin"
LONGEST_LOGIN = 64


class WrongPassword(Unauthenticated):
    code = "wrong-password"


class CodeNeeded(Unauthenticated):
    """`proved` stands for the password that was found to be right: with another one, that proves nothing any more."""

    code = "code-needed"

    def __init__(self, detail: str, proved: str) -> None:
        super().__init__(detail)
        self.proved = proved


class LoginTaken(Conflict):
    code = "login-taken"


@dataclass(frozen=True)
class FirstLogin:
    """The first account of an empty database; its password is shown once."""

    login: str
    password: str = field(repr=False)


async def begin_sign_in(work: Work, login: str, address: str) -> User | None:
    """The account whose password is to be checked now, outside of any transaction: it takes long. Raises TooManyLogins."""
    await throttle.begin(work, login, address)
    return await repository.find_login(work, login)


async def end_sign_in(
    work: Work, settings: Settings, keyring: Keyring, user: User | None, fits: bool, code: str | None, login: str, address: str,
    device: str | None = None,
) -> tuple[Actor, str] | None:
    """Who is signed in now and the token of the new session; None where password or code do not fit, which is recorded.

    Raises CodeNeeded where the password fits and a code is missing; the caller commits all the same. Raises TooManyLogins where
    the account's codes are being guessed.
    """
    if user is not None:
        checked, user = user.password_hash, await repository.get_user(work, user.id)
        # Checking takes its time; a password that was set anew meanwhile, because somebody else knew it, opens nothing more.
        fits = fits and user is not None and user.password_hash == checked
    if user is not None and fits and not user.disabled and user.totp_encrypted is not None:
        if code is None:
            await throttle.code_needed(work, login, address)
            raise CodeNeeded("Type the code that the authenticator app shows.", token_hash(user.password_hash))
        begun = await throttle.begin_code(work, str(user.id))
        fits = second_factor.fits(keyring, user, code, now())
        if fits:
            throttle.code_fitted(begun)
    if user is None or not fits or user.disabled:
        failures = await throttle.failed(work, login, address)
        # An unknown login is not written down: it may be a password in the wrong field.
        record(
            work, nobody(address), "session.refused", "user", user.id if user else "unknown", **(user.place if user else {}),
            failures=failures,
        )
        return None
    await throttle.succeeded(work, login, address)
    actor = await with_further_shops(work, replace(actor_of(user, address), device=device))
    return actor, await start_session(work, settings, actor)


async def begin_own_password(work: Work, actor: Actor, address: str) -> User:
    """One's own account, whose password is to be checked now, outside of any transaction. Raises TooManyLogins."""
    user = await repository.own_user(work, actor)
    await throttle.begin(work, user.login, address)
    return user


async def end_own_password(work: Work, actor: Actor, login: str, fits: bool, address: str) -> None:
    """That it did not fit is recorded: somebody may have found a browser left open."""
    if fits:
        await throttle.succeeded(work, login, address)
        return
    failures = await throttle.failed(work, login, address)
    place = {"shop_id": actor.shop_id, "district_id": actor.district_id}
    record(work, actor, "user.password_refused", "user", actor.id, **place, failures=failures)


async def start_session(work: Work, settings: Settings, actor: Actor) -> str:
    """The token of a new session, for the cookie."""
    token, at = secrets.token_urlsafe(32), now()
    await repository.delete_expired_sessions(work, at)
    expires_at = at + timedelta(hours=settings.session_idle_hours)
    work.add(
        UserSession(
            token_hash=token_hash(token), user_id=actor.id, created_at=at, seen_at=at, expires_at=expires_at,
            address=actor.address, device=actor.device,
        )
    )
    record(work, actor, "session.started", "user", actor.id)
    return token


async def start_session_of(work: Work, settings: Settings, user: User, address: str, device: str) -> str:
    """For who has signed in elsewhere."""
    return await start_session(work, settings, replace(actor_of(user, address), device=device))


async def sign_out(work: Work, actor: Actor, token: str) -> None:
    if await repository.delete_session(work, token_hash(token)):
        record(work, actor, "session.ended", "user", actor.id)


async def authenticate(work: Work, token: str, address: str | None) -> tuple[Actor, bool]:
    """Who the session belongs to, and whether it should be prolonged. Raises Unauthenticated."""
    session = await repository.find_session(work, token_hash(token))
    at = now()
    if session is None or session.expires_at <= at or session.user.disabled:
        raise Unauthenticated("You are not signed in, or your session has ended. Sign in again.")
    return await with_further_shops(work, actor_of(session.user, address)), at - session.seen_at > TOUCH_EVERY


async def prolong(work: Work, settings: Settings, token: str) -> None:
    session = await repository.find_session(work, token_hash(token))
    if session is not None:
        session.seen_at = now()
        latest = session.created_at + timedelta(days=settings.session_longest_days)
        session.expires_at = min(session.seen_at + timedelta(hours=settings.session_idle_hours), latest)


async def list_users(
    work: Work, actor: Actor, *, who: str = "", after: str | None = None, limit: int | None = None
) -> list[User]:
    """`who` is a part of the name or of the login."""
    actor.require(Permission.ACCOUNTS_WRITE)
    return await repository.list_users(work, actor, who=who, after=after, limit=limit)


async def create_user(
    work: Work, actor: Actor, *, login: str, name: str, role: Role, is_admin: bool = False,
    district_id: str | None = None, shop_id: str | None = None,
) -> SecretStr:
    """The new account's password, which is kept nowhere else."""
    actor.require(Permission.ACCOUNTS_WRITE)
    check_login(login)
    check_name(name)
    check_place(role, district_id, shop_id)
    password = random_password()
    user = User(
        login=login, name=name, role=role, is_admin=is_admin, district_id=district_id, shop_id=shop_id,
        password_hash=await hash_password(password), created_at=now(),
    )
    work.add(user)
    try:
        await work.flush()
    except IntegrityError as error:
        raise LoginTaken("This login is taken, or the district or shop does not exist.") from error
    record(work, actor, "user.created", "user", user.id, **user.place, login=login, role=role.value, is_admin=is_admin)
    return password


def is_login(text: str) -> bool:
    """One with a character that nobody sees would look like somebody else's."""
    return 0 < len(text) <= LONGEST_LOGIN and text == text.strip() and text.isprintable()


def check_login(login: str) -> None:
    """Raises Invalid."""
    if not is_login(login):
        raise Invalid("A login has 1 to 64 characters, all of which can be seen, and no space at its ends.")


def check_name(name: str) -> None:
    """Raises Invalid."""
    if not is_name(name):
        raise Invalid("Name the person on one line, with at most 100 characters.")


def check_place(role: Role, district_id: str | None, shop_id: str | None) -> None:
    """Raises Invalid."""
    if role in STORE_ROLES and shop_id is None:
        raise Invalid("An account of a shop needs the shop's id.")
    if role is Role.PARTNER and district_id is None and shop_id is None:
        raise Invalid("An account of another department sees what it is given: name a district or a shop.")


async def change_password(work: Work, actor: Actor, password_hash: str, token: str, at: datetime) -> None:
    """One's own, to one that was checked and hashed; every other session of the account ends, and the programs let in: whoever
    changes a password fears that somebody else had it, and may have agreed to one with it."""
    user = await repository.own_user(work, actor)
    user.password_hash = password_hash
    await sessions.end_others(work, actor, token_hash(token))
    await consents.end_all_own(work, actor, at)
    await repository.end_password_links(work, actor, user.id, at)
    record(work, actor, "user.password_changed", "user", user.id, **user.place)
    await work.flush()


async def reset_password(work: Work, actor: Actor, login: str) -> SecretStr:
    """A new random password; all sessions of the account end."""
    user = await _named(work, actor, login)
    await require_all_shops_of(work, actor, user)
    password = random_password()
    user.password_hash = await hash_password(password)
    await repository.end_sessions(work, actor, user.id, now())
    record(work, actor, "user.password_reset", "user", user.id, **user.place, login=user.login)
    return password


async def drop_second_factor(work: Work, actor: Actor, login: str) -> None:
    """For a phone that was lost; all sessions of the account end."""
    user = await _named(work, actor, login)
    await repository.end_sessions(work, actor, user.id, now())
    await second_factor.switch_off(work, actor, user)


async def set_disabled(work: Work, actor: Actor, login: str, disabled: bool) -> None:
    """Nobody can sign in to a disabled account, and its sessions end; what it did stays."""
    user = await _named(work, actor, login)
    user.disabled = disabled
    await repository.end_sessions(work, actor, user.id, now())
    record(work, actor, "user.disabled" if disabled else "user.enabled", "user", user.id, **user.place, login=user.login)


async def _named(work: Work, actor: Actor, login: str) -> User:
    actor.require(Permission.ACCOUNTS_WRITE)
    users = await repository.list_users(work, actor)
    user = next((user for user in users if user.login == login), None)
    if not users:
        raise NotFound("There is no account here at all. Does --data name the folder that the centre uses?")
    if user is None:
        raise NotFound(f"There is no account {login!r}. `sunshine accounts list` shows them.")
    return user


async def first_login(work: Work) -> FirstLogin | None:
    """Make the first account of an empty database. It is officer and administrator in one person, because whoever sets the
    system up must be able to look at its cases; larger installations make accounts with one role each and disable it."""
    if await repository.count_users(work):
        return None
    house = the_house("first start")
    password = await create_user(work, house, login=FIRST_LOGIN, name="Admin", role=Role.OFFICER, is_admin=True)
    return FirstLogin(FIRST_LOGIN, password.get_secret_value())


def actor_of(user: User, address: str | None) -> Actor:
    return Actor(
        ActorKind.PERSON, user.id, user.name, permissions=permissions_of(user.role, user.is_admin), role=user.role,
        is_admin=user.is_admin, district_id=user.district_id, shop_id=user.shop_id, language=user.language, address=address,
    )


async def with_further_shops(work: Work, actor: Actor) -> Actor:
    """Asked with each request, so that whoever is taken out of a shop sees nothing of it any more."""
    if actor.role not in STORE_ROLES:
        return actor
    return replace(actor, further_shop_ids=frozenset(await repository.list_further_shops(work, actor, actor.id)))


async def list_with_shops_of_others(work: Work, actor: Actor, users: Sequence[User]) -> set[str]:
    """Whose accounts also look after a shop that this actor does not see."""
    return await repository.list_with_shops_of_others(work, actor, [user.id for user in users])


async def require_all_shops_of(work: Work, actor: Actor, user: User) -> None:
    """A new password opens all that the account looks after, also what another administrator gave to it. Raises Forbidden."""
    if await list_with_shops_of_others(work, actor, [user]):
        raise Forbidden("The account also looks after a shop that you do not see. Ask an administrator who sees all of them.")
