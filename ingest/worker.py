"""A worker process of the edge: its share of the cameras in front of a detector of its own. `ingest.crew` starts it."""

import faulthandler
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from functools import partial

import cv2
import structlog
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from contract.cameras import EdgeConfig
from contract.logs import log_to_stderr
from detector.card import ModelError
from detector.draw import load_font
from detector.providers import ProviderError
from detector.rules import RuleEngine
from ingest.cutting import Cutter
from ingest.fleet import Fleet
from ingest.hardware import decoding_device
from ingest.loading import Loaded, load_detector
from ingest.memory import give_back, go_first, keep_little
from ingest.parts import MakeRules
from ingest.pipe import (
    STOP,
    TELL_INTERVAL_S,
    Beat,
    ClockOff,
    Pipe,
    ProviderLost,
    Ready,
    RemoteBook,
    RemoteLogins,
    RemoteRecorder,
    Setup,
    Unfit,
)
from ingest.watched import open_reader

# Pictures wake the thread that looks; without any it sees so often to what else there is.
IDLE_S = 0.5
# At the end, for the cameras and what is being recorded, and for the clips; the edge waits two seconds for its workers.
LETTING_GO_S, CUTTING_S = 1.0, 0.8
log = structlog.get_logger(__name__)


def main(
    arguments: list[str], load_detector: Callable[[Setup], Loaded] = load_detector,
    make_rules: MakeRules = RuleEngine,
) -> None:
    """`arguments`: the number of the file descriptor to talk over."""
    keep_little()
    cv2.setNumThreads(1)  # its helpers wait by running: 2.5 % of what a worker costs
    go_first()
    # systemd sends it to all processes of a service; the edge tells its workers when to end.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    log_to_stderr()
    pipe = Pipe(socket.socket(fileno=int(arguments[0])))
    setup: Setup = pipe.receive()
    if setup.stack is not None:
        faulthandler.enable(setup.stack, all_threads=False)
    try:
        loaded = load_detector(setup)
    except ModelError as error:
        pipe.send(Unfit(str(error)))
        return
    load_font()
    device = decoding_device() if setup.in_hardware else None
    give_back()  # what the check of the weights had taken
    recorder, book = RemoteRecorder(pipe), RemoteBook(pipe)
    cutter = Cutter(recorder.record_clip)
    stop, wake = threading.Event(), threading.Event()
    fleet = Fleet(
        loaded.detector, recorder, book, X25519PrivateKey.from_private_bytes(setup.key), make_rules=make_rules,
        open_reader=partial(
            open_reader, preroll_bytes=setup.preroll_bytes, device=device, on_picture=wake.set, gate=RemoteLogins(pipe, recorder)
        ),
        clips=cutter, on_latest=pipe.send, latest_every_s=setup.latest_every_s,
    )
    threading.Thread(target=_listen, args=(pipe, fleet, recorder, stop, wake), name="listen", daemon=True).start()
    cutter.start()
    pipe.send(Ready(loaded.is_exact, loaded.no_provider, no_decoder=setup.in_hardware and device is None))
    try:
        try:
            _look(pipe, fleet, book, stop, wake)
        except ProviderError as error:
            pipe.send(ProviderLost(str(error)))
        cutter.close()
        fleet.stop(LETTING_GO_S)
        book.send()
        cutter.stop(CUTTING_S)
    except OSError:
        pass  # the edge is gone; nothing can be told any more
    sys.stderr.flush()
    # Threads that wait for a dead camera are not waited for.
    os._exit(0)


def _look(pipe: Pipe, fleet: Fleet, book: RemoteBook, stop: threading.Event, wake: threading.Event) -> None:
    """Raises OSError when the edge is gone, ProviderError when what computes is."""
    beat_at = float("-inf")
    while not stop.is_set():
        looked = fleet.look_round()
        if time.monotonic() - beat_at >= TELL_INTERVAL_S:
            beat_at = time.monotonic()
            book.send()
            cameras, looks, look_s = fleet.report()
            pipe.send(Beat(cameras, looks, look_s, fleet.trouble, beat_at))
        if not looked:
            wake.wait(IDLE_S)
        wake.clear()


def _listen(pipe: Pipe, fleet: Fleet, recorder: RemoteRecorder, stop: threading.Event, wake: threading.Event) -> None:
    """Ends the process when the edge is gone, or cannot be understood: nobody could take what it sees, and the edge, or the next
    one, starts another."""
    try:
        while True:
            message = pipe.receive()
            if message == STOP:
                stop.set()  # what is still being recorded is answered after it
                wake.set()
            elif isinstance(message, ClockOff):
                fleet.clock_off_s = message.seconds
            elif isinstance(message, EdgeConfig):
                fleet.apply(message)
                wake.set()
            else:
                recorder.answered(message)
                wake.set()
    except (EOFError, OSError):
        os._exit(1)
    except Exception:
        log.exception("edge_not_understood")
        os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
