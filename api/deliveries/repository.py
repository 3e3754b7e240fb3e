from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, delete, exists, false, or_, select, true, update
from sqlalchemy.orm import InstrumentedAttribute, aliased, contains_eager, joinedload

from api.accounts.actors import Actor, without_actor
from api.accounts.permissions import Permission
from api.accounts.tables import FurtherShop, User
from api.cases.states import CaseState
from api.cases.tables import Case
from api.clients.tables import ApiClientPlace
from api.deliveries.budgets import BUDGETS
from api.deliveries.kinds import ASKED_FOR, RINGING, SERIOUS, DeliveryState, Event, Fault
from api.deliveries.tables import Delivery, DeliveryAttempt, Target
from api.evidence.repository import of_ended
from api.kit.database import Work
from api.kit.prepared import prepared
from api.places.repository import district_is_visible, districts_above, shop_is_visible
from api.places.tables import District


def _target_is_visible(actor: Actor) -> ColumnElement[bool]:
    """One that belongs to all places is seen only by who sees all places."""
    if not actor.may(Permission.DELIVERIES_READ):
        return false()
    if actor.sees_all_places:
        return Target.id.is_not(None)
    of_shop: InstrumentedAttribute[str] = Target.shop_id  # type: ignore[assignment]
    return or_(
        and_(Target.shop_id.is_not(None), shop_is_visible(actor, of_shop)),
        and_(Target.district_id.is_not(None), district_is_visible(actor, Target.district_id)),
    )


def _readable(actor: Actor) -> Select[Delivery]:
    joined = select(Delivery).join(Target, Target.id == Delivery.target_id).options(contains_eager(Delivery.target))
    if actor.sees_all_places:
        return joined.where(_target_is_visible(actor))
    # The browser of who looks after several shops rings for all of them.
    of_case = Delivery.case_id.in_(select(Case.id).where(shop_is_visible(actor, Case.shop_id)))
    return joined.where(_target_is_visible(actor), or_(Target.user_id.is_(None), Delivery.case_id.is_(None), of_case))


async def list_targets(
    work: Work, actor: Actor, *, shop_id: str | None = None, client_id: str | None = None, after: str | None = None,
    limit: int | None = None,
) -> list[Target]:
    query = select(Target).where(_target_is_visible(actor)).order_by(Target.id).limit(limit)
    for column, value in ((Target.shop_id, shop_id), (Target.client_id, client_id)):
        if value is not None:
            query = query.where(column == value)
    if after is not None:
        query = query.where(Target.id > after)
    return list(await work.scalars(query))


async def get_target(work: Work, actor: Actor, target_id: str, *, for_change: bool = False) -> Target | None:
    query = select(Target).where(_target_is_visible(actor), Target.id == target_id)
    if for_change:
        query = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    target: Target | None = await work.scalar(query)
    return target


async def list_own_subscriptions(work: Work, actor: Actor) -> list[Target]:
    """The browsers in which this person has Web Push switched on, oldest first."""
    query = select(Target).where(Target.user_id == actor.id, Target.enabled).order_by(Target.created_at, Target.id)
    return list(await work.scalars(query))


@without_actor("who holds a browser's subscription may use it, whoever used it before")
async def find_subscription(work: Work, digest: str) -> Target | None:
    target: Target | None = await work.scalar(select(Target).where(Target.subscription_digest == digest).with_for_update())
    return target


async def list_deliveries(
    work: Work, actor: Actor, *, target_id: str | None = None, case_id: int | None = None, state: DeliveryState | None = None,
    late: bool = False, before: int | None = None, limit: int = 50,
) -> list[Delivery]:
    """Newest first; `late` are those that were not there in time and are still not."""
    query = _readable(actor).order_by(Delivery.id.desc()).limit(limit)
    for column, value in ((Delivery.target_id, target_id), (Delivery.case_id, case_id), (Delivery.state, state)):
        if value is not None:
            query = query.where(column == value)
    if late:
        query = query.where(Delivery.escalated_at.is_not(None), Delivery.state != DeliveryState.DELIVERED)
    if before is not None:
        query = query.where(Delivery.id < before)
    return list(await work.scalars(query))


