"""Write model cards beside exported weights, in the form that the detector insists on."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import yaml

from detector.card import (
    Aim,
    Bin,
    Crop,
    Figure,
    Measured,
    ModelCard,
    Precision,
    Source,
    Start,
    Tensor,
    Thresholds,
    Training,
    default_weights,
    load_model,
)
from models.data import CIGARETTE, Picture
from models.durable import replace_file

LICENCE = "AGPL-3.0-or-later"
THINGS = {"cigarette": CIGARETTE}
"""what the finder looks for besides people, their heads and hands, by its name: the class of the data that labels it"""
CLASSES = ("person", "head", "hand", *THINGS)
"""of the finder, in the order of its outputs"""
STATES = {
    "cap": ["worn", "missing", "unknown"],
    "mask": ["worn", "missing", "wrong", "unknown"],
    "smoking": ["yes", "no", "unknown"],
    "glove": ["worn", "missing", "unknown"],
}
CROP = Crop(size=96, head_scale=1.6, hand_scale=1.4)

FINDER_SUBJECTS = frozenset(CLASSES)
"""whose figures stand in the finder's card; all others are of both stages together, and stand in the other one"""

TEST_LIST = "models/split.csv, test"
"""what the cards call the pictures that nothing is ever trained on"""
_HANDS = "Hands at camera size, bare and gloved, from more than the two public sets: reviewers' verdicts, in use."
_HEADS = "Kitchen heads seen from the ceiling, labelled whole, in place of head boxes grown from faces."
_PEOPLE = "Labelled people in kitchens: the test list has 30, on building sites."
_CIGARETTES = "Cigarettes at camera distance: nearly all public ones are close-ups."
_PROBABILITIES = "More validation scenes to fit temperatures and biases on."
_SURE_OF_GLOVES = "Bare hands without colours to learn from: two scenes of black-and-white or treated pictures are the error."
AIMS = [
    Aim(subject="person", measure="AP", value=0.85, closed_by=_PEOPLE),
    Aim(subject="cigarette", measure="AP", value=0.85, closed_by=_CIGARETTES),
    Aim(subject="cigarette", measure="recall as used", value=0.8, closed_by=_CIGARETTES),
    Aim(subject="no cap", measure="AP", value=0.9, closed_by=_HEADS),
    Aim(subject="no mask", measure="AP", value=0.93, closed_by=_HEADS),
    Aim(subject="bare hand", measure="AP", value=0.9, closed_by=_HANDS),
    Aim(subject="cap", measure="coverage", value=0.85, closed_by=_HEADS),
    Aim(subject="mask", measure="coverage", value=0.85, closed_by=_HEADS),
    Aim(subject="glove", measure="coverage", value=0.85, closed_by=_HANDS),
    Aim(subject="cap", measure="calibration error", value=0.05, closed_by=_PROBABILITIES),
    Aim(subject="mask", measure="calibration error", value=0.05, closed_by=_PROBABILITIES),
    Aim(subject="smoking", measure="calibration error", value=0.05, closed_by=_PROBABILITIES),
    Aim(subject="glove", measure="calibration error", value=0.05, closed_by=_SURE_OF_GLOVES),
]
"""on the test list, all sources; a calibration error should be at most, all others at least so much"""

STARTS = [
    Start(name="yolo26n_coco_deq (YOLO26n, COCO)", role="start", licence="AGPL-3.0"),
    Start(name="yolo26n_coco_deq (YOLO26n, COCO): person", role="teacher", licence="AGPL-3.0"),
    Start(
        name="yolo11n_face_deq (YOLO11n, WIDER FACE): face",
        role="teacher",
        licence="MIT / AGPL-3.0, WIDER FACE non-commercial",
    ),
    Start(name="PINTO_model_zoo 426 YOLOX-nano: person, head, hand", role="teacher", licence="Apache-2.0"),
    Start(name="ncnn_nanodet_hand YOLOX-nano: hand", role="teacher", licence="Apache-2.0, training data unknown"),
]


