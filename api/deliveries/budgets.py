"""How many messages a channel takes: a token bucket for each target, with room under the limit of its service."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from api.deliveries.kinds import Channel


@dataclass(frozen=True)
class Budget:
    """So many at once, and one more each `every`."""

    depth: int
    every: timedelta

    def spend(self, full_at: datetime | None, at: datetime) -> tuple[datetime, datetime]:
        """Take one: when the bucket, which is full at `full_at`, is full again, and from when on it holds one."""
        full_at = max(full_at or at, at) + self.every
        return full_at, full_at - (self.depth - 1) * self.every


BUDGETS: dict[Channel, Budget] = {
    Channel.WECOM: Budget(4, timedelta(seconds=4)),  # 20 a minute
    # 20 a minute, and who sends more is blocked for ten.
    Channel.DINGTALK: Budget(3, timedelta(seconds=4)),
    Channel.FEISHU: Budget(4, timedelta(seconds=0.8)),  # 5 a second, 100 a minute
    Channel.APPRISE: Budget(4, timedelta(seconds=4)),  # a service that we do not know
    Channel.SMS: Budget(10, timedelta(minutes=36)),  # 50 a day for one number
}
