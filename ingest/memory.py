"""Memory that goes back to the system when it is free, and what the system does where none is left."""

import contextlib
import ctypes
import mmap
from pathlib import Path

# glibc's mallopt(3). A 1080p frame is 3 MB as decoded and 6 MB as BGR, a coded key frame 0.1 to 0.4 MB.
M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8
LARGE_BYTES = 512 * 1024
# proc(5): what Linux counts, and whom it kills first where memory runs out (-1000 to 1000; anybody may raise his own).
COUNTS, RANK = Path("/proc/vmstat"), Path("/proc/self/oom_score_adj")
FIRST, AT_ONCE = 500, 1000


def keep_little() -> None:
    """Call it before any thread begins. Blocks of half a megabyte and more are mapped one by one, small ones lie in one arena.

    By itself glibc would, after the first frame, take frames from the heap too, where packets kept for clips lie between them so
    that nothing of it can be given back. Eight cameras: 622 MB instead of 714, at the same CPU.
    """
    _call("mallopt", M_MMAP_THRESHOLD, LARGE_BYTES)
    _call("mallopt", M_ARENA_MAX, 1)


def give_back() -> None:
    """What is free now, and what glibc would keep for later."""
    _call("malloc_trim", 0)


def lend(size: int) -> mmap.mmap:
    """Zeroed memory for something large that is soon gone, such as a clip. In pages of 2 MB where the system has them (Linux's
    transparent huge pages, by default only for who asks): in those of 4 kB, getting and giving back 7 MB takes 4 ms."""
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with contextlib.suppress(OSError):  # a kernel without them
            memory.madvise(mmap.MADV_HUGEPAGE)
    return memory


def go_first(rank: int = FIRST) -> None:
    """Where memory runs out, this process is to be killed, not the edge's own, which keeps the evidence and starts another."""
    with contextlib.suppress(OSError):
        RANK.write_text(str(rank))


def kills() -> int:
    """How many processes the system has killed since its start because memory ran out; 0 where it does not count them."""
    try:
        counts = COUNTS.read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in counts.splitlines() if line.startswith("oom_kill ")), 0)


def _call(name: str, *arguments: int) -> None:
    function = getattr(ctypes.CDLL(None), name, None)  # another C library than glibc is left as it is
    if function is not None:
        function(*arguments)
