"""A real edge whose workers have scripted eyes, for tests with real processes.

    python -m tests.ingest.edge_main DATA [--quiet] [--clock-ahead SECONDS]
"""

import argparse
import signal
import sys
import threading
import time
from pathlib import Path

from contract.logs import log_to_stderr
from ingest.centre import Centre
from ingest.edge import Edge
from ingest.edge_cli import edge_folder
from ingest.ending import end_on_signals
from ingest.identity import read_identity


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--quiet", action="store_true")
    parser.add_argument("--clock-ahead", type=float, default=0.0)
    given = parser.parse_args()
    log_to_stderr()
    stop = threading.Event()
    end_on_signals(stop, signal.SIGTERM)
    folder = edge_folder(given.data)
    identity = read_identity(folder)
    assert identity is not None
    assert identity.registration is not None
    there = identity.registration
    centre = Centre(there.centre_url, there.edge_id, identity.keys.signing, clock=lambda: time.time() + given.clock_ahead)
    worker = [sys.executable, "-m", "tests.ingest.edge_worker", *(["--quiet"] if given.quiet else [])]
    Edge(folder, there.edge_id, identity.keys, centre, worker=worker, interval_s=1.0).run(stop)


if __name__ == "__main__":
    main()
