"""Evidence as it is kept: shown to who may see it, every look recorded, its seal checked anew. What comes in: filing.py."""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import anyio
import anyio.to_thread

from api.accounts.actors import Actor
from api.accounts.permissions import Permission
from api.audit.service import record
from api.cases.states import CaseState
from api.cases.tables import Case
from api.edges.service import signing_key
from api.edges.tables import EdgeKind
from api.evidence import countersigning, repository
from api.evidence.blur import blurred
from api.evidence.tables import Clip, Evidence
from api.evidence.video import make_preview
from api.kit.database import Work
from api.kit.files import Files
from api.kit.not_found import or_not_found
from api.kit.problems import Invalid, NotFound
from api.kit.times import now
from contract.countersigning import SignedStatement
from contract.evidence import (
    CLIP,
    ClipManifest,
    FileDigest,
    Manifest,
    MarkedBox,
    SealedClip,
    SealedManifest,
    SealError,
    verify_seal,
)
from contract.verify_centre import problems_of
from contract.verify_clip import CLIP_MANIFEST

ORIGINAL, OVERLAY, MANIFEST, BLURRED = "original.jpg", "overlay.jpg", "manifest.json", "blurred.jpg"
# For browsers that do not play the clip itself.
PREVIEW = "clip-preview.mp4"
# Only the faces that the violation is about; what new weights learn from.
JUDGED = "judged.jpg"
# Of the stored file: one that was made in an earlier way is not shown any more.
_BLURRED_STORED, _PREVIEW_STORED = "blurred-2.jpg", ".preview-1.mp4"
PICTURES = (ORIGINAL, OVERLAY)
_WITHOUT_FACES = (BLURRED, MANIFEST, CLIP_MANIFEST)
# Each unfolds a whole picture, 100 MB of one in 8K: forty at once (anyio's default) would leave nothing for the evidence.
_blurred_at_once = anyio.CapacityLimiter(2)


class BadSeal(Invalid):
    code = "bad-seal"


class ReasonNeeded(Invalid):
    code = "reason-needed"


@dataclass(frozen=True)
class Wanted:
    """A file that somebody may see, and why they look at it where that is to be said."""

    evidence: Evidence
    name: str
    reason: str | None = None


@dataclass(frozen=True)
class EvidenceFile:
    case_id: int
    shop_id: str
    content: bytes
    media_type: str
    sha256: str
    # Faces can be recognised in it. `reason` says why somebody looks at it, where that is not the review itself.
    is_unblurred: bool = False
    reason: str | None = None


@dataclass(frozen=True)
class SealCheck:
    """`problem` is None where signature and all files hold; `statements` is what the centre has said of it."""

    problem: str | None
    checked_at: datetime
    statements: list[SignedStatement]


async def of_cases(work: Work, actor: Actor, case_ids: Sequence[int]) -> dict[int, list[Evidence]]:
    """The evidence of the cases that this actor may see, oldest first."""
    found: dict[int, list[Evidence]] = {case_id: [] for case_id in case_ids}
    for evidence in await repository.list_of_cases(work, actor, case_ids):
        found[evidence.case_id].append(evidence)
    return found


def is_in_review(actor: Actor, case: Case) -> bool:
    """Who judges a case sees it as it is; everybody else, everybody afterwards, and through any other program, without faces."""
    may_judge = actor.may(Permission.CASES_JUDGE) and actor.may(Permission.EVIDENCE_READ)
    return case.state is CaseState.PENDING_REVIEW and may_judge and actor.client is None


async def find_file(work: Work, actor: Actor, violation_id: str, name: str, reason: str | None) -> Wanted:
    """Whether this actor may see one file of a piece of evidence. Raises NotFound, or ReasonNeeded for a picture with faces
    outside the review."""
    actor.require(Permission.EVIDENCE_BLURRED if name == BLURRED else Permission.EVIDENCE_READ)
    evidence, reason = await _get(work, actor, violation_id), (reason or "").strip() or None
    if name in _WITHOUT_FACES:
        return Wanted(evidence, name)
    if reason is None and not is_in_review(actor, evidence.case):
        raise ReasonNeeded("Faces can be recognised in it. Say why you look at it: ?reason=…, or take blurred.jpg.")
    return Wanted(evidence, name, reason)


async def load_file(files: Files, wanted: Wanted) -> EvidenceFile:
    """What was found, not to be shown before `record_look`. Fetching it, and making what is made of it, may take long: no
    transaction should be open meanwhile. Raises NotFound, or BadSeal for a file that changed."""
    evidence, name = wanted.evidence, wanted.name
    if name == BLURRED:
        content = await _blurred(files, evidence)
        sha256 = hashlib.sha256(content).hexdigest()
        return EvidenceFile(evidence.case_id, evidence.case.shop_id, content, "image/jpeg", sha256)
    if name in (MANIFEST, CLIP_MANIFEST):
        sealed = (sealed_manifest(evidence) if name == MANIFEST else sealed_clip(evidence)).model_dump_json().encode()
        sha256 = hashlib.sha256(sealed).hexdigest()
        return EvidenceFile(evidence.case_id, evidence.case.shop_id, sealed, "application/json", sha256)
    if name in (CLIP, PREVIEW):
        content = await _clip(files, evidence) if name == CLIP else await _preview(files, evidence)
        sha256 = hashlib.sha256(content).hexdigest()
        return EvidenceFile(evidence.case_id, evidence.case.shop_id, content, "video/mp4", sha256, True, wanted.reason)
    content, digest = await _sealed_file(files, evidence, ORIGINAL if name == JUDGED else name)
    sha256 = digest.sha256
    if name == JUDGED:
        content = await anyio.to_thread.run_sync(blurred, content, _hidden(evidence), True, limiter=_blurred_at_once)
        sha256 = hashlib.sha256(content).hexdigest()
    return EvidenceFile(evidence.case_id, evidence.case.shop_id, content, "image/jpeg", sha256, True, wanted.reason)


