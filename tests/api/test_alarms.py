"""Alarms of boxes that shops own: read by their tables, pictures under the guard, exactly once, honest about their source."""

import base64
import io
import json
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.accounts.permissions import Role
from api.alarms.fetching import PictureRefused, fetch_picture
from api.alarms.mapping import AlarmFormatsError, load_formats, read_alarm
from api.alarms.service import rotate_keys
from api.evidence.repository import get_evidence
from api.kit.problems import Problem, TooLarge, Unavailable
from contract.catalogue import load_catalogue
from contract.verify import verify
from tests.api.deliveries.receiver import Answer, Receiver, receiving
from tests.api.world import HOUSE, AlarmBoxOfShop, Place, World, jpeg, problem_code

FRAME = jpeg(120, 200, 100)


@pytest.fixture
async def store() -> AsyncIterator[Receiver]:
    """Where the carrier keeps pictures."""
    async with receiving() as store:
        store.answers = [Answer(body=FRAME, headers={"Content-Type": "image/jpeg"})]
        yield store


def near(world: World) -> World:
    world.centre.settings.outbound_networks = "127.0.0.0/8"
    return world


def carrier(store: Receiver, **changes: Any) -> dict[str, Any]:
    """No chef's hat."""
    return {
        "ai_platform_msg_id": "message-1", "ai_ability_code": "100600", "device_code": "device-1", "alert_type": 1,
        "alert_create_time": "2026-11-20 12:00:00", "alert_source": 6, "src_url": f"{store.url}/pictures/1.jpg",
        "src_token": "secret token", "bbox": {"conf": 0.93, "class": 1, "point": [[20, 10, 60, 90]], "monitorAreaId": "a"},
        "repeat_alarm": 0, **changes,
    }


def vias(**changes: Any) -> dict[str, Any]:
    """One without a hat, one without work clothes."""
    return {
        "stream_id": "device-1", "event_type": 589824, "task_id": "t", "timestamp": 1790000000, "message_id": "message-2",
        "data": {
            "event_set": [
                {"bounding_box": {"x": 100, "y": 20, "w": 30, "h": 60}, "type_cloth": 1, "type_hat": 1},
                {"bounding_box": {"x": 10, "y": 20, "w": 30, "h": 60}, "type_cloth": 0, "type_hat": 0},
            ]
        },
        "image_base64": base64.b64encode(FRAME).decode(), **changes,
    }


async def settled(world: World, form: str = "carrier_cloud") -> tuple[Place, AlarmBoxOfShop, httpx.AsyncClient]:
    """The shop's camera, its box, and an officer of the place."""
    place = await near(world).place()
    return place, await world.alarm_box(place, form), await world.person(Role.OFFICER, place=place)


async def test_a_carriers_alarm_becomes_a_case_for_judgement(any_world: World, store: Receiver):
    _, box, officer = await settled(any_world)
    answer = await box.alarm(carrier(store))
    assert answer.status_code == 201, answer.text
    result, = answer.json()["results"]
    assert (result["result"], result["rule"]) == ("case_opened", "K01")
    case = (await officer.get(f"/api/v1/cases/{result['case_id']}")).json()
    assert (case["state"], case["rule"], case["captured_at"]) == ("pending_review", "K01", "2026-11-20T04:00:00Z")
    evidence, = case["evidence"]
    assert (evidence["source"], evidence["chain"]) == ("alarm_box", "none")
    assert [box["box"] for box in evidence["boxes"]] == [[20, 10, 60, 90]]
    assert (await officer.get(evidence["files"]["original.jpg"]["url"])).content == FRAME
    asked, = store.requests
    assert asked.path == "/pictures/1.jpg?token=secret+token"
    assert (asked.headers["accept"], asked.headers["accept-encoding"]) == ("image/jpeg", "identity")


async def test_the_message_id_of_the_vendor_is_the_key(any_world: World, store: Receiver):
    _, box, officer = await settled(any_world)
    first = await box.alarm(carrier(store))
    again = await box.alarm(carrier(store, src_token="another", alert_create_time="2026-11-20 12:30:00"))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert (len(store.requests), len((await officer.get("/api/v1/cases")).json()["items"])) == (1, 1)


