import asyncio
import itertools
import json
import shutil
import time
import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from rfc8785 import FloatDomainError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from typer.testing import CliRunner

from api.accounts.permissions import Role
from api.app import create_app
from api.audit import cli
from api.audit.chain import FIRST, ChainedEntry, Source, Stretch, differences, problems_of, read_export
from api.audit.chainer import chain_all
from api.audit.endpoints import exported
from api.audit.service import record
from api.audit.tables import AuditEntry
from api.centre import Centre
from api.kit.settings import Settings
from tests.api.acts import done
from tests.api.test_list_plans import asked, plan
from tests.api.world import HOUSE, EdgeBox, Place, World


async def entries(client: httpx.AsyncClient, **wanted: str) -> list[dict]:
    answer = await client.get("/api/v1/audit", params={"limit": 200, **wanted})
    assert answer.status_code == 200, answer.text
    items: list[dict] = answer.json()["items"]
    return items


async def looked_at(world: World, place: Place, box: EdgeBox | None = None) -> int:
    """A case at the place whose picture an officer of its district has looked at."""
    case_id = await world.case(place, box)
    officer = await world.person(Role.OFFICER, place=place)
    evidence = (await officer.get(f"/api/v1/cases/{case_id}")).json()["evidence"][0]
    assert (await officer.get(evidence["files"]["original.jpg"]["url"])).status_code == 200
    return case_id


class TestRecord:
    async def test_who_unit_when_where_what_and_why(self, any_world: World):
        place = await any_world.place("East")
        case_id = await any_world.case(place)
        officer, auditor = await any_world.person(Role.OFFICER, place=place), await any_world.person(Role.AUDITOR)
        await done(officer, case_id, "dismiss", reason="other", note="A doll.")
        (entry,) = await entries(auditor, action="case.dismiss")
        assert (entry["actor_name"], entry["unit"], entry["address"]) == ("officer person", "East district", "127.0.0.1")
        assert (entry["object_kind"], entry["object_id"], entry["reason"]) == ("case", str(case_id), "A doll.")
        assert (entry["chain"], entry["detail"]) == (place.district_id, {"reason_code": "other"})

    async def test_what_an_edge_does_goes_into_the_chain_of_its_district(self, any_world: World):
        place = await any_world.place()
        await any_world.case(place)
        (entry,) = await entries(await any_world.person(Role.AUDITOR), action="case.opened")
        assert entry["chain"] == place.district_id

    async def test_what_concerns_no_district_goes_into_the_centres(self, any_world: World):
        await any_world.person(Role.REVIEWER)
        (*_, entry) = await entries(await any_world.person(Role.AUDITOR), action="session.started")
        assert entry["chain"] == "centre"

    async def test_an_act_that_fails_leaves_no_entry(self, world: World):
        async with world.centre.database.writing() as work:
            record(work, HOUSE, "shop.changed", "shop", "s")
            await work.flush()
            await work.rollback()
        assert await entries(await world.person(Role.AUDITOR), action="shop.changed") == []

    async def test_a_detail_that_cannot_be_chained_fails_in_the_act(self, world: World):
        with pytest.raises(FloatDomainError):
            async with world.centre.database.writing() as work:
                record(work, HOUSE, "shop.changed", "shop", "s", name=float("nan"))


class TestAppendOnly:
    @pytest.mark.parametrize(
        "change",
        [
            "DELETE FROM audit_entries", "UPDATE audit_entries SET actor_name = 'x'", "UPDATE audit_entries SET at = at",
            "UPDATE audit_entries SET sequence = 9", "UPDATE audit_entries SET digest = NULL",
        ],
    )
    async def test_the_database_refuses(self, any_world: World, change: str):
        await any_world.place()
        await chain_all(any_world.centre)
        with pytest.raises(DBAPIError, match="append-only"):
            async with any_world.centre.database.writing() as work:
                await work.execute(text(change))


