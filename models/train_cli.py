"""``sunshine model train`` and ``leave-one-out``: weights from data folders, in an environment of their own."""

import hashlib
import os
import platform
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from models.places import CHECKOUT, SHARED, WEIGHTS, WORK, say, told_in_words

if TYPE_CHECKING:
    from models.data import Picture

TEACHERS = SHARED / "weights"
TRAINING_PYTHON = CHECKOUT / ".venv-train" / "bin" / "python"
WITHOUT_GPU, WITH_GPU = "90m", "30m"
"""budgets; with a GPU the painting of canvases is the bottleneck, so a long run gains little"""
LEAST_S = 180.0
"""of a budget: a minute of it is kept for the export"""


def train(
    data: Annotated[list[Path] | None, typer.Argument(help="Data folders, or folders that hold several.")] = None,
    teachers: Annotated[Path, typer.Option(help="Folder of the weights to start from and to learn from.")] = TEACHERS,
    out: Annotated[Path, typer.Option(help="Where the weights and cards go.")] = WEIGHTS,
    work: Annotated[Path, typer.Option(help="Caches and checkpoints; a killed run resumes from here.")] = WORK,
    budget: Annotated[
        str | None, typer.Option(help="Time for everything, as 90m, 2h or 600s; by default 90m, with a GPU 30m.")
    ] = None,
    stage: Annotated[
        Literal["finder", "attributes"] | None, typer.Option(help="Train this stage alone; the other's weights stay as they are.")
    ] = None,
    onward: Annotated[
        Path | None,
        typer.Option("--from", dir_okay=False, help="A finder.onnx, of which only the head learns on; with --stage finder."),
    ] = None,
    average_with: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="An earlier attributes.onnx: stage 2 becomes the mean of both, two parts of it."),
    ] = None,
    simulated: Annotated[int, typer.Option(min=0, help="How many kitchen stills to render and learn from.")] = 700,
    only: Annotated[list[str] | None, typer.Option(help="Only these sources (repeat).")] = None,
    without: Annotated[list[str] | None, typer.Option(help="Not these sources (repeat).")] = None,
    licence: Annotated[list[str] | None, typer.Option(help="Only sources whose licence has this in it (repeat).")] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    spent: Annotated[float, typer.Option(hidden=True, help="Seconds of the budget that rendering has used.")] = 0.0,
) -> None:
    """Train both stages from data folders to ONNX files and cards, in a given time."""
    from models.data import choose
    from models.durable import sole_user
    from models.killed import with_all_processes
    from models.teachers import COCO

    seconds = None if budget is None else _seconds(budget)
    if onward is not None and stage != "finder":
        raise SystemExit("Only stage 1 can go on from earlier weights: say --stage finder too. Stage 2 starts from COCO's.")
    if average_with is not None and stage == "finder":
        raise SystemExit("Only stage 2 can be averaged with earlier weights: leave --stage finder out.")
    for path, what in ((onward, "go on from"), (average_with, "average with")):
        if path is not None and not path.is_file():
            raise SystemExit(f"There is no {path} to {what}.")
    if not (teachers / COCO).is_file():
        raise SystemExit(f"{teachers} has no {COCO} to start from. Name the folder with --teachers.")
    folders = data or [SHARED / "data"]
    stills = work / f"simulated-{simulated}-{seed}-{_simulator()}"

    def keep(pictures: "Sequence[Picture]") -> "list[Picture]":
        return choose(pictures, only or (), without or (), licence or ())

    if not _has_torch():
        with told_in_words():
            keep(_expected(folders, stills, simulated))  # what does not exist is told before anything is rendered
            with sole_user(work):
                _in_training_environment([] if data else folders, stills, simulated, seed)
    if simulated and stills not in folders:
        raise SystemExit(f"This environment cannot render. Name {stills} among the data, or say --simulated 0.")
    # Waiting OpenMP threads that spin made a step 20 times slower when other processes were at work.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("YOLO_AUTOINSTALL", "false")
    from models.recipe import Plan, prepare_threads, run

    prepare_threads()
    cores = len(os.sched_getaffinity(0))
    accelerator = _accelerator()
    if seconds is None:
        budget = WITH_GPU if accelerator else WITHOUT_GPU
        seconds = _seconds(budget)
    plan = Plan(
        data=folders,
        weights=teachers,
        work=work,
        out=out,
        budget_s=seconds,
        spent_s=spent,
        command=_training_command(
            [folder for folder in folders if folder != stills],
            [
                ("budget", budget), ("simulated", simulated), ("seed", seed), ("stage", stage), ("from", onward),
                ("average-with", average_with),
                ("teachers", None if teachers == TEACHERS else teachers),
            ],
            [("only", only), ("without", without), ("licence", licence)],
        ),
        machine=f"{platform.machine()}, {cores} core{'s' if cores > 1 else ''}, {accelerator or 'no GPU'}",
        stages=frozenset([stage] if stage else ["finder", "attributes"]),
        onward=onward,
        earlier=average_with,
        keep=keep,
        seed=seed,
    )
    with told_in_words(), sole_user(work), with_all_processes():
        run(plan, say=lambda line: print(line, flush=True))


