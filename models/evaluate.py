"""Measure weights as they are used: whole pictures through the run-time detector, against the labels."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detector.attributes import NAMES
from detector.boxes import Box
from detector.card import Bin, Figure, Precision, Thresholds, load_model
from detector.finder import Finder
from detector.observation import SeenObject
from detector.pipeline import Detector
from models.data import DataError, Picture
from models.matching import Matches
from models.metrics import SIZES, Floats, Ranking, calibration_error, interval, reliability
from models.outcomes import NOT_FOUND, Judged

LEAST_SCORE = 0.02
"""from here on what the finder finds is ranked; the product tells what its card's thresholds let through"""
LEAST_SIZE = 32.0
"""px of the longer side from which on a state should be told"""
AP, RECALL_WHEN_SURE = "AP", "recall at 95 % precision"


@dataclass(frozen=True)
class Evaluation:
    """Pictures that could be read, the others in words, and what the weights said."""

    pictures: Sequence[Picture]
    torn: Sequence[str]
    matches: Matches

    def groups(self, by_day: bool = False) -> NDArray[np.int64]:
        """A number for the scene or person of each picture, [pictures]; ``by_day``: for each day of a camera in use."""
        numbers: dict[tuple[str, str, str], int] = {}
        keys = [(p.source, p.group, p.day if by_day else "") for p in self.pictures]
        return np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.int64)

    def subjects(self) -> list[str]:
        """The rankings with something to find. Of a set of smokers alone any order is perfect: that says nothing."""
        matches = self.matches
        smokers_alone = {"smoking picture"} if all(c.hit for c in matches.candidates["smoking picture"]) else set()
        return sorted({name for name, labels in matches.labels.items() if labels} - smokers_alone)

    def told(self, attribute: str) -> list[Judged]:
        """The answers about heads or hands of 32 px and more whose state is known."""
        known = (j for j in self.matches.judged if j.attribute == attribute and j.truth != "unknown")
        return [j for j in known if j.answered and j.size >= LEAST_SIZE]

    def ranking(self, name: str, source: str | None = None) -> Ranking:
        """The candidates and labels of one figure, of one source or of all.

        A shop has one camera or a few, and always the same ones: there its days are what another sample would differ in.
        """
        groups = self.groups(by_day=source is not None)

        def wanted(number: int) -> bool:
            return source is None or self.pictures[number].source == source

        candidates = [c for c in self.matches.candidates[name] if wanted(c.picture)]
        labels = [label for label in self.matches.labels[name] if wanted(label.picture)]
        return Ranking.of(
            [(c.score, c.hit, c.size, int(groups[c.picture]), c.told) for c in candidates],
            [(label.size, int(groups[label.picture])) for label in labels],
        )


def look(
    pictures: Sequence[Picture],
    weights: Path,
    say: Callable[[str], None] = lambda _: None,
    precision: Precision | None = None,
) -> Evaluation:
    """Run the detector, as it is used, over pictures and compare. Torn pictures are left out, and named."""
    detector = Detector.load(weights, precision=precision)
    card, content = load_model(weights, "finder", precision)
    thresholds = Thresholds(score=dict.fromkeys(card.thresholds.score, LEAST_SCORE))
    # Beside it, not in its place: a faint cigarette or person would change what is told of a head.
    faint = Finder(card.model_copy(update={"thresholds": thresholds}), content)
    crop = detector.reader.crop
    matches = Matches(crop.head_scale, crop.hand_scale, least=card.thresholds.score)
    readable: list[Picture] = []
    torn: list[str] = []
    for picture in pictures:
        try:
            image = picture.read()
        except DataError as error:
            torn.append(str(error))
            say(str(error))
            continue
        matches.add(len(readable), picture, detector.look([image])[0], _by_name(faint.classes, faint.find([image])[0]))
        readable.append(picture)
        if len(readable) % 100 == 0:
            say(f"{len(readable)} of {len(pictures)} pictures")
    return Evaluation(readable, torn, matches)


def figures(evaluation: Evaluation) -> list[Figure]:
    """All figures: of every ranking and attribute; of all pictures, by size and by source."""
    found = []
    for name in evaluation.subjects():
        whole = evaluation.ranking(name)
        found += _ranked(name, "all", whole, as_used=True)
        for part, bounds in SIZES.items():
            found += _ranked(name, part, whole.of_size(*bounds))
        for source in sorted({p.source for p in evaluation.pictures}):
            found += _ranked(name, source, evaluation.ranking(name, source))
    groups = evaluation.groups()
    for attribute in NAMES:
        judged = [j for j in evaluation.matches.judged if j.attribute == attribute]
        for part, rows in _parts(judged, evaluation.pictures):
            found += _told(attribute, part, rows, groups)
        told = evaluation.told(attribute)
        if told:
            found.append(_calibration(attribute, told, _groups(told, groups)))
        hidden = [j for j in judged if j.truth == "unknown"]
        if hidden:
            untold = np.array([j.told == "unknown" for j in hidden])
            what = "no hand in sight" if attribute == "glove" else "no face in sight"
            found.append(_share(f"{attribute}, {what}", "cannot tell", "all", untold, _groups(hidden, groups)))
    return found


