"""A worker process of the edge: its share of the cameras in front of a detector of its own. `ingest.crew` starts it."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from importlib.resources import files
from itertools import islice
from multiprocessing.connection import Connection

import structlog
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from contract.cameras import EdgeConfig
from contract.logs import log_to_stderr
from detector.card import ModelError
from detector.pipeline import Detector
from detector.rules import RuleEngine
from detector.self_check import disagreement
from ingest.cutting import Cutter
from ingest.fleet import Fleet, open_reader
from ingest.hardware import decoding_device
from ingest.memory import give_back, keep_little
from ingest.parts import Looker, MakeRules
from ingest.pipe import STOP, Beat, Pipe, Ready, RemoteBook, RemoteRecorder, Setup, Unfit
from ingest.source import file_source
from ingest.work_log import WorkLog

# Key frames come about once a second: asking twenty times a second costs nothing and delays a look by 2 % of that.
LOOK_WAIT_S = 0.05
BEAT_INTERVAL_S = 1.0
# Of the demo clip, for the check of the fast weights: two kitchens full of people, a third of a second of one core.
CHECKED_PICTURES = 2
# At the end, for the cameras and what is being recorded, and for the clips; the edge waits two seconds for its workers.
LETTING_GO_S, CUTTING_S = 1.0, 0.8
log = structlog.get_logger(__name__)


def load_detector(setup: Setup) -> tuple[Looker, bool]:
    """The detector, and whether it had to be the exact one because the fast weights go wrong here. Raises ModelError."""
    on_run = WorkLog().ran
    usual = Detector.load(setup.weights, setup.threads, on_run)
    try:
        exact = Detector.load(setup.weights, setup.threads, on_run, "fp32")
    except ModelError:
        return usual, False  # there is but one variant
    if exact.models == usual.models:
        return usual, False
    with closing(file_source(str(files("configs") / "demo" / "kitchen.mp4"), realtime=False).pictures()) as pictures:
        difference = disagreement(exact, usual, [picture.frame().image for picture in islice(pictures, CHECKED_PICTURES)])
    if difference is None:
        return usual, False
    log.warning(
        "fast_weights_go_wrong", difference=difference,
        words="The fast weights (int8) do not see what the exact ones do on this machine. The exact ones are used; they "
        "take about twice as long. 本机处理器上快速权重（int8）的结果与精确权重不一致，已改用精确权重，耗时约为两倍。",
    )
    return exact, True


def main(
    arguments: list[str], load_detector: Callable[[Setup], tuple[Looker, bool]] = load_detector,
    make_rules: MakeRules = RuleEngine,
) -> None:
    """`arguments`: the number of the file descriptor to talk over."""
    keep_little()
    # Ctrl-C reaches the whole group; the edge tells its workers when to end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    log_to_stderr()
    pipe = Pipe(Connection(int(arguments[0])))
    setup: Setup = pipe.receive()
    try:
        detector, is_exact = load_detector(setup)
    except ModelError as error:
        pipe.send(Unfit(str(error)))
        return
    device = decoding_device() if setup.in_hardware else None
    give_back()  # what the check of the weights had taken
    recorder = RemoteRecorder(pipe)
    cutter = Cutter(recorder.record_clip)
    fleet = Fleet(
        detector, recorder, RemoteBook(pipe), X25519PrivateKey.from_private_bytes(setup.key), make_rules=make_rules,
        open_reader=partial(open_reader, preroll_bytes=setup.preroll_bytes, device=device), clips=cutter,
        on_latest=pipe.send, latest_every_s=setup.latest_every_s,
    )
    stop = threading.Event()
    threading.Thread(target=_listen, args=(pipe, fleet, recorder, stop), name="listen", daemon=True).start()
    cutter.start()
    pipe.send(Ready(is_exact))
    try:
        _look(pipe, fleet, stop)
    except OSError:
        pass  # the edge is gone; nothing can be told any more
    else:
        cutter.close()
        fleet.stop(LETTING_GO_S)
        cutter.stop(CUTTING_S)
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
        while True:
            message = pipe.receive()
            if message == STOP:
                stop.set()  # what is still being recorded is answered after it
            elif isinstance(message, EdgeConfig):
                fleet.apply(message)
            else:
                recorder.answered(message)
    except (EOFError, OSError):
        os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
