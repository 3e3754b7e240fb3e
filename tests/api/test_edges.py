import asyncio
import base64
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from api.accounts.permissions import Role
from api.edges import service
from api.kit.times import now
from contract.cameras import EdgeConfig
from contract.credentials import open_credential
from contract.edges import StreamFault
from tests.api.world import EdgeBox, Place, World, problem_code


class TestEnrol:
    async def test_takes_the_cameras_of_its_shop(self, any_world: World):
        place = await any_world.place()
        box = await any_world.edge(place)
        config = EdgeConfig.model_validate_json((await box.config()).content)
        assert [camera.id for camera in config.cameras] == [place.camera_id]

    async def test_a_code_works_once(self, any_world: World):
        place = await any_world.place()
        code = await any_world.code(place)
        assert (await EdgeBox(any_world.client(), place).enrol(code)).status_code == 201
        answer = await EdgeBox(any_world.client(), place).enrol(code)
        assert (answer.status_code, problem_code(answer)) == (403, "bad-enrolment-code")

    async def test_a_code_works_once_also_for_two_at_once(self, any_world: World):
        place = await any_world.place()
        code = await any_world.code(place)
        answers = await asyncio.gather(*(EdgeBox(any_world.client(), place).enrol(code) for _ in range(3)))
        assert sorted(answer.status_code for answer in answers) == [201, 403, 403]

    async def test_a_key_is_registered_once_also_with_two_codes_at_once(self, any_world: World):
        place = await any_world.place()
        codes = [await any_world.code(place) for _ in range(3)]
        boxes = [EdgeBox(any_world.client(), place) for _ in codes]
        for box in boxes[1:]:
            box.key = boxes[0].key
        answers = await asyncio.gather(*(box.enrol(code) for box, code in zip(boxes, codes, strict=True)))
        assert sorted(answer.status_code for answer in answers) == [201, 409, 409], [answer.text for answer in answers]
        assert {problem_code(answer) for answer in answers if answer.status_code == 409} == {"key-in-use"}

    async def test_a_key_that_nothing_can_be_sealed_to(self, world: World):
        nothing = base64.b64encode(bytes(32)).decode()
        body = {
            "code": await world.code(await world.place()), "public_key": nothing, "encryption_key": nothing, "name": "Box",
            "software_version": "1",
        }
        answer = await world.client().post("/api/v1/edges/enroll", json=body)
        assert (answer.status_code, problem_code(answer)) == (422, "invalid")

    async def test_another_spelling_of_a_key_is_the_same_key(self, world: World):
        place = await world.place()
        box = await world.edge(place)
        key = base64.b64encode(box.key.public_key().public_bytes_raw()).decode()
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        spelling = f"{key[:42]}{letters[letters.index(key[42]) | 1]}="  # the last two bits of 258 say nothing
        body = {
            "code": await world.code(place), "public_key": spelling, "encryption_key": key, "name": "Box",
            "software_version": "1",
        }
        answer = await world.client().post("/api/v1/edges/enroll", json=body)
        assert (answer.status_code, problem_code(answer)) == (409, "key-in-use")

    async def test_an_edge_that_did_not_get_the_answer_asks_again(self, world: World):
        place = await world.place()
        code, box = await world.code(place), EdgeBox(world.client(), place)
        first, again = await box.enrol(code), await box.enrol(code)
        assert again.json() == first.json()

    async def test_a_code_that_is_too_old(self, world: World, monkeypatch: pytest.MonkeyPatch):
        place = await world.place()
        code = await world.code(place)
        monkeypatch.setattr(service, "now", lambda: now() + timedelta(minutes=15, seconds=1))
        answer = await EdgeBox(world.client(), place).enrol(code)
        assert (answer.status_code, problem_code(answer)) == (403, "bad-enrolment-code")

    async def test_a_code_that_nobody_made(self, world: World):
        answer = await EdgeBox(world.client(), await world.place()).enrol("ABCDEFGHJK")
        assert (answer.status_code, problem_code(answer)) == (403, "bad-enrolment-code")

    async def test_a_key_that_is_registered_already(self, world: World):
        place = await world.place()
        box = await world.edge(place)
        answer = await box.enrol(await world.code(place))
        assert (answer.status_code, problem_code(answer)) == (409, "key-in-use")

    async def test_a_code_for_anothers_shop(self, world: World):
        mine, theirs = await world.place("Mine"), await world.place("Theirs")
        installer = await world.person(Role.INSTALLER, place=mine)
        answers = [
            await installer.post("/api/v1/enrolment-codes", json={"shop_id": shop}) for shop in (theirs.shop_id, "unknown")
        ]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert answers[0].text == answers[1].text


