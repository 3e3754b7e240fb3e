import pytest
from pydantic import SecretStr

from api.accounts.permissions import Role
from api.cameras.repository import get_camera
from api.cameras.schemas import CameraIn
from api.cameras.service import rotate_keys, secret_name
from api.kit.secrets import KeyringError
from tests.api.world import HOUSE, Place, World, problem_code

PASSWORD = "p%@:/ss"


def new_camera(place: Place, **changes: object) -> dict[str, object]:
    fields: dict[str, object] = {
        "area_id": place.area_id, "name": "Camera 2", "url": "rtsp://192.0.2.8:554/1", "username": "u", "password": PASSWORD,
    }
    return {**fields, **changes}


async def stored_password(world: World, camera_id: str) -> str | None:
    async with world.centre.database.reading() as work:
        camera = await get_camera(work, HOUSE, camera_id)
    assert camera is not None
    if camera.password_encrypted is None:
        return None
    assert PASSWORD not in camera.password_encrypted
    return world.centre.keyring.decrypt(camera.password_encrypted, secret_name(camera_id)).get_secret_value()


class TestCreate:
    async def test_the_password_goes_in_and_never_comes_out(self, any_world: World):
        place = await any_world.place()
        installer = await any_world.person(Role.INSTALLER)
        answer = await installer.post("/api/v1/cameras", json=new_camera(place))
        assert answer.status_code == 201
        camera = answer.json()
        assert camera["has_password"] is True
        assert "password" not in camera
        assert PASSWORD not in answer.text
        assert await stored_password(any_world, camera["id"]) == PASSWORD

    async def test_the_only_edge_of_the_shop_takes_it(self, any_world: World):
        place = await any_world.place()
        box = await any_world.edge(place)
        installer = await any_world.person(Role.INSTALLER)
        assert (await installer.post("/api/v1/cameras", json=new_camera(place))).json()["edge_id"] == box.id
        assert len((await box.config()).json()["cameras"]) == 2

    @pytest.mark.parametrize(
        "url",
        [
            "rtsp://user:hunter2@192.0.2.8/1", "rtsp://user:1/hunter2@192.0.2.8/1", "rtsp://192.0.2.8/a b", "http://192.0.2.8/",
            "rtsp:///path", "rtsp://[::1/1", "rtsp://host:99999/1", "", "rtsp://192.0.2.8/user=admin&password=hunter2&channel=1",
            "rtsp://192.168.1:554/1", "rtsp://192.168.1.064/1",
        ],
        ids=[
            "with credentials", "with a slash in the password", "space", "http", "no host", "no address", "port", "empty",
            "with credentials in the path", "three numbers", "a zero before a number",
        ],
    )
    async def test_an_address_that_is_none(self, world: World, url: str):
        installer = await world.person(Role.INSTALLER)
        answer = await installer.post("/api/v1/cameras", json=new_camera(await world.place(), url=url))
        assert (answer.status_code, problem_code(answer)) == (422, "invalid")
        assert "hunter2" not in answer.text

    async def test_a_password_is_not_repeated_in_an_error(self, world: World):
        installer = await world.person(Role.INSTALLER)
        answer = await installer.post("/api/v1/cameras", json=new_camera(await world.place(), username=None))
        assert answer.status_code == 422
        assert PASSWORD not in answer.text

    async def test_in_anothers_area(self, world: World):
        mine, theirs = await world.place("Mine"), await world.place("Theirs")
        installer = await world.person(Role.INSTALLER, place=mine)
        assert (await installer.post("/api/v1/cameras", json=new_camera(theirs))).status_code == 404

    async def test_on_anothers_edge(self, world: World):
        mine, theirs = await world.place("Mine"), await world.place("Theirs")
        box = await world.edge(theirs)
        installer = await world.person(Role.INSTALLER)
        assert (await installer.post("/api/v1/cameras", json=new_camera(mine, edge_id=box.id))).status_code == 404

    async def test_by_an_officer(self, world: World):
        answer = await (await world.person()).post("/api/v1/cameras", json=new_camera(await world.place()))
        assert (answer.status_code, problem_code(answer)) == (403, "forbidden")


