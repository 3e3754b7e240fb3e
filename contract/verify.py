"""Checking sealed evidence anywhere, without the centre: one package, a case's export, or the chain of a camera.

    PACKAGE/        manifest.json, the files that it names, edge.pub (the edge's public key, base64)
    chain.json      a `ChainExport`: every manifest of one camera that the centre holds

Several packages may lie in one folder or ZIP.
"""

import base64
import binascii
import hashlib
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import AwareDatetime, Field, ValidationError

from contract.base import Identifier, Sha256, Wire
from contract.evidence import FIRST_OF_CHAIN, SealedManifest, SealError, verify_seal

MANIFEST, KEY, CHAIN = "manifest.json", "edge.pub", "chain.json"
# The forms that people read, beside the evidence in an export; they are no part of what is sealed.
FORMS = frozenset({".html", ".txt"})


class Tombstone(Wire):
    """What is left of a manifest that was deleted lawfully: its place in the chain, and who deleted it, when, on what ground."""

    edge_id: Identifier
    sequence: int = Field(ge=1)
    previous: Sha256
    digest: Sha256
    signature: str
    deleted_at: AwareDatetime
    deleted_by: str
    ground: str


class ChainExport(Wire):
    """All manifests of one camera that the centre holds, with the public keys (raw, base64) of the edges that signed them."""

    camera_id: Identifier
    keys: dict[Identifier, str]
    manifests: list[SealedManifest] = Field(max_length=1_000_000)
    deleted: list[Tombstone] = Field(default_factory=list, max_length=1_000_000)


class Unreadable(ValueError):
    """What was given holds no evidence, or is damaged as a whole; the message says what to do."""


@dataclass(frozen=True)
class Finding:
    """One sentence about one thing, in both languages."""

    about: str
    holds: bool
    en: str
    zh: str


def read(path: Path) -> dict[str, bytes]:
    """All files of a folder or a ZIP, or the one file, by name. Raises OSError or Unreadable."""
    if path.is_dir():
        return {file.relative_to(path).as_posix(): file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()}
    if not zipfile.is_zipfile(path):
        return {CHAIN if path.suffix == ".json" else path.name: path.read_bytes()}
    try:
        with zipfile.ZipFile(path) as archive:
            return {entry.filename: archive.read(entry) for entry in archive.infolist() if not entry.is_dir()}
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise Unreadable(f"The ZIP is damaged ({error}): it was changed after it was made. Ask for it again.") from error


def verify(files: Mapping[str, bytes], trusted: Iterable[str] = ()) -> list[Finding]:
    """What holds and what does not. `trusted`: public keys (base64) that are known from elsewhere. Raises Unreadable."""
    keys = frozenset(trusted)
    folders = sorted({str(PurePosixPath(name).parent) for name in files if PurePosixPath(name).name == MANIFEST})
    chains = [name for name in files if PurePosixPath(name).name == CHAIN]
    if not folders and not chains:
        raise Unreadable(f"There is no evidence in it. Give a folder or ZIP with a {MANIFEST} or a {CHAIN} inside.")
    findings: list[Finding] = []
    for folder in folders:
        inside = {
            path.name: content for name, content in files.items() if str((path := PurePosixPath(name)).parent) == folder
        }
        findings += _package(folder, inside, keys)
    for name in chains:
        findings += _chain(name, files[name], keys)
    known = {*folders, *(str(PurePosixPath(name).parent) for name in chains)}
    for name in files:
        path = PurePosixPath(name)
        if str(path.parent) not in known and path.suffix not in FORMS:
            findings.append(_bad(name, "This file belongs to no evidence here.", "此文件不属于任何证据。"))
    return findings


def fingerprint(key: str) -> str:
    """A key in a form that people can compare over the telephone."""
    return hashlib.sha256(base64.b64decode(key)).hexdigest()[:16]


def _package(about: str, files: dict[str, bytes], trusted: frozenset[str]) -> Iterator[Finding]:
    try:
        sealed = SealedManifest.model_validate_json(files[MANIFEST])
    except ValidationError:
        yield _bad(about, "The manifest cannot be read: it was changed.", "清单无法读取：已被改动。")
        return
    if sealed.model_dump_json().encode() != files[MANIFEST].rstrip():
        yield _bad(about, "The manifest is not as it was written: it was changed.", "清单与原文不一致：已被改动。")
    text = files.get(KEY, b"").decode("ascii", "replace").strip()
    yield from _trust(about, text, trusted)
    try:
        contents = {name: content for name, content in files.items() if name not in (MANIFEST, KEY) and not _is_form(name)}
        verify_seal(sealed, _key(text), contents)
    except SealError as error:
        yield _bad(about, str(error), "封存校验未通过：签名不符，或文件缺失、多余、被改动。")
        return
    manifest = sealed.manifest
    yield _good(
        about,
        f"Signature and all {len(contents)} files hold: {manifest.rule} at {manifest.captured_at:%Y-%m-%d %H:%M:%S} UTC, "
        f"number {manifest.sequence} of camera {manifest.camera_id}.",
        f"签名及 {len(contents)} 个文件均完好：{manifest.rule}，摄像头 {manifest.camera_id} 的第 {manifest.sequence} 条。",
    )


