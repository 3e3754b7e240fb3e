from datetime import datetime

from sqlalchemy import delete, update

from api.accounts.actors import without_actor
from api.kit.database import Work, insert_where_missing
from api.repeats.tables import KeptAnswer


@without_actor("old answers of everybody go")
async def delete_old(work: Work, before: datetime) -> None:
    await work.execute(delete(KeptAnswer).where(KeptAnswer.started_at < before).execution_options(synchronize_session=False))


@without_actor("the key is a hash of who acts and of what only they know")
async def reserve(work: Work, key: str, request_digest: str, mark: str, at: datetime) -> KeptAnswer:
    """The row of the key, locked; a new one has this mark."""
    row = {"key": key, "request_digest": request_digest, "mark": mark, "started_at": at, "answer": None}
    await insert_where_missing(work, KeptAnswer, row, "key")
    return await work.get_one(KeptAnswer, key)


@without_actor("the mark is known to who reserved it alone")
async def keep(work: Work, key: str, mark: str, answer: str) -> bool:
    """Whether it was still reserved with this mark."""
    mine = update(KeptAnswer).where(KeptAnswer.key == key, KeptAnswer.mark == mark).values(answer=answer)
    return (await work.execute(mine.returning(KeptAnswer.key).execution_options(synchronize_session=False))).first() is not None


@without_actor("the mark is known to who reserved it alone")
async def release(work: Work, key: str, mark: str) -> None:
    mine = delete(KeptAnswer).where(KeptAnswer.key == key, KeptAnswer.mark == mark, KeptAnswer.answer.is_(None))
    await work.execute(mine.execution_options(synchronize_session=False))
