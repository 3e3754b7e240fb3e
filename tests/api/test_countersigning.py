"""The centre's own word about evidence: signed on receipt, at each review and at the end, with a key that is its own."""

import io
import json
import zipfile
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from typer.testing import CliRunner

from api.accounts.permissions import Role
from api.evidence.cli import app
from api.evidence.countersigning import centre_key, rotate_keys
from api.evidence.tables import CentreKey
from api.kit.secrets import Keyring
from contract.countersigning import CentreWord, SignedStatement
from contract.signing import write_key
from contract.verify_chain import ChainExport
from tests.api.acts import done
from tests.api.world import EdgeBox, World

run = CliRunner().invoke


async def exported(client: httpx.AsyncClient, case_id: int) -> bytes:
    answer = await client.get(f"/api/v1/cases/{case_id}/evidence", params={"reason": "court"})
    assert answer.status_code == 200, answer.text
    return answer.content


def statements(package: bytes) -> list[SignedStatement]:
    """Of the first observation in the ZIP."""
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        name = min(name for name in archive.namelist() if name.endswith("centre.json"))
        return CentreWord.model_validate_json(archive.read(name)).statements


async def chain(client: httpx.AsyncClient, camera_id: str) -> bytes:
    answer = await client.get(f"/api/v1/cameras/{camera_id}/evidence-chain")
    assert answer.status_code == 200, answer.text
    return answer.content


async def published(world: World) -> list[str]:
    return [key["public_key"] for key in (await world.client().get("/api/v1/evidence-keys")).json()["items"]]


def verified(path: Path, content: bytes, *keys: str) -> tuple[int, str]:
    path.write_bytes(content)
    result = run(app, ["verify", str(path), *(part for key in keys for part in ("--centre-key", key))])
    return result.exit_code, result.output


async def taken_over(world: World, box: EdgeBox) -> EdgeBox:
    """The box is revoked, and another one joins for the same shop."""
    admin = await world.person(Role.ADMIN)
    assert (await admin.post(f"/api/v1/edges/{box.id}/revoke")).status_code == 200
    new = await world.edge(box.place)
    new.previous = (await new.config()).json()["cameras"][0]["chain_start"]
    return new


class TestStatements:
    async def test_on_receipt_and_at_each_review(self, any_world: World, tmp_path: Path):
        case_id = await any_world.case(await any_world.place())
        officer, chief = await any_world.person(), await any_world.person(Role.CHIEF)
        await done(officer, case_id, "dismiss", reason="not_staff")
        await done(officer, case_id, "undo", "confirm", "issue")
        await done(chief, case_id, "withdraw", reason="wrong_facts")
        package = await exported(officer, case_id)
        said = [(one.statement.act, one.statement.by, one.statement.ground) for one in statements(package)]
        assert said == [
            ("received", "Box", None), ("dismiss", "officer person", "not_staff"), ("undo", "officer person", None),
            ("confirm", "officer person", None), ("withdraw", "chief person", "wrong_facts"),
        ]
        status, output = verified(tmp_path / "case.zip", package, *await published(any_world))
        assert (status, "confirmed by officer person" in output) == (0, True), output

    async def test_all_observations_of_a_case(self, world: World):
        box = await world.edge(await world.place())
        case_id = (await box.report(track=7)).json()["case_id"]
        assert (await box.report(track=7)).json()["result"] == "joined_case"
        officer = await world.person()
        await done(officer, case_id, "confirm")
        with zipfile.ZipFile(io.BytesIO(await exported(officer, case_id))) as archive:
            words = [CentreWord.model_validate_json(archive.read(name)) for name in archive.namelist() if "centre.json" in name]
        assert [[one.statement.act for one in word.statements] for word in words] == [["received", "confirm"]] * 2

    async def test_are_never_changed(self, any_world: World):
        await any_world.case(await any_world.place())
        for change in ("UPDATE countersignatures SET number = 7", "DELETE FROM countersignatures"):
            async with any_world.centre.database.reading() as work:
                with pytest.raises(DBAPIError, match="append-only"):
                    await work.execute(text(change))

    async def test_an_act_that_fails_signs_nothing(self, world: World):
        case_id = await world.case(await world.place())
        officer = await world.person()
        answer = await officer.post(f"/api/v1/cases/{case_id}/merge", json={"into": case_id}, headers={"If-Match": '"1"'})
        assert answer.status_code == 422
        assert len(statements(await exported(officer, case_id))) == 1

    async def test_a_changed_one_is_told_on_the_page(self, world: World):
        case_id = await world.case(await world.place())
        async with world.centre.database.writing() as work:
            await work.execute(text("DROP TRIGGER countersignatures_no_update"))
            await work.execute(text("UPDATE countersignatures SET statement = replace(statement, 'Box', 'Bag')"))
        page = await (await world.person()).get(f"/cases/{case_id}", headers={"Accept-Language": "en"})
        assert "not what the edge box signed" in page.text


