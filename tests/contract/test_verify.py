"""What `sunshine evidence verify` finds: every flipped byte, a removed link, another's signature, a fork."""

import base64
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from api.evidence.cli import app
from contract.evidence import (
    FIRST_OF_CHAIN,
    ClipFlaw,
    ClipManifest,
    Manifest,
    SealedClip,
    SealedManifest,
    file_digest,
    seal,
    seal_clip,
)
from contract.verify import Unreadable, read, verify
from contract.verify_chain import ChainExport
from tests.contract.test_evidence import FILES, KEY, make_manifest

PUBLIC = base64.b64encode(KEY.public_key().public_bytes_raw()).decode()


def package(key: Ed25519PrivateKey = KEY) -> dict[str, bytes]:
    return FILES | {"manifest.json": seal(make_manifest(), key).model_dump_json().encode(), "edge.pub": PUBLIC.encode()}


def link(sequence: int, previous: str, key: Ed25519PrivateKey = KEY, **changes: Any) -> SealedManifest:
    given = {"violation_id": uuid4(), "sequence": sequence, "previous": previous, **changes}
    return seal(make_manifest().model_copy(update=given), key)


def links(count: int) -> list[SealedManifest]:
    chain: list[SealedManifest] = []
    for number in range(1, count + 1):
        chain.append(link(number, chain[-1].manifest.digest() if chain else FIRST_OF_CHAIN))
    return chain


def chain(manifests: list[SealedManifest], camera_id: str = "cam-1") -> dict[str, bytes]:
    export = ChainExport(camera_id=camera_id, keys={"edge-1": PUBLIC}, manifests=manifests)
    return {"chain.json": export.model_dump_json().encode()}


def problems(files: dict[str, bytes], *trusted: str) -> list[str]:
    return [finding.en for finding in verify(files, trusted) if not finding.holds]


def test_a_whole_package_holds():
    assert problems(package()) == []
    assert problems(package(), PUBLIC) == []
    assert any("2 files hold: K01" in finding.en for finding in verify(package()))


@pytest.mark.parametrize(
    ("offset_s", "words"),
    [
        (None, "had not been compared"), (7200.0, "was 7200 s ahead of the centre's"),
        (-7200.0, "was 7200 s behind the centre's"), (3.0, None),
    ],
)
def test_whose_time_it_is(offset_s: float | None, words: str | None):
    manifest = make_manifest().model_copy(update={"clock_offset_s": offset_s})
    files = package() | {"manifest.json": seal(manifest, KEY).model_dump_json().encode()}
    told = [finding.en for finding in verify(files) if "That time" in finding.en]
    assert [words in one for one in told if words] == [True] * bool(words)


@pytest.mark.parametrize("year", [1, 9999])
def test_a_time_at_the_end_of_time_is_no_ground_to_fail(year: int):
    manifest = make_manifest().model_copy(update={"captured_at": datetime(year, 12, 31, 23, 0, tzinfo=UTC)})
    assert problems(package() | {"manifest.json": seal(manifest, KEY).model_dump_json().encode()}) == []


def test_one_flipped_byte_anywhere_is_found():
    whole = package()
    for name, content in whole.items():
        for at in range(len(content)):
            flipped = bytearray(content)
            flipped[at] ^= 1 << at % 7
            assert problems(whole | {name: bytes(flipped)}), (name, at, bytes(flipped))


def test_one_flipped_byte_of_a_chain_is_found():
    (content,) = chain(links(2)).values()
    for at in range(len(content)):
        flipped = bytearray(content)
        flipped[at] ^= 1 << at % 7
        assert problems({"chain.json": bytes(flipped)}), (at, bytes(flipped))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"overlay.jpg": None}, "names the files"),
        ({"more.jpg": b"more"}, "names the files"),
        ({"edge.pub": None}, "public key of the edge is missing"),
        ({"manifest.json": package(Ed25519PrivateKey.generate())["manifest.json"]}, "not made by this edge's key"),
        ({"elsewhere/a.jpg": b"a"}, "belongs to no evidence"),
    ],
)
def test_what_is_wrong_with_a_package_is_said(changed: dict[str, bytes | None], words: str):
    files = {name: content for name, content in (package() | changed).items() if content is not None}
    assert any(words in problem for problem in problems(files))


def test_a_key_that_nobody_trusts_is_told():
    other = base64.b64encode(Ed25519PrivateKey.generate().public_key().public_bytes_raw()).decode()
    assert any("none of those that you trust" in problem for problem in problems(package(), other))


def test_forms_for_people_are_no_part_of_the_seal():
    files = {f"1/{name}": content for name, content in package().items()} | {"read.txt": b"", "1/form.html": b""}
    assert problems(files) == []
    # Nobody is to think that they were checked.
    assert {finding.about for finding in verify(files) if "not sealed" in finding.en} == {"read.txt", "1/form.html"}


def test_a_whole_chain_holds():
    assert problems(chain(links(5))) == []
    assert any("All 5 records are signed, and the chain of 5 has no gap." in finding.en for finding in verify(chain(links(5))))


