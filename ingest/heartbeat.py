"""Telling the centre, several times a minute, that this edge lives and what it looked at."""

import sqlite3
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import uuid4

import structlog

from contract.edges import CameraMinute, EdgeLoad, EdgeTrouble, Heartbeat
from ingest.centre import Centre
from ingest.centre_errors import CentreError, CentreRefused
from ingest.disk import Disk
from ingest.durable import disk_trouble
from ingest.identity import software_version
from ingest.minutes import MinuteBook
from ingest.outbox import Outbox

# A camera that fails shows in the console within a quarter of a minute; after a start, within seconds.
INTERVAL_S = 15.0
FIRST_INTERVAL_S = 2.0
# Below the 5000 of the contract, with room for the running minute of every camera.
MINUTES_A_BEAT = 2000
# So few, 6 kB, where a line or a proxy lets nothing larger pass: else the box would seem dead after an outage.
FEWEST_A_BEAT = 50
log = structlog.get_logger(__name__)


class Pulse:
    def __init__(
        self, book: MinuteBook, outbox: Outbox, centre: Centre, config_version: Callable[[], str | None],
        trouble: Callable[[], EdgeTrouble | None], load: Callable[[], EdgeLoad],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        interval_s: float = INTERVAL_S, disk: Disk | None = None,
    ) -> None:
        self._disk = disk or Disk()
        self._book = book
        self._outbox = outbox
        self._centre = centre
        self._config_version = config_version
        self._trouble = trouble
        self._load = load
        self._clock = clock
        self._interval_s = interval_s
        self._run = uuid4().hex
        self._refused: str | None = None
        self._cause: str | None = None
        self._reports = (0, 0)  # waiting, parked
        self._most = MINUTES_A_BEAT
        self._stop = threading.Event()

    def stop(self) -> None:
        self._stop.set()

    def run(self) -> None:
        pause_s = FIRST_INTERVAL_S
        while not self._stop.is_set():
            self.beat()
            self._stop.wait(min(pause_s, self._interval_s))
            pause_s = min(2 * pause_s, INTERVAL_S)

    def run_without_disk(self) -> None:
        """In another thread than `run`, which may hang with the disk: the centre hears of it all the same, and of what runs."""
        while not self._stop.wait(self._interval_s):
            if self._disk.hangs:
                self._tell([], None)

    def beat(self) -> None:
        """Tell all that is to be told; what the centre does not confirm is told again the next time."""
        failure: sqlite3.Error | None = None
        try:
            self._book.turn()
        except sqlite3.Error as error:
            failure = error  # a full disk is no reason to keep silent: the heartbeat tells of it
        goes_on = True
        while goes_on:
            closed: list[CameraMinute] = []
            try:
                closed = self._book.closed(self._most)
                self._reports = self._outbox.waiting(), self._outbox.parked()
            except sqlite3.Error as error:
                failure = error  # nor is a damaged database: without closed minutes, and with the numbers of the last time
            try:
                goes_on = self._tell(closed, failure) and not self._stop.is_set()
            except sqlite3.Error as error:
                failure, goes_on = error, False
        cause = None if failure is None else str(failure)
        if cause != self._cause and cause is not None:
            log.error("minutes_cannot_be_kept", cause=cause)
        self._cause = cause

    def _tell(self, closed: list[CameraMinute], failure: sqlite3.Error | None) -> bool:
        """One heartbeat; True when there are more minutes than went into it. Raises sqlite3.Error."""
        waiting, parked = self._reports
        heartbeat = Heartbeat(
            sent_at=self._clock(),
            run=self._run,
            software_version=software_version(),
            config_version=self._config_version(),
            outbox_waiting=waiting,
            outbox_parked=parked,
            trouble=EdgeTrouble.DISK_HANGS if self._disk.hangs else disk_trouble(failure) if failure else self._trouble(),
            load=self._load(),
            minutes=[*closed, *self._book.running()],
        )
        try:
            self._centre.beat(heartbeat)
        except CentreRefused as error:
            # It would refuse the same minutes for ever, and newer ones would never be told.
            if str(error) != self._refused:
                log.error("heartbeat_refused", reason=str(error))
            self._refused = str(error)
            self._book.confirm(closed)
            return False
        except CentreError:
            self._most = max(self._most // 4, FEWEST_A_BEAT)
            return False
        self._refused = None
        self._book.confirm(closed)
        goes_on = len(closed) == self._most
        self._most = min(2 * self._most, MINUTES_A_BEAT)
        return goes_on


def no_disk(trouble: EdgeTrouble) -> Heartbeat:
    """Of an edge that cannot even begin: else the centre would hear nothing, and nobody would know why."""
    return Heartbeat(
        sent_at=datetime.now(UTC), run=uuid4().hex, software_version=software_version(), config_version=None, outbox_waiting=0,
        trouble=trouble, minutes=[],
    )
