"""Deleting evidence that was kept long enough: what the centre has, and what an earlier shop left."""

import time
from collections.abc import Callable

import structlog

from ingest.centre import Centre
from ingest.evidence import EvidenceFolder
from ingest.outbox import Outbox

DAY_S = 86_400.0
# Where there is hardly any room, what has just been sent makes some a minute later.
CLEANING_INTERVAL_S, SCARCE_INTERVAL_S = 3600.0, 60.0
# The longest repeat interval of the shipped rules is seven days.
FEWEST_KEEP_DAYS = 7
# Fifty violations with their clips, and five. Below it what the centre has gives way to what it does not have yet: first what is
# older than a week, then all.
LEAST_FREE, SCARCE = 500_000_000, 50_000_000
NEARLY_FULL = (
    "The disk of this box is nearly full: evidence that the centre has is kept here for {days} days only. Make room on it. "
    "本机磁盘将满：中心已收到的证据只在本机保留最近 {days} 天。请清理磁盘。"
)
log = structlog.get_logger(__name__)


class Cleaner:
    """For one thread. `clock` goes by the centre's as soon as that has answered."""

    def __init__(
        self, outbox: Outbox, folder: EvidenceFolder, centre: Centre, keep_days: float,
        *, clock: Callable[[], float] = time.time, timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._outbox = outbox
        self._folder = folder
        self._centre = centre
        self._keep_days = keep_days
        self._clock = clock
        self._timer = timer
        self._cleaned_at = float("-inf")

    def clean(self) -> None:
        """Once an hour, or once a minute where there is hardly any room. Raises OSError, sqlite3.Error."""
        # Nobody knows how old anything is before the clock was compared: one that is ahead would delete all.
        if self._centre.clock_offset_s is None:
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
