"""What leaves the centre can be checked without it."""

import io
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.accounts.permissions import Role
from api.evidence.cli import app
from api.evidence.export import FORM
from contract.verify_chain import ChainExport
from tests.api.acts import done
from tests.api.world import World

run = CliRunner().invoke


class TestCase:
    async def test_what_was_exported_holds(self, any_world: World, tmp_path: Path):
        place = await any_world.place()
        box = await any_world.edge(place)
        case_id = await any_world.case(place, box)
        officer = await any_world.person()
        answer = await officer.get(f"/api/v1/cases/{case_id}/evidence", params={"reason": "court"})
        assert answer.headers["Content-Disposition"] == f'attachment; filename="case-{case_id}.zip"'
        path = tmp_path / "case.zip"
        path.write_bytes(answer.content)
        result = run(app, ["verify", str(path)])
        assert (result.exit_code, "all 2 files hold: K01" in result.output, "核验通过" in result.output) == (0, True, True)

    async def test_a_flipped_byte_does_not_hold(self, world: World, tmp_path: Path):
        place = await world.place()
        case_id = await world.case(place)
        answer = await (await world.person()).get(f"/api/v1/cases/{case_id}/evidence", params={"reason": "court"})
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            archive.extractall(tmp_path)
            picture = tmp_path / next(name for name in archive.namelist() if name.endswith("overlay.jpg"))
        content = bytearray(picture.read_bytes())
        content[-1] ^= 1
        picture.write_bytes(content)
        result = run(app, ["verify", str(tmp_path)])
        assert result.exit_code == 1
        assert "The file overlay.jpg is not the one that the manifest was made for." in result.output

    async def test_the_draft_names_files_and_digests(self, world: World):
        place = await world.place("<b>Wok</b>")
        case_id = await world.case(place)
        answer = await (await world.person()).get(f"/api/v1/cases/{case_id}/evidence", params={"reason": "court"})
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            form = archive.read(FORM).decode()
            manifest = next(archive.read(name).decode() for name in archive.namelist() if name.endswith("manifest.json"))
        assert "草稿" in form
        assert "未戴工作帽" in form
        assert "&lt;b&gt;Wok&lt;/b&gt;" in form
        digest = form.split("<td>original.jpg</td>")[1].split("<td>")[2].split("<")[0]
        assert digest in manifest

    async def test_what_was_merged_into_it_is_in_it(self, any_world: World, tmp_path: Path):
        """A case that was seen for a whole morning is proved by what was seen, not by its first picture alone."""
        box = await any_world.edge(await any_world.place())
        part, whole = [(await box.report(track=track)).json()["case_id"] for track in (1, 2)]
        officer = await any_world.person()
        await done(officer, part, "merge", into=whole)
        answer = await officer.get(f"/api/v1/cases/{whole}/evidence", params={"reason": "court"})
        (tmp_path / "case.zip").write_bytes(answer.content)
        with zipfile.ZipFile(tmp_path / "case.zip") as archive:
            assert f"案件编号：{part}<br>" in archive.read(FORM).decode()
        assert run(app, ["verify", str(tmp_path / "case.zip")]).output.count("all 2 files hold") == 2
        auditor = await any_world.person(Role.AUDITOR)
        entries = (await auditor.get("/api/v1/audit")).json()["items"]
        assert {one["object_id"] for one in entries if one["action"] == "evidence.exported"} == {str(part), str(whole)}

    @pytest.mark.parametrize(
        ("told", "offset_s", "words"),
        [
            (datetime(1970, 1, 1, tzinfo=UTC), 0.0, "时间存疑：拍摄设备时钟当时有误"),
            (datetime(2026, 11, 22, 12, tzinfo=UTC), None, "时间存疑：上述时间出自拍摄设备"),
            # Which is put right in the heading, with what the box told below it.
            (datetime(2026, 11, 22, 12, tzinfo=UTC), 7200.0, "Camera，2026-11-22 18:00:00</h2>"),
            (datetime(2026, 11, 22, 12, tzinfo=UTC), 7200.0, "设备时钟所示时间：2026-11-22 20:00:00"),
        ],
    )
    async def test_the_draft_says_which_time_is_whose(self, world: World, told: datetime, offset_s: float | None, words: str):
        box = await world.edge(await world.place())
        case_id = (await box.report(captured_at=told, clock_offset_s=offset_s)).json()["case_id"]
        answer = await (await world.person()).get(f"/api/v1/cases/{case_id}/evidence", params={"reason": "court"})
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            assert words in archive.read(FORM).decode()

    async def test_who_exported_is_recorded_where_the_case_is(self, world: World):
        """Whoever audits that district alone sees it, also where somebody of the whole county exports."""
        place = await world.place()
        case_id = await world.case(place)
        officer, auditor = await world.person(), await world.person(Role.AUDITOR, place=place)
        await officer.get(f"/api/v1/cases/{case_id}/evidence", params={"reason": "court"})
        await officer.get(f"/api/v1/cameras/{place.camera_id}/evidence-chain")
        chain, case = (await auditor.get("/api/v1/audit")).json()["items"][:2]
        assert (case["action"], case["actor_name"], case["reason"]) == ("evidence.exported", "officer person", "court")
        assert (chain["action"], chain["object_id"]) == ("evidence.chain_exported", place.camera_id)

    async def test_no_transaction_waits_while_the_files_are_written(self, any_world: World, monkeypatch: pytest.MonkeyPatch):
        """PostgreSQL ends one that is idle for a minute, and the clips of a long case take longer."""
        case_id = await any_world.case(await any_world.place())
        officer, in_use = await any_world.person(), any_world.count_at_each_file(monkeypatch)
        answer = await officer.get(f"/api/v1/cases/{case_id}/evidence", params={"reason": "court"})
        assert (answer.status_code, in_use) == (200, [0, 0])

    async def test_faces_leave_only_with_a_reason(self, world: World):
        case_id = await world.case(await world.place())
        answer = await (await world.person()).get(f"/api/v1/cases/{case_id}/evidence")
        assert "Say why" in answer.json()["detail"]


