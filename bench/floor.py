"""The floor: what an edge's log says was decoded and inferred, and nothing else. `python -m bench.floor LOG WEIGHTS URL...`

Reads the same streams, decodes exactly the packets that the log names, and runs the nets of the same files with the same session
options on inputs of exactly the logged shapes (their cost does not depend on the values), spread over the run as they were.
Prints `ready` once the nets are loaded, before it opens the first stream.
"""

import json
import sys
import threading
from collections import defaultdict
from pathlib import Path

import av
import numpy as np

from contract.lifetime import end_with_input
from detector.card import load_model
from detector.session import Session


class Progress:
    """How many packets all cameras have decoded so far."""

    def __init__(self) -> None:
        self.decoded = 0
        self.changed = threading.Condition()

    def step(self) -> None:
        with self.changed:
            self.decoded += 1
            self.changed.notify()

    def wait_beyond(self, packets: float) -> None:
        with self.changed:
            self.changed.wait_for(lambda: self.decoded > packets)


def read(url: str, wanted: dict[int, bool], progress: Progress) -> None:
    """`wanted`: by number of the packet, whether it is decoded alone."""
    options = {"fpsprobesize": "0", "rtsp_transport": "tcp", "allowed_media_types": "video"}
    with av.open(url, format="rtsp", options=options, timeout=10) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        context.thread_count = 1
        for number, packet in enumerate(container.demux(stream)):
            if number not in wanted:
                continue
            try:
                context.decode(packet)
                if wanted[number]:
                    context.decode(None)
                    context.flush_buffers()
            except av.FFmpegError:  # the edge threw away what was damaged; here it costs as much
                context.flush_buffers()
            progress.step()


def main(log: Path, weights: Path, urls: list[str]) -> None:
    end_with_input()
    packets: dict[str, dict[int, bool]] = defaultdict(dict)
    runs: list[tuple[str, tuple[int, ...]]] = []
    for text in log.read_text().splitlines():
        line = json.loads(text)
        if "packet" in line:
            packets[line["camera"]][line["packet"]] = line["alone"]
        elif "model" in line:
            runs.append((line["model"], tuple(line["shape"])))
    sessions = {name: Session(*load_model(weights, name)) for name in {name for name, _ in runs}}
    rng = np.random.default_rng(0)
    inputs = {shape: rng.integers(0, 256, shape, np.uint8) for _, shape in runs}
    for name, shape in set(runs):
        sessions[name].run(inputs[shape])
    print("ready", flush=True)
    progress = Progress()
    for i, url in enumerate(urls):
        threading.Thread(target=read, args=(url, packets[f"cam{i}"], progress), daemon=True).start()
    total = sum(map(len, packets.values()))
    for number, (name, shape) in enumerate(runs):
        progress.wait_beyond(number * total / len(runs))
        sessions[name].run(inputs[shape])
    threading.Event().wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
