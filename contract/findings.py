"""What a check of evidence tells: sentences in both languages, and whose keys are believed."""

from dataclasses import dataclass, field

from contract.countersigning import SignedCertificate
from contract.signing import fingerprint, is_signed, read_key


@dataclass(frozen=True)
class Finding:
    """One sentence about one thing, in both languages."""

    about: str
    holds: bool
    en: str
    zh: str


@dataclass(frozen=True)
class Trust:
    """Public keys (raw, base64) that are known from elsewhere: of edges and of the centre. With none, those that came along are
    shown to be compared."""

    edges: frozenset[str] = field(default=frozenset())
    centres: frozenset[str] = field(default=frozenset())


def good(about: str, en: str, zh: str) -> Finding:
    return Finding(about, True, en, zh)


def bad(about: str, en: str, zh: str) -> Finding:
    return Finding(about, False, en, zh)


def certificate_of(signed: SignedCertificate | None, edge_id: str, key: str) -> SignedCertificate | None:
    """The certificate if the centre's key that it names has signed it, for this edge and this key."""
    if signed is None or (signed.certificate.edge_id, signed.certificate.public_key) != (edge_id, key):
        return None
    return signed if is_signed(signed.certificate, signed.signature, read_key(signed.certificate.key)) else None


def about_edge_key(about: str, key: str, signed: SignedCertificate | None, trust: Trust) -> Finding | None:
    """`signed` is a certificate that holds. None where the key is one that is trusted by itself."""
    shown = fingerprint(key)
    if key in trust.edges:
        return None
    if signed is not None and signed.certificate.key in trust.centres:
        return good(about, f"The centre certifies the key of the edge, {shown}.", f"边缘盒签名密钥 {shown} 由中心证明。")
    if trust.edges or trust.centres:
        return bad(about, f"The key {shown} is none of those that you trust.", f"密钥 {shown} 不在您信任的密钥之列。")
    return good(
        about,
        f"Signed by the key {shown}, which came with the evidence. Compare it with the one that the centre tells, or give that "
        "one with --key.",
        f"签名密钥 {shown} 随证据提供。请与中心公布的密钥核对，或用 --key 指定。",
    )


def about_centre_key(about: str, key: str, trust: Trust) -> Finding | None:
    shown = fingerprint(key)
    if key in trust.centres:
        return None
    if trust.centres:
        return bad(
            about, f"The key {shown}, with which the centre is said to have signed, is none of those that you trust.",
            f"所称的中心签名密钥 {shown} 不在您信任的密钥之列。",
        )
    return good(
        about,
        f"The centre's word is signed by the key {shown}, which came with it. Compare it with the one that the centre publishes, "
        "or give that one with --centre-key.",
        f"中心签名密钥 {shown} 随证据提供。请与中心公布的密钥核对，或用 --centre-key 指定。",
    )