class TestChain:
    async def test_what_was_exported_holds(self, any_world: World, tmp_path: Path):
        place = await any_world.place()
        box = await any_world.edge(place)
        for _ in range(3):
            await box.report()
        officer = await any_world.person()
        answer = await officer.get(f"/api/v1/cameras/{place.camera_id}/evidence-chain")
        (tmp_path / "chain.json").write_bytes(answer.content)
        key = next(iter(ChainExport.model_validate_json(answer.content).keys.values()))
        result = run(app, ["verify", str(tmp_path / "chain.json"), "--key", key])
        assert (result.exit_code, "All 3 records are signed, and the chain of 3" in result.output) == (0, True)

    async def test_a_record_that_never_arrived_is_told(self, world: World, tmp_path: Path):
        place = await world.place()
        box = await world.edge(place)
        await box.report()
        lost = box.manifest()
        box.sequence, box.previous = lost.sequence, lost.digest()
        await box.report()
        answer = await (await world.person()).get(f"/api/v1/cameras/{place.camera_id}/evidence-chain")
        (tmp_path / "chain.json").write_bytes(answer.content)
        result = run(app, ["verify", str(tmp_path / "chain.json")])
        assert (result.exit_code, "Number 2 is missing." in result.output) == (1, True)


def test_what_is_no_evidence_is_told(tmp_path: Path):
    (tmp_path / "a.txt").write_text("a")
    result = run(app, ["verify", str(tmp_path / "a.txt")])
    assert (result.exit_code, "There is no evidence in it" in result.output) == (1, True)


def test_what_is_not_there_is_told(tmp_path: Path):
    result = run(app, ["verify", str(tmp_path / "nothing")])
    assert (result.exit_code, "cannot be read" in result.output) == (2, True)
