"""Ending on a signal."""

import queue
import signal
import threading


def end_on_signals(stop: threading.Event, *numbers: signal.Signals) -> None:
    """Set `stop` when one of the signals comes; call it in the main thread.

    A handler runs between two bytecodes of the main thread, perhaps inside `stop.wait()` while that holds the event's own lock,
    and setting the event there would wait for ever. Putting into a SimpleQueue is safe in a handler; a thread does the rest.
    """
    asked: queue.SimpleQueue[None] = queue.SimpleQueue()

    def pass_on() -> None:
        asked.get()
        stop.set()

    threading.Thread(target=pass_on, name="signals", daemon=True).start()
    for number in numbers:
        signal.signal(number, lambda *_: asked.put(None))
