"""The cameras that a worker has: taken in, changed and taken out as the centre's list is, one at a time."""

import secrets
from collections import deque
from collections.abc import Callable
from datetime import datetime

import structlog
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from contract.cameras import EdgeConfig
from contract.credentials import CredentialError
from contract.edges import StreamFault
from detector.tracks import Tracker
from ingest.parts import Book, Keeper, MakeRules, OpenReader
from ingest.watched import Login, Pending, Watched, stream_of

# The centre takes evidence of a camera with one track number for evidence of one person. Each tracker begins anywhere, so that
# nobody has the number of somebody whom another one told of; the centre's column ends at 2 ** 31.
MOST_FIRST = 2**30
log = structlog.get_logger(__name__)


class Roster:
    """For the thread that looks; any thread may hand over a new list with `apply`. `stretch` tells what a new reader is told."""

    def __init__(
        self, recorder: Keeper, book: Book, key: X25519PrivateKey, open_reader: OpenReader, make_rules: MakeRules,
        clock: Callable[[], datetime], timer: Callable[[], float], stretch: Callable[[], float],
    ) -> None:
        self.cameras: dict[str, Watched] = {}
        # Pictures that came in, and those that nobody looked at, of readers that were let go.
        self.past = (0, 0)
        self._recorder = recorder
        self._book = book
        self._key = key
        self._open_reader = open_reader
        self._make_rules = make_rules
        self._clock = clock
        self._timer = timer
        self._stretch = stretch
        self._pending: dict[str, Pending] = {}
        self._wanted: deque[EdgeConfig] = deque(maxlen=1)

    def apply(self, config: EdgeConfig) -> None:
        self._wanted.append(config)

    def told(self, camera_id: str) -> None:
        """What was asked about a camera that waits to be changed was asked before this."""
        if camera_id in self._pending:
            self._pending[camera_id].repeats = None

    def has_failed(self, camera_id: str) -> bool:
        """Whether a change of it could not be made."""
        return camera_id in self._pending and self._pending[camera_id].has_failed

    def clear(self) -> dict[str, Watched]:
        """All are taken out; whoever asks lets go of them."""
        cameras, self.cameras = self.cameras, {}
        return cameras

    def change(self) -> None:
        """Of the list that was handed over last, what can be done now; the rest at one of the next times."""
        if self._wanted:
            config = self._wanted.pop()
            for camera_id in self.cameras.keys() - {camera.id for camera in config.cameras}:
                self._let_go(self.cameras.pop(camera_id))
            self._pending = {camera.id: Pending(camera, config.catalogue) for camera in config.cameras}
        for pending in list(self._pending.values()):
            if self._timer() >= pending.due_at:
                self._set_up(pending)

    def _set_up(self, pending: Pending) -> None:
        camera = pending.camera
        try:
            is_set_up = self._take_in(pending)
        except Exception:
            # One camera that cannot be set up must not keep the others from being looked at.
            if not pending.has_failed:
                log.exception("camera_not_set_up", camera=camera.id)
                pending.has_failed = True
            self._book.state(camera.id, StreamFault.OTHER)
            pending.due_at = self._timer() + pending.backoff.pause_s()
            pending.repeats = None
        else:
            if is_set_up:
                del self._pending[camera.id]

    def _take_in(self, pending: Pending) -> bool:
        """False as long as it is not known what the camera has told already: until then a known one is looked at as before."""
        camera, catalogue = pending.camera, pending.catalogue
        known = self.cameras.get(camera.id)
        unreadable: CredentialError | None = None
        try:
            login = Login.open(camera, self._key)
        except CredentialError as error:
            login, unreadable = None, error
        version = catalogue.version
        if known is not None and (known.login, known.catalogue_version) == (login, version) and camera.is_same(known.config):
            known.config = camera  # which says how far its chain has come
            return True
        if pending.repeats is None:
            pending.repeats = self._recorder.repeats(camera.id, catalogue, self._clock())
        if not pending.repeats.done():
            return False
        if unreadable is not None:
            log.error("camera_password_unreadable", camera=camera.id, cause=str(unreadable))
        rules = self._make_rules(camera, catalogue, pending.repeats.result())
        in_force = catalogue.in_force(camera.area, camera.posts)
        asked = frozenset(rule.sign.attribute for rule in in_force if rule.sign is not None)
        if known is not None and (stream_of(known.config), known.login) == (stream_of(camera), login):
            reader = known.reader
        else:
            if known is not None:
                self._let_go(known)
            reader = None
            if login is not None:
                reader = self._open_reader(camera, login.password)
                reader.start()
        if reader is not None:
            reader.want(None, None)
            reader.stretch(self._stretch())
        tracker = Tracker(1 + secrets.randbelow(MOST_FIRST))
        self.cameras[camera.id] = Watched(camera, login, version, reader, tracker, rules, asked)
        log.info("camera_changed" if known else "camera_added", camera=camera.id, name=camera.name)
        return True

    def _let_go(self, camera: Watched) -> None:
        """What its reader has counted stays counted: else it would pass for pictures lost by the others, or hide those."""
        if camera.reader is not None:
            state = camera.reader.state()
            self.past = (self.past[0] + state.pictures, self.past[1] + state.dropped)
            camera.reader.stop(0.0)
