"""The cameras of one worker in front of one detector: the newest picture of each in turn, and nobody waits for anybody."""

import secrets
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import structlog
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from contract.cameras import EdgeConfig
from contract.credentials import CredentialError
from contract.edges import LATEST_SIDE_PX, EdgeTrouble, StreamFault
from detector.observation import Observation
from detector.providers import ProviderError
from detector.rules import RuleEngine
from detector.tracks import Tracker, body
from ingest.camera_state import CameraBeat
from ingest.crash import at_camera
from ingest.findings import Latest
from ingest.frames import Frame, Still
from ingest.keeping import Keeping
from ingest.parts import Book, Clips, Keeper, Looker, MakeRules, OpenReader
from ingest.shedding import Shedding
from ingest.shown import shown
from ingest.sight import sights
from ingest.watched import Login, Pending, Watched, open_reader, stream_of

# An older picture shows what was, not what is: a detector that fell behind must not make violations of it.
OLDEST_PICTURE_S = 30.0
# How often the readers are asked how they fare. Their pauses between attempts begin at half a second and grow.
STATE_INTERVAL_S = 1.0
# Pictures in one call of the detector: enough for all crops of a round to share a call, few enough that the first picture does
# not wait for more than half a second on a slow core.
MOST_AT_ONCE = 4
# The centre takes evidence of a camera with one track number for evidence of one person. Each tracker begins anywhere, so that
# nobody has the number of somebody whom another one told of; the centre's column ends at 2 ** 31.
MOST_FIRST = 2**30
log = structlog.get_logger(__name__)


