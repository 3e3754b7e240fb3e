"""How long to wait before the next attempt to reach a camera, or the centre."""

from __future__ import annotations

import random
from collections.abc import Callable

from contract.edges import StreamFault

# A password that is wrong now is wrong a minute later too, and cameras lock out an address, or an account, after five wrong
# logins or seven, for half an hour (Hikvision's manuals): with these pauses, no more than four fall into one. Not never again:
# some say the same when too many are connected.
WRONG_PASSWORD_S, LONGEST_WRONG_PASSWORD_S = 300.0, 3600.0


class Backoff:
    """Pauses between attempts: each twice as long as the one before, between half and all of it at random.

    The randomness keeps cameras that failed together (a switch lost its power) from coming back together, and edges from
    asking a centre that was away all in the same second.
    """

    def __init__(
        self, first_s: float = 1.0, limit_s: float = 60.0, chance: Callable[[], float] = random.random
    ) -> None:
        self._first_s = first_s
        self._limit_s = limit_s
        self._chance = chance
        self._next_s = first_s
        self._wrong_password_s = WRONG_PASSWORD_S

    def pause_s(self, fault: StreamFault | None = None, wish_s: float | None = None) -> float:
        """The seconds to wait before the next attempt; as many as who is asked wishes for, but never less than our own."""
        whole = self._next_s
        self._next_s = min(2 * whole, self._limit_s)
        if fault is StreamFault.WRONG_PASSWORD:
            whole = max(whole, self._wrong_password_s)
            self._wrong_password_s = min(2 * self._wrong_password_s, LONGEST_WRONG_PASSWORD_S)
        return max(whole * (0.5 + 0.5 * self._chance()), wish_s or 0.0)

    def reset(self) -> None:
        self._next_s, self._wrong_password_s = self._first_s, WRONG_PASSWORD_S
