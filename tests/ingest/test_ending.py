import signal
import threading
from collections.abc import Iterator

import pytest

from ingest.ending import end_on_signals


@pytest.fixture
def stop() -> Iterator[threading.Event]:
    """Set by SIGUSR1."""
    before = signal.getsignal(signal.SIGUSR1)
    event = threading.Event()
    end_on_signals(event, signal.SIGUSR1)
    yield event
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGUSR1, before)


def test_a_signal_while_the_lock_of_the_event_is_held_is_not_lost(stop: threading.Event):
    with stop._cond:  # as `stop.wait()` does for a moment
        signal.raise_signal(signal.SIGUSR1)
    assert stop.wait(30)


def test_a_signal_that_the_main_thread_does_not_notice_is_not_lost(stop: threading.Event):
    def elsewhere() -> None:
        while not stop._cond._waiters:  # the main thread blocks now
            pass
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)

    threading.Thread(target=elsewhere).start()
    assert stop.wait(30)
