"""Memory that goes back to the system when it is free."""

import ctypes

# glibc's mallopt(3). A 1080p frame is 3 MB as decoded and 6 MB as BGR, a coded key frame 0.1 to 0.4 MB.
M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8
LARGE_BYTES = 512 * 1024


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


def _call(name: str, *arguments: int) -> None:
    function = getattr(ctypes.CDLL(None), name, None)  # another C library than glibc is left as it is
    if function is not None:
        function(*arguments)
