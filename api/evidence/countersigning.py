"""The centre's own key, and what it signs with it: when evidence came in, what people judged of it, and that it was deleted."""

import base64
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from weakref import WeakKeyDictionary

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr, TypeAdapter

from api.accounts.actors import Actor, the_system
from api.audit.service import record
from api.edges.tables import Edge
from api.evidence import repository
from api.evidence.tables import CentreKey, Clip, Countersignature, Evidence
from api.kit.database import Work, insert_now
from api.kit.secrets import Keyring, KeyringError
from api.kit.times import now
from contract.countersigning import (
    FIRST,
    EdgeCertificate,
    SignedCertificate,
    SignedStatement,
    Statement,
    StatementAct,
    certify,
    countersign,
)
from contract.signing import canonical, digest, fingerprint, write_key

log = structlog.get_logger(__name__)
_REVIEW: TypeAdapter[StatementAct] = TypeAdapter(StatementAct)
# What was found in the database with a keyring: none goes from there, and a newer one is made only where this one cannot be read.
_read: WeakKeyDictionary[Keyring, Ed25519PrivateKey] = WeakKeyDictionary()


async def centre_key(work: Work, keyring: Keyring) -> Ed25519PrivateKey:
    """The newest that can be read. A first one is made where there is none; where all were encrypted with a key that is lost, a
    new one: evidence goes on coming in, and what the old one signed can still be checked."""
    known = _read.get(keyring)
    if known is not None:
        return known
    for row in await repository.list_centre_keys(work, the_system()):
        try:
            raw = keyring.decrypt(row.private_encrypted, _secret_name(row.public_key)).get_secret_value()
            key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(raw))
            work.when_committed(partial(_read.setdefault, keyring, key))  # it may be new, and never be there
            return key
        except KeyringError as error:
            log.error("a signing key of the centre cannot be read", key=fingerprint(row.public_key), cause=str(error))
    key = Ed25519PrivateKey.generate()
    public = write_key(key.public_key())
    secret = SecretStr(base64.b64encode(key.private_bytes_raw()).decode())
    work.add(CentreKey(public_key=public, private_encrypted=keyring.encrypt(secret, _secret_name(public)), created_at=now()))
    record(work, the_system(), "centre_key.created", "centre_key", fingerprint(public))
    await work.flush()
    return key


async def say(
    work: Work, actor: Actor, keyring: Keyring, evidence: Sequence[Evidence | Clip], act: StatementAct, at: datetime,
    ground: str | None = None,
) -> None:
    """Sign and keep one more statement about each of these, in the transaction of the act. Their rows are locked before, so that
    two statements never take the same place."""
    if not evidence:
        return
    key = await centre_key(work, keyring)
    public = write_key(key.public_key())
    said: dict[str, list[SignedStatement]] = {}
    if act != "received":  # of what has just come in nothing was said yet
        said = await repository.list_statements(work, the_system(), case_ids={one.case_id for one in evidence})
    for one in evidence:
        earlier = said.get(one.digest, [])
        statement = Statement(
            manifest=one.digest, edge_id=one.edge_id, camera_id=one.camera_id, sequence=one.sequence, previous=one.previous,
            number=len(earlier) + 1, before=digest(earlier[-1].statement) if earlier else FIRST, act=act, at=at, by=actor.name,
            ground=ground, key=public,
        )
        signed = countersign(statement, key)
        row = Countersignature(
            manifest=one.digest, number=statement.number, case_id=one.case_id, statement=canonical(statement).decode(),
            signature=signed.signature,
        )
        await insert_now(work, row)


async def reviewed(
    work: Work, actor: Actor, keyring: Keyring, case_id: int, act: str, at: datetime, ground: str | None
) -> None:
    """A person has judged the evidence of a case, or has taken a judgement back."""
    found = await repository.list_of_cases(work, actor, [case_id], for_change=True)
    await say(work, actor, keyring, [link for one in found for link in one.links], _REVIEW.validate_python(act), at, ground)


async def of_cases(work: Work, actor: Actor, case_ids: Sequence[int]) -> dict[str, list[SignedStatement]]:
    """By manifest, in order; of the cases that this actor may see."""
    return await repository.list_statements(work, actor, case_ids=set(case_ids))


async def published_keys(work: Work) -> list[CentreKey]:
    """Newest first. They are for everybody: whoever was handed evidence compares them."""
    return await repository.list_centre_keys(work, the_system())


def certificate_for(edge: Edge, key: Ed25519PrivateKey, at: datetime) -> SignedCertificate:
    certificate = EdgeCertificate(
        edge_id=edge.id, public_key=edge.public_key, enrolled_at=edge.enrolled_at, revoked_at=edge.revoked_at, at=at,
        key=write_key(key.public_key()),
    )
    return certify(certificate, key)


async def rotate_keys(work: Work, old: Keyring, new: Keyring) -> int:
    """Encrypt the centre's own keys again with the current key of `new`; returns how many. One that cannot be read stays."""
    count = 0
    for row in await repository.list_centre_keys(work, the_system()):
        if old.can_read(row.private_encrypted):
            name = _secret_name(row.public_key)
            row.private_encrypted = new.encrypt(old.decrypt(row.private_encrypted, name), name)
            count += 1
    return count


def _secret_name(public_key: str) -> str:
    return f"centre key {public_key}"
