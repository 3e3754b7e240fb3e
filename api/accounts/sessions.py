"""The sessions of a person: seen, and ended."""

from collections.abc import Sequence

from api.accounts import repository
from api.accounts.actors import Actor
from api.accounts.tables import UserSession
from api.audit.service import record
from api.kit.database import Work


async def list_own(work: Work, actor: Actor) -> Sequence[UserSession]:
    """The latest used first."""
    return await repository.list_own_sessions(work, actor)


async def end_own(work: Work, actor: Actor, session_id: str) -> None:
    """One that is over, or that is another's, is none of one's own any more: asked again, it has done what it should."""
    for session in await list_own(work, actor):
        if session.id == session_id and await repository.delete_session(work, session.token_hash):
            record(work, actor, "session.ended", "user", actor.id, by_hand=True)


async def end_others(work: Work, actor: Actor, token_hash: str) -> None:
    """All but the one that asks."""
    for session in await list_own(work, actor):
        if session.token_hash != token_hash:
            await repository.delete_session(work, session.token_hash)
    record(work, actor, "session.ended", "user", actor.id, others=True)