class TestTombstone:
    async def test_the_link_holds(self, any_world: World, tmp_path: Path):
        place = await any_world.place()
        box = await any_world.edge(place)
        cases = [(await box.report()).json()["case_id"] for _ in range(3)]
        chief = await any_world.person(Role.CHIEF)
        answer = await chief.post(f"/api/v1/cases/{cases[1]}/evidence/delete", json={"reason": "A child is in it."})
        assert answer.status_code == 204
        content = await chain(chief, place.camera_id)
        status, output = verified(tmp_path / "chain.json", content, *await published(any_world))
        assert (status, "Number 2: lawfully deleted by chief person" in output) == (0, True), output
        assert "A child is in it." in output
        export = ChainExport.model_validate_json(content)
        assert [sealed.manifest.sequence for sealed in export.manifests] == [1, 3]

    async def test_a_forged_one_does_not(self, world: World, tmp_path: Path):
        place = await world.place()
        box = await world.edge(place)
        case_id = (await box.report()).json()["case_id"]
        chief = await world.person(Role.CHIEF)
        await chief.post(f"/api/v1/cases/{case_id}/evidence/delete", json={"reason": "A child is in it."})
        document = json.loads(await chain(chief, place.camera_id))
        document["statements"][-1]["statement"]["ground"] = "retention"
        content = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
        status, output = verified(tmp_path / "chain.json", content)
        assert (status, "Number 1: Statement 2 of the centre was not signed" in output) == (1, True), output


class TestNewEdge:
    async def test_its_chain_names_the_last_hash_that_the_centre_knew(self, any_world: World, tmp_path: Path):
        place = await any_world.place()
        old = await any_world.edge(place)
        assert (await old.config()).json()["cameras"][0]["chain_start"] == "0" * 64
        await old.report()
        await old.report()
        new = await taken_over(any_world, old)
        assert new.previous == old.previous
        case_id = (await new.report()).json()["case_id"]
        officer = await any_world.person()
        assert (await officer.get(f"/api/v1/cases/{case_id}")).json()["evidence"][-1]["chain"] == "whole"
        status, output = verified(tmp_path / "chain.json", await chain(officer, place.camera_id), *await published(any_world))
        assert (status, f"names number 2 of {old.id}, the last before it" in output) == (0, True), output
        assert "The key was revoked at" in output

    async def test_also_where_the_last_was_deleted(self, world: World, tmp_path: Path):
        place = await world.place()
        old = await world.edge(place)
        case_id = (await old.report()).json()["case_id"]
        chief = await world.person(Role.CHIEF)
        await chief.post(f"/api/v1/cases/{case_id}/evidence/delete", json={"reason": "x"})
        new = await taken_over(world, old)
        await new.report()
        status, output = verified(tmp_path / "chain.json", await chain(chief, place.camera_id), *await published(world))
        assert (status, f"names number 1 of {old.id}" in output) == (0, True), output

    async def test_one_that_begins_anew_is_out_of_order(self, world: World, tmp_path: Path):
        place = await world.place()
        old = await world.edge(place)
        await old.report()
        new = await taken_over(world, old)
        new.previous = "0" * 64
        case_id = (await new.report()).json()["case_id"]
        officer = await world.person()
        assert (await officer.get(f"/api/v1/cases/{case_id}")).json()["evidence"][-1]["chain"] == "broken"
        status, output = verified(tmp_path / "chain.json", await chain(officer, place.camera_id))
        assert (status, "must name the last record" in output) == (1, True), output

    async def test_who_has_begun_is_told_how_far_it_has_come(self, any_world: World, tmp_path: Path):
        """A box whose disk was put back as it once was goes on from there: else its own honest chain would fork."""
        place = await any_world.place()
        box = await any_world.edge(place)
        before = (await box.config()).json()["version"]
        for _ in range(2):
            await box.report()
        config = (await box.config()).json()
        assert config["version"] == before, "each report would make the edge ask anew"
        (camera,) = config["cameras"]
        box.sequence, box.previous = camera["chain_length"], camera["chain_start"]
        await box.report()
        content = await chain(await any_world.person(), place.camera_id)
        status, output = verified(tmp_path / "chain.json", content, *await published(any_world))
        assert (status, "the chain of 3 has no gap" in output) == (0, True), output


