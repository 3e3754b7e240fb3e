"""The evidence manifests: their canonical form, their seal (Ed25519 over RFC 8785) and the check of the seal.

A manifest names the SHA-256 of every file of one violation and of the manifest before it of the same camera (a chain), so a file
that was changed, or a violation that was taken out, shows. The snapshot's manifest is sealed at once, the clip's when the clip is
complete; it names the first by its digest.
"""

import hashlib
from datetime import datetime
from enum import StrEnum
from typing import Literal, Self
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import AwareDatetime, Field, model_validator

from contract.base import Box, Identifier, Sha256, Wire
from contract.catalogue import AreaKind, RuleCode, Severity
from contract.signing import canonical, digest, is_signed, sign

FIRST_OF_CHAIN = "0" * 64
CLIP = "clip.mp4"
# Bytes: 17 s of a camera at 15 Mb/s.
LARGEST_CLIP = 32 * 2**20


class FileDigest(Wire):
    """`sha256` and size in bytes of one evidence file."""

    sha256: Sha256
    size: int = Field(ge=0)


class ModelVersion(Wire):
    name: str
    sha256: Sha256


class AttributeVotes(Wire):
    """What the looks over the hold time said about the attribute of the rule."""

    looks: int = Field(ge=0)
    sure: int = Field(ge=0)
    violating: int = Field(ge=0)


class MarkedBox(Wire):
    """A box that was drawn into the overlay; `violating` marks the one the violation is about."""

    kind: Literal["person", "head", "hand", "cigarette"]
    box: Box
    score: float
    violating: bool = False


class _Sealable(Wire):
    def canonical(self) -> bytes:
        """The bytes that are hashed and signed: RFC 8785."""
        return canonical(self)

    def digest(self) -> str:
        return digest(self)


class Manifest(_Sealable):
    format: Literal[1] = 1
    violation_id: UUID
    edge_id: Identifier
    camera_id: Identifier
    camera_name: str
    shop_id: Identifier
    area: AreaKind
    stream_host: str = Field(description="host of the stream, never a credential")
    sequence: int = Field(ge=1, description="place in the chain of this camera")
    previous: Sha256 = Field(description="digest of the manifest before; zeros for the first")
    rule: RuleCode
    severity: Severity = Field(description="of the rule in this area, as the catalogue of this version has it")
    catalogue_version: str
    models: list[ModelVersion]
    software_version: str
    captured_at: AwareDatetime = Field(description="wall-clock time of the frame, UTC, by the edge's clock")
    clock_offset_s: float | None = Field(description="edge clock minus centre clock when last compared; None: not yet compared")
    camera_time_s: float = Field(description="the stream's own time of the frame")
    since: AwareDatetime = Field(description="wall-clock time of the first look that counted")
    frame_width: int
    frame_height: int
    track: int
    votes: AttributeVotes
    boxes: list[MarkedBox]
    files: dict[str, FileDigest] = Field(description="by file name: original.jpg, overlay.jpg")


class ClipFlaw(StrEnum):
    """Why a clip is shorter than it should be, or is not there."""

    MEMORY = "memory"  # it did not fit into the memory that the edge gives a camera
    STREAM = "stream"  # the stream had just begun, broke off, or stood still
    STOPPED = "stopped"  # the edge was stopped or died
    FORMAT = "format"  # of the stream: neither H.264 nor H.265, or without time stamps
    DISK = "disk"  # of the edge: it did not take the clip
    FAILED = "failed"  # anything else


class ClipManifest(_Sealable):
    """Of the stream's own packets around a violation, or of why there are none."""

    format: Literal[1] = 1
    violation_id: UUID
    snapshot: Sha256 = Field(description="digest of the manifest of the violation's pictures")
    edge_id: Identifier
    camera_id: Identifier
    sequence: int = Field(ge=1, description="place in the chain of this camera")
    previous: Sha256 = Field(description="digest of the manifest before")
    software_version: str
    codec: Literal["h264", "hevc"] | None = None
    duration_s: float | None = Field(None, gt=0, description="from the first picture to the end of the last")
    moment_s: float | None = Field(None, ge=0, description="from the first picture to the violation's own")
    begins_late: ClipFlaw | None = Field(None, description="why it does not begin 5 s before the moment")
    ends_early: ClipFlaw | None = Field(None, description="why it does not last until 10 s after it")
    missing: ClipFlaw | None = Field(None, description="why there is no clip")
    files: dict[str, FileDigest] = Field(description="clip.mp4, or nothing")

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        told = (self.codec, self.duration_s, self.moment_s)
        if self.missing is None and (set(self.files) != {CLIP} or None in told):
            raise ValueError("a clip has a file, a codec, a duration and a moment")
        if self.missing is not None and (self.files or told != (None, None, None) or self.begins_late or self.ends_early):
            raise ValueError("a clip that is missing has nothing else")
        return self


class SealedManifest(Wire):
    """A manifest with the edge's signature: what lies as manifest.json beside the files and travels to the centre."""

    manifest: Manifest
    signature: str = Field(description="Ed25519, base64")


class SealedClip(Wire):
    """The same for the manifest of a clip."""

    manifest: ClipManifest
    signature: str = Field(description="Ed25519, base64")


class SealError(ValueError):
    """The seal does not hold: the signature is another's, or a file differs from its digest."""


def seal(manifest: Manifest, key: Ed25519PrivateKey) -> SealedManifest:
    return SealedManifest(manifest=manifest, signature=sign(manifest, key))


def seal_clip(manifest: ClipManifest, key: Ed25519PrivateKey) -> SealedClip:
    return SealedClip(manifest=manifest, signature=sign(manifest, key))


def verify_seal(sealed: SealedManifest | SealedClip, key: Ed25519PublicKey, contents: dict[str, bytes] | None) -> None:
    """Check the signature and the digest of every file; of the signature alone where `contents` is None.

    Raises SealError, which says what does not fit.
    """
    if not is_signed(sealed.manifest, sealed.signature, key):
        raise SealError("The signature of the manifest was not made by this edge's key.")
    if contents is None:
        return
    named = sealed.manifest.files
    if set(named) != set(contents):
        raise SealError(f"The manifest names the files {sorted(named)}, but {sorted(contents)} are there.")
    for name, told in named.items():
        if told != file_digest(contents[name]):
            raise SealError(f"The file {name} is not the one that the manifest was made for.")


def file_digest(content: bytes | memoryview) -> FileDigest:
    return FileDigest(sha256=hashlib.sha256(content).hexdigest(), size=len(content))


def utc_milliseconds(moment: datetime) -> datetime:
    """Cut to milliseconds, the resolution that manifests keep."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
