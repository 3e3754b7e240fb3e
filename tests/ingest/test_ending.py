import signal
import threading

from ingest.ending import end_on_signals


def test_a_signal_while_the_event_is_being_waited_for_is_not_lost():
    stop, before = threading.Event(), signal.getsignal(signal.SIGUSR1)
    try:
        end_on_signals(stop, signal.SIGUSR1)
        with stop._cond:  # as `stop.wait()` does; the handler runs inside
            signal.raise_signal(signal.SIGUSR1)
        assert stop.wait(30)
    finally:
        signal.signal(signal.SIGUSR1, before)