class TestConfig:
    async def test_the_password_travels_only_sealed_to_the_edge(self, world: World):
        place = await world.place(password="p%@:/ss")
        box = await world.edge(place)
        answer = await box.config()
        camera = EdgeConfig.model_validate_json(answer.content).cameras[0]
        assert "p%@:/ss" not in answer.text
        assert camera.password_sealed is not None
        assert open_credential(box.encryption_key, camera.id, camera.password_sealed) == "p%@:/ss"

    async def test_unchanged_is_not_sent_again(self, any_world: World):
        box = await any_world.edge(await any_world.place(password="secret"))
        first = await box.config()
        again = await box.config(first.headers["etag"])
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"] == f'"{first.json()["version"]}"'

    async def test_a_new_password_is_a_new_version(self, world: World):
        place = await world.place(password="old")
        box = await world.edge(place)
        before = (await box.config()).headers["etag"]
        installer = await world.person(Role.INSTALLER)
        change = {
            "area_id": place.area_id, "name": "Shop camera", "url": "rtsp://192.0.2.7:554/stream", "username": "viewer",
            "password": "new", "posts": ["gloves_required"],
        }
        assert (await installer.put(f"/api/v1/cameras/{place.camera_id}", json=change)).status_code == 200
        answer = await box.config(before)
        assert answer.status_code == 200
        sealed = answer.json()["cameras"][0]["password_sealed"]
        assert open_credential(box.encryption_key, place.camera_id, sealed) == "new"

    async def test_only_its_own_cameras(self, world: World):
        box = await world.edge(await world.place("Mine"))
        await world.edge(await world.place("Theirs"))
        assert [camera["name"] for camera in (await box.config()).json()["cameras"]] == ["Mine camera"]

    async def test_a_lost_key_costs_only_that_password(self, world: World):
        place = await world.place(password="secret")
        box = await world.edge(place)
        world.centre.keyring = world.centre.keyring.with_new_key().only_current()
        camera = (await box.config()).json()["cameras"][0]
        assert camera["password_sealed"] is None

    async def test_of_a_revoked_edge(self, world: World):
        box = await world.edge(await world.place())
        admin = await world.person(Role.ADMIN)
        await admin.post(f"/api/v1/edges/{box.id}/revoke")
        answer = await box.config()
        assert (answer.status_code, problem_code(answer)) == (403, "edge-revoked")

    @pytest.mark.parametrize("token", ["", "nonsense", "a.b.c"])
    async def test_a_token_that_is_none(self, world: World, token: str):
        answer = await world.client().get("/api/v1/edge/config", headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, problem_code(answer)) == (401, "unauthenticated")

    async def test_a_token_of_another_key(self, world: World):
        box, other = await world.edge(await world.place("A")), await world.edge(await world.place("B"))
        box.key = other.key
        answer = await box.config()
        assert (answer.status_code, problem_code(answer)) == (401, "unauthenticated")

    async def test_a_persons_cookie_is_no_edge(self, world: World):
        answer = await (await world.person(Role.ADMIN)).get("/api/v1/edge/config")
        assert answer.status_code == 401


class TestToken:
    """What somebody can do with a token that he has caught."""

    async def caught(self, box: EdgeBox) -> dict[str, str]:
        return {"Authorization": (await box.beat(box.minute(0))).request.headers["Authorization"]}

    async def test_not_tell_anything_else(self, world: World):
        box = await world.edge(await world.place())
        answer = await world.client().post("/api/v1/edge/heartbeats", json={"lie": 1}, headers=await self.caught(box))
        assert (answer.status_code, problem_code(answer)) == (401, "unauthenticated")

    async def test_not_ask_for_anything_else(self, world: World):
        box = await world.edge(await world.place())
        answer = await world.client().get("/api/v1/edge/config", headers=await self.caught(box))
        assert (answer.status_code, problem_code(answer)) == (401, "unauthenticated")

    async def test_not_tell_anything_else_by_taking_the_body_for_a_key(self, world: World):
        box = await world.edge(await world.place())
        request = (await box.beat(box.minute(0))).request
        headers = {"Authorization": request.headers["Authorization"], "Idempotency-Key": request.content.decode()}
        answer = await world.client().post("/api/v1/edge/heartbeats", json={"lie": 1}, headers=headers)
        assert (answer.status_code, problem_code(answer)) == (401, "unauthenticated")

    async def test_only_repeat_a_report(self, world: World):
        box = await world.edge(await world.place())
        report = (await box.report()).request
        headers = {name: report.headers[name] for name in ("Authorization", "Content-Type", "Idempotency-Key")}
        path, another = "/api/v1/edge/violations", {"Idempotency-Key": str(uuid4())}
        again = await world.client().post(path, content=report.read(), headers=headers)
        other = await world.client().post(path, content=report.content, headers=headers | another)
        assert (again.status_code, other.status_code) == (200, 401)


