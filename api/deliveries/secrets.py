"""The secrets of a target, encrypted together in one value that is bound to its row."""

import base64
import secrets
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import BaseModel, SecretStr

from api.deliveries.tables import Target
from api.kit.secrets import Keyring

# Long enough to change the receiver's settings by hand.
OVERLAP = timedelta(hours=24)
# Each adds 160 bytes to a header of every message.
EARLIER_KEPT = 4
SECRET_BYTES = 32  # the specification asks for 24 to 64


class SigningKeys(BaseModel):
    """Of a webhook: `whsec_` and `whsk_`, each followed by base64, as the Standard Webhooks specification writes them."""

    symmetric: str
    private: str

    @classmethod
    def new(cls) -> "SigningKeys":
        private = Ed25519PrivateKey.generate().private_bytes_raw()
        return cls(
            symmetric=f"whsec_{base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}",
            private=f"whsk_{base64.b64encode(private).decode()}",
        )

    @property
    def ed25519(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(base64.b64decode(self.private.removeprefix("whsk_")))

    @property
    def public(self) -> str:
        """With which anybody can check the `v1a` signature."""
        return f"whpk_{base64.b64encode(self.ed25519.public_key().public_bytes_raw()).decode()}"


class Subscription(BaseModel):
    """What a browser gave out, as the Push API writes it: the address of its push service, whose path is a secret, and two values
    in base64url: its public key (P-256) and a secret that both sides know (RFC 8291)."""

    endpoint: str
    p256dh: str
    auth: str


class Replaced(BaseModel):
    keys: SigningKeys
    until: datetime


class TargetSecrets(BaseModel):
    """Of a webhook `current`, after a rotation `previous`, and `earlier` ones of which the time is not over either; of a robot
    `token`, and `secret` where it is signed; of Apprise the whole address as `token`; of Web Push `subscription`."""

    current: SigningKeys | None = None
    previous: SigningKeys | None = None
    previous_until: datetime | None = None
    earlier: list[Replaced] = []
    token: str | None = None
    secret: str | None = None
    subscription: Subscription | None = None

    def signing(self, at: datetime) -> list[SigningKeys]:
        """All keys to sign with now, the current ones first."""
        keys = [self.current] if self.current is not None else []
        return keys + [one.keys for one in self._replaced(at)]

    def rotated(self, at: datetime) -> "TargetSecrets":
        """New keys. Those before sign for OVERLAP more, also when they are not the last ones that are replaced in this time."""
        until = None if self.current is None else at + OVERLAP
        earlier = self._replaced(at)[:EARLIER_KEPT]
        new = {"current": SigningKeys.new(), "previous": self.current, "previous_until": until, "earlier": earlier}
        return self.model_copy(update=new)

    def _replaced(self, at: datetime) -> list[Replaced]:
        """That still sign, the newest first."""
        replaced = [*self.earlier]
        if self.previous is not None and self.previous_until is not None:
            replaced.insert(0, Replaced(keys=self.previous, until=self.previous_until))
        return [one for one in replaced if at < one.until]

    def all_texts(self) -> list[str]:
        """Whatever must not appear in a log."""
        texts = [self.token, self.secret]
        for keys in (self.current, self.previous, *(one.keys for one in self.earlier)):
            if keys is not None:
                texts += [keys.symmetric, keys.symmetric.removeprefix("whsec_"), keys.private, keys.private.removeprefix("whsk_")]
        if self.subscription is not None:
            texts += [self.subscription.endpoint, self.subscription.auth]
        return [text for text in texts if text]


def seal_secrets(keyring: Keyring, target: Target, content: TargetSecrets) -> None:
    """The target has its id already."""
    target.secrets_encrypted = keyring.encrypt(SecretStr(content.model_dump_json(exclude_none=True)), _name(target))


def open_secrets(keyring: Keyring, target: Target) -> TargetSecrets:
    """Raises KeyringError."""
    return TargetSecrets.model_validate_json(keyring.decrypt(target.secrets_encrypted, _name(target)).get_secret_value())


def _name(target: Target) -> str:
    return f"delivery target {target.id} secrets"
