"""Edge boxes: enrolment with a one-time code, proof of identity, configuration, heartbeats."""

import base64
import binascii
import hashlib
import json
import secrets
from datetime import datetime, timedelta

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from sqlalchemy.exc import IntegrityError

from api.accounts.actors import Actor, ActorKind
from api.accounts.permissions import Permission
from api.audit.service import record
from api.cameras import repository as cameras
from api.cameras.service import secret_name
from api.cameras.tables import Camera
from api.edges import repository
from api.edges.tables import Edge, EnrolmentCode
from api.evidence import repository as evidence
from api.kit.database import Work
from api.kit.not_found import or_not_found
from api.kit.problems import Conflict, Forbidden, Invalid, Unauthenticated
from api.kit.secrets import Keyring, KeyringError
from api.kit.settings import Settings
from api.kit.times import now
from api.places import repository as places
from contract.cameras import CameraConfig, EdgeConfig
from contract.catalogue import Catalogue
from contract.credentials import seal_credential
from contract.edge_auth import CLOCK_LEEWAY_S, EdgeTokenError, claimed_edge_id, verify_edge_token
from contract.edges import CameraMinute, EnrolRequest, Heartbeat
from contract.evidence import FIRST_OF_CHAIN

log = structlog.get_logger(__name__)
# No 0/O, 1/I/L: codes are read out over the telephone. Ten of 31 letters hold for 15 minutes against any guessing.
CODE_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
CODE_LENGTH = 10
KEY_BYTES = 32
# Several boxes may have been made from one image; each tells of itself every 15 s.
RUNS_KEPT, RUNS_BACK = 4, 3
KEY_IN_USE = "This key is registered already. Delete the key file of the edge, so that it makes a new one."


class BadEnrolmentCode(Forbidden):
    code = "bad-enrolment-code"


class EdgeRevoked(Forbidden):
    code = "edge-revoked"


class AlreadyRevoked(Conflict):
    code = "edge-already-revoked"


class KeyInUse(Conflict):
    code = "key-in-use"


async def list_edges(
    work: Work, actor: Actor, *, waiting: bool | None = None, after: str | None = None, limit: int | None = None
) -> list[Edge]:
    actor.require(Permission.EDGES_READ)
    return await repository.list_edges(work, actor, waiting=waiting, after=after, limit=limit)


async def approve_edge(work: Work, actor: Actor, edge_id: str) -> Edge:
    """It takes over the cameras of its shop that no edge watches, and is given their passwords."""
    actor.require(Permission.EDGES_APPROVE)
    edge = await _get(work, actor, edge_id)
    if edge.revoked_at is not None:
        raise AlreadyRevoked("This edge was revoked. Enrol it again with a new code.")
    if edge.approved_at is None:
        edge.approved_at = now()
        await cameras.give_to_edge(work, actor, edge.shop_id, edge.id)
        record(work, actor, "edge.approved", "edge", edge.id, shop_id=edge.shop_id, name=edge.name, shop=edge.shop_id)
        await work.flush()
    return edge


async def revoke_edge(work: Work, actor: Actor, edge_id: str) -> Edge:
    """From now on nothing of it is taken; its cameras wait for another edge."""
    if not actor.may(Permission.EDGES_APPROVE):
        actor.require(Permission.EDGES_WRITE)
    edge = await _get(work, actor, edge_id)
    if edge.revoked_at is None:
        edge.revoked_at = now()
        await cameras.take_from_edge(work, actor, edge.id)
        record(work, actor, "edge.revoked", "edge", edge.id, shop_id=edge.shop_id, name=edge.name)
        await work.flush()
    return edge


async def _get(work: Work, actor: Actor, edge_id: str) -> Edge:
    return or_not_found(await repository.get_edge(work, actor, edge_id), "edge")


async def create_code(work: Work, actor: Actor, settings: Settings, shop_id: str) -> tuple[str, datetime]:
    """A one-time code and when it expires."""
    actor.require(Permission.EDGES_WRITE)
    or_not_found(await places.get_shop(work, actor, shop_id), "shop")
    code = "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))
    expires_at = now() + timedelta(minutes=settings.enrolment_minutes)
    work.add(
        EnrolmentCode(
            code_hash=_code_hash(code), shop_id=shop_id, created_by=actor.name, created_at=now(), expires_at=expires_at,
            is_approved=actor.may(Permission.EDGES_APPROVE),
        )
    )
    record(work, actor, "enrolment_code.created", "shop", shop_id, shop_id=shop_id)
    await work.flush()
    return code, expires_at


