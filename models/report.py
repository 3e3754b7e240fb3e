"""What an evaluation leaves behind: a printed table, figures.json, and pictures."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from detector.card import Figure
from models.durable import write_picture
from models.evaluate import Evaluation, bins
from models.plots import Image, Line, Mistake, chart, confusion, contact_sheet, matrix, worst
from models.publish import THINGS

WORST = 24
"""mistakes on the contact sheet: a page to look through in a minute"""
CLEAR_PX = 96
"""a miss of this size or more is as bad as a surely told error; what is smaller is hard to see for people too"""


def table(figures: Sequence[Figure], unseen: frozenset[str] = frozenset()) -> str:
    """The figures as lines of text; sources of which the weights learned nothing (`unseen`) are marked."""
    lines = []
    for f in figures:
        ends = "" if f.low is None or f.high is None else f"{f.low:.3f}..{f.high:.3f}"
        part = f"{f.part} *" if f.part in unseen else f.part
        lines.append(f"{f.subject:24} {f.measure:26} {part:22} {f.value:9.3f}  {ends:16} of {f.count}")
    if unseen & {f.part for f in figures}:
        lines.append("* a source that these weights were not trained on")
    return "\n".join(lines)


def as_json(figures: Sequence[Figure], evaluation: Evaluation | None, about: dict[str, Any]) -> str:
    """Everything that was measured, for other programs."""
    whole = {**about, "figures": [f.model_dump() for f in figures]}
    if evaluation is not None:
        whole["torn"] = list(evaluation.torn)
        whole["reliability"] = [b.model_dump() for b in bins(evaluation)]
        whole["confusion"] = confusion(evaluation.matches.judged)
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def draw(evaluation: Evaluation, folder: Path) -> list[Path]:
    """Write the pictures of an evaluation into an existing folder."""
    found: dict[str, Image] = {}
    matches = evaluation.matches
    lines = []
    for name in evaluation.subjects():
        ranking = evaluation.ranking(name)
        recall, precision = ranking.curve()
        lines.append(Line(f"{name} ({ranking.average_precision():.2f})", recall, precision))
    found["precision-recall"] = chart("Precision over recall (average precision)", "recall", "precision", lines)
    lines = []
    curve = bins(evaluation)
    for attribute in dict.fromkeys(b.attribute for b in curve):
        own = [b for b in curve if b.attribute == attribute]
        name = f"{attribute} ({sum(b.count for b in own)} told)"
        lines.append(Line(name, [b.told for b in own], [b.true for b in own], dotted=True))
    found["reliability"] = chart("How true the told probabilities are", "told", "true", lines, diagonal=True)
    for name, counts in confusion(matches.judged).items():
        found[f"confusion-{name}"] = matrix(f"{name}: what is true, and what was told", counts)
    tiles = [(evaluation.pictures[m.picture].read(), m) for m in worst(mistakes(evaluation), WORST)]
    found["worst"] = contact_sheet(tiles)
    paths = []
    for name, image in found.items():
        path = folder / f"{name}.png"
        write_picture(path, image)
        paths.append(path)
    return paths


def mistakes(evaluation: Evaluation) -> list[Mistake]:
    """False alarms and misses of the finder, and states that were told wrongly; the surer the worse.

    The number behind a state is the told probability that it violates.
    """
    found = []
    for name in ("person", "hand", *THINGS):
        for candidate in evaluation.matches.candidates[name]:
            if not candidate.hit:
                words = f"found {candidate.score:.2f}, is none"
                found.append(Mistake(name, candidate.picture, candidate.box, words, candidate.score))
        for label in evaluation.matches.labels[name]:
            if not label.found:
                weight = min(1.0, label.size / CLEAR_PX)
                found.append(Mistake(name, label.picture, label.box, f"missed, {label.size:.0f} px", weight))
    for judged in evaluation.matches.judged:
        if judged.answered and not judged.right:
            words = f"told {judged.told} ({judged.score:.2f}), is {judged.truth}"
            weight = judged.score if not judged.violates else 1 - judged.score
            found.append(Mistake(judged.attribute, judged.picture, judged.box, words, weight))
    return found
