"""A browser's side of Web Push: the keys of RFC 8291, 5, and what it reads out of a request with them."""

import base64
import json
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tests.api.deliveries.receiver import Request

KEYS = {
    "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
    "auth": "BTBZMqHH6r4Tts7J_aSIgg",
}
PRIVATE = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"


def raw(base64url: str) -> bytes:
    return base64.urlsafe_b64decode(base64url + "=" * (-len(base64url) % 4))


def point(key: bytes) -> ec.EllipticCurvePublicKey:
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key)


def read(body: bytes) -> dict[str, Any]:
    """Decrypted by the letter of RFC 8188 and 8291, with nothing of the product."""
    salt, record_size, length = body[:16], int.from_bytes(body[16:20]), body[20]
    sender, sealed = body[21 : 21 + length], body[21 + length :]
    assert len(sealed) <= record_size
    private = ec.derive_private_key(int.from_bytes(raw(PRIVATE)), ec.SECP256R1())
    shared = private.exchange(ec.ECDH(), point(sender))
    secret = derive(raw(KEYS["auth"]), shared, b"WebPush: info\0" + raw(KEYS["p256dh"]) + sender, 32)
    key = derive(salt, secret, b"Content-Encoding: aes128gcm\0", 16)
    nonce = derive(salt, secret, b"Content-Encoding: nonce\0", 12)
    padded = AESGCM(key).decrypt(nonce, sealed, None).rstrip(b"\0")
    assert padded[-1:] == b"\2"  # the last record
    told: dict[str, Any] = json.loads(padded[:-1])
    return told


def derive(salt: bytes, secret: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt, info).derive(secret)


def claims(request: Request, audience: str) -> dict[str, Any]:
    """Who sent it, by RFC 8292: signed with the very key that the browser was given."""
    scheme, _, parameters = request.headers["authorization"].partition(" ")
    assert scheme == "vapid"
    named = dict(part.strip().split("=", 1) for part in parameters.split(","))
    # The clock is the test's.
    told: dict[str, Any] = jwt.decode(
        named["t"], point(raw(named["k"])), algorithms=["ES256"], audience=audience, options={"verify_exp": False}
    )
    return told | {"k": named["k"]}
