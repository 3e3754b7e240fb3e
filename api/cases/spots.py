"""Spots of a camera's picture: which boxes are the same one, and which are muted for a rule because people dismissed twice what
was seen there. Muting is visible, and anybody who judges can lift it.
"""

from collections.abc import Sequence
from datetime import datetime

from api.accounts.actors import Actor, the_system
from api.accounts.permissions import Permission
from api.audit.service import record
from api.cameras import repository as cameras
from api.cases import repository
from api.cases.states import DismissalReason
from api.cases.tables import Case, MutedSpot
from api.kit.database import Work
from api.kit.not_found import or_not_found
from contract.evidence import Manifest

Spot = tuple[float, float, float, float]
# The usual measure of "the same box" (PASCAL VOC): a poster or a pot gets the same one each time, a person who moved does not.
SAME_SPOT_OVERLAP = 0.5
# A duplicate or a test says nothing about what the detector sees there.
SPEAKS_OF_THE_SPOT = frozenset({DismissalReason.NOT_A_VIOLATION, DismissalReason.NOT_STAFF, DismissalReason.CANNOT_TELL})


async def after_dismissal(work: Work, case: Case, at: datetime) -> None:
    """Mute the spot when this was its second dismissal since it was last lifted."""
    if case.spot is None:
        return
    await repository.lock_spots(work, case.camera_id)  # two at once would each take its own for the first
    if await mute_at(work, case.camera_id, case.rule, case.shop_id, _spot(case.spot)):
        return
    lifted = [
        spot.revoked_at for spot in await repository.list_muted_spots(work, the_system(), case.camera_id, is_active=False)
        if spot.rule == case.rule and spot.revoked_at is not None and is_same(spot.box, _spot(case.spot))
    ]
    since = max(lifted, default=None)
    before = await repository.list_dismissed_alike(work, the_system(), case, SPEAKS_OF_THE_SPOT, since)
    if any(other.shop_id == case.shop_id and is_same(other.spot, _spot(case.spot)) for other in before):
        spot = MutedSpot(camera_id=case.camera_id, rule=case.rule, box=case.spot, because_of=case.id, muted_at=at)
        work.add(spot)
        await work.flush()
        record(work, the_system(), "spot.muted", "muted_spot", spot.id, shop_id=case.shop_id, case=case.id, rule=case.rule)


async def lift_with_case(work: Work, actor: Actor, case: Case, at: datetime) -> None:
    """The judgement that muted a spot was taken back, or what was set aside there is looked at again after all."""
    for spot in await repository.list_muted_spots(work, the_system(), case.camera_id):
        if case.id in (spot.because_of, spot.case_id):
            _lift(work, actor, spot, at, case.shop_id)


async def list_muted_spots(work: Work, actor: Actor, camera_id: str) -> Sequence[MutedSpot]:
    """Those in force."""
    actor.require(Permission.EVIDENCE_READ)
    or_not_found(await cameras.get_camera(work, actor, camera_id), "camera")
    return await repository.list_muted_spots(work, actor, camera_id)


async def revoke_muted_spot(work: Work, actor: Actor, spot_id: str, at: datetime) -> MutedSpot:
    actor.require(Permission.CASES_JUDGE)
    spot = or_not_found(await repository.get_muted_spot(work, actor, spot_id), "muted spot")
    if spot.revoked_at is None:
        camera = await cameras.get_camera(work, actor, spot.camera_id)
        _lift(work, actor, spot, at, camera.shop_id if camera else None)
        await work.flush()
    return spot


def spot_of(manifest: Manifest) -> Spot | None:
    """The largest violating box, as parts of width and height."""
    boxes = [box.box for box in manifest.boxes if box.violating]
    if not boxes:
        return None
    x1, y1, x2, y2 = max(boxes, key=area)
    return x1 / manifest.frame_width, y1 / manifest.frame_height, x2 / manifest.frame_width, y2 / manifest.frame_height


def overlap(one: Sequence[float], other: Sequence[float]) -> float:
    """Intersection over union, 0 to 1."""
    shared = (max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3]))
    if shared[0] >= shared[2] or shared[1] >= shared[3]:
        return 0.0
    return area(shared) / (area(one) + area(other) - area(shared))


def area(box: Sequence[float]) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def is_same(one: Sequence[float] | None, other: Spot | None) -> bool:
    return one is not None and other is not None and overlap(one, other) >= SAME_SPOT_OVERLAP


def _spot(stored: Sequence[float]) -> Spot:
    x1, y1, x2, y2 = stored
    return x1, y1, x2, y2


async def mute_at(work: Work, camera_id: str, rule: str, shop_id: str, spot: Spot | None) -> MutedSpot | None:
    found = await repository.list_muted(work, camera_id, rule, shop_id)
    return next((muted for muted in found if is_same(muted.box, spot)), None)


def _lift(work: Work, actor: Actor, spot: MutedSpot, at: datetime, shop_id: str | None) -> None:
    spot.revoked_at, spot.revoked_by = at, actor.name
    record(work, actor, "spot.lifted", "muted_spot", spot.id, shop_id=shop_id, rule=spot.rule)
