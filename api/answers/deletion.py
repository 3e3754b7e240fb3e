"""The end of photographs: with the evidence of their case, by its retention or by a person (api/evidence/deletion.py)."""

from datetime import datetime

from api.accounts.actors import Actor, the_system
from api.answers import repository
from api.answers.faces import blurred_key
from api.answers.tables import Photograph
from api.audit.service import record
from api.cases.tables import Case
from api.centre import Centre
from api.evidence import repository as evidence
from api.evidence.retention import Retention
from api.kit.database import Work
from api.kit.problems import Unavailable


async def delete_of_case(work: Work, actor: Actor, case_id: int, ground: str, at: datetime) -> int:
    """All photographs of a case; returns how many. The caller has seen to it that there is no legal hold."""
    found = await repository.list_photographs(work, actor, case_id)
    for photograph, case in found:
        _delete(work, actor, photograph, case, ground, at)
    await work.flush()
    return len(found)


async def delete_expired(work: Work, retention: Retention, at: datetime, limit: int) -> int:
    """What its retention has ended of, a batch of it."""
    system = the_system()
    expired = await repository.list_expired(work, system, retention.cuts(at), limit)
    # Those whose hold was set in the moment before they were locked stay.
    held = await evidence.held_among(work, system, {case.id for _, case, _ in expired})
    found = [row for row in expired if row[1].id not in held]
    for photograph, case, state in found:
        _delete(work, system, photograph, case, retention.ground(state), at)
    await work.flush()
    return len(found)


async def is_anything_expired(work: Work, retention: Retention, at: datetime) -> bool:
    return bool(await repository.list_expired(work, the_system(), retention.cuts(at), 1))


async def remove_files(centre: Centre) -> None:
    """Of what was deleted, this time or before a power failure. One that cannot be deleted keeps back no other: Unavailable is
    raised at the end."""
    failed: Unavailable | None = None
    async with centre.database.reading() as work:
        left = await repository.list_files_left(work, the_system())
    for photograph in left:
        try:
            await centre.files.delete(blurred_key(photograph.key))
            await centre.files.delete(photograph.key)
        except Unavailable as error:
            failed = error
            continue
        async with centre.database.writing() as work:
            await repository.forget_file(work, the_system(), photograph.id)
    if failed is not None:
        raise failed


def _delete(work: Work, actor: Actor, photograph: Photograph, case: Case, ground: str, at: datetime) -> None:
    """What is left is who, when, on what ground, and both digests."""
    photograph.deleted_at, photograph.deleted_by, photograph.deletion_ground = at, actor.name, ground
    record(
        work, actor, "photograph.deleted", "case", case.id, shop_id=case.shop_id, reason=ground, photograph=photograph.id,
        digest=photograph.sha256,
    )
