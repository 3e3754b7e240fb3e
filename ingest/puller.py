"""Keeping the list of cameras, zones and rules as the centre has it now."""

import threading
from collections.abc import Callable

import structlog

from contract.cameras import EdgeConfig
from ingest.centre import Centre
from ingest.centre_errors import CentreError, CentreRefused
from ingest.config_store import ConfigStore

# A camera that was added in the console is looked at within a quarter of a minute; an unchanged list costs one 304.
INTERVAL_S = 15.0
log = structlog.get_logger(__name__)


class Puller:
    """`version` is that of the list in use; None before the first one, and after the centre has turned the edge away."""

    def __init__(
        self, store: ConfigStore, centre: Centre, apply: Callable[[EdgeConfig], None], interval_s: float = INTERVAL_S
    ) -> None:
        self.version: str | None = None
        self._store = store
        self._centre = centre
        self._apply = apply
        self._interval_s = interval_s
        self._current: EdgeConfig | None = None
        # What the disk has: a list, none, or after an error nobody knows what.
        self._stored: EdgeConfig | OSError | None = None
        self._has_asked = False
        self._refused: str | None = None
        self._disk_cause: str | None = None
        self._changed = threading.Event()
        self._stop = threading.Event()

    def stop(self) -> None:
        self._stop.set()
        self._changed.set()

    def run(self) -> None:
        self.start()
        while not self._stop.is_set():
            self.pull()
            self._stop.wait(self._interval_s)

    def run_keeping(self) -> None:
        """In another thread than `run`: a disk that hangs keeps neither a new camera nor a revocation waiting."""
        while not self._stop.is_set():
            self.keep()
            self._changed.wait(self._interval_s)
            self._changed.clear()

    def start(self) -> None:
        """Begin with the list of the last time: the centre may be down."""
        stored = self._store.load()
        if stored is not None and self._current is None:
            self._stored = stored
            self._use(stored)

    def pull(self) -> None:
        try:
            # At first the whole list, also where it has not changed: it says how far the chains have come.
            config = self._centre.config(self.version if self._has_asked else None)
        except CentreRefused as error:
            self._turned_away(error)
        except CentreError:
            pass  # told by `Centre`, once per change; the list in use stays
        else:
            # Through a proxy that forgets what was asked, the list in use comes four times a minute.
            if config is not None and not (self._has_asked and config.version == self.version):
                self._use(config)
            self._refused, self._has_asked = None, True

    def keep(self) -> None:
        """Keep the list on disk, or forget it where the centre has turned the edge away: that one would be used at the next start
        if the centre is away then. What the disk refuses is tried again the next time."""
        wanted = self._current
        if wanted is self._stored:
            return
        try:
            if wanted is None:
                self._store.forget()
            else:
                self._store.save(wanted)
        except OSError as error:
            if str(error) != self._disk_cause:
                log.error("stored_cameras_not_deleted" if wanted is None else "cameras_not_stored", cause=str(error))
            self._stored, self._disk_cause = error, str(error)
        else:
            self._stored, self._disk_cause = wanted, None

    def _use(self, config: EdgeConfig) -> None:
        self._current = config
        self.version = config.version
        log.info("cameras_listed", version=config.version, cameras=len(config.cameras))
        self._apply(config)
        self._changed.set()

    def _turned_away(self, error: CentreRefused) -> None:
        """Revoked: an edge without a right to its cameras stops looking and forgets how to reach them."""
        if str(error) == self._refused:
            return
        self._refused = str(error)
        log.error("edge_turned_away", reason=str(error))
        if error.status != 403 or self._current is None:
            return
        self._apply(EdgeConfig(version="none", catalogue=self._current.catalogue, cameras=[]))
        self._current = self.version = None
        self._changed.set()
