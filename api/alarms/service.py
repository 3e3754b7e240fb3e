"""Shops' own boxes: their tokens, which camera they mean by what, and what comes of their alarms."""

import base64
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr
from sqlalchemy.exc import IntegrityError

from api.accounts.actors import Actor, ActorKind
from api.accounts.permissions import Permission
from api.alarms import repository
from api.alarms.mapping import AlarmFormat
from api.alarms.schemas import AlarmBoxIn
from api.alarms.tables import AlarmBox
from api.audit.service import record
from api.cameras import repository as cameras
from api.edges.tables import Edge, EdgeKind
from api.kit.database import Work
from api.kit.not_found import not_found, or_not_found
from api.kit.problems import Conflict, Forbidden, Invalid, Problem, Unauthenticated
from api.kit.secrets import Keyring
from api.kit.tokens import token_hash
from api.places import repository as places

TOKEN_BYTES = 32
LONGEST_CODE = 100


class NotAnAlarmBox(Invalid):
    code = "not-an-alarm-box"


class AlarmBoxRevoked(Forbidden):
    code = "alarm-box-revoked"


class DeviceCodeTaken(Conflict):
    code = "device-code-taken"


async def list_boxes(work: Work, actor: Actor, *, after: str | None = None, limit: int | None = None) -> Sequence[AlarmBox]:
    actor.require(Permission.EDGES_READ)
    return await repository.list_boxes(work, actor, after=after, limit=limit)


async def get_box(work: Work, actor: Actor, box_id: str, *, for_change: bool = False) -> AlarmBox:
    actor.require(Permission.EDGES_READ)
    return or_not_found(await repository.get_box(work, actor, box_id, for_change=for_change), "box")


async def list_channels(work: Work, actor: Actor, box_id: str) -> Mapping[str, str]:
    """Device codes by camera."""
    actor.require(Permission.EDGES_READ)
    return await repository.list_channels(work, actor, box_id)


async def create_box(
    work: Work, actor: Actor, keyring: Keyring, formats: Mapping[str, AlarmFormat], new: AlarmBoxIn, at: datetime
) -> tuple[AlarmBox, str]:
    """With its token, which is told this once. It sees no camera before it is told which device code means which."""
    actor.require(Permission.EDGES_WRITE)
    if new.format not in formats:
        raise NotAnAlarmBox(f"There is no such form of alarms. Known are: {', '.join(sorted(formats))}.")
    or_not_found(await places.get_shop(work, actor, new.shop_id), "shop")
    key, token = Ed25519PrivateKey.generate(), secrets.token_urlsafe(TOKEN_BYTES)
    edge = Edge(
        kind=EdgeKind.ALARM_BOX, name=new.name, shop_id=new.shop_id, encryption_key="", enrolled_at=at, enrolled_by=actor.name,
        public_key=base64.b64encode(key.public_key().public_bytes_raw()).decode(), approved_at=at, software_version=new.format,
    )
    work.add(edge)
    await work.flush()
    box = AlarmBox(edge_id=edge.id, format=new.format, token_hash=token_hash(token), key_encrypted=_seal(keyring, edge.id, key))
    work.add(box)
    record(
        work, actor, "alarm_box.created", "alarm_box", edge.id, shop_id=edge.shop_id, name=new.name, shop=new.shop_id
    )
    await work.flush()
    return box, token


