"""Links to a case: who holds one may read and answer it, on the device that it was first used on."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from api.accounts.actors import Actor, ActorKind
from api.accounts.permissions import Permission, Role
from api.audit.service import record
from api.cases import repository as cases
from api.cases.service import get_case
from api.cases.states import UNTIL_CLOSED
from api.cases.tables import Case, CaseTransition
from api.deliveries import repository as deliveries
from api.deliveries.kinds import PERSONAL, Audience, Channel
from api.deliveries.outbox import tell_link
from api.deliveries.tables import Target
from api.kit.database import Work
from api.kit.not_found import or_not_found
from api.kit.problems import Forbidden, NotFound, Problem, TooManyRequests
from api.kit.tokens import token_hash
from api.links import repository
from api.links.tables import CaseLink, LinkKind

# 128 random bits: nothing to guess, and short enough for the variable of a short message (35 characters).
TOKEN_BYTES = 16
VALID_AFTER_CLOSURE = timedelta(days=7)
# Each costs the station a short message, and rings a phone.
ASKED_EVERY = timedelta(minutes=2)
ASKED_A_DAY = 5
_PERMISSIONS = frozenset(
    {Permission.CASES_READ, Permission.CASES_ANSWER, Permission.CAMERAS_READ, Permission.EVIDENCE_BLURRED}
)


class LinkUnknown(NotFound):
    code = "link-unknown"


class LinkOver(Problem):
    """It was good once. `station` is whom to ask, with its telephone number."""

    status, code = 410, "link-over"

    def __init__(self, detail: str, station: tuple[str, str | None]) -> None:
        super().__init__(detail)
        self.station = station


class LinkRevoked(LinkOver):
    code = "link-revoked"


class AskedTooOften(TooManyRequests):
    code = "link-asked-too-often"


class NotYourDevice(Forbidden):
    code = "link-of-another-device"


@dataclass(frozen=True)
class Device:
    """What asks: the hash of its cookie, and what it says of itself."""

    hash: str
    words: str


@dataclass(frozen=True)
class Visit:
    """A link that was opened. `is_own`: by the person it belongs to, as far as the device tells; everybody else is shown no
    more than a group is."""

    link: CaseLink
    case: Case
    transitions: Sequence[CaseTransition]
    actor: Actor
    device: Device
    is_own: bool


def gets_links(target: Target) -> bool:
    """A shop's own people and chats; programs, and browsers in which somebody is signed in, are told addresses of the console."""
    return target.audience is Audience.SHOP and target.channel not in (Channel.WEBHOOK, Channel.WEB_PUSH)


