"""Registering an edge at its centre with a one-time code from the console."""

import base64
import time
from collections.abc import Callable
from pathlib import Path

import structlog
from pydantic import ValidationError

from contract.edges import EnrolAnswer, EnrolRequest
from ingest.centre import Centre
from ingest.centre_errors import CentreError, CentreRefused
from ingest.evidence import ASIDE
from ingest.identity import FILE, Identity, Keys, Registration, read_identity, software_version, sole_user, write_identity

# The centre takes each key once; ours may have been registered by an attempt of long ago.
KEY_IN_USE = 409
# Of an edge that worked here before.
LEFT = ("cameras.json", "devices.json", "evidence", "edge.sqlite3", "edge.sqlite3-wal", "edge.sqlite3-shm")
log = structlog.get_logger(__name__)


class EnrolError(RuntimeError):
    """The edge is not registered; the message says what to do."""


def enrol(folder: Path, centre_url: str, code: str, name: str, connect: Callable[[str], Centre] = Centre) -> Registration:
    """Make this edge's keys, register it, and keep both in `folder`. Raises EnrolError, IdentityError, EdgeBusy.

    The keys are on disk before the centre hears of them: where only its answer got lost, the same code works once more.
    """
    with sole_user(folder):
        known = read_identity(folder)
        if known is not None and known.registration is not None:
            raise EnrolError(
                f"This edge is already enrolled at {known.registration.centre_url} as {known.registration.edge_id}. "
                f"To enrol it anew (it was revoked, or moves to another centre), stop it and delete {folder / FILE} first: what "
                "it has kept is put aside then, and not sent any more. Or give it a new folder with --data."
            )
        if known is None:
            _put_aside(folder)
        keys = known.keys if known is not None else Keys.generate()
        centre = connect(centre_url)
        try:
            try:
                answer = _ask(centre, folder, keys, code, name)
            except CentreRefused as error:
                if error.status != KEY_IN_USE:
                    raise
                keys = Keys.generate()
                answer = _ask(centre, folder, keys, code, name)
        except CentreRefused as error:
            raise EnrolError(f"The centre did not enrol this edge. {error}") from error
        except CentreError as error:
            raise EnrolError(str(error)) from error
        finally:
            centre.close()
        registration = Registration(answer.edge_id, centre_url, answer.centre)
        write_identity(folder, Identity(keys, registration))
        return registration


def _put_aside(folder: Path) -> None:
    """What an identity that is gone has left: a new key begins chains of its own, and cannot send what another one sealed."""
    left = [path for path in (folder / name for name in LEFT) if path.exists()]
    if left:
        aside = folder / f"{ASIDE}{time.time_ns()}"
        aside.mkdir(mode=0o700)
        for path in left:
            path.rename(aside / path.name)
        log.warning("earlier_evidence_put_aside", folder=str(aside))


def _ask(centre: Centre, folder: Path, keys: Keys, code: str, name: str) -> EnrolAnswer:
    request = _request(keys, code, name)
    write_identity(folder, Identity(keys))
    return centre.enrol(request)


def _request(keys: Keys, code: str, name: str) -> EnrolRequest:
    try:
        return EnrolRequest(
            code=code.strip(),
            public_key=base64.b64encode(keys.signing.public_key().public_bytes_raw()).decode(),
            encryption_key=base64.b64encode(keys.encryption.public_key().public_bytes_raw()).decode(),
            name=name.strip(),
            software_version=software_version(),
        )
    except ValidationError as error:
        raise EnrolError(
            "The code has 6 to 64 characters and the name 1 to 100, on one line. Copy the code as the console shows it."
        ) from error
