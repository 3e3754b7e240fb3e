"""People try a camera before they add it: the edge of its shop opens it, never the centre."""

import base64
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from api.accounts.actors import Actor
from api.accounts.permissions import Permission
from api.audit.service import record
from api.cameras import repository as cameras
from api.cameras.schemas import CameraIn
from api.cameras.service import create_seen_camera, receiver
from api.cameras.tables import Camera
from api.edges import repository as edges
from api.edges.tables import Edge
from api.kit.database import Work
from api.kit.ids import new_id
from api.kit.not_found import not_found, or_not_found
from api.kit.problems import Conflict, Gone, Invalid, NotFound, TooManyRequests
from api.kit.secrets import Keyring
from api.kit.settings import Settings
from api.places import service as places
from api.trials import repository
from api.trials.schemas import ForbiddenPlace, TrialIn
from api.trials.tables import CameraTrial
from contract.camera_hosts import is_forbidden_host
from contract.credentials import seal_credential
from contract.trials import TrialAnswer

# An edge tries for 75 s at most, and may be busy with another one.
ANSWERED_WITHIN = timedelta(minutes=2)
# To read the advice, move the camera, and come back.
KEPT = timedelta(minutes=30)
# A shop that is being connected tries each of 8 to 32 channels of its recorder. Who searches for machines or for a password fails
# mostly: cameras of common makers lock after five to seven wrong ones.
COUNTED = timedelta(hours=1)
MOST_OF_SHOP, MOST_FAILURES_OF_SHOP = 40, 15
HOST_COUNTED = timedelta(minutes=15)
MOST_FAILURES_OF_HOST = 4
# On a slow network a second tap comes long before the next page.
TAPPED_TWICE = timedelta(seconds=3)


class NoEdge(Conflict):
    code = "no-edge"


class AddressRefused(Invalid):
    code = "camera-address-refused"


class PasswordNeeded(Invalid):
    code = "password-needed-again"


class TooManyTrials(TooManyRequests):
    """`of_host`: only those of this one camera or recorder."""

    code = "too-many-trials"

    def __init__(self, wait: timedelta, of_host: bool) -> None:
        self.of_host = of_host
        seconds = int(wait.total_seconds()) + 1
        super().__init__(f"Too many cameras were tried. Try again in {seconds} s.", retry_after_s=seconds)


class TrialOver(Gone):
    code = "trial-over"


class Stage(StrEnum):
    WAITING = "waiting"  # for the edge to fetch it
    LOOKING = "looking"
    NOT_FETCHED = "not_fetched"
    NO_ANSWER = "no_answer"
    TOO_OLD = "too_old"  # the edge does not know how to look for cameras
    ANSWERED = "answered"
    OVER = "over"


IS_OPEN = frozenset({Stage.WAITING, Stage.LOOKING})


def stage_of(trial: CameraTrial, at: datetime) -> Stage:
    if trial.over_at is not None or at - trial.created_at > KEPT:
        return Stage.OVER
    if trial.answered_at is not None:
        return Stage.TOO_OLD if trial.answer is None else Stage.ANSWERED
    is_late = at - trial.created_at > ANSWERED_WITHIN
    if trial.taken_at is None:
        return Stage.NOT_FETCHED if is_late else Stage.WAITING
    return Stage.NO_ANSWER if is_late else Stage.LOOKING


def answer_of(trial: CameraTrial) -> TrialAnswer | None:
    return TrialAnswer.model_validate_json(trial.answer) if trial.answer is not None else None


async def begin(work: Work, actor: Actor, settings: Settings, new: TrialIn, at: datetime) -> CameraTrial:
    """Raises AddressRefused, NoEdge, TooManyTrials, PasswordNeeded."""
    actor.require(Permission.CAMERAS_ADD)
    await places.get_shop(work, actor, new.shop_id)
    host, port = receiver(new.urls[0])
    if any(is_forbidden_host(receiver(url)[0]) for url in new.urls) and not settings.loopback_cameras:
        raise AddressRefused("This is an address of the edge box itself, or a reserved one. Enter the one of the camera.")
    edge = await _edge(work, actor, new.shop_id, new.edge_id)
    lately = await repository.list_trials(work, actor, new.shop_id, at - COUNTED)
    if same := _tapped_twice(lately, edge, new.urls, new.username, at):
        return same
    _count(lately, host, at)
    trial = CameraTrial(
        camera_id=new_id(), shop_id=new.shop_id, edge_id=edge.id, maker=new.maker, address=new.address, channel=new.channel,
        is_sub=new.is_sub, host=host, port=port, urls=new.urls, username=new.username, created_at=at,
    )
    if new.password is not None:
        key = X25519PublicKey.from_public_bytes(base64.b64decode(edge.encryption_key))
        trial.password_sealed = seal_credential(key, trial.camera_id, new.password.get_secret_value())
    elif new.again is not None:
        await _take_password(work, actor, trial, new.again)
    record(work, actor, "camera.tried", "camera", trial.camera_id, shop_id=trial.shop_id, host=host)
    return await _put_up(work, trial)


