"""The edge as a whole: its parts put together, each in its thread, from start to a clean end."""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import structlog

from contract.edge_auth import EARLIEST
from detector.providers import Wanted
from ingest.backoff import Backoff
from ingest.centre import SET_THE_CLOCK, Centre
from ingest.centre_errors import CentreError
from ingest.cleaning import Cleaner
from ingest.config_store import ConfigStore
from ingest.crew import WORKER, Crew
from ingest.database import Database
from ingest.disk import Disk
from ingest.durable import disk_trouble
from ingest.evidence import EvidenceFolder
from ingest.heartbeat import Pulse, no_disk
from ingest.identity import Keys, sole_user
from ingest.latest import LatestSender
from ingest.minutes import MinuteBook
from ingest.neighbours import Neighbours
from ingest.outbox import Outbox
from ingest.pipe import LATEST_EVERY_S, PREROLL_BYTES, Setup
from ingest.puller import INTERVAL_S, Puller
from ingest.recorder import Recorder
from ingest.sender import Sender
from ingest.trying import TRIAL, Trials

# Evidence that the centre has is kept as long as a shop's own recorder keeps its video (7 to 90 days, mostly 30).
KEEP_DAYS = 30
# What does not end by then (a request on its way, a camera that hangs) ends with the process: nothing of it is lost.
STOPPING_S = 4.0
# Of a part that an error ends again and again: some thousand traces a day, not a hundred thousand.
LONGEST_REST_S = 60.0
log = structlog.get_logger(__name__)


class EdgeError(RuntimeError):
    """The edge cannot start; the message says what to do."""


