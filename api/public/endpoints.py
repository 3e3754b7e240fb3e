from typing import Any

from fastapi import APIRouter

from api.accounts.dependencies import CentreOf, SignedIn
from api.centre import Centre
from api.keys.service import KeyName, open_key, sealed_key
from api.kit.problems import Forbidden, NotFound, Unauthenticated, documented
from api.kit.work import At, Reading, Writing
from api.places.schemas import Id
from api.public import service
from api.public.schemas import AcceptanceIn, BadgeKeys, BadgeOut, CreditCode, StatusOut
from api.public.service import Status
from api.repeats.routes import ApiRoute

router = APIRouter(tags=["public status"], route_class=ApiRoute)
READ = documented(Unauthenticated, Forbidden, NotFound)


@router.get("/shops/{shop_id}/status", operation_id="get_shop_status", summary="How a shop takes part", responses=READ)
async def get_status(work: Reading, actor: SignedIn, shop_id: Id) -> StatusOut:
    """Of nothing that was seen there: only whether its cameras are connected, accepted, and looked at."""
    return StatusOut.model_validate(await service.get_status(work, actor, shop_id))


@router.post(
    "/shops/{shop_id}/acceptance", operation_id="accept_shop", summary="Accept the connection of a shop, or take that back",
    responses=READ,
)
async def accept(work: Writing, actor: SignedIn, at: At, shop_id: Id, body: AcceptanceIn) -> StatusOut:
    return StatusOut.model_validate(await service.accept(work, actor, shop_id, body.accepted, at))


@router.get("/badges/{credit_code}", operation_id="get_badge", summary="The signed status of a shop", responses=READ)
async def get_badge(actor: SignedIn, centre: CentreOf, at: At, credit_code: CreditCode) -> BadgeOut:
    """For platforms that show beside a shop whether it takes part. Anybody can check it with the keys at /badge-keys."""
    async with centre.database.reading() as work:
        status: Status = await service.find_by_credit_code(work, actor, credit_code)
    signed, expires_at = service.badge(status, credit_code, await _key(centre), centre.public_url, at)
    return BadgeOut(credit_code=credit_code, status=status.status, since=status.since, badge=signed, expires_at=expires_at)


@router.get("/badge-keys", operation_id="list_badge_keys", summary="With which badges are checked (JWKS)", responses=documented())
async def list_keys(centre: CentreOf) -> BadgeKeys:
    return BadgeKeys(keys=[service.public_jwk(await _key(centre))])


async def _key(centre: Centre) -> Any:
    return open_key(centre.keyring, KeyName.BADGE, await sealed_key(centre, KeyName.BADGE))
