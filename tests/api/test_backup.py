"""A copy that is made while the centre runs, and a centre that runs on the copy."""

import errno
import fcntl
import os
import resource
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer
from click.testing import Result
from sqlalchemy import text
from typer.testing import CliRunner

from api import cli
from api.backup import BackedUp, BackupError, back_up
from api.kit.settings import Settings
from tests.api.world import World

AT = datetime(2026, 11, 27, 2, tzinfo=UTC)


class Copied:
    def __init__(self, world: World, target: Path) -> None:
        self.world, self.target = world, target
        self.data = world.centre.settings.data
        self.told: list[str] = []

    def once_more(self, day: int = 0, keep: int = 7) -> BackedUp:
        return back_up(self.world.centre.settings, self.target, keep, AT + timedelta(days=day), self.told.append)

    def names(self) -> list[str]:
        return sorted(path.name for path in self.target.iterdir())

    def files(self, copy: BackedUp) -> dict[str, Path]:
        return {p.relative_to(copy.folder / "files").as_posix(): p for p in (copy.folder / "files").rglob("*") if p.is_file()}


@pytest.fixture
async def copied(world: World, tmp_path_factory: pytest.TempPathFactory) -> Copied:
    """What is copied is a centre with one case and the latest picture of its camera."""
    box = await world.edge(await world.place())
    assert (await box.report()).status_code == 201
    assert (await box.show()).status_code == 204
    target = tmp_path_factory.mktemp("disk") / "copies"
    target.mkdir()
    return Copied(world, target)


async def test_a_centre_runs_on_the_copy(copied: Copied):
    folder = copied.once_more().folder.rename(copied.target.parent / "put back")
    assert folder.stat().st_mode & 0o077 == 0, "evidence is for nobody else to see"
    async with World.open(Settings(data=folder)) as again:
        officer = await again.person()
        (evidence,) = (await officer.get("/api/v1/cases/1")).json()["evidence"]
        assert (await officer.get(f"/api/v1/evidence/{evidence['violation_id']}/overlay.jpg")).status_code == 200


async def test_days_that_an_older_copy_lacks_come_back_from_the_boxes(copied: Copied):
    """A box whose list of what was sent is deleted sends all again; what the copy has stays one case."""
    box = await copied.world.edge(await copied.world.place("Other"))
    told = [box.manifest(sequence=1)]
    told.append(box.manifest(sequence=2, previous=told[0].digest()))
    assert (await box.send(told[0])).status_code == 201
    folder = copied.once_more().folder.rename(copied.target.parent / "put back")
    assert (await box.send(told[1])).status_code == 201
    async with World.open(Settings(data=folder)) as again:
        box.client = again.client()
        assert [(await box.send(one)).status_code for one in told] == [200, 201]
        async with again.centre.database.reading() as work:
            links = await work.execute(text("SELECT chain FROM evidence WHERE edge_id = :box ORDER BY sequence"), {"box": box.id})
            assert links.scalars().all() == ["whole", "whole"]


