"""Ending on a signal."""

import signal
import socket
import threading


def end_on_signals(stop: threading.Event, *numbers: signal.Signals) -> None:
    """Set `stop` when one of the signals comes; call it in the main thread.

    A handler in Python would not do. It waits for the main thread, which does not notice a signal that comes in the instant
    before it blocks in `stop.wait()`; and inside that wait it may hold the event's own lock, on which `stop.set()` would then
    wait for ever. So the interpreter writes the number into a socket at once, whatever the main thread does.
    """
    reading, writing = socket.socketpair()
    writing.setblocking(False)
    signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
    for number in numbers:
        signal.signal(number, lambda *_: None)

    def pass_on() -> None:
        with reading, writing:  # open for as long as the process lives
            while True:
                if reading.recv(1)[0] in numbers:
                    stop.set()

    threading.Thread(target=pass_on, name="signals", daemon=True).start()
