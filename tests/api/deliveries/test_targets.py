"""Two people at one target."""

import pytest

from api.accounts.permissions import Role
from api.app import create_app
from api.cameras import service as cameras
from api.deliveries import targets
from api.deliveries.kinds import Audience, Channel, Event
from api.deliveries.schemas import TargetIn
from api.kit.problems import VersionConflict
from api.kit.settings import Settings
from api.kit.times import now
from tests.api.test_cameras import new_camera
from tests.api.world import HOUSE, World, problem_code

BODY = {"name": "T", "channel": "webhook", "audience": "authority", "events": ["case.issued"], "url": "https://example.org/hook"}


async def test_somebody_else_was_faster(any_world: World):
    admin = await any_world.person(Role.ADMIN)
    path = f"/api/v1/targets/{(await admin.post('/api/v1/targets', json=BODY)).json()['id']}"
    seen = {"If-Match": (await admin.get(path)).headers["etag"]}
    assert (await admin.put(path, json={**BODY, "name": "First"}, headers=seen)).headers["etag"].startswith('"2')
    answer = await admin.put(path, json={**BODY, "name": "Second"}, headers=seen)
    assert (answer.status_code, problem_code(answer)) == (412, "version-conflict")
    assert (await admin.get(path)).json()["name"] == "First"


async def test_its_channel_stays(world: World):
    admin = await world.person(Role.ADMIN)
    path = f"/api/v1/targets/{(await admin.post('/api/v1/targets', json=BODY)).json()['id']}"
    robot = {**BODY, "channel": "wecom", "url": None, "token": "robot-key-1234"}
    answer = await admin.put(path, json=robot)
    assert (answer.status_code, problem_code(answer)) == (422, "not-a-target")


async def test_without_a_version_it_is_changed(world: World):
    admin = await world.person(Role.ADMIN)
    path = f"/api/v1/targets/{(await admin.post('/api/v1/targets', json=BODY)).json()['id']}"
    assert [(await admin.put(path, json=BODY)).status_code for _ in range(2)] == [200, 200]


async def test_an_etag_of_somewhere_else(world: World):
    admin = await world.person(Role.ADMIN)
    path = f"/api/v1/targets/{(await admin.post('/api/v1/targets', json=BODY)).json()['id']}"
    assert (await admin.put(path, json=BODY, headers={"If-Match": '"nonsense"'})).status_code == 422


async def test_the_key_of_a_receiver_is_told_to_who_may_change_the_target(world: World):
    admin, officer = await world.person(Role.ADMIN), await world.person(Role.OFFICER)
    key = {"url": "https://example.org/hook?key=hunter2"}
    path = f"/api/v1/targets/{(await admin.post('/api/v1/targets', json=BODY | key)).json()['id']}"
    assert (await admin.get(path)).json()["url"] == key["url"]
    for told in (await officer.get(path)).json(), (await officer.get("/api/v1/targets")).json()["items"][0]:
        assert told["url"] == "https://example.org/hook?***"


@pytest.mark.postgres
async def test_what_was_read_before_it_was_locked_is_read_anew(postgres_settings: Settings):
    """As a page does: it reads the target, and meanwhile somebody else saves. SQLite lets nobody in between."""
    world = World(create_app(postgres_settings))
    centre, new = world.centre, TargetIn(
        name="T", channel=Channel.WEBHOOK, audience=Audience.AUTHORITY, events=[Event.CASE_ISSUED], url="https://example.org/"
    )
    place = await world.place()
    async with centre.database.writing() as work:
        target, _ = await targets.create_target(work, HOUSE, centre.settings, centre.keyring, new, now())
    async with centre.database.writing() as slow:
        seen = await targets.get_target(slow, HOUSE, target.id)
        async with centre.database.writing() as fast:
            await targets.update_target(fast, HOUSE, centre.settings, centre.keyring, target.id, new, 1)
        with pytest.raises(VersionConflict):
            await targets.update_target(slow, HOUSE, centre.settings, centre.keyring, target.id, new, 1)
        assert seen.version == 2
    camera = cameras.CameraIn.model_validate(new_camera(place))
    async with centre.database.writing() as slow:
        status = await cameras.get_camera(slow, HOUSE, place.camera_id)
        async with centre.database.writing() as fast:
            await cameras.update_camera(fast, HOUSE, centre.keyring, place.camera_id, camera, 1, now())
        with pytest.raises(VersionConflict):
            await cameras.update_camera(slow, HOUSE, centre.keyring, place.camera_id, camera, 1, now())
        assert status.camera.version == 2
    await world.centre.close()
