import sqlite3
from collections import deque
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path

import pytest

from contract.edges import CameraMinute, StreamFault
from ingest.database import Database
from ingest.minutes import KEEP_S, MinuteBook
from tests.ingest.edge_world import START, Clock


class World:
    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.started = START.timestamp() - 500.0  # the machine, by its clock as it is set now
        self.is_compared = True
        self.folder = folder
        self.book = self.restarted()

    def restarted(self) -> MinuteBook:
        database = Database(self.folder / "edge.sqlite3", busy_timeout_s=0.05)
        self.book = MinuteBook(database, self.clock, lambda: self.is_compared, lambda: self.clock.now - self.started)
        return self.book

    def set_clock(self, now: float) -> None:
        self.started += now - self.clock.now
        self.clock.now = now

    def closed(self) -> list[CameraMinute]:
        self.book.turn()
        return self.book.closed(100)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_minutes_that_are_closed_while_others_are_written_are_kept(world: World, monkeypatch: pytest.MonkeyPatch):
    """A disk that hangs for an hour: those that it was given have long given way to newer ones by then."""
    world.book._closed = deque(maxlen=2)
    transaction = world.book._database.transaction

    def slow() -> AbstractContextManager[sqlite3.Connection]:
        for _ in range(3):
            world.book.looked("a", 640, 360)
            world.clock.now += 60
        return transaction()

    world.book.watch("a")
    world.book.looked("a", 640, 360)
    world.clock.now += 60
    monkeypatch.setattr(world.book._database, "transaction", slow)
    world.book.turn()
    (written,) = world.book.closed(10)
    assert [one.minute - written.minute for one, _ in world.book._closed] == [timedelta(minutes=1), timedelta(minutes=2)]


def test_looks_are_counted_by_the_minute(world: World):
    world.book.watch("a")
    for seconds in (0, 20, 20, 20, 20):  # the fourth look is in the second minute
        world.clock.now += seconds
        world.book.looked("a", 1920, 1080)
    world.clock.now += 60
    first, second = world.closed()
    assert first == CameraMinute(camera_id="a", minute=START, looks=3, width=1920, height=1080)
    assert second == CameraMinute(camera_id="a", minute=START + timedelta(minutes=1), looks=2, width=1920, height=1080)


def test_fault_is_told_for_every_minute_that_it_lasts(world: World):
    world.book.watch("a")
    world.book.state("a", StreamFault.REFUSED)
    for _ in range(3):
        world.clock.now += 60
        world.book.turn()
    assert [(minute.looks, minute.fault) for minute in world.closed()] == [(0, StreamFault.REFUSED)] * 3


def test_minute_with_looks_and_a_fault_tells_both(world: World):
    world.book.watch("a")
    world.book.looked("a", 640, 360)
    world.book.state("a", StreamFault.DISCONNECTED)
    world.book.state("a", None)
    world.clock.now += 60
    (minute,) = world.closed()
    assert (minute.looks, minute.fault) == (1, StreamFault.DISCONNECTED)


def test_fault_that_is_over_is_not_told_of_the_next_minute(world: World):
    world.book.watch("a")
    world.book.state("a", StreamFault.TIMEOUT)
    world.book.state("a", None)
    world.clock.now += 60
    world.book.looked("a", 640, 360)
    world.clock.now += 60
    assert [minute.fault for minute in world.closed()] == [StreamFault.TIMEOUT, None]


def test_neither_look_nor_fault_is_no_picture(world: World):
    world.book.watch("a")
    world.clock.now += 60
    assert [minute.fault for minute in world.closed()] == [StreamFault.NO_PICTURE]


def test_camera_that_is_just_being_opened_is_not_accused(world: World):
    world.clock.now += 50
    world.book.watch("a")
    world.clock.now += 10
    assert world.closed() == []


def test_running_minute(world: World):
    world.book.watch("a")
    assert world.book.running() == []
    world.book.looked("a", 640, 360)
    assert [(minute.looks, minute.minute) for minute in world.book.running()] == [(1, START)]


def test_closed_minutes_survive_a_restart(world: World):
    world.book.watch("a")
    world.book.looked("a", 640, 360)
    world.clock.now += 60
    world.book.turn()
    assert len(world.restarted().closed(100)) == 1


def test_minute_of_a_restart_is_one_minute(world: World):
    for _ in range(2):
        world.book.watch("a")
        world.book.looked("a", 640, 360)
        world.book.unwatch("a")
        world.book.turn()
        world.restarted()
    assert [minute.looks for minute in world.closed()] == [2]


