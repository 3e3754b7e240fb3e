"""Evidence on its way out: a case as one ZIP, a camera's chain as one file; `sunshine evidence verify` checks both offline."""

import zipfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import IO

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jinja2 import Environment, PackageLoader, StrictUndefined

from api.accounts.actors import Actor
from api.accounts.permissions import Permission
from api.audit.service import record
from api.cameras import repository as cameras
from api.cameras.tables import Camera
from api.cases import repository as cases
from api.cases.tables import Case
from api.centre import Centre
from api.evidence import countersigning, repository
from api.evidence.countersigning import centre_key, certificate_for
from api.evidence.service import (
    ReasonNeeded,
    clip_of,
    is_of_another,
    manifest_of,
    sealed_clip,
    sealed_manifest,
    stored_clip,
)
from api.evidence.tables import Clip, Evidence
from api.kit.database import Work
from api.kit.files import Files
from api.kit.not_found import not_found, or_not_found
from api.kit.problems import NotFound
from api.kit.times import in_shop_time
from contract.catalogue import Catalogue
from contract.countersigning import CentreWord, SignedStatement
from contract.evidence import CLIP
from contract.signing import fingerprint, write_key
from contract.verify import CENTRE, CHAIN, KEY, MANIFEST
from contract.verify_centre import chinese
from contract.verify_chain import ChainExport
from contract.verify_clip import CLIP_CENTRE, CLIP_MANIFEST, FLAWS

FORM = "电子数据提取笔录（草稿）.html"
SOURCE = "来源说明.txt"
_SOURCE = (
    "来源：餐饮单位自有的设备“{name}”（{form}）报送，不是本系统边缘盒拍摄和封存的。中心收到时计算校验值并代为签名；"
    "收到之前的过程未经本系统证明。\n"
    "Source: reported by the shop's own box “{name}” ({form}), not taken and sealed by an edge box of this system. The centre "
    "signed it when it arrived; what happened before is not proved.\n"
)
_templates = Environment(loader=PackageLoader("api.evidence"), autoescape=True, undefined=StrictUndefined)


@dataclass(frozen=True)
class CaseRows:
    """All that the database has to say for an export, of a case and the `parts` that were merged into it. Nothing is asked of it
    any more while the files are written, which may take minutes: a transaction that waits so long is ended by PostgreSQL."""

    case: Case
    parts: list[int]
    evidence: list[Evidence]
    said: dict[str, list[SignedStatement]]


async def read_case(work: Work, actor: Actor, case_id: int, reason: str | None) -> CaseRows:
    """Raises ReasonNeeded without a reason."""
    actor.require(Permission.EVIDENCE_READ)
    case = await cases.get_case(work, actor, case_id)
    parts = [part.id for part, _ in await cases.list_parts(work, actor, case)] if case is not None else []
    evidence = await repository.list_of_cases(work, actor, [case_id, *parts])
    if case is None or not evidence:
        raise not_found("case with evidence")
    if not (reason or "").strip():
        raise ReasonNeeded("Faces can be recognised in these pictures. Say why you take them out: ?reason=…")
    return CaseRows(case, parts, evidence, await countersigning.of_cases(work, actor, [case_id, *parts]))


