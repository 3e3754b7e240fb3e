"""The latest picture of a camera: one, of the edge's own camera, made anew, and shown to who may see the camera."""

from datetime import UTC, datetime, timedelta

import cv2
import httpx
import numpy as np
import pytest

from api.accounts.permissions import Role
from api.cameras.pictures import made_anew
from api.cameras.repository import get_camera
from contract.edges import LATEST_BYTES
from tests.api.test_cameras import new_camera
from tests.api.world import HOUSE, Place, World, jpeg, problem_code


def address(place: Place) -> str:
    return f"/api/v1/cameras/{place.camera_id}/picture"


def shade(answer: httpx.Response) -> int:
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    picture = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    return round(float(picture.mean()))


def stored(world: World) -> list[str]:
    return [path.name for path in (world.centre.settings.data / "files" / "cameras").rglob("*.*")]


async def pictured_at(world: World, place: Place) -> datetime | None:
    async with world.centre.database.reading() as work:
        camera = await get_camera(work, HOUSE, place.camera_id)
    assert camera is not None
    return camera.pictured_at


async def test_the_newest_takes_the_place_of_the_one_before(any_world: World):
    place = await any_world.place()
    box = await any_world.edge(place)
    officer = await any_world.person()
    assert problem_code(await officer.get(address(place))) == "not-found"
    for grey in (40, 200):
        assert (await box.show(jpeg(grey))).status_code == 204
    first = await officer.get(address(place))
    assert shade(first) == 200
    assert stored(any_world) == ["latest.jpg"]
    again = await officer.get(address(place), headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304


async def test_of_anothers_camera(world: World):
    mine, theirs = await world.place("Mine"), await world.place("Theirs")
    box = await world.edge(mine)
    await world.edge(theirs)
    answer = await box.show(camera_id=theirs.camera_id)
    assert (answer.status_code, problem_code(answer)) == (403, "not-your-camera")
    assert await pictured_at(world, theirs) is None


async def test_another_shop_does_not_see_it(world: World):
    mine, theirs = await world.place("Mine"), await world.place("Theirs")
    await (await world.edge(mine)).show()
    assert (await (await world.person(Role.STORE_OWNER, place=theirs)).get(address(mine))).status_code == 404
    assert (await (await world.person(Role.STORE_OWNER, place=mine)).get(address(mine))).status_code == 200


async def test_of_a_camera_that_is_switched_off(world: World):
    place = await world.place()
    box = await world.edge(place)
    await box.show()
    installer = await world.person(Role.INSTALLER)
    off = {"url": "rtsp://192.0.2.7:554/stream", "enabled": False}
    await installer.put(f"/api/v1/cameras/{place.camera_id}", json=new_camera(place, **off))
    assert problem_code(await box.show()) == "not-your-camera"
    assert (await installer.get(address(place))).status_code == 404
    assert stored(world) == []


async def test_a_camera_that_shows_another_kitchen_now_shows_none_of_the_one_before(world: World):
    place, other = await world.place("Old"), await world.place("New")
    await (await world.edge(place)).show()
    installer = await world.person(Role.INSTALLER)
    moved = await installer.put(f"/api/v1/cameras/{place.camera_id}", json=new_camera(other))
    assert moved.json()["shop_id"] == other.shop_id
    assert (await installer.get(address(place))).status_code == 404
    assert stored(world) == []


async def test_a_clock_that_runs_ahead_makes_no_picture_of_tomorrow(world: World):
    place = await world.place()
    box = await world.edge(place)
    await box.show(taken_at=(datetime.now(UTC) + timedelta(days=1)).isoformat())
    taken = await pictured_at(world, place)
    assert taken is not None
    assert taken <= datetime.now(UTC)


def with_size(content: bytes, width: int, height: int) -> bytes:
    """The same data under a header (SOF0) that tells another size."""
    at = content.index(b"\xff\xc0") + 5
    return content[:at] + height.to_bytes(2) + width.to_bytes(2) + content[at + 4 :]


def png() -> bytes:
    return cv2.imencode(".png", np.zeros((4, 4, 3), np.uint8))[1].tobytes()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<script>alert(1)</script>", "not a JPEG"),
        (png(), "not a JPEG"),
        (b"\xff\xd8\xff\xd9", "not a complete JPEG"),
        (jpeg(width=641, height=8), "at most 640"),
        (with_size(jpeg(), 60_000, 60_000), "at most 640"),
        (jpeg()[:-60], "cannot be decoded"),
    ],
    ids=["no picture", "a PNG", "nothing in it", "too large", "tells of a bomb", "torn"],
)
async def test_what_is_no_such_picture(world: World, content: bytes, words: str):
    place = await world.place()
    box = await world.edge(place)
    answer = await box.show(content)
    assert (answer.status_code, problem_code(answer)) == (422, "not-a-picture")
    assert words in answer.json()["detail"]
    assert await pictured_at(world, place) is None


def test_one_that_tells_of_more_than_it_has_unfolds_to_what_it_may_be_at_most():
    made = cv2.imdecode(np.frombuffer(made_anew(with_size(jpeg(), 640, 640)), np.uint8), cv2.IMREAD_COLOR)
    assert made is not None
    assert made.shape == (640, 640, 3)


async def test_one_that_is_no_base64(world: World):
    box = await world.edge(await world.place())
    answer = await box.show(jpeg="%%%")
    assert (answer.status_code, problem_code(answer)) == (422, "not-a-picture")


async def test_fifty_megabytes_are_refused_unread(world: World):
    box = await world.edge(await world.place())
    answer = await box.show(jpeg="A" * 50_000_000)
    assert (answer.status_code, problem_code(answer)) == (413, "too-large")


async def test_more_bytes_than_such_a_picture_has(world: World):
    box = await world.edge(await world.place())
    answer = await box.show(b"\xff" * (LATEST_BYTES + 1))
    assert (answer.status_code, problem_code(answer)) == (422, "invalid")


def test_nothing_comes_along():
    plain = jpeg()
    note = b"\xff\xe1" + (21).to_bytes(2) + b"Exif\0\0secretplace\0\0"
    made = made_anew(plain[:2] + note + plain[2:] + b"behind its end")
    assert b"secretplace" not in made
    assert b"behind its end" not in made
