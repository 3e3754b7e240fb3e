"""Whether the disk that the centre keeps its data on has room left."""

import shutil
from enum import StrEnum
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)
LOOK_EVERY_S = 30.0
# Some days of a county's evidence, or the end of a small disk: time to make room.
_LITTLE, _PART = 5 * 2**30, 20
# The largest body that is taken (settings.upload_bytes), and the database's own growth.
_NONE = 64 * 2**20


class Room(StrEnum):
    ENOUGH = "enough"
    LITTLE = "little"
    NONE = "none"


def room_in(folder: Path) -> Room:
    """Below it, where a disk of its own may be for the files, too; the least of both counts. Raises OSError."""
    disks = [shutil.disk_usage(place) for place in (folder, folder / "files") if place.exists()]
    if any(disk.free < _NONE for disk in disks):
        return Room.NONE
    return Room.LITTLE if any(disk.free < min(_LITTLE, disk.total // _PART) for disk in disks) else Room.ENOUGH


def tell(room: Room, folder: Path) -> None:
    """To who runs the centre, in its log: a full disk is otherwise seen by edges and people alone, when it is too late."""
    if room is Room.NONE:
        log.error("the disk is full: nothing is kept until there is room, no evidence and no sign-in", folder=str(folder))
    elif room is Room.LITTLE:
        log.warning("the disk has little room left: make some, or enlarge it, before it is full", folder=str(folder))
    else:
        log.warning("the disk has room again", folder=str(folder))