async def get_delivery(work: Work, actor: Actor, delivery_id: int, *, for_change: bool = False) -> Delivery | None:
    query = _readable(actor).where(Delivery.id == delivery_id)
    if for_change:
        query = query.with_for_update(of=Delivery)
    delivery: Delivery | None = await work.scalar(query)
    return delivery


async def list_attempts(work: Work, actor: Actor, delivery_id: int) -> Sequence[DeliveryAttempt]:
    query = (
        select(DeliveryAttempt)
        .join(Delivery, Delivery.id == DeliveryAttempt.delivery_id)
        .join(Target, Target.id == Delivery.target_id)
        .where(_target_is_visible(actor), DeliveryAttempt.delivery_id == delivery_id)
        .order_by(DeliveryAttempt.id)
    )
    return list(await work.scalars(query))


def _is_on() -> ColumnElement[bool]:
    """Switched on, and, where it is somebody's browser, their account too."""
    of_the_active = select(User.id).where(User.disabled.is_(False))
    return and_(Target.enabled, or_(Target.user_id.is_(None), Target.user_id.in_(of_the_active)))


def _program_sees(shop_id: Any) -> ColumnElement[bool]:
    """Of a target that is a program's: whether the shop lies where the program may ask. A shop can move to another district."""
    given = or_(ApiClientPlace.shop_id == shop_id, ApiClientPlace.district_id.in_(districts_above(shop_id)))
    return or_(Target.client_id.is_(None), exists().where(ApiClientPlace.client_id == Target.client_id, given))


def _looks_after_too(shop_id: Any) -> ColumnElement[bool]:
    """Whether a target is the browser of somebody of another shop who looks after this one beside it."""
    people = select(FurtherShop.user_id).where(FurtherShop.shop_id == shop_id)
    return and_(Target.shop_id.is_not(None), Target.user_id.in_(people))


@prepared
def _of_place(shop_id: Any) -> Select[Target]:
    of_all = and_(Target.district_id.is_(None), Target.shop_id.is_(None))
    of_place = or_(Target.shop_id == shop_id, _looks_after_too(shop_id), Target.district_id.in_(districts_above(shop_id)), of_all)
    return select(Target).where(_is_on(), of_place, _program_sees(shop_id)).order_by(Target.id)


@without_actor("whoever acted, everybody who is to be told of the place is told")
async def targets_of(work: Work, event: Event, shop_id: str) -> list[Target]:
    return [target for target in await work.scalars(*_of_place(shop_id)) if event in target.events]


@without_actor("a dead target is told of to the others, wherever they belong that its place belongs to")
async def targets_beside(work: Work, event: Event, dead: Target) -> list[Target]:
    """Those of its shop or district, of what lies above it, and of all places."""
    if dead.shop_id is not None:
        found = await targets_of(work, event, dead.shop_id)
    else:
        of_all = and_(Target.district_id.is_(None), Target.shop_id.is_(None))
        county = select(District.parent_id).where(District.id == dead.district_id)
        of_district = or_(Target.district_id == dead.district_id, Target.district_id.in_(county)) if dead.district_id else false()
        rows = await work.scalars(select(Target).where(_is_on(), or_(of_all, of_district)).order_by(Target.id))
        found = [target for target in rows if event in target.events]
    return [target for target in found if target.id != dead.id]


def _is_held(at: datetime) -> ColumnElement[bool]:
    """Never tried, and not to be tried yet."""
    return and_(
        Delivery.state == DeliveryState.WAITING, Delivery.attempts == 0, Delivery.unclear == 0, Delivery.claim.is_(None),
        Delivery.next_at > at,
    )


@without_actor("whoever takes an act back, nobody is told of it")
async def take_back(work: Work, key: str, at: datetime) -> None:
    await work.execute(delete(Delivery).where(Delivery.key == key, _is_held(at)))


