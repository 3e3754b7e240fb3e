"""Whether new weights may take the place of old ones: the same pictures, figure by figure and shop by shop."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from models.evaluate import Evaluation
from models.metrics import Floats, Ranking, interval

FEWEST = 20
"""labels of a part; with fewer, one picture decides"""


@dataclass(frozen=True)
class Difference:
    """Average precision of old and new weights on one part, and the 95 % interval of new minus old.

    The interval is of all comparisons together (Bonferroni): of a hundred shops two or three would be worse by chance.
    """

    subject: str
    part: str
    old: float
    new: float
    low: float
    high: float
    count: int

    @property
    def worse(self) -> bool:
        return self.high < 0

    @property
    def better(self) -> bool:
        return self.low > 0


def compare(old: Evaluation, new: Evaluation) -> list[Difference]:
    """Differences of all that both evaluations rank: on all pictures, and on each source with enough labels.

    Both must be of the same pictures: the same groups are drawn for both, so that what is hard for either cancels out.
    """
    found = []
    for subject in sorted(set(old.subjects()) & set(new.subjects())):
        for part, source in _parts(new):
            before, after = old.ranking(subject, source), new.ranking(subject, source)
            count = len(after.label_sizes)
            ends = _interval(before, after) if count >= FEWEST or (source is None and count) else None
            if ends is not None:
                values = before.average_precision(), after.average_precision()
                found.append(Difference(subject, part, *values, *ends, count))
    wider = _standard_errors(len(found)) / _standard_errors(1) if found else 1.0
    return [
        replace(d, low=gain + wider * (d.low - gain), high=gain + wider * (d.high - gain))
        for d in found
        for gain in (d.new - d.old,)
    ]


def undecided(new: Evaluation, differences: Sequence[Difference]) -> list[str]:
    """The sources of which too little is labelled, or on too few days, to say anything."""
    return sorted({picture.source for picture in new.pictures} - {difference.part for difference in differences})


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
        lines.append(f"{d.subject:18} {d.part:22} {change} of {d.count:<5} {mark}".rstrip())
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

    return interval(gain, np.concatenate([old.groups, old.label_groups, new.groups, new.label_groups]))
