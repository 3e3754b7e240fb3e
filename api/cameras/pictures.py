"""The latest picture of each camera, without faces: what it shows, for people who may see the camera. One is kept, no history."""

import hashlib
from datetime import datetime

import anyio
import cv2

from api.accounts.actors import Actor
from api.cameras import repository
from api.cameras.service import NotYourCamera, camera_for
from api.cameras.tables import Camera
from api.kit.database import Work
from api.kit.files import Files
from api.kit.pictures import NotAPicture, check_jpeg, decoded
from api.kit.problems import NotFound
from contract.edges import LATEST_SIDE_PX, LatestPicture

_JPEG_QUALITY = 80


async def check_sender(work: Work, actor: Actor, camera_id: str) -> None:
    """Raises NotYourCamera."""
    await _own(work, actor, camera_id, for_change=False)


async def store(files: Files, picture: LatestPicture) -> None:
    """In the place of the one before. Raises NotAPicture."""
    await files.put(_key(picture.camera_id), await anyio.to_thread.run_sync(made_anew, picture.jpeg))


async def note(work: Work, actor: Actor, picture: LatestPicture, at: datetime) -> None:
    camera = await _own(work, actor, picture.camera_id, for_change=True)
    # A clock that runs ahead must not make it look newer than now.
    camera.pictured_at = min(picture.taken_at, at)
    await work.flush()


async def read(work: Work, actor: Actor, files: Files, camera_id: str) -> tuple[bytes, str]:
    """The picture and its SHA-256. Raises NotFound."""
    camera = await camera_for(work, actor, camera_id)
    if camera.pictured_at is None:
        raise NotFound("There is no picture of this camera yet.")
    content = await files.get(_key(camera.id))
    return content, hashlib.sha256(content).hexdigest()


async def drop(files: Files, picture: LatestPicture) -> None:
    """One of a camera that was moved or switched off while it was stored."""
    await files.delete(_key(picture.camera_id))


async def drop_unshown(files: Files, camera: Camera) -> None:
    """After a change of the camera: what is not shown any more does not lie about either."""
    if camera.pictured_at is None:
        await files.delete(_key(camera.id))


def made_anew(jpeg: bytes) -> bytes:
    """Of the pixels alone: nothing that came along stays. Raises NotAPicture."""
    check_jpeg(jpeg, LATEST_SIDE_PX)
    picture = decoded(jpeg)
    if picture is None:
        raise NotAPicture("The picture is damaged: it cannot be decoded.")
    done, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    if not done:
        raise NotAPicture("The picture could not be written.")
    return encoded.tobytes()


async def _own(work: Work, actor: Actor, camera_id: str, *, for_change: bool) -> Camera:
    """Of the edge itself, and one that it is to look at."""
    camera = await repository.get_camera(work, actor, camera_id, for_change=for_change)
    if camera is None or not camera.enabled:
        raise NotYourCamera("This camera does not belong to this edge, or is switched off.")
    return camera


def _key(camera_id: str) -> str:
    return f"cameras/{camera_id}/latest.jpg"