async def make(work: Work, target: Target, case_id: int, at: datetime) -> str:
    """The token of a new link for whoever reads this target."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    person = target.name
    if target.channel is Channel.SMS and target.shop_id is not None and target.recipient is not None:
        person = await repository.contact_name(work, target.shop_id, target.recipient) or target.name
    kind = LinkKind.PERSONAL if target.channel in PERSONAL else LinkKind.GROUP
    work.add(
        CaseLink(
            token_hash=token_hash(token), kind=kind, case_id=case_id, target_id=target.id, person=person,
            recipient=target.recipient, created_at=at,
        )
    )
    await work.flush()
    return token


async def visit(
    work: Work, token: str, device: Device, address: str, at: datetime, *, for_change: bool = False
) -> Visit:
    """Raises LinkUnknown, LinkOver, LinkRevoked."""
    link = await repository.find_link(work, token_hash(token), for_change=for_change)
    if link is None:
        raise LinkUnknown("There is no such link. Open the one in the latest message.")
    target = link.target
    is_withdrawn = target is not None and (
        not target.enabled or target.audience is not Audience.SHOP or target.recipient != link.recipient
    )
    if link.revoked_at is not None or is_withdrawn:
        station = await repository.station_of(work, link.case_id)
        raise LinkRevoked("This link was revoked. Ask the station for a new one.", station)
    actor = Actor(
        ActorKind.PERSON, link.target_id or link.id, link.person, permissions=_PERMISSIONS, role=Role.STORE_ADMIN,
        shop_id=target.shop_id if target else await repository.shop_of(work, link.case_id), address=address, device=device.words,
    )
    if target is not None:
        actor = replace(actor, language=target.language)
    case = await get_case(work, actor, link.case_id)
    transitions = await cases.list_transitions(work, actor, case.id)
    if case.state not in UNTIL_CLOSED and at > transitions[-1].at + VALID_AFTER_CLOSURE:
        station = await repository.station_of(work, link.case_id)
        raise LinkOver("This link has run out: the case ended more than 7 days ago.", station)
    is_own = link.kind is LinkKind.PERSONAL and link.device_hash in (None, device.hash)
    return Visit(link, case, transitions, actor, device, is_own)


def require_own(visit: Visit) -> None:
    """Raises NotYourDevice."""
    if not visit.is_own:
        raise NotYourDevice("This link belongs to another person or device. Have your own link sent to you.")


async def use(work: Work, token: str, device: Device, address: str, at: datetime) -> Visit:
    """Bind a personal link to the device that uses it first. Raises what `visit` raises, and NotYourDevice."""
    found = await visit(work, token, device, address, at, for_change=True)
    require_own(found)
    link = found.link
    if link.device_hash is None:
        link.device_hash, link.opened_at, link.opened_from, link.opened_with = device.hash, at, address, device.words
        record(work, found.actor, "link.opened", "case", link.case_id, shop_id=found.case.shop_id)
        await work.flush()
    return found


async def make_other(work: Work, visit: Visit, case_id: int, at: datetime) -> str:
    """The token of a link to another case of the shop, for whose link was opened. Raises NotYourDevice or NotFound."""
    require_own(visit)
    case = await get_case(work, visit.actor, case_id)
    target = visit.link.target
    if target is None:
        raise NotFound("Nobody gets messages at this link any more. Ring the station.")
    return await make(work, target, case.id, at)


async def list_people(work: Work, visit: Visit) -> Sequence[Target]:
    """Whom a link of their own can be sent to: of a person's link that person, of any other everybody registered."""
    people = await repository.list_people(work, visit.actor)
    return [person for person in people if visit.link.kind is not LinkKind.PERSONAL or person.id == visit.link.target_id]


async def send_own(work: Work, visit: Visit, target_id: str, at: datetime) -> None:
    """To the number or the address that is registered, whoever asks. Raises NotFound or AskedTooOften."""
    target = next((person for person in await list_people(work, visit) if person.id == target_id), None)
    if target is None:
        raise NotFound("There is no such person at this shop, or nothing can be sent to them.")
    target = await deliveries.lock_target(work, target.id)
    asked = await deliveries.list_links_asked(work, target.id, at - timedelta(days=1))
    if asked and (asked[0] > at - ASKED_EVERY or len(asked) >= ASKED_A_DAY):
        raise AskedTooOften("A link was sent a moment ago, or five times today. Look into the messages first.")
    tell_link(work, target, visit.case, at)
    # Who asks is not known: the link may have been passed on.
    asking = replace(visit.actor, kind=ActorKind.NOBODY, id="nobody", name="nobody")
    record(work, asking, "link.asked", "case", visit.case.id, shop_id=visit.case.shop_id, name=target.name)
    await work.flush()


async def list_links(work: Work, actor: Actor, case_id: int) -> Sequence[CaseLink]:
    actor.require(Permission.CASES_HANDLE)
    await get_case(work, actor, case_id)
    return await repository.list_links(work, actor, case_id)


async def revoke(work: Work, actor: Actor, case_id: int, link_id: str, at: datetime) -> None:
    """Nobody opens it any more."""
    actor.require(Permission.CASES_HANDLE)
    case = await get_case(work, actor, case_id)
    link = or_not_found(await repository.get_link(work, actor, case_id, link_id), "link")
    if link.revoked_at is None:
        link.revoked_at, link.revoked_by = at, actor.name
        record(work, actor, "link.revoked", "case", case_id, shop_id=case.shop_id, name=link.person or link.kind)
        await work.flush()
