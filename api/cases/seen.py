"""When something was seen, by the centre's clock, and whether that can be relied on: a wrong time makes a notice worthless."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from api.cases.tables import TimeDoubt
from contract.edge_auth import CLOCK_LEEWAY_S, EARLIEST
from contract.evidence import Manifest

_LEEWAY = timedelta(seconds=CLOCK_LEEWAY_S)


@dataclass(frozen=True)
class Seen:
    at: datetime
    doubt: TimeDoubt | None = None


def when_seen(manifest: Manifest, arrived_at: datetime, age_s: float | None) -> Seen:
    """By the edge's time less the offset that its manifest tells. Where that was not known yet, or the clock was set since, by
    the age that the edge gives its picture (contract/edges.py); where it cannot give one, as its clock stood, which is doubtful.
    Where that cannot be, its clock was none: then it is when the picture arrived."""
    told, offset_s = manifest.captured_at, manifest.clock_offset_s
    by_offset = None if offset_s is None else told - timedelta(seconds=offset_s)
    by_age = None if age_s is None else arrived_at - timedelta(seconds=age_s)
    if by_age is not None and by_age >= EARLIEST:
        # The offset is exact to a second; of the age, the upload has its share.
        return Seen(by_age if by_offset is None or abs(by_offset - by_age) > _LEEWAY else by_offset)
    if by_offset is not None and _can_be(by_offset, arrived_at):
        return Seen(by_offset)
    return _as_told(told, arrived_at)


def when_told(told: datetime, arrived_at: datetime) -> Seen:
    """Of a box of the shop's own, which tells at once and compares its clock with nobody's."""
    return Seen(told) if abs(told - arrived_at) <= _LEEWAY else _as_told(told, arrived_at)


def _as_told(told: datetime, arrived_at: datetime) -> Seen:
    return Seen(told, TimeDoubt.UNCOMPARED) if _can_be(told, arrived_at) else Seen(arrived_at, TimeDoubt.NO_CLOCK)


def _can_be(moment: datetime, arrived_at: datetime) -> bool:
    return EARLIEST <= moment <= arrived_at + _LEEWAY
