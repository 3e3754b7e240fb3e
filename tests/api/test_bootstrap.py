from pathlib import Path

import pytest

from api.app import create_app
from api.bootstrap import DemoPlace, prepare, prepare_demo
from api.centre import Centre
from api.kit.lock import DataFolderBusy, hold_folder
from api.kit.settings import Settings
from contract.credentials import open_credential
from tests.api.world import EdgeBox, Place, World

URL = "rtsp://127.0.0.1:8554/demo"
DEMO = Place("demo", "demo", "demo", "demo")


async def enrol(settings: Settings, place: DemoPlace) -> tuple[World, EdgeBox]:
    world = World(create_app(settings))
    box = EdgeBox(world.client(), DEMO)
    assert place.code is not None
    assert (await box.enrol(place.code)).status_code == 201
    return world, box


async def test_the_first_start(tmp_path: Path):
    settings = Settings(data=tmp_path / "data")
    place = await prepare_demo(settings, URL, "viewer", "p%@:/ss")
    assert place.first_login is not None
    assert (place.edge_id, place.rules) == (None, ["K01", "K02", "K06", "K07"])
    world, box = await enrol(settings, place)
    camera = (await box.config()).json()["cameras"][0]
    assert (camera["url"], camera["area"], camera["posts"], camera["zone"], camera["hours"]) == (
        URL, "special_room", ["gloves_required"], None, None
    )
    assert open_credential(box.encryption_key, "demo", camera["password_sealed"]) == "p%@:/ss"
    await world.centre.close()


async def test_the_first_account_is_told_once(tmp_path: Path):
    centre = Centre(Settings(data=tmp_path / "data"))
    first, again = await prepare(centre), await prepare(centre)
    await centre.close()
    assert first is not None
    assert (first.login, again) == ("admin", None)


async def test_a_later_start_points_the_camera_to_its_new_address(any_settings: Settings):
    world, box = await enrol(any_settings, await prepare_demo(any_settings, URL))
    again = await prepare_demo(any_settings, "rtsp://127.0.0.1:9999/demo")
    assert (again.code, again.edge_id, again.first_login) == (None, box.id, None)
    assert (await box.config()).json()["cameras"][0]["url"] == "rtsp://127.0.0.1:9999/demo"
    await world.centre.close()


async def test_no_case_is_there_before_one_was_seen(sqlite_settings: Settings):
    await prepare_demo(sqlite_settings, URL)
    world = World(create_app(sqlite_settings))
    assert (await (await world.person()).get("/api/v1/cases")).json()["items"] == []
    await world.centre.close()


async def test_beside_a_running_centre(sqlite_settings: Settings):
    with hold_folder(sqlite_settings.data), pytest.raises(DataFolderBusy):
        await prepare_demo(sqlite_settings, URL)