class TestUpdate:
    async def test_a_password_that_is_left_out_stays(self, any_world: World):
        place = await any_world.place(password=PASSWORD)
        installer = await any_world.person(Role.INSTALLER)
        change = new_camera(place, url="rtsp://192.0.2.7/other")
        del change["password"]
        assert (await installer.put(f"/api/v1/cameras/{place.camera_id}", json=change)).json()["has_password"] is True
        assert await stored_password(any_world, place.camera_id) == PASSWORD

    @pytest.mark.parametrize("url", ["rtsp://198.51.100.9/stream", "rtsp://192.0.2.7:5554/stream"])
    async def test_a_password_is_not_sent_to_another_machine(self, world: World, url: str):
        place = await world.place(password=PASSWORD)
        installer = await world.person(Role.INSTALLER)
        change = new_camera(place, url=url)
        del change["password"]
        answer = await installer.put(f"/api/v1/cameras/{place.camera_id}", json=change)
        assert (answer.status_code, problem_code(answer)) == (422, "password-needed-again")
        assert (await installer.get(f"/api/v1/cameras/{place.camera_id}")).json()["url"] == "rtsp://192.0.2.7:554/stream"

    async def test_a_password_is_not_taken_along_to_another_shop(self, world: World):
        place, elsewhere = await world.place(password=PASSWORD), await world.place("Elsewhere")
        installer = await world.person(Role.INSTALLER)
        url = (await installer.get(f"/api/v1/cameras/{place.camera_id}")).json()["url"]
        change = new_camera(elsewhere, url=url)
        del change["password"]
        answer = await installer.put(f"/api/v1/cameras/{place.camera_id}", json=change)
        assert (answer.status_code, problem_code(answer)) == (422, "password-needed-again")

    async def test_null_removes_the_password(self, world: World):
        place = await world.place(password=PASSWORD)
        installer = await world.person(Role.INSTALLER)
        await installer.put(f"/api/v1/cameras/{place.camera_id}", json=new_camera(place, password=None))
        assert await stored_password(world, place.camera_id) is None

    async def test_zone_and_hours_come_back(self, any_world: World):
        place = await any_world.place()
        box = await any_world.edge(place)
        installer = await any_world.person(Role.INSTALLER)
        zone, hours = [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]], [{"start": "22:00:00", "end": "02:00:00"}]
        answer = await installer.put(f"/api/v1/cameras/{place.camera_id}", json=new_camera(place, zone=zone, hours=hours))
        assert (answer.json()["zone"], answer.json()["hours"]) == (zone, hours)
        camera = (await box.config()).json()["cameras"][0]
        assert (camera["zone"], camera["hours"]) == (zone, hours)

    async def test_somebody_else_was_faster(self, any_world: World):
        place = await any_world.place()
        installer = await any_world.person(Role.INSTALLER)
        path, headers = f"/api/v1/cameras/{place.camera_id}", {"If-Match": '"1"'}
        assert (await installer.put(path, json=new_camera(place), headers=headers)).headers["etag"] == '"2"'
        answer = await installer.put(path, json=new_camera(place), headers=headers)
        assert (answer.status_code, problem_code(answer)) == (412, "version-conflict")

    async def test_switched_off_is_not_watched(self, world: World):
        place = await world.place()
        box = await world.edge(place)
        installer = await world.person(Role.INSTALLER)
        answer = await installer.put(f"/api/v1/cameras/{place.camera_id}", json=new_camera(place, enabled=False))
        assert answer.json()["state"] == "off"
        assert (await box.config()).json()["cameras"] == []


class TestScope:
    async def test_anothers_is_as_if_it_were_not_there(self, any_world: World):
        mine, theirs = await any_world.place("Mine"), await any_world.place("Theirs")
        installer = await any_world.person(Role.INSTALLER, place=mine)
        assert [row["id"] for row in (await installer.get("/api/v1/cameras")).json()["items"]] == [mine.camera_id]
        for suffix in ("", "/minutes"):
            foreign = await installer.get(f"/api/v1/cameras/{theirs.camera_id}{suffix}")
            unknown = await installer.get(f"/api/v1/cameras/unknown{suffix}")
            assert foreign.status_code == unknown.status_code == 404
            assert foreign.text == unknown.text

    async def test_a_shop_sees_its_own(self, world: World):
        mine = await world.place("Mine")
        await world.place("Theirs")
        owner = await world.person(Role.STORE_OWNER, place=mine)
        assert [row["id"] for row in (await owner.get("/api/v1/cameras")).json()["items"]] == [mine.camera_id]


def test_an_address_that_was_refused_is_not_repeated():
    with pytest.raises(ValueError, match="own fields") as error:
        CameraIn.model_validate({"area_id": "a", "name": "n", "url": "rtsp://u:hunter2@h/"})
    assert "hunter2" not in str(error.value)


async def test_keys_are_rotated(any_world: World):
    place = await any_world.place(password=PASSWORD)
    old = any_world.centre.keyring
    new = old.with_new_key()
    async with any_world.centre.database.writing() as work:
        assert await rotate_keys(work, HOUSE, old, new) == 1
    any_world.centre.keyring = new.only_current()
    assert await stored_password(any_world, place.camera_id) == PASSWORD


async def test_a_password_moved_to_another_camera_cannot_be_read(world: World):
    keyring = world.centre.keyring
    token = keyring.encrypt(SecretStr(PASSWORD), secret_name("a"))
    with pytest.raises(KeyringError, match="does not belong there"):
        keyring.decrypt(token, secret_name("b"))
