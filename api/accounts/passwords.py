"""Passwords: Argon2id hashes (pwdlib's recommended parameters), and random ones that can be copied from a screen."""

import secrets
import unicodedata

import anyio
import anyio.to_thread
from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pydantic import SecretStr

_hasher = PasswordHash.recommended()
# Each takes 64 MiB and a whole core: forty at once (anyio's default) would leave nothing for the evidence.
_at_once = anyio.CapacityLimiter(2)
# No look-alikes. Sixteen of 31 letters are 79 bits.
_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"
MOST = 200  # Argon2 reads all of it
# As it is typed: letters with their accents beside them come to half as many.
MOST_TYPED = 2 * MOST


def random_password() -> SecretStr:
    groups = ["".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4)]
    return SecretStr("-".join(groups))


def normalised(password: SecretStr) -> str:
    """The same text typed on another keyboard is the same password (NFKC, as NIST SP 800-63B asks for): a Chinese one writes
    its signs in full width."""
    return unicodedata.normalize("NFKC", password.get_secret_value())


async def hash_password(password: SecretStr) -> str:
    return await anyio.to_thread.run_sync(_hasher.hash, normalised(password), limiter=_at_once)


async def password_fits(password: SecretStr, stored_hash: str | None) -> bool:
    """Takes as long for a login that does not exist (None), so that the time tells nothing. An account whose hash is none has no
    password."""
    if stored_hash is None:
        await hash_password(password)
        return False
    try:
        return await anyio.to_thread.run_sync(_hasher.verify, normalised(password), stored_hash, limiter=_at_once)
    except UnknownHashError:
        return False