async def enrol(work: Work, request: EnrolRequest, address: str | None) -> Edge:
    """Register an edge's own keys against a one-time code. Asked again with the same code and key, it answers the same."""
    public_key, encryption_key = _raw_key(request.public_key), _raw_key(request.encryption_key)
    try:
        # RFC 7748, 6.1: with a key of small order there is no secret; every fetch of the configuration would fail on it.
        seal_credential(X25519PublicKey.from_public_bytes(base64.b64decode(encryption_key)), "trial", "")
    except ValueError as error:
        raise Invalid("The encryption key is none that a password can be sealed to. Make a new one.") from error
    code = await repository.find_code(work, _code_hash(request.code))
    registered = await repository.find_by_key(work, public_key)
    if code is None or code.expires_at <= now():
        raise _bad_code()
    if code.used_at is not None:
        if registered is not None and registered.id == code.edge_id and registered.revoked_at is None:
            return registered
        raise _bad_code()
    if registered is not None:
        raise KeyInUse(KEY_IN_USE)
    edge = Edge(
        name=request.name, shop_id=code.shop_id, public_key=public_key, encryption_key=encryption_key, enrolled_at=now(),
        enrolled_by=code.created_by, approved_at=now() if code.is_approved else None, software_version=request.software_version,
    )
    work.add(edge)
    try:
        await work.flush()
    except IntegrityError as error:  # at the same moment, with another code
        raise KeyInUse(KEY_IN_USE) from error
    code.used_at, code.edge_id = now(), edge.id
    # Whoever made the code may see the shop; the house acts for them, inside that shop only.
    for_the_shop = Actor(ActorKind.HOUSE, "house", "enrolment", shop_id=code.shop_id, address=address)
    if edge.is_trusted:
        await cameras.give_to_edge(work, for_the_shop, code.shop_id, edge.id)
    record(
        work, for_the_shop, "edge.enrolled", "edge", edge.id, shop=code.shop_id, name=edge.name, approved=edge.is_trusted
    )
    await work.flush()
    return edge


async def authenticate(work: Work, token: str, method: str, path: str, address: str | None) -> tuple[Actor, str]:
    """The edge that sends this request, and the digest that its content must have. Raises Unauthenticated or EdgeRevoked."""
    try:
        edge = await repository.find_claimed_edge(work, claimed_edge_id(token))
        if edge is None:
            raise Unauthenticated(
                "This centre knows no such edge. If it began anew, or an older copy was put back, give it its right data folder: "
                "the edge keeps what it has until then. Else enrol the edge with a new code: what waits on it is not sent then."
            )
        digest = verify_edge_token(token, signing_key(edge.public_key), method, path)
    except EdgeTokenError as error:
        raise Unauthenticated(str(error)) from error
    if edge.revoked_at is not None:
        raise EdgeRevoked("This edge was revoked at the centre. Enrol it again with a new code.")
    return Actor(ActorKind.EDGE, edge.id, edge.name, address=address), digest


async def build_config(
    work: Work, actor: Actor, keyring: Keyring, catalogue: Catalogue, known_version: str | None
) -> EdgeConfig | None:
    """What the edge is to watch and by which rules; None when it has this version already."""
    edge = await repository.own_edge(work, actor)
    rows = [camera for camera in await cameras.list_cameras(work, actor) if camera.enabled]
    reported = await evidence.cameras_reported(work, actor, [camera.id for camera in rows])
    configs = [
        _camera_config(
            camera, None if camera.id in reported else await evidence.last_of_others(work, actor, camera.id)
        )
        for camera in rows
    ]
    # A sealed password differs each time, so the camera's own version stands for it. How far a chain has come is told, but is no
    # reason to ask again: the edge knows it, unless its disk has forgotten it, and then it begins anew.
    content = [edge.encryption_key, catalogue.version]
    for row, config in zip(rows, configs, strict=True):
        # A set has another order in every process; the version must not.
        content.append(json.dumps([row.version, config.model_dump(mode="json", exclude={"posts"}), sorted(config.posts)]))
    version = hashlib.sha256("\n".join(content).encode()).hexdigest()[:16]
    if version == known_version:
        return None
    key = X25519PublicKey.from_public_bytes(base64.b64decode(edge.encryption_key))
    sealed = []
    for camera, config in zip(rows, configs, strict=True):
        told: dict[str, object] = {"password_sealed": _sealed_password(camera, keyring, key)}
        if camera.id in reported:
            told["chain_length"], told["chain_start"] = await evidence.last_of_own(work, actor, camera.id)
        sealed.append(config.model_copy(update=told))
    return EdgeConfig(version=version, catalogue=catalogue, cameras=sealed)


