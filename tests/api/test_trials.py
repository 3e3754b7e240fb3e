"""Cameras that are tried: who may, what the edge is given, what is kept, and for how long."""

import asyncio
import base64
import sqlite3
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from api.accounts.permissions import Role
from api.cameras.tables import Camera
from api.kit.times import now
from api.trials.errands import forget_old, ring_for_all
from api.trials.service import ANSWERED_WITHIN, COUNTED, HOST_COUNTED, KEPT, MOST_FAILURES_OF_HOST, MOST_FAILURES_OF_SHOP
from contract.credentials import open_credential
from tests.api.trials import SEEN as SIGHTING
from tests.api.trials import URL
from tests.api.world import EdgeBox, Place, World, jpeg, problem_code

Home = tuple[Place, EdgeBox, httpx.AsyncClient]
SECRET = "p%@:/ss&zwiebel"
FORM = {"maker": "hikvision", "address": "192.0.2.7", "username": "admin", "password": SECRET}
SEEN = {**SIGHTING.model_dump(mode="json"), "jpeg": base64.b64encode(jpeg(90)).decode()}


@pytest.fixture(autouse=True)
def no_patience(world: World) -> None:
    """Nobody waits for a trial unless a test says so."""
    world.centre.settings.trial_wait_s = 0


async def begin(client: httpx.AsyncClient, place: Place, **typed: Any) -> httpx.Response:
    form = {"shop_id": place.shop_id, **FORM, **typed}
    return await client.post("/cameras/trials/new", data=form, headers={"Accept": "text/html"})


async def began(client: httpx.AsyncClient, place: Place, **typed: Any) -> str:
    answer = await begin(client, place, **typed)
    assert answer.status_code == 303, answer.text
    trial_id: str = answer.headers["location"].rpartition("/")[2]
    return trial_id


async def take(box: EdgeBox, question: dict[str, bool] | None = None) -> httpx.Response:
    return await box.client.post("/api/v1/edge/trials/next", auth=box.sign, json=question)


async def open_question(world: World, box: EdgeBox) -> "asyncio.Task[httpx.Response]":
    """An edge that waits for something to do."""
    world.centre.settings.trial_wait_s = 60
    bells, waits = world.centre.trial_bells, asyncio.Event()
    heard = bells.heard

    async def noticed(edge_id: str, patience_s: float) -> bool:
        waits.set()
        return await heard(edge_id, patience_s)

    bells.heard = noticed  # type: ignore[method-assign]
    question = asyncio.create_task(take(box))
    await waits.wait()
    return question


async def tell(box: EdgeBox, trial_id: str, url: str = URL, **told: Any) -> httpx.Response:
    body = {"trial_id": trial_id, "url": url, **(told or {"sighting": SEEN})}
    return await box.client.post("/api/v1/edge/trials/answers", json=body, auth=box.sign)


async def seen(client: httpx.AsyncClient, box: EdgeBox, place: Place, **typed: Any) -> str:
    """A trial that went well."""
    trial_id = await began(client, place, **typed)
    assert (await take(box)).status_code == 200
    answer = await tell(box, trial_id)
    assert answer.status_code == 204, answer.text
    return trial_id


def later(world: World, by: timedelta) -> None:
    at = now() + by
    world.centre.clock = lambda: at


def everything_kept(world: World) -> str:
    """What the database holds, as text."""
    world_file = world.centre.settings.data / "sunshine.db"
    with sqlite3.connect(world_file) as connection:
        return "\n".join(connection.iterdump())


@pytest.fixture
async def home(world: World) -> Home:
    return await at_home(world)


async def at_home(world: World) -> Home:
    place = await world.place("Home")
    cook = await world.person(Role.STORE_ADMIN, place=place)
    cook.headers["Accept-Language"] = "en"
    return place, await world.edge(place), cook


