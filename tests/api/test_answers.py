"""Answers of shops: what they hold, which photographs are taken, who verifies, and what the camera saw since."""

import hashlib
import io
import sqlite3
import struct
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from obstore.exceptions import BaseError
from PIL import ExifTags, Image, ImageChops, ImageOps

from api.accounts.permissions import Role
from api.answers import photographs, service
from api.answers.photographs import decode
from api.cases.tables import Case
from api.kit.pictures import NotAPicture
from api.kit.times import SHOP_TIME
from tests.api.acts import done
from tests.api.world import EdgeBox, Place, World, answer_notice, jpeg, problem_code

FORM = {"act": "submit", "text": "Caps were handed out.", "person": "Li Mei", "version": "3"}
FILES = {"photographs": ("now.jpg", jpeg(), "image/jpeg")}
ISSUED = datetime(2026, 11, 24, 9, 0, tzinfo=SHOP_TIME)


def photograph(
    taken: datetime | None = None, *, zone: str | None = None, kind: str = "JPEG", size: tuple[int, int] = (64, 48)
) -> bytes:
    """As a phone writes it: with its time, the place, and a comment."""
    exif = Image.Exif()
    if taken is not None:
        fields = exif.get_ifd(ExifTags.IFD.Exif)
        fields[ExifTags.Base.DateTimeOriginal] = taken.strftime("%Y:%m:%d %H:%M:%S")
        if zone:
            fields[ExifTags.Base.OffsetTimeOriginal] = zone
    exif.get_ifd(ExifTags.IFD.GPSInfo).update({1: "N", 2: (30.0, 39.0, 5.0), 3: "E", 4: (104.0, 3.0, 57.0)})
    written = io.BytesIO()
    Image.new("RGB", size, (90, 120, 90)).save(written, kind, exif=exif, comment=b"secret place")
    return written.getvalue()


class Answering:
    """A case with a notice, and the people around it."""

    def __init__(self, place: Place, box: EdgeBox, case_id: int, officer: httpx.AsyncClient, owner: httpx.AsyncClient) -> None:
        self.place, self.box, self.case_id, self.officer, self.owner = place, box, case_id, officer, owner

    @classmethod
    async def begin(cls, world: World) -> "Answering":
        world.centre.clock = lambda: ISSUED
        place = await world.place()
        box = await world.edge(place)
        officer, owner = await world.person(place=place), await world.person(Role.STORE_OWNER, place=place)
        case_id = await world.case(place, box)
        await done(officer, case_id, "confirm", "issue")
        return cls(place, box, case_id, officer, owner)

    async def case(self) -> dict[str, Any]:
        case: dict[str, Any] = (await self.officer.get(f"/api/v1/cases/{self.case_id}")).json()
        return case