class Fleet:
    """One thread calls `look_round`; any thread may hand over a new list with `apply`. Without `clips` none are gathered.

    `on_latest` is handed a picture of each camera every `latest_every_s`; with 0, none.
    """

    def __init__(
        self, detector: Looker, recorder: Keeper, book: Book, key: X25519PrivateKey, *,
        open_reader: OpenReader = open_reader, make_rules: MakeRules = RuleEngine, clips: Clips | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC), timer: Callable[[], float] = time.monotonic,
        on_latest: Callable[[Latest], None] | None = None, latest_every_s: float = 0.0,
    ) -> None:
        self._on_latest = on_latest if latest_every_s > 0 else None
        self._latest_every_s = latest_every_s
        self._detector = detector
        self._recorder = recorder
        self._book = book
        self._key = key
        self._open_reader = open_reader
        self._make_rules = make_rules
        self._clock = clock
        self._timer = timer
        self._cameras: dict[str, Watched] = {}
        self._pending: dict[str, Pending] = {}
        self._wanted: deque[EdgeConfig] = deque(maxlen=1)
        self._states_at = float("-inf")
        self._keeping = Keeping(recorder, clips, self._failed, timer)
        # The detector's pictures and seconds since the start.
        self._looks, self._look_s = 0, 0.0
        self._shedding = Shedding(self._timer())
        # Pictures that came in, and those that nobody looked at, of readers that were let go.
        self._past = (0, 0)

    @property
    def trouble(self) -> EdgeTrouble | None:
        return self._keeping.trouble

    def apply(self, config: EdgeConfig) -> None:
        """Make the cameras those of the list, before the next round. A camera that did not change is not touched."""
        self._wanted.append(config)

    def look_round(self) -> int:
        """Look once at the newest picture of each camera that has a new one. Returns at how many. Raises ProviderError."""
        self._keeping.settle()
        self._change_cameras()
        looked = 0
        batch: list[tuple[Watched, Frame]] = []
        for camera in self._cameras.values():
            shown = at_camera(camera.config.id, self._take)(camera)
            if isinstance(shown, Still):
                looked += 1
            elif shown is not None:
                batch.append((camera, shown))
            if len(batch) == MOST_AT_ONCE:
                looked += self._look_at(batch)
                batch = []
        looked += self._look_at(batch)
        if self._timer() - self._states_at >= STATE_INTERVAL_S:
            self._states_at = self._timer()
            for camera in self._cameras.values():
                self._tell_state(camera)
            self._keeping.try_disk()
            self._watch_load()
        return looked

    def report(self) -> tuple[dict[str, CameraBeat], int, float]:
        """How each camera that is read fares; pictures looked at since the start; seconds that took.

        For the thread that looks.
        """
        beats = {
            camera_id: CameraBeat(
                camera.reader.state(), camera.config.interval_s, self._shedding.stretch, camera.looks, camera.stills
            )
            for camera_id, camera in self._cameras.items() if camera.reader is not None
        }
        return beats, self._looks, self._look_s

    def stop(self, timeout_s: float = 2.0) -> None:
        """Let go of all cameras, after the last round; those that do not answer in time are left to end with the process.

        What is being recorded is waited for.
        """
        self._keeping.end_clips()
        cameras, self._cameras = self._cameras, {}
        readers = [camera.reader for camera in cameras.values() if camera.reader is not None]
        for reader in readers:
            reader.stop(0.0)
        until = self._timer() + timeout_s
        for reader in readers:
            reader.stop(max(0.0, until - self._timer()))
        self._keeping.finish(max(0.0, until - self._timer()))
        for camera_id in cameras:
            self._book.unwatch(camera_id)

    def _change_cameras(self) -> None:
        if self._wanted:
            config = self._wanted.pop()
            for camera_id in self._cameras.keys() - {camera.id for camera in config.cameras}:
                self._take_out(camera_id)
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
        known = self._cameras.get(camera.id)
        unreadable: CredentialError | None = None
        try:
            login = Login.open(camera, self._key)
        except CredentialError as error:
            login, unreadable = None, error
        # The centre seals a password anew for every list, so what is sealed says nothing about a change.
        camera = camera.model_copy(update={"password_sealed": None})
        version = catalogue.version
        if known is not None and (known.config, known.login, known.catalogue_version) == (camera, login, version):
            return True
        self._book.watch(camera.id)
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
            reader.stretch(self._shedding.stretch)
        tracker = Tracker(1 + secrets.randbelow(MOST_FIRST))
        self._cameras[camera.id] = Watched(camera, login, version, reader, tracker, rules, asked)
        log.info("camera_changed" if known else "camera_added", camera=camera.id, name=camera.name)
        return True

    def _take_out(self, camera_id: str) -> None:
        self._let_go(self._cameras.pop(camera_id))
        self._book.unwatch(camera_id)

    def _let_go(self, camera: Watched) -> None:
        """What its reader has counted stays counted: else it would pass for pictures lost by the others, or hide those."""
        if camera.reader is not None:
            state = camera.reader.state()
            self._past = (self._past[0] + state.pictures, self._past[1] + state.dropped)
            camera.reader.stop(0.0)

    def _take(self, camera: Watched) -> Frame | Still | None:
        try:
            if camera.reader is None:
                return None
            shown = camera.reader.take(max_age_s=OLDEST_PICTURE_S, wanted=camera.is_wanted)
            if isinstance(shown, Still):
                camera.tracker.still(shown.camera_time_s)
                camera.stills += 1
                self._book.still(camera.config.id)
            return shown
        except Exception as error:
            self._failed(camera, error)
            return None

    def _look_at(self, batch: Sequence[tuple[Watched, Frame]]) -> int:
        """Returns how many of the pictures could be looked at. One that the detector fails on does not take others with it.

        Raises ProviderError: no picture can be looked at any more.
        """
        if not batch:
            return 0
        begun = self._timer()
        try:
            seen = self._detector.look([frame.image for _, frame in batch], [camera.asked for camera, _ in batch])
        except ProviderError:
            raise
        except Exception as error:
            if len(batch) > 1:
                return sum([self._look_at([one]) for one in batch])
            self._failed(batch[0][0], error)
            return 0
        self._look_s += self._timer() - begun
        self._looks += len(batch)
        return sum([self._judge(camera, frame, observation) for (camera, frame), observation in zip(batch, seen, strict=True)])

    def _judge(self, camera: Watched, frame: Frame, seen: Observation) -> bool:
        try:
            observation = camera.tracker.update(seen, frame.camera_time_s)
            violations = camera.rules.update(observation, frame.camera_time_s, frame.wall_time)
            seen_wrong = sights(frame, observation, violations, self._detector.models)
        except Exception as error:
            self._failed(camera, error)
            return False
        if camera.failure is not None:
            camera.failure = None
            log.info("looking_works_again", camera=camera.config.id)
        self._book.looked(camera.config.id, observation.width, observation.height)
        people = [box for box in map(body, observation.people) if box is not None]
        camera.gate.looked(people, observation.width, observation.height)
        camera.looked_s = frame.camera_time_s
        camera.looks += 1
        for violation, sight in zip(violations, seen_wrong, strict=True):
            self._keeping.keep(camera, sight, violation, frame.moment)
        if violations and camera.config.id in self._pending:
            self._pending[camera.config.id].repeats = None  # it was asked for before these
        self._show(camera, frame, observation)
        wanted_s, wanted_at_s = (
            camera.rules.wanted_interval_s(frame.camera_time_s), camera.rules.wanted_at_s(frame.camera_time_s)
        )
        if (wanted_s, wanted_at_s) != (camera.wanted_s, camera.wanted_at_s):
            camera.wanted_s, camera.wanted_at_s = wanted_s, wanted_at_s
            self._tell_wanted(camera)
        return True

    def _tell_wanted(self, camera: Watched) -> None:
        """A box that is too small for its cameras has nothing to spare for bursts."""
        if camera.reader is not None and self._shedding.stretch == 1.0:
            camera.reader.want(camera.wanted_s, camera.wanted_at_s)
        elif camera.reader is not None:
            camera.reader.want(None, None)

    def _watch_load(self) -> None:
        states = [camera.reader.state() for camera in self._cameras.values() if camera.reader is not None]
        pictures, dropped = sum(one.pictures for one in states), sum(one.dropped for one in states)
        if not self._shedding.judge(self._timer(), self._look_s, self._past[0] + pictures, self._past[1] + dropped):
            return
        for camera in self._cameras.values():
            if camera.reader is not None:
                camera.reader.stretch(self._shedding.stretch)
                self._tell_wanted(camera)

    def _show(self, camera: Watched, frame: Frame, observation: Observation) -> None:
        """After the evidence, and whatever becomes of it: it is only to be looked at."""
        if self._on_latest is None or self._timer() < camera.show_at:
            return
        camera.show_at = self._timer() + self._latest_every_s
        try:
            jpeg = shown(frame.image, observation.marked_boxes(None, None), LATEST_SIDE_PX)
            self._on_latest(Latest(camera.config.id, frame.wall_time, jpeg))
        except Exception:
            log.exception("latest_picture_failed", camera=camera.config.id)

    def _failed(self, camera: Watched, error: Exception) -> None:
        first, camera.failure = camera.failure is None, f"{type(error).__name__}: {error}"
        if first:
            log.error("looking_failed", camera=camera.config.id, exc_info=error)
        self._tell_state(camera)

    def _tell_state(self, camera: Watched) -> None:
        if camera.reader is None:
            fault: StreamFault | None = StreamFault.WRONG_PASSWORD
        else:
            fault = camera.reader.state().fault or (StreamFault.DETECTOR_FAILED if camera.failure is not None else None)
            if fault is None and camera.config.id in self._pending and self._pending[camera.config.id].has_failed:
                fault = StreamFault.OTHER  # it is looked at as it was before a change that could not be made
        self._book.state(camera.config.id, fault)
