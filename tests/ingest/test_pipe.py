"""One end of what edge and worker say to each other over."""

import threading
from multiprocessing.connection import Connection
from socket import socketpair

import pytest

from ingest.pipe import Pipe


class Slow(Connection):
    """It is closed, or would be, while something is on its way."""

    def __init__(self, handle: int) -> None:
        super().__init__(handle)
        self.sending, self.go_on = threading.Event(), threading.Event()
        self.was_closed: bool | None = None

    def send_bytes(self, *arguments: object) -> None:  # type: ignore[override]
        self.sending.set()
        self.go_on.wait(60)
        self.was_closed = self.closed


def test_what_is_on_its_way_is_not_sent_to_whoever_has_the_number_next():
    """The descriptor of a closed end may be a file of the outbox by then."""
    ours, theirs = socketpair()
    with theirs:
        connection = Slow(ours.detach())
        pipe = Pipe(connection)
        sender = threading.Thread(target=pipe.send, args=("answer",))
        sender.start()
        assert connection.sending.wait(60)
        closer = threading.Thread(target=pipe.close)
        closer.start()
        closer.join(0.1)
        connection.go_on.set()
        sender.join(60)
        closer.join(60)
    assert connection.was_closed is False
    assert connection.closed
    with pytest.raises(OSError, match="closed"):
        pipe.receive()
