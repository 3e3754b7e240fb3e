"""Who may ask a recorder to let it in: its channels share one login, and each of them with a wrong password would lock it."""

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Literal, Protocol

from contract.edges import StreamFault
from ingest.backoff import LONGEST_WRONG_PASSWORD_S, Backoff

# So many connect at once while nobody is in; once one is, all may. By so many cameras that are refused a password is judged, too:
# one alone may just not be among those that this user may see.
AT_ONCE = 2
# A camera that is refused asks again after an hour at the latest. Of a login that is not used any more nothing need be known.
FORGOTTEN_S = 2 * LONGEST_WRONG_PASSWORD_S
Outcome = Literal["in", "refused", "over"]


class Gate(Protocol):
    """Of `Logins`; in a worker process it stands for the one of the edge."""

    def ask(self, login: str, who: Hashable) -> Future[float]: ...
    def tell(self, login: str, who: Hashable, outcome: Outcome) -> None: ...


@dataclass
class _Login:
    backoff: Backoff
    # Who was asked to connect, and whether it is in; who waits for that; who was refused since the last one was let in.
    admitted: dict[Hashable, bool] = field(default_factory=dict)
    waiting: deque[tuple[Hashable, Future[float]]] = field(default_factory=deque)
    refused: set[Hashable] = field(default_factory=set)
    until: float = float("-inf")
    used_at: float = 0.0

    @property
    def is_open(self) -> bool:
        """As long as one is in, the login is right, or was when that one came."""
        return any(self.admitted.values())

    def is_used(self, now: float) -> bool:
        return bool(self.admitted or self.waiting) or now - self.used_at < FORGOTTEN_S


class Logins:
    """Any thread may call it. No more wrong tries fall into half an hour than of a single camera (`ingest.backoff`)."""

    def __init__(self, timer: Callable[[], float] = time.monotonic, chance: Callable[[], float] = random.random) -> None:
        self._timer = timer
        self._chance = chance
        self._lock = threading.Lock()
        self._logins: dict[str, _Login] = {}

    def ask(self, login: str, who: Hashable) -> Future[float]:
        """Answered when it is known: 0, connect now, and tell what came of it; else do not, and ask again in so many seconds."""
        future: Future[float] = Future()
        now = self._timer()
        with self._lock:
            for name in [name for name, one in self._logins.items() if not one.is_used(now)]:
                del self._logins[name]
            known = self._logins.setdefault(login, _Login(Backoff(chance=self._chance)))
            known.waiting.append((who, future))
            known.used_at = now
        self._go_on(login)
        return future

    def tell(self, login: str, who: Hashable, outcome: Outcome) -> None:
        """It is in; or it is over: because the password was refused, or for another reason, also of one that was in."""
        with self._lock:
            known = self._logins.get(login)
            if known is None or who not in known.admitted:
                return  # an attempt that was given up long ago
            known.used_at = self._timer()
            if outcome == "in":
                known.admitted[who] = True
                known.refused.clear()
                known.until = float("-inf")
                known.backoff.reset()
            else:
                del known.admitted[who]
            if outcome == "refused" and not known.is_open:
                known.refused.add(who)
                pause_s = known.backoff.pause_s(StreamFault.WRONG_PASSWORD)
                if len(known.refused) >= AT_ONCE:
                    known.until = self._timer() + pause_s
        self._go_on(login)

    def gone(self, is_gone: Callable[[Hashable], bool]) -> None:
        """Of these nothing more will be heard."""
        with self._lock:
            for known in self._logins.values():
                known.admitted = {who: is_in for who, is_in in known.admitted.items() if not is_gone(who)}
                known.waiting = deque(one for one in known.waiting if not is_gone(one[0]))
            logins = list(self._logins)
        for login in logins:
            self._go_on(login)

    def _go_on(self, login: str) -> None:
        answers: list[tuple[Future[float], float]] = []
        with self._lock:
            known = self._logins.get(login)
            while known is not None and known.waiting:
                left_s = 0.0 if known.is_open else known.until - self._timer()
                if left_s <= 0 and not known.is_open and len(known.admitted) >= (1 if known.refused else AT_ONCE):
                    break
                who, future = known.waiting.popleft()
                if left_s <= 0:
                    known.admitted[who] = False
                answers.append((future, max(0.0, left_s)))
        for future, seconds in answers:
            future.set_result(seconds)


@dataclass(frozen=True)
class Door:
    """The way in of one camera."""

    gate: Gate
    login: str = field(repr=False)
    who: Hashable

    def ask(self) -> Future[float]:
        return self.gate.ask(self.login, self.who)

    def tell(self, outcome: Outcome) -> None:
        self.gate.tell(self.login, self.who, outcome)
