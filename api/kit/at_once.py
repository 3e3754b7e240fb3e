"""How much of the same thing one sender may have going on at the same time, counted in this process."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from api.kit.problems import TooManyRequests


@dataclass
class AtOnce:
    """`what` is said to whoever has more than `most`."""

    what: str
    most: int
    _going_on: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def one_more(self, sender: str) -> Iterator[None]:
        """Raises TooManyRequests."""
        if self._going_on[sender] >= self.most:
            words = f"You have {self.most} {self.what} going on already. End one, or wait until one has ended."
            raise TooManyRequests(words, retry_after_s=5)
        self._going_on[sender] += 1
        try:
            yield
        finally:
            self._going_on[sender] -= 1
            self._going_on += Counter()  # forgets who has none
