"""Who is asking. Every read of a repository starts from an actor."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from api.accounts.permissions import OUTSIDE_ROLES, STORE_ROLES, Permission, Role
from api.kit.problems import Forbidden

F = TypeVar("F", bound=Callable[..., object])


class ActorKind(StrEnum):
    PERSON = "person"
    EDGE = "edge"
    CLIENT = "client"  # another system's program
    HOUSE = "house"  # the command line on the centre's own machine, and the first start
    SYSTEM = "system"  # what the centre does by itself
    NOBODY = "nobody"  # who has not proved anything


@dataclass(frozen=True)
class Client:
    """The program that asks, for itself or for a person, and the places that it was given. One of the authority's own hears of
    findings before they are confirmed."""

    id: str
    name: str
    district_ids: frozenset[str]
    shop_ids: frozenset[str]
    is_authority: bool


@dataclass(frozen=True)
class Actor:
    """`district_id`, `shop_id` with further ones, and the places of the client narrow what is seen; for an edge, `id` does."""

    kind: ActorKind
    id: str
    name: str
    permissions: frozenset[Permission] = frozenset()
    role: Role | None = None
    is_admin: bool = False
    district_id: str | None = None
    shop_id: str | None = None
    # Of somebody of a shop who looks after others too.
    further_shop_ids: frozenset[str] = frozenset()
    language: str = "zh-CN"
    address: str | None = None
    client: Client | None = None
    # What the browser says of itself, for who comes by a link.
    device: str | None = None

    @property
    def is_unbound(self) -> bool:
        """Whether the account itself is bound to no place."""
        if self.kind not in (ActorKind.PERSON, ActorKind.CLIENT):
            return self.kind in (ActorKind.HOUSE, ActorKind.SYSTEM)
        if self.role in STORE_ROLES:
            return False
        return self.district_id is None and self.shop_id is None

    @property
    def sees_all_places(self) -> bool:
        return self.client is None and self.is_unbound

    @property
    def sees_unconfirmed(self) -> bool:
        if self.kind is ActorKind.CLIENT:
            return self.client is not None and self.client.is_authority
        return self.role not in OUTSIDE_ROLES

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions

    def require(self, permission: Permission) -> None:
        """Raises Forbidden."""
        if not self.may(permission) and self.kind is ActorKind.CLIENT:
            raise Forbidden("A program may not do this by itself. Ask with the token of a person who has let it in, and who may.")
        if not self.may(permission):
            raise Forbidden(f"Your account may not do this; it needs the permission {permission.value}.")


def the_house(name: str = "command line") -> Actor:
    return Actor(ActorKind.HOUSE, "house", name, permissions=frozenset(Permission))


def the_system() -> Actor:
    return Actor(ActorKind.SYSTEM, "system", "system", permissions=frozenset({Permission.CASES_READ, Permission.AUDIT_READ}))


def nobody(address: str) -> Actor:
    return Actor(ActorKind.NOBODY, "nobody", "nobody", address=address)


def without_actor(_reason: str) -> Callable[[F], F]:
    """Marks a read that happens before anybody is known; the reason says why it may. A test refuses all
    other reads that do not start from an actor."""
    def mark(function: F) -> F:
        return function

    return mark
