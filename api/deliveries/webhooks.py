"""Webhooks by the Standard Webhooks specification 1.0: `v1` (HMAC-SHA256) and `v1a` (Ed25519) over id, time and body."""

import base64
from datetime import UTC, datetime

import httpx
from standardwebhooks import Webhook

from api.deliveries.secrets import SigningKeys, TargetSecrets
from api.deliveries.tables import Delivery, Target

USER_AGENT = "sunshine-kitchen"
HIDDEN = "***"


def request_for(target: Target, delivery: Delivery, secrets: TargetSecrets, at: datetime) -> httpx.Request:
    """The same id and body in every try; `at` is the time of this one. While secrets change, both sign."""
    signatures = [part for keys in secrets.signing(at) for part in _sign(keys, delivery.message_id, at, delivery.payload)]
    headers = {
        "Content-Type": "application/json", "User-Agent": USER_AGENT, "webhook-id": delivery.message_id,
        "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": " ".join(signatures),
    }
    return httpx.Request("POST", target.url or "", headers=headers, content=delivery.payload.encode())


def _sign(keys: SigningKeys, message_id: str, at: datetime, body: str) -> list[str]:
    signed = f"{message_id}.{int(at.timestamp())}.{body}".encode()
    return [
        Webhook(keys.symmetric).sign(message_id, at.astimezone(UTC), body),  # it takes any time for one in UTC
        f"v1a,{base64.b64encode(keys.ed25519.sign(signed)).decode()}",
    ]


def bare(url: httpx.URL) -> str:
    """Without the query, where services and receivers put their keys."""
    return str(url.copy_with(query=None)) + (f"?{HIDDEN}" if url.query else "")
