"""Processes that end with whoever started them, however he ended."""

import os
import signal
import threading

# Set for a child by whoever starts it with a pipe as its standard input, and holds the other end: the kernel closes that when he
# is gone, killed or not. Asking for the parent's number again and again would miss one who went before the first time.
ENDS_WITH_INPUT = "SUNSHINE_ENDS_WITH_INPUT"


def end_with_input() -> None:
    """Where this process is so started: SIGTERM to itself when its standard input ends."""
    if os.environ.pop(ENDS_WITH_INPUT, None):
        threading.Thread(target=_wait, name="end with input", daemon=True).start()


def _wait() -> None:
    # Not sys.stdin: a thread that waits inside its buffer keeps the interpreter from ending cleanly.
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
