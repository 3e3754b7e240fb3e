"""`sunshine edge`: join a centre, and watch the cameras it gives."""

import platform
import signal
import threading
from functools import partial
from pathlib import Path
from typing import Annotated

import platformdirs
import typer

from contract.logs import log_to_stderr
from detector.card import ModelError
from detector.pipeline import Detector
from ingest.centre import Centre, CentreUrlError, checked_centre_url
from ingest.edge import FEWEST_KEEP_DAYS, KEEP_DAYS, Edge, EdgeError
from ingest.enrol import EnrolError, enrol
from ingest.identity import EdgeBusy, IdentityError, read_identity
from ingest.work_log import WorkLog

app = typer.Typer(help="The edge box: enroll, run. 边缘端", no_args_is_help=True, add_completion=False)

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
    threads: Annotated[
        int, typer.Option(envvar="SUNSHINE_EDGE_THREADS", min=1, max=256, help="Processor threads of the detector.")
    ] = 1,
    weights: Annotated[Path | None, typer.Option(help="Folder of other weights with their cards.")] = None,
    centre: Annotated[str | None, typer.Option(help="The centre's address, if it has moved since enrolling.")] = None,
    allow_http: AllowHttp = False,
) -> None:
    """Watch the cameras that the centre lists for this edge, until Ctrl-C or SIGTERM."""
    log_to_stderr()
    folder = edge_folder(data)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        identity = read_identity(folder)
        if identity is None or identity.registration is None:
            raise IdentityError("This edge is not enrolled yet. Run: sunshine edge enroll --centre URL --code CODE")
        there = identity.registration
        url = there.centre_url if centre is None else checked_centre_url(centre, allow_http)
        client = Centre(url, there.edge_id, identity.keys.signing)
        load = partial(Detector.load, weights, threads, WorkLog().ran)
        Edge(folder, there.edge_id, identity.keys, client, load, keep_days=keep_days).run(stop)
    except (CentreUrlError, IdentityError, EdgeBusy, EdgeError, ModelError) as error:
        raise _sentence(error) from error


def _sentence(error: Exception) -> typer.Exit:
    words = str(error)
    if isinstance(error, OSError):
        words = f"The edge's folder cannot be used: {error}. Choose another one with --data."
    typer.echo(words, err=True)
    return typer.Exit(1)
