"""``sunshine model quantise``, ``use`` and ``cards``: the variants of trained weights, and what is said of them."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from models.places import CHECKOUT, SHARED, WEIGHTS, say, told_in_words


def quantise(
    data: Annotated[list[Path] | None, typer.Argument(help="Data folders whose training part the int8 scales come from.")] = None,
    weights: Annotated[Path, typer.Option(help="Folder of the weights; the int8 variants go beside them.")] = WEIGHTS,
) -> None:
    """Make the int8 variants of both stages and write them, with the CPU time of each variant, into the cards."""
    from models.data import read_all
    from models.int8 import quantise as make
    from models.split import split

    with told_in_words():
        pictures = read_all(data or [SHARED / "data"])
        parts = split(pictures)
        make(weights, [p for p in pictures if parts[p.key] == "train"], say)


def use(
    precision: Annotated[Literal["fp32", "int8"], typer.Argument(help="The variant that both stages use from now on.")],
    weights: Annotated[Path, typer.Option(help="Folder with the weights and cards.")] = WEIGHTS,
) -> None:
    """Choose the variant that the cards name as the default: the best per CPU second, as `sunshine model cards` shows."""
    from detector.card import load_model
    from models.publish import write_card

    with told_in_words():
        for card in [load_model(weights, name, precision)[0] for name in ("finder", "attributes")]:
            write_card(card, weights / f"{card.name}.yaml")


def cards(
    weights: Annotated[Path, typer.Option(help="Folder with the weights and cards.")] = WEIGHTS,
    out: Annotated[Path, typer.Option(dir_okay=False, help="The page to write.")] = CHECKOUT / "docs" / "model-cards.md",
) -> None:
    """Check the model cards and the hashes of their weights, and render them as a page of the documentation."""
    from models.card_page import render

    with told_in_words():
        out.write_text(render(weights), encoding="utf-8")
    print(f"{out} is written.")