def leave_one_out(
    data: Annotated[list[Path] | None, typer.Argument(help="Data folders, or folders that hold several.")] = None,
    weights: Annotated[Path, typer.Option(help="Folder of the weights whose cards the figures go into.")] = WEIGHTS,
    work: Annotated[Path, typer.Option(help="Where the other weights are trained.")] = WORK,
    budget: Annotated[str, typer.Option(help="Time for each training.")] = "15m",
    simulated: Annotated[int, typer.Option(min=0, help="How many kitchen stills each learns from.")] = 700,
) -> None:
    """Train once more without each source in turn, measure on that source, and write the figures into the cards."""
    from models import publish
    from models.data import read_all
    from models.evaluate import bins, figures, look
    from models.left_out import sources, told_elsewhere
    from models.report import table

    _seconds(budget)
    with told_in_words():
        pictures = read_all(data or [SHARED / "data"])
        for source in sources(pictures):
            folder = work / f"without-{source}"
            folder.mkdir(parents=True, exist_ok=True)
            for cache in (work / "opinions.jsonl", *work.glob("simulated-*")):  # what does not depend on the sources
                if cache.exists() and not (folder / cache.name).exists():
                    (folder / cache.name).symlink_to(cache.resolve())
            command = ["model", "train", *map(str, data or ()), "--without", source, "--budget", budget]
            command += ["--simulated", str(simulated)]
            places = ["--out", str(folder / "weights"), "--work", str(folder)]
            say(f"training without {source}")
            _start("The training", sys.executable, "-m", "sunshine", *command, *places)
            evaluation = look(told_elsewhere(pictures, source), folder / "weights", say)
            found = figures(evaluation)
            print(source, table(found, unseen=frozenset([source])), sep="\n")
            name, line = f"{source}, left out of a training of {budget}", shlex.join(["sunshine", *command])
            publish.record(weights, name, line, found, "fp32", bins(evaluation))


def _training_command(
    folders: list[Path], given: Sequence[tuple[str, object]], repeated: Sequence[tuple[str, list[str] | None]]
) -> str:
    """What the card says the weights were made with: all that decides about what is learned."""
    options = [(name, value) for name, value in given if value is not None]
    options += [(name, value) for name, values in repeated for value in values or ()]
    data = [] if folders == [SHARED / "data"] else folders
    words = [word for name, value in options for word in (f"--{name}", str(value))]
    return shlex.join(["sunshine", "model", "train", *map(str, data), *words])


def _expected(folders: list[Path], stills: Path, simulated: int) -> "list[Picture]":
    """The pictures that will be chosen from: those of the folders, and for stills that are still to be rendered one of them."""
    from models.data import SIMULATOR, read_all
    from simulator.stills import LICENCE

    if simulated and (stills / "manifest.jsonl").is_file():
        return read_all([*folders, stills])
    pictures = read_all(folders)
    return pictures + [replace(one, source=SIMULATOR, licence=LICENCE) for one in pictures[:1] if simulated]


def _simulator() -> str:
    """Which code renders: other code gives other stills."""
    code = b"".join(path.read_bytes() for path in sorted((CHECKOUT / "simulator").glob("*.py")))
    return hashlib.sha256(code).hexdigest()[:8]


def _has_torch() -> bool:
    from importlib.util import find_spec

    return find_spec("torch") is not None


def _in_training_environment(folders: list[Path], stills: Path, simulated: int, seed: int) -> None:
    """Render the simulator's share here, then hand over to .venv-train, which has torch and no simulator.

    ``folders``: data that the command line does not name.
    """
    if not TRAINING_PYTHON.is_file():
        setup = CHECKOUT / "scripts" / "setup"
        if not sys.stdin.isatty() or not typer.confirm("Training needs .venv-train (about 1.6 GB). Set it up now?"):
            raise SystemExit(f"Training needs an environment of its own. Make it with: {setup} train")
        _start("Setting it up", str(setup), "train")
    began = time.monotonic()
    arguments = sys.argv[sys.argv.index("train") :]
    if simulated and not (stills / "manifest.jsonl").is_file():
        print(f"rendering {simulated} kitchen stills", flush=True)
        command = [sys.executable, "-m", "sunshine", "simulate", "stills", str(stills)]
        _start("Rendering", *command, "--count", str(simulated), "--seed", str(seed + 1))
    added = [*folders, stills] if simulated else folders
    command = [
        str(TRAINING_PYTHON), "-m", "models", *arguments, *map(str, added), f"--spent={time.monotonic() - began:.0f}"
    ]  # fmt: skip
    print(shlex.join(command), flush=True)
    os.execve(TRAINING_PYTHON, command, _environment())  # noqa: S606


def _start(what: str, *command: str) -> None:
    """Run a program from where we are, so that it reads the folders that were named to us, and end where it fails."""
    try:
        subprocess.run([*command], check=True, env=_environment())
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"{what} failed ({error.returncode}); what it said stands above.") from None


def _environment() -> dict[str, str]:
    """Where this checkout is what is imported, wherever we are."""
    return {**os.environ, "PYTHONPATH": str(CHECKOUT)}


def _seconds(text: str) -> float:
    unit = {"s": 1, "m": 60, "h": 3600}.get(text[-1:])
    try:
        if unit is None:
            raise ValueError
        seconds = float(text[:-1]) * unit
    except ValueError:
        raise SystemExit(f"{text!r} is no time. Write it as 90m, 2h or 600s.") from None
    if not LEAST_S <= seconds < float("inf"):
        raise SystemExit("Training needs at least 3m, and an end.")
    return seconds


def _accelerator() -> str | None:
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else None