def finder_card(
    weights: Path, thresholds: dict[str, float], trained: Training, data: list[Source], starts: list[Start]
) -> ModelCard:
    """The card of stage 1 for the ONNX file ``weights``."""
    return ModelCard(
        name="finder",
        file=weights.name,
        sha256=sha256(weights),
        purpose="Stage 1: finds people, whole heads with hair and cap, hands and cigarettes in a whole camera picture.",
        licence=LICENCE,
        input=Tensor(name="images", dtype="uint8", shape=["b", "h", "w", 3]),
        outputs=[Tensor(name="detections", dtype="float32", shape=["b", 300, 6])],
        long_side=640,
        classes={"detections": list(CLASSES)},
        thresholds=Thresholds(score=thresholds),
        data=data,
        starts=starts,
        trained=trained,
        aims=[aim for aim in AIMS if aim.subject in FINDER_SUBJECTS],
        measured=[],
        known_failures=[],
    )


def attributes_card(
    weights: Path, sure: dict[str, float], trained: Training, data: list[Source], starts: list[Start]
) -> ModelCard:
    """The card of stage 2 for the ONNX file ``weights``."""
    return ModelCard(
        name="attributes",
        file=weights.name,
        sha256=sha256(weights),
        purpose=(
            "Stage 2: reads cap, mask and smoking from crops of heads, gloves and smoking from crops of hands; "
            "each answer can be 'unknown'."
        ),
        licence=LICENCE,
        input=Tensor(name="crops", dtype="uint8", shape=["n", CROP.size, CROP.size, 3]),
        outputs=[Tensor(name=name, dtype="float32", shape=["n", len(states)]) for name, states in STATES.items()],
        long_side=None,
        classes=STATES,
        crop=CROP,
        thresholds=Thresholds(sure=sure),
        data=data,
        starts=starts,
        trained=trained,
        aims=[aim for aim in AIMS if aim.subject not in FINDER_SUBJECTS],
        measured=[],
        known_failures=[],
    )


def sources(pictures: Iterable[Picture], before: Path | None = None) -> list[Source]:
    """What a card lists as its data: each source with its licence and number of pictures.

    ``before``: earlier weights that the new ones grew from; what their card lists is listed too, and what both learned from
    is counted once.
    """
    counted = Counter((p.source, p.licence) for p in pictures)
    if card := _card_of(before):
        counted |= Counter({(each.source, each.licence): each.pictures for each in card.data})
    return [Source(source=s, licence=licence, pictures=n) for (s, licence), n in sorted(counted.items())]


def starts(before: Path | None = None) -> list[Start]:
    """What a card lists as starts and teachers; ``before``: earlier weights that the new ones grew from."""
    card = _card_of(before)
    if card is None:
        return STARTS
    told = f"earlier weights: {card.trained.command} ({card.trained.machine}, {card.trained.duration})"
    return [Start(name=told, role="start", licence=card.licence), *card.starts]


def _card_of(weights: Path | None) -> ModelCard | None:
    """The card beside an ONNX file; None without one."""
    if weights is None or not weights.with_suffix(".yaml").is_file():
        return None
    return load_model(weights.parent, weights.stem)[0]


def write_card(card: ModelCard, path: Path) -> None:
    """Write the card as YAML."""
    values = card.model_dump(mode="json", exclude_none=True)
    # Flow style for the innermost lists: a measured figure is one line.
    text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=160, default_flow_style=None)
    replace_file(path, text.encode())


def record(
    folder: Path,
    on: str,
    command: str,
    figures: Sequence[Figure],
    precision: Precision | None = None,
    reliability: Sequence[Bin] = (),
) -> None:
    """Write what was measured into the cards of a folder of weights, in the place of what was measured on the same data.

    ``precision``: the variant that was measured; None is each card's default one.
    """
    for name in ("finder", "attributes"):
        card, _ = load_model(folder, name)
        measured = Measured(
            on=on,
            command=command,
            precision=precision or card.precision,
            figures=[figure for figure in figures if (figure.subject in FINDER_SUBJECTS) == (name == "finder")],
            reliability=list(reliability) if name == "attributes" else [],
        )
        same = [(old.on, old.precision) == (measured.on, measured.precision) for old in card.measured]
        place = same.index(True) if any(same) else len(same)
        kept = [old for old, replaced in zip(card.measured, same, strict=True) if not replaced]
        new = [measured] if measured.figures else []
        write_card(card.model_copy(update={"measured": [*kept[:place], *new, *kept[place:]]}), folder / f"{name}.yaml")


def complete(folder: Path) -> None:
    """Put the shipped weights of the stage that a folder lacks into it, so that it can be used."""
    for name in ("finder", "attributes"):
        if not (folder / f"{name}.yaml").is_file():
            for path in sorted(default_weights().glob(f"{name}.*")):  # the card comes last
                replace_file(folder / path.name, path.read_bytes())


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
