"""Rings in this process when an edge has something to do, so that its open question is answered at once."""

import asyncio
from contextlib import suppress


class EdgeBells:
    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Event] = {}
        self.is_closed = False

    def ring(self, edge_id: str) -> None:
        event = self._waiting.pop(edge_id, None)
        if event is not None:
            event.set()

    def close(self) -> None:
        """The centre ends: nobody shall wait any more."""
        self.is_closed = True
        for edge_id in list(self._waiting):
            self.ring(edge_id)

    async def heard(self, edge_id: str, patience_s: float) -> bool:
        """Whether it rang before patience was over."""
        event = self._waiting.setdefault(edge_id, asyncio.Event())
        with suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), patience_s)
        return event.is_set()
