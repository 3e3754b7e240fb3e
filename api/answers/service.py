"""Answers of shops, with photographs taken after the notice, and what the same camera saw since."""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import anyio
import anyio.to_thread

from api.accounts.actors import Actor
from api.accounts.permissions import STORE_ROLES, Permission
from api.answers import repository
from api.answers.faces import blurred_key, without_faces
from api.answers.photographs import Decoded
from api.answers.tables import Answer, Photograph
from api.audit.service import record
from api.cameras import repository as cameras
from api.cases import repository as cases
from api.cases.states import JUDGED, Act, CaseState
from api.cases.tables import Case
from api.kit.database import Work
from api.kit.files import Files
from api.kit.ids import new_id
from api.kit.not_found import not_found
from api.kit.problems import Invalid, NotFound, Problem, Unavailable
from api.notices import service as notices

MOST_PHOTOGRAPHS = 6
# A lent detector looks at one picture at a time.
_blurred_at_once = anyio.CapacityLimiter(1)


class TakenBefore(Invalid):
    code = "photograph-taken-before"


class TooManyPhotographs(Invalid):
    code = "too-many-photographs"


@dataclass(frozen=True)
class Answered:
    """What comes with an answer besides its words. The photographs are in the store already."""

    person: str | None = None
    training: str | None = None
    photographs: tuple[Photograph, ...] = ()


@dataclass(frozen=True)
class Look:
    """A photograph, of which case and shop. `has_faces` says that they can be recognised; `reason` why somebody looks at them,
    where that is not the verification itself."""

    content: bytes
    case_id: int
    shop_id: str
    has_faces: bool
    reason: str | None


@dataclass(frozen=True)
class Repeat:
    case_id: int
    last_seen_at: datetime
    is_judged: bool


@dataclass(frozen=True)
class Since:
    """What the same camera has seen since the answer; minutes before `counted_from` are no longer kept."""

    since: datetime
    counted_from: datetime
    minutes_observed: int
    repeats: list[Repeat]


async def check_photographs(work: Work, actor: Actor, case: Case, decoded: Sequence[Decoded]) -> None:
    """Raises TakenBefore for one that its own file says to be older than the notice."""
    notice = await notices.find_notice(work, actor, case.id)
    if notice is not None and any(one.taken_at is not None and one.taken_at < notice.issued_at for one in decoded):
        raise TakenBefore(
            "A photograph was taken before the notice. Take a new one of how it is now; if it is new, set the clock of the phone."
        )


async def store_photographs(files: Files, case_id: int, decoded: Sequence[Decoded], at: datetime) -> tuple[Photograph, ...]:
    """Before the rows that name them: a row without a file would be no answer. All of them or none. Raises StorageFull or
    Unavailable."""
    contents: dict[str, bytes] = {}
    stored = []
    for place, one in enumerate(decoded):
        photograph_id = new_id()
        key = f"answers/{at:%Y/%m/%d}/{case_id}-{photograph_id}.jpg"
        contents[key] = one.content
        stored.append(
            Photograph(
                id=photograph_id, place=place, key=key, sha256=one.sha256, sent_sha256=one.sent_sha256, size=len(one.content),
                width=one.width, height=one.height, taken_at=one.taken_at, received_at=at,
            )
        )
    try:
        await files.put_all(contents)
    except Problem:
        await drop_photographs(files, stored)
        raise
    return tuple(stored)


async def drop_photographs(files: Files, stored: Sequence[Photograph]) -> None:
    """Of an answer that was not kept: no row names them, so nothing else would ever delete them."""
    for photograph in stored:
        with suppress(Unavailable):
            await files.delete(photograph.key)


async def keep(work: Work, actor: Actor, case: Case, act: Act, text: str, answered: Answered, at: datetime) -> None:
    """In the transaction of the act."""
    answer = Answer(
        case_id=case.id, act=act, at=at, text=text, person=answered.person, training=answered.training, actor_id=actor.id,
        actor_name=actor.name, is_for_shop=actor.role not in STORE_ROLES,
    )
    work.add(answer)
    await work.flush()
    for photograph in answered.photographs:
        photograph.answer_id = answer.id
        work.add(photograph)
    digests = [photograph.sha256 for photograph in answered.photographs]
    record(work, actor, "case.answered", "case", case.id, shop_id=case.shop_id, photographs=digests, for_shop=answer.is_for_shop)
    await work.flush()


async def list_answers(work: Work, actor: Actor, case_id: int) -> Sequence[Answer]:
    """Oldest first; none for who may not read them."""
    return await repository.list_answers(work, actor, case_id)


def is_in_verification(actor: Actor, case: Case) -> bool:
    """Who verifies or decides sees an answer as it is; everybody else, and everybody afterwards, without faces."""
    may = actor.may(Permission.CASES_HANDLE) and actor.may(Permission.EVIDENCE_READ) and actor.client is None
    return may and case.state in (CaseState.SUBMITTED, CaseState.APPEALED)


async def find_photograph(work: Work, actor: Actor, photograph_id: str, case_id: int | None) -> tuple[Photograph, Case]:
    """Of any case, or of that one only. Raises NotFound."""
    found = await repository.get_photograph(work, actor, photograph_id)
    if found is None or case_id not in (None, found[1].id):
        raise not_found("photograph")
    return found


async def load_photograph(files: Files, actor: Actor, photograph: Photograph, case: Case, reason: str | None) -> Look:
    """Not to be shown before `record_look`. With faces for who verifies, and for staff who say why. No transaction should be open
    while it is fetched."""
    content = await files.get(photograph.key)
    if hashlib.sha256(content).hexdigest() != photograph.sha256:
        raise Invalid("The file in the store is not the one that was handed in. Tell the administrator.")
    reason = (reason or "").strip() or None
    if is_in_verification(actor, case) or (reason is not None and actor.may(Permission.EVIDENCE_READ)):
        return Look(content, case.id, case.shop_id, True, reason)
    return Look(await _blurred(files, photograph.key, content), case.id, case.shop_id, False, None)


async def _blurred(files: Files, key: str, content: bytes) -> bytes:
    """Made when it is first asked for, and kept beside the photograph."""
    with suppress(NotFound):
        return await files.get(blurred_key(key))
    made = await anyio.to_thread.run_sync(without_faces, content, limiter=_blurred_at_once)
    await files.put(blurred_key(key), made)
    return made


def record_look(work: Work, actor: Actor, look: Look, photograph_id: str) -> None:
    record(
        work, actor, "photograph.read", "case", look.case_id, shop_id=look.shop_id, reason=look.reason, photograph=photograph_id,
        faces=look.has_faces,
    )


async def seen_since(
    work: Work, actor: Actor, case: Case, answers: Sequence[Answer], at: datetime, kept: timedelta
) -> Since | None:
    """For who verifies a case that waits for it. `kept` is how long the minutes of cameras are."""
    last = next((answer for answer in reversed(answers) if answer.act is Act.SUBMIT), None)
    if case.state is not CaseState.SUBMITTED or last is None or not actor.may(Permission.CASES_HANDLE):
        return None
    counted_from = max(last.at, at - kept)
    minutes = await cameras.count_observed_minutes(work, actor, case.camera_id, counted_from, at)
    alike = [other for other in await cases.list_seen_since(work, actor, case, last.at) if other.shop_id == case.shop_id]
    # What joined this case since was judged by nobody.
    repeats = [Repeat(other.id, other.last_seen_at, other.id != case.id and other.state in JUDGED) for other in alike]
    return Since(last.at, counted_from, minutes, repeats)