async def test_two_boxes_may_use_one_message_id(world: World, store: Receiver):
    place, box, officer = await settled(world)
    other = await world.alarm_box(place, device="device-9")
    await box.alarm(carrier(store))
    answer = await other.alarm(carrier(store, device_code="device-9", bbox={"point": [[120, 10, 160, 90]]}))
    assert answer.json()["results"][0]["result"] == "case_opened"
    assert len((await officer.get("/api/v1/cases")).json()["items"]) == 2


async def test_the_same_spot_again_joins_the_case(world: World, store: Receiver):
    _, box, _ = await settled(world)
    one = (await box.alarm(carrier(store))).json()["results"][0]
    later = carrier(store, ai_platform_msg_id="message-3", alert_create_time="2026-11-20 12:10:00")
    two = (await box.alarm(later)).json()["results"][0]
    assert (two["result"], two["case_id"]) == ("joined_case", one["case_id"])


async def test_vias_tells_of_hats_and_clothes_at_once(world: World):
    _, box, officer = await settled(world, "huawei_vias")
    answer = await box.alarm(vias())
    assert answer.status_code == 201, answer.text
    told = {result["rule"]: result["case_id"] for result in answer.json()["results"]}
    assert set(told) == {"K01", "K04"}
    hat, clothes = [(await officer.get(f"/api/v1/cases/{told[rule]}")).json()["evidence"][0] for rule in ("K01", "K04")]
    assert [box["box"] for box in hat["boxes"]] == [[100, 20, 130, 80]]
    assert [box["box"] for box in clothes["boxes"]] == [[10, 20, 40, 80]]


@pytest.mark.parametrize(
    ("told", "marked"),
    [
        ([0.1, 0.1, 0.3, 0.9], [[20, 10, 60, 90]]), ([60, 90, 20, 10], [[20, 10, 60, 90]]),
        ([-5, 10, 60, 500], [[0, 10, 60, 100]]), ([300, 10, 360, 90], []),
    ],
    ids=["parts of the picture", "the other corners", "partly outside", "outside"],
)
async def test_a_box_is_marked_inside_of_the_picture(
    world: World, store: Receiver, told: list[float], marked: list[list[float]]
):
    _, box, officer = await settled(world)
    case_id = (await box.alarm(carrier(store, bbox={"point": [told]}))).json()["results"][0]["case_id"]
    evidence, = (await officer.get(f"/api/v1/cases/{case_id}")).json()["evidence"]
    assert [one["box"] for one in evidence["boxes"]] == marked


async def test_a_picture_in_the_alarm_is_no_larger_than_one_that_is_fetched(world: World):
    _, box, _ = await settled(world, "huawei_vias")
    world.centre.settings.picture_bytes = len(FRAME) - 1
    answer = await box.alarm(vias())
    assert (answer.status_code, problem_code(answer)) == (413, "too-large")


async def test_what_was_cut_off_half_way_is_completed_by_the_repeat(world: World):
    """Only one of the two cases of a message was filed before the power failed."""
    _, box, officer = await settled(world, "huawei_vias")
    one = vias()
    one["data"] = {"event_set": one["data"]["event_set"][:1]}
    await box.alarm(one)
    answer = await box.alarm(vias())
    assert answer.status_code == 201
    assert len((await officer.get("/api/v1/cases")).json()["items"]) == 2


@pytest.mark.parametrize(
    ("form", "body"),
    [
        ("carrier_cloud", {"ai_ability_code": "999999"}),
        ("huawei_vias", {"data": {"event_set": [{"type_cloth": 1, "type_hat": 0}]}}),
        ("huawei_vias", {"event_type": 458752}),
    ],
)
async def test_what_is_no_violation_is_taken_and_ignored(world: World, store: Receiver, form: str, body: dict[str, Any]):
    _, box, officer = await settled(world, form)
    answer = await box.alarm({**(carrier(store) if form == "carrier_cloud" else vias()), **body})
    assert (answer.status_code, answer.json()["results"][0]["result"]) == (200, "ignored")
    assert (await officer.get("/api/v1/cases")).json()["items"] == []