class TestHeartbeat:
    async def state(self, world: World, camera_id: str) -> dict:
        installer = await world.person(Role.INSTALLER)
        state: dict = (await installer.get(f"/api/v1/cameras/{camera_id}")).json()
        return state

    async def test_looked(self, any_world: World):
        place = await any_world.place()
        box = await any_world.edge(place)
        assert (await box.beat(box.minute(1, looks=50), box.minute(0, looks=10))).status_code == 204
        state = await self.state(any_world, place.camera_id)
        assert (state["state"], state["looks_last_5_minutes"], state["width"]) == ("looking", 60, 1920)

    async def test_could_not_look_and_why(self, any_world: World):
        place = await any_world.place()
        box = await any_world.edge(place)
        await box.beat(box.minute(0, looks=0, fault=StreamFault.WRONG_PASSWORD))
        state = await self.state(any_world, place.camera_id)
        assert (state["state"], state["fault"]) == ("cannot_look", "wrong_password")

    async def test_a_failure_shows_at_once_though_it_looked_a_minute_ago(self, world: World):
        place = await world.place()
        box = await world.edge(place)
        await box.beat(box.minute(1, looks=60), box.minute(0, looks=0, fault=StreamFault.WRONG_PASSWORD))
        assert (await self.state(world, place.camera_id))["state"] == "cannot_look"

    async def test_a_minute_told_again_replaces_itself(self, any_world: World):
        place = await any_world.place()
        box = await any_world.edge(place)
        minute = box.minute(0, looks=3)  # made once: the next one may begin meanwhile
        await box.beat(minute, minute.model_copy(update={"looks": 4}))
        await box.beat(minute.model_copy(update={"looks": 5}))
        assert (await self.state(any_world, place.camera_id))["looks_last_5_minutes"] == 5

    async def test_the_beginning_of_a_minute_is_no_failure(self, world: World):
        place = await world.place()
        box = await world.edge(place)
        await box.beat(box.minute(1, looks=60), box.minute(0, looks=0))
        assert (await self.state(world, place.camera_id))["state"] == "looking"

    async def test_minutes_that_arrive_late_do_not_hide_the_present(self, world: World):
        place = await world.place()
        box = await world.edge(place)
        await box.beat(box.minute(0, looks=60))
        await box.beat(box.minute(30, looks=0, fault=StreamFault.TIMEOUT))
        assert (await self.state(world, place.camera_id))["state"] == "looking"

    async def test_silence(self, world: World):
        place = await world.place()
        box = await world.edge(place)
        await box.beat(box.minute(10, looks=60))
        assert (await self.state(world, place.camera_id))["state"] == "no_news"

    async def test_a_clock_that_is_minutes_slow_is_no_silence(self, world: World):
        place = await world.place()
        box = await world.edge(place)
        await box.beat(box.minute(4, looks=60), sent_at=now() - timedelta(minutes=4))
        assert (await self.state(world, place.camera_id))["state"] == "looking"

    async def test_another_edges_camera_is_left_out(self, any_world: World):
        mine, theirs = await any_world.place("Mine"), await any_world.place("Theirs")
        box = await any_world.edge(mine)
        await any_world.edge(theirs)
        answer = await box.beat(box.minute(0), box.minute(0, camera_id=theirs.camera_id), box.minute(0, camera_id="unknown"))
        assert answer.status_code == 204
        assert (await self.state(any_world, mine.camera_id))["state"] == "looking"
        assert (await self.state(any_world, theirs.camera_id))["state"] == "not_started"

    async def test_old_minutes_are_forgotten(self, world: World, monkeypatch: pytest.MonkeyPatch):
        place = await world.place()
        box = await world.edge(place)
        await box.beat(box.minute(6 * 24 * 60), box.minute(60))
        monkeypatch.setattr(service, "now", lambda: now() + timedelta(days=2))
        await box.beat()
        installer = await world.person(Role.INSTALLER)
        minutes = (await installer.get(f"/api/v1/cameras/{place.camera_id}/minutes?hours=168")).json()["items"]
        assert len(minutes) == 1

    async def test_a_minute_before_all_calendars_is_left_out(self, any_world: World):
        place = await any_world.place()
        box = await any_world.edge(place)
        beat = {
            "sent_at": "0001-01-01T00:00:00+14:00", "software_version": "1", "config_version": None, "outbox_waiting": 0,
            "minutes": [{"camera_id": place.camera_id, "minute": "0001-01-01T00:00:00+14:00", "looks": 1}],
        }
        answer = await box.client.post("/api/v1/edge/heartbeats", json=beat, auth=box.sign)
        assert answer.status_code == 204
        assert (await self.state(any_world, place.camera_id))["state"] == "not_started"

    async def test_a_minute_of_the_far_future_is_left_out(self, world: World):
        place = await world.place()
        box = await world.edge(place)
        await box.beat(box.minute(-60 * 24 * 365))
        assert (await self.state(world, place.camera_id))["state"] == "not_started"

    async def test_what_the_edge_tells_of_itself(self, world: World):
        box = await world.edge(await world.place())
        sent_at = datetime.now(UTC) + timedelta(seconds=90)
        load = {"watched": 24, "carries": 18}
        await box.beat(sent_at=sent_at, outbox_waiting=3, outbox_parked=1, trouble="disk_full", load=load)
        installer = await world.person(Role.INSTALLER)
        edge = (await installer.get("/api/v1/edges")).json()["items"][0]
        assert (edge["outbox_waiting"], edge["outbox_parked"], edge["trouble"]) == (3, 1, "disk_full")
        assert (edge["watched"], edge["carries"], edge["is_exact"]) == (24, 18, False)
        assert 30 < edge["clock_offset_s"] <= 90
        assert (edge["no_provider"], edge["no_decoder"]) == (False, False)
        await box.beat(load={"watched": 18, "is_exact": True, "no_provider": True, "no_decoder": True})
        edge = (await installer.get("/api/v1/edges")).json()["items"][0]
        assert (edge["watched"], edge["carries"], edge["is_exact"]) == (18, None, True)
        assert (edge["no_provider"], edge["no_decoder"]) == (True, True)


