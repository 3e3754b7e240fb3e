"""Evidence on the edge's disk: one folder for each manifest, there as a whole or not at all.

    evidence/CAMERA/00000012-VIOLATION_ID/        original.jpg overlay.jpg manifest.json repeat.json
    evidence/CAMERA/00000013-VIOLATION_ID-clip/   clip.mp4 manifest.json; without clip.mp4 the manifest says why there is none
    evidence/CAMERA/.partial-VIOLATION_ID/        being written, or left over from a power cut

Renaming the last into one of the others is the commit point: the files are on the disk by then. `repeat.json` says until when
the violation is not told again; it belongs to the edge and is not sent.
"""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO
from uuid import UUID, uuid4

import structlog
from pydantic import ValidationError

from contract.edge_auth import EARLIEST
from contract.evidence import CLIP, ClipManifest, Manifest, SealedClip, SealedManifest
from detector.violation import Repeat
from ingest.durable import link_file, sync_folder, write_file
from ingest.outbox import Entry, Report

PARTIAL, OF_CLIP = ".partial-", "-clip"
# Beside the evidence: what an identity that is gone has left, by the nanoseconds at which it was put aside (`ingest.enrol`).
ASIDE = "before-"
# Bytes: a picture at 1080p and its copy with boxes.
USUAL_SIZE = 2_000_000
# Of a file: its bytes, or where it lies already.
Content = bytes | memoryview | Path
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Package:
    """What travels of a violation: the manifest's JSON, and the pictures that it names."""

    manifest: bytes
    files: dict[str, bytes]


