"""Whether new weights may take the place of old ones: the same pictures and clips, figure by figure and shop by shop."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from models.evaluate import Evaluation
from models.events import Watched
from models.metrics import Floats, Ranking, interval

FEWEST = 20
"""labels of a part, or planted violations of a rule; with fewer, one picture decides"""
LEAST_GROUPS = 6
"""scenes, days or clips with something to find; of fewer, all move one way by chance more often than once in twenty (twice a half
to the power of 6)"""
CLIPS = "clips"
"""what all clips together are called among the parts"""


@dataclass(frozen=True)
class Difference:
    """One figure of old and new weights on one part, and the 95 % interval of new minus old.

    The interval is of all comparisons together (Bonferroni): of a hundred shops two or three would be worse by chance.
    ``fewer``: less of it is better.
    """

    subject: str
    part: str
    old: float
    new: float
    low: float
    high: float
    count: int
    fewer: bool = False

    @property
    def worse(self) -> bool:
        return self.low > 0 if self.fewer else self.high < 0

    @property
    def better(self) -> bool:
        return self.high < 0 if self.fewer else self.low > 0


def compare(
    old: Evaluation, new: Evaluation, clips: tuple[Sequence[Watched], Sequence[Watched]] = ((), ())
) -> list[Difference]:
    """Every average precision, over all pictures and in each source, and what was told of the same ``clips`` (old, new).

    Both evaluations are of the same pictures. The same groups, or clips, are drawn for both, so that what is hard for either
    cancels out.
    """
    found = [*_of_pictures(old, new), *_of_clips(*clips)]
    wider = _standard_errors(len(found)) / _standard_errors(1) if found else 1.0
    return [
        replace(d, low=gain + wider * (d.low - gain), high=gain + wider * (d.high - gain))
        for d in found
        for gain in (d.new - d.old,)
    ]


def _of_pictures(old: Evaluation, new: Evaluation) -> Iterator[Difference]:
    for subject in sorted(set(old.subjects()) & set(new.subjects())):
        for part, source in _parts(new):
            before, after = old.ranking(subject, source), new.ranking(subject, source)
            count = len(after.label_sizes)
            ends = _interval(before, after) if count >= FEWEST or (source is None and count) else None
            if ends is not None:
                yield Difference(subject, part, before.average_precision(), after.average_precision(), *ends, count)


def _of_clips(old: Sequence[Watched], new: Sequence[Watched]) -> Iterator[Difference]:
    """Planted violations that were told, of all rules and of each, and false alarms per camera-hour."""
    hours = np.array([one.hours for one in new])
    false = [np.array([len(one.false) for one in side], np.float64) for side in (old, new)]
    for rule in (None, *sorted({event.rule for one in new for event in one.planted})):
        planted, *told = (
            np.array([sum(rule in (None, event.rule) for event in events) for events in side], np.float64)
            for side in ([one.planted for one in new], [one.found for one in old], [one.found for one in new])
        )
        if rule is None or planted.sum() >= FEWEST:
            yield from _share("violations told", rule or CLIPS, told, planted, int(planted.sum()))
    yield from _share("false per camera-hour", CLIPS, false, hours, int(false[1].sum()), fewer=True)


def _share(
    subject: str, part: str, counts: Sequence[Floats], of: Floats, count: int, fewer: bool = False
) -> Iterator[Difference]:
    """Old and new ``counts`` [clips] over ``of`` [clips]; nothing with too few clips."""
    old, new = counts

    def gain(weights: Floats) -> float:
        return float(weights @ (new - old)[: len(weights)] / (weights @ of[: len(weights)]))

    ends = _sure_interval(gain, np.flatnonzero(of), np.flatnonzero(of))
    if ends is not None:
        yield Difference(subject, part, old.sum() / of.sum(), new.sum() / of.sum(), *ends, count, fewer)


def undecided(new: Evaluation, clips: Sequence[Watched], differences: Sequence[Difference]) -> list[str]:
    """The sources, and the clips, of which too little is labelled, or in too few scenes or days, to say anything."""
    parts = {picture.source for picture in new.pictures} | ({CLIPS} if clips else set())
    return sorted(parts - {difference.part for difference in differences})


def verdict(differences: Sequence[Difference]) -> str:
    """A sentence: new weights may replace the old ones where no figure of any part is surely worse."""
    if not differences:
        return "There is nothing to compare: too few labels."
    worse = [f"{d.subject} ({d.part})" for d in differences if d.worse]
    better = [f"{d.subject} ({d.part})" for d in differences if d.better]
    if worse:
        return f"The new weights must not replace the old ones: surely worse at {', '.join(worse)}."
    if better:
        return f"The new weights may replace the old ones: surely better at {', '.join(better)}, and nowhere surely worse."
    return "The new weights may replace the old ones, but there is no need: nowhere surely better or worse."


def table(differences: Sequence[Difference]) -> str:
    """The differences as lines of text."""
    lines = []
    for d in differences:
        mark = "worse" if d.worse else "better" if d.better else ""
        change = f"{d.old:.3f} -> {d.new:.3f}  {d.low:+.3f}..{d.high:+.3f}"
        lines.append(f"{d.subject:22} {d.part:22} {change} of {d.count:<5} {mark}".rstrip())
    return "\n".join(lines)


def _standard_errors(comparisons: int) -> float:
    """On either side of a value, so that with a chance of 95 % no comparison is outside."""
    return NormalDist().inv_cdf(1 - 0.025 / comparisons)


def _parts(evaluation: Evaluation) -> Iterator[tuple[str, str | None]]:
    yield "all", None
    for source in sorted({picture.source for picture in evaluation.pictures}):
        yield source, source


def _interval(old: Ranking, new: Ranking) -> tuple[float, float] | None:
    def gain(weights: Floats) -> float:
        return new.average_precision(weights) - old.average_precision(weights)

    drawn = np.concatenate([old.groups, old.label_groups, new.groups, new.label_groups])
    return _sure_interval(gain, drawn, new.label_groups)


def _sure_interval(
    gain: Callable[[Floats], float], drawn: NDArray[np.int64], labelled: NDArray[np.int64]
) -> tuple[float, float] | None:
    """Over the groups ``drawn``; None where too few are ``labelled``: the others only add what is false."""
    return interval(gain, drawn) if len(np.unique(labelled)) >= LEAST_GROUPS else None
