"""What a killed process left behind goes; what a row names, what is young and what is not ours stays."""

import os
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

from api.accounts.permissions import Role
from api.evidence import filing
from api.evidence.unknown_files import KEPT, remove_unknown
from api.kit.files import Files
from api.kit.problems import Unavailable
from api.kit.times import now
from tests.api.test_answers import Answering
from tests.api.world import World, answer_notice

ID = "0" * 8 + "-0000-4000-8000-" + "0" * 12


class Scene:
    """A world in which one thing is filed and time has gone by."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.folder = world.centre.settings.data / "files"
        self.later = now() + KEPT + timedelta(days=2)

    @classmethod
    async def begin(cls, world: World) -> "Scene":
        scene = cls(world)
        box = await world.edge(await world.place())
        assert (await box.report()).status_code == 201
        scene.filed = scene.files()
        return scene

    filed: Sequence[str] = ()

    def files(self) -> list[str]:
        return sorted(path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file())

    async def left(self, name: str, *, days_ago: float = 0) -> None:
        """As a process that was killed leaves it, so long ago."""
        await self.world.centre.files.put(name, b"left")
        at = (now() - timedelta(days=days_ago)).timestamp()
        os.utime(self.folder / name, (at, at))

    async def after(self) -> int:
        self.world.centre.clock = lambda: self.later
        return await remove_unknown(self.world.centre)


@pytest.fixture
async def scene(world: World) -> Scene:
    return await Scene.begin(world)


def folder(day: datetime | None = None) -> str:
    return f"evidence/{day or now():%Y/%m/%d}/{ID}-{'a' * 16}"


async def test_evidence_that_was_stored_and_never_filed(any_world: World):
    """Killed after the pictures are on the disk; the box comes again on another day."""
    scene = await Scene.begin(any_world)
    box = await any_world.edge(await any_world.place("Other"))
    with pytest.MonkeyPatch.context() as patch:

        async def killed(*_: object) -> None:
            raise SystemExit

        patch.setattr(filing, "file_report", killed)
        report = box.manifest()
        with pytest.raises(SystemExit):
            await box.send(report)
    assert len(scene.files()) == 4
    assert await scene.after() == 1
    assert scene.files() == scene.filed
    assert (await box.send(report)).status_code == 201
    assert await scene.after() == 0
    assert len(scene.files()) == 4


async def test_what_was_sent_again_lies_elsewhere(scene: Scene):
    """In the folder of its day: what is deleted of an earlier one cannot be it, whoever is faster."""
    scene.world.centre.clock = lambda: scene.later
    box = await scene.world.edge(await scene.world.place("Other"))
    await box.report()
    (new,) = {name.rsplit("/", 2)[0] for name in scene.files()} - {name.rsplit("/", 2)[0] for name in scene.filed}
    assert new == f"evidence/{scene.later:%Y/%m/%d}"


async def test_it_is_told(scene: Scene):
    await scene.left(f"{folder()}/original.jpg")
    with capture_logs() as told:
        await scene.after()
    assert [(line["name"], line["files"]) for line in told] == [(folder(), 1)]


async def test_what_has_just_come_into_an_old_folder_stays(scene: Scene):
    """As the copy without faces of evidence that is deleted this moment."""
    await scene.left(f"{folder()}/original.jpg")
    await scene.left(f"{folder()}/blurred-2.jpg", days_ago=-3)
    assert await scene.after() == 0


async def test_what_is_old_in_a_young_folder_stays(scene: Scene):
    """The clock of the store is wrong."""
    await scene.left(f"{folder(scene.later)}/original.jpg", days_ago=30)
    assert await scene.after() == 0


async def test_what_is_deleted_and_not_yet_gone_is_not_unknown(scene: Scene, monkeypatch: pytest.MonkeyPatch):
    """Its row still names the folder; it goes in the rounds of the retention, which forget it then."""
    chief = await scene.world.person(Role.CHIEF)
    (case,) = (await chief.get("/api/v1/cases")).json()["items"]

    async def fail(*_: object) -> int:
        raise Unavailable("not now")

    monkeypatch.setattr(Files, "delete_folder", fail)
    await chief.post(f"/api/v1/cases/{case['id']}/evidence/delete", json={"reason": "x"})
    monkeypatch.undo()
    assert await scene.after() == 0
    assert scene.files() == scene.filed


async def test_the_photographs_of_an_answer_that_was_never_filed(world: World):
    there = await Answering.begin(world)
    scene = Scene(world)
    world.centre.clock = now
    await answer_notice(there.owner, there.case_id, 3)
    (mine,) = (name for name in scene.files() if name.startswith("answers/"))
    day, _, name = mine.rpartition("/")
    await scene.left(f"{day}/{name.replace('.jpg', '-blurred-1.jpg')}")
    kept = scene.files()
    await scene.left(f"{day}/7-{'b' * 20}.jpg")
    (scene.folder / f"{day}/7-{'c' * 20}.jpg#1").write_bytes(b"half of")  # so obstore calls what is not yet whole
    assert await scene.after() == 2
    assert scene.files() == kept


async def test_what_is_not_ours_stays(scene: Scene):
    await scene.left("evidence/2020/01/02/notes/of-an-officer.txt", days_ago=900)
    await scene.left("evidence/2020/01/02/notes.txt", days_ago=900)
    await scene.left("cameras/1/latest.jpg", days_ago=900)
    kept = scene.files()
    assert await scene.after() == 0
    assert scene.files() == kept


@pytest.mark.parametrize("count", [11, 1])
async def test_the_files_of_another_database_stay(world: World, count: int):
    """One that was put in its place, new or too old: nothing that it does not know is lost by that."""
    scene = Scene(world) if count == 1 else await Scene.begin(world)
    for number in range(count):
        await scene.left(f"{folder()[:-16]}{number:016x}/original.jpg")
    with capture_logs() as told:
        assert await scene.after() == 0
    assert "is this their database?" in told[0]["event"]
    assert len(scene.files()) == count + len(scene.filed)


async def test_in_an_object_store(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(world.centre, "files", Files.at_url("memory:///"))
    box = await world.edge(await world.place())
    await box.report()
    await world.centre.files.put(f"{folder()}/original.jpg", b"left")
    scene = Scene(world)
    assert await scene.after() == 1
    assert len(await world.centre.files.files_below("evidence")) == 2
