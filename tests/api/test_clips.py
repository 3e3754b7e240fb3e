"""Clips: taken, kept in the chain and with the case, shown to who may see faces, and gone with their evidence."""

import io
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import av
import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.accounts.permissions import Role
from api.evidence import video as video_module
from api.evidence.cli import app
from api.evidence.deletion import keep_to_retention
from api.evidence.export import FORM
from api.kit.times import now
from contract.countersigning import CentreWord
from contract.evidence import Manifest
from contract.verify_clip import CLIP_CENTRE
from tests.api.acts import done
from tests.api.test_evidence_export import run
from tests.api.world import CLIP_S, VIDEO_FPS, EdgeBox, World, jpeg, problem_code, video


async def box_with_violation(world: World) -> tuple[EdgeBox, Manifest]:
    box = await world.edge(await world.place())
    return box, await told_of(box)


async def told_of(box: EdgeBox) -> Manifest:
    """One more violation."""
    manifest = box.manifest()
    assert (await box.send(manifest)).status_code == 201
    box.sequence, box.previous = manifest.sequence, manifest.digest()
    return manifest


def stored(world: World) -> list[Path]:
    return sorted((world.centre.settings.data / "files").rglob("clip-*"))


async def of_case(client: httpx.AsyncClient, case_id: int = 1) -> dict[str, Any]:
    case: dict[str, Any] = (await client.get(f"/api/v1/cases/{case_id}")).json()
    return case


async def looks(world: World) -> list[dict[str, Any]]:
    auditor = await world.person(Role.AUDITOR)
    items = (await auditor.get("/api/v1/audit")).json()["items"]
    return [item for item in items if item["action"] == "evidence.read"]


