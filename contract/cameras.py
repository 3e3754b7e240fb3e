"""What the centre tells an edge about its cameras."""

from datetime import time
from typing import Annotated, Literal, Self

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
        description="what the next manifest of this edge about the camera names as the one before it, unless the edge knows of a "
        "later one: the last that the centre has of this edge, or, when its key is new, of the one before it",
    )
    chain_length: int = Field(
        0, ge=0, description="the number of that manifest in this edge's own chain of the camera; 0: the chain is still to begin"
    )

    def is_same(self, other: Self) -> bool:
        """Whether nobody has changed it: the centre seals its password anew for every list, and tells how far its chain has
        come."""
        told = {name: getattr(self, name) for name in ("password_sealed", "chain_start", "chain_length")}
        return other.model_copy(update=told) == self


class EdgeConfig(Wire):
    """The answer of GET /api/v1/edge/config. `version` is also its ETag."""

    version: str
    catalogue: Catalogue
    cameras: list[CameraConfig]
