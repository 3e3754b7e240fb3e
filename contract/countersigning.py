"""What the centre says of the evidence that it holds, in its own name and by its own clock.

Of each manifest: when it came in, what people judged of it, and that it was deleted lawfully (then this is all that is left).
Each statement names the one before it about the same manifest, so none of them can be changed or taken out unseen. Of each edge:
that a key is its own, and until when it was trusted.
"""

from typing import Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import AwareDatetime, Field

from contract.base import Identifier, Sha256, Wire
from contract.signing import sign

FIRST = "0" * 64
StatementAct = Literal["received", "confirm", "dismiss", "merge", "split", "undo", "reopen", "uphold", "withdraw", "deleted"]


class Statement(Wire):
    """About one manifest, which it names by its digest and by its place in the chain of its camera and edge."""

    format: Literal[1] = 1
    manifest: Sha256
    edge_id: Identifier
    camera_id: Identifier
    sequence: int = Field(ge=1)
    previous: Sha256 = Field(description="digest of the manifest before it")
    number: int = Field(ge=1, description="of the statements about this manifest")
    before: Sha256 = Field(description="digest of the statement before it; zeros for the first")
    act: StatementAct
    at: AwareDatetime = Field(description="by the centre's clock, UTC")
    by: str = Field(max_length=100, description="who: the edge that sent it, the person who judged or deleted it")
    ground: str | None = Field(None, max_length=500)
    key: str = Field(max_length=100, description="the centre's Ed25519 public key, raw, base64")


class SignedStatement(Wire):
    statement: Statement
    signature: str = Field(description="Ed25519, base64")


class EdgeCertificate(Wire):
    """That this is the key of this edge, as far as the centre knew at `at`."""

    format: Literal[1] = 1
    edge_id: Identifier
    public_key: str = Field(max_length=100, description="of the edge: Ed25519, raw, base64")
    enrolled_at: AwareDatetime
    revoked_at: AwareDatetime | None = Field(description="from then on nothing that it signs is taken")
    at: AwareDatetime
    key: str = Field(max_length=100, description="the centre's Ed25519 public key, raw, base64")


class SignedCertificate(Wire):
    certificate: EdgeCertificate
    signature: str = Field(description="Ed25519, base64")


class CentreWord(Wire):
    """What lies as centre.json beside a package that was exported: the statements about its manifest, in order."""

    edge: SignedCertificate
    statements: list[SignedStatement] = Field(max_length=10_000)


def countersign(statement: Statement, key: Ed25519PrivateKey) -> SignedStatement:
    return SignedStatement(statement=statement, signature=sign(statement, key))


def certify(certificate: EdgeCertificate, key: Ed25519PrivateKey) -> SignedCertificate:
    return SignedCertificate(certificate=certificate, signature=sign(certificate, key))
