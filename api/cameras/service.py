"""Cameras: what their edges watch, and whether they could."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from api.accounts.actors import Actor
from api.accounts.permissions import Permission
from api.audit.service import record
from api.cameras import repository
from api.cameras.schemas import CameraIn, CameraState
from api.cameras.tables import Camera, CameraMinuteRow
from api.edges import repository as edges
from api.kit.database import Work
from api.kit.not_found import or_not_found
from api.kit.problems import Forbidden, Invalid, NotFound, VersionConflict
from api.kit.secrets import Keyring
from api.kit.times import now
from api.places import repository as places
from contract.edge_auth import CLOCK_LEEWAY_S

# Edges tell about each minute within the next one; a third is allowed to be late.
NEWS_MAX_AGE = timedelta(minutes=3)
RTSP_PORT, RTSPS_PORT = 554, 322  # RFC 2326, 3.2; IANA


class NotYourCamera(Forbidden):
    code = "not-your-camera"


class PasswordNeededAgain(Invalid):
    code = "password-needed-again"


@dataclass(frozen=True)
class CameraStatus:
    camera: Camera
    state: CameraState
    looks_last_5_minutes: int


def secret_name(camera_id: str) -> str:
    """What a camera's password is bound to at rest."""
    return f"camera {camera_id} password"


async def list_cameras(
    work: Work, actor: Actor, *, shop_id: str | None = None, district_id: str | None = None, shop_name: str = "",
    after: str | None = None, limit: int | None = None,
) -> list[CameraStatus]:
    actor.require(Permission.CAMERAS_READ)
    cameras = await repository.list_cameras(
        work, actor, shop_id=shop_id, district_id=district_id, shop_name=shop_name, after=after, limit=limit
    )
    looks = await repository.looks_since(work, actor, [camera.id for camera in cameras], now() - timedelta(minutes=5))
    return [CameraStatus(camera, state_of(camera, now()), looks.get(camera.id, 0)) for camera in cameras]


async def get_camera(work: Work, actor: Actor, camera_id: str) -> CameraStatus:
    camera = await camera_for(work, actor, camera_id)
    looks = await repository.looks_since(work, actor, [camera.id], now() - timedelta(minutes=5))
    return CameraStatus(camera, state_of(camera, now()), looks.get(camera.id, 0))


async def camera_for(work: Work, actor: Actor, camera_id: str) -> Camera:
    """Raises NotFound."""
    actor.require(Permission.CAMERAS_READ)
    return or_not_found(await repository.get_camera(work, actor, camera_id), "camera")


async def list_minutes(work: Work, actor: Actor, camera_id: str, since: datetime) -> list[CameraMinuteRow]:
    await get_camera(work, actor, camera_id)
    return await repository.list_minutes(work, actor, camera_id, since)


async def create_camera(work: Work, actor: Actor, keyring: Keyring, new: CameraIn, at: datetime) -> Camera:
    actor.require(Permission.CAMERAS_WRITE)
    camera = Camera(version=1)
    await _fill(work, actor, keyring, camera, new, at)
    record(work, actor, "camera.created", "camera", camera.id, shop_id=camera.shop_id, name=new.name)
    return camera


async def create_seen_camera(
    work: Work, actor: Actor, keyring: Keyring, camera_id: str, new: CameraIn, password_sealed: str | None, at: datetime
) -> Camera:
    """One that its edge has tried. Its password stays sealed to that edge: nobody else can open it."""
    actor.require(Permission.CAMERAS_ADD)
    camera = Camera(id=camera_id, version=1)
    await _fill(work, actor, keyring, camera, new, at)
    camera.password_sealed = password_sealed
    record(work, actor, "camera.created", "camera", camera.id, shop_id=camera.shop_id, name=new.name)
    return camera


async def update_camera(
    work: Work, actor: Actor, keyring: Keyring, camera_id: str, new: CameraIn, expected_version: int | None, at: datetime
) -> Camera:
    actor.require(Permission.CAMERAS_WRITE)
    camera = or_not_found(await repository.get_camera(work, actor, camera_id, for_change=True), "camera")
    if expected_version is not None and camera.version != expected_version:
        raise VersionConflict("Somebody else has changed this camera since. Load it again, then repeat your change.")
    camera.version += 1
    await _fill(work, actor, keyring, camera, new, at)
    record(
        work, actor, "camera.changed", "camera", camera.id, shop_id=camera.shop_id, name=camera.name,
        password="password" in new.model_fields_set,
    )
    return camera