class TestChaining:
    async def test_each_chain_counts_for_itself(self, any_world: World):
        first, second = await any_world.place("A"), await any_world.place("B")
        await looked_at(any_world, first)
        auditor = await any_world.person(Role.AUDITOR)
        await chain_all(any_world.centre)
        for chain in (first.district_id, second.district_id, "centre"):
            numbers = [entry["sequence"] for entry in await entries(auditor, chain=chain)]
            assert numbers == list(range(len(numbers), 0, -1))
            assert numbers

    async def test_within_a_second_while_the_centre_runs(self, any_settings: Settings):
        app = create_app(any_settings)
        async with app.router.lifespan_context(app):
            world = World(app)
            await world.place()
            auditor, deadline = await world.person(Role.AUDITOR), time.monotonic() + 30
            while any(entry["digest"] is None for entry in await entries(auditor)):
                assert time.monotonic() < deadline
                await asyncio.sleep(0.02)
        assert any_settings.audit_chained_every_s <= 0.5

    async def test_what_a_crash_left_is_chained_at_the_next_start(self, any_world: World, monkeypatch: pytest.MonkeyPatch):
        await any_world.place()

        def die(*_: object) -> None:
            raise RuntimeError("power failure")

        monkeypatch.setattr("api.kit.database.Work.commit", die)
        with pytest.raises(RuntimeError):
            await chain_all(any_world.centre)
        monkeypatch.undo()
        auditor = await any_world.person(Role.AUDITOR)
        before = await entries(auditor)
        assert before
        assert all(entry["digest"] is None for entry in before)
        again = Centre(any_world.centre.settings)
        assert await chain_all(again) == len(before)
        await again.close()
        assert all(entry["digest"] for entry in await entries(auditor))

    @pytest.mark.postgres
    async def test_several_processes_write_one_chain(self, postgres_settings: Settings):
        centres = [Centre(postgres_settings) for _ in range(3)]

        async def act_and_chain(centre: Centre) -> None:
            for _ in range(8):
                async with centre.database.writing() as work:
                    record(work, HOUSE, "shop.changed", "shop", "s")
                await chain_all(centre)

        await asyncio.gather(*map(act_and_chain, centres))
        await chain_all(centres[0])
        async with centres[0].database.reading() as work:
            rows = (await work.execute(text("SELECT sequence, previous, digest FROM audit_entries ORDER BY sequence"))).all()
        for centre in centres:
            await centre.close()
        assert [row.sequence for row in rows] == list(range(1, 25))
        assert [row.previous for row in rows] == ["0" * 64, *(row.digest for row in rows[:-1])]