def _calibration(attribute: str, told: Sequence[Judged], groups: NDArray[np.int64]) -> Figure:
    scores, truths = probabilities(told)
    ends = interval(lambda weights: calibration_error(scores, truths, weights[groups]), groups)
    return _figure(attribute, "calibration error", "all", calibration_error(scores, truths), ends, len(told))


def _ranked(name: str, part: str, ranking: Ranking, as_used: bool = False) -> list[Figure]:
    """Average precision, with nothing to find none; ``as_used``: also what the product makes of it."""
    count = len(ranking.label_sizes)
    if not count or (name == "smoking picture" and ranking.hits.all()):
        return []
    groups = np.concatenate([ranking.groups, ranking.label_groups])
    rows = [_figure(name, AP, part, ranking.average_precision(), interval(ranking.average_precision, groups), count)]
    if as_used:
        sure = interval(ranking.recall_when_sure, groups)
        rows.append(_figure(name, RECALL_WHEN_SURE, part, ranking.recall_when_sure(), sure, count))
        recall, precision = ranking.as_used()
        rows.append(_figure(name, "recall as used", part, recall, None, count))
        if precision is not None:
            rows.append(_figure(name, "precision as used", part, precision, None, int(ranking.told.sum())))
    return rows


def _parts(judged: Sequence[Judged], pictures: Sequence[Picture]) -> Iterator[tuple[str, list[Judged]]]:
    """Found heads or hands whose state is known: all of the size that should be told, each size, each source."""
    known = [j for j in judged if j.truth != "unknown" and j.told != NOT_FOUND]
    large = [j for j in known if j.size >= LEAST_SIZE]
    yield "all", large
    for part, (least, below) in SIZES.items():
        yield part, [j for j in known if least <= j.size < below]
    for source in sorted({p.source for p in pictures}):
        yield source, [j for j in large if pictures[j.picture].source == source]


def _told(attribute: str, part: str, rows: Sequence[Judged], groups: NDArray[np.int64]) -> list[Figure]:
    """How often a state was told, and how often it was right."""
    if not rows:
        return []
    answered = [j for j in rows if j.answered]
    told = np.array([j.answered for j in rows])
    found = [_share(attribute, "coverage", part, told, _groups(rows, groups))]
    if answered:
        right = np.array([j.right for j in answered])
        found.append(_share(attribute, "accuracy", part, right, _groups(answered, groups)))
    return found


def bins(evaluation: Evaluation) -> list[Bin]:
    """The reliability curve of each attribute: how true the told probabilities of a violation are."""
    return [
        Bin(attribute=attribute, told=round(told, 4), true=round(true, 4), count=count)
        for attribute in NAMES
        for told, true, count in reliability(*probabilities(evaluation.told(attribute)))
    ]


def probabilities(judged: Sequence[Judged]) -> tuple[Floats, NDArray[np.bool_]]:
    """The told probabilities of a violation [n], and whether it was one [n]."""
    return np.array([j.score for j in judged], np.float64), np.array([j.violates for j in judged], bool)


def _share(
    subject: str, measure: str, part: str, flags: NDArray[np.bool_], groups: NDArray[np.int64]
) -> Figure:
    def share(weights: Floats) -> float:
        return float((weights[groups] * flags).sum() / (weights[groups].sum() or np.nan))

    return _figure(subject, measure, part, float(flags.mean()), interval(share, groups), len(flags))


def _figure(
    subject: str, measure: str, part: str, value: float, ends: tuple[float, float] | None, count: int
) -> Figure:
    low, high = (round(end, 4) for end in ends) if ends else (None, None)
    if low == high:  # all is right, or all is wrong, whatever is drawn: of few labels that is no certainty
        low = high = None
    return Figure(subject=subject, measure=measure, part=part, value=round(value, 4), low=low, high=high, count=count)


def _groups(judged: Sequence[Judged], groups: NDArray[np.int64]) -> NDArray[np.int64]:
    return groups[[j.picture for j in judged]]


def _by_name(names: Sequence[str], found: Sequence[SeenObject]) -> dict[str, list[tuple[Box, float]]]:
    """Boxes and scores by the finder's name."""
    return {name: [(thing.box, thing.score) for thing in found if thing.name == name] for name in names}
