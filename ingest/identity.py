"""Who this edge is: its keys and the centre it is registered with, in one file that only its owner can read."""

import base64
import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from pydantic import ValidationError

from contract.base import Wire
from ingest.durable import replace_file

FILE = "identity.json"


class IdentityError(RuntimeError):
    """The edge cannot be who it should be; the message says what to do."""


class EdgeBusy(RuntimeError):
    """Another process works on the same edge folder."""


@dataclass(frozen=True)
class Keys:
    """`signing` proves who sends and seals the evidence; camera passwords are encrypted to `encryption`."""

    signing: Ed25519PrivateKey = field(repr=False)
    encryption: X25519PrivateKey = field(repr=False)

    @classmethod
    def generate(cls) -> Self:
        return cls(Ed25519PrivateKey.generate(), X25519PrivateKey.generate())


@dataclass(frozen=True)
class Registration:
    """What enrolling gave: the edge's id at the centre, the centre's address and its name for people."""

    edge_id: str
    centre_url: str
    centre_name: str


@dataclass(frozen=True)
class Identity:
    keys: Keys
    registration: Registration | None = None


class _Stored(Wire):
    signing_key: str
    encryption_key: str
    edge_id: str | None = None
    centre_url: str | None = None
    centre_name: str = ""


def read_identity(folder: Path) -> Identity | None:
    """None when this folder has no keys yet. Raises IdentityError for a file that cannot be used."""
    path = folder / FILE
    try:
        # A newer version that ran here before may have kept more: no reason to call the keys damaged.
        stored = _Stored.model_validate_json(path.read_bytes(), extra="ignore")
        keys = Keys(
            Ed25519PrivateKey.from_private_bytes(base64.b64decode(stored.signing_key)),
            X25519PrivateKey.from_private_bytes(base64.b64decode(stored.encryption_key)),
        )
    except FileNotFoundError:
        return None
    except OSError as error:
        to_do = (
            f"Start the edge as the user who enrolled it, or make {folder} and all in it this user's own."
            if isinstance(error, PermissionError) else "Choose another folder with --data."
        )
        raise IdentityError(f"The keys of this edge, {path}, cannot be read ({error.strerror}). {to_do}") from error
    except (ValidationError, ValueError):
        # The cause would quote the file, and the file holds the private keys.
        raise IdentityError(
            f"The keys of this edge, {path}, are damaged. Restore the file from a backup, or delete it and enrol again."
        ) from None
    if stored.edge_id is None or stored.centre_url is None:
        return Identity(keys)
    return Identity(keys, Registration(stored.edge_id, stored.centre_url, stored.centre_name))


def write_identity(folder: Path, identity: Identity) -> None:
    """Keep keys and registration, readable by their owner only. Raises OSError."""
    registration = identity.registration
    stored = _Stored(
        signing_key=base64.b64encode(identity.keys.signing.private_bytes_raw()).decode(),
        encryption_key=base64.b64encode(identity.keys.encryption.private_bytes_raw()).decode(),
        edge_id=registration.edge_id if registration else None,
        centre_url=registration.centre_url if registration else None,
        centre_name=registration.centre_name if registration else "",
    )
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    replace_file(folder / FILE, stored.model_dump_json(indent=2).encode())


@contextmanager
def sole_user(folder: Path) -> Iterator[None]:
    """Hold an edge folder for this process; the lock goes away with the process, however it ends. Raises EdgeBusy."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / "edge.lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise EdgeBusy(
                f"Another edge already works on {folder}. Stop it first, or give this one its own folder with --data."
            ) from error
        yield


@cache
def software_version() -> str:
    """Of what runs; an installation that is replaced meanwhile counts from the next start on."""
    try:
        return version("sunshine-kitchen")
    except PackageNotFoundError:
        return "checkout"
