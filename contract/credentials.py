"""Camera passwords on their way from centre to edge: encrypted to the edge's own key (HPKE, RFC 9180), never in the clear."""

import base64

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


class CredentialError(ValueError):
    """A sealed credential that was not made for this edge's key, or for another camera."""


def seal_credential(key: X25519PublicKey, camera_id: str, password: str) -> str:
    """Encrypt for one edge and one camera; the result is base64 and differs at every call."""
    return base64.b64encode(_SUITE.encrypt(password.encode(), key, info=_info(camera_id))).decode()


def open_credential(key: X25519PrivateKey, camera_id: str, sealed: str) -> str:
    try:
        return _SUITE.decrypt(base64.b64decode(sealed, validate=True), key, info=_info(camera_id)).decode()
    except (InvalidTag, ValueError) as error:
        raise CredentialError("The camera's password was sealed for another edge. Save the camera again.") from error


def _info(camera_id: str) -> bytes:
    return b"sunshine camera password " + camera_id.encode()
