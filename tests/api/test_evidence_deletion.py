import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from api.accounts.permissions import Role
from api.app import create_app
from api.cases.states import CaseState
from api.cases.tables import Case
from api.evidence import deletion
from api.evidence.deletion import keep_to_retention
from api.evidence.retention import RetentionError, load_retention
from api.evidence.tables import Evidence
from api.kit.files import Files
from api.kit.problems import Unavailable
from api.kit.settings import Settings
from api.kit.times import now
from tests.api.acts import done
from tests.api.world import HOUSE, EdgeBox, World, problem_code

GROUND = "超过保存期限（30 天） retention: 30 days after dismissed"


class Scene:
    """A world whose clock can be moved, with a box, a chief who acts, and what is left on the disk."""

    def __init__(self, world: World, box: EdgeBox, chief: httpx.AsyncClient) -> None:
        self.world, self.box, self.chief = world, box, chief

    async def case(self) -> int:
        return await self.world.case(self.box.place, self.box)

    async def after(self, days: float) -> int:
        later = now() + timedelta(days=days)
        self.world.centre.clock = lambda: later
        return await keep_to_retention(self.world.centre)

    def files(self) -> list[str]:
        return sorted(path.name for path in (self.world.centre.settings.data / "files").rglob("*.jpg"))

    async def rows(self) -> list[Evidence]:
        async with self.world.centre.database.reading() as work:
            return list(await work.scalars(select(Evidence).order_by(Evidence.received_at)))


@pytest.fixture
async def scene(any_world: World) -> Scene:
    return Scene(any_world, await any_world.edge(await any_world.place("East")), await any_world.person(Role.CHIEF))


SEALED = ["original.jpg", "overlay.jpg"]