@without_actor("what a program gets ends with it, whoever revokes it")
async def end_targets_of_client(work: Work, client_id: str, at: datetime) -> list[Target]:
    """Those that it has now; nothing that waits for them is sent any more, nor missed by anybody."""
    query = select(Target).where(Target.client_id == client_id).order_by(Target.id).with_for_update(key_share=True)
    found = list(await work.scalars(query))
    for target in found:
        target.enabled, target.dead_at, target.dead_reason = False, at, Fault.PROGRAM_REVOKED
        target.version += 1
    waiting = (Delivery.target_id.in_([target.id for target in found]), Delivery.state == DeliveryState.WAITING)
    await work.execute(update(Delivery).where(*waiting).values(state=DeliveryState.FAILED, awaited=False))
    return found


@without_actor("who was told of an act is told that it was taken back")
async def targets_told(work: Work, key: str) -> list[Target]:
    told = select(Delivery.target_id).where(Delivery.key == key)
    return list(await work.scalars(select(Target).where(_is_on(), Target.id.in_(told)).order_by(Target.id)))


@without_actor("the next step of a case settles the one before it")
async def hold_no_longer(work: Work, case_id: int, at: datetime) -> None:
    await work.execute(update(Delivery).where(Delivery.case_id == case_id, _is_held(at)).values(next_at=at))


def _may_be_sent(at: datetime, is_quiet: bool) -> ColumnElement[bool]:
    """In quiet hours what rings is told of nothing but what is serious, and of what somebody has asked for."""
    now_or_never = or_(Delivery.severity == SERIOUS, Delivery.event.in_(ASKED_FOR), Target.channel.not_in(RINGING))
    return and_(
        Delivery.state == DeliveryState.WAITING, Delivery.next_at <= at, _is_on(), Target.dead_at.is_(None),
        or_(Target.not_before.is_(None), Target.not_before <= at), now_or_never if is_quiet else true(),
    )


@without_actor("the dispatcher serves all targets")
async def due_targets(work: Work, at: datetime, is_quiet: bool) -> list[str]:
    """The ids of the targets for which a message waits that may be sent now."""
    query = select(Delivery.target_id).join(Target, Target.id == Delivery.target_id).where(_may_be_sent(at, is_quiet)).distinct()
    return list(await work.scalars(query))


@without_actor("the dispatcher serves all targets")
async def due_deliveries(work: Work, target_id: str, at: datetime, is_quiet: bool, limit: int) -> list[Delivery]:
    """Locked until the end of the transaction; those that another process has locked are left to it. Oldest first."""
    query = (
        select(Delivery).join(Target, Target.id == Delivery.target_id)
        .where(Delivery.target_id == target_id, _may_be_sent(at, is_quiet))
        .order_by(Delivery.next_at, Delivery.id).limit(limit)
        .with_for_update(of=Delivery, skip_locked=True).options(contains_eager(Delivery.target))
    )
    return list(await work.scalars(query))


@without_actor("the dispatcher serves all targets")
async def lock_target(work: Work, target_id: str) -> Target:
    return (await work.scalars(select(Target).where(Target.id == target_id).with_for_update(key_share=True))).one()


@without_actor("the dispatcher serves all targets")
async def lock_if_counted(work: Work, target_id: str) -> None:
    """Where the target is a robot: one process at a time takes messages for it."""
    await work.scalar(select(Target).where(Target.id == target_id, Target.channel.in_(BUDGETS)).with_for_update(key_share=True))


@without_actor("the dispatcher serves all targets")
async def lock_deliveries(work: Work, ids: Sequence[int]) -> list[Delivery]:
    query = (
        select(Delivery).where(Delivery.id.in_(ids)).order_by(Delivery.id).with_for_update(of=Delivery)
        .options(joinedload(Delivery.target))
    )
    return list(await work.scalars(query))


@without_actor("who asks for a link is not known yet")
async def list_links_asked(work: Work, target_id: str, since: datetime) -> list[datetime]:
    """When, the latest first."""
    query = select(Delivery.created_at).where(
        Delivery.target_id == target_id, Delivery.event == Event.LINK_ASKED, Delivery.created_at > since
    )
    return list(await work.scalars(query.order_by(Delivery.created_at.desc())))


