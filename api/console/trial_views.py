"""How an attempt to open a camera went, in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlencode

from api.cameras.makers import maker_of
from api.cameras.service import receiver
from api.cameras.tables import Camera
from api.console.case_words import BOX_KINDS
from api.console.exhibit_views import BoxView, LegendItem, box_view
from api.console.i18n import N_
from api.console.progress import ProgressStep
from api.console.speech import Speaker
from api.console.trial_advice import Advice, advise, head_heights, span
from api.console.trial_form import UNKNOWN, TrialFormView
from api.console.views import Fact, Option
from api.console.words import AREAS, Chip, Tone
from api.trials.schemas import ALLOWED_KINDS, ForbiddenPlace
from api.trials.service import IS_OPEN, Stage, answer_of, stage_of
from api.trials.tables import CameraTrial
from contract.catalogue import AreaKind
from contract.edges import StreamFault
from contract.evidence import MarkedBox
from contract.faults import FAULT_TEXTS
from contract.trials import FoundCamera, SeenPerson, Sighting, TrialAnswer

_SENTENCES: dict[Stage, str] = {
    Stage.WAITING: N_("The edge box is being asked. This takes a second or two."),
    Stage.LOOKING: N_("The edge box opens the camera and looks. Usually this takes less than ten seconds."),
    Stage.NOT_FETCHED: N_(
        "The edge box did not ask for it. Check its power and its network; one of an older version cannot try cameras: have it "
        "updated. Then try again."
    ),
    Stage.NO_ANSWER: N_("The edge box began, but did not answer in time. Wait a minute, then try again."),
    Stage.OVER: N_("What was seen is not kept any more. Try the camera again."),
}
_SENTENCES_OF_SEARCH = _SENTENCES | {
    Stage.LOOKING: N_("The edge box asks which cameras are in its network. This takes about five seconds."),
    Stage.TOO_OLD: N_(
        "The edge box has an older version, which cannot find cameras. Have it updated; until then enter the address yourself."
    ),
    Stage.OVER: N_("What was found is not kept any more. Search again."),
}
_WATCHED = Tone(N_("Watched already"), "good")
_NONE_FOUND = N_(
    "No camera answered. Is it switched on, and in one network with the edge box? Many cameras only answer once ONVIF is "
    "switched on in their settings. Otherwise enter the address yourself."
)
_STEPS = (N_("Edge box asked"), N_("Camera opened"), N_("Picture looked at"))
_STEPS_OF_SEARCH = (N_("Edge box asked"), N_("Network searched"))
_DONE = {Stage.WAITING: 0, Stage.LOOKING: 1}

_STATES: dict[tuple[str, str], Tone] = {
    ("cap", "worn"): Tone(N_("Cap worn"), "good"),
    ("cap", "missing"): Tone(N_("No cap"), "bad"),
    ("cap", "unknown"): Tone(N_("Cap: cannot tell"), "minor"),
    ("mask", "worn"): Tone(N_("Mask worn"), "good"),
    ("mask", "missing"): Tone(N_("No mask"), "bad"),
    ("mask", "wrong"): Tone(N_("Mask worn wrongly"), "bad"),
    ("mask", "unknown"): Tone(N_("Mask: cannot tell"), "minor"),
    ("smoking", "yes"): Tone(N_("Smoking"), "bad"),
    ("smoking", "no"): Tone(N_("Not smoking"), "good"),
    ("smoking", "unknown"): Tone(N_("Smoking: cannot tell"), "minor"),
    ("glove", "worn"): Tone(N_("Glove worn"), "good"),
    ("glove", "missing"): Tone(N_("Bare hand"), "bad"),
    ("glove", "unknown"): Tone(N_("Glove: cannot tell"), "minor"),
}

# In the words of who works there.
_ROOM = N_("Special room: cold dishes, raw food, cakes")
_STORE = N_("Store room or corridor, where nobody changes clothes")
_FORBIDDEN: dict[ForbiddenPlace, str] = {
    ForbiddenPlace.CHANGING_ROOM: N_("Changing room"),
    ForbiddenPlace.TOILET: N_("Toilet or bathroom"),
    ForbiddenPlace.RESTING_ROOM: N_("Dormitory or rest room"),
    ForbiddenPlace.DINING: N_("Dining area or private room"),
}
REFUSALS: dict[ForbiddenPlace, str] = {
    **dict.fromkeys(
        (ForbiddenPlace.CHANGING_ROOM, ForbiddenPlace.TOILET, ForbiddenPlace.RESTING_ROOM),
        N_(
            "No camera may hang there: article 8 of 公共安全视频图像信息系统管理条例. It was not added, and its picture is "
            "deleted. Take it down, or turn it to where food is handled, and try again."
        ),
    ),
    ForbiddenPlace.DINING: N_(
        "Cameras that show guests are not taken in: article 26 of 个人信息保护法. It was not added, and its picture is deleted. "
        "Turn it to where food is handled, and try again."
    ),
}
_OTHER_MAKER = N_(
    "The device has no picture at the addresses of this maker. Choose another maker, or “I do not know”: then all are tried. At "
    "a recorder, check the channel too."
)
_NONE_FITS = N_(
    "None of the addresses of the makers that we know fits. Look for the maker's name on the device or in its app; the maker's "
    "service tells the RTSP address, which can be pasted below."
)


@dataclass(frozen=True)
class PersonView:
    title: str
    chips: Sequence[Chip]


@dataclass(frozen=True)
class NumberView:
    """Where the number of a person stands in the picture, and how large."""

    number: int
    x: float
    y: float
    size: float


@dataclass(frozen=True)
class SeenView:
    picture_url: str
    width: int
    height: int
    boxes: Sequence[BoxView]
    numbers: Sequence[NumberView]
    legend: Sequence[LegendItem]
    people: Sequence[PersonView]
    advice: Sequence[Advice]
    facts: Sequence[Fact]
    allowed: Sequence[Option]
    forbidden: Sequence[Option]


@dataclass(frozen=True)
class FoundView:
    """`watched`: the names of the cameras that the edge watches at this address; of a recorder, several."""

    address: str
    words: Sequence[str]
    watched: Sequence[str]
    chip: Chip
    url: str


@dataclass(frozen=True)
class TrialView:
    """`form`, to try again, once there is nothing to wait for; `problem` says what went wrong and what to do. A search has none:
    it has what was `found`."""

    id: str
    shop: str
    shop_id: str
    edge: str
    edge_id: str
    is_search: bool
    found: Sequence[FoundView]
    live_url: str
    is_open: bool
    steps: Sequence[ProgressStep]
    sentence: str | None
    problem: str | None
    seen: SeenView | None
    form: TrialFormView | None
    wrong: dict[str, str]
    name: str


def trial_view(
    trial: CameraTrial, form: TrialFormView | None, at: datetime, speaker: Speaker, wrong: dict[str, str] | None = None,
    name: str = "", watched: Mapping[str, Sequence[str]] | None = None,
) -> TrialView:
    """`watched`: by `watched_hosts`, of a search."""
    stage, answer = stage_of(trial, at), answer_of(trial)
    is_open = stage in IS_OPEN
    sentences = _SENTENCES_OF_SEARCH if trial.is_search else _SENTENCES
    sentence = speaker.say(sentences[stage]) if stage in sentences else None
    problem = None if is_open or sentence is None else sentence
    if stage is Stage.ANSWERED and answer is not None and answer.fault is not None:
        problem = _fault(trial, answer.fault, speaker)
        form = form and replace(form, fault=answer.fault)
    found = (answer.found if answer is not None and stage is Stage.ANSWERED else None) or []
    if trial.is_search and stage is Stage.ANSWERED and not found:
        problem = speaker.say(_NONE_FOUND)
    seen = answer.sighting if answer is not None and stage is Stage.ANSWERED else None
    return TrialView(
        id=trial.id, shop=trial.shop.name, shop_id=trial.shop_id, edge=trial.edge.name, edge_id=trial.edge_id,
        is_search=trial.is_search, found=[_found(trial, camera, watched or {}, speaker) for camera in found],
        live_url=f"/cameras/trials/{trial.id}/state", is_open=is_open,
        steps=_steps(_STEPS_OF_SEARCH if trial.is_search else _STEPS, _DONE.get(stage, len(_STEPS)), speaker),
        sentence=sentence if is_open else None, problem=problem,
        seen=_seen(trial, answer, seen, speaker) if answer is not None and seen is not None else None, form=form,
        wrong=wrong or {}, name=name,
    )


def watched_hosts(cameras: Sequence[Camera], edge_id: str) -> dict[str, list[str]]:
    """The names of the cameras that this edge watches, by address."""
    names: dict[str, list[str]] = {}
    for camera in cameras:
        if camera.enabled and camera.edge_id == edge_id:
            names.setdefault(receiver(camera.url)[0], []).append(camera.name)
    return names


def _found(trial: CameraTrial, camera: FoundCamera, watched: Mapping[str, Sequence[str]], speaker: Speaker) -> FoundView:
    told = [word for word in (camera.maker, camera.name, camera.hardware) if word]
    maker = maker_of(told)
    url = "/cameras/trials/new?" + urlencode({"search": trial.id, "address": camera.address})
    words = [maker.name, *told] if maker else told
    # Some give the same word twice, or the model in the name.
    words = [
        word for place, word in enumerate(words) if not any(word.casefold() in other.casefold() for other in words[:place])
    ]
    names = watched.get(camera.address, [])
    return FoundView(camera.address, words, names, speaker.chip(_WATCHED), url)


def _steps(steps: Sequence[str], done: int, speaker: Speaker) -> list[ProgressStep]:
    tenses = ["past" if place < done else "now" if place == done else "later" for place in range(len(steps))]
    return [ProgressStep(speaker.say(words), tense, None) for words, tense in zip(steps, tenses, strict=True)]


def _fault(trial: CameraTrial, fault: StreamFault, speaker: Speaker) -> str:
    # An address that was pasted as a whole is the only one that was tried.
    if fault is StreamFault.NOT_FOUND and "://" not in trial.address:
        return speaker.say(_NONE_FITS if trial.maker == UNKNOWN else _OTHER_MAKER)
    return speaker.choose(FAULT_TEXTS[fault])


def _seen(trial: CameraTrial, answer: TrialAnswer, seen: Sighting, speaker: Speaker) -> SeenView:
    people = sorted(seen.people, key=lambda person: (_place(person) or (0.0,))[0])
    boxes = [box for person in people for box in _boxes(person)]
    drawn = {box.kind for box in boxes}
    numbers = [
        NumberView(number, place[0], place[1], max(seen.width, seen.height) / 30)
        for number, person in enumerate(people, 1) if (place := _place(person)) is not None
    ]
    return SeenView(
        picture_url=f"/cameras/trials/{trial.id}/picture.jpg", width=seen.width, height=seen.height,
        boxes=[box_view(box) for box in boxes], numbers=numbers,
        legend=[LegendItem(f"kind-{kind}", speaker.say(words)) for kind, words in BOX_KINDS.items() if kind in drawn],
        people=[_person(number, person, speaker) for number, person in enumerate(people, 1)],
        advice=advise(seen, speaker), facts=_facts(answer, seen, speaker),
        allowed=[Option(kind.value, _room(kind, speaker)) for kind in ALLOWED_KINDS],
        forbidden=[Option(place.value, speaker.say(words)) for place, words in _FORBIDDEN.items()],
    )


def _room(kind: AreaKind, speaker: Speaker) -> str:
    return speaker.say({AreaKind.AUXILIARY: _STORE, AreaKind.SPECIAL_ROOM: _ROOM}.get(kind) or AREAS[kind])


def _boxes(person: SeenPerson) -> list[MarkedBox]:
    found = [("person", person.box), ("head", person.head), *(("hand", hand.box) for hand in person.hands)]
    return [
        MarkedBox.model_validate({"kind": kind, "box": box, "score": 1.0}) for kind, box in found if box is not None
    ]


def _place(person: SeenPerson) -> tuple[float, float] | None:
    """The upper left corner of what is seen of them."""
    box = person.head or person.box or next((hand.box for hand in person.hands), None)
    return None if box is None else (box[0], box[1])


def _person(number: int, person: SeenPerson, speaker: Speaker) -> PersonView:
    title = speaker.say(N_("Person %(number)s"), number=number)
    if person.head is not None:
        height = round(person.head[3] - person.head[1])
        title = speaker.say(N_("Person %(number)s, head %(height)s px high"), number=number, height=height)
    states = [("cap", person.cap), ("mask", person.mask), ("smoking", person.smoking)]
    states += [("glove", hand.glove) for hand in person.hands]
    chips = [speaker.chip(_STATES[what, state]) for what, state in states if state is not None]
    return PersonView(title, chips or [Chip(speaker.say(N_("Neither head nor hands are seen")), "minor")])


def _facts(answer: TrialAnswer, seen: Sighting, speaker: Speaker) -> list[Fact]:
    codec = {"h264": "H.264", "hevc": "H.265", "mpeg4": "MPEG-4", "mjpeg": "MJPEG"}.get(seen.codec, seen.codec)
    rows: list[tuple[str, str | None]] = [
        (N_("Address"), answer.url),
        (N_("Picture"), f"{seen.width} × {seen.height}, {codec}"),
        (N_("Frames a second"), f"{seen.fps:g}" if seen.fps else None),
        (N_("Seconds between key frames"), f"{seen.key_interval_s:g}" if seen.key_interval_s else None),
        (N_("Seconds to the first picture"), f"{seen.first_picture_s:g}"),
        (N_("Height of heads, in pixels"), span(heads) if (heads := head_heights(seen)) else None),
        (N_("Brightness, out of 255"), f"{seen.brightness:.0f}"),
    ]
    return [Fact(speaker.say(name), value) for name, value in rows if value is not None]
