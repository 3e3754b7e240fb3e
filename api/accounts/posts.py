"""What somebody is and of which place: given with an invitation, and changed when a person changes posts."""

from collections.abc import Sequence
from datetime import datetime

from api.accounts import repository
from api.accounts.actors import Actor
from api.accounts.permissions import STORE_ROLES, Permission, Role
from api.accounts.service import check_name, check_place
from api.accounts.tables import Invitation, User
from api.audit.service import record
from api.kit.database import Work
from api.kit.not_found import not_found, or_not_found
from api.kit.problems import Conflict, Forbidden, Invalid
from api.places import repository as places


class LastOfShop(Conflict):
    code = "last-of-shop"


async def check_post(
    work: Work, actor: Actor, *, name: str, role: Role, district_id: str | None, shop_id: str | None
) -> None:
    """Whether this actor may give it. Raises Forbidden, Invalid or NotFound."""
    actor.require(Permission.ACCOUNTS_WRITE)
    check_name(name)
    check_place(role, district_id, shop_id)
    if shop_id is None and district_id is None and not actor.sees_all_places:
        raise Forbidden("Your account is bound to a place. Name one of yours.")
    if shop_id is not None and await places.get_shop(work, actor, shop_id) is None:
        raise not_found("shop")
    if district_id is not None and not await places.is_own_district(work, actor, district_id):
        raise not_found("district")


async def get_other(work: Work, actor: Actor, user_id: str) -> User:
    """Somebody else's account, locked. Raises NotFound, or Invalid for one's own."""
    actor.require(Permission.ACCOUNTS_WRITE)
    if not any(user.id == user_id for user in await repository.list_users(work, actor)):
        raise not_found("account")
    if user_id == actor.id:  # whoever finds a browser left open would do it without the password that the account page asks for
        raise Invalid("Nobody does this to their own account here. Another administrator can.")
    return or_not_found(await repository.get_user(work, user_id), "account")


def looks_after_shops(person: User | Invitation | Actor) -> bool:
    """Whether it may be of several: an administrator's power over one shop must not grow with each that somebody else gives."""
    return person.shop_id is not None and person.role in STORE_ROLES and not person.is_admin


async def list_who_looks_after(work: Work, actor: Actor, *, who: str, limit: int) -> Sequence[tuple[User, str]]:
    """Whoever looks after one of the actor's shops beside their own, with the id of that shop."""
    actor.require(Permission.ACCOUNTS_WRITE)
    return await repository.list_who_looks_after(work, actor, who=who, limit=limit)


async def take_out(work: Work, actor: Actor, user_id: str, shop_id: str) -> None:
    """Of a shop that is looked after beside the account's own, which keeps the rest of what it sees. Who is out stays out. Raises
    NotFound."""
    actor.require(Permission.ACCOUNTS_WRITE)
    or_not_found(await places.get_shop(work, actor, shop_id), "shop")
    for user, of_shop in await repository.list_who_looks_after(work, actor, user_id=user_id):
        if of_shop == shop_id:
            await _take_out(work, actor, user, shop_id)


async def leave(work: Work, actor: Actor, shop_id: str, at: datetime) -> None:
    """One of the several shops that one's own account looks after. Who is out stays out. Raises Forbidden for the only one, or
    LastOfShop."""
    if shop_id != actor.shop_id and shop_id not in actor.further_shop_ids:
        return
    await places.get_shop(work, actor, shop_id, for_change=True)  # of two who leave at once, the second stays
    user = await repository.own_user(work, actor)
    further = await repository.list_further_shops(work, actor, user.id)
    if not further:
        raise Forbidden("It is the only shop of your account. Ask whoever manages the accounts.")
    if not await repository.is_looked_after_by_another(work, actor, shop_id):
        raise LastOfShop("Nobody else looks after this shop. Ask whoever manages the accounts to invite who comes after you.")
    if shop_id == user.shop_id:
        await repository.begin_with(work, actor, user, further[0])
    # Made by who may manage the shop that is left.
    await repository.end_password_links(work, actor, user.id, at)
    await _take_out(work, actor, user, shop_id)
    await work.flush()


async def _take_out(work: Work, actor: Actor, user: User, shop_id: str) -> None:
    name = await repository.delete_further_shop(work, actor, user.id, shop_id)
    record(work, actor, "user.shop_removed", "user", user.id, shop_id=shop_id, login=user.login, shop=name)


async def change_post(
    work: Work, actor: Actor, user_id: str, *, name: str, role: Role, is_admin: bool, district_id: str | None,
    shop_id: str | None, at: datetime,
) -> User:
    """Its sessions and programs end, and no browser rings for the place of before. It stays the same person: who reported a case
    as put right does not verify it from another post. What was done before keeps the name of then. Further shops stay with
    somebody of a shop alone."""
    user, name = await get_other(work, actor, user_id), name.strip()
    await check_post(work, actor, name=name, role=role, district_id=district_id, shop_id=shop_id)
    before = user.place
    user.name, user.role, user.is_admin, user.district_id, user.shop_id = name, role, is_admin, district_id, shop_id
    await repository.end_sessions(work, actor, user.id, at)
    for shop_id in await repository.list_further_shops(work, actor, user.id):
        if shop_id == user.shop_id or not looks_after_shops(user):
            await _take_out(work, actor, user, shop_id)
    # Whoever audits the place that somebody left sees it, and whoever audits the one that they come to.
    for place in [before] + [user.place] * (user.place != before):
        record(
            work, actor, "user.post_changed", "user", user.id, **place, login=user.login, name=name, role=role.value,
            is_admin=is_admin,
        )
    await work.flush()
    return user
