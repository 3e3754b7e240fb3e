"""How a camera is, in words, and what to do about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

from api.cameras.observed import ObservedDay
from api.cameras.schemas import CameraState
from api.cameras.service import CameraStatus
from api.cameras.tables import Camera
from api.cases.tables import MutedSpot
from api.console.camera_form import CameraFormView
from api.console.edge_box_views import box_troubles
from api.console.i18n import N_
from api.console.rules_in_force import RuleInForce
from api.console.speech import Speaker
from api.console.times import LocalTime
from api.console.views import Option
from api.console.words import Chip, Tone
from contract.catalogue import Catalogue
from contract.faults import FAULT_TEXTS


@dataclass(frozen=True)
class CameraRow:
    """`sentence` says how it is, `todo` what to do about it, `trouble` what hinders its edge box as a whole."""

    id: str
    name: str
    shop: str
    area: str
    edge: str
    state: Chip
    sentence: str
    todo: str | None
    trouble: str | None
    last_seen: LocalTime | None


# Three that did not come, of one every ten minutes.
_OLD = timedelta(minutes=30)


@dataclass(frozen=True)
class Shown:
    """The latest picture of a camera: its address, how old it is in words, and whether that is too old to say how it is now."""

    url: str
    age: str
    is_old: bool


@dataclass(frozen=True)
class DayBar:
    """`height` is the share in percent; None where nothing was required or is known. `is_low`: too little to count as seen."""

    day: str
    full_day: str
    required: str
    observed: str
    share: str
    height: float | None
    is_low: bool


@dataclass(frozen=True)
class CameraView:
    """`zone` is the polygon in a picture that is 100 wide and 100 * `aspect` high; None is the whole picture. `picture` is the
    latest, or that of the latest case, where there is one that the reader may see; `chain_url` leads to its evidence chain, for
    who may have it."""

    row: CameraRow
    schedule: str
    days: Sequence[DayBar]
    rules: Sequence[RuleInForce]
    form: CameraFormView | None
    area_name: str
    area_kind: str
    kinds: Sequence[Option]
    may_change_area: bool
    conflict: str | None
    aspect: float
    zone: str | None
    picture: Shown | None
    muted: Sequence["MutedSpotView"]
    may_lift: bool
    chain_url: str | None


@dataclass(frozen=True)
class MutedSpotView:
    """`x`, `y`, `width` and `height` lie in the same picture as the zone."""

    id: str
    rule: str
    sentence: str
    case_url: str
    x: float
    y: float
    width: float
    height: float


def shown(camera: Camera, speaker: Speaker) -> Shown | None:
    if camera.pictured_at is None:
        return None
    # A new picture has a new address, so that a page which is open already shows it.
    url = f"/api/v1/cameras/{camera.id}/picture?{urlencode({'at': int(camera.pictured_at.timestamp())})}"
    return Shown(url, speaker.ago(camera.pictured_at), speaker.now - camera.pictured_at > _OLD)


def day_bars(days: Sequence[ObservedDay], enough: float) -> list[DayBar]:
    return [_day_bar(one, enough) for one in days]


def _day_bar(one: ObservedDay, enough: float) -> DayBar:
    minutes, day = one.minutes, f"{one.day.month}/{one.day.day}"
    if minutes is None or not minutes.required:
        required = "–" if minutes is None else "0"
        return DayBar(day, one.day.isoformat(), required, required, "–", None, False)
    share = minutes.observed / minutes.required
    return DayBar(
        day, one.day.isoformat(), str(minutes.required), str(minutes.observed), f"{share:.0%}", 100 * share, share < enough
    )


def muted_spot_view(spot: MutedSpot, speaker: Speaker, catalogue: Catalogue, aspect: float) -> MutedSpotView:
    x1, y1, x2, y2 = spot.box
    sentence = speaker.say(
        N_("Muted since %(at)s, after two dismissals here; seen %(times)s times since."),
        at=speaker.time(spot.muted_at).short, times=spot.observations,
    )
    return MutedSpotView(
        spot.id, speaker.rule_title(spot.rule, catalogue), sentence, f"/cases/{spot.case_id or spot.because_of}", 100 * x1,
        100 * aspect * y1, 100 * (x2 - x1), 100 * aspect * (y2 - y1),
    )


_LOOKING = Tone(N_("Looking"), "good")
_INTERRUPTED = Tone(N_("Looking, with interruptions"), "wait")
_CANNOT_LOOK = Tone(N_("Cannot look"), "bad")
_NO_NEWS = Tone(N_("No word from the edge box"), "bad")
_WAITING = Tone(N_("Waiting for the first picture"), "wait")
_NO_EDGE = Tone(N_("No edge box"), "wait")
_OFF = Tone(N_("Switched off"), "minor")


def camera_row(status: CameraStatus, speaker: Speaker) -> CameraRow:
    camera = status.camera
    tone, sentence, todo = _describe(status, speaker)
    edge = speaker.say(N_("Edge box: %(name)s"), name=camera.edge.name) if camera.edge else speaker.say(N_("No edge box"))
    return CameraRow(
        id=camera.id, name=camera.name, shop=camera.shop.name, area=speaker.area(camera.area.kind), edge=edge,
        state=speaker.chip(tone, dot=True), sentence=sentence, todo=todo,
        trouble=" ".join(box_troubles(camera.edge, speaker)) or None if camera.edge else None,
        last_seen=speaker.time(camera.last_looked_at) if camera.last_looked_at else None,
    )


def _describe(status: CameraStatus, speaker: Speaker) -> tuple[Tone, str, str | None]:
    """The state, what it means, and what to do."""
    camera, say = status.camera, speaker.say
    looked = say(N_("Looked %(looks)s times in the last 5 minutes."), looks=status.looks_last_5_minutes)
    match status.state:
        case CameraState.OFF:
            return _OFF, say(N_("Nobody looks at this camera.")), None
        case CameraState.NOT_STARTED if camera.edge_id is None:
            todo = say(N_("Enrol an edge box at this shop, or approve the one that waits; it then takes over the camera."))
            return _NO_EDGE, say(N_("No edge box reads this camera.")), todo
        case CameraState.NOT_STARTED:
            todo = say(N_("If this stays so for some minutes, check that the edge box is running."))
            return _WAITING, say(N_("The edge box has not told anything about this camera yet.")), todo
        case CameraState.NO_NEWS:
            return _NO_NEWS, _last_heard(camera, speaker), say(
                N_("Check the power and the network of the edge box. It keeps its findings and sends them later.")
            )
        case CameraState.CANNOT_LOOK:
            return _CANNOT_LOOK, looked, _advice(camera, speaker)
        case CameraState.LOOKING:
            return (_INTERRUPTED if camera.last_fault else _LOOKING), looked, _advice(camera, speaker)


def _advice(camera: Camera, speaker: Speaker) -> str | None:
    return speaker.choose(FAULT_TEXTS[camera.last_fault]) if camera.last_fault else None


def _last_heard(camera: Camera, speaker: Speaker) -> str:
    if camera.last_minute is None:
        return speaker.say(N_("The edge box has not told anything about this camera yet."))
    return speaker.say(N_("The edge box last told about this camera at %(at)s."), at=speaker.time(camera.last_minute).short)
