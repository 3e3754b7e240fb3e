"""Whether all is there that rows name: asked at each start, and so after a copy was put back."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from api.accounts.permissions import Role
from api.evidence.missing_files import tell_missing
from tests.api.test_answers import Answering
from tests.api.world import World, answer_notice, video


async def report(world: World) -> Path:
    """With a clip. Returns where the files lie."""
    await (await world.edge(await world.place())).report_with_clip(video())
    return world.centre.settings.data / "files"


async def test_all_is_there(any_world: World):
    await report(any_world)
    with capture_logs() as logs:
        assert await tell_missing(any_world.centre) == 0
    assert logs == []


@pytest.mark.parametrize("lost", ["original.jpg", "overlay.jpg", "clip-*.mp4"])
async def test_a_file_that_is_gone_is_counted(world: World, lost: str):
    (path,) = (await report(world)).rglob(lost)
    path.unlink()
    with capture_logs() as logs:
        assert await tell_missing(world.centre) == 1
    assert [(line["missing"], line["of"], line["first"].endswith(path.name)) for line in logs] == [(1, 3, True)]


async def test_a_photograph_that_is_gone_is_counted(world: World):
    there = await Answering.begin(world)
    assert (await answer_notice(there.owner, there.case_id, 3)).status_code == 200
    (path,) = (world.centre.settings.data / "files" / "answers").rglob("*.jpg")
    path.unlink()
    assert await tell_missing(world.centre) == 1


async def test_what_was_deleted_is_not_missed(world: World):
    await report(world)
    chief = await world.person(Role.CHIEF)
    assert (await chief.post("/api/v1/cases/1/evidence/delete", json={"reason": "Asked for."})).is_success
    assert await tell_missing(world.centre) == 0