class TestAnswer:
    async def test_what_was_done_with_photographs(self, any_world: World):
        there = await Answering.begin(any_world)
        any_world.centre.clock = lambda: ISSUED + timedelta(hours=2)
        taken = ISSUED + timedelta(hours=1)
        answer = await answer_notice(
            there.owner, there.case_id, 3, photograph(taken), photograph(), text="Caps.", person="Li Mei",
            training="All, at noon.",
        )
        assert answer.status_code == 200, answer.text
        kept = answer.json()["answers"][0]
        assert (kept["text"], kept["person"], kept["training"]) == ("Caps.", "Li Mei", "All, at noon.")
        assert (kept["entered_by"], kept["is_for_shop"], kept["act"]) == ("store_owner person", False, "submit")
        assert [one["taken_at"] and datetime.fromisoformat(one["taken_at"]) for one in kept["photographs"]] == [taken, None]
        assert answer.json()["state"] == "submitted"

    async def test_the_photograph_is_kept_as_it_was_encoded_anew(self, world: World):
        there = await Answering.begin(world)
        sent = photograph(ISSUED)
        one = (await answer_notice(there.owner, there.case_id, 3, sent)).json()["answers"][0]["photographs"][0]
        shown = await there.officer.get(one["url"])
        assert hashlib.sha256(shown.content).hexdigest() == one["sha256"]
        assert b"secret place" in sent
        assert b"secret place" not in shown.content
        with Image.open(io.BytesIO(shown.content)) as picture:
            assert (picture.format, dict(picture.getexif())) == ("JPEG", {})
        auditor = await world.person(Role.AUDITOR)
        entries = (await auditor.get("/api/v1/audit")).json()["items"]
        assert [entry["detail"] for entry in entries if entry["action"] == "photograph.read"] == [
            {"photograph": one["id"], "faces": True}
        ]

    async def test_without_faces_it_need_not_come_twice_to_the_same_browser(self, world: World):
        there = await Answering.begin(world)
        one = (await answer_notice(there.owner, there.case_id, 3, photograph(ISSUED))).json()["answers"][0]["photographs"][0]
        shown = await there.owner.get(one["url"])
        assert shown.headers["cache-control"] == "private, no-cache"
        again = await there.owner.get(one["url"], headers={"If-None-Match": shown.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert (await there.officer.get(one["url"])).headers["cache-control"] == "no-store"  # with faces

    async def test_an_objection_needs_no_photograph(self, any_world: World):
        there = await Answering.begin(any_world)
        form = {"act": "appeal", "text": "That was a guest."}
        answer = await there.owner.post(f"/api/v1/cases/{there.case_id}/answers", data=form, headers={"If-Match": '"3"'})
        assert (answer.json()["state"], answer.json()["answers"][0]["text"]) == ("appealed", "That was a guest.")

    async def test_an_officer_enters_it_and_another_verifies(self, any_world: World):
        there = await Answering.begin(any_world)
        colleague = await any_world.person(place=there.place)
        answer = await answer_notice(there.officer, there.case_id, 3)
        assert (answer.json()["answers"][0]["is_for_shop"], "close" in answer.json()["actions"]) == (True, False)
        headers = {"If-Match": '"5"'}
        refused = await there.officer.post(f"/api/v1/cases/{there.case_id}/close", json={}, headers=headers)
        assert (refused.status_code, problem_code(refused)) == (409, "act-not-possible")
        closed = await colleague.post(f"/api/v1/cases/{there.case_id}/close", json={}, headers=headers)
        assert closed.json()["state"] == "closed"

    async def test_another_department_sees_no_photograph(self, world: World):
        there = await Answering.begin(world)
        one = (await answer_notice(there.owner, there.case_id, 3)).json()["answers"][0]["photographs"][0]
        partner = await world.person(Role.PARTNER)
        assert (await partner.get(f"/api/v1/cases/{there.case_id}")).json()["answers"] == []
        assert (await partner.get(one["url"])).status_code == 404

    async def test_another_department_reads_neither_the_shop_s_words_nor_its_people_s_names(self, world: World):
        there = await Answering.begin(world)
        await answer_notice(there.owner, there.case_id, 3, text="Our cook was ill.")
        partner = await world.person(Role.PARTNER)
        told = (await partner.get(f"/api/v1/cases/{there.case_id}")).json()["transitions"]
        assert [(step["actor_name"], step["note"]) for step in told[-2:]] == [("Shop", None), ("Shop", None)]
        own = (await there.owner.get(f"/api/v1/cases/{there.case_id}")).json()["transitions"][-1]
        assert (own["actor_name"], own["note"]) == ("store_owner person", "Our cook was ill.")

    async def test_a_file_that_was_changed_in_the_store_is_not_shown(self, world: World):
        there = await Answering.begin(world)
        one = (await answer_notice(there.owner, there.case_id, 3)).json()["answers"][0]["photographs"][0]
        for path in (world.centre.settings.data / "files" / "answers").rglob("*.jpg"):
            path.write_bytes(jpeg(7))
        assert (await there.officer.get(one["url"])).status_code == 422


class TestRefused:
    async def refused(self, world: World, *sent: bytes, **fields: str) -> httpx.Response:
        """Nothing of it is kept."""
        there = await Answering.begin(world)
        answer = await answer_notice(there.owner, there.case_id, 3, *sent, **fields)
        case = await there.case()
        assert (case["state"], case["version"], case["answers"]) == ("issued", 3, [])
        return answer

    async def test_taken_before_the_notice(self, any_world: World):
        answer = await self.refused(any_world, photograph(ISSUED + timedelta(hours=1)), photograph(ISSUED - timedelta(minutes=1)))
        assert (answer.status_code, problem_code(answer)) == (422, "photograph-taken-before")

    async def test_a_zone_is_heeded(self, world: World):
        local = (ISSUED - timedelta(minutes=1)).astimezone(UTC)
        answer = await self.refused(world, photograph(local, zone="+00:00"))
        assert problem_code(answer) == "photograph-taken-before"

    @pytest.mark.parametrize(
        "sent", [b"#!/bin/sh\nrm -rf /\n", b"<script>alert(1)</script>", jpeg()[:200], b"\xff\xd8\xff" + b"0" * 99],
        ids=["script", "page", "torn", "header only"],
    )
    async def test_what_is_no_photograph(self, world: World, sent: bytes):
        answer = await self.refused(world, sent)
        assert (answer.status_code, problem_code(answer)) == (422, "not-a-picture")

    async def test_more_bytes_than_are_taken(self, world: World):
        there = await Answering.begin(world)
        world.centre.settings.picture_bytes = 1000
        answer = await answer_notice(there.owner, there.case_id, 3, photograph() + b"0" * 1000)
        assert (answer.status_code, problem_code(answer)) == (413, "too-large")
        assert (await there.case())["answers"] == []

    async def test_too_many(self, world: World):
        assert (await self.refused(world, *[photograph()] * 7)).status_code == 422

    async def test_without_a_photograph(self, world: World):
        there = await Answering.begin(world)
        form = {"act": "submit", "text": "Done.", "person": "Li Mei"}
        answer = await there.owner.post(f"/api/v1/cases/{there.case_id}/answers", data=form, headers={"If-Match": '"3"'})
        assert (answer.status_code, "photograph" in answer.json()["detail"]) == (422, True)
        path = f"/api/v1/cases/{there.case_id}/submit"
        plain = await there.owner.post(path, json={"note": "Done."}, headers={"If-Match": '"3"'})
        assert (plain.status_code, "/answers" in plain.json()["detail"]) == (422, True)

    @pytest.mark.parametrize("field", ["text", "person"])
    async def test_without_words_or_a_person(self, world: World, field: str):
        assert (await self.refused(world, **{field: "  "})).status_code == 422

    async def test_a_person_of_two_lines(self, world: World):
        assert (await self.refused(world, person="Li Mei\nAdmin")).status_code == 422

    async def test_an_act_that_is_no_answer(self, world: World):
        assert (await self.refused(world, act="close")).status_code == 422

    async def test_a_stale_version(self, world: World):
        there = await Answering.begin(world)
        answer = await answer_notice(there.owner, there.case_id, 2)
        assert (answer.status_code, problem_code(answer)) == (412, "version-conflict")
        assert list((world.centre.settings.data / "files").rglob("answers/*")) == []

    async def test_the_disk_is_full(self, world: World, monkeypatch: pytest.MonkeyPatch):
        there = await Answering.begin(world)

        class Full:
            async def put_async(self, key: str, content: bytes) -> None:
                raise BaseError("No space left on device (os error 28)")

            async def delete_async(self, key: str) -> None:
                raise FileNotFoundError(key)

        monkeypatch.setattr(world.centre.files, "_store", Full())
        answer = await answer_notice(there.owner, there.case_id, 3)
        assert (answer.status_code, problem_code(answer)) == (507, "storage-full")
        assert (await there.case())["answers"] == []

    async def test_a_busy_database_leaves_no_photograph_behind(self, world: World):
        there = await Answering.begin(world)
        await world.reopen_database(0.1)
        other = sqlite3.connect(world.centre.settings.data / "sunshine.db")
        answered = service.store_photographs

        async def store_then_lock(*given: Any) -> Any:
            stored = await answered(*given)
            other.execute("BEGIN IMMEDIATE")
            return stored

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(service, "store_photographs", store_then_lock)
            # As the phone's page sends it: nothing is reserved before.
            link = await there.owner.post(f"/cases/{there.case_id}/answer", data=FORM, files=FILES)
        other.close()
        assert link.status_code == 503
        assert list((world.centre.settings.data / "files" / "answers").rglob("*.jpg")) == []

    async def test_a_store_that_fails_at_the_second_one_keeps_none(self, world: World, monkeypatch: pytest.MonkeyPatch):
        there = await Answering.begin(world)
        store = world.centre.files._store

        class Failing:
            puts = 0

            async def put_async(self, key: str, content: bytes) -> None:
                self.puts += 1
                if self.puts == 2:
                    raise BaseError("broken")
                await store.put_async(key, content)

            def __getattr__(self, name: str) -> Any:
                return getattr(store, name)

        monkeypatch.setattr(world.centre.files, "_store", Failing())
        assert (await answer_notice(there.owner, there.case_id, 3, jpeg(), jpeg(90))).status_code == 503
        assert list((world.centre.settings.data / "files" / "answers").rglob("*.jpg")) == []


class TestDecode:
    def test_a_pixel_bomb_is_refused_before_it_is_unfolded(self, monkeypatch: pytest.MonkeyPatch):
        bomb = photograph(kind="PNG", size=(9000, 6000))
        monkeypatch.setattr(Image.Image, "draft", lambda *_: pytest.fail("unfolded"))
        with pytest.raises(NotAPicture, match="50 million"):
            decode(bomb)

    @pytest.mark.parametrize("size", [(12000, 8000), (20000, 10000)], ids=["where Pillow warns", "where Pillow refuses"])
    def test_one_beyond_the_limits_of_the_library(self, size: tuple[int, int]):
        written = io.BytesIO()
        Image.new("1", size).save(written, "PNG")
        with pytest.raises(NotAPicture, match="50 million"):
            decode(written.getvalue())

    def test_a_large_one_gets_smaller(self):
        assert decode(photograph(size=(4000, 3000))).width == photographs.LONGEST_SIDE_PX

    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_turned_upright(self, orientation: int):
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        written = io.BytesIO()
        lying = Image.new("L", (64, 48))
        lying.paste(255, (0, 0, 24, 8))
        lying.save(written, "JPEG", exif=exif)
        with Image.open(io.BytesIO(decode(written.getvalue()).content)) as turned:
            upright = ImageOps.exif_transpose(Image.open(written))
            assert turned.size == upright.size
            assert ImageChops.difference(turned.convert("L"), upright).getextrema()[1] < 30

    @pytest.mark.parametrize("tag", [ExifTags.Base.XResolution, ExifTags.Base.StripOffsets], ids=lambda tag: tag.name)
    def test_another_note_that_the_phone_wrote_wrong(self, tag: ExifTags.Base):
        """TIFF 6.0, section 2: letters where a number belongs."""
        turned = struct.pack("<HHLHH", ExifTags.Base.Orientation, 3, 1, 6, 0)
        wrong = struct.pack("<HHL4s", tag, 2, 3, b"72")
        written = io.BytesIO()
        exif = b"Exif\0\0" + struct.pack("<2sHLH", b"II", 42, 8, 2) + wrong + turned + bytes(4)
        Image.new("RGB", (64, 48)).save(written, "JPEG", exif=exif)
        assert decode(written.getvalue()).height == 64

    @pytest.mark.parametrize("kind", ["PNG", "WEBP"])
    def test_other_formats_become_a_jpeg(self, kind: str):
        assert decode(photograph(kind=kind)).content[:3] == b"\xff\xd8\xff"

    @pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF"])
    def test_formats_that_are_not_taken(self, kind: str):
        written = io.BytesIO()
        Image.new("RGB", (8, 8)).save(written, kind)
        with pytest.raises(NotAPicture):
            decode(written.getvalue())

    @pytest.mark.parametrize("time", [datetime(9999, 12, 31, 23, 59, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC)])
    def test_a_time_beyond_all_calendars(self, time: datetime):
        zone = "-10:00" if time.year == 9999 else "+10:00"
        assert decode(photograph(time, zone=zone)).taken_at is None

    def test_a_time_that_is_none(self):
        exif = Image.Exif()
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "yesterday"
        written = io.BytesIO()
        Image.new("RGB", (8, 8)).save(written, "JPEG", exif=exif)
        assert decode(written.getvalue()).taken_at is None


class TestSince:
    """Real minutes of an edge are of now, so here the clock stands at now."""

    async def answered(self, world: World, hours_ago: float = 3) -> tuple[Answering, httpx.AsyncClient]:
        there = await Answering.begin(world)
        world.centre.clock = lambda: datetime.now(UTC) - timedelta(hours=hours_ago)
        assert (await answer_notice(there.owner, there.case_id, 3)).status_code == 200
        world.centre.clock = lambda: datetime.now(UTC)
        return there, await world.person(place=there.place)

    async def since(self, there: Answering, who: httpx.AsyncClient) -> Any:
        return (await who.get(f"/api/v1/cases/{there.case_id}")).json()["since_answer"]

    async def test_hours_are_those_that_were_really_observed(self, any_world: World):
        there, verifier = await self.answered(any_world)
        looked = [there.box.minute(minutes_ago) for minutes_ago in range(1, 91)]
        blind = [there.box.minute(minutes_ago, looks=0) for minutes_ago in range(91, 120)]
        before = [there.box.minute(minutes_ago) for minutes_ago in range(200, 220)]
        assert (await there.box.beat(*looked, *blind, *before)).status_code == 204
        since = await self.since(there, verifier)
        assert (since["minutes_observed"], since["repeats"]) == (90, [])

    async def test_no_hour_is_counted_whose_minutes_are_not_kept_any_more(self, world: World):
        there, verifier = await self.answered(world, hours_ago=40)
        world.centre.settings.minutes_kept_days = 1
        at = datetime.now(UTC)
        world.centre.clock = lambda: at
        since = await self.since(there, verifier)
        assert datetime.fromisoformat(since["counted_from"]) == at - timedelta(days=1)

    async def test_a_repeat_is_shown_and_says_whether_it_was_judged(self, any_world: World):
        there, verifier = await self.answered(any_world)
        again = await there.box.report(captured_at=datetime.now(UTC) - timedelta(minutes=20), track=99)
        repeats = (await self.since(there, verifier))["repeats"]
        assert [(one["case_id"], one["is_judged"]) for one in repeats] == [(again.json()["case_id"], False)]
        await verifier.post(f"/api/v1/cases/{repeats[0]['case_id']}/confirm", json={}, headers={"If-Match": '"1"'})
        assert (await self.since(there, verifier))["repeats"][0]["is_judged"]

    async def test_what_the_camera_has_seen_in_another_shop_is_no_repeat(self, world: World):
        there, _ = await self.answered(world)
        again = (await there.box.report(captured_at=datetime.now(UTC) - timedelta(minutes=20), track=99)).json()["case_id"]
        elsewhere = await world.place("Elsewhere")
        async with world.centre.database.writing() as work:
            (await work.get_one(Case, again)).shop_id = elsewhere.shop_id
        assert (await self.since(there, await world.person()))["repeats"] == []

    async def test_what_breaks_another_rule_is_no_repeat(self, world: World):
        there, verifier = await self.answered(world)
        seen_at = datetime.now(UTC) - timedelta(minutes=20)
        assert (await there.box.report(rule="K07", captured_at=seen_at, track=99)).status_code == 201
        assert (await self.since(there, verifier))["repeats"] == []

    async def test_counts_from_the_last_answer(self, world: World):
        there, verifier = await self.answered(world)
        await done(verifier, there.case_id, "return", note="The cap does not fit.")
        again = datetime.now(UTC)
        world.centre.clock = lambda: again
        assert (await answer_notice(there.owner, there.case_id, (await there.case())["version"])).status_code == 200
        assert datetime.fromisoformat((await self.since(there, verifier))["since"]) == again

    async def test_what_a_person_dismissed_is_no_repeat(self, world: World):
        there, verifier = await self.answered(world)
        again = (await there.box.report(captured_at=datetime.now(UTC) - timedelta(minutes=20), track=99)).json()["case_id"]
        body = {"reason": "not_a_violation"}
        await verifier.post(f"/api/v1/cases/{again}/dismiss", json=body, headers={"If-Match": '"1"'})
        assert (await self.since(there, verifier))["repeats"] == []

    async def test_the_shop_is_told_no_clue(self, world: World):
        there, _ = await self.answered(world)
        assert await self.since(there, there.owner) is None
