"""``sunshine model``: train the weights, measure them."""

import os
import platform
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from models.data import Picture

app = typer.Typer(no_args_is_help=True, help="Train and evaluate the models (development).")

ROOM = Path(__file__).parent
CHECKOUT = ROOM.parent
TRAINING_PYTHON = CHECKOUT / ".venv-train" / "bin" / "python"
SHARED = CHECKOUT.parent / "shared"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "sunshine-kitchen"
WORK, MEASURED = CACHE / "train", CACHE / "eval"
WITHOUT_GPU, WITH_GPU = "90m", "30m"
"""budgets; with a GPU the painting of canvases is the bottleneck, so a long run gains little"""
LEAST_S = 180.0
"""of a budget: a minute of it is kept for the export"""


@app.command()
def train(
    data: Annotated[list[Path] | None, typer.Argument(help="Data folders, or folders that hold several.")] = None,
    teachers: Annotated[Path, typer.Option(help="Folder of the weights to start from and to learn from.")] = SHARED
    / "weights",
    out: Annotated[Path, typer.Option(help="Where the weights and cards go.")] = ROOM / "weights",
    work: Annotated[Path, typer.Option(help="Caches and checkpoints; a killed run resumes from here.")] = WORK,
    budget: Annotated[
        str | None, typer.Option(help="Time for everything, as 90m, 2h or 600s; by default 90m, with a GPU 30m.")
    ] = None,
    stage: Annotated[
        Literal["finder", "attributes"] | None, typer.Option(help="Train this stage alone; the other's weights stay as they are.")
    ] = None,
    onward: Annotated[
        Path | None,
        typer.Option("--from", dir_okay=False, help="A finder.onnx to go on from, not COCO's weights; with --stage finder."),
    ] = None,
    simulated: Annotated[int, typer.Option(min=0, help="How many kitchen stills to render and learn from.")] = 700,
    only: Annotated[list[str] | None, typer.Option(help="Only these sources (repeat).")] = None,
    without: Annotated[list[str] | None, typer.Option(help="Not these sources (repeat).")] = None,
    licence: Annotated[list[str] | None, typer.Option(help="Only sources whose licence has this in it (repeat).")] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    spent: Annotated[float, typer.Option(hidden=True, help="Seconds of the budget that rendering has used.")] = 0.0,
) -> None:
    """Train both stages from data folders to ONNX files and cards, in a given time."""
    from models.data import DataError, choose

    seconds = None if budget is None else _seconds(budget)
    if onward is not None and stage != "finder":
        raise SystemExit("Only stage 1 can go on from earlier weights: say --stage finder too. Stage 2 starts from COCO's.")
    if onward is not None and not onward.is_file():
        raise SystemExit(f"There is no {onward} to go on from.")
    folders = data or [SHARED / "data"]
    stills = work / f"simulated-{simulated}-{seed}"
    if not _has_torch():
        _in_training_environment([] if data else folders, stills, simulated, seed)
    if simulated and stills not in folders:
        raise SystemExit(f"This environment cannot render. Name {stills} among the data, or say --simulated 0.")
    # Waiting OpenMP threads that spin made a step 20 times slower when other processes were at work.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("YOLO_AUTOINSTALL", "false")
    if not (teachers / "yolo26n_coco_deq.pt").is_file():
        raise SystemExit(f"{teachers} has no yolo26n_coco_deq.pt to start from. Name the folder with --teachers.")
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
            [("budget", budget), ("simulated", simulated), ("seed", seed), ("stage", stage), ("from", onward)],
            [("only", only), ("without", without), ("licence", licence)],
        ),
        machine=f"{platform.machine()}, {cores} core{'s' if cores > 1 else ''}, {accelerator or 'no GPU'}",
        stages=frozenset([stage] if stage else ["finder", "attributes"]),
        onward=onward,
        keep=lambda pictures: choose(pictures, only or (), without or (), licence or ()),
        seed=seed,
    )
    try:
        run(plan, say=lambda line: print(line, flush=True))
    except DataError as error:
        raise SystemExit(str(error)) from None


def _training_command(
    folders: list[Path], given: Sequence[tuple[str, object]], repeated: Sequence[tuple[str, list[str] | None]]
) -> str:
    """What the card says the weights were made with: all that decides about what is learned."""
    options = [(name, value) for name, value in given if value is not None]
    options += [(name, value) for name, values in repeated for value in values or ()]
    data = [] if folders == [SHARED / "data"] else folders
    words = [word for name, value in options for word in (f"--{name}", str(value))]
    return shlex.join(["sunshine", "model", "train", *map(str, data), *words])


