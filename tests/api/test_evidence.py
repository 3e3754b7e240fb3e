import asyncio
import sqlite3
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from obstore.exceptions import GenericError
from obstore.store import LocalStore
from sqlalchemy import event

from api.accounts.permissions import Role
from api.evidence import filing
from api.kit.files import Files
from contract.evidence import seal
from tests.api.world import World, jpeg, problem_code

TOO_MANY_PARTS = b'--x\r\nContent-Disposition: form-data; name="manifest"\r\n\r\na\r\n' * 50 + b"--x--\r\n"


class TestReport:
    async def test_a_case_is_opened(self, any_world: World):
        lines: list[str] = []
        any_world.centre.announce = lines.append
        box = await any_world.edge(await any_world.place())
        answer = await box.report()
        assert answer.status_code == 201
        case_id = answer.json()["case_id"]
        assert answer.json()["url"] == f"http://127.0.0.1:8000/cases/{case_id}"
        assert lines == [f"case {case_id} K01 未戴工作帽 2026-11-22 20:00:00 {answer.json()['url']}"]

    async def test_a_repeat_gets_the_first_answer(self, any_world: World):
        lines: list[str] = []
        any_world.centre.announce = lines.append
        box = await any_world.edge(await any_world.place())
        manifest = box.manifest()
        first, repeat = await box.send(manifest), await box.send(manifest)
        assert (first.status_code, repeat.status_code) == (201, 200)
        assert repeat.json() == first.json()
        assert len(lines) == 1

    async def test_many_repeats_at_once_open_one_case(self, any_world: World):
        place = await any_world.place()
        box = await any_world.edge(place)
        manifest = box.manifest()
        answers = await asyncio.gather(*(box.send(manifest) for _ in range(6)))
        assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
        assert len({answer.text for answer in answers}) == 1
        officer = await any_world.person()
        assert len((await officer.get("/api/v1/cases")).json()["items"]) == 1

    async def test_a_repeat_is_answered_after_the_camera_was_taken_away(self, world: World):
        place = await world.place()
        box = await world.edge(place)
        manifest = box.manifest()
        first = await box.send(manifest)
        installer = await world.person(Role.INSTALLER)
        other = await world.edge(place)
        change = {"area_id": place.area_id, "edge_id": other.id, "name": "Moved", "url": "rtsp://192.0.2.7/"}
        assert (await installer.put(f"/api/v1/cameras/{place.camera_id}", json=change)).status_code == 200
        assert (await box.send(manifest)).json() == first.json()

    async def test_other_content_under_the_same_key(self, any_world: World):
        box = await any_world.edge(await any_world.place())
        manifest = box.manifest()
        await box.send(manifest)
        answer = await box.send(box.manifest(violation_id=manifest.violation_id, track=2))
        assert (answer.status_code, problem_code(answer)) == (409, "idempotency-key-reused")

    async def test_the_id_of_another_edges_violation(self, any_world: World):
        first, second = await any_world.edge(await any_world.place("A")), await any_world.edge(await any_world.place("B"))
        manifest = first.manifest()
        await first.send(manifest)
        answer = await second.report(violation_id=manifest.violation_id)
        assert (answer.status_code, problem_code(answer)) == (409, "idempotency-key-reused")

    async def test_the_time_is_corrected_by_the_clock_of_the_edge(self, world: World):
        box = await world.edge(await world.place())
        case_id = (await box.report(clock_offset_s=60.0)).json()["case_id"]
        officer = await world.person()
        assert (await officer.get(f"/api/v1/cases/{case_id}")).json()["captured_at"] == "2026-11-22T11:59:00Z"

    @pytest.mark.parametrize(
        ("told_ago", "offset_s", "age_s", "seen_ago"),
        [
            (timedelta(hours=3), None, 3600.0, 3600), (timedelta(days=300), None, 0.0, 0),
            (timedelta(hours=3), 7200.0, 3600.0, 3600),
            (timedelta(hours=1), 0.0, 3620.0, 3600), (timedelta(days=20_000), None, 60.0, 60),
        ],
        ids=["two hours behind", "another year", "set since it was compared", "compared", "1970"],
    )
    async def test_what_an_edge_saw_before_its_clock_was_compared_is_put_right(
        self, world: World, told_ago: timedelta, offset_s: float | None, age_s: float, seen_ago: float
    ):
        box, officer = await world.edge(await world.place()), await world.person()
        captured = datetime.now(UTC) - told_ago
        answer = await box.report(captured_at=captured, since=captured, clock_offset_s=offset_s, age_s=age_s)
        case = (await officer.get(f"/api/v1/cases/{answer.json()['case_id']}")).json()
        seen = (datetime.now(UTC) - datetime.fromisoformat(case["captured_at"])).total_seconds()
        assert (abs(seen - seen_ago) < 15, case["time_doubt"]) == (True, None)
        assert case["evidence"][0]["seen_at"] == case["captured_at"]

    @pytest.mark.parametrize(("told", "doubt"), [("2026-11-22T12:00:00Z", "uncompared"), ("1970-01-01T00:00:05Z", "no_clock")])
    async def test_a_time_that_cannot_be_checked_is_doubtful(self, any_world: World, told: str, doubt: str):
        box, officer = await any_world.edge(await any_world.place()), await any_world.person()
        captured = datetime.fromisoformat(told)
        answer = await box.report(captured_at=captured, since=captured, clock_offset_s=None)
        case = (await officer.get(f"/api/v1/cases/{answer.json()['case_id']}")).json()
        assert (case["time_doubt"], case["evidence"][0]["time_doubt"]) == (doubt, doubt)

    async def test_a_time_that_was_compared_is_not_doubtful(self, world: World):
        box, officer = await world.edge(await world.place()), await world.person()
        case_id = (await box.report(clock_offset_s=7200.0)).json()["case_id"]
        assert (await officer.get(f"/api/v1/cases/{case_id}")).json()["time_doubt"] is None

    @pytest.mark.parametrize("age_s", [-1.0, float("nan"), float("inf")])
    async def test_an_age_that_is_none(self, world: World, age_s: float):
        box = await world.edge(await world.place())
        assert (await box.report(age_s=age_s)).status_code == 422

    @pytest.mark.parametrize(
        ("told", "offset_s", "is_known"),
        [
            ("1970-01-01T00:00:05Z", None, False), ("2261-05-01T00:00:00Z", None, False), ("1970-01-01T00:00:05Z", 0.0, False),
            ("2026-11-22T12:00:00Z", -1.8e9, True),
            ("2261-05-01T00:00:00Z", (datetime(2261, 5, 1) - datetime(2026, 11, 22, 12)).total_seconds(), True),
        ],
        ids=["an empty battery", "the far future", "leapt since it was compared", "set since it was compared", "compared"],
    )
    async def test_a_clock_that_cannot_be_right_loses_nothing(
        self, any_world: World, told: str, offset_s: float | None, is_known: bool
    ):
        box, officer = await any_world.edge(await any_world.place()), await any_world.person()
        captured = datetime.fromisoformat(told)
        answer = await box.report(captured_at=captured, since=captured - timedelta(seconds=20), clock_offset_s=offset_s)
        assert answer.status_code == 201, answer.text
        case = (await officer.get(f"/api/v1/cases/{answer.json()['case_id']}")).json()
        taken, opened = datetime.fromisoformat(case["captured_at"]), datetime.fromisoformat(case["opened_at"])
        assert (case["captured_at"] == "2026-11-22T12:00:00Z", opened - taken < timedelta(minutes=1)) == (is_known, not is_known)
        assert datetime.fromisoformat(case["evidence"][0]["captured_at"]) == captured

    async def test_a_rule_that_the_catalogue_has_lost_since(self, world: World):
        lines: list[str] = []
        world.centre.announce = lines.append
        box = await world.edge(await world.place())
        answer = await box.report(rule="K99", severity=3)
        assert answer.status_code == 201
        reviewer = await world.person(Role.REVIEWER)
        case = (await reviewer.get(f"/api/v1/cases/{answer.json()['case_id']}")).json()
        assert (case["rule"], case["rule_name"], case["severity"]) == ("K99", None, 3)
        assert lines[-1].startswith(f"case {case['id']} K99 20")


