"""A disk that fills: told to who runs the centre before nothing can be kept any more."""

import shutil
from collections import namedtuple
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from api.kit.room import Room, room_in
from tests.api.world import World, problem_code

Usage = namedtuple("Usage", "total used free")
GB, MB = 2**30, 2**20


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> dict[str, Usage]:
    """By the name of the folder."""
    disks: dict[str, Usage] = {}
    monkeypatch.setattr(shutil, "disk_usage", lambda place: disks.get(Path(place).name, Usage(900 * GB, 0, 900 * GB)))
    return disks


@pytest.mark.parametrize(
    ("total", "free", "room"),
    [
        (900 * GB, 6 * GB, Room.ENOUGH), (900 * GB, 4 * GB, Room.LITTLE), (900 * GB, 60 * MB, Room.NONE),
        (16 * GB, 2 * GB, Room.ENOUGH), (16 * GB, 700 * MB, Room.LITTLE),
    ],
)
def test_how_much_is_little(tmp_path: Path, disk: dict[str, Usage], total: int, free: int, room: Room):
    disk[tmp_path.name] = Usage(total, total - free, free)
    assert room_in(tmp_path) is room


def test_a_disk_of_the_files_own_counts_too(tmp_path: Path, disk: dict[str, Usage]):
    (tmp_path / "files").mkdir()
    disk["files"] = Usage(900 * GB, 900 * GB, 0)
    assert room_in(tmp_path) is Room.NONE


async def test_it_is_logged_once_and_shows_in_the_health(world: World, disk: dict[str, Usage]):
    name, said = world.centre.settings.data.name, list[tuple[str, str]]()
    for free in (100 * GB, 4 * GB, 3 * GB, 1 * MB, 100 * GB):
        disk[name] = Usage(900 * GB, 900 * GB - free, free)
        with capture_logs() as told:
            await world.centre.look_at_room()
        said += [(line["log_level"], line["event"].partition(":")[0]) for line in told]
        answer = await world.client().get("/healthz")
        assert answer.status_code == (503 if free == MB else 200)
        if free == MB:
            assert problem_code(answer) == "unavailable"
            assert "full" in answer.json()["detail"]
    assert said == [
        ("warning", "the disk has little room left"), ("error", "the disk is full"), ("warning", "the disk has room again"),
    ]


async def test_where_all_that_grows_lies_elsewhere_the_own_disk_does_not_matter(world: World, disk: dict[str, Usage]):
    disk[world.centre.settings.data.name] = Usage(MB, MB, 0)
    world.centre.settings = world.centre.settings.model_copy(
        update={"database_url": "postgresql://x@example.org/y", "files_url": "s3://bucket"}
    )
    await world.centre.look_at_room()
    assert world.centre.room is Room.ENOUGH