@app.command(name="eval")
def evaluate(
    data: Annotated[
        list[Path] | None,
        typer.Argument(help="Data folders, folders that hold several, and clips with their truth or folders of them."),
    ] = None,
    weights: Annotated[Path, typer.Option(help="Folder with the weights and cards to measure.")] = ROOM / "weights",
    part: Annotated[str, typer.Option(help="train, val, test, or all")] = "test",
    only: Annotated[list[str] | None, typer.Option(help="Only these sources (repeat).")] = None,
    precision: Annotated[
        Literal["fp32", "int8"] | None, typer.Option(help="Which variant of both stages; by default what each card says.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for figures.json and the pictures, outside the checkout.")] = MEASURED,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option(help="Two folders of weights, the old and the new one: may the new one take its place?"),
    ] = None,
    record: Annotated[bool, typer.Option(help="Write the figures into the weights' cards, under --name.")] = False,
    name: Annotated[str | None, typer.Option(help="What the cards call these pictures; not needed for the test list.")] = None,
) -> None:
    """Measure the weights end to end: whole pictures, by default those never trained on, and clips whose truth is known."""
    from detector.card import ModelError, load_model
    from detector.pipeline import Detector
    from models import compare as comparison
    from models import events, publish, report
    from models.data import DataError, choose
    from models.evaluate import bins, figures, look
    from models.split import PARTS, split

    if part not in (*PARTS, "all"):
        raise SystemExit(f"There is no part {part!r}. Choose train, val, test or all.")
    if out.resolve().is_relative_to(CHECKOUT):
        raise SystemExit(f"{out} lies in the checkout, where pictures of people must not be. Choose another folder with --out.")
    if record and name is None and (data or only or part != "test"):
        raise SystemExit("These pictures are not the test list. Say with --name what the cards shall call them.")
    given = data or [SHARED / "data", CHECKOUT / "configs" / "demo", CHECKOUT / "tests" / "simulator"]
    try:
        pictures, clips = _pictures_and_clips(given)
        parts = split(pictures)
        chosen = choose([p for p in pictures if part in ("all", parts[p.source, p.name])], only or ())
        if not chosen and not clips:
            raise SystemExit(f"None of these pictures is in the part {part!r}. Choose another with --part.")
        if compare is not None or part == "test":
            chosen = _not_learned_from(chosen, compare or [weights])
        if compare is not None:
            if clips:
                _say("Clips are not compared. Measure each folder of weights on them: sunshine model eval CLIPS --weights FOLDER")
            if not chosen:
                raise SystemExit("No picture is left to compare on. Collect newer verdicts, or train --without a source.")
            old, new = (look(chosen, folder, _say, precision) for folder in compare)
            differences = comparison.compare(old, new)
            print(*filter(None, [comparison.table(differences), comparison.verdict(differences)]), sep="\n\n")
            if silent := comparison.undecided(new, differences):
                print(f"Too few labels, or all of one day, to say anything of: {', '.join(silent)}.")
            return
        card, _ = load_model(weights, "attributes", precision)
        evaluation = look(chosen, weights, _say, precision) if chosen else None
        of_pictures = figures(evaluation) if evaluation else []
        detector = Detector.load(weights, precision=precision)
        of_clips = events.figures(events.watch_all(clips, detector, _say)) if clips else []
    except (DataError, ModelError) as error:
        raise SystemExit(str(error)) from None
    learned = {source.source for source in card.data}
    print(report.table([*of_pictures, *of_clips], unseen=frozenset(p.source for p in chosen) - learned))
    chosen_options = _options(part, only or [], precision or card.precision)
    command = shlex.join(["sunshine", "model", "eval", *map(str, data or ()), *chosen_options])
    out.mkdir(parents=True, exist_ok=True)
    about = {"command": command, "weights": {model.name: model.sha256 for model in detector.models}}
    (out / "figures.json").write_text(report.as_json([*of_pictures, *of_clips], evaluation, about), encoding="utf-8")
    drawn = report.draw(evaluation, out) if evaluation else []
    print(f"{out / 'figures.json'}, {', '.join(path.name for path in drawn) or 'no pictures'}")
    if record and evaluation:
        publish.record(weights, name or publish.TEST_LIST, command, of_pictures, precision, bins(evaluation))
    if record and of_clips:
        on = f"clips: {name or ', '.join(clip.name for clip in clips)}"
        publish.record(weights, on, command, of_clips, precision)