class TestRefused:
    async def test_another_edges_camera(self, any_world: World):
        mine, neighbour = await any_world.place("Mine"), await any_world.place("Neighbour")
        box = await any_world.edge(mine)
        await any_world.edge(neighbour)
        answer = await box.report(camera_id=neighbour.camera_id)
        assert (answer.status_code, problem_code(answer)) == (403, "not-your-camera")
        unknown = await box.report(camera_id="unknown")
        assert unknown.text == answer.text

    async def test_an_edge_that_was_revoked(self, any_world: World):
        box = await any_world.edge(await any_world.place())
        admin = await any_world.person(Role.ADMIN)
        assert (await admin.post(f"/api/v1/edges/{box.id}/revoke")).status_code == 200
        answer = await box.report()
        assert (answer.status_code, problem_code(answer)) == (403, "edge-revoked")

    async def test_an_edge_that_is_revoked_while_it_uploads(self, any_world: World, monkeypatch: pytest.MonkeyPatch):
        box = await any_world.edge(await any_world.place())
        admin, officer, store = await any_world.person(Role.ADMIN), await any_world.person(), filing.store_pictures

        async def store_and_revoke(files: Files, report: filing.Report, at: datetime) -> None:
            await store(files, report, at)
            (await admin.post(f"/api/v1/edges/{box.id}/revoke")).raise_for_status()

        monkeypatch.setattr(filing, "store_pictures", store_and_revoke)
        assert (await box.report()).status_code == 403
        assert (await officer.get("/api/v1/cases")).json()["items"] == []

    async def test_without_a_token(self, world: World):
        box = await world.edge(await world.place())
        answer = await box.client.post("/api/v1/edge/violations", headers={"Idempotency-Key": str(uuid4())})
        assert (answer.status_code, problem_code(answer)) == (401, "unauthenticated")

    async def test_a_manifest_of_another_edge(self, world: World):
        box = await world.edge(await world.place())
        answer = await box.report(edge_id="somebody")
        assert (answer.status_code, problem_code(answer)) == (422, "bad-seal")

    async def test_a_manifest_signed_by_another_key(self, world: World):
        box = await world.edge(await world.place())
        answer = await box.send(box.manifest(), signed_by=Ed25519PrivateKey.generate())
        assert (answer.status_code, problem_code(answer)) == (422, "bad-seal")

    async def test_a_picture_that_was_changed(self, world: World):
        box = await world.edge(await world.place())
        answer = await box.send(box.manifest(), {"original.jpg": jpeg(7), "overlay.jpg": jpeg(90)})
        assert (answer.status_code, problem_code(answer)) == (422, "bad-seal")

    @pytest.mark.parametrize(
        "content",
        [b"", b"GIF89a not a JPEG", b"\xff\xd8\xff\xe0", jpeg()[:200], jpeg(width=7681, height=1), b"<svg onload=alert(1)>"],
        ids=["empty", "gif", "head only", "cut", "too wide", "script"],
    )
    async def test_a_picture_that_is_none(self, world: World, content: bytes):
        box = await world.edge(await world.place())
        pictures = {"original.jpg": jpeg(), "overlay.jpg": content}
        answer = await box.send(box.manifest(pictures), pictures)
        assert (answer.status_code, problem_code(answer)) == (422, "not-a-picture")

    async def test_a_size_that_is_not_the_manifests(self, world: World):
        box = await world.edge(await world.place())
        answer = await box.report(frame_width=1920)
        assert (answer.status_code, problem_code(answer)) == (422, "not-a-picture")

    async def test_a_number_that_no_column_holds(self, any_world: World):
        box = await any_world.edge(await any_world.place())
        answer = await box.report(sequence=2**40)
        assert (answer.status_code, problem_code(answer)) == (422, "invalid")

    async def test_votes_that_contradict_each_other(self, world: World):
        box = await world.edge(await world.place())
        answer = await box.report(votes={"looks": 3, "sure": 4, "violating": 5})
        assert (answer.status_code, problem_code(answer)) == (422, "invalid")

    @pytest.mark.parametrize(
        "change",
        [
            {"captured_at": "0001-01-01T00:00:00+14:00"}, {"since": "9999-12-31T23:59:59Z"}, {"clock_offset_s": 1e300},
        ],
    )
    async def test_a_time_that_is_none(self, world: World, change: dict):
        box = await world.edge(await world.place())
        answer = await box.report(**change)
        assert (answer.status_code, problem_code(answer)) == (422, "invalid")

    @pytest.mark.parametrize("number", ["NaN", "1e999", str(2**60), '"x"', "-1"])
    async def test_a_number_that_is_none(self, world: World, number: str):
        box = await world.edge(await world.place())
        manifest = seal(box.manifest(), box.key).model_dump_json().replace('"looks":10', f'"looks":{number}')
        files = {"manifest": manifest.encode(), "original": jpeg(), "overlay": jpeg(90)}
        headers = {"Idempotency-Key": str(uuid4())}
        answer = await box.client.post("/api/v1/edge/violations", files=files, headers=headers, auth=box.sign)
        assert (answer.status_code, problem_code(answer)) == (422, "invalid")

    async def test_a_key_that_is_not_the_manifests(self, world: World):
        box = await world.edge(await world.place())
        answer = await box.send(box.manifest(), key=uuid4())
        assert (answer.status_code, problem_code(answer)) == (422, "invalid")

    async def test_parts_that_are_missing(self, world: World):
        box = await world.edge(await world.place())
        headers, files = {"Idempotency-Key": str(uuid4())}, {"original": jpeg()}
        answer = await box.client.post("/api/v1/edge/violations", files=files, headers=headers, auth=box.sign)
        assert (answer.status_code, problem_code(answer)) == (422, "invalid")

    async def test_a_body_that_is_no_form(self, world: World):
        box = await world.edge(await world.place())
        for kind, body in (("; boundary=x", b"nonsense"), ("", b"nonsense"), ("; boundary=x", TOO_MANY_PARTS)):
            headers = {"Idempotency-Key": str(uuid4()), "Content-Type": f"multipart/form-data{kind}"}
            answer = await box.client.post("/api/v1/edge/violations", content=body, headers=headers, auth=box.sign)
            assert (answer.status_code, problem_code(answer)) == (422, "invalid")

    async def test_one_huge_picture(self, world: World):
        box = await world.edge(await world.place())
        pictures = {"original.jpg": jpeg() + bytes(world.centre.settings.picture_bytes), "overlay.jpg": jpeg()}
        answer = await box.send(box.manifest(pictures), pictures)
        assert (answer.status_code, problem_code(answer)) == (413, "too-large")

    async def test_a_huge_body_is_not_read(self, world: World):
        length = {"Content-Length": str(world.centre.settings.upload_bytes + 1)}
        answer = await world.client().post("/api/v1/edge/violations", content=b"", headers=length)
        assert (answer.status_code, problem_code(answer)) == (413, "too-large")

    async def test_a_body_without_a_length(self, world: World):
        async def body():
            yield b"endless"

        answer = await world.client().post("/api/v1/edge/violations", content=body())
        assert (answer.status_code, problem_code(answer)) == (411, "length-missing")

    async def test_a_path_in_the_file_name_leads_nowhere(self, world: World):
        box = await world.edge(await world.place())
        names = {"original": "../../../outside.jpg", "overlay": "/etc/overlay.jpg"}
        assert (await box.send(box.manifest(), names=names)).status_code == 201
        stored = sorted(path.name for path in (world.centre.settings.data / "files").rglob("*") if path.is_file())
        assert stored == ["original.jpg", "overlay.jpg"]


