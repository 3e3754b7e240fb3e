"""A worker process of the edge: its share of the cameras in front of a detector of its own. `ingest.crew` starts it."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

import structlog
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from contract.cameras import EdgeConfig
from contract.logs import log_to_stderr
from detector.card import ModelError
from detector.pipeline import Detector
from detector.rules import RuleEngine
from ingest.fleet import Fleet
from ingest.parts import Looker, MakeRules
from ingest.pipe import STOP, Beat, Pipe, Ready, RemoteBook, RemoteRecorder, Setup, Unfit
from ingest.work_log import WorkLog

# Key frames come about once a second: asking twenty times a second costs nothing and delays a look by 2 % of that.
LOOK_WAIT_S = 0.05
BEAT_INTERVAL_S = 1.0
log = structlog.get_logger(__name__)


def load_detector(setup: Setup) -> Looker:
    return Detector.load(setup.weights, setup.threads, WorkLog().ran)


def main(
    arguments: list[str], load_detector: Callable[[Setup], Looker] = load_detector, make_rules: MakeRules = RuleEngine
) -> None:
    """`arguments`: the number of the file descriptor to talk over."""
    # Ctrl-C reaches the whole group; the edge tells its workers when to end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    log_to_stderr()
    pipe = Pipe(Connection(int(arguments[0])))
    setup: Setup = pipe.receive()
    try:
        detector = load_detector(setup)
    except ModelError as error:
        pipe.send(Unfit(str(error)))
        return
    recorder = RemoteRecorder(pipe)
    fleet = Fleet(
        detector, recorder, RemoteBook(pipe), X25519PrivateKey.from_private_bytes(setup.key), make_rules=make_rules
    )
    stop = threading.Event()
    threading.Thread(target=_listen, args=(pipe, fleet, recorder, stop), name="listen", daemon=True).start()
    pipe.send(Ready())
    try:
        _look(pipe, fleet, stop)
    except OSError:
        pass  # the edge is gone; nothing can be told any more
    else:
        fleet.stop()
    sys.stderr.flush()
    # Threads that wait for a dead camera are not waited for.
    os._exit(0)


def _look(pipe: Pipe, fleet: Fleet, stop: threading.Event) -> None:
    """Raises OSError when the edge is gone."""
    beat_at = float("-inf")
    while not stop.is_set():
        looked = fleet.look_round()
        if time.monotonic() - beat_at >= BEAT_INTERVAL_S:
            beat_at = time.monotonic()
            cameras, looks, look_s = fleet.report()
            pipe.send(Beat(cameras, looks, look_s, time.process_time(), fleet.trouble))
        if not looked:
            stop.wait(LOOK_WAIT_S)


def _listen(pipe: Pipe, fleet: Fleet, recorder: RemoteRecorder, stop: threading.Event) -> None:
    """Ends the process when the edge is gone: nobody could take what it sees, and the next edge starts workers of its own."""
    try:
        while (message := pipe.receive()) != STOP:
            if isinstance(message, EdgeConfig):
                fleet.apply(message)
            else:
                recorder.answered(message)
        stop.set()
    except (EOFError, OSError):
        os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
