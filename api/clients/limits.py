"""How often a client asks: a window of a minute for each, counted in this process. Several processes each count their own."""

from dataclasses import dataclass, field
from datetime import datetime

from api.kit.problems import TooManyRequests

WINDOW_S = 60


class RateLimited(TooManyRequests):
    code = "rate-limited"


@dataclass
class Limiter:
    """Headers: draft-ietf-httpapi-ratelimit-headers-10."""

    per_window: int
    _window: int = 0
    _used: dict[str, int] = field(default_factory=dict)

    def take(self, client_id: str, at: datetime) -> dict[str, str]:
        """Headers for the answer. Raises RateLimited, with the same headers in it."""
        window, passed = divmod(int(at.timestamp()), WINDOW_S)
        if window != self._window:
            self._window, self._used = window, {}
        used = self._used[client_id] = min(self._used.get(client_id, 0) + 1, self.per_window + 1)
        left_s = WINDOW_S - passed
        if used > self.per_window:
            raise RateLimited(
                f"This client has asked {self.per_window} times in a minute. Ask again in {left_s} s, and poll less often.",
                retry_after_s=left_s,
            )
        return self.headers(self.per_window - used, left_s)

    def headers(self, left: int, left_s: int) -> dict[str, str]:
        return {
            "RateLimit-Policy": f'"client";q={self.per_window};w={WINDOW_S}', "RateLimit": f'"client";r={left};t={left_s}',
        }