async def begin_search(work: Work, actor: Actor, shop_id: str, edge_id: str | None, at: datetime) -> CameraTrial:
    """The edge is to tell which cameras answer in its network. Raises NoEdge, TooManyTrials."""
    actor.require(Permission.CAMERAS_ADD)
    await places.get_shop(work, actor, shop_id)
    edge = await _edge(work, actor, shop_id, edge_id)
    lately = await repository.list_trials(work, actor, shop_id, at - COUNTED)
    if same := _tapped_twice(lately, edge, [], None, at):
        return same
    _count(lately, "", at)
    search = CameraTrial(
        shop_id=shop_id, edge_id=edge.id, maker="", address="", channel=1, is_sub=False, host="", port=0, urls=[],
        is_failure=False, created_at=at,
    )
    record(work, actor, "cameras.searched", "edge", edge.id, shop_id=shop_id)
    return await _put_up(work, search)


async def _put_up(work: Work, trial: CameraTrial) -> CameraTrial:
    work.add(trial)
    await work.flush()
    await work.refresh(trial, ["shop", "edge"])
    return trial


async def get_trial(work: Work, actor: Actor, trial_id: str, *, for_change: bool = False) -> CameraTrial:
    actor.require(Permission.CAMERAS_ADD)
    return or_not_found(await repository.get_trial(work, actor, trial_id, for_change=for_change), "attempt")


async def get_picture(work: Work, actor: Actor, trial_id: str) -> bytes:
    actor.require(Permission.CAMERAS_ADD)
    trial = await repository.get_trial(work, actor, trial_id, with_picture=True)
    if trial is None or trial.picture is None:
        raise not_found("picture")
    return trial.picture


async def add_camera(
    work: Work, actor: Actor, keyring: Keyring, trial_id: str, area_id: str, name: str, at: datetime
) -> Camera:
    """With what was tried, and nothing typed again. Raises TrialOver."""
    trial = await get_trial(work, actor, trial_id, for_change=True)
    answer = answer_of(trial)
    if stage_of(trial, at) is not Stage.ANSWERED or answer is None or answer.sighting is None:
        raise TrialOver("What was seen is not kept any more. Try the camera again.")
    if await cameras.get_camera(work, actor, trial.camera_id) is not None:
        raise TrialOver("This camera was added already. For another one, try it with its password.")
    new = CameraIn(area_id=area_id, edge_id=trial.edge_id, name=name, url=answer.url, username=trial.username)
    camera = await create_seen_camera(work, actor, keyring, trial.camera_id, new, trial.password_sealed, at)
    await repository.end(work, actor, [trial.id], at)
    return camera


async def refuse_place(work: Work, actor: Actor, trial_id: str, place: ForbiddenPlace, at: datetime) -> None:
    """Nothing that such a camera showed is kept."""
    trial = await get_trial(work, actor, trial_id, for_change=True)
    await repository.end(work, actor, [trial.id], at)
    record(work, actor, "camera.refused", "camera", trial.camera_id, shop_id=trial.shop_id, place=place.value)


async def _edge(work: Work, actor: Actor, shop_id: str, edge_id: str | None) -> Edge:
    """The one that is named, or the one that was heard of last; locked, so that attempts are counted one after the other."""
    trusted = [edge for edge in await edges.list_edges(work, actor, shop_id=shop_id) if edge.is_trusted]
    if edge_id is not None and edge_id not in [edge.id for edge in trusted]:
        raise NotFound("There is no such edge in this shop, or it was revoked or waits for approval.")
    if not trusted:
        raise NoEdge("No edge box of this shop may read cameras yet. Enrol one, or approve the one that waits.")
    latest = max(trusted, key=lambda edge: edge.last_seen_at or edge.enrolled_at)
    edge = await edges.get_edge(work, actor, edge_id or latest.id)
    assert edge is not None  # noqa: S101 - it was in the list
    return edge


def _tapped_twice(
    lately: Sequence[CameraTrial], edge: Edge, urls: list[str], username: str | None, at: datetime
) -> CameraTrial | None:
    """The same, begun a moment ago: with a wrong password the camera would be a step nearer to its lock for nothing."""
    return next((
        trial for trial in lately if at - trial.created_at < TAPPED_TWICE and stage_of(trial, at) in IS_OPEN
        and (trial.edge_id, trial.urls, trial.username) == (edge.id, urls, username)
    ), None)


def _count(lately: Sequence[CameraTrial], host: str, at: datetime) -> None:
    """Raises TooManyTrials."""
    failures = [trial for trial in lately if trial.is_failure]
    of_host = [trial for trial in failures if trial.host == host and at - trial.created_at < HOST_COUNTED]
    for counted, most, span, is_host in (
        (of_host, MOST_FAILURES_OF_HOST, HOST_COUNTED, True), (failures, MOST_FAILURES_OF_SHOP, COUNTED, False),
        (lately, MOST_OF_SHOP, COUNTED, False),
    ):
        if len(counted) >= most:
            raise TooManyTrials(counted[-most].created_at + span - at, is_host)


async def _take_password(work: Work, actor: Actor, trial: CameraTrial, again: str) -> None:
    """Sealed as it is, from an attempt at the same machine: nobody can have a password sent to another one."""
    before = await get_trial(work, actor, again)
    same = ("shop_id", "edge_id", "host", "port", "username")
    if any(getattr(before, name) != getattr(trial, name) for name in same) or before.over_at is not None:
        raise PasswordNeeded("Host, port, user or edge box is another one now. Enter the password again.")
    trial.camera_id, trial.password_sealed = before.camera_id, before.password_sealed
