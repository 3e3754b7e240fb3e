"""What comes of comparing an observation with labels: things that were found, or missed, and states that were told."""

from dataclasses import dataclass

from detector.attributes import VIOLATING
from detector.boxes import Box
from detector.observation import AttributeName

NOT_FOUND = "not found"


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something found, with the score it is ranked by. ``size``: longer side in px, of the label if it hits one.

    ``told``: whether the product tells it: its score is high enough, or its state is one that violates.
    """

    picture: int
    box: Box
    score: float
    hit: bool
    size: float
    told: bool


@dataclass(frozen=True, slots=True)
class Label:
    """Something to find."""

    picture: int
    box: Box
    size: float
    found: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """A state told where the truth is known; ``told`` may be NOT_FOUND. ``score``: the told probability that it violates."""

    attribute: AttributeName
    picture: int
    box: Box
    size: float
    truth: str
    told: str
    score: float

    @property
    def violates(self) -> bool:
        return self.truth in VIOLATING

    @property
    def answered(self) -> bool:
        return self.told not in ("unknown", NOT_FOUND)

    @property
    def right(self) -> bool:
        """No mask and a mask worn wrongly are both violations: which of the two was told is not asked."""
        return self.answered and self.truth != "unknown" and (self.told in VIOLATING) == self.violates
