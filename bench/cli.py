"""`sunshine bench`: measurements against a baseline of the same run."""

import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import platformdirs
import typer

from bench.phases import BenchError
from detector.card import ModelError, default_weights, load_model

app = typer.Typer(help="Measure (development).", no_args_is_help=True, add_completion=False)
REPOSITORY = Path(__file__).parent.parent
ENGINES = ("sqlite", "postgres")


@app.callback()
def bench() -> None:
    """Measure (development)."""


@app.command()
def density(
    quick: Annotated[bool, typer.Option(help="One round, without the additions of the full run; within eight minutes.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
    streams: Annotated[int, typer.Option(min=1, max=64, help="Cameras in each phase.")] = 4,
    rounds: Annotated[int, typer.Option(min=1, max=20, help="How often everything is measured.")] = 3,
    more: Annotated[str, typer.Option(help="The edge alone with so many cameras, such as 8,12,16.")] = "",
    baseline: Annotated[bool, typer.Option(help="Measure the obvious way too.")] = True,
    train_python: Annotated[Path, typer.Option(help="The training environment's Python, for the obvious way.")] =
    REPOSITORY / ".venv-train" / "bin" / "python",
    weights: Annotated[Path | None, typer.Option(help="Folder of other weights with their cards.")] = None,
    work: Annotated[Path | None, typer.Option(help="Folder for clips and logs; by default in the user's cache.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Where to write a picture (SVG) of it; by default beside the logs.")] = None,
) -> None:
    """How many cameras a core carries: the edge, the obvious way and the floor, in turn, on real RTSP streams."""
    from bench.chart import write_chart
    from bench.density import measure

    if baseline and not train_python.exists():
        raise typer.BadParameter(
            f"There is no {train_python}. Run scripts/setup train, name another one, or leave that way out (--no-baseline)."
        )
    numbers = _numbers("--more", more) if more else []
    folder, nets = _folder(work), _nets(weights)
    chart = plot or folder / "density.svg"
    if chart.is_dir() or not os.access(chart.absolute().parent, os.W_OK):
        raise typer.BadParameter(f"{chart} cannot be written. Name a file in a folder that is there, such as --plot density.svg.")
    try:
        result = measure(
            folder, nets, train_python.absolute() if baseline else None, streams, 1 if quick else rounds, numbers, not quick,
            lambda words: typer.echo(words, err=True),
        )
    except BenchError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    figures = result.as_json()
    if as_json:
        typer.echo(json.dumps(figures))
    else:
        for name, value in figures.items():
            typer.echo(f"{name:32} {value}")
    write_chart(result, chart)
    typer.echo(f"picture: {chart}", err=True)


@app.command()
def soak(
    minutes: Annotated[float, typer.Option(min=2, help="How long.")] = 30,
    streams: Annotated[int, typer.Option(min=2, max=64, help="Cameras; half of them die once a minute.")] = 8,
    weights: Annotated[Path | None, typer.Option(help="Folder of other weights with their cards.")] = None,
    work: Annotated[Path | None, typer.Option(help="Folder for clips and logs; by default in the user's cache.")] = None,
) -> None:
    """Whether the edge's memory grows while half of its cameras die and come back."""
    from bench.soak import soak as measure

    try:
        soaked = measure(_folder(work), _nets(weights), streams, minutes, lambda words: typer.echo(words, err=True))
    except BenchError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    for begin, end in ((0.2, 0.3), (0.5, 0.6), (0.9, 1.0)):
        typer.echo(f"memory between {begin:.0%} and {end:.0%} of the time  {soaked.between(begin, end):8.0f} MB")
    typer.echo(f"ratio of the last to the first           {soaked.growth:8.3f}")
    typer.echo(f"{soaked.deaths} deaths of {streams // 2} cameras")


@app.command()
def providers(
    rounds: Annotated[int, typer.Option(min=1, help="How often each is measured, in turns.")] = 10,
    workers: Annotated[str, typer.Option(help="Then whole pictures, with so many workers at once, such as 1,4,8.")] = "",
    weights: Annotated[Path | None, typer.Option(help="Folder of other weights with their cards.")] = None,
) -> None:
    """What the nets cost with each execution provider of the onnxruntime that is installed, against the processor."""
    from bench import providers
    from bench.workers import LOOKS_S, measure

    numbers = _numbers("--workers", workers) if workers else []
    folder = weights or default_weights()
    with tempfile.TemporaryDirectory() as engines:
        for line in providers.measure(folder, Path(engines), rounds, lambda words: typer.echo(words, err=True)):
            typer.echo(line)
        for line in measure(folder, Path(engines), numbers, LOOKS_S, lambda words: typer.echo(words, err=True)):
            typer.echo(line)


@app.command()
def telling(
    engines: Annotated[str, typer.Option(help="sqlite, postgres, or both.")] = "sqlite,postgres",
    steps: Annotated[str, typer.Option(help="Of these four.")] = "accepting,hearing,following,feed",
    reports: Annotated[int, typer.Option(min=10, help="Reports in each measurement.")] = 60,
    followers: Annotated[int, typer.Option(min=1, help="Followers of server-sent events at once.")] = 500,
    sizes: Annotated[str, typer.Option(help="Events in the feed, the baseline first.")] = "10000,100000,1000000",
) -> None:
    """How many findings the centre takes against a bare handler, and how soon partners, followers and the shop hear of them."""
    from bench.telling import measure

    kinds, parts = _names("--engines", engines, ENGINES), _names("--steps", steps, ("accepting", "hearing", "following", "feed"))
    numbers = _numbers("--sizes", sizes)
    with _postgres_told():
        for one in measure(kinds, parts, reports, followers, numbers, lambda words: typer.echo(words, err=True)):
            typer.echo(f"{one.what:90} {one.value}")


@app.command()
def fuzz(
    examples: Annotated[int, typer.Option(min=1, help="Requests to each operation, anew each time.")] = 200,
    only: Annotated[str, typer.Option(help="Operation ids by commas; without, all.")] = "",
) -> None:
    """Ask every operation of the OpenAPI document what nobody thought of; the tests do the same, briefly."""
    from bench.fuzzing import fuzz, fuzzed_centre

    failed = 0
    with tempfile.TemporaryDirectory(prefix="sunshine-bench-") as folder, fuzzed_centre(Path(folder)) as centre:
        for operation_id in only.split(",") if only else sorted(centre.operations):
            try:
                fuzz(centre, operation_id, examples, derandomize=False)
                typer.echo(f"{operation_id:32} {examples} requests, nothing found")
            except BaseExceptionGroup as found:
                failed += 1
                typer.echo(f"{operation_id:32} {found.exceptions}")
            except Exception as found:  # what schemathesis finds is an exception too
                failed += 1
                typer.echo(f"{operation_id:32} {found}")
    raise typer.Exit(1 if failed else 0)


@app.command()
def cases(
    sizes: Annotated[str, typer.Option(help="How many cases, the baseline first.")] = "10000,100000,1000000",
    engines: Annotated[str, typer.Option(help="sqlite, postgres, or both.")] = "sqlite,postgres",
    rounds: Annotated[int, typer.Option(min=2, max=100, help="Of twenty requests of each kind.")] = 10,
) -> None:
    """Whether the review queue, a shop's list and the page of a case stay as fast as cases grow: ratios to the first size."""
    from bench.cases import measure

    numbers, kinds = _numbers("--sizes", sizes), _names("--engines", engines, ENGINES)
    with _postgres_told():
        figures = measure(numbers, kinds, rounds, lambda words: typer.echo(words, err=True))
    typer.echo("engine    request        cases     p50 ms  p95 ms  p50 ratio  p95 ratio")
    for one in figures:
        took = f"{one.p50_ms:9.2f} {one.p95_ms:7.2f} {one.p50_ratio:10.2f} {one.p95_ratio:10.2f}"
        typer.echo(f"{one.engine:9} {one.what:13} {one.size:>8} {took}")


@app.command()
def review(cases: Annotated[int, typer.Option(min=5, max=500, help="How many are judged.")] = 30) -> None:
    """How long a reviewer waits from the key to the next picture, in Chromium; a ratio to the same page without a script."""
    try:
        from bench.review import measure
        from tests.api.console.chromium import ChromiumMissing
    except ModuleNotFoundError as error:
        typer.echo(f"{error.name} is not installed; it comes with what the tests need. Run scripts/setup test.", err=True)
        raise typer.Exit(1) from error

    try:
        waits = measure(cases)
    except ChromiumMissing as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    typer.echo(f"key to next picture, {cases} cases, p95  {waits.p95_ms:8.1f} ms")
    typer.echo(f"a new page for each, p95              {waits.baseline_p95_ms:8.1f} ms")
    typer.echo(f"ratio                                 {waits.p95_ms / waits.baseline_p95_ms:8.3f}")
    if waits.p95_ms > 100:
        raise typer.Exit(1)


def _folder(work: Path | None) -> Path:
    folder = (work or platformdirs.user_cache_path("sunshine-kitchen") / "bench").absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise typer.BadParameter(f"{folder} cannot be made ({error.strerror}). Name another folder with --work.") from error
    return folder


def _nets(weights: Path | None) -> Path:
    """Looked at first: what cannot be loaded shall not show after minutes."""
    folder = (weights or default_weights()).absolute()
    try:
        for name in ("finder", "attributes"):
            load_model(folder, name)
    except ModelError as error:
        raise typer.BadParameter(str(error)) from error
    return folder


def _numbers(option: str, text: str) -> list[int]:
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 1:
        raise typer.BadParameter(f"{option} takes whole numbers above 0 with commas between them, such as 8,12,16.")
    return numbers


def _names(option: str, text: str, known: Sequence[str]) -> list[str]:
    names = text.split(",")
    if not set(names) <= set(known):
        raise typer.BadParameter(f"{option} takes one or more of {', '.join(known)}, with commas between them.")
    return names


@contextmanager
def _postgres_told() -> Iterator[None]:
    from tests.api.postgres_server import PostgresMissing

    try:
        yield
    except PostgresMissing as error:
        typer.echo(f"{error}. Install it, or measure without it: --engines sqlite.", err=True)
        raise typer.Exit(1) from error
