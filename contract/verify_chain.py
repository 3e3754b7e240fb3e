"""Checking the chain of a camera: every link signed, none missing, none twice; what was deleted lawfully leaves its place, and a
new key goes on where the one before it ended."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pydantic import Field, ValidationError

from contract.base import Identifier, Wire
from contract.countersigning import SignedCertificate, SignedStatement
from contract.evidence import FIRST_OF_CHAIN, ClipManifest, Manifest, SealedClip, SealedManifest
from contract.findings import Finding, Trust, about_centre_key, about_edge_key, bad, certificate_of, good
from contract.signing import is_signed, read_key
from contract.verify_centre import about_revocation, beijing, in_words, problems_of, received_at

MOST = 1_000_000
_LATEST = datetime.max.replace(tzinfo=UTC)


class ChainExport(Wire):
    """All manifests of one camera that the centre holds, with the public keys (raw, base64) of the edges that signed them, the
    centre's certificates of these keys, and what the centre says of each manifest, in order. Of one that was deleted lawfully
    only that is left."""

    camera_id: Identifier
    keys: dict[Identifier, str]
    manifests: list[SealedManifest] = Field(max_length=MOST)
    clips: list[SealedClip] = Field(default_factory=list, max_length=MOST)
    certificates: list[SignedCertificate] = Field(default_factory=list, max_length=MOST)
    statements: list[SignedStatement] = Field(default_factory=list, max_length=10 * MOST)


@dataclass(frozen=True)
class Link:
    """A manifest's place: `sealed` is None where it was deleted. `received` is by the centre's clock."""

    digest: str
    previous: str
    received: datetime | None
    sealed: SealedManifest | SealedClip | None
    statements: list[SignedStatement]

    @property
    def at(self) -> datetime | None:
        """When it came in, or else when it was taken."""
        if self.received is None and self.sealed is not None and isinstance(self.sealed.manifest, Manifest):
            return self.sealed.manifest.captured_at
        return self.received


@dataclass
class _Chain:
    """Of one edge: by number, the links that claim it."""

    links: dict[int, list[Link]] = field(default_factory=lambda: defaultdict(list))


def check_chain(about: str, content: bytes, trust: Trust) -> Iterator[Finding]:
    try:
        export = ChainExport.model_validate_json(content)
    except ValidationError:
        yield bad(about, "The chain cannot be read: the file was changed.", "证据链文件无法读取：已被改动。")
        return
    if export.model_dump_json().encode() != content.rstrip():
        yield bad(about, "The file is not as it was written: it was changed.", "文件与原文不一致：已被改动。")
    signers = dict.fromkeys(
        [one.certificate.key for one in export.certificates] + [one.statement.key for one in export.statements]
    )
    yield from filter(None, (about_centre_key(about, key, trust) for key in signers))
    chains = _chains(export)
    certificates = {one.certificate.edge_id: one for one in export.certificates}
    for edge_id in sorted(export.keys.keys() | chains.keys() | certificates.keys()):
        name, key = f"{about}, {edge_id}", export.keys.get(edge_id, "")
        certificate = certificate_of(certificates.get(edge_id), edge_id, key)
        if certificate is None and edge_id in certificates:
            yield bad(name, "The centre did not sign that this key is the edge's.", "边缘盒密钥证明不是中心签发的。")
        if (finding := about_edge_key(name, key, certificate, trust)) is not None:
            yield finding
        yield from _links(name, export.camera_id, chains.get(edge_id, _Chain()), key, certificate)
    yield from _beginnings(about, chains)


def _chains(export: ChainExport) -> dict[str, _Chain]:
    """By edge."""
    said: dict[str, list[SignedStatement]] = defaultdict(list)
    for one in export.statements:
        said[one.statement.manifest].append(one)
    chains: dict[str, _Chain] = defaultdict(_Chain)
    everything: list[SealedManifest | SealedClip] = [*export.manifests, *export.clips]
    for sealed in everything:
        manifest = sealed.manifest
        digest = manifest.digest()
        statements = said.pop(digest, [])
        link = Link(digest, manifest.previous, received_at(statements), sealed, statements)
        chains[manifest.edge_id].links[manifest.sequence].append(link)
    for digest, statements in said.items():
        last = statements[-1].statement
        link = Link(digest, last.previous, received_at(statements), None, statements)
        chains[last.edge_id].links[last.sequence].append(link)
    return chains


def _links(
    about: str, camera_id: str, chain: _Chain, key: str, certificate: SignedCertificate | None
) -> Iterator[Finding]:
    """Of one edge: each signed by it, each naming the one before, none missing, none twice."""
    problems: list[Finding] = []
    for number, links in sorted(chain.links.items()):
        for link in links:
            revocation = about_revocation(about, f"Number {number}", f"第 {number} 条", certificate, link.received)
            wrong = [
                *_problems_of_link(about, camera_id, number, link, key), *(finding for finding in revocation if not finding.holds)
            ]
            problems += wrong
            if link.sealed is None and not wrong:
                yield good(
                    about, f"Number {number}: {in_words(link.statements[-1:])}. Its content is gone; the link holds.",
                    f"第 {number} 条已依法删除，由中心签名记载；内容已不存在，链上位置有效。",
                )
    problems += [*_strays(about, chain), *_gaps_and_forks(about, chain)]
    yield from problems
    kept = [link for links in chain.links.values() for link in links if link.sealed is not None]
    silent = [link for link in kept if not link.statements]
    if silent:
        yield good(about, f"Of {len(silent)} records no word of the centre is here: when they came in is not shown.",
                   f"其中 {len(silent)} 条没有中心的签名记载，收到时间无从证明。")
    if not problems and kept:
        revoked = certificate.certificate.revoked_at if certificate is not None else None
        if revoked is not None:
            at = f"{revoked:%Y-%m-%d %H:%M:%S} UTC"
            yield good(about, f"The key was revoked at {at}; all records came in before that.",
                       f"签名密钥已于 {beijing(revoked)} 吊销；全部记录在此之前已收到。")
        yield good(about, f"All {len(kept)} records are signed, and the chain of {len(chain.links)} has no gap.",
                   f"全部 {len(kept)} 条记录签名有效；证据链共 {len(chain.links)} 条，前后衔接、无缺失。")


def _problems_of_link(about: str, camera_id: str, number: int, link: Link, key: str) -> Iterator[Finding]:
    zh = f"第 {number} 条"
    yield from problems_of(about, link.digest, link.statements, f"Number {number}: ", f"{zh}：")
    if link.sealed is None:
        if link.statements[-1].statement.act != "deleted":
            yield bad(about, f"Number {number} is missing, although the centre says of it: {in_words(link.statements)}.",
                      f"缺少{zh}，而中心记载曾收到它。")
        return
    if not is_signed(link.sealed.manifest, link.sealed.signature, read_key(key)):
        yield bad(about, f"Number {number} was not signed by this edge.", f"{zh}不是该边缘盒签名的。")
    if link.sealed.manifest.camera_id != camera_id:
        yield bad(about, f"Number {number} is of another camera.", f"{zh}属于另一台摄像头。")


def _strays(about: str, chain: _Chain) -> Iterator[Finding]:
    """Clips of violations that are not there; of one that was deleted the digest is left."""
    links = [(number, link) for number, here in chain.links.items() for link in here]
    digests = {link.digest for _, link in links}
    for number, link in links:
        clip = link.sealed.manifest if link.sealed is not None else None
        if isinstance(clip, ClipManifest) and clip.snapshot not in digests:
            yield bad(about, f"Number {number} is the clip of a violation that is not in the chain.",
                      f"第 {number} 条是片段清单，但其对应的违规记录不在链中。")


def _gaps_and_forks(about: str, chain: _Chain) -> Iterator[Finding]:
    """What number 1 names is looked at in `_beginnings`."""
    before: str | None = None
    expected = 1
    for number, here in sorted(chain.links.items()):
        if number > expected:
            yield bad(about, f"Number {expected} is missing.", f"缺少第 {expected} 条。")
            before = None
        if len(here) > 1:
            yield bad(about, f"There are {len(here)} different records with number {number}: the chain forks.",
                      f"第 {number} 条有 {len(here)} 个不同版本：证据链分叉。")
        if before is not None and before not in (link.previous for link in here):
            yield bad(about, f"Number {number} does not follow the one before it.", f"第 {number} 条与前一条不衔接。")
        before, expected = here[0].digest, number + 1


def _beginnings(about: str, chains: Mapping[str, _Chain]) -> Iterator[Finding]:
    """Each key begins a chain of its own. The first of a camera names nothing before it; each later one names the last record of
    the camera that the centre knew then."""
    known = {
        link.digest: (edge_id, number)
        for edge_id, chain in chains.items() for number, links in chain.links.items() for link in links
    }
    firsts = [(edge_id, link) for edge_id, chain in chains.items() for link in chain.links.get(1, [])]
    roots = [pair for pair in firsts if pair[1].previous == FIRST_OF_CHAIN]
    root = min(roots, key=lambda pair: pair[1].at or _LATEST, default=None)
    for edge_id, link in firsts:
        name = f"{about}, {edge_id}"
        if link.previous == FIRST_OF_CHAIN:
            if root is not None and edge_id != root[0]:
                yield bad(
                    name, f"It names nothing before it, although {root[0]} had begun a chain of this camera. A new key must name "
                    "the last record that the centre knew.",
                    f"该链未指明前一条，而 {root[0]} 已开始本摄像头的证据链；新密钥须指明中心所知的最后一条。",
                )
            continue
        owner, number = known.get(link.previous, ("", 0))
        if not owner or owner == edge_id:
            yield bad(name, "Number 1 does not follow the one before it: what it names is not here.",
                      "第 1 条与前一条不衔接：所指明的记录不在其中。")
            continue
        later = [
            other for following, others in chains[owner].links.items() if following > number
            for other in others if other.at is not None and link.at is not None and other.at < link.at
        ]
        if later:
            yield bad(
                name, f"Its first record names number {number} of {owner}, which had {len(later)} more by then: the chain forks.",
                f"首条指明 {owner} 的第 {number} 条，而当时其后已另有 {len(later)} 条：证据链分叉。",
            )
        else:
            yield good(
                name, f"Begun with a new key: its first record names number {number} of {owner}, the last before it. The link "
                "holds.",
                f"新密钥开始的新链：首条指明 {owner} 的第 {number} 条（此前最后一条），链接有效。",
            )
