"""A shop's edge looks for cameras: which edge is asked, what of its answer is shown, and what an older edge leads to."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from api.accounts.permissions import Role
from api.cameras.tables import Camera
from api.trials.service import ANSWERED_WITHIN, KEPT, MOST_OF_SHOP, TAPPED_TWICE
from tests.api.test_trials import Home, at_home, began, everything_kept, later, take, tell
from tests.api.world import World

FINDS = {"finds": True}
FOUND = {"address": "192.168.1.64", "name": "HIKVISION DS-2CD2032-I", "hardware": "DS-2CD2032-I"}


@pytest.fixture(autouse=True)
def no_patience(world: World) -> None:
    world.centre.settings.trial_wait_s = 0


@pytest.fixture
async def home(world: World) -> Home:
    return await at_home(world)


async def search(client: httpx.AsyncClient, shop_id: str, **typed: str) -> httpx.Response:
    return await client.post("/cameras/trials/search", data={"shop_id": shop_id, **typed}, headers={"Accept": "text/html"})


async def searched(home: Home, *found: dict[str, Any]) -> str:
    """The path of a search that its edge has answered."""
    place, box, cook = home
    path = (await search(cook, place.shop_id)).headers["location"]
    assert (await take(box, FINDS)).status_code == 200
    answer = await tell(box, path.rpartition("/")[2], "", found=[*found])
    assert answer.status_code == 204, answer.text
    return str(path)


async def test_what_the_edge_found_is_chosen_and_only_the_password_is_left(world: World, home: Home) -> None:
    place, box, cook = home
    started = await search(cook, place.shop_id)
    trial_id = started.headers["location"].rpartition("/")[2]
    asked = (await take(box, FINDS)).json()
    assert (asked["id"], asked["urls"]) == (trial_id, [])
    assert "The edge box asks which cameras are in its network" in (await cook.get(started.headers["location"])).text
    assert (await tell(box, trial_id, "", found=[FOUND])).status_code == 204

    page = (await cook.get(started.headers["location"])).text
    assert "海康威视 Hikvision" in page
    form = (await cook.get("/cameras/trials/new", params={"search": trial_id, "address": "192.168.1.64"})).text

    assert 'value="192.168.1.64"' in form
    assert 'value="hikvision" checked' in form
    assert f'name="edge_id" value="{box.id}"' in form
    assert "cameras.searched" in everything_kept(world)


async def test_what_this_edge_watches_is_marked(world: World, home: Home) -> None:
    place, _, _ = home
    async with world.centre.database.writing() as work:
        camera = await work.get_one(Camera, place.camera_id)
        camera.url = "rtsp://192.168.1.64:554/Streaming/Channels/101"
        name = camera.name
    path = await searched(home, FOUND, FOUND | {"address": "192.168.1.65"})

    rows = (await home[2].get(path)).text.split("<article")[1:]

    assert ["Watched already" in row and name in row for row in rows] == [True, False]


async def test_an_address_that_was_not_found_is_not_filled_in(home: Home) -> None:
    """A link could name the machine of whoever made it."""
    trial_id = (await searched(home, FOUND)).rpartition("/")[2]
    form = (await home[2].get("/cameras/trials/new", params={"search": trial_id, "address": "203.0.113.9"})).text
    assert 'value="203.0.113.9"' not in form


async def test_another_shop_sees_nothing_of_it(world: World, home: Home) -> None:
    path = await searched(home, FOUND)
    stranger = await world.person(Role.STORE_ADMIN, place=await world.place("Elsewhere"))
    assert (await stranger.get(path)).status_code == 404
    form = await stranger.get("/cameras/trials/new", params={"search": path.rpartition("/")[2], "address": "192.168.1.64"})
    assert form.status_code == 404


async def test_an_older_edge_is_told_of_at_once_and_goes_on_trying(home: Home) -> None:
    """It sends no body, and takes no trial without an address."""
    place, box, cook = home
    path = (await search(cook, place.shop_id)).headers["location"]
    trial_id = await began(cook, place)

    answers = [await take(box), await take(box)]

    assert [answer.status_code for answer in answers] == [204, 200]
    assert answers[1].json()["id"] == trial_id
    assert "has an older version, which cannot find cameras" in (await cook.get(path)).text
    assert (await tell(box, path.rpartition("/")[2], "", found=[FOUND])).status_code == 409


async def test_words_of_devices_are_escaped(home: Home) -> None:
    page = (await home[2].get(await searched(home, FOUND | {"name": "<script>alert(1)</script>"}))).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


async def test_nothing_found_says_what_to_do(home: Home) -> None:
    assert "Many cameras only answer once ONVIF is switched on" in (await home[2].get(await searched(home))).text


@pytest.mark.parametrize(
    ("after", "sentence"),
    [(ANSWERED_WITHIN, "did not ask for it"), (KEPT, "What was found is not kept any more")],
    ids=["nobody-asks", "over"],
)
async def test_too_late(world: World, home: Home, after: timedelta, sentence: str) -> None:
    path = (await search(home[2], home[0].shop_id)).headers["location"]
    later(world, after + timedelta(seconds=1))
    assert sentence in (await home[2].get(path)).text


@pytest.mark.parametrize(
    "told",
    [
        {"fault": "timeout"}, {"found": [FOUND | {"address": "8.8.8.8"}]}, {"found": [FOUND | {"address": "cam.example"}]},
        {"found": [FOUND] * 65}, {"found": [FOUND | {"name": "x" * 61}]}, {"found": [FOUND], "fault": "timeout"},
        {"found": [FOUND], "url": "rtsp://192.0.2.9/another"},
    ],
    ids=["fault", "public", "name", "many", "long", "both", "url"],
)
async def test_an_answer_that_is_none(home: Home, told: dict[str, Any]) -> None:
    place, box, cook = home
    trial_id = (await search(cook, place.shop_id)).headers["location"].rpartition("/")[2]
    await take(box, FINDS)
    assert (await tell(box, trial_id, **{"url": "", **told})).status_code == 422


async def test_what_was_found_is_no_answer_to_a_trial(home: Home) -> None:
    place, box, cook = home
    trial_id = await began(cook, place)
    await take(box, FINDS)
    assert (await tell(box, trial_id, found=[FOUND])).status_code == 422


async def test_whoever_sees_several_shops_chooses_one(world: World, home: Home) -> None:
    place, box, _ = home
    await world.place("Another")
    installer = await world.person(Role.INSTALLER)
    page = (await installer.get("/cameras/trials/new")).text
    assert page.count(f'value="{place.shop_id}"') == 1  # the list of a county's shops is long
    assert 'href="/cameras/trials/new?finds=yes' in page

    page = (await installer.get("/cameras/trials/new?finds=yes")).text

    assert page.count(f'value="{place.shop_id}"') == 1
    assert 'name="password"' not in page
    assert (await search(installer, place.shop_id, edge_id="")).status_code == 303
    assert (await take(box, FINDS)).status_code == 200


async def test_no_edge(world: World) -> None:
    place = await world.place("Alone")
    cook = await world.person(Role.STORE_ADMIN, place=place)
    cook.headers["Accept-Language"] = "en"
    answer = await search(cook, place.shop_id)
    assert answer.status_code == 422
    assert "No edge box of this shop may read cameras yet" in answer.text


async def test_searches_are_counted_and_no_failures(world: World, home: Home) -> None:
    place, _, cook = home
    codes = []
    for number in range(MOST_OF_SHOP + 1):
        later(world, number * TAPPED_TWICE)
        codes.append((await search(cook, place.shop_id)).status_code)
    assert codes == [303] * MOST_OF_SHOP + [422]


async def test_a_second_tap_searches_once(home: Home) -> None:
    place, _, cook = home
    taps = [await search(cook, place.shop_id) for _ in range(2)]
    assert taps[0].headers["location"] == taps[1].headers["location"]


async def test_a_camera_cannot_be_added_from_a_search(home: Home) -> None:
    path = await searched(home, FOUND)
    answer = await home[2].post(f"{path}/camera", data={"shows": "cooking"})
    assert answer.status_code == 410