def _options(part: str, only: list[str], precision: str) -> list[str]:
    """What decides about the figures; the precision too, because its default may change."""
    options = ["--part", part] if part != "test" else []
    options += [word for source in only for word in ("--only", source)]
    return [*options, "--precision", precision]


@app.command()
def leave_one_out(
    data: Annotated[list[Path] | None, typer.Argument(help="Data folders, or folders that hold several.")] = None,
    weights: Annotated[Path, typer.Option(help="Folder of the weights whose cards the figures go into.")] = ROOM / "weights",
    work: Annotated[Path, typer.Option(help="Where the other weights are trained.")] = WORK,
    budget: Annotated[str, typer.Option(help="Time for each training.")] = "15m",
    simulated: Annotated[int, typer.Option(min=0, help="How many kitchen stills each learns from.")] = 700,
) -> None:
    """Train once more without each source in turn, measure on that source, and write the figures into the cards."""
    from detector.card import ModelError
    from models import publish
    from models.data import DataError, read_all
    from models.evaluate import bins, figures, look
    from models.left_out import sources, told_elsewhere
    from models.report import table

    _seconds(budget)
    try:
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
            _say(f"training without {source}")
            subprocess.run([sys.executable, "-m", "sunshine", *command, *places], check=True, cwd=CHECKOUT)
            evaluation = look(told_elsewhere(pictures, source), folder / "weights", _say)
            found = figures(evaluation)
            print(source, table(found, unseen=frozenset([source])), sep="\n")
            name, line = f"{source}, left out of a training of {budget}", shlex.join(["sunshine", *command])
            publish.record(weights, name, line, found, "fp32", bins(evaluation))
    except (DataError, ModelError) as error:
        raise SystemExit(str(error)) from None
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"The training failed ({error.returncode}); what it said stands above.") from None


@app.command()
def quantise(
    data: Annotated[list[Path] | None, typer.Argument(help="Data folders whose training part the int8 scales come from.")] = None,
    weights: Annotated[Path, typer.Option(help="Folder of the weights; the int8 variants go beside them.")] = ROOM / "weights",
) -> None:
    """Make the int8 variants of both stages and write them, with the CPU time of each variant, into the cards."""
    from detector.card import ModelError
    from models.data import DataError, read_all
    from models.int8 import quantise as make
    from models.split import split

    try:
        pictures = read_all(data or [SHARED / "data"])
        parts = split(pictures)
        make(weights, [p for p in pictures if parts[p.source, p.name] == "train"], _say)
    except (DataError, ModelError) as error:
        raise SystemExit(str(error)) from None


@app.command()
def use(
    precision: Annotated[Literal["fp32", "int8"], typer.Argument(help="The variant that both stages use from now on.")],
    weights: Annotated[Path, typer.Option(help="Folder with the weights and cards.")] = ROOM / "weights",
) -> None:
    """Choose the variant that the cards name as the default: the best per CPU second, as `sunshine model cards` shows."""
    from detector.card import ModelError, load_model
    from models.publish import write_card

    try:
        chosen = [load_model(weights, name, precision)[0] for name in ("finder", "attributes")]
    except ModelError as error:
        raise SystemExit(str(error)) from None
    for card in chosen:
        write_card(card, weights / f"{card.name}.yaml")


@app.command()
def cards(
    weights: Annotated[Path, typer.Option(help="Folder with the weights and cards.")] = ROOM / "weights",
    out: Annotated[Path, typer.Option(dir_okay=False, help="The page to write.")] = CHECKOUT / "docs" / "model-cards.md",
) -> None:
    """Check the model cards and the hashes of their weights, and render them as a page of the documentation."""
    from detector.card import ModelError
    from models.card_page import render

    try:
        page = render(weights)
    except ModelError as error:
        raise SystemExit(str(error)) from None
    out.write_text(page, encoding="utf-8")
    print(f"{out} is written.")


