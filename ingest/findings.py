"""What a worker finds and hands to the edge: coded already, so that the edge needs no library for pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pickle import PickleBuffer
from uuid import UUID

from contract.evidence import ClipFlaw, ModelVersion
from detector.observation import Observation


@dataclass(frozen=True)
class Sight:
    """One analysed frame with one violation in it: as JPEG as it came and with boxes, the stream's own time (s), the wall-clock
    time, and what was seen in it, by which models."""

    original: bytes
    overlay: bytes
    time_s: float
    wall_time: datetime
    observation: Observation
    models: Sequence[ModelVersion]


@dataclass(frozen=True)
class Clip:
    """An MP4: its bytes, or a view of them, or as the clip of which violation it was recorded just before. `moment_s`: from its
    first picture to that of the violation; the rest as in the manifest."""

    content: bytes | memoryview | UUID
    codec: str
    duration_s: float
    moment_s: float
    begins_late: ClipFlaw | None
    ends_early: ClipFlaw | None

    def __reduce__(self) -> tuple[type["Clip"], tuple[object, ...]]:
        """Several megabytes, which `ingest.pipe.Pipe` hands over uncopied."""
        content = self.content if isinstance(self.content, UUID) else PickleBuffer(self.content)
        return Clip, (content, self.codec, self.duration_s, self.moment_s, self.begins_late, self.ends_early)


@dataclass(frozen=True)
class Latest:
    camera_id: str
    taken_at: datetime
    jpeg: bytes
