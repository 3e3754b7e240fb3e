"""``sunshine simulate``: stills to train on, and clips with a plot."""

from collections.abc import Iterator
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Render kitchens with known truth (a development extra).")


class KitName(StrEnum):
    """Only ``train`` may be learned from; the others are held out."""

    TRAIN = "train"
    DEMO = "demo"
    EVENT = "event"
    BLIND = "blind"


@app.command()
def stills(
    out: Annotated[Path, typer.Argument(file_okay=False, help="Folder for images/, labels/ and manifest.jsonl.")],
    count: Annotated[int, typer.Option(min=1, help="How many pictures.")] = 500,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same pictures.")] = 1,
    kit: Annotated[KitName, typer.Option(help="Which kitchens, people and garments.")] = KitName.TRAIN,
) -> None:
    """Write labelled stills in the form of the public data sets."""
    from simulator.kits import KITS
    from simulator.stills import write_stills

    with _told_in_words(out):
        write_stills(KITS[kit], count, seed, out)


@app.command()
def clip(
    out: Annotated[Path, typer.Argument(dir_okay=False, help="The MP4 to write; the truth goes beside it as NAME.truth.json.")],
    kit: Annotated[KitName, typer.Option(help="Which plot; of `blind` another for each seed; `train` has none.")] = KitName.DEMO,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same clip.")] = 1,
    key_frames_alone: Annotated[
        bool, typer.Option("--key-frames-alone", help="Only what an edge decodes of it: quick, for `sunshine model eval`.")
    ] = False,
) -> None:
    """Render a clip with a plot, and what is true in it."""
    from simulator.clip import write_clip
    from simulator.plots import PLOTS

    if kit not in PLOTS:
        raise typer.BadParameter(f"There is no plot for the kit {kit}; choose one of {', '.join(PLOTS)}.")
    if out.suffix != ".mp4" or not out.parent.is_dir():
        raise typer.BadParameter(f"{out} must end in .mp4 and lie in a folder that is there.", param_hint="OUT")
    with _told_in_words(out):
        write_clip(PLOTS[kit](seed), out, key_frames_alone)


@contextmanager
def _told_in_words(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise typer.BadParameter(f"{out} cannot be written: {error.strerror}.", param_hint="OUT") from error
    except BrokenExecutor:
        words = "A process that rendered was killed, mostly because no memory was left. Close other programs, start this again."
        raise SystemExit(words) from None