class TestWhoReads:
    async def test_an_auditor_of_a_district_reads_that_district(self, any_world: World):
        mine, theirs = await any_world.place("Mine"), await any_world.place("Theirs")
        await looked_at(any_world, mine)
        await looked_at(any_world, theirs)
        await chain_all(any_world.centre)
        auditor = await any_world.person(Role.AUDITOR, place=mine)
        assert {entry["chain"] for entry in await entries(auditor)} == {mine.district_id}
        assert await entries(auditor, chain=theirs.district_id) == []
        export = (await auditor.get("/api/v1/audit/export")).text.splitlines()
        assert {json.loads(line)["chain"] for line in export[1:]} == {mine.district_id}

    async def test_filters(self, any_world: World):
        place = await any_world.place()
        case_id = await looked_at(any_world, place)
        auditor = await any_world.person(Role.AUDITOR)
        read = await entries(auditor, action="evidence.read", who="OFFICER", object_kind="case", object_id=str(case_id))
        assert [entry["detail"]["file"] for entry in read] == ["original.jpg"]
        assert await entries(auditor, who="100%") == []
        assert await entries(auditor, until="2026-01-01T00:00:00Z") == []
        assert len(await entries(auditor, since="2026-01-01T00:00:00Z", action="evidence.read")) == 1

    async def test_the_newest_of_several_people_with_such_a_name(self, any_world: World):
        at, rest = any_world.centre.clock(), dict.fromkeys(("actor_kind", "actor_id", "action", "object_kind", "object_id"), "x")
        async with any_world.centre.database.writing() as work:
            work.add_all(AuditEntry(at=at, actor_name=f"李梅{number % 3}", chain="centre", **rest) for number in range(9))
            work.add(AuditEntry(at=at, actor_name="王芳", chain="centre", **rest))
        auditor = await any_world.person(Role.AUDITOR)
        first = (await auditor.get("/api/v1/audit", params={"who": "李梅", "limit": 4})).json()
        assert [entry["actor_name"][-1] for entry in first["items"]] == ["2", "1", "0", "2"]
        rest_of_them = (await auditor.get("/api/v1/audit", params={"who": "李梅", "cursor": first["next"]})).json()
        assert [entry["actor_name"][-1] for entry in rest_of_them["items"]] == ["1", "0", "2", "1", "0"]
        assert await entries(auditor, who="张") == []

    async def test_a_part_of_many_names(self, any_world: World):
        rest = dict.fromkeys(("actor_kind", "actor_id", "action", "object_kind", "object_id"), "x")
        async with any_world.centre.database.writing() as work:
            work.add_all(
                AuditEntry(at=any_world.centre.clock(), actor_name=f"李{number}", chain="centre", **rest) for number in range(30)
            )
        found = await entries(await any_world.person(Role.AUDITOR), who="李")
        assert [entry["actor_name"] for entry in found] == [f"李{number}" for number in reversed(range(30))]

    async def test_in_the_order_of_time_page_by_page(self, any_world: World):
        """Which is not quite that of the numbers: one that began earlier may be written later. Nor is a time there only once."""
        rest = dict.fromkeys(("actor_kind", "actor_id", "actor_name", "action", "object_kind", "object_id"), "x")
        begun = any_world.centre.clock()
        async with any_world.centre.database.writing() as work:
            work.add_all(
                AuditEntry(at=begun - timedelta(seconds=seconds), chain="centre", detail={"ago_s": seconds}, **rest)
                for seconds in (3, 1, 2, 2, 4)
            )
        auditor = await any_world.person(Role.AUDITOR)
        found, cursor = [], {}
        while cursor is not None:
            page = (await auditor.get("/api/v1/audit", params={"action": "x", "limit": 2, **cursor})).json()
            found += [(entry["detail"]["ago_s"], entry["id"]) for entry in page["items"]]
            cursor = {"cursor": page["next"]} if page["next"] else None
        assert found == sorted(found, key=lambda one: (one[0], -one[1]))
        assert len(set(found)) == 5

    async def test_is_found_without_reading_every_entry(self, world: World):
        await looked_at(world, await world.place())
        auditor = await world.person(Role.AUDITOR)
        times = [{}, {"since": "2020-01-01T00:00:00Z"}, {"until": "2099-01-01T00:00:00Z"}]
        words = [{"who": "person"}, {"action": "evidence.read"}, {"object_kind": "case"}, {"object_id": "1"}, {}]
        for wanted in (of_time | word for of_time in times for word in words if of_time | word):
            with asked(world) as statements:
                assert await entries(auditor, **wanted), wanted
            steps = [step for asked_for in statements for step in await plan(world, *asked_for)]
            assert any("SEARCH audit_entries" in step for step in steps), (wanted, steps)
            assert not any("SCAN audit_entries" in step for step in steps), (wanted, steps)
            if "object_id" in wanted:  # all of one thing are few
                continue
            assert ("since" not in wanted) or any("at>?" in step for step in steps), (wanted, steps)
            assert ("until" not in wanted) or any("at<?" in step for step in steps), (wanted, steps)
            # To sort, all that was found is read first; of people, the newest of each alone.
            assert "who" in wanted or not any("ORDER BY" in step for step in steps), (wanted, steps)

    @pytest.mark.parametrize(
        "path",
        [
            "/api/v1/audit?since=0001-01-01T00:00:00%2B08:00", "/api/v1/audit?until=9999-12-31T23:59:59-10:00",
            "/api/v1/audit/export?since=0001-01-01T00:00:00%2B08:00", "/audit?since=0001-01-01",
        ],
    )
    async def test_a_day_beyond_all_calendars(self, any_world: World, path: str):
        await looked_at(any_world, await any_world.place())
        await chain_all(any_world.centre)
        auditor = await any_world.person(Role.AUDITOR)
        assert (await auditor.get(path)).status_code == 422

    async def test_no_transaction_waits_for_who_downloads_an_export(self, any_world: World, monkeypatch: pytest.MonkeyPatch):
        """PostgreSQL ends one that is idle for a minute."""
        monkeypatch.setattr("api.audit.repository._PAGE", 2)
        await looked_at(any_world, await any_world.place())
        await chain_all(any_world.centre)
        answer = await exported(any_world.centre, HOUSE, None, None, None)
        sent = [(json.loads(line), any_world.connections_in_use) async for line in answer.body_iterator]
        head = sent[0][0]
        assert len(sent) == 1 + sum(stretch["last"] - stretch["first"] + 1 for stretch in head["stretches"]) > 6
        assert {in_use for _, in_use in sent} == {0}

    async def test_an_export_is_recorded(self, world: World):
        auditor = await world.person(Role.AUDITOR)
        await chain_all(world.centre)
        await auditor.get("/api/v1/audit/export", params={"chain": "centre"})
        (entry,) = await entries(auditor, action="audit.exported")
        assert (entry["object_id"], entry["actor_name"], entry["detail"]["first"]) == ("centre", "auditor person", 1)


