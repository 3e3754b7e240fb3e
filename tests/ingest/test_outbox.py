import sqlite3
from pathlib import Path
from uuid import uuid4

import pytest

from ingest.database import Database
from ingest.outbox import Entry, Outbox
from tests.ingest.edge_world import START, Parts, violation

NOW = START.timestamp()


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    return Parts(tmp_path)


def test_adding_again_changes_nothing(parts: Parts):
    violation_id = parts.record()
    parts.outbox.mark_sent(violation_id, NOW)
    parts.outbox.add(list(parts.evidence.committed(set())))
    assert parts.outbox.waiting() == 0


def test_first_of_each_camera_by_its_chain(parts: Parts):
    first_a, _, first_b = parts.record("a"), parts.record("a"), parts.record("b")
    assert {report.violation_id for report in parts.outbox.next_of_each_camera()} == {first_a, first_b}


def test_parked_lets_the_next_pass_and_stays(parts: Parts):
    first, second = parts.record(), parts.record()
    parts.outbox.park(first, NOW)
    assert [report.violation_id for report in parts.outbox.next_of_each_camera()] == [second]
    assert (parts.outbox.waiting(), parts.outbox.parked()) == (1, 1)


def test_parked_is_tried_again_after_a_restart(parts: Parts, tmp_path: Path):
    first, second = parts.record(), parts.record()
    for violation_id in (first, second):
        parts.record_clip(violation_id)
        parts.outbox.mark_sent(violation_id, NOW, is_clip=True)
    parts.outbox.park(first, NOW)
    parts.outbox.mark_sent(second, NOW)
    again = Parts(tmp_path)
    again.recover()
    assert [report.violation_id for report in again.outbox.next_of_each_camera()] == [first]
    assert (again.outbox.waiting(), again.outbox.parked()) == (1, 0)


def test_rows_survive_a_restart(parts: Parts, tmp_path: Path):
    violation_id = parts.record()
    parts.database.close()
    assert Outbox(Database(tmp_path / "edge.sqlite3")).known() == {violation_id}


def test_purge_keeps_the_head_of_each_chain(parts: Parts):
    old, head = parts.record(), parts.record()
    for violation_id in (old, head):
        parts.outbox.mark_deleted(violation_id, NOW)
    parts.outbox.purge(NOW + 86_400)
    assert parts.outbox.known() == {head}


def test_purge_keeps_what_must_not_be_told_again_yet(parts: Parts):
    old, _ = parts.record(), parts.record()
    parts.outbox.mark_deleted(old, NOW)
    parts.outbox.purge(violation().repeat.until.timestamp() - 1)
    assert old in parts.outbox.known()


def test_damaged_database_is_put_aside(tmp_path: Path):
    path = tmp_path / "edge.sqlite3"
    path.write_bytes(b"this is no database, and long enough to be looked at" * 100)
    assert Outbox(Database(path)).waiting() == 0
    assert len(list(tmp_path.glob("edge.sqlite3.damaged-*"))) == 1


def test_database_that_is_damaged_inside_is_put_aside(parts: Parts, tmp_path: Path):
    for number in range(200):
        with parts.database.transaction() as connection:
            connection.execute(
                "INSERT INTO minutes (camera_id, minute, looks) VALUES (?, ?, 1)", (f"camera-{number}" * 4, number)
            )
    parts.database.close()
    path = tmp_path / "edge.sqlite3"
    content = bytearray(path.read_bytes())
    content[-2048:] = b"\xa5" * 2048
    path.write_bytes(content)
    assert Outbox(Database(path)).known() == set()
    assert len(list(tmp_path.glob("edge.sqlite3.damaged-*"))) == 1


def test_locked_database_is_an_error_not_a_damage(tmp_path: Path):
    path = tmp_path / "edge.sqlite3"
    Database(path).close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        Database(path, busy_timeout_s=0.05)
    other.close()
    assert list(tmp_path.glob("*.damaged-*")) == []


def test_failed_transaction_leaves_nothing(parts: Parts):
    entry = next(iter(_entries(parts)))
    broken = Entry(entry.manifest.model_copy(update={"violation_id": uuid4(), "camera_id": None}), entry.repeat)
    good = Entry(entry.manifest.model_copy(update={"violation_id": uuid4()}), entry.repeat)
    with pytest.raises(sqlite3.IntegrityError):
        parts.outbox.add([good, broken])
    assert good.manifest.violation_id not in parts.outbox.known()


def _entries(parts: Parts) -> list[Entry]:
    parts.record()
    return list(parts.evidence.committed(set()))
