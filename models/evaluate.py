"""Measure weights as they are used: whole pictures through the run-time detector, against the labels."""

import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from detector.card import load_model
from detector.observation import Observation
from detector.pipeline import Detector
from models.boxes import Boxes, faces_in_heads, iou
from models.data import (
    CIGARETTE,
    FACE_MASK,
    FACE_NO_MASK,
    FACES,
    HAND_BARE,
    HAND_GLOVE,
    HANDS,
    HEAD_BARE,
    HEAD_HAT,
    HEADS,
    MASK_WRONG,
    PERSON,
    DataError,
    Picture,
)
from models.publish import Figures

LEAST_SCORE = 0.02
"""the finder reports from here on while average precision is measured"""


@dataclass
class Ranking:
    """Scored candidates of one figure: hits, false alarms, and how many there are to find."""

    scores: list[float] = field(default_factory=list)
    hits: list[bool] = field(default_factory=list)
    wanted: int = 0

    def average_precision(self) -> float | None:
        """All-point interpolated area under precision over recall; None with nothing to find."""
        if not self.wanted:
            return None
        order = np.argsort(-np.array(self.scores), kind="stable")
        hits = np.array(self.hits, bool)[order]
        recall = np.cumsum(hits) / self.wanted
        precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
        best = np.maximum.accumulate(precision[::-1])[::-1]
        return float(np.sum(np.diff(recall, prepend=0.0) * best))


@dataclass
class Told:
    """How often a state was told where the truth is known, and how often it was right."""

    known: int = 0
    told: int = 0
    right: int = 0


def measure(pictures: Sequence[Picture], weights: Path) -> Figures:
    """Run the detector over pictures and compare. Torn pictures are left out."""
    rankings: dict[tuple[str, str], Ranking] = defaultdict(Ranking)
    told: dict[tuple[str, str], Told] = defaultdict(Told)
    card, _ = load_model(weights, "finder")
    with tempfile.TemporaryDirectory() as folder:
        detector = Detector.load(_unthresholded(weights, Path(folder)))
        for picture in pictures:
            try:
                image = picture.read()
            except DataError:
                continue
            (seen,) = detector.look([image])
            for source in ("all", picture.source):
                _count(picture, seen, source, rankings, told, card.thresholds.score)
    figures: Figures = defaultdict(dict)
    for (name, source), ranking in sorted(rankings.items()):
        if name == "smoking picture" and all(ranking.hits):
            continue  # a set of smokers alone: any order of them is perfect
        figures[f"AP {name}"][source] = {"value": _rounded(ranking.average_precision()), "wanted": ranking.wanted}
    for (name, source), counts in sorted(told.items()):
        figures[f"told {name}"][source] = {
            "coverage": _rounded(counts.told / max(1, counts.known)),
            "accuracy": _rounded(counts.right / counts.told if counts.told else None),
            "known": counts.known,
        }
    return dict(figures)


def table(figures: Figures) -> str:
    """The figures as lines of text."""
    lines = []
    for name, by_source in figures.items():
        for source, values in by_source.items():
            shown = ", ".join(f"{k} {v if v is not None else '-'}" for k, v in values.items())
            lines.append(f"{name:22} {source:18} {shown}")
    return "\n".join(lines)