class TestKey:
    async def test_is_made_once_and_published_to_everybody(self, any_world: World):
        assert await published(any_world) == []
        await any_world.case(await any_world.place())
        keys = await published(any_world)
        async with any_world.centre.database.writing() as work:
            assert [write_key((await centre_key(work, any_world.centre.keyring)).public_key())] == keys
        assert len(keys) == 1

    async def test_is_encrypted_at_rest_and_survives_new_keys(self, world: World):
        old = world.centre.keyring
        new = old.with_new_key()
        async with world.centre.database.writing() as work:
            key = await centre_key(work, old)
            assert await rotate_keys(work, old, new) == 1
            stored = (await work.scalars(select(CentreKey))).one()
            assert stored.private_encrypted.startswith(f"{new.current}.")
            again = await centre_key(work, new.only_current())
        assert again.private_bytes_raw() == key.private_bytes_raw()

    async def test_where_it_cannot_be_read_a_new_one_signs(self, world: World, tmp_path: Path):
        place = await world.place()
        box = await world.edge(place)
        await box.report()
        world.centre.__dict__["keyring"] = Keyring({"other": b"0" * 32}, "other")
        await box.report()
        assert len(await published(world)) == 2
        officer = await world.person()
        status, output = verified(tmp_path / "chain.json", await chain(officer, place.camera_id), *await published(world))
        assert status == 0, output

    async def test_one_that_was_rolled_back_signs_nothing(self, any_world: World):
        """It is kept in memory once it is in the database."""
        keyring = any_world.centre.keyring

        async def rolled_back() -> None:
            async with any_world.centre.database.writing() as work:
                await centre_key(work, keyring)
                await centre_key(work, keyring)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await rolled_back()
        assert await published(any_world) == []
        await any_world.case(await any_world.place())
        async with any_world.centre.database.reading() as work:
            assert [write_key((await centre_key(work, keyring)).public_key())] == await published(any_world)

    async def test_a_statement_of_one_that_the_centre_never_published_shows(self, world: World, monkeypatch: pytest.MonkeyPatch):
        """Who can write to the database can make a key and sign with it."""
        officer, case_id = await world.person(), await world.case(await world.place())
        page, officer.headers["Accept-Language"] = f"/cases/{case_id}", "en"
        whole = (await officer.get(page)).text

        async def another(_work: object) -> list[CentreKey]:
            return [CentreKey(public_key="another")]

        monkeypatch.setattr("api.evidence.countersigning.published_keys", another)
        words = "Do not judge on them; tell the administrator."
        assert (words in whole, words in (await officer.get(page)).text) == (False, True)