def test_a_removed_link_is_found():
    manifests = links(5)
    assert problems(chain([*manifests[:2], *manifests[3:]])) == ["Number 3 is missing."]
    assert problems(chain(manifests[1:])) == ["Number 1 is missing."]


def test_a_number_that_no_chain_has_keeps_nobody_waiting():
    manifests = links(2)
    far = link(2**53 - 1, manifests[1].manifest.digest())
    assert problems(chain([*manifests, far])) == ["Number 3 is missing."]


@pytest.mark.parametrize("changes", [{"track": 2**53}, {"camera_time_s": float("nan")}], ids=["integer", "not-a-number"])
def test_a_number_that_has_no_canonical_form_is_told(changes: dict[str, Any]):
    manifests = links(1)
    impossible = manifests[0].model_copy(update={"manifest": manifests[0].manifest.model_copy(update=changes)})
    files = chain([impossible])
    files = {"chain.json": files["chain.json"].replace(b'"camera_time_s":null', b'"camera_time_s":NaN')}
    assert "It holds a number that cannot be: it was changed." in problems(files)


def test_a_link_that_was_put_in_another_place_is_found():
    manifests = links(3)
    forged = link(2, "1" * 64)
    assert problems(chain([manifests[0], forged, manifests[2]])) == [
        "Number 2 does not follow the one before it.", "Number 3 does not follow the one before it.",
    ]


def test_anothers_signature_is_found():
    manifests = links(3)
    forged = seal(manifests[1].manifest, Ed25519PrivateKey.generate())
    assert problems(chain([manifests[0], forged, manifests[2]])) == ["Number 2 was not signed by this edge."]


def test_records_whose_key_was_taken_out_of_the_file_are_found():
    export = ChainExport(camera_id="cam-1", keys={}, manifests=links(1))
    assert problems({"chain.json": export.model_dump_json().encode()}) == ["Number 1 was not signed by this edge."]


def test_a_fork_is_found():
    manifests = links(3)
    other = link(2, manifests[0].manifest.digest(), track=9)
    assert problems(chain([*manifests, other])) == ["There are 2 different records with number 2: the chain forks."]


def test_another_cameras_record_is_found():
    assert problems(chain(links(1), camera_id="cam-2")) == ["Number 1 is of another camera."]


def test_a_zip_and_a_folder_are_read_alike(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "case.zip", "w") as archive:
        for name, content in package().items():
            archive.writestr(f"1/{name}", content)
            (tmp_path / "folder" / "1").mkdir(parents=True, exist_ok=True)
            (tmp_path / "folder" / "1" / name).write_bytes(content)
    assert read(tmp_path / "case.zip") == read(tmp_path / "folder")


def test_a_damaged_zip_is_told(tmp_path: Path):
    path = tmp_path / "case.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("1/original.jpg", b"picture" * 50)
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    with pytest.raises(Unreadable, match="damaged"):
        read(path)


def test_a_zip_that_was_made_to_fill_the_memory_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with zipfile.ZipFile(tmp_path / "case.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(10):
            archive.writestr(f"1/{number}.jpg", bytes(10 * 2**20))
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda *_: pytest.fail("it was read"))
    with pytest.raises(Unreadable, match="would unpack to 100 MiB"):
        read(tmp_path / "case.zip")


def test_evidence_that_was_packed_once_more_is_read(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "case.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in package().items():
            archive.writestr(f"1/{name}", content)
    assert read(tmp_path / "case.zip").keys() == {f"1/{name}" for name in package()}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["1/original.jpg", "1/./original.jpg"])
def test_a_zip_with_two_files_of_one_name_is_told(tmp_path: Path, name: str):
    """Who unpacks it might be shown the other one than was checked."""
    with zipfile.ZipFile(tmp_path / "case.zip", "w") as archive:
        archive.writestr(name, b"forged")
        for file, content in package().items():
            archive.writestr(f"1/{file}", content)
    with pytest.raises(Unreadable, match=r"1/original\.jpg twice"):
        read(tmp_path / "case.zip")


def test_what_is_in_the_evidence_cannot_speak_for_the_check(tmp_path: Path):
    """A name, or what somebody signed, may hold line breaks, and signs that make a terminal take lines back."""
    for name, content in package().items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "x\n  + All of it holds.\x1b[2K\u202e.txt").write_text("")
    told = CliRunner().invoke(app, ["verify", str(tmp_path)]).output
    assert r"x\n  + All of it holds.\x1b[2K\u202e.txt" in told
    assert "\n  + All of it holds." not in told
    assert "\x1b" not in told
    assert "核验通过" in told


def test_what_holds_no_evidence_is_told(tmp_path: Path):
    (tmp_path / "note.txt").write_text("hello")
    with pytest.raises(Unreadable, match="no evidence"):
        verify(read(tmp_path))


SNAPSHOT = make_manifest()


