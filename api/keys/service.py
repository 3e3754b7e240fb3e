"""Private keys that the centre proves itself with to others: each is made once, and its secret half leaves the process never."""

from enum import StrEnum

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr

from api.accounts.actors import Actor
from api.centre import Centre
from api.keys import repository
from api.keys.tables import ServiceKey
from api.kit.database import Work
from api.kit.secrets import Keyring

PrivateKey = Ed25519PrivateKey | ec.EllipticCurvePrivateKey


class KeyName(StrEnum):
    WEB_PUSH = "web_push"  # VAPID, RFC 8292: ECDSA on P-256
    BADGE = "badge"  # of a shop's public status: Ed25519


async def sealed_key(centre: Centre, name: KeyName) -> str:
    """The stored form, for `open_key`; made now where it is missing."""
    async with centre.database.reading() as work:
        found = await repository.find_key(work, name)
    if found is None:
        new = _seal(centre.keyring, name, _generate(name))
        async with centre.database.writing() as work:
            await repository.add_where_missing(work, name, new, centre.clock())
        async with centre.database.reading() as work:
            found = await repository.find_key(work, name)
    if found is None:
        raise LookupError(name)
    return found.secret_encrypted


async def stored_key(work: Work, name: KeyName) -> str:
    """The same where only a transaction is at hand; empty for a key that was never needed."""
    found = await repository.find_key(work, name)
    return found.secret_encrypted if found is not None else ""


def open_key(keyring: Keyring, name: KeyName, sealed: str) -> PrivateKey:
    """Raises KeyringError."""
    pem = keyring.decrypt(sealed, _belongs_to(name)).get_secret_value().encode()
    key = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(key, PrivateKey):
        raise TypeError(f"The key {name} is of another kind.")
    return key


async def rotate_keys(work: Work, actor: Actor, old: Keyring, new: Keyring) -> int:
    """Encrypt every one again with the current key of `new`; returns how many."""
    rows: list[ServiceKey] = await repository.list_keys(work, actor)
    for row in rows:
        name = KeyName(row.name)
        row.secret_encrypted = _seal(new, name, open_key(old, name, row.secret_encrypted))
    return len(rows)


def _generate(name: KeyName) -> PrivateKey:
    return ec.generate_private_key(ec.SECP256R1()) if name is KeyName.WEB_PUSH else Ed25519PrivateKey.generate()


def _seal(keyring: Keyring, name: KeyName, key: PrivateKey) -> str:
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return keyring.encrypt(SecretStr(pem.decode()), _belongs_to(name))


def _belongs_to(name: KeyName) -> str:
    return f"service key {name}"