class Edge:
    """`run` works until `stop` is set, and holds the folder for that time.

    It looks in at most `workers` processes, each started with the command `worker`, with the `weights` of a folder and so many
    `threads` each. `interval_s`: how often the centre is asked for changes and told how the edge fares. `preroll_bytes`: of each
    camera's stream in memory, for clips. `latest_every_s`: how often the latest picture of each camera is sent; 0 is never.
    `in_hardware`: decode there, if it works. `provider`: what is to compute, if it works.
    `trial`: the command that tries a camera, with `allow_loopback` one of this machine too.
    """

    def __init__(
        self, folder: Path, edge_id: str, keys: Keys, centre: Centre,
        *, weights: Path | None = None, threads: int = 1, workers: int = 1, worker: Sequence[str] = WORKER,
        keep_days: float = KEEP_DAYS, interval_s: float = INTERVAL_S, on_start: Callable[[Crew, Outbox], None] | None = None,
        preroll_bytes: int = PREROLL_BYTES, latest_every_s: float = LATEST_EVERY_S, in_hardware: bool = False,
        provider: Wanted = "auto",
        trial: Sequence[str] = TRIAL, allow_loopback: bool = False,
    ) -> None:
        self._trial = trial
        self._allow_loopback = allow_loopback
        self._preroll_bytes = preroll_bytes
        self._latest_every_s = latest_every_s
        self._in_hardware = in_hardware
        self._provider = provider
        self._folder = folder
        self._edge_id = edge_id
        self._keys = keys
        self._centre = centre
        self._weights = weights
        self._threads = threads
        self._workers = workers
        self._worker = worker
        self._on_start = on_start
        self._keep_days = keep_days
        self._interval_s = interval_s

    def run(self, stop: threading.Event) -> None:
        """Raises EdgeBusy when another process uses the folder, EdgeError when the folder or the detector cannot be used."""
        try:
            with sole_user(self._folder):
                disk = Disk()
                self._run(Database(self._folder / "edge.sqlite3", disk=disk), disk, stop)
        except (OSError, sqlite3.Error) as error:
            if not stop.is_set():
                with contextlib.suppress(CentreError):  # logged; and the way it ends is what counts
                    self._centre.beat(no_disk(disk_trouble(error)))
            raise EdgeError(
                f"The edge's folder {self._folder} cannot be used: {error}. "
                "Check that there is room on the disk, that the folder may be written, and that no other program holds it."
            ) from error

    def _run(self, database: Database, disk: Disk, stop: threading.Event) -> None:
        if (here := datetime.now(UTC)) < EARLIEST:
            log.warning("clock_cannot_be_right", here=here.isoformat(timespec="minutes"), words=SET_THE_CLOCK)
        outbox = Outbox(database)
        evidence = EvidenceFolder(self._folder / "evidence")
        recorder = Recorder(evidence, outbox, self._edge_id, self._keys.signing, lambda: self._centre.clock_offset_s)
        recorder.recover(datetime.now(UTC))
        book = MinuteBook(database, self._centre.now, lambda: self._centre.clock_offset_s is not None)
        cleaner = Cleaner(outbox, evidence, self._centre, self._keep_days, clock=self._centre.now)
        sender = Sender(outbox, evidence, recorder, self._centre, cleaner=cleaner, clock=self._centre.now)
        clips = Sender(outbox, evidence, recorder, self._centre, clock=self._centre.now, is_clip=True)
        latest = LatestSender(self._centre)
        setup = Setup(
            self._keys.encryption.private_bytes_raw(), self._weights, self._threads, self._preroll_bytes, self._latest_every_s,
            self._in_hardware, self._provider, self._folder / "engines",
        )

        def wake() -> None:
            sender.wake()
            clips.wake()

        crew = Crew(
            recorder, book, wake, setup, self._workers, self._worker, latest.offer, disk, lambda: self._centre.wrong_by_s
        )
        puller = Puller(ConfigStore(self._folder), self._centre, crew.apply, self._interval_s)
        pulse = Pulse(
            book, outbox, self._centre, lambda: puller.version, lambda: crew.trouble or sender.trouble or clips.trouble,
            crew.load, interval_s=self._interval_s, disk=disk,
        )
        neighbours = Neighbours(self._folder, lambda: crew.cameras, crew.leave_out)
        # For one picture a graphics card would only be started up.
        trials = Trials(self._centre, replace(setup, provider="cpu"), self._trial, allow_loopback=self._allow_loopback)
        if self._on_start is not None:
            self._on_start(crew, outbox)

        def work() -> None:
            crew.run()
            if crew.unfit is not None:
                stop.set()

        parts: dict[str, Callable[[], None]] = {
            "work": work, "send": sender.run, "send clips": clips.run, "send pictures": latest.run, "pull": puller.run,
            "keep cameras": puller.run_keeping, "beat": pulse.run, "beat without disk": pulse.run_without_disk,
            "know devices": neighbours.run,
        }
        threads = [
            threading.Thread(target=_kept_alive, args=(run, stop), name=name, daemon=True) for name, run in parts.items()
        ]
        # Not waited for at the end: the centre answers it only when somebody tries a camera.
        threading.Thread(target=_kept_alive, args=(trials.run, stop), name="try", daemon=True).start()
        log.info("edge_started", edge=self._edge_id, centre=self._centre.url, waiting=outbox.waiting())
        for thread in threads:
            thread.start()
        stop.wait()
        until = time.monotonic() + STOPPING_S
        for part in (sender, clips, latest, puller, pulse, trials, neighbours):
            part.stop()
        crew.stop(STOPPING_S / 2)
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
        if not any(thread.is_alive() for thread in threads) and not disk.hangs:
            book.turn()
            self._centre.close()
            database.close()
        log.info("edge_stopped", edge=self._edge_id, waiting_threads=[t.name for t in threads if t.is_alive()])
        if crew.unfit is not None:
            raise EdgeError(crew.unfit)


def _kept_alive(run: Callable[[], None], stop: threading.Event) -> None:
    """An error nobody thought of costs a second, not the edge; one that comes each time does not fill the log."""
    backoff = Backoff(limit_s=LONGEST_REST_S)
    while not stop.is_set():
        begun = time.monotonic()
        try:
            run()
        except Exception:
            log.exception("edge_part_failed")
            if time.monotonic() - begun > LONGEST_REST_S:
                backoff.reset()
            stop.wait(backoff.pause_s())
