import errno
import os
import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import cv2
import numpy as np
import pytest

from contract.evidence import CLIP, FIRST_OF_CHAIN, LARGEST_CLIP, ClipFlaw, ClipManifest, Manifest
from ingest.outbox import Outbox
from tests.ingest.edge_world import KEY, MODELS, START, Parts, a_clip, camera, catalogue, image, sight, violation


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    return Parts(tmp_path)


def manifests(parts: Parts) -> list[Manifest]:
    return [entry.manifest for entry in parts.evidence.committed(set()) if isinstance(entry.manifest, Manifest)]


def restarted(tmp_path: Path) -> Parts:
    parts = Parts(tmp_path)
    parts.recover()
    return parts


def test_manifest_says_what_was_seen(parts: Parts):
    parts.recorder.record(camera(username="admin"), catalogue().version, sight(), violation())
    (manifest,) = manifests(parts)
    assert (manifest.rule, manifest.camera_id, manifest.stream_host) == ("K01", "cam-1", "10.0.0.5")
    assert (manifest.captured_at, manifest.since) == (START, START - timedelta(seconds=12))
    assert (manifest.camera_time_s, manifest.frame_width, manifest.frame_height) == (12.5, 160, 120)
    assert (manifest.models, manifest.catalogue_version) == (MODELS, catalogue().version)
    assert [box.kind for box in manifest.boxes if box.violating] == ["head"]


def test_original_has_no_boxes_and_overlay_has(parts: Parts):
    parts.record()
    report = parts.outbox.next_of_each_camera()[0]
    pictures = {
        name: cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        for name, content in parts.evidence.read(report).files.items()
    }
    original, overlay = pictures["original.jpg"], pictures["overlay.jpg"]
    assert original is not None
    assert overlay is not None
    assert np.abs(original.astype(int) - image()).max() <= 2
    assert np.abs(overlay.astype(int) - image()).max() > 60


def test_chain_of_each_camera(parts: Parts):
    for camera_id in ("a", "b", "a", "a"):
        parts.record(camera_id)
    chains: dict[str, list[Manifest]] = {}
    for manifest in manifests(parts):
        chains.setdefault(manifest.camera_id, []).append(manifest)
    assert {name: [m.sequence for m in chain] for name, chain in chains.items()} == {"a": [1, 2, 3], "b": [1]}
    for chain in chains.values():
        assert [m.previous for m in chain] == [FIRST_OF_CHAIN, *(m.digest() for m in chain[:-1])]


def test_chain_goes_on_after_a_restart(parts: Parts, tmp_path: Path):
    parts.record()
    again = restarted(tmp_path)
    again.record()
    first, clip, second = everything(again)
    assert (clip.sequence, clip.previous) == (2, first.digest())
    assert (second.sequence, second.previous) == (3, clip.digest())


def test_chain_goes_on_after_evidence_was_sent_and_deleted(parts: Parts, tmp_path: Path):
    parts.record()
    (first,) = manifests(parts)
    parts.sender.step()
    parts.clock.now += 31 * 86_400
    parts.timer.now += 31 * 86_400
    parts.sender.step()
    assert manifests(parts) == []
    again = restarted(tmp_path)
    again.record()
    (second,) = manifests(again)
    assert (second.sequence, second.previous) == (2, first.digest())


def test_committed_without_a_row_is_queued_after_a_restart(parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Outbox, "add", lambda self, entries: None)
    violation_id = parts.record()
    monkeypatch.undo()
    again = restarted(tmp_path)
    assert [report.violation_id for report in again.outbox.next_of_each_camera()] == [violation_id]


def test_half_written_is_removed_at_the_start(parts: Parts, tmp_path: Path):
    parts.record()
    half = tmp_path / "evidence" / "cam-1" / f".partial-{uuid4()}"
    half.mkdir()
    (half / "original.jpg").write_bytes(b"half")
    restarted(tmp_path)
    assert not half.exists()


