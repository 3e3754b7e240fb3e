"""Cameras that swap addresses, with a table of neighbours that is written by hand."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from contract.cameras import CameraConfig
from ingest.neighbours import DOUBT_S, FILE, Neighbours
from tests.ingest.edge_world import Clock, camera

ONE, TWO, NEW = "02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:03"
HEAD = "IP address       HW type     Flags       HW address            Mask     Device\n"


def at(camera_id: str, number: int) -> CameraConfig:
    return camera(camera_id, url=f"rtsp://10.0.0.{number}/1")


class World:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cameras = [at("a", 1), at("b", 2)]
        self.taken: set[str] = set()
        self.timer = Clock(1000.0)
        self.asked: set[str] = set()
        self.start()

    def start(self) -> None:
        self.neighbours = Neighbours(
            self.folder, lambda: self.cameras, lambda taken: setattr(self, "taken", taken), self.folder / "arp", self.asked.add,
            self.timer,
        )

    def see(self, *macs: str | None) -> set[str]:
        """What the system knows of 10.0.0.1, .2 and so on; None: nobody answers there."""
        rows = [
            f"10.0.0.{number}    0x1    {'0x2' if mac else '0x0'}    {mac or '00:00:00:00:00:00'}    *    eth0\n"
            for number, mac in enumerate(macs, 1)
        ]
        (self.folder / "arp").write_text(HEAD + "".join(rows))
        self.asked.clear()
        self.neighbours.look()
        return self.taken


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    assert world.see(ONE, TWO) == set()
    return world


def test_two_that_swap_addresses_are_not_looked_at_until_they_have_them_again(world: World):
    assert world.see(TWO, ONE) == {"a", "b"}
    assert world.see(ONE, TWO) == set()


def test_one_that_takes_another_s_address_is_noticed_also_after_the_box_was_without_power(world: World):
    world.start()
    assert world.see(TWO, None) == {"a"}
    world.start()
    assert world.see(TWO, None) == {"a"}


def test_one_that_has_just_moved_is_asked_for_at_its_old_address_which_the_system_still_remembers(world: World):
    assert world.see(TWO, TWO) == {"a"}, "evidence would go to the wrong camera meanwhile"
    assert world.asked == {"10.0.0.2"}
    with capture_logs() as logs:
        assert world.see(TWO, None) == {"a"}
    assert [(line["event"], line["camera"], line["by"]) for line in logs] == [("camera_address_taken", "a", ["b"])]


def test_an_address_that_was_taken_is_asked_for_as_nobody_else_does(world: World):
    world.see(TWO, None)
    world.see(None, None)
    assert world.asked == {"10.0.0.1"}
    assert world.see(ONE, None) == set()


def test_the_new_address_that_one_is_given_does_not_give_it_the_other_s_evidence(world: World):
    world.see(TWO, ONE)
    world.cameras = [at("a", 1), at("b", 1)]
    assert world.see(TWO, ONE) == {"a"}
    world.cameras = [at("a", 2), at("b", 1)]
    assert world.see(TWO, ONE) == set()


def test_a_camera_that_was_replaced_is_looked_at_and_told(world: World):
    with capture_logs() as logs:
        assert world.see(NEW, TWO) == set()
    assert [line["event"] for line in logs] == ["camera_is_another_device"]
    with capture_logs() as logs:
        world.see(NEW, TWO)
    assert logs == []


def test_the_channels_of_a_recorder_that_was_replaced_are_looked_at(world: World):
    world.cameras = [at("a", 1), at("b", 1)]
    world.see(ONE)
    assert world.see(NEW) == set()


def test_cameras_behind_one_repeater_are_looked_at(world: World):
    assert world.see(NEW, TWO) == set()
    assert world.see(NEW, NEW) == {"b"}
    world.timer.now += DOUBT_S + 1
    assert world.see(NEW, NEW) == set()
    world.start()
    assert world.see(NEW, NEW) == set()


def test_one_that_came_behind_a_repeater_while_what_else_is_there_was_off_is_looked_at_again(world: World):
    assert world.see(TWO, None) == {"a"}
    assert world.see(TWO, TWO) == {"a"}
    world.timer.now += DOUBT_S + 1
    assert world.see(TWO, TWO) == set()


def test_an_address_that_two_devices_have_says_nothing(world: World):
    world.see(ONE, TWO)
    table = (world.folder / "arp").read_text()
    (world.folder / "arp").write_text(table + table.replace(ONE, NEW).replace(TWO, NEW).removeprefix(HEAD))
    with capture_logs() as logs:
        world.neighbours.look()
    assert logs == []


@pytest.mark.parametrize("content", ["", "{", "[]", '{"a": 1}', '{"a": {"word": 1}}'])
def test_what_was_known_and_cannot_be_read_is_learned_anew(world: World, content: str):
    (world.folder / FILE).write_text(content)
    world.start()
    assert world.see(TWO, ONE) == set()
    assert world.see(ONE, TWO) == {"a", "b"}


def test_a_system_without_such_a_table_says_nothing(world: World):
    (world.folder / "arp").unlink()
    world.neighbours.look()
    assert world.taken == set()


def test_before_cameras_are_listed_nothing_is_forgotten(world: World):
    listed, world.cameras = world.cameras, []
    world.see(ONE, TWO)
    world.cameras = listed
    assert world.see(TWO, ONE) == {"a", "b"}
