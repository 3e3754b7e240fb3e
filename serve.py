"""The centre with a detector beside it: in the photographs of shops the edge's own finder looks for faces, to blur them."""

from functools import cache

from api.answers.faces import lend
from api.cli import serve
from contract.blur import Picture
from contract.evidence import MarkedBox
from detector.card import default_weights, load_model
from detector.finder import Finder

__all__ = ["serve"]


@cache
def _finder() -> Finder:
    """When the first photograph is shown. The exact weights: a face that is missed is shown, and there is time."""
    return Finder(*load_model(default_weights(), "finder", "fp32"))


def find_people(picture: Picture) -> list[MarkedBox]:
    finder = _finder()
    (found,) = finder.find([picture])
    kinds = [finder.classes[index] for index in found.classes]
    return [
        MarkedBox.model_validate({"kind": kind, "box": box, "score": score})
        for kind, box, score in zip(kinds, found.boxes.tolist(), found.scores.tolist(), strict=True)
        if kind in ("person", "head")
    ]


lend(find_people)