def test_a_fault_that_only_a_newer_version_knows_silences_nothing(world: World):
    """That version was tried, and taken back."""
    world.book.watch("a")
    world.book.state("a", StreamFault.TIMEOUT)
    world.clock.now += 60
    world.closed()
    with Database(world.folder / "edge.sqlite3").transaction() as connection:
        connection.execute("UPDATE minutes SET fault = 'sent_elsewhere'")
    assert [minute.fault for minute in world.book.closed(100)] == [StreamFault.OTHER]


def test_confirmed_is_not_told_again(world: World):
    world.book.watch("a")
    for _ in range(2):
        world.book.looked("a", 640, 360)
        world.clock.now += 60
    first, second = world.closed()
    world.book.confirm([first])
    assert world.closed() == [second]


def test_removed_camera_s_last_minute_is_told(world: World):
    world.book.watch("a")
    world.book.looked("a", 640, 360)
    world.book.unwatch("a")
    assert [minute.looks for minute in world.closed()] == [1]
    world.book.looked("a", 640, 360)
    assert world.book.running() == []


def test_old_minutes_are_dropped(world: World):
    world.book.watch("a")
    world.book.looked("a", 640, 360)
    world.clock.now += 60
    world.book.turn()
    world.book.unwatch("a")
    world.clock.now += KEEP_S + 60
    assert [minute for minute in world.closed() if minute.minute == START] == []


def test_database_that_is_locked_loses_no_minute(world: World):
    world.book.watch("a")
    world.book.looked("a", 640, 360)
    world.clock.now += 60
    other = sqlite3.connect(world.folder / "edge.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError):
        world.book.turn()
    other.execute("ROLLBACK")
    other.close()
    assert [minute.looks for minute in world.closed()] == [1]


@pytest.fixture
def early(world: World) -> World:
    """A box without a battery for its clock, before it has heard from the centre: it looked for two minutes."""
    world.is_compared = False
    world.set_clock(3600.0)
    world.book.watch("a")
    for _ in range(2):
        world.book.looked("a", 640, 360)
        world.clock.now += 60
    world.book.turn()
    return world


def heard_from_the_centre(world: World) -> None:
    world.set_clock(START.timestamp() + 20.0)
    world.is_compared = True


def test_minutes_from_before_the_clock_was_compared_are_told_once_they_are_put_right(early: World):
    assert early.closed() == []
    heard_from_the_centre(early)
    early.clock.now += 60
    told = {minute.minute: minute.looks for minute in early.closed() if minute.looks}
    assert told == {START - timedelta(minutes=2): 1, START - timedelta(minutes=1): 1}


def test_a_minute_that_a_clock_cut_short_accuses_no_camera(early: World):
    early.clock.now += 5
    heard_from_the_centre(early)
    assert all(minute.looks for minute in early.closed())


def test_minutes_are_put_right_after_a_restart_of_the_edge_too(early: World):
    early.restarted()
    early.clock.now += 600
    heard_from_the_centre(early)
    assert [minute.minute for minute in early.closed()] == [START - timedelta(minutes=12), START - timedelta(minutes=11)]


def test_of_minutes_from_before_a_restart_of_the_machine_nobody_can_say_when_they_were(
    early: World, monkeypatch: pytest.MonkeyPatch
):
    early.set_clock(START.timestamp() - 3600.0)  # so far its clock was set by hand, and wrong
    early.book.looked("a", 640, 360)
    early.clock.now += 60
    early.book.turn()
    monkeypatch.setattr("ingest.minutes.boot_id", lambda: "another start")
    early.restarted()
    heard_from_the_centre(early)
    assert [minute.minute for minute in early.closed()] == [START - timedelta(hours=1)], "what it told, where that can be"


def test_a_clock_that_is_ahead_before_it_is_compared_drops_nothing(world: World):
    world.book.watch("a")
    world.book.looked("a", 640, 360)
    world.clock.now += 60
    world.book.turn()
    world.restarted()
    world.is_compared = False
    world.set_clock(START.timestamp() + 10 * KEEP_S)
    world.book.turn()
    heard_from_the_centre(world)
    assert [minute.minute for minute in world.closed()] == [START]


def test_minutes_of_a_box_that_hears_nothing_do_not_fill_the_disk(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ingest.minutes.MOST_KEPT", 3)
    world.is_compared = False
    world.book.watch("a")
    for _ in range(6):
        world.book.looked("a", 640, 360)
        world.clock.now += 60
        world.book.turn()
    heard_from_the_centre(world)
    assert len(world.closed()) == 4


def test_a_database_from_before_uptimes_were_kept_keeps_its_minutes(world: World):
    world.book.watch("a")
    world.book.looked("a", 640, 360)
    world.clock.now += 60
    world.book.turn()
    with world.book._database.transaction() as connection:
        for column in ("began_s", "boot"):
            connection.execute(f"ALTER TABLE minutes DROP COLUMN {column}")
    world.restarted()
    assert [minute.minute for minute in world.closed()] == [START]
