"""What an edge and the centre say to each other besides evidence."""

from enum import StrEnum
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, Base64Bytes, Field

from contract.base import Identifier, Name, Wire


class EnrolRequest(Wire):
    """POST /api/v1/edges/enroll"""

    code: str = Field(min_length=6, max_length=64, description="one-time code from the console, 15 minutes valid")
    public_key: str = Field(description="Ed25519 public key, raw, base64: signs evidence and requests")
    encryption_key: str = Field(description="X25519 public key, raw, base64: camera passwords are sealed to it")
    name: Name
    software_version: str = Field(max_length=50)


class EnrolAnswer(Wire):
    edge_id: Identifier
    centre: str = Field(description="name of the centre, for people")


class StreamFault(StrEnum):
    """Why a camera could not be looked at. The same words are used by the edge's logs, heartbeats and the console."""

    BAD_URL = "bad_url"
    FORBIDDEN_ADDRESS = "forbidden_address"
    HOST_NOT_FOUND = "host_not_found"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    NOT_RTSP = "not_rtsp"
    NOT_FOUND = "not_found"
    WRONG_PASSWORD = "wrong_password"
    UNSUPPORTED_CODEC = "unsupported_codec"
    NO_PICTURE = "no_picture"
    TIMEOUT = "timeout"
    DISCONNECTED = "disconnected"
    NOT_A_VIDEO = "not_a_video"
    CUT_OFF = "cut_off"
    DEVICE_MISSING = "device_missing"
    ENDED = "ended"
    DETECTOR_FAILED = "detector_failed"
    CRASHES = "crashes"
    OTHER_DEVICE = "other_device"
    OTHER = "other"

    @classmethod
    def _missing_(cls, value: object) -> "StreamFault | None":
        """A word that only a newer program knows is some fault all the same: else its whole heartbeat would be refused."""
        return cls.OTHER if isinstance(value, str) else None


# What some pictures in a row show: black or of one colour (covered, no light, "no signal"), or nothing that moves at all.
Look = Literal["good", "black", "plain", "frozen"]


class EdgeTrouble(StrEnum):
    """What hinders an edge as a whole."""

    DISK_FULL = "disk_full"
    DISK_FAILED = "disk_failed"
    DISK_HANGS = "disk_hangs"
    MEMORY_SHORT = "memory_short"
    EVIDENCE_LOST = "evidence_lost"
    REPORT_REFUSED = "report_refused"


class CameraMinute(Wire):
    """One camera in one minute: looked (how often), or could not look and why.

    The minute that still runs is told too; told again, the later telling replaces the earlier one.
    """

    camera_id: Identifier
    minute: AwareDatetime = Field(description="start of the minute, UTC")
    looks: int = Field(ge=0)
    fault: StreamFault | None = None
    width: int | None = None
    height: int | None = None


class EdgeLoad(Wire):
    """How the box copes with its cameras."""

    watched: int = Field(ge=0, description="cameras that it is to watch")
    carries: int | None = Field(None, ge=1, description="about so many such cameras it can carry; null: it keeps up with all")
    is_exact: bool = Field(
        False, description="the int8 weights go wrong on this box's processor; the exact ones are used, which take twice as long"
    )
    no_provider: bool = Field(
        False, description="what was to compute in the place of its processor is missing or does not work; the processor does"
    )
    no_decoder: bool = Field(
        False, description="what was to decode in the place of its processor is missing or does not work; the processor does"
    )


class Heartbeat(Wire):
    """POST /api/v1/edge/heartbeats"""

    sent_at: AwareDatetime
    run: Identifier | None = Field(
        None, description="made anew at each start: one that comes back after another says that two boxes have one identity"
    )
    software_version: str
    config_version: str | None
    outbox_waiting: int = Field(ge=0)
    outbox_parked: int = Field(
        0, ge=0, description="reports that the centre refused, or that did not get through; one is tried again each day"
    )
    trouble: EdgeTrouble | None = None
    load: EdgeLoad | None = None
    minutes: list[CameraMinute] = Field(max_length=5000)


# Of a latest picture: wide enough to see what a camera shows and to draw a zone on, far too small to read a face in a crowd.
LATEST_SIDE_PX = 640
# A quarter of it is usual; this is one in which every pixel is another.
LATEST_BYTES = 500_000


class LatestPicture(Wire):
    """POST /api/v1/edge/pictures: what a camera shows now and then, faces hidden before it leaves the edge. No evidence."""

    camera_id: Identifier
    taken_at: AwareDatetime = Field(description="by the edge's clock")
    jpeg: Base64Bytes = Field(max_length=LATEST_BYTES, description="baseline JPEG, at most 640 pixels a side")


# Header of a report: how many seconds ago its picture was taken, by a clock that nobody sets; only until its machine is
# started anew. By it the centre puts right what was taken before the edge could compare its clock with the centre's.
AGE = "Picture-Age"
LARGEST_AGE_S = 10 * 366 * 86400


class ReportAnswer(Wire):
    """The answer to POST /api/v1/edge/violations; a repeat of the idempotency key gets the same one."""

    violation_id: UUID
    case_id: int
    result: Literal["case_opened", "joined_case"]
    url: str


class ClipAnswer(Wire):
    """The answer to POST /api/v1/edge/clips; a repeat gets the same one."""

    violation_id: UUID
    case_id: int
