"""Invitations: an administrator says who somebody is; that person chooses login and password, once, with a link or a QR code. So
does who has forgotten the password choose a new one."""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.exc import IntegrityError

from api.accounts import repository
from api.accounts.actors import Actor, nobody
from api.accounts.permissions import Permission, Role
from api.accounts.posts import check_post, looks_after_shops
from api.accounts.service import LoginTaken, actor_of, check_login, require_all_shops_of
from api.accounts.tables import Invitation, User
from api.audit.service import record
from api.kit.database import Work
from api.kit.not_found import or_not_found
from api.kit.problems import Conflict, Forbidden, Invalid, NotFound
from api.kit.tokens import token_hash
from api.places import repository as places
from api.places.tables import Shop

VALID_FOR = timedelta(days=7)
# It opens an account that does something already; a message is read within a day.
PASSWORD_FOR = timedelta(hours=24)


class InvitationOver(NotFound):
    """Unknown, withdrawn and run out are told alike."""

    code = "invitation-over"


class InvitationUsed(InvitationOver):
    """An account was made with it. Who holds its link is, as a rule, whose account that is."""


async def invite(
    work: Work, actor: Actor, *, name: str, role: Role, is_admin: bool, district_id: str | None, shop_id: str | None, at: datetime
) -> tuple[Invitation, str]:
    """With its token, which is kept nowhere."""
    name = name.strip()
    await check_post(work, actor, name=name, role=role, district_id=district_id, shop_id=shop_id)
    token = secrets.token_urlsafe(32)
    invitation = Invitation(
        token_hash=token_hash(token), name=name, role=role, is_admin=is_admin, district_id=district_id, shop_id=shop_id,
        created_by=actor.name, created_at=at, expires_at=at + VALID_FOR,
    )
    work.add(invitation)
    await work.flush()
    record(work, actor, "invitation.created", "invitation", invitation.id, **invitation.place, name=name, role=role.value)
    return invitation, token


async def invite_to_password(work: Work, actor: Actor, user: User, at: datetime) -> tuple[Invitation, str]:
    """For who has forgotten it; with the token. An earlier one ends; the present password is good until a new one is chosen."""
    actor.require(Permission.ACCOUNTS_WRITE)
    if user.disabled:
        raise Invalid("The account is disabled. Let it in again first.")
    await require_all_shops_of(work, actor, user)
    await repository.end_password_links(work, actor, user.id, at)
    token = secrets.token_urlsafe(32)
    invitation = Invitation(
        token_hash=token_hash(token), name=user.name, role=user.role, is_admin=user.is_admin, **user.place, user_id=user.id,
        created_by=actor.name, created_at=at, expires_at=at + PASSWORD_FOR,
    )
    work.add(invitation)
    record(work, actor, "user.password_link", "user", user.id, **user.place, login=user.login)
    await work.flush()
    return invitation, token


async def list_open(work: Work, actor: Actor, at: datetime) -> Sequence[Invitation]:
    actor.require(Permission.ACCOUNTS_WRITE)
    return await repository.list_open_invitations(work, actor, at)


async def withdraw(work: Work, actor: Actor, invitation_id: str, at: datetime) -> None:
    """One that is over stays so. Raises NotFound, or Conflict where it was accepted."""
    actor.require(Permission.ACCOUNTS_WRITE)
    found = or_not_found(await repository.get_invitation(work, actor, invitation_id), "invitation")
    if found.used_at is not None:
        raise Conflict("It was accepted already. Disable the account instead.")
    if found.expires_at > at:
        found.expires_at = found.created_at  # who sent the form just before may be served just after
        record(work, actor, "invitation.withdrawn", "invitation", found.id, **found.place, name=found.name)
        await work.flush()


