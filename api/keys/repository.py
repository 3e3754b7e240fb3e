from datetime import datetime

from sqlalchemy import select

from api.accounts.actors import Actor, ActorKind, without_actor
from api.keys.tables import ServiceKey
from api.kit.database import Work, insert_where_missing


@without_actor("a key of the centre belongs to no place; who uses it never sees it")
async def find_key(work: Work, name: str) -> ServiceKey | None:
    return await work.get(ServiceKey, name)


@without_actor("a key of the centre belongs to no place; who uses it never sees it")
async def add_where_missing(work: Work, name: str, secret_encrypted: str, at: datetime) -> None:
    row = {"name": name, "secret_encrypted": secret_encrypted, "created_at": at}
    await insert_where_missing(work, ServiceKey, row, "name")


async def list_keys(work: Work, actor: Actor) -> list[ServiceKey]:
    """For the house alone."""
    return list(await work.scalars(select(ServiceKey))) if actor.kind is ActorKind.HOUSE else []