async def rotate_keys(work: Work, actor: Actor, old: Keyring, new: Keyring) -> int:
    """Encrypt every stored password again with the current key of `new`; returns how many."""
    cameras = await repository.list_with_password(work, actor)
    for camera in cameras:
        password = old.decrypt(camera.password_encrypted or "", secret_name(camera.id))
        camera.password_encrypted = new.encrypt(password, secret_name(camera.id))
    record(work, actor, "keys.rotated", "keyring", new.current, secrets=len(cameras))
    return len(cameras)


async def unreadable_passwords(work: Work, actor: Actor, keyring: Keyring) -> list[Camera]:
    """Cameras whose password was encrypted with a key that is gone."""
    cameras = await repository.list_with_password(work, actor)
    return [camera for camera in cameras if not keyring.can_read(camera.password_encrypted or "")]


def state_of(camera: Camera, at: datetime) -> CameraState:
    if not camera.enabled:
        return CameraState.OFF
    if camera.edge_id is None or camera.last_minute is None:
        return CameraState.NOT_STARTED
    # Minutes are told by the clock of the edge; by the centre's where that one is off by more than its tokens may be.
    offset_s = (camera.edge.clock_offset_s if camera.edge is not None else None) or 0
    at += timedelta(seconds=offset_s if abs(offset_s) <= CLOCK_LEEWAY_S else 0)
    if at - camera.last_minute > NEWS_MAX_AGE:
        return CameraState.NO_NEWS
    # The running minute is told too, and may have no look yet.
    looked_lately = camera.last_looked_at is not None and at - camera.last_looked_at <= NEWS_MAX_AGE
    if camera.last_looks or (camera.last_fault is None and looked_lately):
        return CameraState.LOOKING
    return CameraState.CANNOT_LOOK


def receiver(url: str) -> tuple[str, int]:
    """The machine that is sent the password."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (RTSPS_PORT if parts.scheme == "rtsps" else RTSP_PORT)


async def _fill(work: Work, actor: Actor, keyring: Keyring, camera: Camera, new: CameraIn, at: datetime) -> None:
    area = or_not_found(await places.get_area(work, actor, new.area_id), "area")
    is_kept = camera.has_password and new.username is not None and "password" not in new.model_fields_set
    if is_kept and (camera.shop_id != area.shop_id or receiver(camera.url) != receiver(new.url)):
        # Whoever may change cameras must not be able to have a password that he does not know sent to a machine of his own.
        raise PasswordNeededAgain("The camera has another host, port or shop now. Enter its password again.")
    if (camera.shop_id, camera.url) != (area.shop_id, new.url) or not new.enabled:
        camera.pictured_at = None  # it may show another kitchen, or what nobody is to look at any more
    if new.enabled and (not camera.enabled or camera.shop_id != area.shop_id):  # a new one is neither on nor of a shop
        camera.wanted_from = at
    edge_ids = [edge.id for edge in await edges.list_edges(work, actor, shop_id=area.shop_id) if edge.is_trusted]
    if new.edge_id is not None and new.edge_id not in edge_ids:
        raise NotFound("There is no such edge in this shop, or it was revoked or waits for approval.")
    edge_id = new.edge_id or (edge_ids[0] if len(edge_ids) == 1 else None)
    if is_kept and camera.password_sealed is not None and camera.edge_id != edge_id:
        raise PasswordNeededAgain("The password was encrypted to another edge box. Enter it again.")
    camera.shop_id, camera.area_id, camera.edge_id = area.shop_id, area.id, edge_id
    camera.name, camera.url, camera.username = new.name, new.url, new.username
    camera.transport, camera.interval_s, camera.enabled = new.transport, new.interval_s, new.enabled
    camera.zone = [list(point) for point in new.zone] if new.zone else None
    camera.hours = [hours.model_dump(mode="json") for hours in new.hours] if new.hours else None
    camera.posts = sorted(post.value for post in new.posts)
    work.add(camera)
    await work.flush()  # gives the id, to which the password is bound
    if not is_kept:
        camera.password_sealed = None
        camera.password_encrypted = keyring.encrypt(new.password, secret_name(camera.id)) if new.password else None
    await work.flush()
    await work.refresh(camera, ["shop", "area", "edge"])
