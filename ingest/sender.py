"""Emptying the outbox: each camera's reports in order, again and again until the centre has answered each of them."""

import contextlib
import os
import random
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO
from uuid import UUID

import structlog

from contract.edges import EdgeTrouble
from ingest.backoff import Backoff
from ingest.centre import Centre
from ingest.centre_errors import CentreError, CentreFailed, CentreRefused, CentreUnavailable
from ingest.cleaning import CLEANING_INTERVAL_S, DAY_S, Cleaner
from ingest.durable import disk_trouble
from ingest.evidence import EvidenceFolder
from ingest.outbox import Outbox, Report
from ingest.recorder import Recorder
from ingest.steps import FIRST_WAIT_S, Steps

# With nothing to do the sender still looks this often, should a wake-up be missed; and whether heartbeats get through again.
IDLE_S, AWAY_S = 30.0, 5.0
# What the way to the centre cuts off, or it fails on, is somebody's mobile data each time: 2 MB of a violation, up to 32 MB of a
# clip. After so many attempts, one or two days, two or three for a clip, the next one of that camera has its turn.
FIRST_CLIP_PAUSE_S, LONGEST_PAUSE_S, MOST_ATTEMPTS = 60.0, 6 * 3600.0, 20
GIVEN_UP = (
    "This clip did not get through for days; it is tried again later, once nothing else waits. On a weak line set a lower bit "
    "rate in the camera, which makes clips smaller. "
    "该片段连续数天未能上传，待其他数据传完后会再试。网络较弱时，请在摄像头里调低码率，片段会更小。 ({reason})"
)
PASSED_OVER = (
    "This violation does not get through for days; later ones of its camera go first, and it is tried again after them. "
    "该违规报告连续多次未能上传；同一摄像头之后的报告先行上传，随后再重试。 ({reason})"
)
ALONE = (
    "This violation does not get through, though later ones of its camera do; it is tried again later, once nothing else waits. "
    "该违规报告未能上传，而同一摄像头之后的报告可以上传；待其他数据传完后会再试。 ({reason})"
)
log = structlog.get_logger(__name__)


@dataclass
class _Held:
    """A camera whose first report does not get through, after how many attempts; `is_alone`: though a later one just did."""

    backoff: Backoff
    attempts: int
    is_alone: bool
    until: float = 0.0