class TestReceipt:
    async def test_it_joins_the_case_of_its_violation(self, any_world: World):
        box, manifest = await box_with_violation(any_world)
        answer = await box.send_clip(box.clip_manifest(manifest, video()), video())
        assert (answer.status_code, answer.json()) == (201, {"violation_id": str(manifest.violation_id), "case_id": 1})
        case = await of_case(await any_world.person())
        clip = case["evidence"][0]["clip"]
        assert (clip["sequence"], clip["chain"], clip["codec"], clip["missing"]) == (2, "whole", "h264", None)
        assert case["observations"] == 1

    async def test_again_gets_the_same_answer(self, any_world: World):
        box, manifest = await box_with_violation(any_world)
        clip = box.clip_manifest(manifest, video())
        answers = [await box.send_clip(clip, video()) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [201, 200]
        assert answers[0].json() == answers[1].json()

    async def test_the_word_that_there_is_none(self, world: World):
        box, manifest = await box_with_violation(world)
        assert (await box.send_clip(box.clip_manifest(manifest))).status_code == 201
        clip = (await of_case(await world.person()))["evidence"][0]["clip"]
        assert (clip["missing"], clip["url"]) == ("stopped", None)
        assert stored(world) == []

    async def test_a_violation_that_overtook_a_clip_is_whole_once_it_has_come(self, any_world: World):
        box, manifest = await box_with_violation(any_world)
        clip = box.clip_manifest(manifest, video())
        box.sequence, box.previous = clip.sequence, clip.digest()
        await box.report()
        officer = await any_world.person()
        assert (await of_case(officer, 2))["evidence"][0]["chain"] == "gap"
        await box.send_clip(clip, video())
        assert (await of_case(officer, 2))["evidence"][0]["chain"] == "whole"

    async def test_another_clip_of_the_same_violation(self, world: World):
        box, manifest = await box_with_violation(world)
        await box.send_clip(box.clip_manifest(manifest, video()), video())
        answer = await box.send_clip(box.clip_manifest(manifest, video(seconds=1)), video(seconds=1))
        assert (answer.status_code, problem_code(answer)) == (409, "idempotency-key-reused")
        assert len(stored(world)) == 1

    async def test_before_its_violation(self, world: World):
        box = await world.edge(await world.place())
        answer = await box.send_clip(box.clip_manifest(box.manifest(), video()), video())
        assert (answer.status_code, problem_code(answer)) == (409, "no-such-violation")

    async def test_of_another_edges_violation_is_as_if_there_were_none(self, world: World):
        _, manifest = await box_with_violation(world)
        other = await world.edge(await world.place("Other"))
        answer = await other.send_clip(other.clip_manifest(manifest, video()), video())
        assert (answer.status_code, problem_code(answer)) == (409, "no-such-violation")

    async def test_after_its_evidence_was_deleted_nothing_of_it_is_kept(self, world: World):
        box, manifest = await box_with_violation(world)
        chief = await world.person(Role.CHIEF)
        await chief.post("/api/v1/cases/1/evidence/delete", json={"reason": "Court."})
        answer = await box.send_clip(box.clip_manifest(manifest, video()), video())
        assert answer.status_code == 201
        assert stored(world) == []


class TestShared:
    """Of what happened within seconds an edge sends one clip, with the first violation."""

    async def test_the_clip_of_the_violation_before_is_taken(self, any_world: World):
        box = await any_world.edge(await any_world.place())
        await box.report_with_clip(video())
        answer = await box.send_clip(box.clip_manifest(await told_of(box), video(), moment_s=1.0))
        assert answer.status_code == 201
        assert [path.read_bytes() for path in stored(any_world)] == [video()] * 2
        officer = await any_world.person()
        clip = (await of_case(officer, 2))["evidence"][0]["clip"]
        assert (clip["moment_s"], clip["chain"]) == (1.0, "whole")
        assert (await officer.get(clip["url"])).content == video()

    @pytest.mark.parametrize("seconds", [1, 3])
    async def test_another_one_has_to_be_sent(self, world: World, seconds: int):
        """Also where it is that of the clip before the last one: an edge tells of those that share one after the other."""
        box = await world.edge(await world.place())
        await box.report_with_clip(video(seconds=1), duration_s=1.0)
        await box.report_with_clip(video())
        manifest = await told_of(box)
        answer = await box.send_clip(box.clip_manifest(manifest, video(seconds=seconds), duration_s=float(seconds)))
        assert (answer.status_code, problem_code(answer)) == (422, "bad-seal")

    async def test_what_another_edge_has_sent_is_not_given_away(self, world: World):
        box = await world.edge(await world.place())
        await box.report_with_clip(video())
        other = await world.edge(await world.place("Other"))
        manifest = await told_of(other)
        answer = await other.send_clip(other.clip_manifest(manifest, video()))
        assert (answer.status_code, problem_code(answer)) == (422, "bad-seal")

    async def test_what_was_deleted_has_to_be_sent_again(self, world: World):
        box = await world.edge(await world.place())
        await box.report_with_clip(video())
        chief = await world.person(Role.CHIEF)
        await chief.post("/api/v1/cases/1/evidence/delete", json={"reason": "Court."})
        manifest = await told_of(box)
        clip = box.clip_manifest(manifest, video())
        assert problem_code(await box.send_clip(clip)) == "bad-seal"
        assert (await box.send_clip(clip, video())).status_code == 201


class TestRefusal:
    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"snapshot": "1" * 64}, "bad-seal"), ({"edge_id": "somebody"}, "bad-seal"), ({"sequence": 2**40}, "invalid"),
            ({"codec": "hevc"}, "not-a-clip"), ({"duration_s": 9.0}, "not-a-clip"), ({"moment_s": 3.0}, "not-a-clip"),
        ],
    )
    async def test_a_manifest_that_does_not_fit(self, world: World, changes: dict[str, Any], code: str):
        box, manifest = await box_with_violation(world)
        answer = await box.send_clip(box.clip_manifest(manifest, video(), **changes), video())
        assert (answer.status_code, problem_code(answer)) == (422, code)
        assert stored(world) == []

    async def test_a_seal_of_another_key(self, world: World):
        box, manifest = await box_with_violation(world)
        answer = await box.send_clip(
            box.clip_manifest(manifest, video()), video(), signed_by=Ed25519PrivateKey.generate()
        )
        assert (answer.status_code, problem_code(answer)) == (422, "bad-seal")

    @pytest.mark.parametrize("sent", [None, video(seconds=1)], ids=["nothing", "another file"])
    async def test_another_file_than_the_sealed_one(self, world: World, sent: bytes | None):
        box, manifest = await box_with_violation(world)
        answer = await box.send_clip(box.clip_manifest(manifest, video()), sent)
        assert (answer.status_code, problem_code(answer)) == (422, "bad-seal")

    @pytest.mark.parametrize(
        "content",
        [
            b"", b"<script>alert(1)</script>", jpeg(), b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n",
            b"ffconcat version 1.0\nfile '/etc/passwd'\n", video()[:200], video() + bytes(200_000),
            video("mpeg4"), video(seconds=61),
        ],
        ids=["empty", "script", "picture", "playlist", "list of files", "cut off", "with a tail", "MPEG-4", "too long"],
    )
    async def test_what_is_no_clip(self, world: World, content: bytes):
        box, manifest = await box_with_violation(world)
        answer = await box.send_clip(box.clip_manifest(manifest, content), content)
        assert (answer.status_code, problem_code(answer)) == (422, "not-a-clip")
        assert stored(world) == []

    async def test_a_picture_larger_than_any_camera_s(self, world: World):
        box, manifest = await box_with_violation(world)
        world.centre.settings.picture_side_px = 60
        answer = await box.send_clip(box.clip_manifest(manifest, video()), video())
        assert (answer.status_code, problem_code(answer)) == (422, "not-a-clip")

    async def test_one_that_takes_too_long_ends_its_own_process_only(self, world: World, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(video_module, "TOOL", "tests.api.greedy")
        box, manifest = await box_with_violation(world)
        answer = await box.send_clip(box.clip_manifest(manifest, video()), video())
        assert (answer.status_code, problem_code(answer)) == (422, "not-a-clip")

    async def test_too_large(self, world: World):
        box, manifest = await box_with_violation(world)
        content = bytes(35_000_000)
        answer = await box.send_clip(box.clip_manifest(manifest, content), content)
        assert (answer.status_code, problem_code(answer)) == (413, "too-large")

    async def test_a_key_that_is_not_the_violations(self, world: World):
        box, manifest = await box_with_violation(world)
        answer = await box.send_clip(box.clip_manifest(manifest, video()), video(), key=uuid4())
        assert (answer.status_code, problem_code(answer)) == (422, "invalid")


class TestReading:
    async def test_in_the_review(self, world: World):
        box = await world.edge(await world.place())
        manifest = await box.report_with_clip(video())
        reviewer = await world.person(Role.REVIEWER)
        answer = await reviewer.get(f"/api/v1/evidence/{manifest.violation_id}/clip.mp4")
        assert (answer.status_code, answer.headers["content-type"], answer.content) == (200, "video/mp4", video())
        assert [(look["detail"]["file"], look["detail"]["faces"]) for look in await looks(world)] == [("clip.mp4", True)]

    async def test_outside_the_review_only_for_a_reason(self, world: World):
        box = await world.edge(await world.place())
        manifest = await box.report_with_clip(video())
        officer = await world.person()
        await done(officer, 1, "confirm")
        address = f"/api/v1/evidence/{manifest.violation_id}/clip.mp4"
        refused = await officer.get(address)
        assert (refused.status_code, problem_code(refused)) == (422, "reason-needed")
        assert (await officer.get(address, params={"reason": "Objection."})).status_code == 200
        assert [look["reason"] for look in await looks(world)] == ["Objection."]

    @pytest.mark.parametrize("name", ["clip.mp4", "clip-preview.mp4"])
    async def test_never_for_the_shop(self, world: World, name: str):
        place = await world.place()
        box = await world.edge(place)
        manifest = await box.report_with_clip(video("libx265"), codec="hevc")
        officer = await world.person()
        await done(officer, 1, "confirm", "issue")
        owner = await world.person(Role.STORE_OWNER, place=place)
        answer = await owner.get(f"/api/v1/evidence/{manifest.violation_id}/{name}", params={"reason": "Mine."})
        assert (answer.status_code, problem_code(answer)) == (403, "forbidden")
        clip = (await of_case(owner))["evidence"][0]["clip"]
        assert (clip["url"], clip["preview_url"]) == (None, None)

    @pytest.mark.parametrize(
        ("asked", "status", "begin", "end"),
        [
            ("bytes=0-", 206, 0, None), ("bytes=10-19", 206, 10, 20), ("bytes=-5", 206, -5, None),
            ("bytes=0-9,20-29", 200, 0, None), ("pages=1-2", 200, 0, None),
        ],
    )
    async def test_in_parts(self, world: World, asked: str, status: int, begin: int, end: int | None):
        box = await world.edge(await world.place())
        manifest = await box.report_with_clip(video())
        reviewer = await world.person(Role.REVIEWER)
        answer = await reviewer.get(f"/api/v1/evidence/{manifest.violation_id}/clip.mp4", headers={"Range": asked})
        assert (answer.status_code, answer.content) == (status, video()[begin:end])
        if status == 206:
            first = begin % len(video())
            assert answer.headers["content-range"] == f"bytes {first}-{first + len(answer.content) - 1}/{len(video())}"

    async def test_a_part_that_is_not_there(self, world: World):
        box = await world.edge(await world.place())
        manifest = await box.report_with_clip(video())
        reviewer = await world.person(Role.REVIEWER)
        address = f"/api/v1/evidence/{manifest.violation_id}/clip.mp4"
        answer = await reviewer.get(address, headers={"Range": f"bytes={len(video())}-"})
        assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{len(video())}")
        changed = await reviewer.get(address, headers={"Range": "bytes=0-9", "If-Range": '"another"'})
        assert (changed.status_code, changed.content) == (200, video())

    async def test_its_manifest(self, world: World):
        box = await world.edge(await world.place())
        manifest = await box.report_with_clip()
        officer = await world.person()
        answer = await officer.get(f"/api/v1/evidence/{manifest.violation_id}/clip.json")
        assert answer.json()["manifest"]["missing"] == "stopped"
        assert (await officer.get(f"/api/v1/evidence/{manifest.violation_id}/clip.mp4")).status_code == 404

    async def test_one_that_was_changed_in_the_store(self, world: World):
        box = await world.edge(await world.place())
        manifest = await box.report_with_clip(video())
        stored(world)[0].write_bytes(video(seconds=1))
        answer = await (await world.person()).get(f"/api/v1/evidence/{manifest.violation_id}/clip.mp4")
        assert (answer.status_code, problem_code(answer)) == (422, "bad-seal")


class TestPreview:
    async def test_of_h265_is_h264_and_says_what_it_is(self, world: World):
        box = await world.edge(await world.place())
        content = video("libx265", width=1280, height=720)
        manifest = await box.report_with_clip(content, codec="hevc")
        reviewer = await world.person(Role.REVIEWER)
        answer = await reviewer.get(f"/api/v1/evidence/{manifest.violation_id}/clip-preview.mp4")
        assert answer.status_code == 200
        with av.open(io.BytesIO(answer.content)) as container:
            stream = container.streams.video[0]
            assert (stream.codec_context.codec.canonical_name, stream.width) == ("h264", 960)
            pictures = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
        assert len(pictures) == pytest.approx(CLIP_S * VIDEO_FPS, abs=2)
        # The source is of one shade everywhere; what stands out is the mark.
        assert all(picture[-40:, :400].std() > 5 > picture[:400].std() for picture in pictures)
        original = await reviewer.get(f"/api/v1/evidence/{manifest.violation_id}/clip.mp4")
        assert original.content == content

    async def test_it_is_made_once(self, world: World, monkeypatch: pytest.MonkeyPatch):
        box = await world.edge(await world.place())
        manifest = await box.report_with_clip(video("libx265"), codec="hevc")
        reviewer = await world.person(Role.REVIEWER)
        address = f"/api/v1/evidence/{manifest.violation_id}/clip-preview.mp4"
        first = await reviewer.get(address)
        monkeypatch.setattr(video_module, "TOOL", "no.such.tool")
        assert (await reviewer.get(address)).content == first.content

    async def test_there_is_none_of_what_browsers_play(self, world: World):
        box = await world.edge(await world.place())
        manifest = await box.report_with_clip(video())
        answer = await (await world.person()).get(f"/api/v1/evidence/{manifest.violation_id}/clip-preview.mp4")
        assert (answer.status_code, problem_code(answer)) == (404, "not-found")


class TestKeeping:
    async def test_it_goes_with_its_evidence(self, world: World):
        box = await world.edge(await world.place())
        manifest = await box.report_with_clip(video("libx265"), codec="hevc")
        reviewer = await world.person(Role.REVIEWER)
        await reviewer.get(f"/api/v1/evidence/{manifest.violation_id}/clip-preview.mp4")
        assert len(stored(world)) == 2
        chief = await world.person(Role.CHIEF)
        await chief.post("/api/v1/cases/1/evidence/delete", json={"reason": "Court."})
        assert stored(world) == []
        answer = await reviewer.get(f"/api/v1/evidence/{manifest.violation_id}/clip.mp4")
        assert answer.status_code == 404

    async def test_retention_and_legal_hold_reach_it(self, world: World):
        box = await world.edge(await world.place())
        await box.report_with_clip(video())
        chief = await world.person(Role.CHIEF)
        await done(chief, 1, "dismiss", reason="test")
        await chief.post("/api/v1/cases/1/holds/set", json={"reason": "Court."})
        world.centre.clock = lambda: now() + timedelta(days=400)
        await keep_to_retention(world.centre)
        assert len(stored(world)) == 1
        await chief.post("/api/v1/cases/1/holds/lift", json={"reason": "Done."})
        await keep_to_retention(world.centre)
        assert stored(world) == []

    async def test_its_place_in_the_chain_stays(self, world: World, tmp_path: Path):
        place = await world.place()
        box = await world.edge(place)
        await box.report_with_clip(video())
        await box.report()
        chief = await world.person(Role.CHIEF)
        await chief.post("/api/v1/cases/1/evidence/delete", json={"reason": "Court."})
        answer = await chief.get(f"/api/v1/cameras/{place.camera_id}/evidence-chain")
        (tmp_path / "chain.json").write_bytes(answer.content)
        result = run(app, ["verify", str(tmp_path / "chain.json")])
        assert (result.exit_code, "Number 2: lawfully deleted by" in result.output) == (0, True)


class TestExport:
    async def test_a_case_with_its_clip_holds(self, any_world: World, tmp_path: Path):
        box = await any_world.edge(await any_world.place())
        await box.report_with_clip(video())
        answer = await (await any_world.person()).get("/api/v1/cases/1/evidence", params={"reason": "Court."})
        (tmp_path / "case.zip").write_bytes(answer.content)
        result = run(app, ["verify", str(tmp_path / "case.zip")])
        assert (result.exit_code, "The clip holds: 2.0 s" in result.output) == (0, True)

    async def test_the_centre_signs_it_on_receipt_and_at_each_review(self, world: World):
        box = await world.edge(await world.place())
        await box.report_with_clip(video())
        officer = await world.person()
        await done(officer, 1, "confirm")
        answer = await officer.get("/api/v1/cases/1/evidence", params={"reason": "Court."})
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            (name,) = (name for name in archive.namelist() if name.endswith(f"/{CLIP_CENTRE}"))
            word = CentreWord.model_validate_json(archive.read(name))
        assert [one.statement.act for one in word.statements] == ["received", "confirm"]

    async def test_the_draft_lists_it(self, world: World, tmp_path: Path):
        box = await world.edge(await world.place())
        await box.report_with_clip(video())
        other = await world.edge(await world.place("Other"))
        await other.report_with_clip()
        officer = await world.person()
        why = "视频片段：无。原因（边缘设备签名说明）：边缘端停止运行"
        for case_id, words in ((1, "时长 2.0 秒，违规时刻在第 0.5 秒"), (2, why)):
            answer = await officer.get(f"/api/v1/cases/{case_id}/evidence", params={"reason": "Court."})
            path = tmp_path / f"{case_id}.zip"
            path.write_bytes(answer.content)
            form = zipfile.ZipFile(path).read(FORM).decode()
            assert words in form
            assert ("<td>clip.mp4</td>" in form) == (case_id == 1)

    async def test_a_chain_with_clips_holds(self, any_world: World, tmp_path: Path):
        place = await any_world.place()
        box = await any_world.edge(place)
        await box.report_with_clip(video())
        await box.report_with_clip()
        answer = await (await any_world.person()).get(f"/api/v1/cameras/{place.camera_id}/evidence-chain")
        (tmp_path / "chain.json").write_bytes(answer.content)
        result = run(app, ["verify", str(tmp_path / "chain.json")])
        assert (result.exit_code, "All 4 records are signed, and the chain of 4" in result.output) == (0, True)
