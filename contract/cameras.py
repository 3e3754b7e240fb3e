"""What the centre tells an edge about its cameras."""

from datetime import time
from typing import Annotated, Literal

from pydantic import Field

from contract.base import Identifier, LocalTime, Sha256, Wire
from contract.catalogue import AreaKind, Catalogue, Post
from contract.evidence import FIRST_OF_CHAIN

Point = tuple[Annotated[float, Field(ge=0, le=1)], Annotated[float, Field(ge=0, le=1)]]

LONGEST_URL = 1000  # characters


class Hours(Wire):
    """A daily business window in the shop's local time (Asia/Shanghai).

    `end` before `start` runs over midnight; both alike are the whole day.
    """

    start: LocalTime
    end: LocalTime

    def contains(self, moment: time) -> bool:
        if self.start < self.end:
            return self.start <= moment < self.end
        return moment >= self.start or moment < self.end


class CameraConfig(Wire):
    """One camera as its edge needs it. The URL never holds user or password."""

    id: Identifier
    name: str
    shop_id: Identifier
    shop_name: str
    area: AreaKind
    posts: frozenset[Post] = frozenset()
    url: str = Field(description="rtsp://host:port/path, a file path, or a webcam as /dev/videoN; without credentials")
    username: str | None = None
    password_sealed: str | None = Field(None, description="encrypted to the edge's own key; see contract.credentials")
    transport: Literal["tcp", "udp"] = "tcp"
    zone: Annotated[list[Point], Field(min_length=3)] | None = Field(
        None, description="polygon in shares of width and height; None is the whole picture"
    )
    hours: list[Hours] | None = Field(None, description="None is all day")
    interval_s: float = Field(1.0, gt=0, description="wanted seconds between looks; key frames may come less often")
    chain_start: Sha256 = Field(
        FIRST_OF_CHAIN,
        description="what the first manifest of this edge about the camera names as the one before it: the last that the centre "
        "knew when the key was new",
    )


class EdgeConfig(Wire):
    """The answer of GET /api/v1/edge/config. `version` is also its ETag."""

    version: str
    catalogue: Catalogue
    cameras: list[CameraConfig]
