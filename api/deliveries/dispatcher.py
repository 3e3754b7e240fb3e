"""Sends what waits. Any number of processes share the work: what one has claimed, the others leave alone.

Each target has a task of its own while something is due for it, so one that hangs delays no other.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from api.centre import Centre
from api.deliveries import claims, escalation, messages, repository
from api.deliveries.claims import Claim
from api.deliveries.kinds import Fault
from api.deliveries.outcome import Outcome
from api.deliveries.sending import Sender

log = structlog.get_logger(__name__)
# Partners and shops are told within 3 s; asking costs one indexed query.
LOOK_EVERY_S = 1.0
# Enough for a county's targets to fail at once, few enough for the open files of a process.
TARGETS_AT_ONCE = 100
RECORD_AGAIN_S = 0.5
# The centre as a whole ends within 15 s of a signal.
STOP_WITHIN_S = 5.0
# A database that is busy, or gone for a while.
AWAY = (DBAPIError, PoolTimeout)


@asynccontextmanager
async def delivering(centre: Centre) -> AsyncIterator[None]:
    dispatcher = Dispatcher(centre)
    sending = asyncio.create_task(dispatcher.run())
    try:
        yield
    finally:
        await dispatcher.stop()
        await sending


class Dispatcher:
    """`look` once, or `run` for as long as the process lives. `chance` is there for tests."""

    def __init__(
        self, centre: Centre, sender: Sender | None = None, chance: Callable[[], float] = random.random
    ) -> None:
        self._centre = centre
        self._sender = sender or Sender(centre.settings, centre.keyring)
        self._clock = centre.clock
        self._chance = chance
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stopping = asyncio.Event()
        self._has_trouble = False

    async def run(self) -> None:
        """Until `stop`; a database that is away for a while is waited for."""
        while not self._stopping.is_set():
            try:
                await self.look()
                self._trouble(None)
            except AWAY as error:
                self._trouble(error)
            except Exception:  # an error of ours must not end the sending of everything else
                log.exception("the messages that are due could not be looked for")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), LOOK_EVERY_S)

    async def stop(self) -> None:
        """What is being sent has a moment to come to its end; the claims of the rest run out."""
        self._stopping.set()
        tasks = list(self._tasks.values())
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_WITHIN_S)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._sender.close()

    async def idle(self) -> None:
        """Wait for all that has begun."""
        while self._tasks:
            await asyncio.gather(*self._tasks.values())

    async def look(self) -> None:
        """Begin whatever is due now, and hand on what is late."""
        settings, at = self._centre.settings, self._clock()
        late = escalation.late_before(settings, at)
        async with self._centre.database.reading() as work:
            due = await repository.due_targets(work, at, escalation.is_quiet(settings, at))
            is_any_late = await repository.is_any_late(work, late)
        for target_id in due:
            if target_id not in self._tasks and len(self._tasks) < TARGETS_AT_ONCE:
                self._tasks[target_id] = asyncio.create_task(self._serve(target_id))
        if is_any_late:
            async with self._centre.database.writing() as work:
                await escalation.escalate(work, settings, at)

    async def _serve(self, target_id: str) -> None:
        """One message after the other, as long as any is due."""
        try:
            while not self._stopping.is_set() and await self._send_next(target_id):
                pass
        except AWAY as error:
            self._trouble(error)
        except Exception:  # an error of ours: the claim runs out, and the other targets go on
            log.exception("a message could not be sent", target=target_id)
        finally:
            del self._tasks[target_id]

    async def _send_next(self, target_id: str) -> bool:
        begun_at = self._clock()
        try:
            async with self._centre.database.writing() as work:
                claim = await claims.claim(work, self._centre.settings, target_id, begun_at)
                content = await messages.content_of(work, self._centre, claim) if claim is not None else None
        except messages.NoWords as error:
            log.exception("a message cannot be put into words", delivery=error.delivery_id)
            async with self._centre.database.writing() as work:
                await claims.give_up(work, error.delivery_id, Fault.NO_WORDS, begun_at)
            return True
        if claim is None or content is None:
            return False
        outcome = await self._sender.send(claim.target, claim.deliveries, content, begun_at)
        await self._record(claim, outcome, begun_at)
        return True

    async def _record(self, claim: Claim, outcome: Outcome, begun_at: datetime) -> None:
        """Tried until the claim runs out: what was sent and is not recorded is sent again."""
        until = begun_at + claims.claim_lasts(self._centre.settings)
        while True:
            try:
                async with self._centre.database.writing() as work:
                    await claims.record(work, claim, outcome, begun_at, self._clock(), self._chance())
                return
            except AWAY:
                if self._clock() >= until:
                    raise
                await asyncio.sleep(RECORD_AGAIN_S)

    def _trouble(self, error: Exception | None) -> None:
        """Told once when it begins and once when it ends."""
        if error is not None and not self._has_trouble:
            log.warning("messages wait: the database does not answer", error=type(error).__name__)
        if error is None and self._has_trouble:
            log.warning("messages are sent again: the database answers")
        self._has_trouble = error is not None
