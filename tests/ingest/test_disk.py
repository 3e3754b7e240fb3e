import sqlite3
import threading
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ingest.database import Database
from ingest.disk import HANGS_S, Disk
from tests.ingest.edge_world import Clock


def test_a_disk_that_hangs_is_told_once_and_that_it_answers_again_too():
    timer = Clock(0.0)
    disk = Disk(timer)
    with capture_logs() as logs:
        with disk.asked():
            timer.now += HANGS_S
            with disk.asked():
                pass  # another one was quick
            disk.tell()
            assert not logs, "it may take its time"
            timer.now += 1
            for _ in range(2):
                disk.tell()
            assert (disk.hangs, disk.waiting_s) == (True, HANGS_S + 1)
        for _ in range(2):
            disk.tell()
    assert [line["event"] for line in logs] == ["disk_hangs", "disk_answers_again"]
    assert disk.waiting_s == 0.0


def test_nobody_waits_for_ever_for_a_thread_that_the_disk_does_not_let_go_of(tmp_path: Path):
    database = Database(tmp_path / "edge.sqlite3", busy_timeout_s=0.05)
    begun, over = threading.Event(), threading.Event()

    def hang() -> None:
        with database.transaction():
            begun.set()
            over.wait(30.0)

    thread = threading.Thread(target=hang)
    thread.start()
    assert begun.wait(30.0)
    with pytest.raises(sqlite3.OperationalError, match="has not answered"):
        database.rows("SELECT 1")
    over.set()
    thread.join(30.0)
    assert len(database.rows("SELECT 1")) == 1
