import errno
import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from contract.cameras import EdgeConfig
from ingest.config_store import ConfigStore
from ingest.puller import Puller
from tests.ingest.edge_world import CentreInMemory, camera, edge_config, problem


class World:
    def __init__(self, folder: Path) -> None:
        self.centre = CentreInMemory(edge_config(camera("a"), version="v1"))
        self.store = ConfigStore(folder)
        self.applied: list[EdgeConfig] = []
        self.puller = Puller(self.store, self.centre.client(), self.applied.append)

    def pull(self) -> None:
        """As its two threads do."""
        self.puller.pull()
        self.puller.keep()

    def lists(self) -> list[list[str]]:
        return [[one.id for one in config.cameras] for config in self.applied]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def down(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused")


def test_list_is_applied_and_kept(world: World):
    world.pull()
    assert (world.lists(), world.puller.version) == ([["a"]], "v1")
    assert world.store.load() == world.centre.config


def test_unchanged_list_is_not_applied_again(world: World):
    world.pull()
    world.pull()
    assert world.lists() == [["a"]]
    assert world.centre.requests[1].headers["If-None-Match"] == '"v1"'


def test_unchanged_list_that_a_proxy_brings_again_wears_no_disk(world: World, monkeypatch: pytest.MonkeyPatch):
    world.centre.before = lambda request: request.headers.pop("If-None-Match", None) and None
    world.pull()
    monkeypatch.setattr(world.store, "save", pytest.fail)
    world.pull()
    assert (world.lists(), len(world.centre.requests)) == ([["a"]], 2)


def test_after_a_start_the_whole_list_is_asked_for(world: World):
    """It says how far the chains have come: this disk may have been put back."""
    world.store.save(edge_config(camera("a"), version="v1"))
    world.centre.config = edge_config(camera("a", chain_length=7), version="v1")
    world.puller.start()
    world.pull()
    assert [config.cameras[0].chain_length for config in world.applied] == [0, 7]


def test_changed_list_is_applied(world: World):
    world.pull()
    world.centre.config = edge_config(camera("a"), camera("b"), version="v2")
    world.pull()
    assert world.lists() == [["a"], ["a", "b"]]


def test_starts_with_the_last_list_when_the_centre_is_down(world: World):
    world.store.save(edge_config(camera("kept"), version="v0"))
    world.centre.before = down
    world.puller.start()
    world.pull()
    assert (world.lists(), world.puller.version) == ([["kept"]], "v0")


def test_keeps_the_list_while_the_centre_is_down(world: World):
    world.pull()
    world.centre.before = down
    world.pull()
    assert world.lists() == [["a"]]


def test_list_that_could_not_be_kept_is_used_and_kept_later(world: World, monkeypatch: pytest.MonkeyPatch):
    def full(self: ConfigStore, config: EdgeConfig) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(ConfigStore, "save", full)
        with capture_logs() as logs:
            world.pull()
            world.pull()
    assert [line["event"] for line in logs].count("cameras_not_stored") == 1  # not one line every quarter of a minute
    assert (world.lists(), world.store.load()) == ([["a"]], None)
    world.pull()
    assert world.store.load() == world.centre.config


def test_a_disk_that_hangs_keeps_no_camera_and_no_revocation_waiting(
    world: World, monkeypatch: pytest.MonkeyPatch, wait_until: Callable[..., None]
):
    gate, save = threading.Event(), ConfigStore.save
    saved: list[EdgeConfig] = []

    def hang(store: ConfigStore, config: EdgeConfig) -> None:
        gate.wait(30.0)
        save(store, config)
        saved.append(config)

    monkeypatch.setattr(ConfigStore, "save", hang)
    puller = Puller(world.store, world.centre.client(), world.applied.append, interval_s=0.01)
    threads = [threading.Thread(target=run, daemon=True) for run in (puller.run, puller.run_keeping)]
    for thread in threads:
        thread.start()
    wait_until(lambda: world.lists() == [["a"]])
    world.centre.config = edge_config(camera("a"), camera("b"), version="v2")
    wait_until(lambda: world.lists() == [["a"], ["a", "b"]])
    world.centre.before = lambda request: problem(403, "This edge was revoked at the centre.")
    wait_until(lambda: world.lists()[2:] == [[]])
    gate.set()
    wait_until(lambda: saved and world.store.load() is None)
    puller.stop()
    for thread in threads:
        thread.join(30.0)


def test_revoked_edge_stops_looking_and_forgets(world: World):
    world.pull()
    world.centre.before = lambda request: problem(403, "This edge was revoked at the centre.")
    world.pull()
    world.pull()
    assert world.lists() == [["a"], []]
    assert (world.store.load(), world.puller.version) == (None, None)


def test_a_list_that_the_disk_did_not_let_go_of_is_forgotten_later(world: World, monkeypatch: pytest.MonkeyPatch):
    def failing(store: ConfigStore) -> None:
        raise OSError(errno.EIO, "Input/output error")

    world.pull()
    world.centre.before = lambda request: problem(403, "Revoked.")
    with capture_logs() as logs, monkeypatch.context() as patch:
        patch.setattr(ConfigStore, "forget", failing)
        for _ in range(2):
            world.pull()
    assert [line["event"] for line in logs].count("stored_cameras_not_deleted") == 1
    world.pull()
    assert world.store.load() is None


def test_edge_that_is_taken_back_looks_again(world: World):
    world.pull()
    world.centre.before = lambda request: problem(403, "This edge was revoked at the centre.")
    world.pull()
    world.centre.before = lambda request: None
    world.pull()
    assert world.lists() == [["a"], [], ["a"]]


def test_clock_that_is_off_is_no_revocation(world: World):
    world.pull()
    world.centre.before = lambda request: problem(401, "The clock of the edge is more than five minutes off.")
    world.pull()
    assert world.lists() == [["a"]]
    assert world.store.load() is not None
