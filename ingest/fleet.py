"""The cameras of one worker in front of one detector: the newest picture of each in turn, and nobody waits for anybody."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import structlog
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from contract.cameras import EdgeConfig
from contract.edges import LATEST_SIDE_PX, EdgeTrouble, StreamFault
from detector.observation import Observation
from detector.providers import ProviderError
from detector.rules import RuleEngine
from detector.tracks import body
from ingest.camera_state import CameraBeat
from ingest.crash import at_camera
from ingest.findings import Latest
from ingest.frames import Frame, Still
from ingest.keeping import Keeping
from ingest.parts import Book, Clips, Keeper, Looker, MakeRules, OpenReader
from ingest.roster import Roster
from ingest.shedding import Shedding
from ingest.shown import shown
from ingest.sight import sights
from ingest.watched import Watched, open_reader

# An older picture shows what was, not what is: a detector that fell behind must not make violations of it.
OLDEST_PICTURE_S = 30.0
# How often the readers are asked how they fare. Their pauses between attempts begin at half a second and grow.
STATE_INTERVAL_S = 1.0
# Pictures in one call of the detector: enough for all crops of a round to share a call, few enough that the first picture does
# not wait for more than half a second on a slow core.
MOST_AT_ONCE = 4
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
        # By how much this box's clock is ahead, as the edge learns it from its centre; set by another thread.
        self.clock_off_s = 0.0
        self._detector = detector
        self._book = book
        self._timer = timer
        self._states_at = float("-inf")
        self._keeping = Keeping(recorder, clips, self._failed, timer)
        # The detector's pictures and seconds since the start.
        self._looks, self._look_s = 0, 0.0
        self._shedding = Shedding(self._timer())
        self._roster = Roster(recorder, book, key, open_reader, make_rules, clock, timer, lambda: self._shedding.stretch)

    @property
    def trouble(self) -> EdgeTrouble | None:
        return self._keeping.trouble

    def apply(self, config: EdgeConfig) -> None:
        """Make the cameras those of the list, before the next round. A camera that did not change is not touched."""
        self._roster.apply(config)

    def look_round(self) -> int:
        """Look once at the newest picture of each camera that has a new one. Returns at how many. Raises ProviderError."""
        self._keeping.settle()
        self._roster.change()
        looked = 0
        batch: list[tuple[Watched, Frame]] = []
        for camera in self._roster.cameras.values():
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
            for camera in self._roster.cameras.values():
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
            for camera_id, camera in self._roster.cameras.items() if camera.reader is not None
        }
        return beats, self._looks, self._look_s

    def stop(self, timeout_s: float = 2.0) -> None:
        """Let go of all cameras, after the last round; those that do not answer in time are left to end with the process.

        What is being recorded is waited for.
        """
        self._keeping.end_clips()
        readers = [camera.reader for camera in self._roster.clear().values() if camera.reader is not None]
        for reader in readers:
            reader.stop(0.0)
        until = self._timer() + timeout_s
        for reader in readers:
            reader.stop(max(0.0, until - self._timer()))
        self._keeping.finish(max(0.0, until - self._timer()))

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
            violations = camera.rules.update(observation, frame.camera_time_s, frame.wall_time, self.clock_off_s)
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
        if violations:
            self._roster.told(camera.config.id)
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
        states = [camera.reader.state() for camera in self._roster.cameras.values() if camera.reader is not None]
        pictures, dropped = sum(one.pictures for one in states), sum(one.dropped for one in states)
        if not self._shedding.judge(self._timer(), self._look_s, self._roster.past[0] + pictures, self._roster.past[1] + dropped):
            return
        for camera in self._roster.cameras.values():
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
            if fault is None and self._roster.has_failed(camera.config.id):
                fault = StreamFault.OTHER  # it is looked at as it was before a change that could not be made
        self._book.state(camera.config.id, fault)