async def test_put_back_over_what_a_killed_centre_left(copied: Copied):
    """Its last writes lie in a journal, whose pages belong to no other database."""
    made = copied.once_more()
    await copied.world.centre.database.close()
    with closing(sqlite3.connect(copied.data / "sunshine.db")) as live:
        live.execute("CREATE TABLE later AS SELECT hex(randomblob(20000)) AS words")
        live.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        live.execute("INSERT INTO later SELECT hex(randomblob(20000))")
        live.commit()
        shutil.copytree(copied.data, copied.target.parent / "killed")
    folder = shutil.copytree(made.folder, copied.target.parent / "killed", dirs_exist_ok=True)
    with closing(sqlite3.connect(folder / "sunshine.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'later'").fetchone() == (0,)


async def test_what_is_not_committed_is_not_in_it(copied: Copied):
    """A transaction is open, and earlier ones are in the journal alone."""
    async with copied.world.centre.database.writing() as work:
        await work.execute(text("UPDATE shops SET name = 'Renamed'"))
        made = copied.once_more()
        await work.rollback()
    with closing(sqlite3.connect(made.folder / "sunshine.db")) as database:
        assert database.execute("SELECT name FROM shops").fetchall() == [("Shop",)]


async def test_the_next_one_shares_what_is_the_same(copied: Copied):
    first, world = copied.once_more(), copied.world
    box = await world.edge(await world.place("Other"))
    assert (await box.report()).status_code == 201
    second = copied.once_more(day=1)
    old, new = copied.files(first), copied.files(second)
    assert (first.new, second.files, second.new) == (first.files, len(new), len(new) - len(old))
    assert all(new[name].samefile(old[name]) for name in old)


async def test_a_picture_that_took_anothers_place_is_copied(copied: Copied):
    first = copied.once_more()
    (name,) = (name for name in copied.files(first) if name.startswith("cameras/"))
    live = copied.data / "files" / name
    live.write_bytes(live.read_bytes()[::-1])
    os.utime(live, (0, 0))
    second = copied.once_more(day=1)
    assert copied.files(second)[name].read_bytes() == live.read_bytes() != copied.files(first)[name].read_bytes()


async def test_only_the_newest_stay(copied: Copied):
    made = [copied.once_more(day, keep=2) for day in range(3)]
    assert copied.names() == [made[1].folder.name, made[2].folder.name]
    assert [copy.removed for copy in made] == [0, 0, 1]
    assert all(path.is_file() for path in copied.files(made[2]).values())


async def test_a_full_disk_costs_no_earlier_copy(copied: Copied, monkeypatch: pytest.MonkeyPatch):
    made = copied.once_more(keep=1)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (copied.data / "files" / "new.jpg").write_bytes(b"new")
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copy2", full)
        with pytest.raises(BackupError, match=r"No space left on device.*Make room there"):
            copied.once_more(day=1, keep=1)
    assert copied.names() == [made.folder.name], "what was begun takes no room from who writes on the same disk"
    assert copied.once_more(day=2, keep=1).new == 1
    assert copied.names() == ["2026-11-29T020000Z"]


async def test_a_disk_that_has_no_room_for_the_database_is_no_reason_to_put_a_copy_back(copied: Copied):
    """That would lose the days since."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(BackupError, match=r"could not be made .*Make room there"):
            copied.once_more()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert copied.names() == []


async def test_a_damaged_database_is_no_copy(copied: Copied):
    await copied.world.centre.database.close()
    path = copied.data / "sunshine.db"
    content = bytearray(path.read_bytes())
    content[4096 * 5 : 4096 * 60] = b"\x5a" * 4096 * 55
    path.write_bytes(content)
    with pytest.raises(BackupError, match="put the newest one back"):
        copied.once_more()
    assert not [name for name in copied.names() if name.startswith("2026")]


async def test_two_at_once(copied: Copied):
    copied.once_more()
    handle = os.open(copied.target, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    with pytest.raises(BackupError, match="Wait until it is done"):
        copied.once_more(day=1)
    os.close(handle)
    assert copied.once_more(day=1).files


async def test_one_that_was_killed_leaves_nothing_behind(copied: Copied):
    draft = copied.target / ".unfinished"
    draft.mkdir(parents=True)
    (draft / "half.jpg").write_bytes(b"half")
    made = copied.once_more()
    assert copied.names() == [made.folder.name]
    assert not (made.folder / "half.jpg").exists()


@pytest.mark.postgres
async def test_what_lies_in_postgres_is_told_and_the_rest_is_copied(
    postgres_settings: Settings, tmp_path_factory: pytest.TempPathFactory
):
    async with World.open(postgres_settings) as world:
        box = await world.edge(await world.place())
        assert (await box.report()).status_code == 201
        copied = Copied(world, tmp_path_factory.mktemp("disk"))
        made = copied.once_more()
        assert "pg_dump" in copied.told[0]
        assert sorted(path.name for path in made.folder.iterdir()) == ["files", "keys.json"]


def sunshine(*arguments: object) -> Result:
    app = typer.Typer()
    app.command("backup")(cli.backup)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


async def test_the_command_says_what_it_did(copied: Copied):
    answer = sunshine(copied.target, "--data", copied.data)
    assert answer.exit_code == 0, answer.stderr
    assert answer.stdout.endswith(": 3 files, 3 of them new\n")


@pytest.mark.parametrize(
    ("target", "data", "words"),
    [
        ("data/copies", "data", "outside the data folder"), ("data", "data", "outside the data folder"),
        ("copies", "nothing", "There is no data folder"), ("copies", "empty", "There is no database"),
        ("copies", "emptied", "There is no database"),
        ("a file", "data", "name another folder"), ("not mounted/copies", "data", "Is its disk mounted? "),
    ],
)  # fmt: skip
async def test_folders_that_cannot_be_used(copied: Copied, target: str, data: str, words: str):
    disk = copied.target.parent
    (disk / "data").symlink_to(copied.data)
    (disk / "empty").mkdir()
    (disk / "emptied").mkdir()
    (disk / "emptied" / "sunshine.db").touch()
    (disk / "a file").touch()
    answer = sunshine(disk / target, "--data", disk / data)
    assert (answer.exit_code, words in answer.stderr, answer.stdout) == (1, True, ""), answer.stderr
    assert not (copied.data / "copies").exists()
    assert not (disk / "not mounted").exists(), "the copies would fill the disk that is there"