class TestRetention:
    async def test_dismissed_after_thirty_days(self, scene: Scene):
        case_id = await scene.case()
        await done(scene.chief, case_id, "dismiss", reason="test")
        violation = (await scene.chief.get(f"/api/v1/cases/{case_id}")).json()["evidence"][0]
        await scene.chief.get(violation["blurred_url"])
        assert await scene.after(29.9) == 0
        assert len(scene.files()) == 3
        assert await scene.after(30.1) == 1
        assert scene.files() == []
        (row,) = await scene.rows()
        assert (row.manifest, row.deleted_by, row.deletion_ground) == ("", "system", GROUND)
        assert row.digest == violation["digest"]
        assert row.signature

    async def test_it_is_in_the_audit(self, scene: Scene):
        case_id = await scene.case()
        await done(scene.chief, case_id, "dismiss", reason="test")
        await scene.after(31)
        auditor = await scene.world.person(Role.AUDITOR)
        (entry,) = (await auditor.get("/api/v1/audit", params={"action": "evidence.deleted"})).json()["items"]
        assert (entry["object_id"], entry["actor_name"], entry["chain"]) == (str(case_id), "system", scene.box.place.district_id)
        assert entry["reason"] == GROUND
        assert set(entry["detail"]) == {"violation", "digest"}

    async def test_what_is_deleted_is_as_if_it_were_not_there(self, scene: Scene):
        case_id = await scene.case()
        url = (await scene.chief.get(f"/api/v1/cases/{case_id}")).json()["evidence"][0]["files"]["original.jpg"]["url"]
        await done(scene.chief, case_id, "dismiss", reason="test")
        await scene.after(31)
        assert (await scene.chief.get(url, params={"reason": "x"})).status_code == 404
        assert (await scene.chief.get(f"/api/v1/cases/{case_id}")).json()["evidence"] == []

    async def test_an_edge_goes_on_with_its_chain(self, scene: Scene):
        case_id = await scene.case()
        await done(scene.chief, case_id, "dismiss", reason="test")
        await scene.after(31)
        following = await scene.case()
        assert (await scene.chief.get(f"/api/v1/cases/{following}")).json()["evidence"][0]["chain"] == "whole"

    async def test_what_is_open_stays(self, scene: Scene):
        await scene.case()
        confirmed = await scene.case()
        await done(scene.chief, confirmed, "confirm")
        assert await scene.after(4000) == 0

    async def test_closed_after_half_a_year(self, scene: Scene):
        case_id = await scene.case()
        await done(scene.chief, case_id, "confirm")
        await done(scene.chief, case_id, "issue")
        await done(scene.chief, case_id, "withdraw", reason="wrong_facts")
        assert await scene.after(179) == 0
        assert await scene.after(181) == 1

    async def test_turned_over_to_enforcement_stays(self, scene: Scene):
        case_id = await scene.case()
        await done(scene.chief, case_id, "confirm")
        await done(scene.chief, case_id, "issue")
        await done(scene.chief, case_id, "refuse", note="Away.")
        await done(scene.chief, case_id, "go_on_site")
        await done(scene.chief, case_id, "transfer", note="2026-7")
        assert await scene.after(4000) == 0

    async def test_merged_goes_with_what_it_is_part_of(self, scene: Scene):
        first, second, third = await scene.case(), await scene.case(), await scene.case()
        await done(scene.chief, first, "merge", into=second)
        await done(scene.chief, second, "merge", into=third)
        assert await scene.after(400) == 0
        scene.world.centre.clock = now
        await done(scene.chief, third, "dismiss", reason="test")
        assert await scene.after(31) == 3

    async def test_more_than_a_batch(self, scene: Scene, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(deletion, "BATCH", 2)
        for _ in range(5):
            await done(scene.chief, await scene.case(), "dismiss", reason="test")
        assert await scene.after(31) == 5
        assert scene.files() == []

    async def test_a_power_failure_before_the_files_are_gone(self, scene: Scene, monkeypatch: pytest.MonkeyPatch):
        case_id = await scene.case()
        await done(scene.chief, case_id, "dismiss", reason="test")

        async def fail(*_: object) -> int:
            raise RuntimeError("power failure")

        monkeypatch.setattr(Files, "delete_folder", fail)
        with pytest.raises(RuntimeError):
            await scene.after(31)
        monkeypatch.undo()
        assert scene.files() == SEALED
        assert await scene.after(31) == 0
        assert scene.files() == []

    async def test_a_file_that_cannot_be_deleted_keeps_back_no_other(self, scene: Scene, monkeypatch: pytest.MonkeyPatch):
        for _ in range(2):
            await done(scene.chief, await scene.case(), "dismiss", reason="test")
        stuck, delete = (await scene.rows())[0].folder, Files.delete_folder

        async def delete_but_one(files: Files, key: str) -> int:
            if key == stuck:
                raise Unavailable("not this one")
            return await delete(files, key)

        monkeypatch.setattr(Files, "delete_folder", delete_but_one)
        with pytest.raises(Unavailable):
            await scene.after(31)
        assert scene.files() == SEALED

    async def test_what_was_put_there_meanwhile_goes_with_the_next_round(self, scene: Scene):
        case_id = await scene.case()
        await done(scene.chief, case_id, "dismiss", reason="test")
        folder = (await scene.rows())[0].folder
        await scene.after(31)
        await scene.world.centre.files.put(f"{folder}/blurred-1.jpg", b"late")
        await scene.after(31)
        assert scene.files() == []
        await scene.after(31)
        assert [row.folder for row in await scene.rows()] == [""]


class TestRounds:
    @pytest.mark.parametrize(("jumps", "left"), [(False, []), (True, SEALED)])
    async def test_a_clock_that_jumps_deletes_nothing(self, scene: Scene, jumps: bool, left: list[str]):
        case_id = await scene.case()
        await done(scene.chief, case_id, "dismiss", reason="test")
        later, before = now() + timedelta(days=31), scene.world.centre.clock
        scene.world.centre.clock = before if jumps else lambda: later
        act = deletion.in_rounds(scene.world.centre)
        scene.world.centre.clock = lambda: later
        await act(asyncio.Event())
        assert scene.files() == left


class TestHold:
    async def test_keeps_until_it_is_lifted(self, scene: Scene):
        case_id = await scene.case()
        await done(scene.chief, case_id, "dismiss", reason="test")
        holds = f"/api/v1/cases/{case_id}/holds"
        leader = await scene.world.person(Role.BUREAU)
        for _ in range(2):  # a second tap
            assert (await leader.post(f"{holds}/set", json={"reason": "Court asks."})).status_code == 201
        again = await scene.chief.post(f"{holds}/set", json={"reason": "Again."})
        assert (again.status_code, problem_code(again)) == (409, "already-held")
        assert await scene.after(400) == 0
        refused = await scene.chief.post(f"/api/v1/cases/{case_id}/evidence/delete", json={"reason": "Asked for."})
        assert (refused.status_code, problem_code(refused)) == (409, "under-legal-hold")
        for _ in range(2):
            assert (await scene.chief.post(f"{holds}/lift", json={"reason": "Judged."})).status_code == 200
        assert (await scene.chief.post(f"{holds}/lift", json={"reason": "Another."})).status_code == 404
        (hold,) = (await scene.chief.get(holds)).json()
        assert (hold["set_by"], hold["set_because"], hold["lifted_by"], hold["lifted_because"]) == (
            "bureau person", "Court asks.", "chief person", "Judged."
        )
        assert await scene.after(400) == 1

    async def test_holds_what_was_merged_into_it_too(self, scene: Scene):
        part, whole = await scene.case(), await scene.case()
        await done(scene.chief, part, "merge", into=whole)
        await done(scene.chief, whole, "dismiss", reason="test")
        await scene.chief.post(f"/api/v1/cases/{whole}/holds/set", json={"reason": "Court asks."})
        assert await scene.after(400) == 0

    async def test_holds_what_is_part_of_it_also_once_it_is_part_of_another(self, scene: Scene):
        part, held, whole = await scene.case(), await scene.case(), await scene.case()
        await done(scene.chief, part, "merge", into=held)
        await scene.chief.post(f"/api/v1/cases/{held}/holds/set", json={"reason": "Court asks."})
        await done(scene.chief, held, "merge", into=whole)
        await done(scene.chief, whole, "dismiss", reason="test")
        await scene.after(400)
        assert [row.case_id for row in await scene.rows() if row.deleted_at is None] == [part, held]

    async def test_there_is_none_on_what_is_gone(self, scene: Scene):
        case_id = await scene.case()
        await done(scene.chief, case_id, "dismiss", reason="test")
        await scene.after(31)
        answer = await scene.chief.post(f"/api/v1/cases/{case_id}/holds/set", json={"reason": "Court asks."})
        assert (answer.status_code, problem_code(answer)) == (409, "nothing-to-hold")
        form = await scene.chief.post(
            f"/cases/{case_id}/keeping/hold", data={"reason": "Court asks."}, headers={"Accept": "text/html"}
        )
        assert (form.status_code, "已没有可保全的证据" in form.text) == (409, True)
        assert (await scene.chief.get(f"/api/v1/cases/{case_id}/holds")).json() == []

    async def test_what_is_left_of_its_parts_can_be_held(self, scene: Scene):
        part, whole = await scene.case(), await scene.case()
        await done(scene.chief, part, "merge", into=whole)
        await scene.chief.post(f"/api/v1/cases/{whole}/evidence/delete", json={"reason": "A child is in it."})
        page = (await scene.chief.get(f"/cases/{whole}")).text
        assert (f"/cases/{whole}/keeping/hold" in page, f"/cases/{whole}/keeping/delete" in page) == (True, False)
        held = await scene.chief.post(f"/api/v1/cases/{whole}/holds/set", json={"reason": "Court asks."})
        assert held.status_code == 201

    async def test_what_is_separated_again_stays_under_the_hold(self, scene: Scene):
        part, whole = await scene.case(), await scene.case()
        await done(scene.chief, part, "merge", into=whole)
        await scene.chief.post(f"/api/v1/cases/{whole}/holds/set", json={"reason": "Court asks."})
        await done(scene.chief, part, "split", note="Another person.")
        (hold,) = (await scene.chief.get(f"/api/v1/cases/{part}/holds")).json()
        assert (hold["set_by"], hold["set_because"]) == ("chief person", "Court asks.")
        refused = await scene.chief.post(f"/api/v1/cases/{part}/evidence/delete", json={"reason": "Asked for."})
        assert (refused.status_code, problem_code(refused)) == (409, "under-legal-hold")

    async def test_a_part_of_it_cannot_be_deleted_by_hand(self, scene: Scene):
        part, whole = await scene.case(), await scene.case()
        await done(scene.chief, part, "merge", into=whole)
        await scene.chief.post(f"/api/v1/cases/{whole}/holds/set", json={"reason": "Court asks."})
        refused = await scene.chief.post(f"/api/v1/cases/{part}/evidence/delete", json={"reason": "Asked for."})
        assert (refused.status_code, problem_code(refused)) == (409, "under-legal-hold")

    @pytest.mark.postgres
    async def test_is_not_overtaken_by_a_deletion(self, postgres_settings: Settings):
        """Two who act at once, each in a transaction of their own: whoever comes second waits, or leaves it alone."""
        world = World(create_app(postgres_settings))
        case_id = await world.case(await world.place())
        await world.reopen_database(0.2)
        database, keyring, at = world.centre.database, world.centre.keyring, now()
        async with database.writing() as first:
            await deletion.delete_evidence_of_case(first, HOUSE, keyring, case_id, "Asked for.", at)
            with pytest.raises(DBAPIError, match="lock timeout"):
                async with database.writing() as second:
                    await deletion.set_hold(second, HOUSE, case_id, "Court asks.", at)
            await first.rollback()
        async with database.writing() as work:
            case = await work.get_one(Case, case_id)
            case.state = CaseState.DISMISSED
        later = at + timedelta(days=31)
        async with database.writing() as first:
            await deletion.set_hold(first, HOUSE, case_id, "Court asks.", at)
            async with database.writing() as second:
                assert await deletion.delete_expired(second, keyring, world.centre.retention, later) == 0
            await first.rollback()
        async with database.writing() as work:
            assert await deletion.delete_expired(work, keyring, world.centre.retention, later) == 1
        await world.centre.close()

    async def test_is_in_the_audit(self, scene: Scene):
        case_id = await scene.case()
        await scene.chief.post(f"/api/v1/cases/{case_id}/holds/set", json={"reason": "Court asks."})
        await scene.chief.post(f"/api/v1/cases/{case_id}/holds/lift", json={"reason": "Judged."})
        auditor = await scene.world.person(Role.AUDITOR)
        items = (await auditor.get("/api/v1/audit", params={"object_kind": "case", "who": "chief"})).json()["items"]
        assert [(item["action"], item["reason"]) for item in items] == [("hold.lifted", "Judged."), ("hold.set", "Court asks.")]

    @pytest.mark.parametrize("reason", ["", "   ", "x" * 501])
    async def test_needs_a_reason(self, scene: Scene, reason: str):
        case_id = await scene.case()
        assert (await scene.chief.post(f"/api/v1/cases/{case_id}/holds/set", json={"reason": reason})).status_code == 422

    async def test_nothing_to_lift(self, scene: Scene):
        case_id = await scene.case()
        answer = await scene.chief.post(f"/api/v1/cases/{case_id}/holds/lift", json={"reason": "x"})
        assert (answer.status_code, problem_code(answer)) == (404, "not-found")


class TestByAPerson:
    async def test_files_and_boxes_go_and_the_ground_stays(self, scene: Scene):
        case_id, other = await scene.case(), await scene.case()
        answer = await scene.chief.post(f"/api/v1/cases/{case_id}/evidence/delete", json={"reason": "A child is in it."})
        assert answer.status_code == 204
        assert scene.files() == SEALED  # of the other case
        gone, left = await scene.rows()
        told = (gone.case_id, gone.manifest, gone.deleted_by, gone.deletion_ground)
        assert told == (case_id, "", "chief person", "A child is in it.")
        assert (left.case_id, left.deleted_at) == (other, None)

    async def test_an_officer_may_not(self, scene: Scene):
        case_id = await scene.case()
        officer = await scene.world.person()
        answer = await officer.post(f"/api/v1/cases/{case_id}/evidence/delete", json={"reason": "x"})
        assert (answer.status_code, problem_code(answer)) == (403, "forbidden")


class TestTable:
    def test_the_shipped_one(self):
        table, at = load_retention(None), datetime(2026, 11, 24, tzinfo=now().tzinfo)
        assert (table.days_of(CaseState.CLOSED), table.days_of(CaseState.PENDING_REVIEW)) == (180, None)
        assert table.cuts(at)[CaseState.DISMISSED] == at - timedelta(days=30)
        assert CaseState.TRANSFERRED not in table.cuts(at)

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("dismissed: 0\nended: 180\ntransferred: null\n", "dismissed: Input should be greater than or equal to 1"),
            ("dismissed: 30\nended: 180\n", "transferred: Field required"), ("- 1\n", "table: "), ("a: [", "cannot be read"),
            ("dismissed: 2026-13-45\n", "cannot be read"),
            ("dismissed: 30\nended: 180\ntransferred: 1\nclosed: 3\n", "closed: Extra inputs"),
        ],
    )
    def test_one_that_cannot_be_used(self, tmp_path: Path, text: str, words: str):
        (tmp_path / "retention.yaml").write_text(text)
        with pytest.raises(RetentionError, match=r"retention\.yaml") as told:
            load_retention(tmp_path / "retention.yaml")
        assert words in str(told.value)