async def set_channels(work: Work, actor: Actor, box_id: str, codes: Mapping[str, str]) -> None:
    """Which camera of the shop it means by which device code; a camera without one is none of its own."""
    actor.require(Permission.EDGES_WRITE)
    box = await get_box(work, actor, box_id, for_change=True)
    own = {camera.id for camera in await cameras.list_cameras(work, actor, shop_id=box.edge.shop_id)}
    given = {camera_id: code.strip() for camera_id, code in codes.items() if code.strip()}
    if not own.issuperset(given):
        raise not_found("camera in this shop")
    if any(len(code) > LONGEST_CODE for code in given.values()):
        raise NotAnAlarmBox(f"A device code has at most {LONGEST_CODE} characters.")
    if len(set(given.values())) < len(given):
        raise DeviceCodeTaken("Two cameras have the same device code. Give each its own.")
    await repository.set_channels(work, actor, box_id, given)
    record(
        work, actor, "alarm_box.changed", "alarm_box", box_id, shop_id=box.edge.shop_id, name=box.edge.name, cameras=len(given)
    )
    try:
        await work.flush()
    except IntegrityError as error:
        raise DeviceCodeTaken("Somebody else has just changed this box. Look at it again.") from error


async def new_token(work: Work, actor: Actor, box_id: str) -> tuple[AlarmBox, str]:
    """The one before holds no longer."""
    actor.require(Permission.EDGES_WRITE)
    box = await get_box(work, actor, box_id, for_change=True)
    if box.edge.revoked_at is not None:
        raise AlarmBoxRevoked("This box was revoked. Add it anew.")
    token = secrets.token_urlsafe(TOKEN_BYTES)
    box.token_hash = token_hash(token)
    record(work, actor, "alarm_box.token_changed", "alarm_box", box_id, shop_id=box.edge.shop_id, name=box.edge.name)
    await work.flush()
    return box, token


async def revoke_box(work: Work, actor: Actor, box_id: str, at: datetime) -> None:
    """From now on nothing of it is taken."""
    if not actor.may(Permission.EDGES_APPROVE):
        actor.require(Permission.EDGES_WRITE)
    box = await get_box(work, actor, box_id, for_change=True)
    if box.edge.revoked_at is None:
        box.edge.revoked_at = at
        record(work, actor, "alarm_box.revoked", "alarm_box", box_id, shop_id=box.edge.shop_id, name=box.edge.name)
        await work.flush()


async def authenticate(work: Work, token: str, address: str) -> tuple[Actor, AlarmBox]:
    """Raises Unauthenticated or AlarmBoxRevoked."""
    box = await repository.find_by_token(work, token_hash(token))
    if box is None:
        raise Unauthenticated("No box has this token. Make a new one in the console.")
    if box.edge.revoked_at is not None:
        raise AlarmBoxRevoked("This box was revoked at the centre. Add it anew.")
    return Actor(ActorKind.EDGE, box.edge_id, box.edge.name, address=address), box


async def note_taken(work: Work, actor: Actor, at: datetime) -> None:
    box = await repository.own_box(work, actor)
    box.edge.last_seen_at, box.trouble, box.trouble_code = at, None, None


async def note_trouble(work: Work, actor: Actor, problem: Problem, at: datetime) -> None:
    """Shown in the console: who runs the box may never see its answers."""
    box = await repository.own_box(work, actor)
    box.edge.last_seen_at = at
    box.trouble, box.trouble_code = problem.detail[:500].replace("\x00", "\ufffd"), problem.code


async def rotate_keys(work: Work, actor: Actor, old: Keyring, new: Keyring) -> int:
    """Encrypt the key of every box again with the current key of `new`; returns how many."""
    boxes = await repository.list_boxes(work, actor)
    for box in boxes:
        box.key_encrypted = _seal(new, box.edge_id, open_key(old, box))
    return len(boxes)


def open_key(keyring: Keyring, box: AlarmBox) -> Ed25519PrivateKey:
    """Raises KeyringError."""
    raw = base64.b64decode(keyring.decrypt(box.key_encrypted, _belongs_to(box.edge_id)).get_secret_value())
    return Ed25519PrivateKey.from_private_bytes(raw)


def _seal(keyring: Keyring, edge_id: str, key: Ed25519PrivateKey) -> str:
    return keyring.encrypt(SecretStr(base64.b64encode(key.private_bytes_raw()).decode()), _belongs_to(edge_id))


def _belongs_to(edge_id: str) -> str:
    return f"alarm box {edge_id} key"
