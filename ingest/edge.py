"""The edge as a whole: its parts put together, each in its thread, from start to a clean end."""

import sqlite3
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import structlog

from detector.rules import RuleEngine
from ingest.centre import Centre
from ingest.config_store import ConfigStore
from ingest.database import Database
from ingest.evidence import EvidenceFolder
from ingest.fleet import Fleet, Looker, MakeRules, OpenReader, open_reader
from ingest.heartbeat import Pulse
from ingest.identity import Keys, sole_user
from ingest.minutes import MinuteBook
from ingest.outbox import Outbox
from ingest.puller import INTERVAL_S, Puller
from ingest.recorder import Recorder
from ingest.sender import Sender

# Evidence that the centre has is kept as long as a shop's own recorder keeps its video (7 to 90 days, mostly 30).
KEEP_DAYS = 30
# The longest repeat interval of the shipped rules is seven days.
FEWEST_KEEP_DAYS = 7
# What does not end by then (a request on its way, a camera that hangs) ends with the process: nothing of it is lost.
STOPPING_S = 4.0
# Key frames come about once a second: asking twenty times a second costs nothing and delays a look by 2 % of that.
LOOK_WAIT_S = 0.05
log = structlog.get_logger(__name__)


class EdgeError(RuntimeError):
    """The edge cannot start; the message says what to do."""


class Edge:
    """`run` works until `stop` is set, and holds the folder for that time; `load_detector` is called once it does.

    `interval_s`: how often the centre is asked for changes and told how the edge fares.
    """

    def __init__(
        self, folder: Path, edge_id: str, keys: Keys, centre: Centre, load_detector: Callable[[], Looker],
        *, open_reader: OpenReader = open_reader, make_rules: MakeRules = RuleEngine, keep_days: float = KEEP_DAYS,
        interval_s: float = INTERVAL_S,
    ) -> None:
        self._folder = folder
        self._edge_id = edge_id
        self._keys = keys
        self._centre = centre
        self._load_detector = load_detector
        self._open_reader = open_reader
        self._make_rules = make_rules
        self._keep_days = keep_days
        self._interval_s = interval_s

    def run(self, stop: threading.Event) -> None:
        """Raises EdgeBusy when another process uses the folder, EdgeError when the folder cannot be used, and what
        `load_detector` raises.
        """
        try:
            with sole_user(self._folder):
                self._run(Database(self._folder / "edge.sqlite3"), stop)
        except (OSError, sqlite3.Error) as error:
            raise EdgeError(
                f"The edge's folder {self._folder} cannot be used: {error}. "
                "Check that there is room on the disk, that the folder may be written, and that no other program holds it."
            ) from error

    def _run(self, database: Database, stop: threading.Event) -> None:
        detector = self._load_detector()
        outbox = Outbox(database)
        evidence = EvidenceFolder(self._folder / "evidence")
        recorder = Recorder(
            evidence, outbox, self._edge_id, self._keys.signing, detector.models, lambda: self._centre.clock_offset_s
        )
        recorder.recover(datetime.now(UTC))
        book = MinuteBook(database)
        sender = Sender(outbox, evidence, recorder, self._centre, self._keep_days)
        fleet = Fleet(
            detector, recorder, book, self._keys.encryption, sender.wake,
            open_reader=self._open_reader, make_rules=self._make_rules,
        )
        puller = Puller(ConfigStore(self._folder), self._centre, fleet.apply, self._interval_s)
        pulse = Pulse(
            book, outbox, self._centre, lambda: puller.version, lambda: fleet.trouble or sender.trouble,
            interval_s=self._interval_s,
        )

        def look() -> None:
            while not stop.is_set():
                if not fleet.look_round():
                    stop.wait(LOOK_WAIT_S)

        parts: dict[str, Callable[[], None]] = {"look": look, "send": sender.run, "pull": puller.run, "beat": pulse.run}
        threads = [
            threading.Thread(target=_kept_alive, args=(run, stop), name=name, daemon=True) for name, run in parts.items()
        ]
        log.info("edge_started", edge=self._edge_id, centre=self._centre.url, waiting=outbox.waiting())
        for thread in threads:
            thread.start()
        stop.wait()
        until = time.monotonic() + STOPPING_S
        for part in (sender, puller, pulse):
            part.stop()
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
        fleet.stop(max(0.5, until - time.monotonic()))
        if not any(thread.is_alive() for thread in threads):
            book.turn()
            self._centre.close()
            database.close()
        log.info("edge_stopped", edge=self._edge_id, waiting_threads=[t.name for t in threads if t.is_alive()])


def _kept_alive(run: Callable[[], None], stop: threading.Event) -> None:
    """An error nobody thought of costs a second, not the edge."""
    while not stop.is_set():
        try:
            run()
        except Exception:
            log.exception("edge_part_failed")
            stop.wait(1.0)
