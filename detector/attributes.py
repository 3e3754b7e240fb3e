"""Stage 2: cap, mask, smoking and glove, read from crops of the full-resolution picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast, get_args

import numpy as np
import numpy.typing as npt

from detector.boxes import Box
from detector.card import ModelCard, ModelError
from detector.crops import crop_square
from detector.observation import Attribute, AttributeName, State
from detector.providers import PROCESSOR, Provider, Shapes
from detector.session import OnRun, Session

Image = npt.NDArray[np.uint8]
NAMES: tuple[AttributeName, ...] = ("cap", "mask", "smoking", "glove")
VIOLATING: frozenset[State] = frozenset({"missing", "wrong", "yes"})
# Crops in one call: a bound on memory, far above what one kitchen shows. And what two pictures of busy kitchens have.
MOST_CROPS, USUAL_CROPS = 64, 16


@dataclass(frozen=True, slots=True)
class Reading:
    """What one crop says: `cap`, `mask` and `smoking` mean something for a head, `glove` and `smoking` for a hand."""

    cap: Attribute
    mask: Attribute
    smoking: Attribute
    glove: Attribute


# Of a crop that nobody asked about.
NOT_READ = Reading(*[Attribute("unknown", 0.0)] * len(NAMES))


class AttributeReader:
    def __init__(
        self, card: ModelCard, weights: bytes, threads: int = 1, on_run: OnRun | None = None, provider: Provider = PROCESSOR
    ) -> None:
        """Raises ModelError if the card is not that of an attribute reader, or the weights are not the card's; ProviderError."""
        if card.crop is None or not _tells_states(card):
            raise ModelError(
                f"The card of {card.name} is not that of an attribute reader: it must say how to crop, and have for each of "
                f"{', '.join(NAMES)} one output as wide as its list of states, and how sure a state must be to be told."
            )
        shapes = Shapes(*((number, card.crop.size, card.crop.size, 3) for number in (1, USUAL_CROPS, MOST_CROPS)))
        self._session = Session(card, weights, threads, on_run, provider, shapes)
        self.crop = card.crop
        self._outputs = [output.name for output in card.outputs]
        self._states = cast(dict[str, list[State]], card.classes)
        self._sure = card.thresholds.sure

    def sure(self, name: AttributeName) -> float:
        """The least probability with which a state of this attribute is told."""
        return self._sure[name]

    def cut(self, image: Image, boxes: Sequence[Box] | npt.NDArray[np.float32], scale: float) -> list[Image]:
        """Squares [size, size, 3] of a BGR picture [H, W, 3], one around each of [n, 4] boxes in its pixels."""
        return [crop_square(image, box, scale, self.crop.size) for box in boxes]

    def read(self, crops: Sequence[Image]) -> list[Reading]:
        """Read uint8 crops [size, size, 3], of all people of all pictures at once."""
        readings: list[Reading] = []
        for start in range(0, len(crops), MOST_CROPS):
            outputs = dict(zip(self._outputs, self._session.run(np.stack(crops[start : start + MOST_CROPS])), strict=True))
            columns = [self._attributes(name, outputs[name]) for name in NAMES]
            readings += [Reading(**dict(zip(NAMES, told, strict=True))) for told in zip(*columns, strict=True)]
        return readings

    def _attributes(self, name: AttributeName, probabilities: npt.NDArray[np.float32]) -> list[Attribute]:
        """Probabilities [n, states] -> the most probable state if it is sure enough, else unknown."""
        states, sure = self._states[name], self.sure(name)
        violating = [i for i, state in enumerate(states) if state in VIOLATING]
        told: list[Attribute] = []
        for row in probabilities.tolist():  # of a dozen crops: as lists in less than half of the time
            # Two violating states that share the probability (no mask, worn wrongly) are still one sure violation.
            score = sum(row[i] for i in violating)
            likeliest = max(violating, key=row.__getitem__) if score >= sure else row.index(max(row))
            told.append(Attribute(states[likeliest] if max(score, row[likeliest]) >= sure else "unknown", score))
        return told


def _tells_states(card: ModelCard) -> bool:
    size = card.crop.size if card.crop else None
    widths = {output.name: output.shape[-1] for output in card.outputs if output.shape}
    return (
        card.input.shape[1:] == [size, size, 3]
        and set(card.classes) == set(widths) == set(NAMES) == set(card.thresholds.sure)
        and all(
            widths[name] == len(set(states)) == len(states) and VIOLATING & set(states) and set(states) <= set(get_args(State))
            for name, states in card.classes.items()
        )
    )