async def _sealed_file(files: Files, evidence: Evidence, name: str) -> tuple[bytes, FileDigest]:
    digest = manifest_of(evidence).files.get(name)
    if name not in PICTURES or digest is None:
        raise NotFound("There is no such file in this evidence.")
    content = await files.get(f"{evidence.folder}/{name}")
    if hashlib.sha256(content).hexdigest() != digest.sha256:
        raise BadSeal("The file in the store is not the one that was sealed. Tell the administrator.")
    return content, digest


async def _blurred(files: Files, evidence: Evidence) -> bytes:
    """Made when it is first asked for, and kept beside the original."""
    with suppress(NotFound):
        return await files.get(f"{evidence.folder}/{_BLURRED_STORED}")
    original, _ = await _sealed_file(files, evidence, ORIGINAL)
    content = await anyio.to_thread.run_sync(blurred, original, _hidden(evidence), limiter=_blurred_at_once)
    await files.put(f"{evidence.folder}/{_BLURRED_STORED}", content)
    return content


def is_of_another(evidence: Evidence) -> bool:
    """Whether it came from a box of the shop's own."""
    return evidence.edge.kind is EdgeKind.ALARM_BOX


def _hidden(evidence: Evidence) -> Sequence[MarkedBox]:
    """Whose faces are hidden. In a picture of another's box nobody has looked for people, so all of it is."""
    manifest = manifest_of(evidence)
    if is_of_another(evidence):
        return [MarkedBox(kind="head", box=(0, 0, manifest.frame_width, manifest.frame_height), score=1.0)]
    return manifest.boxes


async def _clip(files: Files, evidence: Evidence) -> bytes:
    """As it was sealed. Raises NotFound, which says why there is none."""
    if evidence.clip is None:
        raise NotFound("The clip of this violation has not arrived.")
    named = clip_of(evidence.clip).files.get(CLIP)
    if named is None:
        raise NotFound("There is no clip of this violation; clip.json says why.")
    content = await files.get(stored_clip(evidence.folder, evidence.clip.digest))
    if hashlib.sha256(content).hexdigest() != named.sha256:
        raise BadSeal("The clip in the store is not the one that was sealed. Tell the administrator.")
    return content


async def _preview(files: Files, evidence: Evidence) -> bytes:
    """Of a clip that browsers do not play: made when it is first asked for, and kept beside it."""
    clip = evidence.clip
    if clip is None or clip_of(clip).codec != "hevc":
        raise NotFound("There is no preview: either there is no clip, or browsers can play it as it is.")
    stored = f"{stored_clip(evidence.folder, clip.digest)}{_PREVIEW_STORED}"
    with suppress(NotFound):
        return await files.get(stored)
    content = await make_preview(await _clip(files, evidence))
    await files.put(stored, content)
    return content


def stored_clip(folder: str, digest: str) -> str:
    """Made of the manifest's own digest, so that other content can never overwrite what is there."""
    return f"{folder}/clip-{digest[:16]}.mp4"


def clip_of(clip: Clip) -> ClipManifest:
    return ClipManifest.model_validate_json(clip.manifest)


def sealed_clip(evidence: Evidence) -> SealedClip:
    """Raises NotFound."""
    if evidence.clip is None:
        raise NotFound("The clip of this violation has not arrived.")
    return SealedClip(manifest=clip_of(evidence.clip), signature=evidence.clip.signature)


def record_look(work: Work, actor: Actor, file: EvidenceFile, violation_id: str, name: str) -> None:
    """With person, unit and content; with the reason, where faces were seen outside the review."""
    record(
        work, actor, "evidence.read", "case", file.case_id, shop_id=file.shop_id, reason=file.reason, violation=violation_id,
        file=name, faces=file.is_unblurred,
    )


async def check_seal(work: Work, actor: Actor, files: Files, violation_id: str) -> SealCheck:
    """Check again what was checked on receipt (signature, digests of the stored files), and what the centre has said since."""
    evidence = await _get(work, actor, violation_id)
    statements = (await countersigning.of_cases(work, actor, [evidence.case_id])).get(evidence.digest, [])
    own = {key.public_key for key in await countersigning.published_keys(work)}
    try:
        contents = {name: await files.get(f"{evidence.folder}/{name}") for name in manifest_of(evidence).files}
        verify_seal(sealed_manifest(evidence), signing_key(evidence.edge.public_key), contents)
        if wrong := problems_of("", evidence.digest, statements):
            raise SealError(wrong[0].en)
        if any(one.statement.key not in own for one in statements):
            raise SealError("A statement of the centre was signed with a key that is not its own.")
    except (SealError, NotFound) as error:
        return SealCheck(str(error), now(), statements)
    return SealCheck(None, now(), statements)


def manifest_of(evidence: Evidence) -> Manifest:
    return Manifest.model_validate_json(evidence.manifest)


def sealed_manifest(evidence: Evidence) -> SealedManifest:
    return SealedManifest(manifest=manifest_of(evidence), signature=evidence.signature)


async def _get(work: Work, actor: Actor, violation_id: str) -> Evidence:
    return or_not_found(await repository.get_evidence(work, actor, violation_id), "evidence")
