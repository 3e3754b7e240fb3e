"""What the centre does again and again beside the requests."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from api.kit.problems import Problem

log = structlog.get_logger(__name__)
_PASSING = (DBAPIError, PoolTimeout, Problem, OSError)


@asynccontextmanager
async def repeating(act: Callable[[asyncio.Event], Awaitable[object]], every_s: float, complaint: str) -> AsyncIterator[None]:
    """Call `act` every so often, with the event that asks it to come to an end. What fails is said once and tried again, and it
    is said once when it works again."""
    stopping = asyncio.Event()
    task = asyncio.create_task(_repeat(act, every_s, complaint, stopping))
    try:
        yield
    finally:
        # Not cancelled: a transaction that has begun comes to its end.
        stopping.set()
        await task


async def _repeat(
    act: Callable[[asyncio.Event], Awaitable[object]], every_s: float, complaint: str, stopping: asyncio.Event
) -> None:
    is_failing = False
    while not stopping.is_set():
        try:
            await act(stopping)
            if is_failing:
                log.warning("it works again", failed=complaint)
            is_failing = False
        except Exception as error:
            # A busy database passes; what was due is still due the next time. Of an error of ours the place is told.
            if not is_failing:
                log.error(complaint, error=type(error).__name__, exc_info=not isinstance(error, _PASSING))
            is_failing = True
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), every_s)
