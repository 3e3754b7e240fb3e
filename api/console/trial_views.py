"""How an attempt to open a camera went, in words."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

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
from contract.trials import SeenPerson, Sighting, TrialAnswer

_SENTENCES: dict[Stage, str] = {
    Stage.WAITING: N_("The edge box is being asked. This takes a second or two."),
    Stage.LOOKING: N_("The edge box opens the camera and looks. Mostly this takes less than ten seconds."),
    Stage.NOT_FETCHED: N_(
        "The edge box did not ask for it. Check its power and its network; one of an older version cannot try cameras: have it "
        "updated. Then try again."
    ),
    Stage.NO_ANSWER: N_("The edge box began, but did not answer in time. Wait a minute, then try again."),
    Stage.OVER: N_("What was seen is not kept any more. Try the camera again."),
}
_STEPS = (N_("Edge box asked"), N_("Camera opened"), N_("Picture looked at"))
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
class TrialView:
    """`form`, to try again, once there is nothing to wait for; `problem` says what went wrong and what to do."""

    id: str
    shop: str
    edge: str
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
    name: str = "",
) -> TrialView:
    stage, answer = stage_of(trial, at), answer_of(trial)
    is_open = stage in IS_OPEN
    sentence = speaker.say(_SENTENCES[stage]) if stage in _SENTENCES else None
    problem = None if is_open or sentence is None else sentence
    if stage is Stage.ANSWERED and answer is not None and answer.fault is not None:
        problem = _fault(trial, answer.fault, speaker)
        form = form and replace(form, fault=answer.fault)
    seen = answer.sighting if answer is not None and stage is Stage.ANSWERED else None
    return TrialView(
        id=trial.id, shop=trial.shop.name, edge=trial.edge.name, live_url=f"/cameras/trials/{trial.id}/state", is_open=is_open,
        steps=_steps(_DONE.get(stage, len(_STEPS)), speaker), sentence=sentence if is_open else None, problem=problem,
        seen=_seen(trial, answer, seen, speaker) if answer is not None and seen is not None else None, form=form,
        wrong=wrong or {}, name=name,
    )


def _steps(done: int, speaker: Speaker) -> list[ProgressStep]:
    tenses = ["past" if place < done else "now" if place == done else "later" for place in range(len(_STEPS))]
    return [ProgressStep(speaker.say(words), tense, None) for words, tense in zip(_STEPS, tenses, strict=True)]


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
        (N_("Brightness, of 255"), f"{seen.brightness:.0f}"),
    ]
    return [Fact(speaker.say(name), value) for name, value in rows if value is not None]
