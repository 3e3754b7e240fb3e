"""What somebody is and of which place: given with an invitation, and changed when a person changes posts."""

from datetime import datetime

from api.accounts import repository
from api.accounts.actors import Actor
from api.accounts.permissions import Permission, Role
from api.accounts.service import check_place
from api.accounts.tables import User
from api.audit.service import record
from api.kit.database import Work
from api.kit.not_found import not_found
from api.kit.problems import Forbidden, Invalid
from api.places import repository as places


async def check_post(
    work: Work, actor: Actor, *, name: str, role: Role, district_id: str | None, shop_id: str | None
) -> None:
    """Whether this actor may give it. Raises Forbidden, Invalid or NotFound."""
    actor.require(Permission.ACCOUNTS_WRITE)
    if not 0 < len(name) <= 100:
        raise Invalid("Name the person, with at most 100 characters.")
    check_place(role, district_id, shop_id)
    if shop_id is None and district_id is None and not actor.sees_all_places:
        raise Forbidden("Your account is bound to a place. Name one of yours.")
    if shop_id is not None and await places.get_shop(work, actor, shop_id) is None:
        raise not_found("shop")
    if district_id is not None and not await places.is_own_district(work, actor, district_id):
        raise not_found("district")


async def get_other(work: Work, actor: Actor, user_id: str) -> User:
    """Somebody else's account. Raises NotFound, or Invalid for one's own."""
    actor.require(Permission.ACCOUNTS_WRITE)
    user = next((user for user in await repository.list_users(work, actor) if user.id == user_id), None)
    if user is None:
        raise not_found("account")
    if user.id == actor.id:  # whoever finds a browser left open would do it without the password that the account page asks for
        raise Invalid("Nobody does this to their own account here. Another administrator can.")
    return user


async def change_post(
    work: Work, actor: Actor, user_id: str, *, name: str, role: Role, is_admin: bool, district_id: str | None,
    shop_id: str | None, at: datetime,
) -> User:
    """Its sessions and programs end, and no browser rings for the place of before. It stays the same person: who reported a case
    as put right does not verify it from another post. What was done before keeps the name of then."""
    user, name = await get_other(work, actor, user_id), name.strip()
    await check_post(work, actor, name=name, role=role, district_id=district_id, shop_id=shop_id)
    before = user.place
    user.name, user.role, user.is_admin, user.district_id, user.shop_id = name, role, is_admin, district_id, shop_id
    await repository.end_sessions(work, actor, user.id, at)
    # Whoever audits the place that somebody left sees it, and whoever audits the one that they come to.
    for place in [before] + [user.place] * (user.place != before):
        record(
            work, actor, "user.post_changed", "user", user.id, **place, login=user.login, name=name, role=role.value,
            is_admin=is_admin,
        )
    await work.flush()
    return user
