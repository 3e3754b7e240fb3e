"""The clip of a violation on its way in: it joins the chain and the case of the violation, which does not wait for it."""

from contextlib import suppress
from dataclasses import dataclass, replace
from uuid import UUID

import anyio.to_thread

from api.accounts.actors import Actor
from api.audit.service import record
from api.cameras import repository as cameras
from api.cameras.service import NotYourCamera
from api.edges.service import signing_key
from api.evidence import countersigning, repository
from api.evidence.filing import LARGEST_NUMBER, KeyReused, mend_following, place_in_chain
from api.evidence.service import BadSeal, stored_clip
from api.evidence.tables import Clip, Evidence
from api.evidence.video import check_clip
from api.kit.database import Work
from api.kit.files import Files
from api.kit.problems import Conflict, Invalid, NotFound
from api.kit.secrets import Keyring
from api.kit.settings import Settings
from api.kit.times import now
from contract.edges import ClipAnswer
from contract.evidence import CLIP, ClipManifest, SealedClip, SealError, verify_seal


class NoSuchViolation(Conflict):
    code = "no-such-violation"


@dataclass(frozen=True)
class ClipReport:
    """What an edge sent. `content` is None where the manifest says why there is no clip."""

    sealed: SealedClip
    content: bytes | None

    @property
    def manifest(self) -> ClipManifest:
        return self.sealed.manifest


async def its_evidence(work: Work, actor: Actor, report: ClipReport, *, for_change: bool = False) -> Evidence:
    """Raises NoSuchViolation, or KeyReused when another clip of it was taken before."""
    evidence = await repository.own_evidence(work, actor, str(report.manifest.violation_id), for_change=for_change)
    if evidence is None:
        raise NoSuchViolation("The violation that this clip belongs to was not reported by this edge. Report it first.")
    if evidence.clip is not None and evidence.clip.digest != report.manifest.digest():
        raise KeyReused("Another clip of this violation was taken before.")
    return evidence


async def shared_file(work: Work, actor: Actor, report: ClipReport) -> str | None:
    """Where the file lies that its manifest names and that was not sent: of what happened within seconds an edge sends one clip,
    with the first violation. It is that of the clip before; None where it is another one."""
    named = report.manifest.files.get(CLIP)
    if named is None or report.content is not None:
        return None
    before = await repository.clip_before(work, actor, report.manifest.camera_id, report.manifest.sequence)
    if before is None or not before.manifest or ClipManifest.model_validate_json(before.manifest).files.get(CLIP) != named:
        return None
    return stored_clip(before.folder, before.digest)


async def with_file(files: Files, report: ClipReport, path: str | None) -> ClipReport:
    """With what lies there, if it still does."""
    if path is not None:
        with suppress(NotFound):
            return replace(report, content=await files.get(path))
    return report


async def check_report(settings: Settings, evidence: Evidence, report: ClipReport) -> None:
    """All that can be said against it before anything is kept."""
    manifest = report.manifest
    named = (manifest.edge_id, manifest.camera_id, manifest.snapshot)
    if named != (evidence.edge_id, evidence.camera_id, evidence.digest):
        raise BadSeal("The manifest of the clip names another edge, camera or snapshot than the violation has.")
    if manifest.sequence > LARGEST_NUMBER:
        raise Invalid("A number in the manifest is larger than anything that can be counted here.")
    contents = {} if report.content is None else {CLIP: report.content}
    try:
        await anyio.to_thread.run_sync(verify_seal, report.sealed, signing_key(evidence.edge.public_key), contents)
    except SealError as error:
        raise BadSeal(str(error)) from error
    if report.content is not None:
        await check_clip(report.content, manifest, settings.picture_side_px)


async def store(files: Files, evidence: Evidence, report: ClipReport) -> None:
    """Before the row that names it. Of what was deleted meanwhile nothing is stored."""
    if report.content is not None and evidence.deleted_at is None:
        await files.put(stored_clip(evidence.folder, report.manifest.digest()), report.content)


async def file_clip(
    work: Work, actor: Actor, keyring: Keyring, report: ClipReport, folder: str
) -> tuple[ClipAnswer, bool]:
    """Exactly once, also when two arrive together. `folder` is that of its evidence as it was when the clip was stored there.

    Returns the answer, and whether it is a new one.
    """
    manifest = report.manifest
    # What a camera's chain looks like is judged by one at a time.
    camera = await cameras.own_camera(work, actor, manifest.camera_id, for_change=True)
    if camera is None:
        raise NotYourCamera("This camera does not belong to this edge.")
    evidence = await its_evidence(work, actor, report, for_change=True)
    if evidence.clip is not None:
        return answer_of(evidence), False
    is_deleted = evidence.deleted_at is not None
    neighbours = await repository.around_sequence(work, actor, manifest.camera_id, manifest.sequence)
    clip = Clip(
        violation_id=evidence.violation_id, case_id=evidence.case_id, camera_id=manifest.camera_id, edge_id=actor.id,
        manifest="" if is_deleted else manifest.canonical().decode(), digest=manifest.digest(),
        signature=report.sealed.signature, sequence=manifest.sequence, previous=manifest.previous, received_at=now(),
        chain=await place_in_chain(work, actor, camera.edge_kind, manifest, neighbours),
    )
    work.add(clip)
    if is_deleted:
        evidence.folder = folder  # should the clip have been stored just then, it goes with the next round
    await work.flush()
    await mend_following(work, actor, clip, neighbours)
    await countersigning.say(work, actor, keyring, [clip], "received", clip.received_at)
    if is_deleted:
        await countersigning.say(work, actor, keyring, [clip], "deleted", clip.received_at, evidence.deletion_ground)
    record(
        work, actor, "clip.received", "case", evidence.case_id, shop_id=evidence.case.shop_id, violation=evidence.violation_id,
        missing=manifest.missing, bytes=sum(file.size for file in manifest.files.values()),
    )
    return answer_of(evidence), True


def answer_of(evidence: Evidence) -> ClipAnswer:
    return ClipAnswer(violation_id=UUID(evidence.violation_id), case_id=evidence.case_id)
