from collections.abc import Sequence
from datetime import date

from sqlalchemy import ColumnElement, CompoundSelect, Select, case, func, or_, select, union
from sqlalchemy.orm import joinedload

from api.accounts.actors import Actor
from api.accounts.tables import FurtherShop, Invitation, User
from api.alarms.tables import AlarmChannel
from api.cameras.tables import Camera
from api.coverage.schemas import Counts, Reached
from api.edges.tables import Edge, EnrolmentCode
from api.kit.database import Work
from api.places.repository import shop_is_visible, shops_below
from api.places.tables import OF_FOOD, District, Licence, Shop
from api.public.tables import PublicStatus, ShopStatus


def _connected() -> Select[str]:
    """Shops with a camera that has been looked at, or that a box of the shop's own tells of."""
    told_of = Camera.id.in_(select(AlarmChannel.camera_id))
    return select(Camera.shop_id).where(Camera.enabled, or_(Camera.last_looked_at.is_not(None), told_of))


def _invited() -> CompoundSelect[str]:
    """Shops that somebody has begun with: who has a box or a camera was asked in some way."""
    invitations = select(Invitation.shop_id).where(Invitation.shop_id.is_not(None))
    people = select(User.shop_id).where(User.shop_id.is_not(None))
    return union(invitations, people, select(EnrolmentCode.shop_id), select(Edge.shop_id), select(Camera.shop_id))


def _active() -> Select[str]:
    return select(ShopStatus.shop_id).where(ShopStatus.state == PublicStatus.ACTIVE)


def _has_reached(reached: Reached) -> ColumnElement[bool]:
    """Who has come so far and no further."""
    invited, connected, active = Shop.id.in_(_invited()), Shop.id.in_(_connected()), Shop.id.in_(_active())
    match reached:
        case Reached.ENTERED:
            return ~invited
        case Reached.INVITED:
            return invited & ~connected
        case Reached.CONNECTED:
            return connected & ~active
        case Reached.ACTIVE:
            return connected & active


async def count_by_station(
    work: Work, actor: Actor, today: date, *, shop_id: str | None = None
) -> list[tuple[District, Counts]]:
    """By name; stations without a shop are left out."""
    invited, connected, active = Shop.id.in_(_invited()), Shop.id.in_(_connected()), Shop.id.in_(_active())
    licensed = select(Licence.shop_id).where(
        Licence.kind.in_(OF_FOOD), or_(Licence.expires_on.is_(None), Licence.expires_on >= today)
    )
    query = (
        select(
            Shop.district_id, func.count(), _number(invited), _number(connected), _number(connected & active),
            _number(Shop.id.not_in(licensed)),
        )
        .where(shop_is_visible(actor, Shop.id)).group_by(Shop.district_id)
    )
    if shop_id is not None:
        query = query.where(Shop.id == shop_id)
    counts = {row[0]: Counts(*row[1:]) for row in await work.execute(query)}
    districts = await work.scalars(select(District).where(District.id.in_(counts)).order_by(District.name, District.id))
    return [(district, counts[district.id]) for district in districts]


def _number(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


async def list_shops(
    work: Work, actor: Actor, *, reached: Reached | None, district_id: str | None, after: str | None, limit: int
) -> list[Shop]:
    """Who is not in yet."""
    query = select(Shop).where(shop_is_visible(actor, Shop.id)).options(joinedload(Shop.district)).order_by(Shop.id)
    query = query.where(_has_reached(reached) if reached is not None else ~_has_reached(Reached.ACTIVE))
    if district_id is not None:
        query = query.where(Shop.id.in_(shops_below(district_id)))
    if after is not None:
        query = query.where(Shop.id > after)
    return list(await work.scalars(query.limit(limit)))


def _seen(actor: Actor, shop_ids: Sequence[str]) -> Select[str]:
    return select(Shop.id).where(Shop.id.in_(shop_ids), shop_is_visible(actor, Shop.id))


async def list_invitations(work: Work, actor: Actor, shop_ids: Sequence[str]) -> list[Invitation]:
    """The oldest first."""
    query = select(Invitation).where(Invitation.shop_id.in_(_seen(actor, shop_ids))).order_by(Invitation.created_at)
    return list(await work.scalars(query))


async def list_begun(work: Work, actor: Actor, shop_ids: Sequence[str]) -> set[str]:
    """Shops that somebody looks after with an account, or for whose box a code was made."""
    people = select(User.shop_id).where(User.shop_id.in_(_seen(actor, shop_ids)))
    codes = select(EnrolmentCode.shop_id).where(EnrolmentCode.shop_id.in_(_seen(actor, shop_ids)))
    further = select(FurtherShop.shop_id).where(FurtherShop.shop_id.in_(_seen(actor, shop_ids)))
    return set(await work.scalars(union(people, further, codes)))


async def list_edges(work: Work, actor: Actor, shop_ids: Sequence[str]) -> list[Edge]:
    """Boxes of both kinds that were not revoked."""
    query = select(Edge).where(Edge.shop_id.in_(_seen(actor, shop_ids)), Edge.revoked_at.is_(None)).order_by(Edge.id)
    return list(await work.scalars(query))


async def list_cameras(work: Work, actor: Actor, shop_ids: Sequence[str]) -> list[Camera]:
    """Those that are switched on."""
    query = select(Camera).where(Camera.shop_id.in_(_seen(actor, shop_ids)), Camera.enabled).order_by(Camera.id)
    return list(await work.scalars(query.options(joinedload(Camera.edge))))


async def list_statuses(work: Work, actor: Actor, shop_ids: Sequence[str]) -> list[ShopStatus]:
    return list(await work.scalars(select(ShopStatus).where(ShopStatus.shop_id.in_(_seen(actor, shop_ids)))))
