import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from contract.edges import EdgeLoad, EdgeTrouble, StreamFault
from ingest.disk import HANGS_S, Disk
from ingest.heartbeat import MINUTES_A_BEAT, Pulse
from ingest.minutes import MinuteBook
from tests.ingest.edge_world import Parts, problem


class World:
    def __init__(self, folder: Path) -> None:
        self.parts = Parts(folder)
        self.centre = self.parts.centre
        self.clock = self.parts.clock
        self.trouble: EdgeTrouble | None = None
        self.disk = Disk(self.parts.timer)
        self.book = MinuteBook(self.parts.database, self.clock)
        self.pulse = Pulse(
            self.book, self.parts.outbox, self.centre.client(self.clock), lambda: "v1", lambda: self.trouble,
            lambda: EdgeLoad(watched=24, carries=18), self.clock.moment, interval_s=0.01, disk=self.disk,
        )

    def told(self) -> list[tuple[object, object]]:
        """(looks, fault) of all minutes told so far."""
        beats = self.centre.heartbeats
        return [(minute["looks"], minute["fault"]) for beat in beats for minute in beat["minutes"]]  # type: ignore[attr-defined]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def down(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused")


def test_tells_how_the_edge_fares(world: World):
    world.parts.record()
    world.trouble = EdgeTrouble.REPORT_REFUSED
    world.pulse.beat()
    (beat,) = world.centre.heartbeats
    assert (beat["config_version"], beat["outbox_waiting"], beat["outbox_parked"]) == ("v1", 1, 0)
    assert beat["trouble"] == "report_refused"
    assert beat["load"] == {"watched": 24, "carries": 18, "is_exact": False, "no_provider": False, "no_decoder": False}


def test_tells_looks_and_faults(world: World):
    world.book.watch("a")
    world.book.watch("b")
    world.book.looked("a", 640, 360)
    world.book.state("b", StreamFault.WRONG_PASSWORD)
    world.pulse.beat()
    assert sorted(world.told(), key=str) == [(0, "wrong_password"), (1, None)]


def test_the_centre_hears_of_a_disk_that_hangs_though_the_heartbeat_hangs_with_it(
    world: World, wait_until: Callable[..., None], monkeypatch: pytest.MonkeyPatch
):
    gate, hung, turn = threading.Event(), threading.Event(), world.book.turn

    def slow() -> None:
        with world.disk.asked():
            hung.set()
            gate.wait(30.0)
        turn()

    monkeypatch.setattr(world.book, "turn", slow)
    world.book.watch("a")
    world.book.looked("a", 640, 360)
    threads = [threading.Thread(target=run) for run in (world.pulse.run, world.pulse.run_without_disk)]
    for thread in threads:
        thread.start()
    try:
        assert hung.wait(30.0)
        world.parts.timer.now += HANGS_S + 1
        wait_until(lambda: world.centre.heartbeats)
        assert world.centre.heartbeats[0]["trouble"] == "disk_hangs"
        assert world.told()[0] == (1, None)
    finally:
        gate.set()
        wait_until(lambda: world.centre.heartbeats[-1]["trouble"] is None)
        world.pulse.stop()
        for thread in threads:
            thread.join(30.0)


def test_minutes_of_an_outage_are_told_later(world: World):
    world.book.watch("a")
    world.centre.before = down
    for _ in range(5):
        world.book.looked("a", 640, 360)
        world.clock.now += 60
        world.pulse.beat()
    world.centre.before = lambda request: None
    world.pulse.beat()
    assert world.told() == [(1, None)] * 5
    world.pulse.beat()
    assert world.told() == [(1, None)] * 5


def test_long_outage_is_told_in_several_beats(world: World):
    for number in range(MINUTES_A_BEAT + 1):
        world.book.watch(f"camera-{number}")
        world.book.looked(f"camera-{number}", 640, 360)
    world.clock.now += 60
    world.pulse.beat()
    assert len(world.centre.heartbeats) == 2


@pytest.mark.parametrize("status", [None, 413])
def test_a_line_that_cuts_off_what_is_large_gets_smaller_beats(world: World, status: int | None):
    for number in range(MINUTES_A_BEAT + 1):
        world.book.watch(f"camera-{number}")
        world.book.looked(f"camera-{number}", 640, 360)
    world.clock.now += 60

    def narrow(request: httpx.Request) -> httpx.Response | None:
        if len(request.content) <= 60_000:
            return None
        return down(request) if status is None else httpx.Response(status)

    world.centre.before = narrow
    for camera in range(MINUTES_A_BEAT + 1):
        world.book.unwatch(f"camera-{camera}")
    for _ in range(30):
        world.pulse.beat()
    assert len({minute["camera_id"] for beat in world.centre.heartbeats for minute in beat["minutes"]}) == MINUTES_A_BEAT + 1


def test_refused_minutes_do_not_block_later_ones(world: World):
    world.book.watch("a")
    world.book.looked("a", 640, 360)
    world.clock.now += 60
    world.centre.before = lambda request: problem(422, "A minute of the future.")
    with capture_logs() as logs:
        world.pulse.beat()
        world.pulse.beat()
    assert [line["event"] for line in logs if line["event"] == "heartbeat_refused"] == ["heartbeat_refused"]
    world.centre.before = lambda request: None
    world.book.looked("a", 640, 360)
    world.book.looked("a", 640, 360)
    world.clock.now += 60
    world.pulse.beat()
    assert world.told() == [(2, None)]


def test_full_disk_is_no_reason_to_keep_silent(world: World, monkeypatch: pytest.MonkeyPatch):
    def full(self: MinuteBook) -> None:
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    monkeypatch.setattr(MinuteBook, "turn", full)
    with capture_logs() as logs:
        world.pulse.beat()
        world.pulse.beat()
    assert [beat["trouble"] for beat in world.centre.heartbeats] == ["disk_full"] * 2
    assert [line["event"] for line in logs] == ["minutes_cannot_be_kept"]


def test_damaged_database_is_no_reason_to_keep_silent(world: World):
    world.book.watch("a")
    world.book.looked("a", 640, 360)
    world.parts.record()
    world.pulse.beat()
    world.parts.database.close()
    with capture_logs() as logs:
        world.pulse.beat()
        world.pulse.beat()
    assert [beat["trouble"] for beat in world.centre.heartbeats] == [None, "disk_failed", "disk_failed"]
    assert [line["event"] for line in logs] == ["minutes_cannot_be_kept"]
    assert (world.told(), [beat["outbox_waiting"] for beat in world.centre.heartbeats]) == ([(1, None)] * 3, [1] * 3)