def test_database_that_is_locked_while_evidence_is_committed(parts: Parts, tmp_path: Path):
    other = sqlite3.connect(tmp_path / "edge.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    violation_id = parts.record()
    assert parts.outbox.waiting() == 0
    other.execute("ROLLBACK")
    other.close()
    parts.recorder.relist()
    assert [report.violation_id for report in parts.outbox.next_of_each_camera()] == [violation_id]


def test_lost_database_is_made_again_from_the_evidence(parts: Parts, tmp_path: Path):
    ids = {parts.record("a"), parts.record("b")}
    parts.database.close()
    for path in tmp_path.glob("edge.sqlite3*"):
        path.unlink()
    again = restarted(tmp_path)
    assert again.outbox.known() == ids
    assert again.recorder.repeats("a", catalogue(), START) == [violation().repeat]


def test_told_is_not_told_again_after_a_restart(parts: Parts, tmp_path: Path):
    parts.record()
    again = restarted(tmp_path)
    assert again.recorder.repeats("cam-1", catalogue(), START) == [violation().repeat]
    assert again.recorder.repeats("cam-2", catalogue(), START) == []


def test_told_may_be_told_again_after_the_interval(parts: Parts, tmp_path: Path):
    parts.record()
    later = START + timedelta(seconds=catalogue().rule("K01").repeat_s)
    assert restarted(tmp_path).recorder.repeats("cam-1", catalogue(), later) == []


def test_what_may_be_told_again_is_forgotten(parts: Parts):
    for day in range(5):
        moment = START + timedelta(days=day)
        parts.recorder.record(camera(), catalogue().version, sight(moment), violation(moment))
    assert sum(map(len, parts.recorder._repeats.values())) == 1


def test_clock_that_was_ahead_does_not_silence_a_rule_for_long(parts: Parts, tmp_path: Path):
    parts.clock.now += 10 * 86_400
    parts.record()
    (repeat,) = restarted(tmp_path).recorder.repeats("cam-1", catalogue(), START)
    assert repeat.until == START + timedelta(seconds=catalogue().rule("K01").repeat_s)


def test_seal_is_made_with_the_edge_key(parts: Parts):
    parts.record()
    sealed = next(parts.evidence.folder.glob("cam-1/*/manifest.json")).read_text()
    assert KEY.private_bytes_raw().hex() not in sealed


def test_a_new_key_begins_with_what_the_centre_knew_last(parts: Parts):
    known = "a" * 64
    for _ in range(2):
        parts.recorder.record(camera(chain_start=known), catalogue().version, sight(), violation())
    first, second = manifests(parts)
    assert [(first.sequence, first.previous), (second.sequence, second.previous)] == [(1, known), (2, first.digest())]


def test_a_disk_that_was_put_back_goes_on_where_the_centre_knows_the_chain_to_be(parts: Parts):
    parts.record()
    known = "a" * 64
    for length in (8, 1):  # the second list is older than what was recorded since
        there = camera(chain_start=known, chain_length=length)
        parts.recorder.record(there, catalogue().version, sight(), violation())
    _, second, third = manifests(parts)
    assert [(second.sequence, second.previous), (third.sequence, third.previous)] == [(9, known), (10, second.digest())]


def clips(parts: Parts) -> list[ClipManifest]:
    return [manifest for manifest in everything(parts) if isinstance(manifest, ClipManifest)]


def everything(parts: Parts) -> list[Manifest | ClipManifest]:
    return sorted((entry.manifest for entry in parts.evidence.committed(set())), key=lambda manifest: manifest.sequence)


class TestClip:
    def test_it_is_a_link_of_the_chain_and_names_its_violation(self, parts: Parts):
        first, second = parts.record(), parts.record()
        parts.record_clip(first)
        one, two, clip = everything(parts)
        assert isinstance(clip, ClipManifest)
        assert (clip.violation_id, clip.snapshot) == (first, one.digest())
        assert (clip.sequence, clip.previous, two.violation_id) == (3, two.digest(), second)
        assert (clip.codec, clip.duration_s, clip.moment_s, clip.files["clip.mp4"].size) == ("h264", 15.0, 5.0, 4)

    def test_that_of_the_violation_before_lies_there_once(self, parts: Parts):
        first, second = parts.record(), parts.record()
        parts.record_clip(first)
        parts.record_clip(second, replace(a_clip(), content=first, moment_s=8.0))
        one, two = clips(parts)
        assert (one.files, one.moment_s, two.moment_s) == (two.files, 5.0, 8.0)
        files = [path.stat() for path in parts.evidence.folder.glob(f"cam-1/*/{CLIP}")]
        assert [(file.st_nlink, file.st_size) for file in files] == [(2, 4)] * 2

    def test_that_of_another_violation_than_the_one_before_is_told_as_missing(self, parts: Parts):
        first, second = parts.record(), parts.record()
        with pytest.raises(OSError, match="no clip"):
            parts.record_clip(second, replace(a_clip(), content=first))
        parts.record()
        assert [(clip.violation_id, clip.missing) for clip in clips(parts)] == [(second, ClipFlaw.DISK)]

    def test_the_chain_goes_on_from_it_after_a_restart(self, parts: Parts, tmp_path: Path):
        parts.record_clip(parts.record())
        again = restarted(tmp_path)
        again.record()
        assert [manifest.sequence for manifest in everything(again)] == [1, 2, 3]
        assert everything(again)[2].previous == everything(again)[1].digest()

    def test_why_there_is_none_is_told(self, parts: Parts):
        parts.record_clip(parts.record(), ClipFlaw.MEMORY)
        (clip,) = clips(parts)
        assert (clip.missing, clip.files) == (ClipFlaw.MEMORY, {})

    def test_what_was_gathered_when_the_edge_died_is_told_as_missing(self, parts: Parts, tmp_path: Path):
        done, lost = parts.record("a"), parts.record("b")
        parts.record_clip(done)
        again = restarted(tmp_path)
        assert {clip.violation_id: clip.missing for clip in clips(again)} == {done: None, lost: ClipFlaw.STOPPED}
        assert len(clips(restarted(tmp_path))) == 2

    def test_a_clip_without_a_row_is_queued_after_a_restart(self, parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        violation_id = parts.record()
        with monkeypatch.context() as patch:
            patch.setattr(Outbox, "add", lambda self, entries: None)
            parts.record_clip(violation_id)
        again = restarted(tmp_path)
        assert [clip.missing for clip in clips(again)] == [None]
        again.sender.step()
        again.clip_sender.step()
        assert again.centre.clips[str(violation_id)][1] == b"clip"

    def test_a_disk_that_refuses_it_is_told_once_it_takes_anything(self, parts: Parts, monkeypatch: pytest.MonkeyPatch):
        violation_id = parts.record()
        with monkeypatch.context() as patch:
            patch.setattr(os, "rename", full)
            with pytest.raises(OSError, match="No space"):
                parts.record_clip(violation_id)
        assert clips(parts) == []
        parts.record()
        assert [(clip.violation_id, clip.missing) for clip in clips(parts)] == [(violation_id, ClipFlaw.DISK)]

    def test_a_disk_that_takes_anything_again_is_told_without_new_evidence(self, parts: Parts, monkeypatch: pytest.MonkeyPatch):
        violation_id = parts.record()
        with monkeypatch.context() as patch:
            patch.setattr(os, "rename", full)
            with pytest.raises(OSError, match="No space"):
                parts.record_clip(violation_id)
        parts.recorder.try_out("cam-1")
        assert [(clip.violation_id, clip.missing) for clip in clips(parts)] == [(violation_id, ClipFlaw.DISK)]

    def test_what_a_failing_disk_did_not_let_go_of_is_not_in_its_way(self, parts: Parts, monkeypatch: pytest.MonkeyPatch):
        violation_id = parts.record()
        with monkeypatch.context() as patch:
            patch.setattr(os, "rename", full)
            patch.setattr(os, "rmdir", full)
            with pytest.raises(OSError, match="No space"):
                parts.record_clip(violation_id)
        parts.record()
        assert [clip.missing for clip in clips(parts)] == [ClipFlaw.DISK]

    def test_one_that_no_centre_would_take_is_not_kept(self, parts: Parts):
        parts.record_clip(parts.record(), a_clip(bytes(LARGEST_CLIP + 1)))
        assert [clip.missing for clip in clips(parts)] == [ClipFlaw.MEMORY]


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_rows_from_before_there_were_clips_are_kept(parts: Parts, tmp_path: Path):
    violation_id = parts.record()
    parts.outbox.mark_sent(violation_id, START.timestamp())
    with parts.database.transaction() as connection:
        connection.execute(
            "CREATE TABLE old (violation_id TEXT PRIMARY KEY, camera_id TEXT NOT NULL, sequence INTEGER NOT NULL, "
            "digest TEXT NOT NULL, rule TEXT NOT NULL, box TEXT NOT NULL, repeat_until REAL NOT NULL, state TEXT NOT NULL, "
            "settled_at REAL)"
        )
        connection.execute(
            "INSERT INTO old SELECT violation_id, camera_id, sequence, digest, rule, box, repeat_until, state, settled_at "
            "FROM reports"
        )
        connection.execute("DROP TABLE reports")
        connection.execute("ALTER TABLE old RENAME TO reports")
    parts.database.close()
    again = restarted(tmp_path)
    assert again.outbox.known() == {violation_id}
    assert again.outbox.next_of_each_camera() == []
    assert [clip.missing for clip in clips(again)] == [ClipFlaw.STOPPED]
