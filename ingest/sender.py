"""Emptying the outbox: each camera's reports in order, again and again until the centre has answered each of them."""

import contextlib
import os
import random
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from contract.edges import EdgeTrouble
from ingest.backoff import Backoff
from ingest.centre import Centre
from ingest.centre_errors import CentreFailed, CentreRefused, CentreUnavailable
from ingest.durable import disk_trouble
from ingest.evidence import EvidenceFolder
from ingest.outbox import Outbox, Report
from ingest.recorder import Recorder
from ingest.steps import Steps

# Where there is hardly any room, what has just been sent makes some a minute later.
CLEANING_INTERVAL_S, SCARCE_INTERVAL_S = 3600.0, 60.0
# With nothing to do the sender still looks this often, should a wake-up be missed.
IDLE_S = 30.0
DAY_S = 86_400.0
# A clip that the way to the centre cuts off, or that it fails on, is up to 32 MB of somebody's mobile data each time. After so
# many attempts, two or three days, it is set aside, and the next one of that camera has its turn.
FIRST_CLIP_PAUSE_S, LONGEST_CLIP_PAUSE_S, MOST_CLIP_ATTEMPTS = 60.0, 6 * 3600.0, 20
# The longest repeat interval of the shipped rules is seven days.
FEWEST_KEEP_DAYS = 7
# Fifty violations with their clips, and five. Below it what the centre has gives way to what it does not have yet: first what is
# older than a week, then all.
LEAST_FREE, SCARCE = 500_000_000, 50_000_000
NEARLY_FULL = (
    "The disk of this box is nearly full: evidence that the centre has is kept here for {days} days only. Make room on it. "
    "本机磁盘将满：中心已收到的证据只在本机保留最近 {days} 天。请清理磁盘。"
)
GIVEN_UP = (
    "This clip did not get through for days; it is sent again when the edge box is restarted. On a weak line set a lower bit "
    "rate in the camera, which makes clips smaller. "
    "该片段连续数天未能上传，重启边缘盒后会重发。网络较弱时，请在摄像头里调低码率，片段会更小。 ({reason})"
)
log = structlog.get_logger(__name__)


@dataclass
class _Held:
    """A camera whose first report does not get through, after how many attempts."""

    backoff: Backoff
    attempts: int = 0
    until: float = 0.0


