"""The contacts of a shop as targets of messages: what was typed once is not typed again."""

from collections.abc import Sequence
from dataclasses import dataclass

from api.accounts.actors import Actor
from api.accounts.permissions import Permission
from api.console.delivery_words import CHANNELS, FAULTS
from api.console.i18n import N_
from api.console.speech import Speaker
from api.console.views import Link
from api.deliveries import targets
from api.deliveries.kinds import Audience, Channel
from api.deliveries.sms import mobile_of
from api.deliveries.tables import Target
from api.kit.database import Work
from api.places.tables import Shop


@dataclass(frozen=True)
class ToldView:
    """`targets` of the shop's own people and chats; `strangers` those of them that go to a mobile number which is no contact's:
    whoever had the shop before may still read its notices and answer them; `contacts` whom no short message reaches yet,
    each with the form that has them told, where the reader may send it."""

    targets: Sequence[Link]
    strangers: Sequence[Link]
    contacts: Sequence[Link]


async def told_view(work: Work, actor: Actor, shop: Shop, speaker: Speaker) -> ToldView | None:
    if not actor.may(Permission.DELIVERIES_READ):
        return None
    told = await targets.list_targets(work, actor, shop_id=shop.id)
    reached = {target.recipient for target in told}
    known = {mobile_of(contact.phone) for contact in shop.contacts}
    its_own = [target for target in told if target.audience is Audience.SHOP]
    may_add = actor.may(Permission.TARGETS_WRITE)
    return ToldView(
        [
            Link(
                f"/targets/{target.id}",
                " · ".join(
                    filter(None, (target.name, speaker.say(CHANNELS[target.channel]), target.recipient, _off(target, speaker)))
                ),
            )
            for target in its_own
        ],
        [
            Link(f"/targets/{target.id}", f"{target.name} {target.recipient}")
            for target in its_own
            if target.channel is Channel.SMS and target.enabled and target.recipient not in known
        ],
        [
            Link(f"/targets/new?shop={shop.id}&contact={place}", f"{contact.name} {contact.phone}")
            for place, contact in enumerate(shop.contacts) if may_add and mobile_of(contact.phone) not in reached
        ],
    )


def _off(target: Target, speaker: Speaker) -> str | None:
    """That nothing is sent to it, or why."""
    if target.dead_reason is not None:
        return speaker.say(FAULTS[target.dead_reason])
    return None if target.enabled else speaker.say(N_("switched off"))