async def test_the_rule_is_the_one_in_force_where_the_camera_looks():
    body = {
        "ai_platform_msg_id": 1, "ai_ability_code": 100200, "device_code": "x", "alert_create_time": 1790000000000,
        "src_url": "https://example.org/1.jpg",
    }
    alarm = read_alarm(load_formats()["carrier_cloud"], body)
    catalogue = load_catalogue()
    rule = alarm.findings[0].rule_at(catalogue, "special_room", frozenset())  # type: ignore[arg-type]
    assert rule is not None
    assert rule.code == "K02"
    assert alarm.findings[0].rule_at(catalogue, "cooking", frozenset()) is None  # type: ignore[arg-type]
    assert alarm.at.isoformat() == "2026-09-21T14:13:20+00:00"


class TestHonesty:
    """What came from another's box is never shown as sealed by one of ours, and its faces are never shown."""

    async def test_the_page_says_where_it_came_from(self, world: World, store: Receiver):
        _, box, officer = await settled(world)
        case_id = (await box.alarm(carrier(store))).json()["results"][0]["case_id"]
        page = (await officer.get(f"/cases/{case_id}?lang=en")).text
        assert "Not sealed by an edge box of ours" in page
        assert "It came from the shop&#39;s own box." in page
        assert "carrier_cloud 100600 message-1" in page

    async def test_outside_of_the_review_all_of_the_picture_is_hidden(self, world: World, store: Receiver):
        _, box, officer = await settled(world)
        case_id = (await box.alarm(carrier(store))).json()["results"][0]["case_id"]
        evidence = (await officer.get(f"/api/v1/cases/{case_id}")).json()["evidence"][0]
        base = f"/api/v1/evidence/{evidence['violation_id']}"
        for name in ("blurred.jpg", "judged.jpg"):
            shown = (await officer.get(f"{base}/{name}")).content
            assert shown != FRAME
            assert hidden_everywhere(shown)

    async def test_the_export_verifies_and_says_that_the_centre_sealed_it(self, world: World, store: Receiver):
        _, box, officer = await settled(world)
        case_id = (await box.alarm(carrier(store))).json()["results"][0]["case_id"]
        content = (await officer.get(f"/api/v1/cases/{case_id}/evidence", params={"reason": "Court."})).content
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
        assert all(finding.holds for finding in verify(files))
        source, = (text.decode() for name, text in files.items() if name.endswith("来源说明.txt"))
        assert "not taken and sealed by an edge box of this system" in source

    async def test_the_chain_of_the_camera_has_no_place_for_it(self, world: World, store: Receiver):
        place, box, officer = await settled(world)
        await box.alarm(carrier(store))
        chain = (await officer.get(f"/api/v1/cameras/{place.camera_id}/evidence-chain")).json()
        assert chain["manifests"] == []

    async def test_a_file_that_was_changed_is_found(self, world: World, store: Receiver):
        _, box, officer = await settled(world)
        case_id = (await box.alarm(carrier(store))).json()["results"][0]["case_id"]
        evidence = (await officer.get(f"/api/v1/cases/{case_id}")).json()["evidence"][0]
        async with world.centre.database.reading() as work:
            stored = await get_evidence(work, HOUSE, evidence["violation_id"])
        assert stored is not None
        await world.centre.files.put(f"{stored.folder}/original.jpg", jpeg(10, 200, 100))
        assert "not as they arrived here from the shop&#39;s own box" in (await officer.get(f"/cases/{case_id}?lang=en")).text