class TestCopiedFolder:
    async def doubled(self, world: World, runs: str) -> bool:
        box, installer = await world.edge(await world.place()), await world.person(Role.INSTALLER)
        for run in runs:
            assert (await box.beat(run=run)).status_code == 204
        return (await installer.get("/api/v1/edges")).json()["items"][0]["doubled_at"] is not None

    @pytest.mark.parametrize("runs", ["ABABA", "AABBABA", "ABCABC", "ABCDABC"])
    async def test_boxes_with_one_identity_take_turns(self, any_world: World, runs: str):
        assert await self.doubled(any_world, runs)

    @pytest.mark.parametrize("runs", ["AAAA", "ABCDEFG", "ABABC", "ABAB"], ids=["one", "starts", "late", "once"])
    async def test_one_that_is_started_anew_is_one(self, world: World, runs: str):
        """Also where what it told before comes in later."""
        assert not await self.doubled(world, runs)


class TestApprove:
    async def joined_by_an_installer(self, world: World, place: Place) -> EdgeBox:
        installer, box = await world.person(Role.INSTALLER), EdgeBox(world.client(), place)
        code = (await installer.post("/api/v1/enrolment-codes", json={"shop_id": place.shop_id})).json()["code"]
        assert (await box.enrol(code)).status_code == 201
        return box

    async def test_an_installers_edge_is_given_nothing_before(self, any_world: World):
        place = await any_world.place(password="secret")
        box = await self.joined_by_an_installer(any_world, place)
        assert (await box.config()).json()["cameras"] == []
        assert (await box.report()).status_code == 403
        officer = await any_world.person(Role.OFFICER)
        answer = await officer.post(f"/api/v1/edges/{box.id}/approve")
        assert (answer.status_code, answer.json()["enrolled_by"]) == (200, "installer person")
        camera = (await box.config()).json()["cameras"][0]
        assert open_credential(box.encryption_key, camera["id"], camera["password_sealed"]) == "secret"
        again = await officer.post(f"/api/v1/edges/{box.id}/approve")
        assert again.json() == answer.json()

    async def test_no_camera_can_be_given_to_it_by_hand(self, world: World):
        place = await world.place(password="secret")
        box, installer = await self.joined_by_an_installer(world, place), await world.person(Role.INSTALLER)
        camera = {"area_id": place.area_id, "name": "x", "url": "rtsp://192.0.2.7:554/stream", "username": "viewer"}
        answer = await installer.put(f"/api/v1/cameras/{place.camera_id}", json={**camera, "edge_id": box.id})
        assert (answer.status_code, problem_code(answer)) == (404, "not-found")
        assert (await installer.put(f"/api/v1/cameras/{place.camera_id}", json=camera)).json()["edge_id"] is None

    async def test_no_password_follows_a_camera_to_another_shop(self, world: World):
        mine, theirs = await world.place("Mine"), await world.place("Theirs", password="secret")
        installer = await world.person(Role.INSTALLER)
        camera = {"area_id": mine.area_id, "name": "x", "url": "rtsp://192.0.2.7:554/stream", "username": "viewer"}
        answer = await installer.put(f"/api/v1/cameras/{theirs.camera_id}", json=camera)
        assert (answer.status_code, problem_code(answer)) == (422, "password-needed-again")
        camera["password"] = "entered again"
        assert (await installer.put(f"/api/v1/cameras/{theirs.camera_id}", json=camera)).status_code == 200

    async def test_a_code_of_who_may_approve_needs_no_approval(self, world: World):
        place = await world.place()
        admin, box = await world.person(Role.ADMIN), EdgeBox(world.client(), place)
        code = (await admin.post("/api/v1/enrolment-codes", json={"shop_id": place.shop_id})).json()["code"]
        await box.enrol(code)
        assert len((await box.config()).json()["cameras"]) == 1

    async def test_by_the_shop_itself(self, world: World):
        place = await world.place()
        box = await self.joined_by_an_installer(world, place)
        manager = await world.person(Role.STORE_ADMIN, place=place)
        assert (await manager.post(f"/api/v1/edges/{box.id}/approve")).status_code == 200

    @pytest.mark.parametrize(("role", "status"), [(Role.INSTALLER, 403), (Role.REVIEWER, 403), (Role.STORE_ADMIN, 404)])
    async def test_not_by_others(self, world: World, role: Role, status: int):
        box = await self.joined_by_an_installer(world, await world.place("Theirs"))
        person = await world.person(role, place=await world.place("Mine"))
        assert (await person.post(f"/api/v1/edges/{box.id}/approve")).status_code == status

    async def test_not_once_it_was_revoked(self, world: World):
        box = await world.edge(await world.place())
        officer = await world.person(Role.OFFICER)
        assert (await officer.post(f"/api/v1/edges/{box.id}/revoke")).status_code == 200
        answer = await officer.post(f"/api/v1/edges/{box.id}/approve")
        assert (answer.status_code, problem_code(answer)) == (409, "edge-already-revoked")

    async def test_is_recorded(self, world: World):
        box = await self.joined_by_an_installer(world, await world.place())
        officer = await world.person(Role.OFFICER, is_admin=True)
        await officer.post(f"/api/v1/edges/{box.id}/approve")
        entry = (await officer.get("/api/v1/audit")).json()["items"][0]
        assert (entry["action"], entry["actor_name"], entry["object_id"]) == ("edge.approved", "officer person", box.id)


class TestRevoke:
    async def test_its_cameras_wait_for_another_edge(self, any_world: World):
        place = await any_world.place()
        box = await any_world.edge(place)
        installer = await any_world.person(Role.INSTALLER)
        assert (await installer.post(f"/api/v1/edges/{box.id}/revoke")).json()["revoked_at"] is not None
        successor = await any_world.edge(place)
        assert len((await successor.config()).json()["cameras"]) == 1

    async def test_anothers_edge_is_as_if_it_were_not_there(self, world: World):
        box = await world.edge(await world.place("Theirs"))
        installer = await world.person(Role.INSTALLER, place=await world.place("Mine"))
        theirs, nobodys = [await installer.post(f"/api/v1/edges/{edge_id}/revoke") for edge_id in (box.id, "unknown")]
        assert theirs.status_code == nobodys.status_code == 404
        assert theirs.text == nobodys.text
