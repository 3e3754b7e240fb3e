"""Secrets at rest: AES-256-GCM under a key that lies outside the database, each value bound to the row it belongs to."""

import base64
import binascii
import json
import os
import secrets
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr

NONCE_BYTES = 12  # NIST SP 800-38D, 8.2
KEY_BYTES = 32


class KeyringError(Exception):
    """The keys cannot be used; the message says which and what to do."""


class Keyring:
    """The current key and the older ones. A token is `key id.base64(nonce + ciphertext)`."""

    def __init__(self, keys: dict[str, bytes], current: str) -> None:
        self._keys = keys
        self.current = current

    def __repr__(self) -> str:
        return f"Keyring(current={self.current!r}, keys={sorted(self._keys)})"

    @classmethod
    def from_setting(cls, setting: SecretStr) -> Self:
        keys = {}
        for item in setting.get_secret_value().split(","):
            name, colon, value = item.strip().partition(":")
            if not colon:
                # Not quoted: it may be a whole key that only lacks its id.
                raise KeyringError("A key in the settings has no id. Write each as id:base64 of 32 bytes.")
            keys[name] = _key_bytes(name, value)
        return cls(keys, next(iter(keys)))

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Read the keys; make a first one where there is no file."""
        if not path.exists():
            name = _new_key_id()
            keyring = cls({name: secrets.token_bytes(KEY_BYTES)}, name)
            keyring.save(path)
            return keyring
        if path.stat().st_mode & 0o077:
            raise KeyringError(f"Others can read the keys in {path}. Run: chmod 600 {path}")
        try:
            content = json.loads(path.read_text())
            keys = {name: _key_bytes(name, value) for name, value in content["keys"].items()}
            current = content["current"]
        except PermissionError as error:
            raise KeyringError(f"The key file {path} is another user's. Give it to who runs the centre: chown.") from error
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise KeyringError(f"The key file {path} cannot be read. Put back a copy of it.") from error
        if current not in keys:
            raise KeyringError(f"The key file {path} has no key {current!r}. Put back a copy of it.")
        return cls(keys, current)

    def save(self, path: Path) -> None:
        content = {"current": self.current, "keys": {name: base64.b64encode(key).decode() for name, key in self._keys.items()}}
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            if os.geteuid() == 0:
                # An administrator who rotates the keys must not take them away from the user who runs the centre.
                owner = (path if path.exists() else path.parent).stat()
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
            json.dump(content, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)

    def with_new_key(self) -> "Keyring":
        name = _new_key_id()
        return Keyring({**self._keys, name: secrets.token_bytes(KEY_BYTES)}, name)

    def only_current(self) -> "Keyring":
        return Keyring({self.current: self._keys[self.current]}, self.current)

    def encrypt(self, secret: SecretStr, belongs_to: str) -> str:
        nonce = os.urandom(NONCE_BYTES)
        sealed = AESGCM(self._keys[self.current]).encrypt(nonce, secret.get_secret_value().encode(), belongs_to.encode())
        return f"{self.current}.{base64.b64encode(nonce + sealed).decode()}"

    def derive(self, purpose: str) -> bytes:
        """32 bytes that only the current key and this purpose give (RFC 5869)."""
        return HKDF(SHA256(), KEY_BYTES, salt=None, info=purpose.encode()).derive(self._keys[self.current])

    def can_read(self, token: str) -> bool:
        """Whether the key that the token names is here."""
        return token.partition(".")[0] in self._keys

    def decrypt(self, token: str, belongs_to: str) -> SecretStr:
        """Raises KeyringError when the key is missing or the value belongs to another row."""
        name, _, value = token.partition(".")
        if name not in self._keys:
            raise KeyringError(f"The key {name!r} is missing. Put it back into the settings or the key file.")
        try:
            raw = base64.b64decode(value, validate=True)
            return SecretStr(AESGCM(self._keys[name]).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], belongs_to.encode()).decode())
        except (InvalidTag, ValueError) as error:
            raise KeyringError(f"A secret of {belongs_to} does not belong there or was changed. Enter it again.") from error


def _new_key_id() -> str:
    return f"k{secrets.token_hex(4)}"


def _key_bytes(name: str, value: str) -> bytes:
    try:
        key = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise KeyringError(f"The key {name!r} is not base64.") from error
    if len(key) != KEY_BYTES or not name or "." in name:
        raise KeyringError(f"The key {name!r} must be 32 bytes in base64, with an id without a dot: id:base64.")
    return key