@app.command()
def collect(
    centre: Annotated[str, typer.Argument(help="Address of the centre, as https://centre.example")],
    out: Annotated[Path, typer.Argument(file_okay=False, help="Data folder to write, or to add to; outside the checkout.")],
    login: Annotated[str, typer.Option(prompt=True, help="An account that may see the cases' evidence.")],
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, envvar="SUNSHINE_PASSWORD", help="Its password.")],
    keep_faces_because: Annotated[
        str | None,
        typer.Option(help="Why faces of others must stay recognisable, for the centre's audit. By default they are blurred."),
    ] = None,
) -> None:
    """Fetch reviewers' verdicts from a centre as a data folder that `train` and `eval` take beside the shipped data."""
    import httpx

    from models.collect import collect as fetch
    from models.collect import sign_in
    from models.data import DataError

    if out.resolve().is_relative_to(CHECKOUT):
        raise SystemExit(f"{out} lies in the checkout, where pictures of people must not be. Choose another folder.")
    try:
        with httpx.Client(base_url=centre, timeout=30) as client:
            sign_in(client, login, password)
            added = fetch(client, out, keep_faces_because, _say)
    except (DataError, OSError, httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise SystemExit(str(error)) from None
    print(f"{added} new verdicts are in {out}." if added else f"There are no verdicts that {out} does not hold yet.")


@app.command()
def backs(
    out: Annotated[Path, typer.Argument(file_okay=False, help="Data folder to write, outside the checkout.")],
    clips: Annotated[Path, typer.Option(file_okay=False, help="Folder of the clips.")] = SHARED / "data" / "videos",
) -> None:
    """Cut frames whose heads a person has boxed, all from behind, out of public clips, for `eval`: a back tells no mask."""
    from models.data import DataError
    from models.frames import write_backs

    if out.resolve().is_relative_to(CHECKOUT):
        raise SystemExit(f"{out} lies in the checkout, where pictures of people must not be. Choose another folder.")
    try:
        print(f"{write_backs(clips, out)} frames are in {out}.")
    except DataError as error:
        raise SystemExit(str(error)) from None


@app.command()
def explain(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A picture or a video.")],
    out: Annotated[Path, typer.Option(dir_okay=False, help="The drawing to write, as .webp, .png or .jpg.")],
    at: Annotated[float, typer.Option(min=0.0, help="Which moment of a video, in seconds.")] = 0.0,
    weights: Annotated[Path, typer.Option(help="Folder with the weights and cards.")] = ROOM / "weights",
) -> None:
    """Draw what stage 1 found in a picture, each crop that stage 2 read, and what it said of it."""
    import cv2

    from detector.card import ModelError
    from detector.pipeline import Detector
    from models.data import DataError
    from models.explain import explain as drawing
    from models.explain import frame_at

    if out.suffix not in (".webp", ".png", ".jpg"):
        raise SystemExit(f"{out} must end in .webp, .png or .jpg.")
    try:
        image = frame_at(file, at)
        (seen,) = Detector.load(weights).look([image])
    except (DataError, ModelError) as error:
        raise SystemExit(str(error)) from None
    out.parent.mkdir(parents=True, exist_ok=True)
    _, packed = cv2.imencode(out.suffix, drawing(image, seen), [cv2.IMWRITE_WEBP_QUALITY, 85])
    out.write_bytes(packed.tobytes())
    print(f"{out} is written.")


def _pictures_and_clips(given: list[Path]) -> "tuple[list[Picture], list[Path]]":
    """What lies at the paths; raises DataError where there is neither."""
    from models.data import holds_pictures, read_all
    from models.events import clips

    videos = {path: clips(path) for path in given}
    pictures = read_all(path for path in given if holds_pictures(path) or not videos[path])
    return pictures, [clip for found in videos.values() for clip in found]


def _not_learned_from(pictures: "list[Picture]", weights: Sequence[Path]) -> "list[Picture]":
    """What says something about how the weights do elsewhere; the others are counted aloud."""
    from models.split import learned

    seen = set().union(*(learned(folder) for folder in weights))
    kept = [picture for picture in pictures if (picture.source, picture.name) not in seen]
    if len(kept) < len(pictures):
        _say(f"{len(pictures) - len(kept)} pictures are left out: the weights have learned from them.")
    return kept


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


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
        subprocess.run([setup, "train"], check=True)
    began = time.monotonic()
    arguments = sys.argv[sys.argv.index("train") :]
    if simulated and not (stills / "manifest.jsonl").is_file():
        print(f"rendering {simulated} kitchen stills", flush=True)
        command = [sys.executable, "-m", "sunshine", "simulate", "stills", str(stills)]
        subprocess.run([*command, "--count", str(simulated), "--seed", str(seed + 1)], check=True, cwd=CHECKOUT)
    added = [*folders, stills] if simulated else folders
    command = [
        str(TRAINING_PYTHON), "-m", "models", *arguments, *map(str, added), f"--spent={time.monotonic() - began:.0f}"
    ]  # fmt: skip
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
    if not LEAST_S <= seconds < float("inf"):
        raise SystemExit("Training needs at least 3m, and an end.")
    return seconds


def _accelerator() -> str | None:
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else None
