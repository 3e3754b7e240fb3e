"""What somebody is and what they see, as the form of an invitation and that of a change of post ask for it."""

from typing import Any

from fastapi import Request
from pydantic import BaseModel

from api.accounts.actors import Actor
from api.accounts.permissions import STORE_ROLES, Role
from api.accounts.tables import User
from api.console.i18n import N_
from api.console.rendering import speaker_of
from api.console.shop_choice import choose_shop, offer_districts
from api.console.shop_form import NEEDED
from api.console.views import Option
from api.console.words import ROLES
from api.kit.database import Work
from api.kit.names import is_name


class PostTyped(BaseModel):
    """`place` is empty for all places, `shop:ID` or `district:ID`."""

    name: str = ""
    role: str = ""
    place: str = ""
    # An unticked box is not sent at all.
    is_admin: str = ""

    @classmethod
    def of(cls, user: User) -> "PostTyped":
        place = f"shop:{user.shop_id}" if user.shop_id else f"district:{user.district_id}" if user.district_id else ""
        return cls(name=user.name, role=user.role.value, place=place, is_admin="yes" if user.is_admin else "")

    def wrong(self) -> dict[str, str]:
        """By field, in words not yet translated."""
        kind, wrong = self.place.partition(":")[0], {}
        if not is_name(self.name):
            wrong["name"] = NEEDED
        if self.role in STORE_ROLES and kind != "shop":
            wrong["place"] = N_("Somebody who works for a shop needs a shop. Choose one.")
        if self.role == Role.PARTNER and not kind:
            wrong["place"] = N_("Another department sees what it is given. Choose a station or a shop.")
        if self.role not in list(Role):
            wrong["role"] = N_("Choose one.")
        return wrong

    def read(self) -> dict[str, Any]:
        """Where nothing is wrong."""
        kind, _, place_id = self.place.partition(":")
        return {
            "name": self.name, "role": Role(self.role), "is_admin": self.is_admin == "yes",
            "district_id": place_id if kind == "district" else None, "shop_id": place_id if kind == "shop" else None,
        }


async def post_fields(
    request: Request, work: Work, actor: Actor, typed: PostTyped, wrong: dict[str, str]
) -> dict[str, Any]:
    """What post_fields.html shows."""
    speaker = speaker_of(request)
    choice = await choose_shop(request, work, actor, [typed.place], prefix="shop:")
    districts = await offer_districts(work, actor, prefix="district:")
    return {
        "typed": typed, "choice": choice, "wrong": {field: speaker.say(words) for field, words in wrong.items()},
        "roles": [Option(role.value, speaker.say(ROLES[role])) for role in Role], "places": [*districts, *choice.options],
    }
