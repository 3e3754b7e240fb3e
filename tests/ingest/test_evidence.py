import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import cast
from uuid import uuid4

import pytest

from contract.evidence import SealedManifest, verify_seal
from ingest import evidence
from ingest.durable import link_file
from ingest.evidence import EvidenceFolder
from ingest.outbox import Report
from tests.ingest.edge_world import KEY, Parts, violation


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    return Parts(tmp_path)


def committed(parts: Parts) -> list[Report]:
    return [
        Report(entry.manifest.violation_id, entry.manifest.camera_id, entry.manifest.sequence)
        for entry in parts.evidence.committed(set())
    ]


def all_files(parts: Parts) -> list[str]:
    return sorted(str(path.relative_to(parts.evidence.folder)) for path in parts.evidence.folder.rglob("*"))


def test_what_was_committed_can_be_read_and_checked(parts: Parts):
    parts.record()
    package = parts.evidence.read(committed(parts)[0])
    sealed = SealedManifest.model_validate_json(package.manifest)
    verify_seal(sealed, KEY.public_key(), package.files)
    assert set(package.files) == {"original.jpg", "overlay.jpg"}


def test_repeat_is_kept_beside_the_manifest(parts: Parts):
    parts.record()
    assert [entry.repeat for entry in parts.evidence.committed(set())] == [violation().repeat]


def test_what_is_known_is_not_read_again(parts: Parts):
    first, second = parts.record(), parts.record()
    assert [entry.manifest.violation_id for entry in parts.evidence.committed({first})] == [second]


@pytest.mark.parametrize("call", ["mkdir", "open", "fsync", "rename"])
@pytest.mark.parametrize("number", range(1, 8))
def test_full_disk_at_any_call_commits_nothing(parts: Parts, monkeypatch: pytest.MonkeyPatch, call: str, number: int):
    """The disk is full at the n-th such call and stays full; a call after the commit point does no harm."""
    parts.record()  # so that the camera's folder is there
    before = all_files(parts)
    real, calls = getattr(os, call), 0

    def full(*args: object, **keywords: object) -> object:
        nonlocal calls
        if call == "open" and not cast(int, args[1]) & os.O_CREAT:
            return real(*args, **keywords)  # a full disk lets folders be opened
        calls += 1
        if calls >= number:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(*args, **keywords)

    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        try:
            parts.record()
            done = True
        except OSError:
            done = False
    if done:
        assert len(committed(parts)) == 2
    else:
        assert all_files(parts) == before
    parts.record()
    assert [report.sequence for report in committed(parts)] == list(range(1, len(committed(parts)) + 1))


def test_half_written_is_swept_away(parts: Parts):
    parts.record()
    folder = next(parts.evidence.folder.glob("cam-1/0*"))
    shutil.copytree(folder, folder.with_name(f".partial-{uuid4()}"))
    assert parts.evidence.sweep() == 1
    assert len(committed(parts)) == 1
    assert list(parts.evidence.folder.glob("cam-1/.partial-*")) == []


def test_deleted_is_gone(parts: Parts):
    parts.record()
    report = committed(parts)[0]
    parts.evidence.delete(report)
    assert committed(parts) == []
    with pytest.raises(FileNotFoundError):
        parts.evidence.read(report)
    parts.evidence.delete(report)


def test_deleted_is_on_the_disk_before_it_is_said(parts: Parts, monkeypatch: pytest.MonkeyPatch):
    parts.record()
    synced: list[list[str]] = []
    monkeypatch.setattr("ingest.evidence.sync_folder", lambda folder: synced.append(sorted(os.listdir(folder))))
    report = committed(parts)[0]
    parts.evidence.delete(report)
    assert [[name.partition("-")[0] for name in names] for names in synced] == [[".partial"]]


def test_deleting_a_violation_leaves_its_clip_alone_that_is_being_written(parts: Parts, monkeypatch: pytest.MonkeyPatch):
    """On a disk with hardly any room what the centre has just got is deleted at once."""
    violation_id = parts.record()
    (report,) = committed(parts)
    write = evidence.write_file

    def deleted_meanwhile(path: Path, content: bytes) -> None:
        monkeypatch.undo()
        parts.evidence.delete(report)
        write(path, content)

    monkeypatch.setattr(evidence, "write_file", deleted_meanwhile)
    parts.record_clip(violation_id)
    assert [path.name for path in sorted(parts.evidence.folder.glob("cam-1/*"))] == [f"00000002-{violation_id}-clip"]


def test_half_deleted_is_never_taken_for_evidence(parts: Parts, monkeypatch: pytest.MonkeyPatch):
    parts.record()
    monkeypatch.setattr(shutil, "rmtree", lambda path, ignore_errors=False: None)
    parts.evidence.delete(committed(parts)[0])
    assert committed(parts) == []


def test_a_folder_that_a_damaged_file_system_does_not_give_stops_no_edge(parts: Parts, monkeypatch: pytest.MonkeyPatch):
    parts.record()
    second = parts.record(camera_id="cam-2")
    whole = os.scandir

    def scandir(path: Path | int) -> Iterator[os.DirEntry[str]]:
        if isinstance(path, int) or Path(path).name == "cam-1":  # a number: what is being removed
            raise OSError(errno.EUCLEAN, "Structure needs cleaning")
        return whole(path)

    (parts.evidence.folder / "cam-2" / ".partial-x").mkdir()
    monkeypatch.setattr(os, "scandir", scandir)
    parts.evidence.sweep()
    assert [report.violation_id for report in committed(parts)] == [second]


@pytest.mark.parametrize("damage", ["manifest.json", "repeat.json"])
def test_damaged_folder_is_passed_over(parts: Parts, damage: str):
    parts.record()
    second = parts.record()
    (next(parts.evidence.folder.glob("cam-1/00000001-*")) / damage).write_bytes(b"{")
    assert [report.violation_id for report in committed(parts)] == [second]


def test_only_the_owner_can_read_evidence(tmp_path: Path):
    parts = Parts(tmp_path)
    parts.record()
    assert EvidenceFolder(tmp_path / "evidence").folder.stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o077 == 0 for path in parts.evidence.folder.rglob("*"))


def test_what_cannot_be_linked_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "one").write_bytes(b"clip")

    def no_links(source: Path, name: Path) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    link_file(tmp_path / "two", tmp_path / "one")
    assert (tmp_path / "two").read_bytes() == b"clip"
