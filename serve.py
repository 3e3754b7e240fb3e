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
    (found,) = _finder().find([picture])
    return [
        MarkedBox.model_validate({"kind": thing.name, "box": thing.box, "score": thing.score})
        for thing in found if thing.name in ("person", "head")
    ]


lend(find_people)