async def write_case(
    rows: CaseRows, files: Files, key: Ed25519PrivateKey, catalogue: Catalogue, centre_name: str, at: datetime, into: IO[bytes]
) -> None:
    """A ZIP, written `into` a file: a folder for each observation, with all that its seal names, and the draft of the record of
    the extraction.

    What is not as it was sealed goes out as it is: the check tells. A file that is gone is left out, which the check tells too.
    """
    case, said = rows.case, rows.said
    with zipfile.ZipFile(into, "w") as archive:
        for number, one in enumerate(rows.evidence, 1):
            folder = f"{number:03d}-{one.violation_id}"
            _put(archive, f"{folder}/{MANIFEST}", sealed_manifest(one).model_dump_json().encode(), at)
            _put(archive, f"{folder}/{KEY}", one.edge.public_key.encode(), at)
            word = CentreWord(edge=certificate_for(one.edge, key, at), statements=said.get(one.digest, []))
            _put(archive, f"{folder}/{CENTRE}", word.model_dump_json().encode(), at)
            if is_of_another(one):
                source = _SOURCE.format(name=one.edge.name, form=one.edge.software_version)
                _put(archive, f"{folder}/{SOURCE}", source.encode(), at)
            for name in manifest_of(one).files:
                try:
                    _put(archive, f"{folder}/{name}", await files.get(f"{one.folder}/{name}"), at)
                except NotFound:
                    continue
            if one.clip is not None:
                _put(archive, f"{folder}/{CLIP_MANIFEST}", sealed_clip(one).model_dump_json().encode(), at)
                word = CentreWord(edge=certificate_for(one.edge, key, at), statements=said.get(one.clip.digest, []))
                _put(archive, f"{folder}/{CLIP_CENTRE}", word.model_dump_json().encode(), at)
                if CLIP in clip_of(one.clip).files:
                    with suppress(NotFound):
                        _put(archive, f"{folder}/{CLIP}", await files.get(stored_clip(one.folder, one.clip.digest)), at)
        rule = next((rule.name.zh for rule in catalogue.rules if rule.code == case.rule), case.rule)
        form = _templates.get_template("extraction_record.html").render(
            case=case, parts=rows.parts, rule=rule, centre=centre_name, at=in_shop_time(at),
            captured_at=in_shop_time(case.captured_at),
            exhibits=[_exhibit(number, one, said.get(one.digest, [])) for number, one in enumerate(rows.evidence, 1)],
            key=fingerprint(write_key(key.public_key())),
        )
        _put(archive, FORM, form.encode(), at)


def record_case_export(work: Work, actor: Actor, rows: CaseRows, reason: str | None) -> None:
    for case_id in (rows.case.id, *rows.parts):
        record(work, actor, "evidence.exported", "case", case_id, shop_id=rows.case.shop_id, reason=reason, faces=True)


async def export_chain(
    work: Work, actor: Actor, key: Ed25519PrivateKey, camera_id: str, at: datetime
) -> tuple[Camera, bytes]:
    actor.require(Permission.EVIDENCE_READ)
    camera = or_not_found(await cameras.get_camera(work, actor, camera_id), "camera")
    links = await repository.list_of_camera(work, actor, camera_id)
    edges = {one.edge_id: one.edge for one in links}
    said = await repository.list_statements(work, actor, camera_id=camera_id)
    export = ChainExport(
        camera_id=camera_id, keys={edge.id: edge.public_key for edge in edges.values()},
        manifests=[sealed_manifest(one) for one in links if one.deleted_at is None],
        clips=[sealed_clip(one) for one in links if one.deleted_at is None and one.clip is not None],
        certificates=[certificate_for(edge, key, at) for edge in edges.values()],
        statements=[one for statements in said.values() for one in statements],
    )
    return camera, export.model_dump_json().encode()


async def signing_key_of(centre: Centre) -> Ed25519PrivateKey:
    async with centre.database.writing() as work:
        return await centre_key(work, centre.keyring)


def record_chain_export(work: Work, actor: Actor, camera: Camera) -> None:
    record(work, actor, "evidence.chain_exported", "camera", camera.id, shop_id=camera.shop_id)


def case_name(case_id: int) -> str:
    return f"case-{case_id}.zip"


def chain_name(camera_id: str) -> str:
    return f"{PurePosixPath(CHAIN).stem}-{camera_id}.json"


def _exhibit(number: int, evidence: Evidence, statements: Sequence[SignedStatement]) -> dict[str, object]:
    manifest = manifest_of(evidence)
    return {
        "folder": f"{number:03d}-{evidence.violation_id}", "case_id": evidence.case_id,
        "manifest": manifest, "digest": evidence.digest,
        "captured_at": in_shop_time(manifest.captured_at), "seen_at": in_shop_time(evidence.seen_at),
        "received_at": in_shop_time(evidence.received_at), "time_doubt": evidence.time_doubt,
        "key": fingerprint(evidence.edge.public_key), "said": chinese(statements),
        "of_another": evidence.edge.name if is_of_another(evidence) else None,
        "clip": _clip(evidence.clip) if evidence.clip is not None else None,
    }


def _clip(clip: Clip) -> dict[str, object]:
    manifest = clip_of(clip)
    flaws = [FLAWS[flaw][1] for flaw in (manifest.missing, manifest.begins_late, manifest.ends_early) if flaw is not None]
    return {"manifest": manifest, "digest": clip.digest, "flaws": "；".join(flaws), "received_at": in_shop_time(clip.received_at)}


def _put(archive: zipfile.ZipFile, name: str, content: bytes, at: datetime) -> None:
    entry = zipfile.ZipInfo(name, in_shop_time(at).timetuple()[:6])
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, content)
