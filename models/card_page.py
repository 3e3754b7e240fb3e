"""The model cards as a page of the documentation (Markdown)."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from detector.card import Aim, Figure, Measured, ModelCard, Precision, load_model
from models.publish import TEST_LIST

# Measures that share a table, in the order of its columns.
TABLES = (
    ("AP", "recall at 95 % precision", "recall as used", "precision as used"),
    ("coverage", "accuracy", "cannot tell", "calibration error"),
    ("found", "false per camera-hour", "seconds to alarm, median", "seconds to alarm, longest"),
)
HEAD = """# Model cards

Written by `sunshine model cards` from `models/weights/*.yaml`; what the figures mean is told in [model.md](model.md). Behind a
figure stand the ends of its 95 % interval, over groups of pictures (none where all of them agree), and the number of labels it
rests on.
"""


def render(weights: Path) -> str:
    """The page. Raises ModelError if a card or its weights are not as they must be."""
    return "\n".join([HEAD, *(_card(load_model(weights, name)[0]) for name in ("finder", "attributes"))])


def _card(card: ModelCard) -> str:
    tensors = [("input", card.input), *(("output", output) for output in card.outputs)]
    thresholds = {**card.thresholds.score, **card.thresholds.sure}
    parts = [
        f"## {card.name}\n\n{card.purpose}\n",
        _table(
            ("", ""),
            [
                ("file", f"`{card.file}`, SHA-256 `{card.sha256}`"),
                ("licence", card.licence),
                *((kind, f"`{t.name}` {t.dtype} {t.shape}") for kind, t in tensors),
                *((f"classes of `{name}`", ", ".join(classes)) for name, classes in card.classes.items()),
                ("thresholds", ", ".join(f"{name} {value}" for name, value in thresholds.items())),
                ("trained by", f"`{card.trained.command}`, {card.trained.machine}, {card.trained.duration}"),
            ],
        ),
        "### Data\n",
        _table(("source", "pictures", "licence"), [(s.source, str(s.pictures), s.licence) for s in card.data]),
        "### Starts and teachers\n",
        _table(("weights", "role", "licence"), [(s.name, s.role, s.licence) for s in card.starts]),
        *_variants(card),
        *_aims(card),
        *(part for measured in card.measured for part in _measured(measured)),
        "### Known failures\n",
        "\n".join(f"- {failure}" for failure in card.known_failures) + "\n",
    ]
    return "\n".join(parts)


def _aims(card: ModelCard) -> list[str]:
    """Each aim beside what was measured on the test list."""
    figures = _on_test_list(card, card.precision)
    rows = []
    for aim in card.aims:
        figure = figures.get((aim.subject, aim.measure))
        short = None if figure is None else shortfall(aim, figure)
        rows.append(
            (
                f"{aim.subject}, {aim.measure}",
                f"{aim.value}",
                "-" if figure is None else _number(figure),
                "not measured" if short is None else "met" if short <= 0 else f"{short:.2f} short",
                aim.closed_by if short is None or short > 0 else "",
            )
        )
    return ["### Aims on the test list\n", _table(("figure", "aim", "measured", "", "what would close it"), rows)] if rows else []


def _variants(card: ModelCard) -> list[str]:
    """Each variant with its cost, and what it is worth on the test list, both stages in that precision."""
    if not card.variants:
        return []
    values = {variant.precision: _on_test_list(card, variant.precision) for variant in card.variants}
    common = [key for key in values["fp32"] if all(key in found for found in values.values())]
    aimed = [key for key in common if key in {(aim.subject, aim.measure) for aim in card.aims}]
    names = [f"{v.precision}, used" if v.file == card.file else v.precision for v in card.variants]
    rows: list[Sequence[str]] = [
        ("file", *(f"`{v.file}`" for v in card.variants)),
        ("CPU time of a call", *(f"{v.cpu_ms:.1f} ms" for v in card.variants)),
        *((f"{key[0]}, {key[1]}", *(f"{values[v.precision][key].value:.3f}" for v in card.variants)) for key in aimed),
    ]
    return ["### Variants\n", _table(("", *names), rows)]


def _on_test_list(card: ModelCard, precision: Precision) -> dict[tuple[str, str], Figure]:
    measured = (m for m in card.measured if (m.on, m.precision) == (TEST_LIST, precision))
    return {(f.subject, f.measure): f for m in measured for f in m.figures if f.part == "all"}


def shortfall(aim: Aim, figure: Figure) -> float:
    """By how much a figure misses its aim; not above 0 where it is met."""
    return figure.value - aim.value if aim.measure == "calibration error" else aim.value - figure.value


def _measured(measured: Measured) -> list[str]:
    parts = [f"### Measured: {measured.on} ({measured.precision})\n", f"`{measured.command}`\n"]
    for columns in TABLES:
        found = [figure for figure in measured.figures if figure.measure in columns]
        used = [column for column in columns if any(f.measure == column for f in found)]
        rows = []
        for subject, part in dict.fromkeys((f.subject, f.part) for f in found):
            cells = {f.measure: _number(f) for f in found if (f.subject, f.part) == (subject, part)}
            rows.append((subject, part, *(cells.get(column, "") for column in used)))
        if rows:
            parts.append(_table(("", "part", *used), rows))
    if measured.reliability:
        rows = [(b.attribute, f"{b.told:.2f}", f"{b.true:.2f}", str(b.count)) for b in measured.reliability]
        parts += ["How true the told probabilities of a violation are:\n", _table(("attribute", "told", "true", "of"), rows)]
    return parts


def _number(figure: Figure) -> str:
    ends = "" if figure.low is None or figure.high is None else f" ({figure.low:.2f} to {figure.high:.2f})"
    return f"{figure.value:.2f}{ends}, {figure.count}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"