def clip_manifest(snapshot: Manifest = SNAPSHOT, **changes: Any) -> ClipManifest:
    given = {
        "violation_id": snapshot.violation_id, "snapshot": snapshot.digest(), "edge_id": snapshot.edge_id,
        "camera_id": snapshot.camera_id, "sequence": snapshot.sequence + 1, "previous": snapshot.digest(),
        "software_version": "0.1.0", "codec": "h264", "duration_s": 15.2, "moment_s": 5.2,
        "files": {"clip.mp4": file_digest(b"clip")},
    }
    return ClipManifest.model_validate(given | changes)


def missing_clip(**changes: Any) -> ClipManifest:
    return clip_manifest(codec=None, duration_s=None, moment_s=None, files={}, missing=ClipFlaw.STOPPED, **changes)


def package_with_clip(manifest: ClipManifest | None = None, key: Ed25519PrivateKey = KEY) -> dict[str, bytes]:
    manifest = manifest or clip_manifest()
    files = FILES | {"manifest.json": seal(SNAPSHOT, KEY).model_dump_json().encode(), "edge.pub": PUBLIC.encode()}
    files["clip.json"] = seal_clip(manifest, key).model_dump_json().encode()
    return files | ({"clip.mp4": b"clip"} if manifest.files else {})


class TestClip:
    def test_a_whole_one_holds(self):
        findings = verify(package_with_clip(clip_manifest(ends_early=ClipFlaw.MEMORY)), [PUBLIC])
        assert all(finding.holds for finding in findings)
        said = "The clip holds: 15.2 s, the moment at 5.2 s, number 2. It ends early: it did not fit into the memory of the edge."
        assert any(said in finding.en and "违规时刻在第 5.2 秒" in finding.zh for finding in findings)

    def test_one_that_is_missing_is_told(self):
        findings = verify(package_with_clip(missing_clip()))
        assert all(finding.holds for finding in findings)
        assert any("no clip, and the edge has signed why: the edge was stopped" in finding.en for finding in findings)

    def test_one_that_has_not_come_is_told(self):
        assert any("No clip has come with it." in finding.en for finding in verify(package()))

    def test_one_flipped_byte_anywhere_is_found(self):
        whole = package_with_clip()
        for name in ("clip.json", "clip.mp4"):
            for at in range(len(whole[name])):
                flipped = bytearray(whole[name])
                flipped[at] ^= 1 << at % 7
                assert problems(whole | {name: bytes(flipped)}), (name, at, bytes(flipped))

    @pytest.mark.parametrize(
        ("files", "words"),
        [
            ({**package_with_clip(), "clip.mp4": None}, "names the files ['clip.mp4'], but [] are there"),
            ({**package_with_clip(), "clip.json": None}, "a clip without its manifest"),
            ({**package_with_clip(missing_clip()), "clip.mp4": b"clip"}, "names the files []"),
            (package_with_clip(key=Ed25519PrivateKey.generate()), "not made by this edge's key"),
            (package_with_clip(clip_manifest(snapshot=make_manifest())), "belongs to another violation"),
            (package_with_clip(clip_manifest(camera_id="cam-2")), "belongs to another violation"),
        ],
    )
    def test_what_is_wrong_with_it_is_said(self, files: dict[str, bytes | None], words: str):
        assert any(words in problem for problem in problems({name: one for name, one in files.items() if one is not None}))


class TestChainWithClips:
    def export(self, clips: list[SealedClip], *snapshots: SealedManifest) -> dict[str, bytes]:
        export = ChainExport(camera_id="cam-1", keys={"edge-1": PUBLIC}, manifests=list(snapshots), clips=clips)
        return {"chain.json": export.model_dump_json().encode()}

    def three(self) -> tuple[SealedManifest, SealedClip, SealedManifest]:
        first = link(1, FIRST_OF_CHAIN)
        clip = seal_clip(clip_manifest(first.manifest), KEY)
        return first, clip, link(3, clip.manifest.digest())

    def test_a_whole_one_holds(self):
        first, clip, last = self.three()
        files = self.export([clip], first, last)
        assert problems(files) == []
        assert any("All 3 records are signed, and the chain of 3 has no gap." in finding.en for finding in verify(files))

    def test_a_removed_clip_is_found(self):
        first, _, last = self.three()
        assert problems(self.export([], first, last)) == ["Number 2 is missing."]

    def test_a_fork_is_found(self):
        first, clip, last = self.three()
        other = seal_clip(clip.manifest.model_copy(update={"moment_s": 4.0}), KEY)
        assert problems(self.export([clip, other], first, last)) == [
            "There are 2 different records with number 2: the chain forks."
        ]

    def test_one_flipped_byte_is_found(self):
        first, clip, _ = self.three()
        (content,) = self.export([clip], first).values()
        for at in range(content.index(b'"clips"'), len(content)):
            flipped = bytearray(content)
            flipped[at] ^= 1 << at % 7
            assert problems({"chain.json": bytes(flipped)}), (at, bytes(flipped))

    def test_a_clip_of_a_violation_that_is_not_there_is_found(self):
        first, _, _ = self.three()
        stray = seal_clip(clip_manifest(make_manifest(), previous=first.manifest.digest()), KEY)
        assert problems(self.export([stray], first)) == ["Number 2 is the clip of a violation that is not in the chain."]
