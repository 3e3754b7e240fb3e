"""The edge for a long time, half of its cameras dying and coming back: whether its memory grows."""

import shutil
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench import scenes
from bench.centre import BenchCentre
from bench.phases import BenchError, Child, playing
from bench.processes import pss_mb
from ingest.edge_cli import edge_folder
from ingest.enrol import enrol

SAMPLE_S = 5.0
DEAD_S, ALIVE_S = 20.0, 40.0
"""Longer dead than the edge waits for a silent camera; alive for a whole loop of the clip."""
GOP = 50


@dataclass(frozen=True)
class Soaked:
    """`pss`: (seconds since all cameras played, MB of the edge with its children)."""

    cameras: int
    deaths: int
    pss: list[tuple[float, float]]

    def between(self, begin: float, end: float) -> float:
        """Median MB between two shares of the time."""
        last = self.pss[-1][0]
        return median(mb for at, mb in self.pss if begin * last <= at <= end * last)

    @property
    def growth(self) -> float:
        """Memory in the last tenth of the time over that in the third tenth, when everything has been used once."""
        return self.between(0.9, 1.0) / self.between(0.2, 0.3)


def soak(work: Path, weights: Path, cameras: int, minutes: float, say: Callable[[str], None]) -> Soaked:
    """Raises BenchError when the edge ends by itself."""
    clips = scenes.clips(work)
    played = [clips[f"busy-{list(scenes.CODECS)[i % 2]}-{GOP}"] for i in range(cameras)]
    steady, dying = played[: cameras // 2], played[cameras // 2 :]
    folder = work / "soak"
    shutil.rmtree(folder, ignore_errors=True)
    for part in ("steady", "dying"):
        (folder / part).mkdir(parents=True)
    centre, data = BenchCentre(), folder / "data"
    deaths, pss = 0, []
    with centre.running(), playing(steady, folder / "steady") as some, playing(dying, folder / "dying") as others:
        enrol(edge_folder(data), centre.url, "bench-code", "bench")
        centre.list_cameras([*some.urls, *others.urls])
        command = [sys.executable, "-m", "sunshine", "edge", "run", "--data", str(data), "--weights", str(weights)]
        edge = Child(command, folder / "edge.log")
        try:
            some.started()
            others.started()
            begin = time.monotonic()
            while (now := time.monotonic() - begin) < 60 * minutes:
                # A camera that freezes keeps its connections: the edge must notice by itself. All of one half at once.
                dead = now % (DEAD_S + ALIVE_S) > ALIVE_S
                if dead != others.frozen:
                    others.send(signal.SIGSTOP if dead else signal.SIGCONT)
                    deaths += dead
                if edge.process.poll() is not None:
                    raise BenchError(f"The edge ended by itself. Its log is {folder / 'edge.log'}.")
                pss.append((now, pss_mb(edge.process.pid)))
                if len(pss) % 12 == 0:
                    say(f"{now / 60:4.1f} min, {pss[-1][1]:.0f} MB, {deaths} deaths")
                time.sleep(SAMPLE_S)
        finally:
            others.send(signal.SIGCONT)
            edge.stop()
    return Soaked(cameras, deaths, pss)