def lines_of(export: Path) -> list[str]:
    return export.read_text().splitlines(keepends=True)


def write(export: Path, lines: list[str]) -> None:
    export.write_text("".join(lines))


def verify(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(cli.app, ["verify", *map(str, arguments)])
    return result.exit_code, result.output


async def verified(*arguments: str | Path) -> tuple[int, str]:
    """The command has an event loop of its own."""
    return await asyncio.to_thread(verify, *arguments)


class TestVerify:
    @pytest.fixture
    async def export(self, world: World, tmp_path: Path) -> Path:
        """Of one chain with a few entries."""
        place = await world.place("East")
        box = await world.edge(place)
        for _ in range(3):
            await looked_at(world, place, box)
        await chain_all(world.centre)
        self.chain = place.district_id
        return await self.exported(world, tmp_path / "audit.jsonl")

    async def exported(self, world: World, path: Path) -> Path:
        answer = await (await world.person(Role.AUDITOR)).get("/api/v1/audit/export", params={"chain": self.chain})
        write(path, answer.text.splitlines(keepends=True))
        return path

    def altered(self, export: Path, number: int, change: dict) -> Path:
        lines = lines_of(export)
        lines[number] = json.dumps(json.loads(lines[number]) | change) + "\n"
        write(export, lines)
        return export

    async def test_a_whole_export(self, export: Path):
        status, said = await verified(export)
        assert (status, said.splitlines()[-1]) == (0, "审计记录核验通过。 The audit holds.")
        assert "East district" in said
        assert "No. 1 to " in said

    async def test_a_changed_entry(self, export: Path):
        status, said = await verified(self.altered(export, 4, {"actor_name": "Somebody else"}))
        assert status == 1
        assert "第 4 条（" in said
        assert "写入后被改动。 No. 4 (" in said
        assert "was changed after it was written" in said
        assert said.count("East district: ") == 2  # its span, and this one problem

    async def test_a_changed_entry_that_was_given_a_new_digest(self, export: Path):
        entry = ChainedEntry.model_validate_json(lines_of(export)[4]).model_copy(update={"actor_name": "Somebody else"})
        status, said = await verified(self.altered(export, 4, {"actor_name": "Somebody else", "digest": entry.true_digest()}))
        assert status == 1
        assert "No. 5 (" in said
        assert "was written after another No. 4 than the one here: one was replaced" in said

    async def test_a_removed_entry(self, export: Path):
        lines = lines_of(export)
        write(export, lines[:3] + lines[4:])
        status, said = await verified(export)
        assert status == 1
        assert "East district: 缺少第 3 条：已被删除。 No. 3 is missing: removed." in said

    async def test_removed_entries_at_the_end(self, export: Path):
        lines = lines_of(export)
        write(export, lines[:-2])
        status, said = await verified(export)
        assert status == 1
        assert f"No. {len(lines) - 2} to {len(lines) - 1} are missing at the end: removed." in said

    async def test_a_fork(self, export: Path):
        lines = lines_of(export)
        twin = json.loads(lines[4]) | {"digest": "f" * 64, "actor_name": "Twin"}
        write(export, [*lines, json.dumps(twin) + "\n"])
        status, said = await verified(export)
        assert status == 1
        assert "No. 4 is there twice" in said
        assert "a fork" in said

    async def test_years_need_not_fit_into_memory(self, export: Path):
        head, first, *_ = lines_of(export)
        entry = json.loads(first)
        lines = ((json.dumps(entry | {"sequence": number}) + "\n").encode() for number in range(1, 3001))
        tracemalloc.start()
        source = read_export("export", itertools.chain([head.encode()], lines))
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert source.reach(self.chain) == (3000, 1, 3000)
        assert peak_bytes < 3000 * 100

    async def test_a_file_that_is_none(self, tmp_path: Path):
        (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\x00")
        status, said = await verified(tmp_path / "photo.jpg")
        assert status == 1
        assert "photo.jpg: 第 1 行不是审计导出文件的开头：文件不对，或已损坏。 Line 1 is not the head of an export" in said

    async def test_a_file_that_is_not_there(self, tmp_path: Path):
        status, said = await verified(tmp_path / "nothing.jsonl")
        assert status == 2
        assert "请给出从审计页面导出的文件" in said
        assert "cannot be read (No such file or directory)" in said

    async def test_a_whole_database(self, export: Path, world: World):
        await chain_all(world.centre)
        status, said = await verified("--data", world.centre.settings.data)
        assert (status, said.splitlines()[-1]) == (0, "审计记录核验通过。 The audit holds.")

    @pytest.mark.parametrize(
        ("harm", "words"),
        [
            ("UPDATE audit_entries SET reason = 'x' WHERE chain = :chain AND sequence = 3", "was changed after it was written"),
            ("DELETE FROM audit_entries WHERE chain = :chain AND sequence = 3", "No. 3 is missing: removed."),
            ("DELETE FROM audit_entries WHERE chain = :chain AND sequence > 3", "missing at the end: removed."),
        ],
    )
    async def test_a_database_that_somebody_worked_on(self, export: Path, world: World, harm: str, words: str):
        await self.without_triggers(world, harm)
        status, said = await verified("--data", world.centre.settings.data)
        assert status == 1
        assert words in said

    async def test_a_database_that_is_rewritten_differs_from_what_was_exported(self, export: Path, world: World, tmp_path: Path):
        """Whoever rules over the database can write a whole chain anew; an export that lies elsewhere shows it."""
        await self.without_triggers(
            world, "DELETE FROM audit_chains", "UPDATE audit_entries SET actor_name = 'Nobody' WHERE sequence = 2",
            "UPDATE audit_entries SET sequence = NULL, digest = NULL, previous = NULL",
        )
        await chain_all(world.centre)
        assert (await verified("--data", world.centre.settings.data))[0] == 0
        status, said = await verified("--data", world.centre.settings.data, "--database", export)
        assert status == 1
        assert "a fork, one of the two was rewritten" in said
        status, said = await verified(export, await self.exported(world, tmp_path / "later.jsonl"))
        assert status == 1
        assert "a fork" in said

    async def test_an_earlier_export_shows_what_was_cut_off(self, export: Path, world: World):
        await self.without_triggers(
            world, "DELETE FROM audit_entries WHERE chain = :chain AND sequence > 3",
            "UPDATE audit_chains SET sequence = 3, digest = "
            "(SELECT digest FROM audit_entries WHERE chain = :chain AND sequence = 3) WHERE chain = :chain",
        )
        assert (await verified("--data", world.centre.settings.data))[0] == 0
        status, said = await verified("--data", world.centre.settings.data, "--database", export)
        assert status == 1
        assert f"are no longer in {world.centre.settings.data}: removed." in said

    async def without_triggers(self, world: World, *statements: str) -> None:
        async with world.centre.database.writing() as work:
            for name in ("no_delete", "no_update", "chained_once"):
                await work.execute(text(f"DROP TRIGGER audit_entries_{name}"))
            for statement in statements:
                await work.execute(text(statement), {"chain": self.chain} if ":chain" in statement else {})


def chained(sequence: int, previous: str, **changes: Any) -> ChainedEntry:
    """With the digest of what it says, as whoever rules over the database can write it."""
    words = dict.fromkeys(("actor_kind", "actor_id", "actor_name", "action", "object_kind", "object_id"), "x")
    rest: dict[str, Any] = {**words, "unit": None, "address": None, "reason": None, "detail": {}, **changes}
    at = datetime(2026, 11, 24, tzinfo=UTC)
    entry = ChainedEntry(chain="east", sequence=sequence, previous=previous, digest="", id=sequence, at=at, **rest)
    return entry.model_copy(update={"digest": entry.true_digest()})


def chain_of(count: int) -> list[ChainedEntry]:
    entries: list[ChainedEntry] = []
    for number in range(1, count + 1):
        entries.append(chained(number, entries[-1].digest if entries else FIRST))
    return entries


def source_of(entries: list[ChainedEntry], last: ChainedEntry | None, name: str = "here") -> Source:
    """`last` is the end that was recorded beside the entries."""
    known = [] if last is None else [Stretch(chain="east", name="East", first=1, last=last.sequence, digest=last.digest)]
    source = Source(name, known)
    for entry in entries:
        source.add(entry)
    return source


class TestWhatOneWithTheDatabaseWrites:
    """Every digest is true; the places tell it."""

    def told(self, entries: list[ChainedEntry], last: ChainedEntry | None) -> str:
        (problem,) = problems_of(source_of(entries, last))
        return problem.en

    def test_another_last_entry(self):
        first, second, third = chain_of(3)
        other = chained(3, second.digest, actor_name="Nobody")
        assert "is not the one that was recorded as the last" in self.told([first, second, other], third)

    def test_an_entry_past_the_end(self):
        entries = chain_of(3)
        assert self.told(entries, entries[1]).startswith("No. 3 is too many: added past the end")

    def test_a_later_beginning(self):
        begun = chained(1, "f" * 64)
        assert "the beginning of the chain was removed" in self.told([begun], begun)

    def test_a_chain_of_its_own(self):
        assert "2 entries are there although the source does not name this chain" in self.told(chain_of(2), None)

    def test_a_number_that_has_no_canonical_form(self):
        (entry,) = chain_of(1)
        assert "was changed after it was written" in self.told([entry.model_copy(update={"detail": {"n": 2**60}})], entry)


def test_an_earlier_export_and_a_later_one_tell_the_same():
    entries = chain_of(3)
    earlier, later = source_of(entries[:2], entries[1], "earlier"), source_of(entries, entries[2], "later")
    assert [*differences(earlier, later, is_whole=False), *differences(later, earlier, is_whole=False)] == []


async def test_a_copied_data_folder_is_verified_without_its_centre(world: World, tmp_path: Path):
    await looked_at(world, await world.place())
    await chain_all(world.centre)
    await world.centre.close()
    copy = tmp_path / "copy"
    copy.mkdir()
    shutil.copy(world.centre.settings.data / "sunshine.db", copy)
    assert (await verified("--data", copy))[0] == 0


async def test_what_is_not_chained_yet_is_told(world: World):
    async with world.centre.database.writing() as work:
        work.add(AuditEntry(
            at=world.centre.clock(), actor_kind="house", actor_id="house", actor_name="x", action="x", object_kind="x",
            object_id="x",
        ))
    status, said = await verified("--data", world.centre.settings.data)
    assert status == 0
    assert "还有 1 条尚未入链" in said
    assert "1 entries are not chained yet" in said