@dataclass(frozen=True)
class Late:
    """What was written before these moments should have arrived; `ringing` is false while that is no fault of what rings: it was
    quiet."""

    serious: datetime
    others: datetime
    ringing: bool

    def condition(self) -> ColumnElement[bool]:
        of_ringing = true() if self.ringing else Target.channel.not_in(RINGING)
        return and_(
            Delivery.awaited,
            or_(
                and_(Delivery.severity == SERIOUS, Delivery.created_at <= self.serious),
                and_(Delivery.severity != SERIOUS, Delivery.created_at <= self.others, of_ringing),
            ),
        )


@without_actor("the dispatcher serves all targets")
async def is_any_late(work: Work, late: Late) -> bool:
    query = select(Delivery.id).join(Target, Target.id == Delivery.target_id).where(late.condition()).limit(1)
    return await work.scalar(query) is not None


@without_actor("the dispatcher serves all targets")
async def late_deliveries(work: Work, late: Late, limit: int) -> list[Delivery]:
    """Locked, as with `due_deliveries`."""
    query = (
        select(Delivery).join(Target, Target.id == Delivery.target_id).where(late.condition()).order_by(Delivery.id).limit(limit)
        .with_for_update(of=Delivery, skip_locked=True).options(contains_eager(Delivery.target))
    )
    return list(await work.scalars(query))


@without_actor("the dispatcher serves all targets")
async def may_hear_of(work: Work, target_id: str, case_id: int | None) -> bool:
    """Whether a target that is a program's lies where the program sees the case; any other may hear of it."""
    shop_id = await work.scalar(select(Case.shop_id).where(Case.id == case_id))
    return await work.scalar(select(Target.id).where(Target.id == target_id, _program_sees(shop_id))) is not None


@without_actor("the dispatcher serves all targets")
async def is_told(work: Work, target_id: str, key: str) -> bool:
    query = select(Delivery.id).where(Delivery.target_id == target_id, Delivery.key == key)
    return await work.scalar(query) is not None


@without_actor("what waits too long goes to nobody")
async def fail_waiting(work: Work, before: datetime) -> None:
    """What was to be sent before that moment."""
    waiting = (Delivery.state == DeliveryState.WAITING, Delivery.next_at < before)
    await work.execute(update(Delivery).where(*waiting).values(state=DeliveryState.FAILED, claim=None))


@without_actor("old messages to everybody go")
async def list_expired(work: Work, cuts: Mapping[CaseState, datetime], others: datetime, limit: int) -> list[int]:
    """Ids of messages about cases whose evidence would go (`of_ended`), and of those about no case from before `others`. They are
    locked."""
    whole = aliased(Case)
    ids = select(Delivery.id)
    queries = [ids.where(Delivery.case_id.is_(None), Delivery.created_at < others)]
    queries += [of_ended(ids, whole, Delivery.case_id, Delivery.created_at, *cut) for cut in cuts.items()]
    found: list[int] = []
    for query in queries:
        locked = query.limit(limit - len(found)).with_for_update(of=Delivery, skip_locked=True)
        found += await work.scalars(locked)
        if len(found) == limit:
            break
    return found


async def delete_target(work: Work, actor: Actor, target_id: str) -> None:
    """With what it was sent about no case, such as tests. Everything else that is of it keeps it: IntegrityError."""
    ended = (Delivery.case_id.is_(None), Delivery.state != DeliveryState.WAITING)
    await delete_with_attempts(work, list(await work.scalars(select(Delivery.id).where(Delivery.target_id == target_id, *ended))))
    await work.execute(delete(Target).where(Target.id == target_id, _target_is_visible(actor)))


@without_actor("old messages to everybody go")
async def delete_with_attempts(work: Work, ids: Sequence[int]) -> None:
    await work.execute(delete(DeliveryAttempt).where(DeliveryAttempt.delivery_id.in_(ids)))
    await work.execute(delete(Delivery).where(Delivery.id.in_(ids)))
