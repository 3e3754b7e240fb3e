"""Ed25519 signatures over the canonical form (RFC 8785) of what is sealed."""

import base64
import binascii
import hashlib

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from contract.base import Wire


def canonical(part: Wire) -> bytes:
    """The bytes that are hashed and signed."""
    return rfc8785.dumps(part.model_dump(mode="json"))


def digest(part: Wire) -> str:
    return hashlib.sha256(canonical(part)).hexdigest()


def sign(part: Wire, key: Ed25519PrivateKey) -> str:
    """The signature, base64."""
    return base64.b64encode(key.sign(canonical(part))).decode()


def is_signed(part: Wire, signature: str, key: Ed25519PublicKey | None) -> bool:
    """Whether the owner of the key has signed this. A signature has one true form; None has signed nothing."""
    try:
        raw = base64.b64decode(signature, validate=True)
        if key is None or base64.b64encode(raw).decode() != signature:  # spare bits of the last letter may be set
            return False
        key.verify(raw, canonical(part))
    except (InvalidSignature, ValueError):
        return False
    return True


def read_key(text: str) -> Ed25519PublicKey | None:
    """A raw public key in base64; None for anything else."""
    try:
        raw = base64.b64decode(text, validate=True)
        return Ed25519PublicKey.from_public_bytes(raw) if base64.b64encode(raw).decode() == text else None
    except (binascii.Error, ValueError):
        return None


def write_key(key: Ed25519PublicKey) -> str:
    return base64.b64encode(key.public_bytes_raw()).decode()


def fingerprint(key: str) -> str:
    """A key in a form that people can compare over the telephone; `?` for what is none."""
    return "?" if read_key(key) is None else hashlib.sha256(base64.b64decode(key)).hexdigest()[:16]
