"""``sunshine model``: train the weights, measure them."""

import json
import os
import platform
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Train and evaluate the models (development).")

ROOM = Path(__file__).parent
CHECKOUT = ROOM.parent
TRAINING_PYTHON = CHECKOUT / ".venv-train" / "bin" / "python"
SHARED = CHECKOUT.parent / "shared"
WORK = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "sunshine-kitchen" / "train"


@app.command()
def train(
    data: Annotated[list[Path] | None, typer.Argument(help="Data folders, or folders that hold several.")] = None,
    teachers: Annotated[Path, typer.Option(help="Folder of the weights to start from and to learn from.")] = SHARED
    / "weights",
    out: Annotated[Path, typer.Option(help="Where the weights and cards go.")] = ROOM / "weights",
    work: Annotated[Path, typer.Option(help="Caches and checkpoints; a killed run resumes from here.")] = WORK,
    budget: Annotated[str, typer.Option(help="Time for everything, as 90m, 2h or 600s.")] = "60m",
    simulated: Annotated[int, typer.Option(min=0, help="How many kitchen stills to render and learn from.")] = 700,
    only: Annotated[list[str] | None, typer.Option(help="Only these sources (repeat).")] = None,
    without: Annotated[list[str] | None, typer.Option(help="Not these sources (repeat).")] = None,
    licence: Annotated[list[str] | None, typer.Option(help="Only sources whose licence has this in it (repeat).")] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    spent: Annotated[float, typer.Option(hidden=True, help="Seconds of the budget that rendering has used.")] = 0.0,
) -> None:
    """Train both stages from data folders to ONNX files and cards, in a given time."""
    from models.data import DataError, choose

    seconds = _seconds(budget)
    folders = data or [SHARED / "data"]
    if not _has_torch():
        _in_training_environment(folders, work, simulated, seed)
    # Waiting OpenMP threads that spin made a step 20 times slower when other processes were at work.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("YOLO_AUTOINSTALL", "false")
    if not (teachers / "yolo26n_coco_deq.pt").is_file():
        raise SystemExit(f"{teachers} has no yolo26n_coco_deq.pt to start from. Name the folder with --teachers.")
    from models.recipe import Plan, prepare_threads, run

    prepare_threads()
    plan = Plan(
        data=folders,
        weights=teachers,
        work=work,
        out=out,
        budget_s=seconds,
        spent_s=spent,
        split=ROOM / "split.csv",
        command=f"sunshine model train --budget {budget} --simulated {simulated} --seed {seed}",
        machine=f"{platform.machine()}, {os.cpu_count()} cores, {_accelerator()}",
        keep=lambda pictures: choose(pictures, only or (), without or (), licence or ()),
        seed=seed,
    )
    try:
        run(plan, say=lambda line: print(line, flush=True))
    except DataError as error:
        raise SystemExit(str(error)) from None


@app.command(name="eval")
def evaluate(
    data: Annotated[list[Path] | None, typer.Argument(help="Data folders, or folders that hold several.")] = None,
    weights: Annotated[Path, typer.Option(help="Folder with the weights and cards to measure.")] = ROOM / "weights",
    part: Annotated[str, typer.Option(help="train, val, test, or all")] = "test",
    out: Annotated[Path | None, typer.Option("--json", help="Also write the figures here.")] = None,
    record: Annotated[bool, typer.Option(help="Write the figures into the weights' cards, under --name.")] = False,
    name: Annotated[str, typer.Option(help="What the cards call these pictures.")] = "models/split.csv, test",
) -> None:
    """Measure the weights end to end on whole pictures, by default on the list that is never trained on."""
    from models.data import PARTS, DataError, read_folders, split
    from models.evaluate import measure, table

    if part not in (*PARTS, "all"):
        raise SystemExit(f"There is no part {part!r}. Choose train, val, test or all.")
    try:
        pictures = [p for folder in data or [SHARED / "data"] for p in read_folders(folder)]
    except DataError as error:
        raise SystemExit(str(error)) from None
    parts = split(pictures, ROOM / "split.csv")
    chosen = [p for p in pictures if part in ("all", parts[p.source, p.name])]
    if not chosen:
        raise SystemExit(f"None of these pictures is in the part {part!r}. Choose another with --part.")
    figures = measure(chosen, weights)
    print(table(figures))
    if record:
        from models.publish import record as write_down

        write_down(weights, figures, name, "sunshine model eval")
    if out is not None:
        out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def _has_torch() -> bool:
    from importlib.util import find_spec

    return find_spec("torch") is not None


def _in_training_environment(folders: list[Path], work: Path, simulated: int, seed: int) -> None:
    """Render the simulator's share here, then hand over to .venv-train, which has torch and no simulator."""
    if not TRAINING_PYTHON.is_file():
        setup = CHECKOUT / "scripts" / "setup"
        if not sys.stdin.isatty() or not typer.confirm("Training needs .venv-train (about 1.6 GB). Set it up now?"):
            raise SystemExit(f"Training needs an environment of its own. Make it with: {setup} train")
        subprocess.run([setup, "train"], check=True)
    began = time.monotonic()
    arguments = sys.argv[sys.argv.index("train") :]
    stills = work / f"simulated-{simulated}-{seed}"
    if simulated and not (stills / "manifest.jsonl").is_file():
        print(f"rendering {simulated} kitchen stills", flush=True)
        command = [sys.executable, "-m", "sunshine", "simulate", "stills", str(stills)]
        subprocess.run([*command, "--count", str(simulated), "--seed", str(seed + 1)], check=True, cwd=CHECKOUT)
    given = [] if any(str(folder) in arguments for folder in folders) else [str(folder) for folder in folders]
    extra = [str(stills)] if simulated else []
    command = [str(TRAINING_PYTHON), "-m", "models", *arguments, *given, *extra, f"--spent={time.monotonic() - began:.0f}"]
    print(shlex.join(command), flush=True)
    os.execve(TRAINING_PYTHON, command, {**os.environ, "PYTHONPATH": str(CHECKOUT)})  # noqa: S606


def _seconds(text: str) -> float:
    unit = {"s": 1, "m": 60, "h": 3600}.get(text[-1:])
    try:
        if unit is None:
            raise ValueError
        seconds = float(text[:-1]) * unit
    except ValueError:
        raise SystemExit(f"{text!r} is no time. Write it as 90m, 2h or 600s.") from None
    if seconds < 60:
        raise SystemExit("Training needs at least 60s.")
    return seconds


def _accelerator() -> str:
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