def _chain(about: str, content: bytes, trusted: frozenset[str]) -> Iterator[Finding]:
    try:
        export = ChainExport.model_validate_json(content)
    except ValidationError:
        yield _bad(about, "The chain cannot be read: the file was changed.", "证据链文件无法读取：已被改动。")
        return
    if export.model_dump_json().encode() != content.rstrip():
        yield _bad(about, "The file is not as it was written: it was changed.", "文件与原文不一致：已被改动。")
    by_edge: dict[str, list[SealedManifest]] = defaultdict(list)
    for sealed in export.manifests:
        by_edge[sealed.manifest.edge_id].append(sealed)
    for edge_id in sorted(export.keys.keys() | by_edge.keys() | {tombstone.edge_id for tombstone in export.deleted}):
        name = f"{about}, {edge_id}"
        key = export.keys.get(edge_id, "")
        yield from _trust(name, key, trusted)
        deleted = [tombstone for tombstone in export.deleted if tombstone.edge_id == edge_id]
        yield from _links(name, export.camera_id, by_edge[edge_id], deleted, key)


def _links(
    about: str, camera_id: str, links: list[SealedManifest], deleted: list[Tombstone], key: str
) -> Iterator[Finding]:
    """Of one edge: each signed by it, each naming the one before, none missing, none twice."""
    problems = 0
    # By number, the digests that have it, each with the digest that it names as the one before.
    at: dict[int, dict[str, str]] = defaultdict(dict)
    for tombstone in deleted:
        at[tombstone.sequence][tombstone.digest] = tombstone.previous
        yield _good(
            about,
            f"Number {tombstone.sequence} was deleted by {tombstone.deleted_by} at {tombstone.deleted_at:%Y-%m-%d %H:%M:%S} UTC, "
            f"as the centre says; ground: {tombstone.ground}. Its place in the chain is checked, its content is gone.",
            f"第 {tombstone.sequence} 条据中心记载已依法删除（{tombstone.deleted_by}；依据：{tombstone.ground}）；"
            "仅核验其在链中的位置，内容已不存在。",
        )
    for sealed in links:
        number = sealed.manifest.sequence
        at[number][sealed.manifest.digest()] = sealed.manifest.previous
        try:
            verify_seal(sealed, _key(key), None)
        except SealError:
            problems += 1
            yield _bad(about, f"Number {number} was not signed by this edge.", f"第 {number} 条不是该边缘盒签名的。")
        if sealed.manifest.camera_id != camera_id:
            problems += 1
            yield _bad(about, f"Number {number} is of another camera.", f"第 {number} 条属于另一台摄像头。")
    before: str | None = FIRST_OF_CHAIN
    for number in range(1, max(at, default=0) + 1):
        here = at.get(number)
        if not here:
            if before is not None:
                problems += 1
                yield _bad(about, f"Number {number} is missing.", f"缺少第 {number} 条。")
            before = None
            continue
        if len(here) > 1:
            problems += 1
            yield _bad(about, f"There are {len(here)} different records with number {number}: the chain forks.",
                       f"第 {number} 条有 {len(here)} 个不同版本：证据链分叉。")
        if before is not None and before not in here.values():
            problems += 1
            yield _bad(about, f"Number {number} does not follow the one before it.", f"第 {number} 条与前一条不衔接。")
        before = next(iter(here))
    if not problems and links:
        yield _good(about, f"All {len(links)} records are signed, and the chain of {len(at)} has no gap.",
                    f"全部 {len(links)} 条记录签名有效；证据链共 {len(at)} 条，前后衔接、无缺失。")


def _trust(about: str, key: str, trusted: frozenset[str]) -> Iterator[Finding]:
    if not trusted:
        yield _good(
            about,
            f"Signed by the key {_shown(key)}, which came with the evidence. Compare it with the one that the centre tells, or "
            "give that one with --key.",
            f"签名密钥 {_shown(key)} 随证据提供。请与中心公布的密钥核对，或用 --key 指定。",
        )
    elif key not in trusted:
        yield _bad(about, f"The key {_shown(key)} is none of those that you trust.", f"密钥 {_shown(key)} 不在您信任的密钥之列。")


def _shown(key: str) -> str:
    try:
        return fingerprint(key) if key else "?"
    except (binascii.Error, ValueError):
        return "?"


def _key(text: str) -> Ed25519PublicKey:
    """Raises SealError."""
    try:
        raw = base64.b64decode(text, validate=True)
        if base64.b64encode(raw).decode() == text:
            return Ed25519PublicKey.from_public_bytes(raw)
    except (binascii.Error, ValueError):
        pass
    raise SealError("The public key of the edge is missing or damaged.")


def _is_form(name: str) -> bool:
    return PurePosixPath(name).suffix in FORMS


def _good(about: str, en: str, zh: str) -> Finding:
    return Finding(about, True, en, zh)


def _bad(about: str, en: str, zh: str) -> Finding:
    return Finding(about, False, en, zh)
