"""Exactly once per Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07).

The key is reserved first. The answer is written in the transaction of the act itself: a process that is killed at any moment
leaves either the act with its answer, or neither. An act that fails leaves its key free.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from pydantic import SecretStr

from api.accounts.actors import Actor
from api.kit.database import Work
from api.kit.ids import new_id
from api.kit.problems import BadRequest, Conflict, Invalid
from api.kit.secrets import Keyring, KeyringError
from api.repeats import repository

KEPT_FOR = timedelta(hours=24)
# Longer than any act runs; afterwards the process that ran it is gone.
RUNS_AT_MOST = timedelta(seconds=60)
LONGEST_KEY = 200


class KeyMissing(BadRequest):
    code = "idempotency-key-missing"


class KeyReused(Invalid):
    code = "idempotency-key-reused"


class StillRunning(Conflict):
    code = "still-running"
    retry_after_s = 2


class AnswerUnreadable(Conflict):
    code = "answer-unreadable"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: str


@dataclass(frozen=True)
class Reservation:
    """`answer` is what the same request got before; None where it is carried out now."""

    key: str
    mark: str
    answer: Answer | None


def key_of(actor: Actor, given: str | None) -> str:
    """Of this actor alone: whoever sends another's key learns nothing. Raises KeyMissing."""
    if given is None or not 0 < len(given) <= LONGEST_KEY or not given.isascii() or not given.isprintable():
        words = "a new UUID for each act, the same one for each repeat of it"
        raise KeyMissing(f"Send an Idempotency-Key of 1 to {LONGEST_KEY} characters: {words}.")
    through = actor.client.id if actor.client is not None else ""
    return hashlib.sha256("\0".join((actor.kind, actor.id, through, given)).encode()).hexdigest()


async def reserve(work: Work, keyring: Keyring, key: str, request_digest: str, at: datetime) -> Reservation:
    """Raises KeyReused, StillRunning or AnswerUnreadable."""
    await repository.delete_old(work, at - KEPT_FOR)
    mark = new_id()
    row = await repository.reserve(work, key, request_digest, mark, at)
    if row.request_digest != request_digest:
        raise KeyReused("This Idempotency-Key was used before, for another request. Take a new one for each act.")
    if row.answer is not None:
        try:
            content = keyring.decrypt(row.answer, _belongs_to(key)).get_secret_value()
        except KeyringError as error:
            words = "This was carried out before, but its answer cannot be read any more. Ask how it stands."
            raise AnswerUnreadable(words) from error
        return Reservation(key, row.mark, Answer(**json.loads(content)))
    if row.mark != mark:
        if row.started_at > at - RUNS_AT_MOST:
            raise StillRunning("The first request with this Idempotency-Key still runs. Send it again in a moment.")
        row.mark, row.started_at = mark, at
    return Reservation(key, mark, None)


async def keep(work: Work, keyring: Keyring, reservation: Reservation, answer: Answer) -> None:
    """In the transaction of the act. Raises StillRunning where another request has taken over, so that the act is rolled back."""
    content = keyring.encrypt(SecretStr(json.dumps(asdict(answer))), _belongs_to(reservation.key))
    if not await repository.keep(work, reservation.key, reservation.mark, content):
        raise StillRunning("It took too long, and the same request was sent again meanwhile. Send it once more for its answer.")


async def release(work: Work, reservation: Reservation) -> None:
    await repository.release(work, reservation.key, reservation.mark)


def _belongs_to(key: str) -> str:
    return f"answer {key}"
