"""One end of what edge and worker say to each other over."""

import pickle
import threading
import time
from socket import socket, socketpair

import pytest

from contract.evidence import ClipFlaw
from ingest.findings import Clip
from ingest.pipe import LATEST_TOLD_S, Call, Notes, Pipe, RemoteBook

CLIP = Clip(bytes(range(256)) * 20_000, "h264", 15.0, 5.0, None, ClipFlaw.STREAM)


class Slow(socket):
    """It is closed, or would be, while something is on its way."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(fileno=descriptor)
        self.sending, self.go_on = threading.Event(), threading.Event()
        self.was_closed: bool | None = None

    def sendall(self, *arguments: object) -> None:  # type: ignore[override]
        self.sending.set()
        self.go_on.wait(60)
        self.was_closed = self.fileno() == -1


def test_what_is_on_its_way_is_not_sent_to_whoever_has_the_number_next():
    """The descriptor of a closed end may be a file of the outbox by then."""
    ours, theirs = socketpair()
    with theirs:
        end = Slow(ours.detach())
        pipe = Pipe(end)
        sender = threading.Thread(target=pipe.send, args=("answer",))
        sender.start()
        assert end.sending.wait(60)
        closer = threading.Thread(target=pipe.close)
        closer.start()
        closer.join(0.1)
        end.go_on.set()
        sender.join(60)
        closer.join(60)
    assert end.was_closed is False
    assert end.fileno() == -1
    with pytest.raises(OSError, match="descriptor"):
        pipe.receive()


def test_a_clip_comes_over_whole():
    ours, theirs = socketpair()
    with ours, theirs:
        call = Call(3, "record_clip", ("cam", CLIP))
        sender = threading.Thread(target=Pipe(ours).send, args=(call,))
        sender.start()
        assert Pipe(theirs).receive() == call
        sender.join(60)


def test_a_clip_is_not_copied_into_its_message():
    apart: list[pickle.PickleBuffer] = []
    assert len(pickle.dumps(CLIP, 5, buffer_callback=apart.append)) < 1000
    assert [bytes(one) for one in apart] == [CLIP.content]


def test_half_a_message_is_the_end():
    ours, theirs = socketpair()
    with theirs:
        with ours:
            ours.sendall(b"12345")
        with pytest.raises(EOFError):
            Pipe(theirs).receive()


def test_what_a_worker_notes_goes_out_together_and_in_order():
    ours, theirs = socketpair()
    with ours, theirs:
        book = RemoteBook(Pipe(ours))
        book.send()
        book.state("a", None)
        book.looked("a", 640, 360)
        book.still("b")
        book.send()
        assert Pipe(theirs).receive() == Notes([("state", ("a", None)), ("looked", ("a", 640, 360)), ("still", ("b",))])


def test_in_a_long_round_what_a_worker_notes_goes_out_by_itself(monkeypatch: pytest.MonkeyPatch):
    """Else it would be taken for one that hangs."""
    ours, theirs = socketpair()
    with ours, theirs:
        book = RemoteBook(Pipe(ours))
        book.send()
        book.still("a")
        later = time.monotonic() + LATEST_TOLD_S
        monkeypatch.setattr("ingest.pipe.time.monotonic", lambda: later)
        book.still("b")
        theirs.settimeout(60)
        assert Pipe(theirs).receive() == Notes([("still", ("a",)), ("still", ("b",))])
