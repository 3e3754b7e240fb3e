"""How an edge proves who it is: a short-lived JWT (RFC 7519) signed with its own Ed25519 key, as a bearer token.

It holds for one request only: it names the method, the path (`htm` and `htu` as in RFC 9449) and the digest of its content: the
body, or for a report, whose parts are sealed by themselves, its Idempotency-Key. Who catches one can do no more than send the
same request again until it expires, and each of the edge's requests may be repeated: a report is answered as before, minutes are
overwritten with themselves, passwords in the configuration are sealed to the edge.
"""

import hashlib
import re
import time
from datetime import UTC, datetime

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

AUDIENCE = "sunshine-centre"
LIFETIME_S = 60
# Of a clip: many a proxy hands it on only when it is there as a whole, and the largest may take so long (a second for each 2 kB).
# Not of a violation: how old that was is told when it begins, so it must not take long.
CLIP_LIFETIME_S = 18_000
# Old PCs without NTP drift by minutes; the manifest records the offset, so five minutes do no harm.
CLOCK_LEEWAY_S = 300
# Before this software there was no edge: a PC whose battery is empty starts in 1970, in 2000 or in the year it was built.
EARLIEST = datetime(2026, 1, 1, tzinfo=UTC)
# An `Identifier`. Who sends it has proved nothing yet.
_EDGE_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")


class EdgeTokenError(ValueError):
    """The token proves nothing; the message says why in words an operator understands."""


def make_edge_token(
    edge_id: str, key: Ed25519PrivateKey, method: str, path: str, content: bytes, now: float | None = None,
    lifetime_s: int = LIFETIME_S,
) -> str:
    """`path` begins with /api/, whatever stands before it in the address of the centre."""
    issued = int(time.time() if now is None else now)
    claims = {
        "iss": edge_id, "aud": AUDIENCE, "iat": issued, "exp": issued + lifetime_s, "htm": method, "htu": path,
        "content": content_digest(content),
    }
    return jwt.encode(claims, key, algorithm="EdDSA")


def content_digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def claimed_edge_id(token: str) -> str:
    """Who the token says it is from, unchecked: tells which key to check it with. Raises EdgeTokenError."""
    try:
        issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
    except jwt.InvalidTokenError as error:
        raise EdgeTokenError("The request carries no readable edge token.") from error
    if not isinstance(issuer, str) or not _EDGE_ID.fullmatch(issuer):
        raise EdgeTokenError("The edge token does not say which edge it is from.")
    return issuer


def verify_edge_token(token: str, key: Ed25519PublicKey, method: str, path: str) -> str:
    """Return the `content_digest` that the request must have, so that no body is read for a stranger. Raises EdgeTokenError."""
    try:
        claims = jwt.decode(
            token, key, algorithms=["EdDSA"], audience=AUDIENCE, leeway=CLOCK_LEEWAY_S,
            options={"require": ["iss", "exp", "iat", "htm", "htu", "content"]},
        )
    except (jwt.ExpiredSignatureError, jwt.ImmatureSignatureError) as error:
        raise EdgeTokenError("The clock of the edge is more than five minutes off. Set its clock (NTP).") from error
    except jwt.InvalidTokenError as error:
        raise EdgeTokenError("The edge token was not made with the key that this edge registered.") from error
    if (claims["htm"], claims["htu"]) != (method, path):
        raise EdgeTokenError("The edge token was made for another request.")
    return str(claims["content"])