async def take_heartbeat(work: Work, actor: Actor, settings: Settings, heartbeat: Heartbeat) -> None:
    edge = await repository.own_edge(work, actor)
    at = now()
    edge.last_seen_at, edge.clock_offset_s = at, (heartbeat.sent_at - at).total_seconds()
    _compare_runs(edge, heartbeat.run, at)
    edge.software_version = heartbeat.software_version[:50]
    edge.config_version = heartbeat.config_version[:64] if heartbeat.config_version else None
    edge.outbox_waiting, edge.outbox_parked = _storable(heartbeat.outbox_waiting), _storable(heartbeat.outbox_parked)
    edge.trouble = heartbeat.trouble
    if heartbeat.load is not None:
        edge.watched, edge.is_exact = _storable(heartbeat.load.watched), heartbeat.load.is_exact
        edge.no_provider, edge.no_decoder = heartbeat.load.no_provider, heartbeat.load.no_decoder
        edge.carries = None if heartbeat.load.carries is None else _storable(heartbeat.load.carries)
    mine = {camera.id: camera for camera in await cameras.list_cameras(work, actor)}
    oldest, newest = at - timedelta(days=settings.minutes_kept_days), at + timedelta(seconds=CLOCK_LEEWAY_S + 60)
    told = {(minute.camera_id, minute.minute): minute for minute in heartbeat.minutes if oldest <= minute.minute <= newest}
    foreign = {camera_id for camera_id, _ in told if camera_id not in mine}
    if foreign:
        # Not refused as a whole: a camera may just have been given to another edge.
        log.warning("heartbeat tells of cameras that are not this edge's", edge=edge.id, cameras=len(foreign))
    own = [minute for (camera_id, _), minute in told.items() if camera_id in mine]
    for minute in sorted(own, key=lambda minute: minute.minute):
        _remember_latest(mine[minute.camera_id], minute)
    rows = [
        {"camera_id": item.camera_id, "minute": item.minute, "looks": _storable(item.looks), "fault": item.fault}
        for item in own
    ]
    await cameras.store_minutes(work, actor, rows, forget_before=oldest)


def _compare_runs(edge: Edge, run: str | None, at: datetime) -> None:
    """A box that is started anew never tells of an earlier start again, but for one that was on its way meanwhile."""
    if run is None or run == next(reversed(edge.runs), None):
        return
    edge.runs_back = edge.runs_back + 1 if run in edge.runs else 0
    edge.runs = [*(known for known in edge.runs if known != run), run][-RUNS_KEPT:]
    if edge.runs_back >= RUNS_BACK:
        edge.doubled_at = at


def signing_key(public_key: str) -> Ed25519PublicKey:
    """As it is kept of an edge."""
    return Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key))


def _camera_config(camera: Camera, chain_start: str | None) -> CameraConfig:
    """`chain_start` of an edge that has not begun its chain of the camera yet."""
    return CameraConfig.model_validate(
        {
            "id": camera.id, "name": camera.name, "shop_id": camera.shop_id, "shop_name": camera.shop.name,
            "area": camera.area.kind, "posts": camera.posts, "url": camera.url, "username": camera.username,
            "transport": camera.transport, "zone": camera.zone, "hours": camera.hours, "interval_s": camera.interval_s,
            "chain_start": chain_start or FIRST_OF_CHAIN,
        }
    )


def _sealed_password(camera: Camera, keyring: Keyring, key: X25519PublicKey) -> str | None:
    if camera.password_encrypted is None:
        return camera.password_sealed
    try:
        password = keyring.decrypt(camera.password_encrypted, secret_name(camera.id))
    except KeyringError as error:
        # The other cameras go on; this one will say "wrong password".
        log.error("a camera's password cannot be read", camera=camera.id, cause=str(error))
        return None
    return seal_credential(key, camera.id, password.get_secret_value())


def _remember_latest(camera: Camera, minute: CameraMinute) -> None:
    if camera.last_minute is not None and minute.minute < camera.last_minute:
        return
    camera.last_minute, camera.last_looks, camera.last_fault = minute.minute, _storable(minute.looks), minute.fault
    if minute.looks:
        camera.last_looked_at = minute.minute
        camera.width, camera.height = _storable(minute.width or 0), _storable(minute.height or 0)


def _storable(number: int) -> int:
    """Cut to what an integer column takes."""
    return max(0, min(number, 2**31 - 1))


def _raw_key(text: str) -> str:
    try:
        raw = base64.b64decode(text, validate=True)
        if len(raw) == KEY_BYTES:
            return base64.b64encode(raw).decode()  # one key has one form, so that it can be found again
    except (binascii.Error, ValueError):
        pass
    raise Invalid("A public key must be 32 raw bytes in base64.")


def _code_hash(code: str) -> str:
    return hashlib.sha256(code.strip().upper().encode()).hexdigest()


def _bad_code() -> BadEnrolmentCode:
    return BadEnrolmentCode("The code is unknown, used or too old. Make a new one in the console.")