async def find(work: Work, token: str, at: datetime) -> Invitation:
    """Raises InvitationOver or InvitationUsed."""
    invitation = await repository.find_invitation(work, token_hash(token))
    if invitation is not None and invitation.used_at is not None:
        raise InvitationUsed("This link was used already. Sign in with what was chosen then.")
    if invitation is None or invitation.expires_at <= at:
        raise InvitationOver("This link was withdrawn, or its time is over. Ask for a new one.")
    return invitation


async def login_of(work: Work, invitation: Invitation) -> str | None:
    """Of the account that is there already; None where one is to be made."""
    user = await repository.get_user(work, invitation.user_id) if invitation.user_id is not None else None
    return user.login if user is not None else None


async def accept(work: Work, token: str, login: str, password_hash: str, address: str, at: datetime) -> User:
    """Make the account, or give the one that is there its new password; then `login` says nothing. Raises what `find` raises,
    Invalid or LoginTaken; a login that is taken does not use the invitation up."""
    # The account first: who changes that ends its links then, and each would wait for the other.
    user = await repository.find_invited(work, token_hash(token))
    invitation = await find(work, token, at)
    if user is None:
        user = await _new_account(work, invitation, login, password_hash, address, at)
    else:
        user.password_hash = password_hash
        await repository.end_sessions(work, actor_of(user, address), user.id, at)
        record(
            work, nobody(address), "user.password_reset", "user", user.id, **user.place, login=user.login,
            invited_by=invitation.created_by,
        )
    invitation.used_at = at
    await work.flush()
    return user


def is_of_a_shop(invitation: Invitation) -> bool:
    """Whether an account of another shop may take it on."""
    return invitation.user_id is None and looks_after_shops(invitation)


def _suits(invitation: Invitation, actor: Actor) -> bool:
    """In the same role alone: what somebody is holds for all of their shops."""
    same = actor.client is None and looks_after_shops(actor) and actor.role is invitation.role
    return same and is_of_a_shop(invitation)


async def shop_of(work: Work, actor: Actor, invitation: Invitation) -> Shop | None:
    """The one that who is signed in may take on with this invitation; None where it makes an account of its own."""
    if invitation.shop_id is None or not _suits(invitation, actor):
        return None
    return await places.get_shop(work, _looking_after(actor, invitation.shop_id), invitation.shop_id)


def _looking_after(actor: Actor, shop_id: str) -> Actor:
    return replace(actor, further_shop_ids=actor.further_shop_ids | {shop_id})


async def take_on(work: Work, actor: Actor, token: str, at: datetime) -> None:
    """Look after the shop of an invitation with the account that is signed in. Raises what `find` raises, or Forbidden."""
    invitation = await find(work, token, at)
    shop = await shop_of(work, actor, invitation)
    if shop is None:
        raise Forbidden("This invitation makes an account of its own: sign out first, and open its link again.")
    user = await repository.own_user(work, actor)
    if shop.id != user.shop_id and await repository.add_own_further_shop(work, actor, shop.id):
        # Made by who may not see this shop; they open it no more.
        await repository.end_password_links(work, actor, user.id, at)
        record(
            work, _looking_after(actor, shop.id), "user.shop_added", "user", user.id, shop_id=shop.id, login=user.login,
            shop=shop.name, invited_by=invitation.created_by,
        )
    invitation.used_at = at
    await work.flush()


async def _new_account(
    work: Work, invitation: Invitation, login: str, password_hash: str, address: str, at: datetime
) -> User:
    check_login(login)
    user = User(
        login=login, name=invitation.name, role=invitation.role, is_admin=invitation.is_admin, district_id=invitation.district_id,
        shop_id=invitation.shop_id, password_hash=password_hash, created_at=at,
    )
    try:
        async with work.begin_nested():
            work.add(user)
    except IntegrityError as error:
        raise LoginTaken("This login is taken. Choose another one.") from error
    record(
        work, nobody(address), "user.created", "user", user.id, **invitation.place, login=login, role=user.role.value,
        is_admin=user.is_admin, invited_by=invitation.created_by,
    )
    return user