class TestStorage:
    async def test_a_full_disk_leaves_no_case_and_the_repeat_succeeds(self, world: World, monkeypatch: pytest.MonkeyPatch):
        class FullStore(LocalStore):
            async def put_async(self, *_: object, **__: object) -> object:  # type: ignore[override]
                raise GenericError("Generic LocalFileSystem error: No space left on device (os error 28)")

        box = await world.edge(await world.place())
        manifest = box.manifest()
        good = world.centre.files
        folder = world.centre.settings.data / "files"
        world.centre.files = Files(FullStore(folder), folder)
        answer = await box.send(manifest)
        assert (answer.status_code, problem_code(answer)) == (507, "storage-full")
        assert int(answer.headers["retry-after"]) > 0
        officer = await world.person()
        assert (await officer.get("/api/v1/cases")).json()["items"] == []
        world.centre.files = good
        assert (await box.send(manifest)).status_code == 201

    async def test_a_full_database_leaves_no_case_and_the_repeat_succeeds(self, world: World):
        box = await world.edge(await world.place())
        async with world.centre.database.writing() as work:
            pages = (await (await work.connection()).exec_driver_sql("PRAGMA page_count")).scalar_one()
        engine = world.centre.database.engine
        await engine.dispose()

        @event.listens_for(engine.sync_engine, "connect")
        def limit(connection, _record):
            connection.execute(f"PRAGMA max_page_count={pages}").close()

        large = box.manifest(boxes=[*box.manifest().boxes] * 400)
        answer = await box.send(large)
        assert (answer.status_code, problem_code(answer)) == (507, "storage-full")
        event.remove(engine.sync_engine, "connect", limit)
        await engine.dispose()
        assert (await box.send(large)).status_code == 201

    async def test_a_locked_database_asks_to_try_again(self, world: World):
        box = await world.edge(await world.place())
        manifest = box.manifest()
        await world.reopen_database(wait_s=0.1)
        other = sqlite3.connect(world.centre.settings.data / "sunshine.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        answer = await box.send(manifest)
        assert (answer.status_code, problem_code(answer)) == (503, "unavailable")
        assert int(answer.headers["retry-after"]) > 0
        other.rollback()
        other.close()
        assert (await box.send(manifest)).status_code == 201


class TestChain:
    async def chain(self, world: World, case_id: int) -> str:
        officer = await world.person()
        chain: str = (await officer.get(f"/api/v1/cases/{case_id}")).json()["evidence"][0]["chain"]
        return chain

    async def test_whole(self, any_world: World):
        box = await any_world.edge(await any_world.place())
        cases = [(await box.report()).json()["case_id"] for _ in range(2)]
        assert [await self.chain(any_world, case) for case in cases] == ["whole", "whole"]

    async def test_a_gap_is_told_and_heals_when_the_missing_one_arrives(self, world: World):
        box = await world.edge(await world.place())
        first = box.manifest()
        box.sequence, box.previous = 1, first.digest()
        late = (await box.report()).json()["case_id"]
        assert await self.chain(world, late) == "gap"
        await box.send(first)
        assert await self.chain(world, late) == "whole"

    async def test_another_predecessor_than_the_named_one(self, world: World):
        box = await world.edge(await world.place())
        await box.report()
        assert await self.chain(world, (await box.report(previous="f" * 64)).json()["case_id"]) == "broken"

    async def test_a_fork(self, world: World):
        box = await world.edge(await world.place())
        await box.report()
        assert await self.chain(world, (await box.report(sequence=1, previous="0" * 64)).json()["case_id"]) == "broken"


class TestRead:
    async def test_the_very_bytes_that_were_sealed(self, any_world: World):
        box = await any_world.edge(await any_world.place())
        manifest = box.manifest()
        await box.send(manifest)
        officer = await any_world.person()
        answer = await officer.get(f"/api/v1/evidence/{manifest.violation_id}/original.jpg")
        assert answer.content == jpeg()
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.headers["cache-control"] == "no-store"

    async def test_without_faces_it_need_not_come_twice_to_the_same_browser(self, world: World):
        box = await world.edge(await world.place())
        manifest = box.manifest()
        await box.send(manifest)
        officer, auditor = await world.person(), await world.person(Role.AUDITOR)
        path = f"/api/v1/evidence/{manifest.violation_id}/blurred.jpg"
        first = await officer.get(path)
        assert first.headers["cache-control"] == "private, no-cache"
        again = await officer.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        entries = (await auditor.get("/api/v1/audit")).json()["items"]
        assert [entry["action"] for entry in entries].count("evidence.read") == 2
        refused = await world.client().get(path, headers={"If-None-Match": first.headers["etag"]})
        assert refused.status_code == 401

    async def test_each_look_is_recorded(self, world: World):
        box = await world.edge(await world.place())
        manifest = box.manifest()
        await box.send(manifest)
        officer, auditor = await world.person(), await world.person(Role.AUDITOR)
        await officer.get(f"/api/v1/evidence/{manifest.violation_id}/overlay.jpg")
        looks = [entry for entry in (await auditor.get("/api/v1/audit")).json()["items"] if entry["action"] == "evidence.read"]
        assert [(look["actor_name"], look["detail"]["file"]) for look in looks] == [("officer person", "overlay.jpg")]

    async def test_a_slow_store_keeps_nobody_from_writing(self, world: World, monkeypatch: pytest.MonkeyPatch):
        box = await world.edge(await world.place())
        manifest = box.manifest()
        await box.send(manifest)
        officer, beats = await world.person(), []
        read = world.centre.files.get

        async def slow(key: str) -> bytes:
            beats.append((await box.beat()).status_code)
            return await read(key)

        await world.reopen_database(wait_s=0.1)
        monkeypatch.setattr(world.centre.files, "get", slow)
        assert (await officer.get(f"/api/v1/evidence/{manifest.violation_id}/original.jpg")).status_code == 200
        assert beats == [204]

    @pytest.mark.parametrize("name", ["original.jpg", "blurred.jpg"])
    async def test_who_waits_for_a_file_keeps_nobody_from_the_database(
        self, any_world: World, monkeypatch: pytest.MonkeyPatch, name: str
    ):
        """It has some connections only, and forty people may wait for blurred pictures."""
        box = await any_world.edge(await any_world.place())
        manifest = box.manifest()
        await box.send(manifest)
        officer, in_use = await any_world.person(), any_world.count_at_each_file(monkeypatch)
        assert (await officer.get(f"/api/v1/evidence/{manifest.violation_id}/{name}")).status_code == 200
        assert in_use
        assert set(in_use) == {0}

    async def test_a_file_that_was_changed_in_the_store(self, world: World):
        box = await world.edge(await world.place())
        manifest = box.manifest()
        await box.send(manifest)
        next((world.centre.settings.data / "files").rglob("original.jpg")).write_bytes(jpeg(1))
        officer = await world.person()
        answer = await officer.get(f"/api/v1/evidence/{manifest.violation_id}/original.jpg")
        assert (answer.status_code, problem_code(answer)) == (422, "bad-seal")

    async def test_a_file_that_is_gone(self, world: World):
        box = await world.edge(await world.place())
        manifest = box.manifest()
        await box.send(manifest)
        next((world.centre.settings.data / "files").rglob("original.jpg")).unlink()
        officer = await world.person()
        answer = await officer.get(f"/api/v1/evidence/{manifest.violation_id}/original.jpg")
        assert (answer.status_code, problem_code(answer)) == (404, "not-found")

    async def test_not_for_the_shop(self, world: World):
        place = await world.place()
        box = await world.edge(place)
        manifest = box.manifest()
        await box.send(manifest)
        owner = await world.person(Role.STORE_OWNER, place=place)
        answer = await owner.get(f"/api/v1/evidence/{manifest.violation_id}/original.jpg")
        assert (answer.status_code, problem_code(answer)) == (403, "forbidden")

    async def test_another_districts_is_as_if_it_were_not_there(self, world: World):
        box = await world.edge(await world.place("Theirs"))
        manifest = box.manifest()
        await box.send(manifest)
        neighbour = await world.person(Role.OFFICER, place=await world.place("Mine"))
        theirs = await neighbour.get(f"/api/v1/evidence/{manifest.violation_id}/original.jpg")
        nobodys = await neighbour.get(f"/api/v1/evidence/{uuid4()}/original.jpg")
        assert theirs.status_code == nobodys.status_code == 404
        assert theirs.text == nobodys.text
