"""From a violation to sealed evidence: manifest, chain, and its place in the outbox."""

import sqlite3
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import uuid4

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contract.cameras import CameraConfig
from contract.catalogue import Catalogue
from contract.evidence import Manifest, file_digest, seal, utc_milliseconds
from detector.rules import Repeat, Violation
from ingest.evidence import EvidenceFolder
from ingest.identity import software_version
from ingest.outbox import Entry, Head, Outbox
from ingest.sight import Sight

log = structlog.get_logger(__name__)


class Recorder:
    """Keeps the chains of all cameras. `record` is called by one thread; `relist` may be called by another."""

    def __init__(
        self, folder: EvidenceFolder, outbox: Outbox, edge_id: str, key: Ed25519PrivateKey,
        clock_offset_s: Callable[[], float | None],
    ) -> None:
        self._folder = folder
        self._outbox = outbox
        self._edge_id = edge_id
        self._key = key
        self._clock_offset_s = clock_offset_s
        self._heads: dict[str, Head] = {}
        self._repeats: dict[str, list[Repeat]] = {}
        self._unlisted = threading.Event()

    def recover(self, now: datetime) -> None:
        """Take up where the last run was stopped, between whichever two lines that was. Raises OSError, sqlite3.Error."""
        left = self._folder.sweep()
        known = self._outbox.known()
        found = list(self._folder.committed(known))
        self._outbox.add(found)
        self._outbox.retry_parked()
        self._heads = self._outbox.heads()
        self._repeats = self._outbox.repeats(now.timestamp())
        if left or found:
            log.info("evidence_recovered", half_written_removed=left, queued=len(found))

    def repeats(self, camera_id: str, catalogue: Catalogue, now: datetime) -> list[Repeat]:
        """What is not to be told again yet. No repeat lasts longer than its rule's interval from now: the clock may have been
        ahead when it was stored."""
        longest = {rule.code: now + timedelta(seconds=rule.repeat_s) for rule in catalogue.rules}
        kept = [repeat for repeat in self._repeats.get(camera_id, []) if repeat.until > now]
        self._repeats[camera_id] = kept
        return [
            Repeat(repeat.rule, repeat.box, min(repeat.until, longest[repeat.rule])) for repeat in kept if repeat.rule in longest
        ]

    def record(self, camera: CameraConfig, catalogue: Catalogue, sight: Sight, violation: Violation) -> Manifest:
        """Commit the evidence of a violation and queue it. Raises OSError when the disk does not take it: then nothing is kept.

        Once the evidence is committed this returns; a row that could not be written is made up for by `relist`.
        """
        pictures = {"original.jpg": sight.original, "overlay.jpg": sight.overlay}
        head = self._heads.get(camera.id, Head(0, camera.chain_start))
        sign = violation.rule.sign
        manifest = Manifest(
            violation_id=uuid4(),
            edge_id=self._edge_id,
            camera_id=camera.id,
            camera_name=camera.name,
            shop_id=camera.shop_id,
            area=camera.area,
            stream_host=urlsplit(camera.url).hostname or "",
            sequence=head.sequence + 1,
            previous=head.digest,
            rule=violation.rule.code,
            severity=violation.rule.severity_at(camera.area),
            catalogue_version=catalogue.version,
            models=list(sight.models),
            software_version=software_version(),
            captured_at=utc_milliseconds(sight.wall_time.astimezone(UTC)),
            clock_offset_s=self._clock_offset_s(),
            camera_time_s=sight.time_s,
            since=utc_milliseconds(violation.since.astimezone(UTC)),
            frame_width=sight.observation.width,
            frame_height=sight.observation.height,
            track=violation.track,
            votes=violation.votes,
            boxes=sight.observation.marked_boxes(violation.track, sign.attribute if sign else None),
            files={name: file_digest(content) for name, content in pictures.items()},
        )
        self._folder.commit(seal(manifest, self._key), violation.repeat, pictures)
        self._heads[camera.id] = Head(manifest.sequence, manifest.digest())
        current = [repeat for repeat in self._repeats.get(camera.id, []) if repeat.until > sight.wall_time]
        self._repeats[camera.id] = [*current, violation.repeat]
        try:
            self._outbox.add([Entry(manifest, violation.repeat)])
        except sqlite3.Error as error:
            log.error("evidence_not_queued_yet", violation=str(manifest.violation_id), cause=str(error))
            self._unlisted.set()
        return manifest

    def try_out(self, camera_id: str) -> None:
        """Raises OSError when the disk would not take evidence of this camera now."""
        self._folder.try_out(camera_id)

    def relist(self) -> None:
        """Queue committed evidence whose row could not be written. Raises OSError, sqlite3.Error."""
        if not self._unlisted.is_set():
            return
        self._unlisted.clear()
        try:
            self._outbox.add(list(self._folder.committed(self._outbox.known())))
        except BaseException:
            self._unlisted.set()
            raise
