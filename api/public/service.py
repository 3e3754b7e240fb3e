"""How a shop takes part: counted from the minutes in which its cameras were really looked at, never from what was seen."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from api.accounts.actors import Actor, the_system
from api.accounts.permissions import Permission
from api.alarms import repository as alarms
from api.audit.service import record
from api.cameras import repository as cameras
from api.cameras.minutes import MINUTE
from api.cameras.observed import count, told_until
from api.cameras.tables import Camera
from api.kit.database import Work
from api.kit.problems import NotFound
from api.kit.settings import Settings
from api.places import service as places
from api.places.tables import Shop
from api.public import repository
from api.public.tables import PublicStatus, ShopStatus

# Before, a share says little: an hour without current would be one in three.
JUDGED_AFTER = timedelta(days=1)
BADGE_LASTS = timedelta(hours=24)


@dataclass(frozen=True)
class Status:
    """`row` is None before the connection was accepted."""

    shop_id: str
    status: PublicStatus
    row: ShopStatus | None

    @property
    def since(self) -> datetime | None:
        return self.row.since if self.row is not None and self.status is self.row.state else None

    @property
    def accepted_at(self) -> datetime | None:
        return self.row.accepted_at if self.row is not None else None

    @property
    def required_minutes(self) -> int:
        return self.row.required_minutes if self.row is not None else 0

    @property
    def observed_minutes(self) -> int:
        return self.row.observed_minutes if self.row is not None else 0

    @property
    def measured_at(self) -> datetime | None:
        return self.row.measured_at if self.row is not None else None


async def get_status(work: Work, actor: Actor, shop_id: str) -> Status:
    shop = await places.get_shop(work, actor, shop_id)
    return await _status(work, shop, await repository.get_status(work, actor, shop.id))


async def accept(work: Work, actor: Actor, shop_id: str, accepted: bool, at: datetime) -> Status:
    """An officer has seen that the cameras show what they are to show (验收), or takes that back."""
    actor.require(Permission.CASES_HANDLE)
    shop = await places.get_shop(work, actor, shop_id)
    row = await repository.get_status(work, actor, shop_id, for_change=True)
    if accepted and await repository.add_where_missing(work, actor, shop_id, at):
        record(work, actor, "shop.accepted", "shop", shop_id, shop_id=shop_id)
    elif not accepted and row is not None:
        await repository.forget(work, actor, shop_id)
        record(work, actor, "shop.acceptance_withdrawn", "shop", shop_id, shop_id=shop_id)
    await work.flush()
    return await _status(work, shop, await repository.get_status(work, actor, shop_id))


async def find_by_credit_code(work: Work, actor: Actor, credit_code: str) -> Status:
    actor.require(Permission.PLACES_READ)
    shop = await repository.find_by_credit_code(work, actor, credit_code)
    if shop is None:
        raise NotFound("There is no shop with this credit code, or it is not yours to see.")
    return await _status(work, shop, await repository.get_status(work, actor, shop.id))


async def find_public(work: Work, shop_id: str) -> tuple[Shop, Status]:
    """What the page behind its QR code tells; there is none before the connection was accepted. Raises NotFound."""
    found = await repository.find_public_shop(work, shop_id)
    if found is None:
        raise NotFound("There is no such page.")
    shop, row = found
    return shop, await _status(work, shop, row)


async def measure(work: Work, settings: Settings, shop_id: str, at: datetime) -> ShopStatus | None:
    """Count anew, and change the state where it is time to; None where nothing is accepted any more."""
    actor = the_system()
    row = await repository.get_status(work, actor, shop_id, for_change=True)
    if row is None:
        return None
    until = told_until(at)
    days = min(settings.status_days, settings.minutes_kept_days)
    since = max(until - timedelta(days=days), _next_minute(row.accepted_at))
    row.required_minutes = row.observed_minutes = 0
    for camera in await _that_count(work, actor, shop_id, at):
        begin = since if camera.wanted_from is None else max(since, _next_minute(camera.wanted_from))
        minutes = await count(work, actor, camera, begin, until)
        row.required_minutes += minutes.required
        row.observed_minutes += minutes.observed
    row.measured_at = at
    after = _next_state(row, settings, at)
    if after is not row.state:
        record(work, actor, "shop.status_changed", "shop", shop_id, shop_id=shop_id, status=after.value)
        row.state, row.since = after, at
    await work.flush()
    return row


def badge(status: Status, credit_code: str, key: Ed25519PrivateKey, issuer: str, at: datetime) -> tuple[str, datetime]:
    """Signed, so that who shows it cannot change it; and when it is over."""
    expires_at = at.replace(microsecond=0) + BADGE_LASTS
    claims: dict[str, Any] = {
        "iss": issuer, "sub": credit_code, "status": status.status.value,
        "since": status.since.isoformat() if status.since is not None else None, "iat": int(at.timestamp()),
        "exp": int(expires_at.timestamp()),
    }
    headers = {"kid": public_jwk(key)["kid"], "typ": "shop-status+jwt"}
    return jwt.encode(claims, key, algorithm="EdDSA", headers=headers), expires_at


def public_jwk(key: Ed25519PrivateKey) -> dict[str, Any]:
    jwk: dict[str, Any] = json.loads(OKPAlgorithm.to_jwk(key.public_key()))
    return {**jwk, "kid": jwk["x"][:16], "use": "sig", "alg": "EdDSA"}


def _next_state(row: ShopStatus, settings: Settings, at: datetime) -> PublicStatus:
    if at - row.accepted_at < JUDGED_AFTER or not row.required_minutes:
        return row.state
    share = row.observed_minutes / row.required_minutes
    # The way back is longer, so that a shop at the limit does not change every hour.
    needed = settings.status_active_from if row.state is PublicStatus.ACTIVE else settings.status_again_from
    return PublicStatus.ACTIVE if share >= needed else PublicStatus.DEGRADED


async def _status(work: Work, shop: Shop, row: ShopStatus | None) -> Status:
    its = await cameras.list_cameras(work, the_system(), shop_id=shop.id)
    if not any(camera.enabled for camera in its):
        return Status(shop.id, PublicStatus.NONE, row)
    return Status(shop.id, row.state if row is not None else PublicStatus.PENDING, row)


def _next_minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0) + MINUTE


async def _that_count(work: Work, actor: Actor, shop_id: str, at: datetime) -> list[Camera]:
    """Of a camera that only a box of the shop's own watches nobody tells us the minutes, and one that was just added or switched
    on is not judged yet."""
    foreign = await alarms.list_told_cameras(work, actor, shop_id)
    its: Sequence[Camera] = await cameras.list_cameras(work, actor, shop_id=shop_id)
    return [
        camera for camera in its
        if camera.enabled and (camera.wanted_from is None or at - camera.wanted_from >= JUDGED_AFTER)
        and (camera.edge_id is not None or camera.id not in foreign)
    ]

