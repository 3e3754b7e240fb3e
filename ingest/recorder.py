"""From a violation, and later from its clip, to sealed evidence: manifest, chain, and its place in the outbox."""

import contextlib
import errno
import sqlite3
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contract.cameras import CameraConfig
from contract.catalogue import Catalogue
from contract.evidence import (
    CLIP,
    LARGEST_CLIP,
    ClipFlaw,
    ClipManifest,
    FileDigest,
    Manifest,
    file_digest,
    seal,
    seal_clip,
    utc_milliseconds,
)
from detector.violation import Repeat, Violation
from ingest.evidence import Content, EvidenceFolder
from ingest.findings import Clip, Sight
from ingest.identity import software_version
from ingest.outbox import Entry, Head, Outbox
from ingest.uptime import uptime_s

# Longer than any picture is on its way to here; by the wall clock, which may be set just then.
LONGEST_WAY_S = 60.0
log = structlog.get_logger(__name__)


class Recorder:
    """Keeps the chains of all cameras. One thread calls all of it but `relist`, `age_s` and `settled`, which may be called by
    another, and `repeats`, of a camera that nothing is being recorded of."""

    def __init__(
        self, folder: EvidenceFolder, outbox: Outbox, edge_id: str, key: Ed25519PrivateKey,
        clock_offset_s: Callable[[], float | None], clock: Callable[[], float] = time.time,
        uptime: Callable[[], float] = uptime_s,
    ) -> None:
        self._folder = folder
        self._outbox = outbox
        self._edge_id = edge_id
        self._key = key
        self._clock_offset_s = clock_offset_s
        self._clock, self._uptime = clock, uptime
        # By uptime: when the pictures were taken that the centre does not have yet.
        self._taken: dict[UUID, float] = {}
        self._heads: dict[str, Head] = {}
        self._repeats: dict[str, list[Repeat]] = {}
        # By camera: of which violation the last clip was, and where it lies.
        self._last_clips: dict[str, tuple[UUID, Path, FileDigest]] = {}
        self._unlisted = threading.Event()
        # Violations whose clip the disk refused, and that could not even be told: camera, violation, digest of its manifest.
        self._untold: list[tuple[str, UUID, str]] = []

    def recover(self, now: datetime) -> None:
        """Take up where the last run was stopped, between whichever two lines that was. Raises OSError, sqlite3.Error."""
        left = self._folder.sweep()
        found = list(self._folder.committed(self._outbox.known(), self._outbox.known(is_clip=True)))
        self._outbox.add(found)
        self._outbox.retry_parked()
        self._heads = self._outbox.heads()
        self._repeats = self._outbox.repeats(now.timestamp())
        self._taken = self._outbox.taken()
        missing = self._outbox.without_clip()
        for report in missing:
            with contextlib.suppress(OSError):  # told as soon as the disk takes anything
                self.record_clip(report.camera_id, report.violation_id, report.digest, ClipFlaw.STOPPED)
        if left or found or missing:
            log.info("evidence_recovered", half_written_removed=left, queued=len(found), without_clip=len(missing))

    def repeats(self, camera_id: str, catalogue: Catalogue, now: datetime) -> list[Repeat]:
        """What is not to be told again yet. No repeat lasts longer than its rule's interval from now: the clock may have been
        ahead when it was stored."""
        longest = {rule.code: now + timedelta(seconds=rule.repeat_s) for rule in catalogue.rules}
        kept = [repeat for repeat in self._repeats.get(camera_id, []) if repeat.until > now]
        self._repeats[camera_id] = kept
        return [
            Repeat(repeat.rule, repeat.spot, min(repeat.until, longest[repeat.rule])) for repeat in kept if repeat.rule in longest
        ]

    def record(self, camera: CameraConfig, catalogue_version: str, sight: Sight, violation: Violation) -> Manifest:
        """Commit the evidence of a violation and queue it. Raises OSError when the disk does not take it: then nothing is kept.

        Once the evidence is committed this returns; a row that could not be written is made up for by `relist`.
        """
        pictures = {"original.jpg": sight.original, "overlay.jpg": sight.overlay}
        # The centre knows of a later one where this disk has forgotten it: it was put back as it once was, or cleared.
        told, known = Head(camera.chain_length, camera.chain_start), self._heads.get(camera.id)
        head = told if known is None or known.sequence < told.sequence else known
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
            catalogue_version=catalogue_version,
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
        way_s = self._clock() - sight.wall_time.timestamp()
        taken = self._uptime() - (way_s if 0 <= way_s <= LONGEST_WAY_S else 0.0)
        self._folder.commit(seal(manifest, self._key), pictures, violation.repeat)
        self._taken[manifest.violation_id] = taken
        current = [repeat for repeat in self._repeats.get(camera.id, []) if repeat.until > sight.wall_time]
        self._repeats[camera.id] = [*current, violation.repeat]
        self._committed(Entry(manifest, violation.repeat, taken))
        self._tell_untold()
        return manifest

    def age_s(self, violation_id: UUID) -> float | None:
        """How long ago its picture was taken; None of one from before the machine was started."""
        taken = self._taken.get(violation_id)
        return None if taken is None else self._uptime() - taken

    def settled(self, violation_id: UUID) -> None:
        """The centre has it, or does not take it in this run."""
        self._taken.pop(violation_id, None)

    def record_clip(self, camera_id: str, violation_id: UUID, snapshot: str, clip: Clip | ClipFlaw) -> None:
        """Commit the clip of a recorded violation, or the word that there is none and why, and queue it. `snapshot` is the digest
        of the violation's manifest. Raises OSError when the disk does not take it: that is told as soon as it takes anything."""
        try:
            self._commit_clip(camera_id, violation_id, snapshot, clip)
        except OSError:
            self._untold.append((camera_id, violation_id, snapshot))
            raise
        self._tell_untold()

    def _commit_clip(self, camera_id: str, violation_id: UUID, snapshot: str, clip: Clip | ClipFlaw) -> None:
        files: dict[str, tuple[Content, FileDigest]] = {}
        if isinstance(clip, Clip):
            files[CLIP] = self._content(camera_id, clip.content)
            if files[CLIP][1].size > LARGEST_CLIP:
                clip, files = ClipFlaw.MEMORY, {}  # no centre would take it
        head = self._heads[camera_id]  # after the violation's own
        told: dict[str, object] = {"missing": clip} if isinstance(clip, ClipFlaw) else {
            "codec": clip.codec, "duration_s": clip.duration_s, "moment_s": clip.moment_s, "begins_late": clip.begins_late,
            "ends_early": clip.ends_early,
        }
        manifest = ClipManifest.model_validate(
            {
                "violation_id": violation_id, "snapshot": snapshot, "edge_id": self._edge_id, "camera_id": camera_id,
                "sequence": head.sequence + 1, "previous": head.digest, "software_version": software_version(),
                "files": {name: digest for name, (_, digest) in files.items()}, **told,
            }
        )
        path = self._folder.commit(seal_clip(manifest, self._key), {name: content for name, (content, _) in files.items()})
        self._committed(Entry(manifest))
        if CLIP in manifest.files:
            self._last_clips[camera_id] = violation_id, path / CLIP, manifest.files[CLIP]

    def _content(self, camera_id: str, content: bytes | memoryview | UUID) -> tuple[Content, FileDigest]:
        """Of the violation whose clip it is too, where that lies. Raises OSError where it is not the last one."""
        if not isinstance(content, UUID):
            return content, file_digest(content)
        last = self._last_clips.get(camera_id)
        if last is None or last[0] != content:
            raise FileNotFoundError(errno.ENOENT, f"There is no clip of {content} to share")
        return last[1:]

    def _committed(self, entry: Entry) -> None:
        manifest = entry.manifest
        self._heads[manifest.camera_id] = Head(manifest.sequence, entry.digest)
        try:
            self._outbox.add([entry])
        except sqlite3.Error as error:
            log.error("evidence_not_queued_yet", violation=str(manifest.violation_id), cause=str(error))
            self._unlisted.set()

    def _tell_untold(self) -> None:
        while self._untold:
            try:
                self._commit_clip(*self._untold[0], ClipFlaw.DISK)
            except OSError:
                return
            del self._untold[0]

    def try_out(self, camera_id: str) -> None:
        """Raises OSError when the disk would not take evidence of this camera now; where it does, what waits for that is told."""
        self._folder.try_out(camera_id)
        self._tell_untold()

    def relist(self) -> None:
        """Queue committed evidence whose row could not be written. Raises OSError, sqlite3.Error."""
        if not self._unlisted.is_set():
            return
        self._unlisted.clear()
        try:
            self._outbox.add(list(self._folder.committed(self._outbox.known(), self._outbox.known(is_clip=True))))
        except BaseException:
            self._unlisted.set()
            raise
