"""Leave one source out: how a class stands on pictures of a collector of whom nothing was learned."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import compress

import numpy as np

from models.data import FACES, HANDS, HEADS, PERSON, Picture
from models.publish import THINGS

LEAST = 100
"""pictures that a source must have for a class, to be left out or to be learned from instead"""
GROUPS = ((PERSON,), HEADS, FACES, HANDS, *((given,) for given in THINGS.values()))
"""classes that are looked for together"""


def sources(pictures: Sequence[Picture]) -> list[str]:
    """The sources that can be left out: of some class, another one with enough pictures remains."""
    found: set[str] = set()
    for group in GROUPS:
        counts = Counter(p.source for p in pictures if set(group) <= p.annotated)
        enough = {source for source, count in counts.items() if count >= LEAST}
        if len(enough) >= 2:
            found |= enough
    return sorted(found)


def told_elsewhere(pictures: Sequence[Picture], source: str) -> list[Picture]:
    """The pictures of a source, labelled only for what enough pictures of another source teach."""
    teachable: set[int] = set()
    for group in GROUPS:
        counts = Counter(p.source for p in pictures if p.source != source and set(group) <= p.annotated)
        if max(counts.values(), default=0) >= LEAST:
            teachable |= set(group)
    return [_labelled_for(p, teachable) for p in pictures if p.source == source]


def _labelled_for(picture: Picture, classes: set[int]) -> Picture:
    """Without the boxes of what is no longer annotated: they would count as judged alone."""
    kept = ~np.isin(picture.classes, list(picture.annotated - classes))
    return replace(
        picture,
        annotated=picture.annotated & classes,
        classes=picture.classes[kept],
        boxes=picture.boxes[kept],
        hat_kinds=tuple(compress(picture.hat_kinds, kept)),
    )
