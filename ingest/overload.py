"""A box that is too small for its cameras: since when, for how many it is large enough, and the words for it."""

import time
from collections.abc import Callable, Sequence

import structlog

# How long a box must be too small before it is said, and how often it is said again.
OVERLOAD_S, OVERLOAD_AGAIN_S = 30.0, 3600.0
log = structlog.get_logger(__name__)


class Overload:
    """`carries`: about how many cameras the box can carry, once it has been too small for a while; else None."""

    def __init__(self, timer: Callable[[], float] = time.monotonic) -> None:
        self.carries: int | None = None
        self._timer = timer
        self._since: float | None = None
        self._told_at = float("-inf")

    def judge(self, stretches: Sequence[float], configured: int) -> None:
        """By how much the sampling of each camera is lengthened now. Says in words that the box is too small, now and then."""
        now = self._timer()
        if max(stretches, default=1.0) <= 1.0:
            self._since = self.carries = None
            return
        if self._since is None:
            self._since = now
        if now - self._since < OVERLOAD_S:
            return
        self.carries = carried(stretches)
        if now - self._told_at >= OVERLOAD_AGAIN_S:
            self._told_at = now
            log.warning("box_too_small", words=overload_words(self.carries, configured))


def carried(stretches: Sequence[float]) -> int:
    """About how many cameras a box can carry that lengthens the sampling of each by so much."""
    return max(1, round(sum(1 / stretch for stretch in stretches)))


def overload_words(carries: int, configured: int) -> str:
    return (
        f"This box can carry about {carries} such cameras; {configured} are configured. Looks come less often than wanted. "
        f"Take cameras out, use a larger box, or set longer intervals. "
        f"本机约可承载 {carries} 路这样的摄像头，现配置了 {configured} 路；检查间隔已自动拉长。"
        "请减少摄像头、更换更强的主机或调大检查间隔。"
    )
