"""What was seen wrong and handed over: whether the disk took it, and when it is tried again."""

import errno
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass

import structlog

from contract.edges import EdgeTrouble
from contract.evidence import ClipFlaw, Manifest
from detector.violation import Violation
from ingest.durable import disk_trouble
from ingest.findings import Sight
from ingest.parts import Clips, Keeper
from ingest.preroll import Gathering, Moment
from ingest.watched import Watched

# How long after a disk refused evidence it is tried anew, when there was no new evidence to try it with. Not more often:
# where there is nearly room enough, each attempt writes a megabyte or two.
DISK_INTERVAL_S = 30.0
# Pictures that are being recorded; with more of them the next one waits. A bound on memory: one has a megabyte or two.
MOST_RECORDING = 8
# How long the next one waits for the first of these at most: a disk that takes its time gets it, for one that hangs nobody's
# kitchen is left unwatched. Less than the minute after which a worker is taken for hung.
PATIENCE_S = 10.0
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Handed:
    """A violation that is being recorded, and when (s) it was handed over."""

    camera: Watched
    violation: Violation
    future: Future[Manifest]
    gathering: Gathering | None
    at: float


class Keeping:
    """For the thread that looks. `on_failure` is told of a camera for which something went wrong that is not the disk's fault."""

    def __init__(
        self, recorder: Keeper, clips: Clips | None, on_failure: Callable[[Watched, Exception], None],
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._recorder = recorder
        self._clips = clips
        self._on_failure = on_failure
        self._timer = timer
        self.trouble: EdgeTrouble | None = None
        # The camera whose evidence the disk refused last, and when it is tried again.
        self._refused = ("", 0.0)
        self._trial: Future[None] | None = None
        self._recording: deque[_Handed] = deque()

    def keep(self, camera: Watched, sight: Sight, violation: Violation, moment: Moment | None) -> None:
        """Hand it over; whether it could be recorded shows later, and until then the rules take it for told."""
        if len(self._recording) >= MOST_RECORDING:
            wait([self._recording[0].future], max(0.0, self._recording[0].at + PATIENCE_S - self._timer()))
            self.settle()
        if len(self._recording) >= MOST_RECORDING:
            # The rules do not take it for told: they tell of it again at the next look, as long as it lasts.
            self._disk_refused(camera.config.id, OSError(errno.ETIMEDOUT, "The disk does not answer."))
            return
        future = self._recorder.record(camera.config, camera.catalogue_version, sight, violation)
        gathering = moment.gather() if moment is not None and self._clips is not None else None
        self._recording.append(_Handed(camera, violation, future, gathering, self._timer()))
        try:
            camera.rules.committed(violation)
        except Exception as error:
            self._on_failure(camera, error)
        self.settle()

    def settle(self) -> None:
        """See what has become of what was handed over."""
        while self._recording and self._recording[0].future.done():
            handed = self._recording.popleft()
            camera, violation, gathering = handed.camera, handed.violation, handed.gathering
            try:
                manifest = handed.future.result()
            except OSError as error:
                _let_go(gathering)
                # Nothing was kept, so the rules shall tell of it again at the next look, as long as it lasts.
                camera.rules.refused(violation)
                self._disk_refused(camera.config.id, error)
            except Exception as error:
                _let_go(gathering)
                camera.rules.refused(violation)
                self._on_failure(camera, error)
            else:
                if self._clips is not None:
                    self._clips.add(manifest, gathering)
                self._disk_took()
                log.info(
                    "violation", camera=camera.config.id, rule=violation.rule.code, track=violation.track,
                    violation=str(manifest.violation_id),
                )

        if self._clips is not None and (refused := self._clips.refused) is not None:
            self._clips.refused = None
            self._disk_refused(*refused)

    def try_disk(self) -> None:
        """What could not be kept may never come again, so the trouble must not wait for the next evidence to be over."""
        camera_id, due = self._refused
        if self._trial is None and self.trouble is not None and self._timer() >= due:
            self._trial = self._recorder.try_out(camera_id)
        if self._trial is None or not self._trial.done():
            return
        trial, self._trial = self._trial, None
        try:
            trial.result()
        except OSError as error:
            self._disk_refused(camera_id, error)
        else:
            self._disk_took()

    def end_clips(self) -> None:
        """No more of any stream goes into the clips that are being gathered."""
        for handed in self._recording:
            if handed.gathering is not None:
                handed.gathering.close(ClipFlaw.STOPPED)

    def finish(self, timeout_s: float) -> None:
        """Wait so long for what is being recorded."""
        wait([handed.future for handed in self._recording], timeout_s)
        self.settle()

    def _disk_refused(self, camera_id: str, error: OSError) -> None:
        if self.trouble is None:
            log.error("evidence_cannot_be_written", camera=camera_id, cause=str(error))
        self.trouble = disk_trouble(error)
        self._refused = (camera_id, self._timer() + DISK_INTERVAL_S)

    def _disk_took(self) -> None:
        if self.trouble is not None:
            self.trouble = None
            log.info("evidence_can_be_written_again")


def _let_go(gathering: Gathering | None) -> None:
    if gathering is not None:
        gathering.release()
