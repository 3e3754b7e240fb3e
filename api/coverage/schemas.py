from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from api.cameras.tables import Camera
from api.places.tables import Shop


class Reached(StrEnum):
    """How far a shop has come."""

    ENTERED = "entered"  # 已录入
    INVITED = "invited"  # 已邀请
    CONNECTED = "connected"  # 已接入
    ACTIVE = "active"  # 正常


@dataclass(frozen=True)
class Counts:
    """Shops that have come at least so far; and of all, those of which no food licence that is valid is entered."""

    entered: int
    invited: int
    connected: int
    active: int
    unlicensed: int

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.entered + other.entered, self.invited + other.invited, self.connected + other.connected,
            self.active + other.active, self.unlicensed + other.unlicensed,
        )


class Obstacle(StrEnum):
    """What comes next for a shop that is not in; the first that holds, in this order."""

    NOT_INVITED = "not_invited"
    INVITATION_OPEN = "invitation_open"
    INVITATION_OVER = "invitation_over"
    NO_BOX = "no_box"
    BOX_WAITS = "box_waits"
    NO_CAMERA = "no_camera"
    BOX_NEVER_SEEN = "box_never_seen"
    BOX_SILENT = "box_silent"
    CAMERA_DOWN = "camera_down"
    NOT_ACCEPTED = "not_accepted"
    TOO_LITTLE = "too_little"


@dataclass(frozen=True)
class NotIn:
    """`since` is of the invitation or the last word of the box; `share` of the minutes in which the cameras were looked at."""

    shop: Shop
    obstacle: Obstacle
    since: datetime | None = None
    camera: Camera | None = None
    share: float | None = None
