"""How a camera fares, as its reader knows it and as a worker tells it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from contract.edges import StreamFault


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """`lost_hardware`: what was to decode it did not start, so the processor does."""

    codec: str
    width: int
    height: int
    fps: float | None  # as the stream declares it; many cameras declare nothing
    in_hardware: bool = False
    lost_hardware: bool = False

    def __str__(self) -> str:
        words = f"{self.codec} {self.width}x{self.height}" + (f" {self.fps:g} fps" if self.fps else "")
        return words + (", decoded in hardware" if self.in_hardware else "")


class Status(StrEnum):
    STARTING = "starting"
    LOOKING = "looking"
    NOT_LOOKING = "not_looking"
    ENDED = "ended"  # a file that is over, or cannot be read: no further attempt
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class ReaderState:
    """How a camera fares, for heartbeat and metrics.

    Attributes:
        fault: why it is not looked at; None while it is.
        pictures: decoded and delivered so far; `taken` of them were taken, `dropped` were not: `outdated` of these grew old, the
            others gave way to a newer one.
        damaged: pictures thrown away because they came in damaged.
        reconnects: attempts after the first one, by the cause that made them necessary.
        picture_age_s: seconds since the last picture arrived; None before the first.
        kept_bytes: of the stream's packets in memory, for clips.
    """

    status: Status
    fault: StreamFault | None
    pictures: int
    taken: int
    dropped: int
    damaged: int
    reconnects: Mapping[StreamFault, int]
    picture_age_s: float | None
    stream: StreamInfo | None
    kept_bytes: int = 0
    outdated: int = 0


@dataclass(frozen=True, slots=True)
class CameraBeat:
    """How one camera fares; `interval_s` is what is wanted between looks, `stretch` by how much it is lengthened now.

    `looks` of the detector, and `stills`: pictures in which nothing moved.
    """

    reader: ReaderState
    interval_s: float
    stretch: float
    looks: int
    stills: int