def _count(
    picture: Picture,
    seen: Observation,
    source: str,
    rankings: dict[tuple[str, str], Ranking],
    told: dict[tuple[str, str], Told],
    least: Mapping[str, float],
) -> None:
    """Add one picture to every figure; ``least``: from which score on the product takes a head or hand for one."""
    people = [(p.box, p.score) for p in seen.people if p.box is not None and p.score is not None]
    heads = [p.head for p in seen.people if p.head is not None]
    hands = [hand for p in seen.people for hand in p.hands]
    head_boxes = _boxes([h.box for h in heads])
    told_heads = [h for h in heads if h.score >= least["head"]]
    told_boxes = _boxes([h.box for h in told_heads])
    if PERSON in picture.annotated:
        boxes = _boxes([b for b, _ in people])
        _rank(rankings["person", source], [s for _, s in people], iou(boxes, picture.of(PERSON)) >= 0.5)
    if set(HEADS) <= picture.annotated and not picture.derived_heads:
        overlap = iou(head_boxes, picture.of(*HEADS)) >= 0.5
        _rank(rankings["head", source], [h.score for h in heads], overlap)
    if CIGARETTE in picture.annotated:
        boxes = _boxes([o.box for o in seen.objects if o.name == "cigarette"])
        scores = [o.score for o in seen.objects if o.name == "cigarette"]
        _rank(rankings["cigarette", source], scores, iou(boxes, picture.of(CIGARETTE)) >= 0.4)
    if set(HANDS) <= picture.annotated:
        boxes = _boxes([h.box for h in hands])
        _rank(rankings["hand", source], [h.score for h in hands], iou(boxes, picture.of(*HANDS)) >= 0.4)
        _rank(
            rankings["bare hand", source],
            [h.glove.score for h in hands if h.score >= least["hand"]],
            iou(_boxes([h.box for h in hands if h.score >= least["hand"]]), picture.of(HAND_BARE)) >= 0.4,
        )
        gloves: dict[int, tuple[str, ...]] = {HAND_GLOVE: ("worn",), HAND_BARE: ("missing",)}
        shared = iou(boxes, picture.boxes) * _used([h.score for h in hands], least["hand"])
        _tell(told["glove", source], picture, shared, gloves, [h.glove.state for h in hands])
    if set(FACES) <= picture.annotated:
        _rank(
            rankings["no mask", source],
            [h.mask.score for h in told_heads],
            faces_in_heads(picture.of(FACE_NO_MASK, MASK_WRONG), told_boxes).T,
        )
        bare = ("missing", "wrong")
        masks: dict[int, tuple[str, ...]] = {FACE_MASK: ("worn",), FACE_NO_MASK: bare, MASK_WRONG: bare}
        shared = faces_in_heads(picture.boxes, head_boxes).T * _used([h.score for h in heads], least["head"])
        _tell(told["mask", source], picture, shared, masks, [h.mask.state for h in heads])
    if set(HEADS) <= picture.annotated:
        _rank(
            rankings["no cap", source],
            [h.cap.score for h in told_heads],
            _same_head(told_boxes, picture.of(HEAD_BARE)),
        )
        caps: dict[int, tuple[str, ...]] = {HEAD_HAT: ("worn",), HEAD_BARE: ("missing",)}
        shared = iou(head_boxes, picture.boxes) * _used([h.score for h in heads], least["head"])
        _tell(told["cap", source], picture, shared, caps, [h.cap.state for h in heads])
    if CIGARETTE in picture.annotated and len(heads):
        # Whether anyone in the picture smokes: one decision a picture, as cigarettes carry no person's label.
        best = max((h.smoking.score for h in told_heads), default=0.0)
        ranking = rankings["smoking picture", source]
        present = bool(len(picture.of(CIGARETTE)))
        ranking.scores.append(best)
        ranking.hits.append(present)
        ranking.wanted += present


def _rank(ranking: Ranking, scores: Sequence[float], fits: NDArray[np.bool_]) -> None:
    """Greedy matching, best score first; ``fits`` [candidates, labels]; every label is found once."""
    free = np.ones(fits.shape[1], bool)
    ranking.wanted += fits.shape[1]
    for index in np.argsort(-np.array(scores), kind="stable"):
        match = np.flatnonzero(fits[index] & free)
        ranking.scores.append(scores[index])
        ranking.hits.append(bool(len(match)))
        free[match[:1]] = False


def _tell(
    told: Told,
    picture: Picture,
    overlap: NDArray[Any],
    truth: Mapping[int, tuple[str, ...]],
    states: Sequence[str],
) -> None:
    """Count states told for labels whose box is 32 px or more; ``overlap`` [candidates, labels]."""
    for column, label in enumerate(picture.classes):
        box = picture.boxes[column]
        if label not in truth or (box[2:] - box[:2]).max() < 32 or not len(states):
            continue
        best = int(overlap[:, column].argmax())
        if overlap[best, column] < 0.4:
            continue
        told.known += 1
        told.told += states[best] != "unknown"
        told.right += states[best] in truth[int(label)]


def _used(scores: Sequence[float], least: float) -> NDArray[np.float32]:
    return (np.array(scores) >= least).astype(np.float32)[:, None]


def _same_head(found: Boxes, labelled: Boxes) -> NDArray[np.bool_]:
    """Head boxes of the public sets are grown face boxes: a loose overlap is the same head."""
    return np.asarray(iou(found, labelled) >= 0.35)


def _boxes(rows: Sequence[Sequence[float]]) -> Boxes:
    return np.array(rows, np.float32).reshape(-1, 4)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _unthresholded(weights: Path, folder: Path) -> Path:
    """A copy of the cards that lets every detection through, beside links to the weights."""
    for name in ("finder", "attributes"):
        card = yaml.safe_load((weights / f"{name}.yaml").read_text(encoding="utf-8"))
        card["thresholds"]["score"] = dict.fromkeys(card["thresholds"].get("score", {}), LEAST_SCORE)
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")
        (folder / card["file"]).symlink_to((weights / card["file"]).resolve())
    return folder
