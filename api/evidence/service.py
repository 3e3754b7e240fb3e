"""Evidence: checked on receipt, kept once, shown to who may see it, and every look recorded."""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import anyio
import anyio.to_thread
from sqlalchemy.exc import IntegrityError

from api.accounts.actors import Actor
from api.accounts.permissions import Permission
from api.audit.service import record
from api.cameras import repository as cameras
from api.cameras.service import NotYourCamera
from api.cases.deadlines import Deadlines
from api.cases.observations import take_observation
from api.cases.states import CaseState
from api.cases.tables import Case
from api.edges import repository as edges
from api.edges.service import signing_key
from api.edges.tables import Edge, EdgeKind
from api.evidence import countersigning, repository
from api.evidence.blur import blurred
from api.evidence.tables import Chain, Clip, Evidence, IdempotencyKey
from api.evidence.video import make_preview
from api.kit.database import Work
from api.kit.files import Files
from api.kit.pictures import NotAPicture, check_jpeg
from api.kit.problems import Conflict, Invalid, NotFound
from api.kit.secrets import Keyring
from api.kit.settings import Settings
from api.kit.times import in_shop_time, now
from contract.countersigning import SignedStatement
from contract.edges import ReportAnswer
from contract.evidence import (
    CLIP,
    FIRST_OF_CHAIN,
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
_BLURRED_STORED, _PREVIEW_STORED = "blurred-1.jpg", ".preview-1.mp4"
PICTURES = (ORIGINAL, OVERLAY)
# Each unfolds a whole picture, 100 MB of one in 8K: forty at once (anyio's default) would leave nothing for the evidence.
_blurred_at_once = anyio.CapacityLimiter(2)
LARGEST_NUMBER = 2**31 - 1  # of an integer column
# A PC whose battery is empty starts in 1970 or 2000 and is corrected by its offset; anything else is no clock.
POSSIBLE_YEARS = range(1970, 2200)
LARGEST_OFFSET_S = 100 * 366 * 86400


class BadSeal(Invalid):
    code = "bad-seal"


class ReasonNeeded(Invalid):
    code = "reason-needed"


class KeyReused(Conflict):
    code = "idempotency-key-reused"


@dataclass(frozen=True)
class Report:
    """What an edge sent: the sealed manifest and the pictures by their fixed names."""

    sealed: SealedManifest
    pictures: dict[str, bytes]
    # By which a repeat is known, where it is not sealed to the letter as the first time.
    known_by: str | None = None

    @property
    def request_digest(self) -> str:
        return self.known_by or self.manifest.digest()

    @property
    def manifest(self) -> Manifest:
        return self.sealed.manifest

    @property
    def key(self) -> str:
        return str(self.manifest.violation_id)


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


async def earlier_answer(work: Work, actor: Actor, report: Report) -> ReportAnswer | None:
    """What was answered to this very report before. Raises KeyReused when the key came with other content."""
    return await earlier_answer_to(work, actor, report.key, report.request_digest)


async def earlier_answer_to(work: Work, actor: Actor, key: str, request_digest: str) -> ReportAnswer | None:
    """The same, where the report itself is not at hand."""
    known = await repository.find_answer(work, actor, key)
    if known is None:
        return None
    if known.request_digest != request_digest:
        raise KeyReused("This idempotency key was used before, for another report.")
    return ReportAnswer.model_validate_json(known.answer)


async def check_report(work: Work, actor: Actor, settings: Settings, report: Report) -> None:
    """All that can be said against a report before anything of it is kept."""
    manifest = report.manifest
    edge = await edges.own_edge(work, actor)
    if manifest.edge_id != actor.id:
        raise BadSeal("The manifest names another edge than the one that sends it.")
    if await cameras.get_camera(work, actor, manifest.camera_id) is None:
        raise NotYourCamera("This camera does not belong to this edge.")
    votes = manifest.votes
    if max(manifest.sequence, votes.looks) > LARGEST_NUMBER:
        raise Invalid("A number in the manifest is larger than anything that can be counted here.")
    if not votes.violating <= votes.sure <= votes.looks:
        raise Invalid("The votes in the manifest contradict each other.")
    moments = (manifest.captured_at, manifest.since)
    if any(moment.year not in POSSIBLE_YEARS for moment in moments) or abs(manifest.clock_offset_s or 0) > LARGEST_OFFSET_S:
        raise Invalid("The time in the manifest is impossible. Set the clock of the edge.")
    await anyio.to_thread.run_sync(_check_contents, report, edge, settings)


async def store_pictures(files: Files, report: Report) -> None:
    """Before the row that names them: a file without a row harms nobody, a row without a file would."""
    await files.put_all({f"{_folder(report.manifest)}/{name}": content for name, content in report.pictures.items()})


async def file_report(
    work: Work, actor: Actor, deadlines: Deadlines, keyring: Keyring, public_url: str, report: Report,
    announce: Callable[[str], None], at: datetime,
) -> tuple[ReportAnswer, bool]:
    """Open a case for a checked report whose pictures are stored, or let it join the one that it is more of; exactly once per
    key, also when two arrive together.

    Returns the answer, and whether it is a new one.
    """
    manifest = report.manifest
    answer = await earlier_answer(work, actor, report)
    if answer is not None:
        return answer, False
    reserved = IdempotencyKey(
        edge_id=actor.id, key=report.key, request_digest=report.request_digest, answer="", created_at=now()
    )
    try:
        async with work.begin_nested():
            work.add(reserved)
    except IntegrityError:
        # The same report came in by another connection and was committed while we waited for it (PostgreSQL).
        answer = await earlier_answer(work, actor, report)
        if answer is None:
            raise
        return answer, False
    camera = await cameras.get_camera(work, actor, manifest.camera_id, for_change=True)
    if camera is None:
        raise NotYourCamera("This camera does not belong to this edge.")
    # A rule that the catalogue has lost since is judged by what was in force when it was broken: the manifest says how serious.
    rule = next((rule for rule in deadlines.catalogue.rules if rule.code == manifest.rule), None)
    severity = manifest.severity if rule is None else rule.severity_at(manifest.area)
    repeat_s = None if rule is None else rule.repeat_s
    case, is_new_case = await take_observation(work, actor, camera, severity, repeat_s, manifest, at, deadlines)
    evidence = await _add_evidence(work, actor, report, case.id)
    await countersigning.say(work, actor, keyring, [evidence], "received", evidence.received_at)
    answer = ReportAnswer(
        violation_id=manifest.violation_id, case_id=case.id, result="case_opened" if is_new_case else "joined_case",
        url=f"{public_url}/cases/{case.id}",
    )
    reserved.answer = answer.model_dump_json()
    if not is_new_case:
        await work.flush()
        return answer, True
    record(work, actor, "case.opened", "case", case.id, shop_id=case.shop_id, violation=report.key)
    await work.flush()
    title = manifest.rule if rule is None else f"{rule.code} {rule.name.zh}"
    line = f"case {case.id} {title} {in_shop_time(case.captured_at):%Y-%m-%d %H:%M:%S} {answer.url}"
    work.when_committed(lambda: announce(line))
    return answer, True


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


async def read_file(
    work: Work, actor: Actor, files: Files, violation_id: str, name: str, reason: str | None = None
) -> EvidenceFile:
    """One file of a piece of evidence, not to be shown before `record_look`.

    Raises NotFound, BadSeal for one that changed, or ReasonNeeded for a picture with faces outside the review.
    """
    actor.require(Permission.EVIDENCE_BLURRED if name == BLURRED else Permission.EVIDENCE_READ)
    evidence = await _get(work, actor, violation_id)
    if name == BLURRED:
        content = await _blurred(files, evidence)
        sha256 = hashlib.sha256(content).hexdigest()
        return EvidenceFile(evidence.case_id, evidence.case.shop_id, content, "image/jpeg", sha256)
    if name in (MANIFEST, CLIP_MANIFEST):
        sealed = (sealed_manifest(evidence) if name == MANIFEST else sealed_clip(evidence)).model_dump_json().encode()
        sha256 = hashlib.sha256(sealed).hexdigest()
        return EvidenceFile(evidence.case_id, evidence.case.shop_id, sealed, "application/json", sha256)
    reason = (reason or "").strip() or None
    if reason is None and not is_in_review(actor, evidence.case):
        raise ReasonNeeded("Faces can be recognised in it. Say why you look at it: ?reason=…, or take blurred.jpg.")
    if name in (CLIP, PREVIEW):
        content = await _clip(files, evidence) if name == CLIP else await _preview(files, evidence)
        sha256 = hashlib.sha256(content).hexdigest()
        return EvidenceFile(evidence.case_id, evidence.case.shop_id, content, "video/mp4", sha256, True, reason)
    content, digest = await _sealed_file(files, evidence, ORIGINAL if name == JUDGED else name)
    sha256 = digest.sha256
    if name == JUDGED:
        content = await anyio.to_thread.run_sync(blurred, content, _hidden(evidence), True, limiter=_blurred_at_once)
        sha256 = hashlib.sha256(content).hexdigest()
    return EvidenceFile(evidence.case_id, evidence.case.shop_id, content, "image/jpeg", sha256, True, reason)


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
        verify_seal(sealed_manifest(evidence), signing_key(evidence.edge), contents)
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


def _check_contents(report: Report, edge: Edge, settings: Settings) -> None:
    manifest = report.manifest
    try:
        verify_seal(report.sealed, signing_key(edge), report.pictures)
    except SealError as error:
        raise BadSeal(str(error)) from error
    sizes = {name: check_jpeg(content, settings.picture_side_px) for name, content in report.pictures.items()}
    if sizes[ORIGINAL] != (manifest.frame_width, manifest.frame_height):
        raise NotAPicture("The original picture has another size than its manifest says.")


def _folder(manifest: Manifest) -> str:
    """Made of the report's own digest, so that other content under a used id can never overwrite what is there."""
    day = manifest.captured_at.strftime("%Y/%m/%d")
    return f"evidence/{day}/{manifest.violation_id}-{manifest.digest()[:16]}"


async def _add_evidence(work: Work, actor: Actor, report: Report, case_id: int) -> Evidence:
    manifest = report.manifest
    evidence = Evidence(
        violation_id=report.key, case_id=case_id, camera_id=manifest.camera_id, edge_id=actor.id,
        manifest=manifest.canonical().decode(), digest=manifest.digest(), signature=report.sealed.signature,
        sequence=manifest.sequence, previous=manifest.previous, received_at=now(), folder=_folder(manifest),
        chain=await place_in_chain(work, actor, manifest),
    )
    work.add(evidence)
    try:
        await work.flush()
    except IntegrityError as error:
        raise KeyReused("Another edge has already reported a violation under this id.") from error
    await mend_following(work, actor, manifest, evidence.digest)
    return evidence


async def mend_following(work: Work, actor: Actor, manifest: Manifest | ClipManifest, digest: str) -> None:
    """What came before the one that it names."""
    for following in await repository.at_sequence(work, actor, manifest.camera_id, manifest.sequence + 1):
        if following.chain is Chain.GAP:
            following.chain = Chain.WHOLE if following.previous == digest else Chain.BROKEN


async def place_in_chain(work: Work, actor: Actor, manifest: Manifest | ClipManifest) -> Chain:
    """A gap or a break is told, never a ground for refusing evidence."""
    if (await edges.own_edge(work, actor)).kind is EdgeKind.ALARM_BOX:
        return Chain.NONE
    if await repository.at_sequence(work, actor, manifest.camera_id, manifest.sequence):
        return Chain.BROKEN
    if manifest.sequence == 1:
        start = await repository.last_of_others(work, actor, manifest.camera_id) or FIRST_OF_CHAIN
        return Chain.WHOLE if manifest.previous == start else Chain.BROKEN
    before = await repository.at_sequence(work, actor, manifest.camera_id, manifest.sequence - 1)
    if not before:
        return Chain.GAP
    return Chain.WHOLE if any(link.digest == manifest.previous for link in before) else Chain.BROKEN


async def _get(work: Work, actor: Actor, violation_id: str) -> Evidence:
    evidence = await repository.get_evidence(work, actor, violation_id)
    if evidence is None:
        raise NotFound("There is no such evidence, or it is not yours to see.")
    return evidence