def hidden_everywhere(content: bytes) -> bool:
    """A few even blocks are left."""
    import cv2
    import numpy as np

    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    return len(np.unique(picture // 32)) <= 3


class TestTokens:
    async def test_nobody_else_hands_in_alarms(self, world: World, store: Receiver):
        _, _, officer = await settled(world)
        wrong = world.client(headers={"Authorization": "Bearer wrong"})
        for client in (world.client(), wrong, officer):
            answer = await client.post("/api/v1/alarms", json=carrier(store))
            assert (answer.status_code, problem_code(answer)) == (401, "unauthenticated")

    async def test_a_new_token_ends_the_old_one(self, world: World, store: Receiver):
        _, box, _ = await settled(world)
        admin = await world.person(is_admin=True)
        page = (await admin.post(f"/alarm-boxes/{box.id}/token")).text
        token = page.partition("Authorization: Bearer ")[2].partition("<")[0]
        assert (await box.alarm(carrier(store))).status_code == 401
        renewed = AlarmBoxOfShop(world.client(headers={"Authorization": f"Bearer {token}"}), box.id, token)
        assert (await renewed.alarm(carrier(store))).status_code == 201

    async def test_a_revoked_box_is_refused(self, world: World, store: Receiver):
        _, box, _ = await settled(world)
        admin = await world.person(is_admin=True)
        assert (await admin.post(f"/alarm-boxes/{box.id}/revoke")).status_code == 303
        answer = await box.alarm(carrier(store))
        assert (answer.status_code, problem_code(answer)) == (403, "alarm-box-revoked")

    async def test_a_device_that_was_not_named_is_refused_and_the_console_says_so(self, world: World, store: Receiver):
        _, box, officer = await settled(world)
        answer = await box.alarm(carrier(store, device_code="device-of-another"))
        assert (answer.status_code, problem_code(answer)) == (422, "unknown-device")
        assert "device-of-another" in (await officer.get("/alarm-boxes")).text
        await box.alarm(carrier(store))
        assert "device-of-another" not in (await officer.get("/alarm-boxes")).text

    async def test_a_lost_key_is_told_to_the_box_and_on_the_page(self, world: World):
        _, box, officer = await settled(world, "huawei_vias")
        world.centre.keyring = world.centre.keyring.with_new_key().only_current()
        answer = await box.alarm(vias())
        assert (answer.status_code, problem_code(answer)) == (503, "key-missing")
        page = (await officer.get("/alarm-boxes", headers={"Accept-Language": "en"})).text
        assert "A key of the server is missing" in page

    async def test_it_is_none_of_the_edge_boxes(self, world: World):
        _, box, officer = await settled(world)
        assert (await officer.get("/api/v1/edges")).json()["items"] == []
        assert (await officer.post(f"/api/v1/edges/{box.id}/revoke")).status_code == 404


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"ai_platform_msg_id": None}, "ai_platform_msg_id"),
        ({"ai_platform_msg_id": "x" * 201}, "ai_platform_msg_id"),
        ({"ai_ability_code": {"a": 1}}, "ai_ability_code"),
        ({"device_code": "\x00"}, "device_code"),
        ({"alert_create_time": "yesterday"}, "alert_create_time"),
        ({"alert_create_time": 1e300}, "alert_create_time"),
        ({"src_url": ""}, "src_url"),
        ({"bbox": {"point": [[1, 2, 3]]}}, "point"),
        ({"bbox": {"point": [[1, 2, 3, "4"]]}}, "point"),
        ({"bbox": "{not json"}, "bbox"),
        ({"bbox": [{}] * 201}, "bbox"),
    ],
)
async def test_what_cannot_be_read_names_the_field(world: World, store: Receiver, changes: dict[str, Any], field: str):
    _, box, _ = await settled(world)
    answer = await box.alarm(carrier(store, **changes))
    assert (answer.status_code, problem_code(answer)) == (422, "alarm-unreadable")
    assert answer.json()["errors"][0]["field"] == field


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"[" * 100_000, b'{"a": 1e999}', b"\xff"])
async def test_what_is_no_object_is_refused(world: World, body: bytes):
    _, box, _ = await settled(world)
    answer = await box.client.post("/api/v1/alarms", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422


@pytest.mark.parametrize("field", ["ai_platform_msg_id", "device_code", "ai_ability_code"])
async def test_half_of_a_character_is_no_text(world: World, store: Receiver, field: str):
    """JSON can write it (RFC 8259, 8.2), UTF-8 and the database cannot."""
    _, box, officer = await settled(world)
    body = json.dumps(carrier(store, **{field: "a\ud800"})).encode()
    answer = await box.client.post("/api/v1/alarms", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, problem_code(answer)) == (422, "alarm-unreadable")
    assert field in (await officer.get(f"/alarm-boxes/{box.id}")).text  # who runs the box may never see its answers


@pytest.mark.parametrize(
    ("off", "seen_off", "doubt"),
    [
        (timedelta(minutes=4), timedelta(minutes=4), None), (timedelta(hours=1), timedelta(), "no_clock"),
        (-timedelta(days=20_000), timedelta(), "no_clock"), (-timedelta(hours=1), -timedelta(hours=1), "uncompared"),
    ],
    ids=["nearly right", "ahead", "1970", "late or behind"],
)
async def test_the_clock_of_a_box_may_be_off(
    world: World, store: Receiver, off: timedelta, seen_off: timedelta, doubt: str | None
):
    _, box, officer = await settled(world)
    at = datetime.now(UTC).replace(microsecond=0)
    world.centre.clock = lambda: at
    answer = await box.alarm(carrier(store, alert_create_time=(at + off).timestamp()))
    assert answer.status_code == 201, answer.text
    case = (await officer.get(f"/api/v1/cases/{answer.json()['results'][0]['case_id']}")).json()
    assert (datetime.fromisoformat(case["captured_at"]), case["time_doubt"]) == (at + seen_off, doubt)


async def test_a_body_that_is_too_large_is_not_even_read(world: World):
    _, box, _ = await settled(world)
    answer = await box.client.post("/api/v1/alarms", content=b"x", headers={"Content-Length": "100000000"})
    assert (answer.status_code, problem_code(answer)) == (413, "too-large")


@pytest.mark.parametrize(
    ("picture", "code"),
    [(b"GIF89a", "not-a-picture"), (FRAME[:200], "not-a-picture"), (jpeg(1, 8000, 8), "not-a-picture")],
)
async def test_what_is_no_picture_is_refused(world: World, store: Receiver, picture: bytes, code: str):
    _, box, _ = await settled(world)
    store.answers = [Answer(body=picture)]
    answer = await box.alarm(carrier(store))
    assert (answer.status_code, problem_code(answer)) == (422, code)


class TestFetching:
    """Under the guard, limited in size and time."""

    async def fetch(self, world: World, url: str, **options: Any) -> type[Problem]:
        with pytest.raises(Problem) as problem:
            await fetch_picture(world.centre.settings, url, **options)
        return problem.type

    async def test_an_address_inside_is_not_asked(self, world: World, store: Receiver):
        assert await self.fetch(world, f"{store.url}/1.jpg") is PictureRefused
        assert store.requests == []

    async def test_a_redirect_is_not_followed(self, world: World, store: Receiver):
        store.answers = [Answer(status=302, headers={"Location": f"{store.url}/inner"})]
        assert await self.fetch(near(world), f"{store.url}/1.jpg") is PictureRefused
        assert len(store.requests) == 1

    async def test_a_name_is_looked_up_once(self, world: World, store: Receiver):
        """The second answer would lead elsewhere."""
        world.centre.settings.outbound_networks = "127.0.0.1/32"
        answers = [["127.0.0.1"], ["127.0.0.2"]]

        async def resolve(_host: str, _port: int) -> list[str]:
            return answers.pop(0)

        url = f"http://pictures.example.org:{store.port}/1.jpg"
        assert await fetch_picture(world.centre.settings, url, resolve) == FRAME
        assert await self.fetch(world, url, resolver=resolve) is PictureRefused

    async def test_one_that_is_larger_is_given_up(self, world: World, store: Receiver):
        near(world).centre.settings.picture_bytes = 1000
        store.answers = [Answer(body=b"x" * 1001)]
        assert await self.fetch(world, f"{store.url}/1.jpg") is TooLarge

    async def test_one_that_does_not_say_how_large_it_is_is_given_up_too(self, world: World, store: Receiver):
        near(world).centre.settings.picture_bytes = 1000
        store.answers = [Answer(drips=True, body=b"x" * 990)]
        assert await self.fetch(world, f"{store.url}/1.jpg") is TooLarge

    @pytest.mark.parametrize("answer", [Answer(hangs=True), Answer(drips=True)])
    async def test_one_that_takes_for_ever_is_given_up(self, world: World, store: Receiver, answer: Answer):
        near(world).centre.settings.alarm_picture_s = 0.5
        store.answers = [answer]
        assert await self.fetch(world, f"{store.url}/1.jpg") is Unavailable

    @pytest.mark.parametrize(
        ("status", "problem"), [(404, PictureRefused), (403, PictureRefused), (503, Unavailable), (429, Unavailable)]
    )
    async def test_what_may_pass_is_tried_again(self, world: World, store: Receiver, status: int, problem: type[Problem]):
        store.answers = [Answer(status=status)]
        assert await self.fetch(near(world), f"{store.url}/1.jpg") is problem

    async def test_one_that_comes_packed_is_not_unpacked(self, world: World, store: Receiver):
        store.answers = [Answer(body=b"x", headers={"Content-Encoding": "gzip"})]
        assert await self.fetch(near(world), f"{store.url}/1.jpg") is PictureRefused


async def test_its_key_is_encrypted_anew_with_the_others(world: World, store: Receiver):
    _, box, officer = await settled(world)
    old = world.centre.keyring
    new = old.with_new_key()
    async with world.centre.database.writing() as work:
        assert await rotate_keys(work, HOUSE, old, new) == 1
    world.centre.keyring = new.only_current()
    case_id = (await box.alarm(carrier(store))).json()["results"][0]["case_id"]
    assert "picture and data are as they arrived here" in (await officer.get(f"/cases/{case_id}?lang=en")).text


async def test_two_cameras_cannot_share_a_device_code(world: World):
    place, box, _ = await settled(world)
    admin = await world.person(is_admin=True)
    await admin.post("/api/v1/cameras", json={"area_id": place.area_id, "name": "Second", "url": "rtsp://192.0.2.7/2"})
    cameras = [camera["id"] for camera in (await admin.get("/api/v1/cameras")).json()["items"]]
    answer = await admin.post(f"/alarm-boxes/{box.id}", data={f"code-{camera}": "same" for camera in cameras})
    assert (answer.status_code, 'role="alert"' in answer.text, "device-1" in answer.text) == (422, True, False)
    assert "device-1" in (await admin.get(f"/alarm-boxes/{box.id}")).text


async def test_no_camera_of_another_shop_is_a_box_s(world: World):
    _, box, _ = await settled(world)
    elsewhere, admin = await world.place("Elsewhere"), await world.person(is_admin=True)
    answer = await admin.post(f"/alarm-boxes/{box.id}", data={f"code-{elsewhere.camera_id}": "theirs"})
    assert answer.status_code == 404
    assert "device-1" in (await admin.get(f"/alarm-boxes/{box.id}")).text


@pytest.mark.parametrize(
    ("text", "words"), [("formats: {mine: {name: {zh: a, en: b}}}", "message_id"), ("formats: 2026-13-45", r"alarms\.yaml")]
)
def test_a_table_that_cannot_be_used_says_where(tmp_path: Path, text: str, words: str):
    wrong = tmp_path / "alarms.yaml"
    wrong.write_text(text)
    with pytest.raises(AlarmFormatsError, match=words):
        load_formats(wrong)


def test_every_rule_of_the_tables_is_in_the_catalogue():
    codes = {rule.code for rule in load_catalogue().rules}
    for form in load_formats().values():
        for kinds in form.kinds.values():
            assert all(codes.issuperset(kind.rules) for kind in kinds)