class TestWay:
    async def test_of_two_boxes_that_one_is_asked_that_was_heard_of_last(self, world: World, home: Home) -> None:
        place, box, cook = home
        await world.edge(place)
        await box.beat()
        await began(cook, place)
        assert (await take(box)).status_code == 200

    async def test_the_edge_is_asked_and_the_camera_added(self, world: World, home: Home) -> None:
        place, box, cook = home
        trial_id = await began(cook, place)

        asked = (await take(box)).json()
        assert (asked["id"], asked["urls"], asked["username"]) == (trial_id, [URL], "admin")
        assert open_credential(box.encryption_key, asked["camera_id"], asked["password_sealed"]) == SECRET
        assert (await tell(box, trial_id)).status_code == 204

        page = await cook.get(f"/cameras/trials/{trial_id}")
        assert "Person 1, head 90 px high" in page.text
        picture = await cook.get(f"/cameras/trials/{trial_id}/picture.jpg")
        assert (picture.content, picture.headers["cache-control"]) == (jpeg(90), "no-store")
        answer = await cook.post(f"/cameras/trials/{trial_id}/camera", data={"shows": "cooking"})
        assert answer.status_code == 303, answer.text

        [camera] = [one for one in (await box.config()).json()["cameras"] if one["id"] == asked["camera_id"]]
        assert (camera["name"], camera["area"], camera["url"], camera["username"]) == ("Cooking 1", "cooking", URL, "admin")
        assert open_credential(box.encryption_key, camera["id"], camera["password_sealed"]) == SECRET
        assert camera["name"] in (await cook.get("/cameras")).text

    async def test_a_second_tap_leads_to_the_camera_that_the_first_one_added(self, any_world: World) -> None:
        place, box, cook = await at_home(any_world)
        trial_id = await seen(cook, box, place)
        path, form = f"/cameras/trials/{trial_id}/camera", {"shows": "cooking"}
        answers = await asyncio.gather(cook.post(path, data=form), cook.post(path, data=form))
        assert [answer.status_code for answer in answers] == [303, 303]
        assert answers[0].headers["location"] == answers[1].headers["location"]

    async def test_nobody_but_the_edge_can_read_the_password(
        self, world: World, home: Home, capfd: pytest.CaptureFixture[str]
    ) -> None:
        place, box, cook = home
        pages = [await begin(cook, place, address="http://192.0.2.7"), await begin(cook, place, address="127.0.0.1")]
        for password in (SECRET, quote(SECRET, safe="")):
            pages.append(await begin(cook, place, address=f"rtsp://cook:{password}@127.0.0.1/x"))
        trial_id = await seen(cook, box, place)
        pages += [await cook.get(f"/cameras/trials/{trial_id}"), await cook.get(f"/cameras/trials/{trial_id}/state")]
        pages.append(await cook.post(f"/cameras/trials/{trial_id}/camera", data={"shows": "cooking"}))
        told = "".join(page.text for page in pages) + everything_kept(world) + "".join(capfd.readouterr())

        assert SECRET not in told
        assert "zwiebel" not in told

    async def test_pasted_address_keeps_its_password_apart(self, world: World, home: Home) -> None:
        place, box, cook = home
        pasted = "rtsp://cook:p%25%40%3A%2Fss%26zwiebel@192.0.2.7:8554/live?x=1"
        await began(cook, place, maker="", address=pasted, username="admin", password="")

        asked = (await take(box)).json()

        assert (asked["urls"], asked["username"]) == (["rtsp://192.0.2.7:8554/live?x=1"], "cook")
        assert open_credential(box.encryption_key, asked["camera_id"], asked["password_sealed"]) == SECRET
        assert "zwiebel" not in everything_kept(world)

    async def test_unknown_maker(self, home: Home) -> None:
        place, box, cook = home
        await began(cook, place, maker="unknown", address="192.0.2.7:8554", channel="3", stream="sub")

        urls = (await take(box)).json()["urls"]

        assert urls[0] == "rtsp://192.0.2.7:8554/Streaming/Channels/302"
        assert "rtsp://192.0.2.7:8554/cam/realmonitor?channel=3&subtype=1" in urls

    async def test_an_open_question_is_answered_at_once(self, world: World, home: Home) -> None:
        place, box, cook = home
        question = await open_question(world, box)

        trial_id = await began(cook, place)

        assert (await asyncio.wait_for(question, 30)).json()["id"] == trial_id

    async def test_what_another_process_put_up_is_found(self, world: World, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
        place, box, cook = home
        question = await open_question(world, box)
        monkeypatch.setattr(world.centre.trial_bells, "ring", lambda edge_id: None)
        trial_id = await began(cook, place)
        monkeypatch.undo()

        await ring_for_all(world.centre, asyncio.Event())

        assert (await asyncio.wait_for(question, 30)).json()["id"] == trial_id

    async def test_nobody_waits_for_a_centre_that_ends(self, world: World, home: Home) -> None:
        _, box, _ = home
        question = await open_question(world, box)

        world.centre.trial_bells.close()

        assert (await asyncio.wait_for(question, 30)).status_code == 204


class TestAgain:
    async def test_the_password_is_used_again_at_the_same_machine(self, home: Home) -> None:
        place, box, cook = home
        first = await seen(cook, box, place)
        await began(cook, place, password="", again=first, stream="sub")

        asked = (await take(box)).json()

        assert asked["urls"] == ["rtsp://192.0.2.7/Streaming/Channels/102"]
        assert open_credential(box.encryption_key, asked["camera_id"], asked["password_sealed"]) == SECRET

    async def test_never_at_another_one(self, home: Home) -> None:
        place, box, cook = home
        first = await seen(cook, box, place)
        for changed in ({"address": "192.0.2.8"}, {"address": "192.0.2.7:8554"}, {"username": "root"}):
            answer = await begin(cook, place, password="", again=first, **changed)
            assert answer.status_code == 422, changed
            assert "Enter the password again" in answer.text

    async def test_never_from_another_shop(self, world: World, home: Home) -> None:
        place, box, cook = home
        first = await seen(cook, box, place)
        there = await world.place("There")
        await world.edge(there)
        other = await world.person(Role.STORE_ADMIN, place=there)

        assert (await begin(other, there, password="", again=first)).status_code == 404


class TestWhoMay:
    async def test_a_shop_that_may_add_may_change_nothing(self, home: Home) -> None:
        place, _, cook = home
        assert (await cook.post(f"/cameras/{place.camera_id}", data={"name": "Off"})).status_code == 403

    async def test_another_shops_edge(self, world: World, home: Home) -> None:
        place, box, cook = home
        there = await world.place("There")
        stranger = await world.edge(there)
        assert (await begin(cook, place, edge_id=stranger.id)).status_code == 404
        trial_id = await began(cook, place)

        assert (await take(stranger)).status_code == 204
        assert (await take(box)).status_code == 200
        assert (await tell(stranger, trial_id)).status_code == 404

    async def test_an_edge_that_waits_for_approval_is_asked_nothing(self, world: World) -> None:
        place = await world.place("Home")
        installer = await world.person(Role.INSTALLER, place=place)
        code = (await installer.post("/api/v1/enrolment-codes", json={"shop_id": place.shop_id})).json()["code"]
        box = EdgeBox(world.client(), place)
        assert (await box.enrol(code)).status_code == 201
        installer.headers["Accept-Language"] = "en"

        answer = await begin(installer, place)

        assert answer.status_code == 422
        assert "No edge box of this shop may read cameras yet" in answer.text
        assert (await take(box)).status_code == 204


class TestBounds:
    async def test_given_out_once(self, home: Home) -> None:
        place, box, cook = home
        await began(cook, place)
        assert [(await take(box)).status_code for _ in range(2)] == [200, 204]

    async def test_a_second_answer_changes_nothing(self, home: Home) -> None:
        place, box, cook = home
        trial_id = await seen(cook, box, place)

        answer = await tell(box, trial_id, fault="wrong_password")

        assert (answer.status_code, problem_code(answer)) == (409, "trial-not-waited-for")
        assert "Person 1" in (await cook.get(f"/cameras/trials/{trial_id}")).text

    async def test_an_answer_before_the_question(self, home: Home) -> None:
        place, box, cook = home
        trial_id = await began(cook, place)
        assert (await tell(box, trial_id)).status_code == 409

    async def test_too_late_to_fetch(self, world: World, home: Home) -> None:
        place, box, cook = home
        trial_id = await began(cook, place)
        later(world, ANSWERED_WITHIN + timedelta(seconds=1))

        assert (await take(box)).status_code == 204
        assert "did not ask for it" in (await cook.get(f"/cameras/trials/{trial_id}")).text

    async def test_too_late_to_answer(self, world: World, home: Home) -> None:
        place, box, cook = home
        trial_id = await began(cook, place)
        await take(box)
        later(world, ANSWERED_WITHIN + timedelta(seconds=1))

        assert (await tell(box, trial_id)).status_code == 409
        assert "did not answer in time" in (await cook.get(f"/cameras/trials/{trial_id}")).text

    async def test_too_late_to_add(self, world: World, home: Home) -> None:
        place, box, cook = home
        trial_id = await seen(cook, box, place)
        later(world, KEPT + timedelta(seconds=1))

        answer = await cook.post(f"/cameras/trials/{trial_id}/camera", data={"shows": "cooking"})

        assert answer.status_code == 409
        assert "is not kept any more" in answer.text

    async def test_what_is_over_is_deleted(self, world: World, home: Home) -> None:
        place, box, cook = home
        trial_id = await seen(cook, box, place)
        later(world, KEPT + timedelta(seconds=1))
        await forget_old(world.centre)
        row = [line for line in everything_kept(world).splitlines() if line.startswith('INSERT INTO "camera_trials"')]
        assert len(row) == 1
        assert jpeg(90).hex().upper() not in row[0]
        assert "sighting" not in row[0]

        later(world, COUNTED + timedelta(seconds=1))
        await forget_old(world.centre)

        assert (await cook.get(f"/cameras/trials/{trial_id}")).status_code == 404

    async def test_added_once(self, world: World, home: Home) -> None:
        place, box, cook = home
        trial_id = await seen(cook, box, place)
        answers = [await cook.post(f"/cameras/trials/{trial_id}/camera", data={"shows": "cooking"}) for _ in range(2)]

        assert [answer.status_code for answer in answers] == [303, 303]
        assert answers[0].headers["location"] == answers[1].headers["location"]
        async with world.centre.database.reading() as work:
            camera = await work.get_one(Camera, answers[0].headers["location"].rpartition("camera-")[2])
        assert camera.password_encrypted is None

    @pytest.mark.parametrize("path", ["/cameras/trials/new", "/cameras/trials/search"])
    async def test_a_second_tap_asks_the_camera_nothing(self, home: Home, path: str) -> None:
        place, box, cook = home
        form = {"shop_id": place.shop_id, **(FORM if path.endswith("new") else {})}
        answers = [await cook.post(path, data=form, headers={"Accept": "text/html"}) for _ in range(2)]
        assert answers[0].headers["location"] == answers[1].headers["location"]
        assert [(await take(box, {"finds": True})).status_code for _ in range(2)] == [200, 204]

    async def test_guessing_a_password(self, world: World, home: Home) -> None:
        place, box, cook = home
        for _ in range(MOST_FAILURES_OF_HOST):
            trial_id = await began(cook, place)
            await take(box)
            await tell(box, trial_id, fault="wrong_password")

        refused = await begin(cook, place)
        assert (refused.status_code, (await take(box)).status_code) == (422, 204)
        assert "in 15 minutes" in refused.text
        assert (await begin(cook, place, address="192.0.2.8")).status_code == 303
        later(world, HOST_COUNTED + timedelta(seconds=1))
        assert (await begin(cook, place)).status_code == 303

    async def test_searching_for_machines(self, home: Home) -> None:
        place, _, cook = home
        codes = [(await begin(cook, place, address=f"192.0.2.{n}")).status_code for n in range(1, MOST_FAILURES_OF_SHOP + 2)]
        assert codes == [303] * MOST_FAILURES_OF_SHOP + [422]

    async def test_what_succeeds_is_no_failure(self, home: Home) -> None:
        place, box, cook = home
        for _ in range(MOST_FAILURES_OF_HOST + 2):
            await seen(cook, box, place)


class TestRefused:
    @pytest.mark.parametrize("shows", ["changing_room", "dining"])
    async def test_a_place_where_no_camera_may_hang(self, world: World, home: Home, shows: str) -> None:
        place, box, cook = home
        trial_id = await seen(cook, box, place)

        answer = await cook.post(f"/cameras/trials/{trial_id}/camera", data={"shows": shows})

        assert answer.headers["location"] == f"/cameras/trials/new?refused={shows}"
        assert "It was not added, and its picture is deleted" in (await cook.get(answer.headers["location"])).text
        assert (await cook.get(f"/cameras/trials/{trial_id}/picture.jpg")).status_code == 404
        assert (await cook.post(f"/cameras/trials/{trial_id}/camera", data={"shows": "cooking"})).status_code == 409
        assert "camera.refused" in everything_kept(world)

    async def test_an_answer_that_is_none(self, home: Home) -> None:
        place, box, cook = home
        trial_id = await seen(cook, box, place)
        for shows in ("", "bar"):
            answer = await cook.post(f"/cameras/trials/{trial_id}/camera", data={"shows": shows})
            assert answer.status_code == 422
            assert "Look at the picture, and say what it shows." in answer.text

    async def test_an_address_that_is_no_camera(self, world: World, home: Home) -> None:
        place, box, cook = home
        for address in ("127.0.0.1", "localhost:8554", "rtsp://169.254.169.254/latest", "rtsp://[::1]/x"):
            answer = await begin(cook, place, address=address)
            assert answer.status_code == 422
            assert "This address is the edge box itself or a reserved one" in answer.text
        assert (await take(box)).status_code == 204
        world.centre.settings.loopback_cameras = True
        assert (await begin(cook, place, address="127.0.0.1")).status_code == 303

    async def test_a_page_says_what_is_wrong_at_its_field(self, home: Home) -> None:
        place, _, cook = home
        answer = await begin(cook, place, address="http://192.0.2.7/doc", channel="0")
        assert answer.status_code == 422
        assert '<span class="wrong" id="address-wrong">This is the address of a web page' in answer.text
        assert '<span class="wrong" id="channel-wrong">Enter a number from 1 to 256' in answer.text

    async def test_an_answer_of_an_edge_that_is_none(self, home: Home) -> None:
        place, box, cook = home
        trial_id = await began(cook, place)
        await take(box)
        pictures = ("no base64", base64.b64encode(b"no picture").decode(), base64.b64encode(jpeg(width=2000)).decode())
        for told in (
            {"fault": "wrong_password", "sighting": SEEN}, {"sighting": SEEN | {"brightness": 300}},
            {"sighting": SEEN | {"sharpness": "NaN"}}, {"sighting": SEEN, "url": "rtsp://192.0.2.9/another"},
            *({"sighting": SEEN | {"jpeg": picture}} for picture in pictures), {"fault": None},
        ):
            answer = await tell(box, trial_id, **told)
            assert answer.status_code == 422, told
        assert (await tell(box, trial_id)).status_code == 204


class TestWords:
    async def test_a_failure_says_what_to_do_and_leaves_the_form(self, home: Home) -> None:
        place, box, cook = home
        trial_id = await began(cook, place)
        await take(box)
        await tell(box, trial_id, fault="wrong_password")

        page = (await cook.get(f"/cameras/trials/{trial_id}")).text

        assert "User or password is wrong" in page
        assert 'name="address" type="text" value="192.0.2.7"' in page
        assert f'name="again" value="{trial_id}"' in page

    @pytest.mark.parametrize(
        ("maker", "sentence"),
        [
            ("unknown", "None of the addresses of the makers that we know fits"),
            ("hikvision", "Choose another maker, or “I do not know”"),
        ],
    )
    async def test_no_template_fits(self, home: Home, maker: str, sentence: str) -> None:
        place, box, cook = home
        trial_id = await began(cook, place, maker=maker)
        await take(box)
        await tell(box, trial_id, fault="not_found")

        assert sentence in (await cook.get(f"/cameras/trials/{trial_id}")).text
