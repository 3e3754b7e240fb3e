"""What an edge hands in: checked before anything of it is kept, and filed exactly once."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import anyio.to_thread
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy.exc import IntegrityError

from api.accounts.actors import Actor
from api.audit.service import entry
from api.cameras import repository as cameras
from api.cameras.service import NotYourCamera
from api.cases.deadlines import Deadlines
from api.cases.observations import take_observation
from api.cases.seen import Seen
from api.edges.service import signing_key
from api.edges.tables import EdgeKind
from api.evidence import countersigning, repository
from api.evidence.repository import Link
from api.evidence.service import ORIGINAL, BadSeal
from api.evidence.tables import Chain, Clip, Evidence
from api.kit.database import Work, insert_now
from api.kit.files import Files
from api.kit.pictures import NotAPicture, check_jpeg
from api.kit.problems import Conflict, Invalid
from api.kit.secrets import Keyring
from api.kit.settings import Settings
from api.kit.times import in_shop_time, now
from contract.edges import ReportAnswer
from contract.evidence import FIRST_OF_CHAIN, ClipManifest, Manifest, SealedManifest, SealError, verify_seal

LARGEST_NUMBER = 2**31 - 1  # of an integer column
# What an operating system can count: from seconds before 1970, for an empty battery, to Linux's last year (2^63 ns after 1970).
# Whether a clock is right is not asked here (cases/seen.py): a wrong one is no ground for refusing evidence.
POSSIBLE_YEARS = range(1969, 2263)
LARGEST_OFFSET_S = 300 * 366 * 86400


class KeyReused(Conflict):
    code = "idempotency-key-reused"


@dataclass(frozen=True)
class Report:
    """What an edge sent: the sealed manifest and the pictures by their fixed names."""

    sealed: SealedManifest
    pictures: dict[str, bytes]
    # By which a repeat is known, where it is not sealed to the letter as the first time.
    known_by: str | None = None

    @cached_property
    def sealed_bytes(self) -> bytes:
        return self.manifest.canonical()

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(self.sealed_bytes).hexdigest()

    @property
    def request_digest(self) -> str:
        return self.known_by or self.digest

    @property
    def manifest(self) -> Manifest:
        return self.sealed.manifest

    @property
    def key(self) -> str:
        return str(self.manifest.violation_id)


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
    if manifest.edge_id != actor.id:
        raise BadSeal("The manifest names another edge than the one that sends it.")
    camera = await cameras.own_camera(work, actor, manifest.camera_id)
    if camera is None:
        raise NotYourCamera("This camera does not belong to this edge.")
    votes = manifest.votes
    if max(manifest.sequence, votes.looks) > LARGEST_NUMBER:
        raise Invalid("A number in the manifest is larger than anything that can be counted here.")
    if not votes.violating <= votes.sure <= votes.looks:
        raise Invalid("The votes in the manifest contradict each other.")
    moments = (manifest.captured_at, manifest.since)
    if any(moment.year not in POSSIBLE_YEARS for moment in moments) or not abs(manifest.clock_offset_s or 0) <= LARGEST_OFFSET_S:
        raise Invalid("The time in the manifest is none that a computer counts.")
    await anyio.to_thread.run_sync(_check_contents, report, signing_key(camera.edge_key), settings)


async def store_pictures(files: Files, report: Report, at: datetime) -> None:
    """Before the row that names them: a file without a row harms nobody (unknown_files.py), a row without a file would."""
    await files.put_all({f"{_folder(report, at)}/{name}": content for name, content in report.pictures.items()})


async def file_report(
    work: Work, actor: Actor, deadlines: Deadlines, keyring: Keyring, public_url: str, report: Report,
    seen: Seen, announce: Callable[[str], None], at: datetime,
) -> tuple[ReportAnswer, bool]:
    """Open a case for a checked report whose pictures were stored with the same `at`, or let it join the one that it is more of;
    exactly once per key, also when two arrive together.

    Returns the answer, and whether it is a new one.
    """
    manifest = report.manifest
    if not await repository.reserve(work, actor, report.key, report.request_digest, now()):
        earlier = await earlier_answer(work, actor, report)
        if earlier is None:
            raise Conflict("The same report is being taken by another connection. Send it again.")
        return earlier, False
    camera = await cameras.own_camera(work, actor, manifest.camera_id, for_change=True)
    if camera is None:
        raise NotYourCamera("This camera does not belong to this edge.")
    # A rule that the catalogue has lost since is judged by what was in force when it was broken: the manifest says how serious.
    rule = next((rule for rule in deadlines.catalogue.rules if rule.code == manifest.rule), None)
    severity = manifest.severity if rule is None else rule.severity_at(manifest.area)
    repeat_s = None if rule is None else rule.repeat_s
    neighbours = await repository.around_sequence(work, actor, manifest.camera_id, manifest.sequence)
    chain = await place_in_chain(work, actor, camera.edge_kind, manifest, neighbours)
    case, is_new_case = await take_observation(work, actor, camera, severity, repeat_s, manifest, seen, at, deadlines)
    evidence = await _add_evidence(work, actor, report, case.id, chain, seen, at)
    await mend_following(work, actor, evidence, neighbours)
    await countersigning.say(work, actor, keyring, [evidence], "received", evidence.received_at)
    answer = ReportAnswer(
        violation_id=manifest.violation_id, case_id=case.id, result="case_opened" if is_new_case else "joined_case",
        url=f"{public_url}/cases/{case.id}",
    )
    if is_new_case:
        opened = entry(actor, "case.opened", "case", case.id, district_id=camera.district_id, violation=report.key)
        await insert_now(work, opened)
    await repository.keep_answer(work, actor, report.key, answer.model_dump_json())
    if not is_new_case:
        return answer, True
    title = manifest.rule if rule is None else f"{rule.code} {rule.name.zh}"
    line = f"case {case.id} {title} {in_shop_time(case.captured_at):%Y-%m-%d %H:%M:%S} {answer.url}"
    work.when_committed(lambda: announce(line))
    return answer, True


def _check_contents(report: Report, key: Ed25519PublicKey, settings: Settings) -> None:
    manifest = report.manifest
    try:
        verify_seal(report.sealed, key, report.pictures)
    except SealError as error:
        raise BadSeal(str(error)) from error
    sizes = {name: check_jpeg(content, settings.picture_side_px) for name, content in report.pictures.items()}
    if sizes[ORIGINAL] != (manifest.frame_width, manifest.frame_height):
        raise NotAPicture("The original picture has another size than its manifest says.")


def _folder(report: Report, at: datetime) -> str:
    """Of the day on which it came in, so that nothing comes into the folders of earlier days any more; made of the report's own
    digest, so that other content under a used id can never overwrite what is there."""
    return f"evidence/{at:%Y/%m/%d}/{report.key}-{report.digest[:16]}"


async def _add_evidence(
    work: Work, actor: Actor, report: Report, case_id: int, chain: Chain, seen: Seen, at: datetime
) -> Evidence:
    manifest = report.manifest
    evidence = Evidence(
        violation_id=report.key, case_id=case_id, camera_id=manifest.camera_id, edge_id=actor.id,
        manifest=report.sealed_bytes.decode(), digest=report.digest, signature=report.sealed.signature,
        sequence=manifest.sequence, previous=manifest.previous, received_at=now(), seen_at=seen.at,
        time_doubt=seen.doubt, folder=_folder(report, at), chain=chain,
    )
    try:
        await insert_now(work, evidence)
    except IntegrityError as error:
        raise KeyReused("Another edge has already reported a violation under this id.") from error
    return evidence


Neighbours = Mapping[int, Sequence[Link]]
"""By their place in the chain of one camera: what lies there, just before and just after."""


async def mend_following(work: Work, actor: Actor, link: Evidence | Clip, neighbours: Neighbours) -> None:
    """What came before the one that it names."""
    if any(following.chain is Chain.GAP for following in neighbours[link.sequence + 1]):
        await repository.mend_gap(work, actor, link.camera_id, link.sequence + 1, link.digest)


async def place_in_chain(
    work: Work, actor: Actor, kind: EdgeKind, manifest: Manifest | ClipManifest, neighbours: Neighbours
) -> Chain:
    """A gap or a break is told, never a ground for refusing evidence."""
    if kind is EdgeKind.ALARM_BOX:
        return Chain.NONE
    if neighbours[manifest.sequence]:
        return Chain.BROKEN
    if manifest.sequence == 1:
        start = await repository.last_of_others(work, actor, manifest.camera_id) or FIRST_OF_CHAIN
        return Chain.WHOLE if manifest.previous == start else Chain.BROKEN
    before = neighbours[manifest.sequence - 1]
    if not before:
        return Chain.GAP
    return Chain.WHOLE if any(link.digest == manifest.previous for link in before) else Chain.BROKEN
