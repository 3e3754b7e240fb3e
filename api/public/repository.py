from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import selectinload

from api.accounts.actors import Actor, without_actor
from api.kit.database import Work, insert_if_missing
from api.places.repository import shop_is_visible
from api.places.tables import Shop
from api.public.tables import PublicStatus, ShopStatus


async def get_status(work: Work, actor: Actor, shop_id: str, *, for_change: bool = False) -> ShopStatus | None:
    query = select(ShopStatus).where(ShopStatus.shop_id == shop_id, shop_is_visible(actor, ShopStatus.shop_id))
    if for_change:
        query = query.with_for_update()
    status: ShopStatus | None = await work.scalar(query)
    return status


async def add_where_missing(work: Work, actor: Actor, shop_id: str, at: datetime) -> bool:
    """Whether it is this one that is kept, of two who accept at once."""
    row = {
        "shop_id": shop_id, "accepted_at": at, "accepted_by": actor.name, "state": PublicStatus.ACTIVE, "since": at,
        "required_minutes": 0, "observed_minutes": 0,
    }
    return await insert_if_missing(work, ShopStatus, row)


async def forget(work: Work, actor: Actor, shop_id: str) -> None:
    await work.execute(delete(ShopStatus).where(ShopStatus.shop_id == shop_id, shop_is_visible(actor, ShopStatus.shop_id)))


async def list_accepted(work: Work, actor: Actor) -> list[str]:
    """The ids of all shops whose connection was accepted."""
    return list(await work.scalars(select(ShopStatus.shop_id).where(shop_is_visible(actor, ShopStatus.shop_id))))


async def find_by_credit_code(work: Work, actor: Actor, credit_code: str) -> Shop | None:
    shop: Shop | None = await work.scalar(select(Shop).where(Shop.credit_code == credit_code, shop_is_visible(actor, Shop.id)))
    return shop


@without_actor("what the page behind the QR code at the door says is public; it has no more of the shop than it says")
async def find_public_shop(work: Work, shop_id: str) -> tuple[Shop, ShopStatus] | None:
    query = (
        select(Shop, ShopStatus).join(ShopStatus, ShopStatus.shop_id == Shop.id).where(Shop.id == shop_id)
        .options(selectinload(Shop.licences))
    )
    row = (await work.execute(query)).one_or_none()
    return None if row is None else (row[0], row[1])
