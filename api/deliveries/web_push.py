"""Web Push: one message to one browser, by RFC 8030 (the request), 8188 and 8291 (its encryption) and 8292 (who sends it).

The usual libraries bring an HTTP client of their own, which knows nothing of our guard, or come as source only.
"""

import json
import os
from collections.abc import Sequence
from datetime import datetime, timedelta

import httpx
import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from api.deliveries.kinds import Fault
from api.deliveries.secrets import Subscription
from api.kit import base64url
from api.kit.outbound import Network

# A browser that is off for longer is told nothing stale; the case still stands in its list.
KEPT_FOR = timedelta(days=1)
# RFC 8292 allows 24 hours; a clock may be off.
TOKEN_LASTS = timedelta(hours=12)
AUTH_BYTES = SALT_BYTES = 16
RECORD_BYTES = 4096
_LAST_RECORD = b"\x02"  # RFC 8188, 2
# Push services lie on the public internet. Their address is whatever a browser says, so anybody with an account names it: the
# networks that an administrator opened for what administrators name are not theirs to reach into.
NETWORKS: Sequence[Network] = ()
# What a push service means that is not about this one message.
FAULTS: dict[int, Fault] = {404: Fault.GONE, 401: Fault.WRONG_SETTINGS, 403: Fault.WRONG_SETTINGS}


class NotASubscription(ValueError):
    """A browser's subscription that nothing can be encrypted for."""


def check_subscription(subscription: Subscription) -> None:
    """The two values; whether its address may be reached is the guard's to say. Raises NotASubscription."""
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), base64url.decode(subscription.p256dh))
        auth = base64url.decode(subscription.auth)
    except ValueError as error:
        raise NotASubscription("The key of the browser is none of P-256.") from error
    if len(auth) != AUTH_BYTES:
        raise NotASubscription("The secret of the browser is not 16 bytes.")


def request_for(
    subscription: Subscription, key: ec.EllipticCurvePrivateKey, contact: str, message_id: str, content: bytes, at: datetime, *,
    is_urgent: bool = False,
) -> httpx.Request:
    """`contact` is where the push service can reach whoever runs this centre: mailto: or https:."""
    url = httpx.URL(subscription.endpoint)
    claims = {"aud": _origin(url), "exp": int((at + TOKEN_LASTS).timestamp()), "sub": contact}
    headers = {
        "Authorization": f"vapid t={jwt.encode(claims, key, 'ES256')}, k={public_key(key)}", "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream", "TTL": str(int(KEPT_FOR.total_seconds())),
        # A repeat replaces the one that still waits at the push service; the browser replaces one that is shown.
        "Topic": message_id, "Urgency": "high" if is_urgent else "normal",
    }
    body = encrypted(subscription, content, ec.generate_private_key(ec.SECP256R1()), os.urandom(SALT_BYTES))
    return httpx.Request("POST", url, headers=headers, content=body)


def content_for(text: str, message_id: str) -> bytes:
    """What the service worker shows: the first line of the text as the title, the last one as where a click leads."""
    title, *lines, url = text.splitlines()
    shown = {"title": title, "body": "\n".join(lines), "url": url, "id": message_id}
    return json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode()


def public_key(key: ec.EllipticCurvePrivateKey) -> str:
    """As browsers take it, `applicationServerKey`."""
    return base64url.encode(_point(key))


def encrypted(subscription: Subscription, content: bytes, key: ec.EllipticCurvePrivateKey, salt: bytes) -> bytes:
    """RFC 8291, 3: one record that only the browser can read. `key` and `salt` (16 bytes) are for this one message."""
    theirs, ours = base64url.decode(subscription.p256dh), _point(key)
    shared = key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), theirs))
    secret = _derived(base64url.decode(subscription.auth), shared, b"WebPush: info\0" + theirs + ours, 32)
    content_key = _derived(salt, secret, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derived(salt, secret, b"Content-Encoding: nonce\0", 12)
    sealed = AESGCM(content_key).encrypt(nonce, content + _LAST_RECORD, None)
    return salt + RECORD_BYTES.to_bytes(4) + len(ours).to_bytes() + ours + sealed


def _derived(salt: bytes, secret: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt, info).derive(secret)


def _point(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def _origin(url: httpx.URL) -> str:
    return str(url.copy_with(path="/", query=None, fragment=None)).rstrip("/")
