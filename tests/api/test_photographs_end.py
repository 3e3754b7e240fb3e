"""Photographs of answers: who sees faces in them, and that they end with the evidence of their case."""

import io
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import cv2
import httpx
import numpy as np
import pytest

from api.accounts.permissions import Role
from api.answers import faces
from api.evidence.deletion import keep_to_retention
from contract.evidence import MarkedBox
from tests.api.acts import done
from tests.api.test_answers import ISSUED, Answering
from tests.api.world import World, answer_notice

SIZE = 160


@pytest.fixture(autouse=True)
def no_detector() -> Iterator[None]:
    lent = list(faces._lent)
    faces._lent.clear()
    yield
    faces._lent[:] = lent


def noise() -> bytes:
    """Every pixel another: what was averaged shows."""
    picture = np.random.default_rng(1).integers(0, 256, (SIZE, SIZE, 3), np.uint8)
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()


def spread(jpeg: bytes, left: int, right: int) -> float:
    """How much neighbouring pixels differ between two columns; next to nothing inside a block."""
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    return float(np.median(np.abs(np.diff(picture[:, left:right].astype(int), axis=1))))


class Answered:
    def __init__(self, world: World, there: Answering, url: str) -> None:
        self.world, self.there, self.url = world, there, url

    @classmethod
    async def begin(cls, world: World) -> "Answered":
        there = await Answering.begin(world)
        answer = await answer_notice(there.owner, there.case_id, 3, noise())
        return cls(world, there, answer.json()["answers"][0]["photographs"][0]["url"])

    async def close(self) -> None:
        await done(self.there.officer, self.there.case_id, "close")

    async def seen(self, who: httpx.AsyncClient, **params: str) -> bytes:
        answer = await who.get(self.url, params=params)
        assert answer.status_code == 200, answer.text
        return answer.content

    async def after(self, days: float) -> int:
        self.world.centre.clock = lambda: ISSUED + timedelta(days=days)
        return await keep_to_retention(self.world.centre)

    def files(self) -> list[str]:
        folder = self.world.centre.settings.data / "files" / "answers"
        return sorted(path.name for path in folder.rglob("*.jpg"))

    async def kept(self) -> dict[str, Any]:
        one: dict[str, Any] = (await self.there.case())["answers"][0]["photographs"][0]
        return one