class Sender(Steps):
    """Clips have a sender of their own (`is_clip`), so that no violation waits for one to be uploaded; that one leaves what was
    kept long enough to the other."""

    def __init__(
        self, outbox: Outbox, folder: EvidenceFolder, recorder: Recorder, centre: Centre, keep_days: float,
        *, clock: Callable[[], float] = time.time, timer: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random, is_clip: bool = False,
    ) -> None:
        super().__init__(timer, chance)
        self._is_clip = is_clip
        self._outbox = outbox
        self._folder = folder
        self._recorder = recorder
        self._centre = centre
        self._keep_days = keep_days
        self._clock = clock
        # Only cameras whose report the centre failed on, or whose clip did not get through: no more entries than cameras.
        self._held: dict[str, _Held] = {}
        # When a camera's report last did not get through, though perhaps others do: a large one may be what a proxy or a bad line
        # cuts off, so the next attempt is another camera's.
        self._cut_off: dict[str, float] = {}
        self._cleaned_at = float("-inf")
        self.trouble: EdgeTrouble | None = None
        self._disk_cause: str | None = None
        self._lost_until = float("-inf")

    def step(self) -> float:
        """Send what can be sent now, delete what was kept long enough. Returns the seconds until there is something to do."""
        try:
            self._recorder.relist()
            self._clean()
            while self._goes_on() and (due := self._due()):
                for report in due:
                    if self._stopped or not self._send(report):
                        break
        except (OSError, sqlite3.Error) as error:
            self._disk(error)
            self._pause_for()
        else:
            self._disk(None)
        return self._next_s()

    def _due(self) -> list[Report]:
        if self._is_clip and self._centre.is_away:
            return []  # it is not the clip that does not get through
        now = self._timer()
        waiting = self._outbox.next_of_each_camera(is_clip=self._is_clip)
        due = [report for report in waiting if self._held_until(report.camera_id) <= now]
        return sorted(due, key=lambda report: self._cut_off.get(report.camera_id, float("-inf")))

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
            self._cut_off[report.camera_id] = self._timer()
            self._pause_for(error)
            if self._is_clip:
                self._hold(report, str(error))
            return False
        except CentreFailed as error:
            self._hold(report, str(error))
            return True
        except CentreRefused as error:
            self._park(report, f"The centre refused it (HTTP {error.status}): {error}")
        else:
            self._outbox.mark_sent(report.violation_id, self._clock(), is_clip=self._is_clip)
            self._recorder.settled(report.violation_id)
            log.info("report_sent", violation=str(report.violation_id), camera=report.camera_id, case=case_id, clip=self._is_clip)
        self._pause.reset()
        self._held.pop(report.camera_id, None)
        self._cut_off.pop(report.camera_id, None)
        return True

    def _tell(self, report: Report) -> int:
        """The case. Raises CentreError, and OSError where the files cannot be read."""
        if self._is_clip:
            with self._folder.opened_clip(report) as (manifest, clip):
                # Of what happened within seconds the clip is the same: the centre may have it from the violation before.
                if clip is not None and os.fstat(clip.fileno()).st_nlink > 1:
                    with contextlib.suppress(CentreRefused):
                        return self._centre.report_clip(report.violation_id, manifest, None).case_id
                return self._centre.report_clip(report.violation_id, manifest, clip).case_id
        package, age_s = self._folder.read(report), self._recorder.age_s(report.violation_id)
        return self._centre.report(report.violation_id, package.manifest, package.files, age_s).case_id

    def _park(self, report: Report, reason: str) -> None:
        self._outbox.park(report.violation_id, self._clock(), is_clip=self._is_clip)
        self._recorder.settled(report.violation_id)
        log.error(
            "report_parked", violation=str(report.violation_id), camera=report.camera_id, reason=reason, clip=self._is_clip
        )

    def _hold(self, report: Report, reason: str) -> None:
        """Let one camera's reports wait; the others go on."""
        held = self._held.get(report.camera_id)
        if held is None:
            log.warning(
                "report_delayed", violation=str(report.violation_id), camera=report.camera_id, reason=reason, clip=self._is_clip
            )
            backoff = Backoff(FIRST_CLIP_PAUSE_S, LONGEST_CLIP_PAUSE_S, self._chance) if self._is_clip else self._backoff()
            held = self._held[report.camera_id] = _Held(backoff)
        held.attempts += 1
        if self._is_clip and held.attempts == MOST_CLIP_ATTEMPTS:
            self._park(report, GIVEN_UP.format(reason=reason))
            held.attempts = 0  # of the next one, which may be cut off in the same way: the pauses stay long
        held.until = self._timer() + held.backoff.pause_s()

    def _held_until(self, camera_id: str) -> float:
        return self._held[camera_id].until if camera_id in self._held else float("-inf")

    def _next_s(self) -> float:
        now = self._timer()
        if now < self._paused_until:
            return self._paused_until - now
        return max(0.0, min([IDLE_S, *(held.until - now for held in self._held.values() if held.until > now)]))

    def _clean(self) -> None:
        # Nobody knows how old anything is before the clock was compared: one that is ahead would delete all.
        if self._is_clip or self._centre.clock_offset_s is None:
            return
        free = self._folder.free_bytes()
        interval_s = SCARCE_INTERVAL_S if free < SCARCE else CLEANING_INTERVAL_S
        if self._timer() - self._cleaned_at < interval_s:
            return
        now = self._clock()
        keep_days = 0 if free < SCARCE else FEWEST_KEEP_DAYS if free < LEAST_FREE else self._keep_days
        due = self._outbox.sent_before(now - keep_days * DAY_S)
        if keep_days < self._keep_days and (due or free >= SCARCE):
            log.warning("disk_nearly_full", kept_days=keep_days, words=NEARLY_FULL.format(days=keep_days))
        for report in due:
            try:
                self._folder.delete(report)
            except OSError as error:
                # What cannot be deleted is tried again the next time, and must not keep anything new from being sent.
                log.error("evidence_not_deleted", violation=str(report.violation_id), cause=str(error))
                continue
            self._outbox.mark_deleted(report.violation_id, now, is_clip=report.is_clip)
        try:
            if gone := self._folder.delete_aside(now - keep_days * DAY_S, now):
                log.info("earlier_evidence_deleted", folders=[str(path) for path in gone])
        except (OSError, ValueError) as error:
            log.error("earlier_evidence_not_deleted", cause=str(error))
        self._outbox.purge(now)
        self._cleaned_at = self._timer()

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
        elif self._outbox.parked_since(self._clock() - DAY_S):
            # The number of parked reports is told for ever, this for as long as somebody may be about to act on it.
            self.trouble = EdgeTrouble.REPORT_REFUSED
        else:
            self.trouble = None
