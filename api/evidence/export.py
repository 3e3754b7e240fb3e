"""Evidence on its way out: a case as one ZIP, a camera's chain as one file; `sunshine evidence verify` checks both offline."""

import io
import zipfile
from datetime import datetime
from pathlib import PurePosixPath

from jinja2 import Environment, PackageLoader, StrictUndefined

from api.accounts.actors import Actor
from api.accounts.permissions import Permission
from api.audit.service import record
from api.cameras import repository as cameras
from api.cases import repository as cases
from api.evidence import repository
from api.evidence.service import ReasonNeeded, manifest_of, sealed_manifest
from api.evidence.tables import Evidence
from api.kit.database import Work
from api.kit.files import Files
from api.kit.problems import NotFound
from api.kit.times import in_shop_time
from contract.catalogue import Catalogue
from contract.verify import CHAIN, KEY, MANIFEST, ChainExport, Tombstone, fingerprint

FORM = "电子数据提取笔录（草稿）.html"
_templates = Environment(loader=PackageLoader("api.evidence"), autoescape=True, undefined=StrictUndefined)


async def export_case(
    work: Work, actor: Actor, files: Files, catalogue: Catalogue, case_id: int, centre_name: str, at: datetime,
    reason: str | None,
) -> bytes:
    """A ZIP: a folder for each observation, with all that its seal names, and the draft of the record of the extraction.

    What is not as it was sealed goes out as it is: the check tells. A file that is gone is left out, which the check tells too.
    Raises ReasonNeeded without a reason.
    """
    actor.require(Permission.EVIDENCE_READ)
    case = await cases.get_case(work, actor, case_id)
    evidence = (await repository.list_of_cases(work, actor, [case_id])) if case is not None else []
    if case is None or not evidence:
        raise NotFound("There is no such case with evidence, or it is not yours to see.")
    if not (reason or "").strip():
        raise ReasonNeeded("Faces can be recognised in these pictures. Say why you take them out: ?reason=…")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for number, one in enumerate(evidence, 1):
            folder = f"{number:03d}-{one.violation_id}"
            _put(archive, f"{folder}/{MANIFEST}", sealed_manifest(one).model_dump_json().encode(), at)
            _put(archive, f"{folder}/{KEY}", one.edge.public_key.encode(), at)
            for name in manifest_of(one).files:
                try:
                    _put(archive, f"{folder}/{name}", await files.get(f"{one.folder}/{name}"), at)
                except NotFound:
                    continue
        rule = next((rule.name.zh for rule in catalogue.rules if rule.code == case.rule), case.rule)
        form = _templates.get_template("extraction_record.html").render(
            case=case, rule=rule, centre=centre_name, at=in_shop_time(at), captured_at=in_shop_time(case.captured_at),
            exhibits=[_exhibit(number, one) for number, one in enumerate(evidence, 1)],
        )
        _put(archive, FORM, form.encode(), at)
    return content.getvalue()


def record_case_export(work: Work, actor: Actor, case_id: int, reason: str | None) -> None:
    record(work, actor, "evidence.exported", "case", case_id, reason=reason, faces=True)


async def export_chain(work: Work, actor: Actor, camera_id: str) -> bytes:
    actor.require(Permission.EVIDENCE_READ)
    if await cameras.get_camera(work, actor, camera_id) is None:
        raise NotFound("There is no such camera, or it is not yours to see.")
    links = await repository.list_of_camera(work, actor, camera_id)
    keys = {one.edge_id: one.edge.public_key for one in links}
    deleted = [
        Tombstone(
            edge_id=one.edge_id, sequence=one.sequence, previous=one.previous, digest=one.digest, signature=one.signature,
            deleted_at=one.deleted_at, deleted_by=one.deleted_by or "", ground=one.deletion_ground or "",
        )
        for one in links if one.deleted_at is not None
    ]
    kept = [sealed_manifest(one) for one in links if one.deleted_at is None]
    export = ChainExport(camera_id=camera_id, keys=keys, manifests=kept, deleted=deleted)
    return export.model_dump_json().encode()


def record_chain_export(work: Work, actor: Actor, camera_id: str) -> None:
    record(work, actor, "evidence.chain_exported", "camera", camera_id)


def case_name(case_id: int) -> str:
    return f"case-{case_id}.zip"


def chain_name(camera_id: str) -> str:
    return f"{PurePosixPath(CHAIN).stem}-{camera_id}.json"


def _exhibit(number: int, evidence: Evidence) -> dict[str, object]:
    manifest = manifest_of(evidence)
    return {
        "folder": f"{number:03d}-{evidence.violation_id}", "manifest": manifest, "digest": evidence.digest,
        "captured_at": in_shop_time(manifest.captured_at), "received_at": in_shop_time(evidence.received_at),
        "key": fingerprint(evidence.edge.public_key),
    }


def _put(archive: zipfile.ZipFile, name: str, content: bytes, at: datetime) -> None:
    entry = zipfile.ZipInfo(name, in_shop_time(at).timetuple()[:6])
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, content)
