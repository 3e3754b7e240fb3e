"""A clock that nobody sets: the seconds since the machine was started, and which start that was."""

import time
from functools import cache
from pathlib import Path
from uuid import uuid4

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def uptime_s() -> float:
    """It goes on while the machine sleeps where the system has such a clock."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


@cache
def boot_id() -> str:
    """What was noted by `uptime_s` under another one says nothing now. Where the system tells none, each process has its own."""
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return uuid4().hex