class EvidenceFolder:
    """All methods raise OSError when the disk does not do what it should."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def commit(
        self, sealed: SealedManifest | SealedClip, files: Mapping[str, Content], repeat: Repeat | None = None
    ) -> Path:
        """Write all files and give the folder its name, which is returned. After an OSError nothing is committed."""
        manifest = sealed.manifest
        beside = {} if repeat is None else {"repeat.json": _repeat_json(repeat)}
        written = {**files, **beside, "manifest.json": sealed.model_dump_json().encode()}
        path = self._path(_report(manifest))
        with self._written(manifest.camera_id, manifest.violation_id, written) as partial:
            os.rename(partial, path)
        # From here on every look at the disk sees the folder; only a power cut on a failing disk may still undo the name.
        with contextlib.suppress(OSError):
            sync_folder(partial.parent)
        return path

    def try_out(self, camera_id: str) -> None:
        """Find out whether the disk would take evidence of this camera now; nothing of the attempt stays."""
        with self._written(camera_id, uuid4(), {"original.jpg": os.urandom(USUAL_SIZE)}):
            pass

    @contextlib.contextmanager
    def _written(self, camera_id: str, violation_id: UUID, files: Mapping[str, Content]) -> Iterator[Path]:
        """A folder with these files, all on the disk; removed again unless it has got another name meanwhile."""
        camera = self.folder / camera_id
        if not camera.is_dir():
            camera.mkdir(mode=0o700)
            sync_folder(self.folder)
        partial = camera / f"{PARTIAL}{violation_id}"
        shutil.rmtree(partial, ignore_errors=True)  # what a failing disk did not let go of
        try:
            partial.mkdir(mode=0o700)
            for name, content in files.items():
                if isinstance(content, Path):
                    link_file(partial / name, content)
                else:
                    write_file(partial / name, content)
            sync_folder(partial)
            yield partial
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def read(self, report: Report) -> Package:
        """Raises FileNotFoundError when somebody took files away."""
        path = self._path(report)
        files = {file.name: file.read_bytes() for file in sorted(path.iterdir()) if file.suffix == ".jpg"}
        return Package((path / "manifest.json").read_bytes(), files)

    @contextlib.contextmanager
    def opened_clip(self, report: Report) -> Iterator[tuple[bytes, BinaryIO | None]]:
        """The manifest's JSON, and the clip if there is one: it is read as it is sent, not put into memory whole before. One with
        several names (`st_nlink`) is the clip of several violations.

        Raises FileNotFoundError when somebody took files away.
        """
        path = self._path(report)
        manifest = (path / "manifest.json").read_bytes()
        try:  # a newer version of this program, which ran here before, may have told more
            files = SealedClip.model_validate_json(manifest, extra="ignore").manifest.files
        except ValidationError:
            files = {}  # a disk that lost it: the centre says no, and the next one is sent
        if files:
            with (path / CLIP).open("rb") as clip:
                yield manifest, clip
        else:
            yield manifest, None

    def delete(self, report: Report) -> None:
        """Remove the folder, first its name, so that a half-removed one is never taken for evidence."""
        path = self._path(report)
        # A name of its own: the violation's clip may be being written just now.
        partial = path.with_name(f"{PARTIAL}{path.name}")
        with contextlib.suppress(FileNotFoundError):
            os.rename(path, partial)
            sync_folder(path.parent)  # or a power cut brings back what the outbox says is deleted
        shutil.rmtree(partial, ignore_errors=True)

    def delete_aside(self, moment: float, now: float) -> list[Path]:
        """Remove what was put aside before `moment`: nobody can send it any more, and it may be another shop's. Returns these."""
        gone = []
        for path in self.folder.parent.glob(f"{ASIDE}[0-9]*"):
            at = int(path.name.removeprefix(ASIDE)) / 1e9
            if at < EARLIEST.timestamp():  # by a clock that could not be right
                path.rename(path.with_name(f"{ASIDE}{round(now * 1e9)}"))
            elif at < moment:
                shutil.rmtree(path)
                gone.append(path)
        return gone

    def free_bytes(self) -> int:
        """Of the disk."""
        return shutil.disk_usage(self.folder).free

    def sweep(self) -> int:
        """Remove what was half-written or half-removed when the edge was stopped, before anything writes. Returns how many."""
        left = list(self._found(f"{PARTIAL}*"))
        for path in left:
            shutil.rmtree(path, ignore_errors=True)  # of a damaged file system: no reason to watch no kitchen
        return len(left)

    def committed(self, known: set[UUID], known_clips: Set[UUID] = frozenset()) -> Iterator[Entry]:
        """What is committed and not `known`; a folder that cannot be read is told and passed over."""
        for path in self._found("[0-9]*-*"):
            try:
                is_clip = path.name.endswith(OF_CLIP)
                violation_id = UUID(path.name.removesuffix(OF_CLIP).partition("-")[2])
                if violation_id in (known_clips if is_clip else known):
                    continue
                content = (path / "manifest.json").read_bytes()
                if is_clip:
                    yield Entry(SealedClip.model_validate_json(content).manifest)
                else:
                    repeat = _read_repeat((path / "repeat.json").read_bytes())
                    yield Entry(SealedManifest.model_validate_json(content).manifest, repeat)
            except (OSError, ValidationError, ValueError, KeyError) as error:
                log.error("evidence_unreadable", folder=str(path), cause=type(error).__name__)

    def _found(self, pattern: str) -> Iterator[Path]:
        """Of all cameras; one whose folder a damaged file system does not give any more keeps the others from nothing."""
        for camera in sorted(self.folder.iterdir()):
            try:
                yield from sorted(camera.glob(pattern))
            except OSError as error:
                log.error("evidence_unreadable", folder=str(camera), cause=str(error))

    def _path(self, report: Report) -> Path:
        return self.folder / report.camera_id / f"{report.sequence:08d}-{report.violation_id}{OF_CLIP if report.is_clip else ''}"


def _report(manifest: Manifest | ClipManifest) -> Report:
    return Report(manifest.violation_id, manifest.camera_id, manifest.sequence, isinstance(manifest, ClipManifest))


def _repeat_json(repeat: Repeat) -> bytes:
    return json.dumps({"rule": repeat.rule, "box": repeat.spot, "until": repeat.until.isoformat()}).encode()


def _read_repeat(content: bytes) -> Repeat:
    stored = json.loads(content)
    x1, y1, x2, y2 = (float(edge) for edge in stored["box"])
    return Repeat(str(stored["rule"]), (x1, y1, x2, y2), datetime.fromisoformat(stored["until"]))
