"""Checking sealed evidence anywhere, without the centre: one package, a case's export, or the chain of a camera.

    PACKAGE/        manifest.json, the files that it names, edge.pub (the edge's public key, base64), and from a centre also
                    centre.json (a `CentreWord`: when it came in, who judged it, and whose key that is);
                    clip.json, clip.mp4 and clip.centre.json, where the manifest of the clip has arrived
    chain.json      a `ChainExport`: every manifest of one camera that the centre holds

Several packages may lie in one folder or ZIP.
"""

import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

import rfc8785
from pydantic import ValidationError

from contract.edge_auth import CLOCK_LEEWAY_S
from contract.evidence import CLIP, Manifest, SealedManifest, SealError, verify_seal
from contract.findings import Finding, Trust, about_edge_key, bad, certificate_of, good
from contract.signing import read_key
from contract.verify_centre import about_package, beijing, read_word
from contract.verify_chain import check_chain
from contract.verify_clip import CLIP_CENTRE, CLIP_MANIFEST, about_clip

MANIFEST, KEY, CENTRE, CHAIN = "manifest.json", "edge.pub", "centre.json", "chain.json"
# The forms that people read, beside the evidence in an export; they are no part of what is sealed.
FORMS = frozenset({".html", ".txt"})
_BESIDE = frozenset({MANIFEST, KEY, CENTRE, CLIP_MANIFEST, CLIP_CENTRE, CLIP})


# Pictures and clips hardly shrink, and an export packs nothing; manifests and forms shrink to a tenth. What promises to grow more
# was made to fill the memory of whoever checks it. A small one may: a few manifests fit into any memory.
MOST_GROWTH, ALWAYS_BYTES = 20, 64 * 2**20


class Unreadable(ValueError):
    """What was given holds no evidence, or is damaged as a whole; the message says what to do."""


def read(path: Path) -> dict[str, bytes]:
    """All files of a folder or a ZIP, or the one file, by name. Raises OSError or Unreadable."""
    if path.is_dir():
        return {file.relative_to(path).as_posix(): file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()}
    if not zipfile.is_zipfile(path):
        return {CHAIN if path.suffix == ".json" else path.name: path.read_bytes()}
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())  # no more of an entry is read than it says
            if unpacked > max(ALWAYS_BYTES, MOST_GROWTH * path.stat().st_size):
                raise Unreadable(
                    f"The ZIP would unpack to {unpacked // 2**20} MiB, which no evidence does: it was not read. Ask for it again."
                )
            files: dict[str, bytes] = {}
            for entry in archive.infolist():
                name = str(PurePosixPath(entry.filename))
                if name in files:  # whoever unpacks it might be shown the other one than was checked
                    raise Unreadable(f"The ZIP holds {name} twice: it was changed after it was made. Ask for it again.")
                if not entry.is_dir():
                    files[name] = archive.read(entry)
            return files
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise Unreadable(f"The ZIP is damaged ({error}): it was changed after it was made. Ask for it again.") from error


def verify(files: Mapping[str, bytes], edges: Iterable[str] = (), centres: Iterable[str] = ()) -> list[Finding]:
    """What holds and what does not. `edges` and `centres`: public keys (base64) that are known from elsewhere. Raises
    Unreadable."""
    trust = Trust(frozenset(edges), frozenset(centres))
    folders = sorted({str(PurePosixPath(name).parent) for name in files if PurePosixPath(name).name == MANIFEST})
    chains = [name for name in files if PurePosixPath(name).name == CHAIN]
    if not folders and not chains:
        raise Unreadable(f"There is no evidence in it. Give a folder or ZIP with a {MANIFEST} or a {CHAIN} inside.")
    findings: list[Finding] = []
    for folder in folders:
        inside = {
            path.name: content for name, content in files.items() if str((path := PurePosixPath(name)).parent) == folder
        }
        findings += _told(folder, _package(folder, inside, trust))
    for name in chains:
        findings += _told(name, check_chain(name, files[name], trust))
    known = {*folders, *(str(PurePosixPath(name).parent) for name in chains)}
    for name in files:
        path = PurePosixPath(name)
        if _is_form(name):
            findings.append(
                good(
                    name, "A form for people to read. It is not sealed, so nothing here says whether it was changed.",
                    "此文件供人阅读，未经封存，是否改动过无从核验。",
                )
            )
        elif str(path.parent) not in known:
            findings.append(bad(name, "This file belongs to no evidence here.", "此文件不属于任何证据。"))
    return findings


def _told(about: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    try:
        yield from findings
    except rfc8785.CanonicalizationError:
        yield bad(about, "It holds a number that cannot be: it was changed.", "其中含有不可能的数值：已被改动。")


def _package(about: str, files: dict[str, bytes], trust: Trust) -> Iterator[Finding]:
    try:
        sealed = SealedManifest.model_validate_json(files[MANIFEST])
    except ValidationError:
        yield bad(about, "The manifest cannot be read: it was changed.", "清单无法读取：已被改动。")
        return
    manifest = sealed.manifest
    if sealed.model_dump_json().encode() != files[MANIFEST].rstrip():
        yield bad(about, "The manifest is not as it was written: it was changed.", "清单与原文不一致：已被改动。")
    text = files.get(KEY, b"").decode("ascii", "replace").strip()
    word = read_word(about, files[CENTRE]) if CENTRE in files else None
    if isinstance(word, Finding):
        yield word
        word = None
    certificate = certificate_of(word.edge, manifest.edge_id, text) if word else None
    if (finding := about_edge_key(about, text, certificate, trust)) is not None:
        yield finding
    key = read_key(text)
    if key is None:
        yield bad(about, "The public key of the edge is missing or damaged.", "边缘盒公钥缺失或损坏。")
        return
    try:
        contents = {name: content for name, content in files.items() if name not in _BESIDE and not _is_form(name)}
        verify_seal(sealed, key, contents)
    except SealError as error:
        yield bad(about, str(error), "封存校验未通过：签名不符，或文件缺失、多余、被改动。")
        return
    yield good(
        about,
        f"Signature and all {len(contents)} files hold: {manifest.rule} at {manifest.captured_at:%Y-%m-%d %H:%M:%S} UTC, "
        f"number {manifest.sequence} of camera {manifest.camera_id}.",
        f"签名及 {len(contents)} 个文件均完好：{manifest.rule}，{beijing(manifest.captured_at)}，"
        f"摄像头 {manifest.camera_id} 的第 {manifest.sequence} 条。",
    )
    yield from _about_clock(about, manifest)
    if word is not None:
        yield from about_package(about, manifest, word, text, trust)
    elif CENTRE not in files:
        yield good(about, "No word of the centre is with it: when it came in and who judged it is not shown.",
                   "未附中心的签名记载：收到时间和审核人无从证明。")
    yield from about_clip(about, files, manifest, text, trust)


def _about_clock(about: str, manifest: Manifest) -> Iterator[Finding]:
    """The time above is the box's own."""
    off_s = manifest.clock_offset_s
    if off_s is None:
        yield good(about, "That time is the box's own; its clock had not been compared with the centre's.",
                   "上述时间出自设备自身时钟，当时未与中心核对。")
    elif abs(off_s) > CLOCK_LEEWAY_S:
        ahead, zh = ("ahead of", "快") if off_s > 0 else ("behind", "慢")
        yield good(about, f"That time is the box's own; its clock was {abs(off_s):.0f} s {ahead} the centre's.",
                   f"上述时间出自设备自身时钟，当时比中心{zh} {abs(off_s):.0f} 秒。")


def _is_form(name: str) -> bool:
    return PurePosixPath(name).suffix in FORMS