class Sender(Steps):
    """Clips have a sender of their own (`is_clip`), so that no violation waits for one to be uploaded; one of the two has the
    `cleaner`."""

    def __init__(
        self, outbox: Outbox, folder: EvidenceFolder, recorder: Recorder, centre: Centre,
        *, cleaner: Cleaner | None = None, clock: Callable[[], float] = time.time, timer: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random, is_clip: bool = False,
    ) -> None:
        super().__init__(timer, chance)
        self._is_clip = is_clip
        self._outbox = outbox
        self._folder = folder
        self._recorder = recorder
        self._centre = centre
        self._cleaner = cleaner
        self._clock = clock
        # Only cameras whose report does not get through, though perhaps others do: no more entries than cameras.
        self._held: dict[str, _Held] = {}
        # Violations that later ones of their cameras go before. They are not set aside unless one of these gets through: else the
        # fault is the way's or the centre's, and all of them go by themselves when it is mended.
        self._passed: set[UUID] = set()
        # By camera, the file of the last clip that the centre has.
        self._last_clip: dict[str, int] = {}
        self.trouble: EdgeTrouble | None = None
        self._disk_cause: str | None = None
        self._lost_until = float("-inf")
        # When one that was set aside is tried again, and which: all of them have just been, when the edge was started.
        self._again_at, self._turn = timer() + DAY_S, 0

    def step(self) -> float:
        """Send what can be sent now, and clean up. Returns the seconds until there is something to do."""
        try:
            self._recorder.relist()
            if self._cleaner is not None:
                self._cleaner.clean()
            while self._goes_on() and (due := self._due()):
                for report in due:
                    if self._stopped or not self._send(report):
                        break
            while self._goes_on() and self._timer() >= self._again_at and not self._centre.is_away:
                self._try_again()
        except (OSError, sqlite3.Error) as error:
            self._disk(error)
            self._pause_for()
        else:
            self._disk(None)
        return self._next_s()

    def _due(self) -> list[Report]:
        if self._centre.is_away:
            return []  # it is not the report that does not get through
        now = self._timer()
        waiting = self._outbox.next_of_each_camera(is_clip=self._is_clip, last=self._passed)
        due = [report for report in waiting if self._held_until(report.camera_id) <= now]
        # What waited longest first: a bad line or a proxy may cut off one camera's large ones each time, and not another's.
        return sorted(due, key=lambda report: self._held_until(report.camera_id))

    def _send(self, report: Report) -> bool:
        """False when nobody's reports get through now."""
        try:
            case_id = self._tell(report)
        except FileNotFoundError:
            self._lost_until = self._timer() + DAY_S
            self._park(report, "The evidence files are no longer on this edge's disk.")
            return True
        except OSError as error:
            self._hold(report, f"The evidence files cannot be read ({error}).")
            return True
        except CentreUnavailable as error:
            self._pause_for(error)
            self._hold(report, str(error))
            return False
        except CentreFailed as error:
            self._hold(report, str(error))
            return True
        except CentreRefused as error:
            self._park(report, f"The centre refused it (HTTP {error.status}): {error}")
        else:
            self._settle_sent(report, case_id)
        self._pause.reset()
        self._held.pop(report.camera_id, None)
        return True

    def _try_again(self) -> None:
        """One a day of what was set aside, in turn, while nothing else waits: the way may be better by now, or the centre newer.
        Where it gets through, the next at once."""
        if self._outbox.next_of_each_camera(is_clip=self._is_clip):
            self._again_at = self._timer() + CLEANING_INTERVAL_S
            return
        self._again_at = self._timer() + DAY_S
        parked = self._outbox.set_aside(is_clip=self._is_clip)
        if not parked:
            return
        report = parked[self._turn % len(parked)]
        try:
            case_id = self._tell(report)
        except (CentreError, OSError) as error:
            self._turn += 1
            words = {"violation": str(report.violation_id), "camera": report.camera_id, "clip": self._is_clip}
            log.info("report_still_set_aside", reason=str(error), **words)
        else:
            self._settle_sent(report, case_id)
            self._again_at = self._timer()

    def _settle_sent(self, report: Report, case_id: int) -> None:
        self._outbox.mark_sent(report.violation_id, self._clock(), is_clip=self._is_clip)
        self._recorder.settled(report.violation_id)
        log.info("report_sent", violation=str(report.violation_id), camera=report.camera_id, case=case_id, clip=self._is_clip)
        self._passed.discard(report.violation_id)

    def _tell(self, report: Report) -> int:
        """The case. Raises CentreError, and OSError where the files cannot be read."""
        if self._is_clip:
            with self._folder.opened_clip(report) as (manifest, clip):
                return self._tell_clip(report, manifest, clip)
        package, age_s = self._folder.read(report), self._recorder.age_s(report.violation_id)
        return self._centre.report(report.violation_id, package.manifest, package.files, age_s).case_id

    def _tell_clip(self, report: Report, manifest: bytes, clip: BinaryIO | None) -> int:
        if clip is None:
            return self._centre.report_clip(report.violation_id, manifest, None).case_id
        # Of what happened within seconds the clip is the same file under several names: the centre may have it already.
        file = os.fstat(clip.fileno()).st_ino
        if self._last_clip.get(report.camera_id) == file:
            with contextlib.suppress(CentreRefused):
                return self._centre.report_clip(report.violation_id, manifest, None).case_id
        case_id = self._centre.report_clip(report.violation_id, manifest, clip).case_id
        self._last_clip[report.camera_id] = file
        return case_id

    def _park(self, report: Report, reason: str) -> None:
        self._passed.discard(report.violation_id)
        self._outbox.park(report.violation_id, self._clock(), is_clip=self._is_clip)
        self._recorder.settled(report.violation_id)
        log.error(
            "report_parked", violation=str(report.violation_id), camera=report.camera_id, reason=reason, clip=self._is_clip
        )

    def _hold(self, report: Report, reason: str) -> None:
        """Let one camera's reports wait; the others go on."""
        held, is_passed = self._held.get(report.camera_id), report.violation_id in self._passed
        if held is None:
            log.warning(
                "report_delayed", violation=str(report.violation_id), camera=report.camera_id, reason=reason, clip=self._is_clip
            )
            first_s = FIRST_CLIP_PAUSE_S if self._is_clip else FIRST_WAIT_S
            held = self._held[report.camera_id] = _Held(
                Backoff(first_s, LONGEST_PAUSE_S, self._chance), MOST_ATTEMPTS // 2 if is_passed else 0, is_alone=is_passed
            )
        held.attempts += 1
        if held.attempts == MOST_ATTEMPTS:
            if self._is_clip:
                self._park(report, GIVEN_UP.format(reason=reason))
            elif held.is_alone and is_passed:
                self._park(report, ALONE.format(reason=reason))
            else:
                self._pass_over(report, PASSED_OVER.format(reason=reason))
            # Of the next one, which may be cut off in the same way: the pauses stay long.
            held.attempts, held.is_alone = 0, False
        held.until = self._timer() + held.backoff.pause_s()

    def _pass_over(self, report: Report, reason: str) -> None:
        self._passed.add(report.violation_id)
        log.error("report_passed_over", violation=str(report.violation_id), camera=report.camera_id, reason=reason)

    def _held_until(self, camera_id: str) -> float:
        return self._held[camera_id].until if camera_id in self._held else float("-inf")

    def _next_s(self) -> float:
        now = self._timer()
        if now < self._paused_until:
            return self._paused_until - now
        idle_s = AWAY_S if self._centre.is_away else IDLE_S
        return max(0.0, min([idle_s, *(held.until - now for held in self._held.values() if held.until > now)]))

    def _disk(self, error: OSError | sqlite3.Error | None) -> None:
        cause = None if error is None else str(error)
        if cause != self._disk_cause:
            self._disk_cause = cause
            if cause is None:
                log.info("outbox_works_again")
            else:
                log.error("outbox_cannot_be_used", cause=cause)
        if error is not None:
            self.trouble = disk_trouble(error)
        elif self._timer() < self._lost_until:
            self.trouble = EdgeTrouble.EVIDENCE_LOST
        elif self._passed or self._outbox.parked_since(self._clock() - DAY_S):
            # The number of parked reports is told for ever, this for as long as somebody may be about to act on it.
            self.trouble = EdgeTrouble.REPORT_REFUSED
        else:
            self.trouble = None
