"""Slows down the guessing of passwords: after a few failures each further one doubles the wait."""

import time
from collections import OrderedDict
from dataclasses import dataclass

from api.kit.problems import TooManyRequests

FREE_FAILURES = 5  # a person who has forgotten which password it was
LONGEST_WAIT_S = 900.0
# One address may stand for a whole office behind a router.
FREE_FAILURES_OF_ADDRESS = 50
REMEMBERED = 10_000
# Otherwise the typing errors of an office would add up over months, until each one locks out everybody.
FORGOTTEN_AFTER_S = 3600.0


class TooManyLogins(TooManyRequests):
    code = "too-many-logins"


@dataclass
class _Failures:
    count: int = 0
    last: float = 0.0
    blocked_until: float = 0.0


class LoginThrottle:
    """Per login and address, and per address. In memory: a restart forgives, which costs an attacker more than it gives."""

    def __init__(self) -> None:
        self._failures: OrderedDict[tuple[str, ...], _Failures] = OrderedDict()

    def begin(self, login: str, address: str) -> None:
        """Counts as a failure until `succeeded` says otherwise, so that many tries at once are no way around.

        Raises TooManyLogins.
        """
        at = time.monotonic()
        wait_s = max(self._failures[key].blocked_until - at if key in self._failures else 0 for key in _keys(login, address))
        if wait_s > 0:
            whole_s = int(wait_s) + 1
            raise TooManyLogins(f"Too many failed attempts. Try again in {whole_s} s.", retry_after_s=whole_s)
        for key in _keys(login, address):
            entry = self._failures.pop(key, _Failures())
            entry.count = 1 if at - entry.last > FORGOTTEN_AFTER_S else entry.count + 1
            entry.last = at
            self._failures[key] = entry
        self._block(login, address)
        while len(self._failures) > REMEMBERED:
            self._failures.popitem(last=False)

    def failed(self, login: str, address: str) -> None:
        """The wait begins now: checking the password took its time."""
        self._block(login, address)

    def succeeded(self, login: str, address: str) -> None:
        of_login, of_address = _keys(login, address)
        self._failures.pop(of_login, None)
        if of_address in self._failures:
            self._failures[of_address].count -= 1
            self._failures[of_address].blocked_until = 0.0

    def _block(self, login: str, address: str) -> None:
        for key, free in zip(_keys(login, address), (FREE_FAILURES, FREE_FAILURES_OF_ADDRESS), strict=True):
            entry = self._failures.get(key)
            if entry is not None and entry.count >= free:
                entry.blocked_until = time.monotonic() + min(2.0 ** min(entry.count - free, 20), LONGEST_WAIT_S)


def _keys(login: str, address: str) -> list[tuple[str, ...]]:
    return [(login, address), (address,)]