class TestFaces:
    async def test_are_seen_by_who_verifies_and_only_until_then(self, any_world: World):
        it = await Answered.begin(any_world)
        assert spread(await it.seen(it.there.officer), 0, SIZE) > 20
        await it.close()
        assert spread(await it.seen(it.there.officer), 0, SIZE) < 5
        assert spread(await it.seen(it.there.officer, reason="Court asks."), 0, SIZE) > 20

    async def test_who_waits_for_a_photograph_keeps_nobody_from_the_database(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ):
        it = await Answered.begin(world)
        in_use = world.count_at_each_file(monkeypatch)
        await it.seen(it.there.owner)
        assert in_use
        assert set(in_use) == {0}

    async def test_are_never_seen_by_a_shop(self, world: World):
        it = await Answered.begin(world)
        assert spread(await it.seen(it.there.owner), 0, SIZE) < 5
        assert spread(await it.seen(it.there.owner, reason="Mine."), 0, SIZE) < 5

    async def test_only_faces_are_blurred_where_a_detector_was_lent(self, world: World):
        faces.lend(lambda _: [MarkedBox(kind="head", box=(0, 0, SIZE / 2, SIZE), score=0.9)])
        it = await Answered.begin(world)
        seen = await it.seen(it.there.owner)
        assert spread(seen, 0, SIZE // 2) < 5
        assert spread(seen, 3 * SIZE // 4, SIZE) > 20

    async def test_each_look_is_in_the_audit(self, world: World):
        it = await Answered.begin(world)
        await it.close()
        await it.seen(it.there.officer)
        await it.seen(it.there.officer, reason="Court asks.")
        auditor = await world.person(Role.AUDITOR)
        items = (await auditor.get("/api/v1/audit", params={"action": "photograph.read"})).json()["items"]
        assert [(item["reason"], item["detail"]["faces"]) for item in items] == [("Court asks.", True), (None, False)]


class TestEnd:
    async def test_with_the_evidence_of_their_case(self, any_world: World):
        it = await Answered.begin(any_world)
        await it.close()
        await it.seen(it.there.owner)
        assert len(it.files()) == 2
        # The evidence came in by the real clock, which is past this one's; it goes a little later.
        await it.after(179)
        assert len(it.files()) == 2
        await it.after(181)
        assert it.files() == []
        assert (await it.there.officer.get(it.url)).status_code == 404
        one = await it.kept()
        assert (one["url"], one["sha256"] != "", one["deleted_at"] is not None) == (None, True, True)

    async def test_is_in_the_audit_and_on_the_page(self, world: World):
        it = await Answered.begin(world)
        await it.close()
        await it.after(181)
        auditor = await world.person(Role.AUDITOR)
        (entry,) = (await auditor.get("/api/v1/audit", params={"action": "photograph.deleted"})).json()["items"]
        assert (entry["reason"], entry["actor_name"]) == ("超过保存期限（180 天） retention: 180 days after closed", "system")
        page = (await it.there.officer.get(f"/cases/{it.there.case_id}", headers={"Accept-Language": "en"})).text
        assert "by The system: 超过保存期限（180 天） retention: 180 days after closed" in page
        assert it.url not in page

    async def test_not_while_it_is_open_or_under_a_legal_hold(self, world: World):
        it = await Answered.begin(world)
        assert await it.after(4000) == 0
        world.centre.clock = lambda: ISSUED
        await it.close()
        chief = await world.person(Role.CHIEF)
        await chief.post(f"/api/v1/cases/{it.there.case_id}/holds/set", json={"reason": "Court asks."})
        assert await it.after(4000) == 0
        assert len(it.files()) == 1
        await chief.post(f"/api/v1/cases/{it.there.case_id}/holds/lift", json={"reason": "Judged."})
        await it.after(4000)
        assert it.files() == []

    async def test_by_a_person(self, any_world: World):
        it = await Answered.begin(any_world)
        chief = await any_world.person(Role.CHIEF)
        path = f"/api/v1/cases/{it.there.case_id}/evidence/delete"
        assert (await chief.post(path, json={"reason": "A child is in it."})).status_code == 204
        assert it.files() == []
        assert (await it.kept())["deleted_at"] is not None

    async def test_a_power_failure_before_the_files_are_gone(self, world: World, monkeypatch: pytest.MonkeyPatch):
        it = await Answered.begin(world)
        await it.close()

        async def fail(*_: object) -> None:
            raise RuntimeError("power failure")

        monkeypatch.setattr(type(world.centre.files), "delete", fail)
        with pytest.raises(RuntimeError):
            await it.after(400)
        monkeypatch.undo()
        assert len(it.files()) == 1
        await it.after(400)
        assert it.files() == []

    async def test_nothing_is_left_of_an_answer_that_came_too_late(self, world: World, monkeypatch: pytest.MonkeyPatch):
        there = await Answering.begin(world)
        from api.answers import service

        store = service.store_photographs

        async def store_while_another_acts(*given: Any) -> Any:
            stored = await store(*given)
            await done(there.officer, there.case_id, "refuse", note="Refused.")
            return stored

        monkeypatch.setattr(service, "store_photographs", store_while_another_acts)
        assert (await answer_notice(there.owner, there.case_id, 3)).status_code == 412
        assert list((world.centre.settings.data / "files" / "answers").rglob("*.jpg")) == []


def test_what_is_blurred_is_a_jpeg_of_the_same_size():
    picture = cv2.imdecode(np.frombuffer(faces.without_faces(noise()), np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape == (SIZE, SIZE, 3)
    assert io.BytesIO(faces.without_faces(noise())).read(2) == b"\xff\xd8"
