"""Figures from ranked candidates and told states, and how far they would move with other groups of pictures."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 500
"""of a 95 % interval: its ends then move by some 3 % of its width from seed to seed"""
SURE_PRECISION = 0.95
"""of what a picky inspector would accept: recall is told at the lowest score from which on precision is at least this"""
BINS = 10
"""of equal width, for the calibration error; the customary number (Guo et al. 2017)"""
SIZES: dict[str, tuple[float, float]] = {
    "under 16 px": (0, 16),
    "under 32 px": (0, 32),
    "32 to 96 px": (32, 96),
    "over 96 px": (96, float("inf")),
}
"""of the longer side, in pixels of the original picture"""

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Ranking:
    """Candidates of one figure by falling score [n], and the labels to find [m].

    ``sizes`` are longer sides in px: a candidate that hits has its label's, another one its own. ``groups`` are whole numbers.
    ``told``: which candidates the product tells.
    """

    scores: Floats
    hits: Bools
    sizes: Floats
    groups: NDArray[np.int64]
    told: Bools
    label_sizes: Floats
    label_groups: NDArray[np.int64]

    @classmethod
    def of(cls, candidates: list[tuple[float, bool, float, int, bool]], labels: list[tuple[float, int]]) -> "Ranking":
        """From rows (score, hit, size, group, told) in any order, and rows (size, group)."""
        rows = np.array(candidates, np.float64).reshape(-1, 5)
        rows = rows[np.argsort(-rows[:, 0], kind="stable")]
        wanted = np.array(labels, np.float64).reshape(-1, 2)
        scores, hits, sizes, groups, told = rows.T
        return cls(
            scores, hits > 0, sizes, groups.astype(np.int64), told > 0, wanted[:, 0], wanted[:, 1].astype(np.int64)
        )

    def of_size(self, least: float, below: float) -> "Ranking":
        """The labels of a size, what hits them, and the false alarms of that size."""
        kept = (self.sizes >= least) & (self.sizes < below)
        wanted = (self.label_sizes >= least) & (self.label_sizes < below)
        return Ranking(
            self.scores[kept],
            self.hits[kept],
            self.sizes[kept],
            self.groups[kept],
            self.told[kept],
            self.label_sizes[wanted],
            self.label_groups[wanted],
        )

    def curve(self, weights: Floats | None = None) -> tuple[Floats, Floats]:
        """Recall and precision [n] at each candidate's score; ``weights``: how often each group counts.

        Recall is NaN with nothing to find.
        """
        counts = np.ones(len(self.scores)) if weights is None else weights[self.groups]
        wanted = len(self.label_sizes) if weights is None else weights[self.label_groups].sum()
        found = np.cumsum(counts * self.hits)
        return found / (wanted or np.nan), found / np.maximum(np.cumsum(counts), 1e-9)

    def average_precision(self, weights: Floats | None = None) -> float:
        """All-point interpolated area under precision over recall."""
        recall, precision = self.curve(weights)
        best = np.maximum.accumulate(precision[::-1])[::-1]
        return float(np.sum(np.diff(recall, prepend=0.0) * best))

    def recall_when_sure(self, weights: Floats | None = None) -> float:
        """The highest recall at a precision of 95 % or more; 0 where no score reaches that."""
        recall, precision = self.curve(weights)
        return float(recall[precision >= SURE_PRECISION].max(initial=0.0))

    def as_used(self) -> tuple[float, float | None]:
        """Recall and precision of what the product tells; precision is None where it tells nothing."""
        hits = self.hits[self.told]
        return float(hits.sum() / max(1, len(self.label_sizes))), float(hits.mean()) if len(hits) else None


def interval(statistic: Callable[[Floats], float], groups: NDArray[np.int64]) -> tuple[float, float] | None:
    """The middle 95 % of a statistic over groups drawn anew with replacement; None with fewer than two groups.

    ``groups`` are those of all rows that the statistic rests on; it gets how often each group was drawn, by its number.
    Pictures of one scene err alike: drawing pictures instead would make the interval too narrow.
    """
    present = np.unique(groups)
    if len(present) < 2:
        return None
    rng = np.random.default_rng(0)
    values = []
    for _ in range(RESAMPLES):
        weights = np.zeros(int(present[-1]) + 1)
        weights[present] = rng.multinomial(len(present), np.full(len(present), 1 / len(present)))
        values.append(statistic(weights))
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return float(low), float(high)


def reliability(scores: Floats, truths: Bools) -> list[tuple[float, float, int]]:
    """For each bin of probabilities that is not empty: the mean told, the share that was true, and how many."""
    bins = np.minimum((scores * BINS).astype(int), BINS - 1)
    return [
        (float(scores[bins == b].mean()), float(truths[bins == b].mean()), int((bins == b).sum())) for b in np.unique(bins)
    ]


def calibration_error(scores: Floats, truths: Bools, counts: Floats | None = None) -> float:
    """Expected calibration error: the mean distance of told and true share over the bins, weighed by their counts.

    ``counts``: how often each row counts, by default once.
    """
    counts = np.ones(len(scores)) if counts is None else counts
    bins = np.minimum((scores * BINS).astype(int), BINS - 1)
    return float(np.abs(np.bincount(bins, counts * (scores - truths))).sum() / (counts.sum() or 1))
