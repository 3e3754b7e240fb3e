from typing import Annotated

import httpx
from fastapi import APIRouter, Path, Query, Response

from api.accounts.actors import Actor
from api.accounts.dependencies import CentreOf, SignedIn
from api.accounts.permissions import Permission
from api.deliveries import service, targets
from api.deliveries.kinds import DeliveryState, Event
from api.deliveries.schemas import (
    AttemptOut,
    Deliveries,
    DeliveryDetail,
    DeliveryOut,
    TargetIn,
    TargetOut,
    Targets,
    TargetWithKeys,
)
from api.deliveries.secrets import TargetSecrets
from api.deliveries.tables import Delivery, Target
from api.deliveries.webhooks import bare
from api.kit.paging import Paged
from api.kit.parameters import IfMatch, etag, version_of
from api.kit.problems import Conflict, Forbidden, NotFound, Unauthenticated, VersionConflict, documented
from api.kit.work import At, Reading, Writing
from api.places.schemas import Id
from api.repeats.routes import ApiRoute

router = APIRouter(tags=["deliveries"], route_class=ApiRoute)
READ = documented(Unauthenticated, Forbidden, NotFound)
WRITE = documented(Unauthenticated, Forbidden, NotFound, Conflict)
DeliveryId = Annotated[int, Path(ge=1, lt=2**31)]


@router.get("/targets", operation_id="list_targets", summary="Where messages go", responses=READ)
async def list_targets(work: Reading, actor: SignedIn, page: Paged) -> Targets:
    rows = await targets.list_targets(work, actor, after=page.text, limit=page.limit)
    following = page.following([row.id for row in rows])
    return Targets(items=[_target(row, actor) for row in rows], next=following)


@router.post("/targets", operation_id="create_target", summary="Add a target", status_code=201, responses=WRITE)
async def create_target(work: Writing, actor: SignedIn, centre: CentreOf, at: At, body: TargetIn) -> TargetWithKeys:
    """The answer holds the signing secret of a webhook; it is shown this once."""
    target, secrets = await targets.create_target(work, actor, centre.settings, centre.keyring, body, at)
    return _with_keys(target, actor, secrets)


@router.get("/targets/{target_id}", operation_id="get_target", summary="One target", responses=READ)
async def get_target(work: Reading, actor: SignedIn, response: Response, target_id: Id) -> TargetOut:
    target = await targets.get_target(work, actor, target_id)
    response.headers["ETag"] = etag(target.version)
    return _target(target, actor)


@router.put(
    "/targets/{target_id}", operation_id="update_target", summary="Change a target, and try it again",
    responses=documented(Unauthenticated, Forbidden, NotFound, VersionConflict),
)
async def update_target(
    work: Writing, actor: SignedIn, centre: CentreOf, response: Response, target_id: Id, body: TargetIn, if_match: IfMatch = None
) -> TargetOut:
    """A key that is left out stays. With If-Match, the change is refused when somebody else was faster."""
    expected = version_of(if_match) if if_match is not None else None
    target = await targets.update_target(work, actor, centre.settings, centre.keyring, target_id, body, expected)
    response.headers["ETag"] = etag(target.version)
    return _target(target, actor)


@router.delete(
    "/targets/{target_id}", operation_id="delete_target", summary="Delete a target", status_code=204, responses=WRITE
)
async def delete_target(work: Writing, actor: SignedIn, target_id: Id) -> None:
    """One that was sent nothing about cases whose messages are still kept, and that no other one names as the next."""
    await targets.delete_target(work, actor, target_id)


@router.post(
    "/targets/{target_id}/rotate", operation_id="rotate_target_secret", summary="New keys for a webhook", responses=WRITE
)
async def rotate_secret(work: Writing, actor: SignedIn, centre: CentreOf, at: At, target_id: Id) -> TargetWithKeys:
    """For 24 hours messages are signed with the previous keys too."""
    target, secrets = await targets.rotate_secret(work, actor, centre.keyring, target_id, at)
    return _with_keys(target, actor, secrets)


@router.post(
    "/targets/{target_id}/test", operation_id="test_target", summary="Send a test message", status_code=202, responses=WRITE
)
async def send_test(work: Writing, actor: SignedIn, at: At, target_id: Id) -> DeliveryOut:
    """A dead target is tried again with it. How it went stands in the log of the message."""
    return _delivery(await targets.send_test(work, actor, target_id, at))


@router.get("/deliveries", operation_id="list_deliveries", summary="Messages, newest first", responses=READ)
async def list_deliveries(
    work: Reading, actor: SignedIn, page: Paged, target_id: Annotated[str | None, Query(max_length=64)] = None,
    case_id: Annotated[int | None, Query(ge=1, lt=2**31)] = None, state: DeliveryState | None = None,
    late: Annotated[bool, Query(description="only those that were not there in time and are still not")] = False,
) -> Deliveries:
    rows = await service.list_deliveries(
        work, actor, target_id=target_id, case_id=case_id, state=state, late=late, before=page.number, limit=page.limit
    )
    following = page.following([row.id for row in rows])
    return Deliveries(items=[_delivery(row) for row in rows], next=following)


@router.get("/deliveries/{delivery_id}", operation_id="get_delivery", summary="One message and its log", responses=READ)
async def get_delivery(work: Reading, actor: SignedIn, delivery_id: DeliveryId) -> DeliveryDetail:
    row, attempts = await service.get_delivery(work, actor, delivery_id)
    log = [AttemptOut.model_validate(attempt) for attempt in attempts]
    return DeliveryDetail(**dict(_delivery(row)), payload=row.payload, log=log)


@router.post(
    "/deliveries/{delivery_id}/resend", operation_id="resend_delivery", summary="Send a message again", status_code=202,
    responses=WRITE,
)
async def resend(work: Writing, actor: SignedIn, at: At, delivery_id: DeliveryId) -> DeliveryOut:
    return _delivery(await service.resend(work, actor, delivery_id, at))


def _target(row: Target, actor: Actor) -> TargetOut:
    url = row.url
    if url is not None and not actor.may(Permission.TARGETS_WRITE):
        url = bare(httpx.URL(url))
    return TargetOut(
        id=row.id, name=row.name, channel=row.channel, audience=row.audience, district_id=row.district_id, shop_id=row.shop_id,
        url=url, client_id=row.client_id, recipient=row.recipient, events=[Event(event) for event in row.events],
        language=row.language, next_id=row.next_id,
        enabled=row.enabled, state=targets.state_of(row), dead_at=row.dead_at, dead_reason=row.dead_reason, failures=row.failures,
        not_before=row.not_before, last_delivered_at=row.last_delivered_at, version=row.version,
    )


def _with_keys(row: Target, actor: Actor, secrets: TargetSecrets) -> TargetWithKeys:
    keys = secrets.current
    return TargetWithKeys(
        **dict(_target(row, actor)), secret=keys.symmetric if keys else None, public_key=keys.public if keys else None,
        previous_until=secrets.previous_until,
    )


def _delivery(row: Delivery) -> DeliveryOut:
    return DeliveryOut(
        id=row.id, message_id=row.message_id, target_id=row.target_id, target_name=row.target.name, event=row.event,
        case_id=row.case_id, state=row.state, attempts=row.attempts, created_at=row.created_at,
        next_at=row.next_at if row.state is DeliveryState.WAITING else None, delivered_at=row.delivered_at,
        escalated_at=row.escalated_at, possibly_twice=row.is_possibly_twice,
    )
