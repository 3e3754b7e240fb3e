"""`sunshine edge`: join a centre, watch the cameras it gives, measure the box."""

import platform
import signal
import threading
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import platformdirs
import typer

from contract.evidence import LARGEST_CLIP
from contract.logs import log_to_stderr
from detector.card import ModelError
from ingest.centre import Centre, CentreUrlError, checked_centre_url
from ingest.cleaning import FEWEST_KEEP_DAYS
from ingest.cores import cores
from ingest.edge import KEEP_DAYS, Edge, EdgeError
from ingest.ending import end_on_signals
from ingest.enrol import EnrolError, enrol
from ingest.identity import EdgeBusy, IdentityError, read_identity
from ingest.memory import keep_little
from ingest.metrics import MetricsError, serve_metrics
from ingest.pipe import LATEST_EVERY_S, PREROLL_BYTES, Setup

app = typer.Typer(help="The edge box: enroll, run, capacity. 边缘端", no_args_is_help=True, add_completion=False)
MIB = 2**20

Data = Annotated[
    Path | None,
    typer.Option("--data", envvar="SUNSHINE_DATA", help="Data folder; the edge keeps its things in edge/ of it."),
]


AllowHttp = Annotated[bool, typer.Option(help="Take a plain-http centre on another machine all the same.")]


def edge_folder(data: Path | None) -> Path:
    """The edge's own part of a data folder, which it may share with a centre."""
    return (data or platformdirs.user_data_path("sunshine-kitchen")) / "edge"


@app.command("enroll")
def enroll(
    centre: Annotated[str, typer.Option(help="Address of the centre, such as https://centre.example")],
    code: Annotated[str, typer.Option(help="One-time code from the console, 15 minutes valid.")],
    name: Annotated[str, typer.Option(help="How the console shall call this edge; by default this machine's name.")] = "",
    data: Data = None,
    allow_http: AllowHttp = False,
) -> None:
    """Make this edge's keys and register it at a centre."""
    try:
        url = checked_centre_url(centre, allow_http)
        registration = enrol(edge_folder(data), url, code, name or platform.node() or "edge")
    except (CentreUrlError, EnrolError, EdgeBusy, IdentityError, OSError) as error:
        raise _sentence(error) from error
    print(f"Enrolled at {registration.centre_name} ({registration.centre_url}) as {registration.edge_id}.")
    print("Start it with: sunshine edge run" + (f" --data {data}" if data else ""))


@app.command("run")
def run(
    data: Data = None,
    keep_days: Annotated[
        int,
        typer.Option(
            envvar="SUNSHINE_EDGE_KEEP_DAYS", min=FEWEST_KEEP_DAYS, max=36_500, help="Days to keep evidence that the centre has."
        ),
    ] = KEEP_DAYS,
    workers: Annotated[
        int | None,
        typer.Option(envvar="SUNSHINE_EDGE_WORKERS", min=1, max=256, help="Worker processes at most; by default one a core."),
    ] = None,
    threads: Annotated[
        int, typer.Option(envvar="SUNSHINE_EDGE_THREADS", min=1, max=256, help="Processor threads of each worker's detector.")
    ] = 1,
    metrics: Annotated[
        str | None,
        typer.Option(envvar="SUNSHINE_EDGE_METRICS", help="Serve Prometheus metrics here, such as 127.0.0.1:9464."),
    ] = None,
    preroll: Annotated[
        int,
        typer.Option(
            envvar="SUNSHINE_EDGE_PREROLL", min=1, max=LARGEST_CLIP // MIB - 1,
            help="MiB of each camera's stream to keep in memory at most, for clips.",
        ),
    ] = PREROLL_BYTES // MIB,
    pictures: Annotated[
        float,
        typer.Option(
            envvar="SUNSHINE_EDGE_PICTURES", min=0, max=1440,
            help="Minutes between pictures without faces of each camera, for the centre's wall of cameras; 0 sends none.",
        ),
    ] = LATEST_EVERY_S / 60,
    decoder: Annotated[
        Literal["software", "auto"],
        typer.Option(envvar="SUNSHINE_EDGE_DECODER", help="auto: decode in hardware where this machine can."),
    ] = "software",
    provider: Annotated[
        Literal["auto", "cpu", "cuda", "tensorrt", "openvino"],
        typer.Option(
            envvar="SUNSHINE_EDGE_PROVIDER", help="What computes; auto: CUDA where the onnxruntime that is installed has it."
        ),
    ] = "auto",
    loopback_cameras: Annotated[
        bool,
        typer.Option(envvar="SUNSHINE_LOOPBACK_CAMERAS", help="A camera that is added may be on this machine: for the demo."),
    ] = False,
    weights: Annotated[Path | None, typer.Option(help="Folder of other weights with their cards.")] = None,
    centre: Annotated[str | None, typer.Option(help="The centre's address, if it has moved since enrolling.")] = None,
    allow_http: AllowHttp = False,
) -> None:
    """Watch the cameras that the centre lists for this edge, until Ctrl-C or SIGTERM."""
    keep_little()
    log_to_stderr()
    folder = edge_folder(data)
    workers = workers or cores()
    stop = threading.Event()
    end_on_signals(stop, signal.SIGINT, signal.SIGTERM)
    try:
        identity = read_identity(folder)
        if identity is None or identity.registration is None:
            raise IdentityError(
                f"This edge is not enrolled yet, or its folder {folder} is on a disk that is not mounted. Else run: "
                "sunshine edge enroll --centre URL --code CODE"
            )
        there = identity.registration
        url = there.centre_url if centre is None else checked_centre_url(centre, allow_http)
        client = Centre(url, there.edge_id, identity.keys.signing)
        Edge(
            folder, there.edge_id, identity.keys, client, weights=weights, threads=threads, workers=workers,
            keep_days=keep_days, preroll_bytes=preroll * MIB, latest_every_s=pictures * 60, in_hardware=decoder == "auto",
            provider=provider, allow_loopback=loopback_cameras,
            on_start=None if metrics is None else partial(serve_metrics, metrics),
        ).run(stop)
    except (CentreUrlError, IdentityError, EdgeBusy, EdgeError, MetricsError) as error:
        raise _sentence(error) from error


@app.command("capacity")
def capacity(
    key_frames_s: Annotated[
        float, typer.Option("--key-frames", min=0.2, max=3.0, help="Seconds between key frames of the cameras.")
    ] = 2.0,
    weights: Annotated[Path | None, typer.Option(help="Folder of other weights with their cards.")] = None,
) -> None:
    """Measure, in under a minute, how many cameras this box can carry. 本机能承载多少路摄像头"""
    from ingest.capacity import FPS, CapacityError, measure, words
    from ingest.loading import load_detector

    log_to_stderr()
    try:
        # As a worker loads it: where the fast weights go wrong, it will not have them.
        detector = load_detector(Setup(b"", weights, threads=1)).detector
        measured = measure(detector, cores(), round(key_frames_s * FPS), lambda line: typer.echo(line, err=True))
    except (CapacityError, ModelError) as error:
        raise _sentence(error) from error
    typer.echo(words(measured))


def _sentence(error: Exception) -> typer.Exit:
    words = str(error)
    if isinstance(error, OSError):
        words = f"The edge's folder cannot be used: {error}. Choose another one with --data."
    typer.echo(words, err=True)
    return typer.Exit(1)
