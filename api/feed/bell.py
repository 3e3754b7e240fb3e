"""Rings in this process when there are new events, so that followers ask the database only then."""

import asyncio
from contextlib import suppress


class Bell:
    def __init__(self) -> None:
        self.position = 0
        self.is_closed = False
        self._rung = asyncio.Event()

    def ring(self, position: int) -> None:
        if position != self.position:
            self.position = position
            self._rung.set()
            self._rung = asyncio.Event()

    def close(self) -> None:
        """The centre ends: nobody shall wait any more."""
        self.is_closed = True
        self._rung.set()

    async def heard(self, position: int, patience_s: float) -> None:
        """Until there is something after what was there at `position`, or patience is over."""
        rung = self._rung
        if self.position == position and not self.is_closed:
            with suppress(TimeoutError):
                await asyncio.wait_for(rung.wait(), patience_s)
