"""One phase of a benchmark: cameras play in one process, what is measured watches them in another."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx
import numpy as np

from bench.centre import BenchCentre
from bench.processes import cpu_s, pss_mb
from contract.evidence import SealedManifest
from contract.lifetime import ENDS_WITH_INPUT
from ingest.edge_cli import edge_folder
from ingest.enrol import enrol
from ingest.evidence import OF_CLIP
from ingest.work_log import VARIABLE

# Loading torch on a machine that does other work as well.
READY_WITHIN_S = 300.0
# After the last camera began: what an edge does once for each new camera is over.
SETTLE_S = 1.0
SAMPLE_S = 1.0
# Prometheus itself asks once in 15 s to a minute; answering is work of the edge.
SCRAPE_S = 5.0


class BenchError(RuntimeError):
    """The benchmark cannot go on; the message says why."""


@dataclass(frozen=True)
class Told:
    """A violation that was told: `at` and `seen_at` are wall-clock seconds of the record and of its picture; `box` is where."""

    camera: int
    rule: str
    box: tuple[float, float, float, float]
    seen_at: float
    at: float


@dataclass
class Measured:
    """What one phase cost and told. `pss` are (seconds since the begin, MB); `preroll`: MB of it that are kept for clips.

    Of each camera, `started` is the wall-clock second at which it began to play, `from_s` the second of its clip that it began
    with; what was told until the wall-clock second `until` counts.
    """

    cameras: int
    seconds: float = 0.0
    cpu_s: float = 0.0
    pss: list[tuple[float, float]] = field(default_factory=list)
    preroll: list[float] = field(default_factory=list)
    started: list[float] = field(default_factory=list)
    from_s: list[float] = field(default_factory=list)
    until: float = 0.0
    told: list[Told] = field(default_factory=list)
    dropped: int = 0
    looks: int = 0
    note: str = ""

    @property
    def cpu_share(self) -> float:
        """CPU seconds for each second of each camera."""
        return self.cpu_s / (self.seconds * self.cameras)

    @property
    def pss_mb(self) -> float:
        """Without what is kept of the streams for clips, which has a bound of its own."""
        return max((mb for _, mb in self._lean()), default=0.0)

    @property
    def preroll_mb(self) -> float:
        return max(self.preroll, default=0.0)

    @property
    def pss_slope_mb_a_minute(self) -> float:
        """Over the second half, when everything is in use."""
        half = self._lean()[len(self.pss) // 2 :]
        if len(half) < 3:
            return 0.0
        return float(np.polyfit([at / 60 for at, _ in half], [mb for _, mb in half], 1)[0])

    def _lean(self) -> list[tuple[float, float]]:
        kept = self.preroll or [0.0] * len(self.pss)
        return [(at, mb - part) for (at, mb), part in zip(self.pss, kept, strict=True)]


class Child:
    """A process whose lines are read; it ends with us."""

    def __init__(self, command: list[str], log: Path, extra: dict[str, str] | None = None) -> None:
        environment = os.environ | {ENDS_WITH_INPUT: "1", "PYTHONUNBUFFERED": "1"} | (extra or {})
        self._log = log.open("wb")
        self.name = log.stem
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, env=environment, text=True,
            cwd=Path(__file__).parent.parent, start_new_session=True,
        )
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    def wait_for_lines(self, count: int) -> None:
        """Raises BenchError when they do not come."""
        deadline = time.monotonic() + READY_WITHIN_S
        with self._changed:
            while len(self.lines) < count:
                self._changed.wait(0.5)
                if self.process.poll() is not None or time.monotonic() > deadline:
                    end = Path(self._log.name).read_text(errors="replace").splitlines()[-8:]
                    raise BenchError(f"{self.name} did not get so far. Its log {self._log.name} ends:\n" + "\n".join(end))

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join(2)
        self._log.close()


class Cameras:
    """A running `bench.cameras`."""

    def __init__(self, clips: list[Path], folder: Path) -> None:
        self._clips = clips
        self._child = Child([sys.executable, "-m", "bench.cameras", *map(str, clips)], folder / "cameras.log")
        try:
            self._child.wait_for_lines(len(clips))
        except BenchError:
            self._child.stop()
            raise
        self.urls = [str(json.loads(line)["url"]) for line in self._child.lines[: len(clips)]]
        self.frozen = False

    def send(self, number: signal.Signals) -> None:
        """SIGSTOP: all of them freeze; SIGCONT: they go on."""
        self._child.process.send_signal(number)
        self.frozen = number == signal.SIGSTOP

    def started(self) -> tuple[list[float], list[float]]:
        """When each camera began to play, for the last time, and with which second of its clip; waits until all have."""
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline:
            lines = [json.loads(line) for line in list(self._child.lines)[len(self._clips) :]]
            begun = {int(line["camera"]): line for line in lines}
            if len(begun) == len(self._clips):
                ordered = [begun[i] for i in range(len(self._clips))]
                return [float(line["started"]) for line in ordered], [float(line["from_s"]) for line in ordered]
            time.sleep(0.05)
        raise BenchError("Not every camera was watched in time.")

    def stop(self) -> None:
        self._child.stop()


@contextmanager
def playing(clips: list[Path], folder: Path) -> Iterator[Cameras]:
    cameras = Cameras(clips, folder)
    try:
        yield cameras
    finally:
        cameras.stop()


def run_edge(clips: list[Path], folder: Path, seconds: float, weights: Path, hear_s: float = 0.0) -> Measured:
    """`sunshine edge run`, enrolled at a centre of ours; what it decoded and inferred until then is in `folder`/work.jsonl.

    What it tells for `hear_s` more counts too.
    """
    folder.mkdir(parents=True)
    centre = BenchCentre()
    work = folder / "whole-work.jsonl"
    data = folder / "data"
    with centre.running(), playing(clips, folder) as cameras:
        enrol(edge_folder(data), centre.url, "bench-code", "bench")
        centre.list_cameras(cameras.urls)
        metrics = f"127.0.0.1:{_free_port()}"
        command = [sys.executable, "-m", "sunshine", "edge", "run", "--data", str(data), "--weights", str(weights)]
        edge = Child([*command, "--metrics", metrics], folder / "edge.log", {VARIABLE: str(work)})
        try:
            measured = _measure(edge, cameras, seconds, partial(_preroll_mb, metrics))
            done = work.read_text().rpartition("\n")[0]
            _hear(edge, measured, hear_s)
        finally:
            edge.stop()
    (folder / "work.jsonl").write_text(done)
    lines = [json.loads(line) for line in done.splitlines()]
    measured.dropped = sum(line.get("dropped", 0) for line in lines)
    measured.looks = sum(line["shape"][0] for line in lines if line.get("model", "").startswith("finder"))
    manifests = sorted(edge_folder(data).glob("evidence/*/*/manifest.json"))
    measured.told = [_told(path) for path in manifests if not path.parent.name.endswith(OF_CLIP)]
    return measured


def run_obvious(
    clips: list[Path], folder: Path, seconds: float, weights: Path, train_python: Path, hear_s: float
) -> Measured:
    folder.mkdir(parents=True)
    with playing(clips, folder) as cameras:
        command = [str(train_python), "-m", "bench.obvious", str(weights), str(folder), *cameras.urls]
        child = Child(command, folder / "obvious.log")
        try:
            child.wait_for_lines(2)
            measured = _measure(child, cameras, seconds)
            _hear(child, measured, hear_s)
        finally:
            child.stop()
    measured.note = child.lines[1]
    for line in map(json.loads, child.lines[2:]):
        measured.told.append(Told(line["camera"], line["rule"], tuple(line["box"]), line["at"], line["at"]))
    return measured


def run_floor(clips: list[Path], folder: Path, seconds: float, weights: Path, work: Path) -> Measured:
    folder.mkdir(parents=True)
    with playing(clips, folder) as cameras:
        child = Child([sys.executable, "-m", "bench.floor", str(work), str(weights), *cameras.urls], folder / "floor.log")
        try:
            child.wait_for_lines(1)
            return _measure(child, cameras, seconds)
        finally:
            child.stop()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _preroll_mb(metrics: str) -> float:
    lines = httpx.get(f"http://{metrics}/metrics", trust_env=False).text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("kitchen_camera_preroll_bytes{")) / 1e6


def _measure(child: Child, cameras: Cameras, seconds: float, preroll_mb: Callable[[], float] | None = None) -> Measured:
    started, from_s = cameras.started()
    measured = Measured(len(cameras.urls), started=started, from_s=from_s)
    time.sleep(max(0.0, max(measured.started) + SETTLE_S - time.time()))
    pid = child.process.pid
    begin, before = time.monotonic(), cpu_s(pid)
    until = begin + seconds
    kept_mb, asked_at = 0.0, float("-inf")
    while (now := time.monotonic()) < until:
        _must_live(child)
        measured.pss.append((now - begin, pss_mb(pid)))
        if preroll_mb is not None:
            if now - asked_at >= SCRAPE_S:
                kept_mb, asked_at = preroll_mb(), now
            measured.preroll.append(kept_mb)
        time.sleep(min(SAMPLE_S, max(0.0, until - time.monotonic())))
    measured.cpu_s, measured.seconds = cpu_s(pid) - before, time.monotonic() - begin
    return measured


def _hear(child: Child, measured: Measured, seconds: float) -> None:
    time.sleep(seconds)
    _must_live(child)
    measured.until = time.time()


def _must_live(child: Child) -> None:
    if child.process.poll() is not None:
        raise BenchError(f"{child.name} ended by itself.")


def _told(path: Path) -> Told:
    manifest = SealedManifest.model_validate_json(path.read_bytes()).manifest
    boxes = [marked.box for marked in manifest.boxes if marked.violating] or [(0.0, 0.0, 0.0, 0.0)]
    camera = int(manifest.camera_id.removeprefix("cam"))
    return Told(camera, manifest.rule, boxes[0], manifest.captured_at.timestamp(), path.stat().st_mtime)
