"""How often somebody asks: a token bucket for each, kept in this process. Several processes each count their own."""

import math
from dataclasses import dataclass, field
from datetime import datetime

from fastapi import Response
from fastapi.responses import JSONResponse

from api.kit.problems import TooManyRequests

WINDOW_S = 60
_LONGEST_S = 2.0 * WINDOW_S  # a debt is forgotten by then
_ROUNDING_S = 1e-3  # of a float of today's seconds, many times over


class RateLimited(TooManyRequests):
    code = "rate-limited"

    def __init__(self, detail: str, retry_after_s: int, told: dict[str, str]) -> None:
        super().__init__(detail, retry_after_s=retry_after_s)
        self._told = told

    def headers(self) -> dict[str, str]:
        return super().headers() | self._told


class TokensRateLimited(RateLimited):
    """In the form of RFC 6749, 5.2; its word is that of RFC 8628, 3.5, the only one registered that says so."""

    def response(self) -> Response:
        return JSONResponse({"error": "slow_down", "error_description": self.detail}, self.status, self.headers())


@dataclass
class Limiter:
    """`per_window` at once, and as many more, evenly, in each window. Of a bucket only the moment is kept at which it is full
    again. Headers: draft-ietf-httpapi-ratelimit-headers-10.
    """

    policy: str
    per_window: int
    problem: type[RateLimited] = RateLimited
    _full_at: dict[str, float] = field(default_factory=dict)
    _swept_at: float = 0

    @property
    def _each_s(self) -> float:
        return WINDOW_S / self.per_window

    def take(self, key: str, at: datetime) -> dict[str, str]:
        """Headers for the answer. Raises `problem`, with the same headers in it; what is refused costs nothing."""
        wait_s = self._until_full_s(key, at) + self._each_s - WINDOW_S
        if wait_s > _ROUNDING_S:
            seconds = math.ceil(wait_s - _ROUNDING_S)
            words = f"This {self.policy} may ask {self.per_window} times a minute. Ask again in {seconds} s, and less often."
            raise self.problem(words, seconds, self._headers(key, at))
        return self.charge(key, at, 1)

    def charge(self, key: str, at: datetime, count: int) -> dict[str, str]:
        """For what was done already: also more than there is."""
        self._sweep(at.timestamp())
        self._full_at[key] = at.timestamp() + min(self._until_full_s(key, at) + count * self._each_s, _LONGEST_S)
        return self._headers(key, at)

    def _headers(self, key: str, at: datetime) -> dict[str, str]:
        until_full_s = self._until_full_s(key, at)
        left = max(0, math.floor((WINDOW_S - until_full_s + _ROUNDING_S) / self._each_s))
        return {
            "RateLimit-Policy": f'"{self.policy}";q={self.per_window};w={WINDOW_S}',
            "RateLimit": f'"{self.policy}";r={left};t={math.ceil(until_full_s - _ROUNDING_S)}',
        }

    def _until_full_s(self, key: str, at: datetime) -> float:
        until_s = self._full_at.get(key, 0.0) - at.timestamp()
        return until_s if 0 < until_s <= _LONGEST_S + _ROUNDING_S else 0.0  # longer only after the clock was set back

    def _sweep(self, now_s: float) -> None:
        """Once a window, those that are full go."""
        if abs(now_s - self._swept_at) > WINDOW_S:
            self._full_at = {key: full_at for key, full_at in self._full_at.items() if full_at > now_s}
            self._swept_at = now_s
