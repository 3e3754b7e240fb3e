"""How the edge fares, for Prometheus: base units, prefix `kitchen_`."""

import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from sqlite3 import Error as DatabaseError

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ingest.camera_state import Status
from ingest.crew import Crew
from ingest.outbox import Outbox


class MetricsError(RuntimeError):
    """The metrics cannot be served; the message says what to do."""


def serve_metrics(address: str, crew: Crew, outbox: Outbox) -> None:
    """Serve at `HOST:PORT` until the process ends. Raises MetricsError."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise MetricsError(f"{address!r} is no address for metrics. Give host and port, such as 127.0.0.1:9464.")
    registry = CollectorRegistry()
    registry.register(EdgeCollector(crew, outbox))
    try:
        start_http_server(int(port), host.strip("[]"), registry)
    except OSError as error:
        words = f"Metrics cannot be served at {address} ({error.strerror or error}). Choose another port with --metrics."
        raise MetricsError(words) from error


class EdgeCollector(Collector):
    """Reads what the workers last told of themselves, a second ago at most; nothing is counted twice."""

    def __init__(self, crew: Crew, outbox: Outbox) -> None:
        self._crew = crew
        self._outbox = outbox

    def collect(self) -> Iterator[Metric]:
        yield from self._cameras()
        yield from self._workers()
        yield from self._processes()
        waiting = GaugeMetricFamily("kitchen_outbox_reports", "Reports on this edge's disk, by state.", labels=["state"])
        with suppress(DatabaseError):
            waiting.add_metric(["waiting"], self._outbox.waiting())
            waiting.add_metric(["parked"], self._outbox.parked())
        yield waiting
        disk = GaugeMetricFamily("kitchen_disk_waiting_seconds", "How long the disk has not answered; beyond 15 it hangs.")
        disk.add_metric([], self._crew.disk.waiting_s)
        yield disk
        yield from _temperature()

    def _cameras(self) -> Iterator[Metric]:
        def gauge(name: str, words: str) -> GaugeMetricFamily:
            return GaugeMetricFamily(f"kitchen_camera_{name}", words, labels=["camera"])

        def counter(name: str, words: str, label: str) -> CounterMetricFamily:
            return CounterMetricFamily(f"kitchen_camera_{name}", words, labels=["camera", label])

        looking = gauge("looking", "1 while pictures of the camera come in, else 0.")
        age = gauge("frame_age_seconds", "Age of the newest picture; none before the first.")
        wanted = gauge("wanted_interval_seconds", "Wanted distance of looks.")
        kept = gauge("preroll_bytes", "Of the camera's stream in memory, for clips.")
        stretch = gauge("sampling_stretch_ratio", "By how much the distance of looks is lengthened because the box is too small.")
        pictures = counter("pictures", "Pictures that came in, by whether the detector looked.", "use")
        dropped = counter("dropped", "Pictures dropped, by reason.", "reason")
        reconnects = counter("reconnects", "Attempts to connect anew, by cause.", "cause")
        # Of one that is set aside, whose worker is dead, or whose password cannot be opened, nothing else is known.
        unseen = {camera.id for camera in self._crew.cameras}
        for beat in self._crew.beats().values():
            unseen -= beat.cameras.keys()
            for camera_id, camera in beat.cameras.items():
                state = camera.reader
                looking.add_metric([camera_id], state.status is Status.LOOKING)
                if state.picture_age_s is not None:
                    age.add_metric([camera_id], state.picture_age_s + time.monotonic() - beat.at)
                kept.add_metric([camera_id], state.kept_bytes)
                wanted.add_metric([camera_id], camera.interval_s)
                stretch.add_metric([camera_id], camera.stretch)
                pictures.add_metric([camera_id, "looked"], camera.looks)
                pictures.add_metric([camera_id, "still"], camera.stills)
                dropped.add_metric([camera_id, "newer"], state.dropped - state.outdated)
                dropped.add_metric([camera_id, "old"], state.outdated)
                dropped.add_metric([camera_id, "damaged"], state.damaged)
                for cause, times in Counter(state.reconnects).items():
                    reconnects.add_metric([camera_id, cause.value], times)
        for camera_id in unseen:
            looking.add_metric([camera_id], 0)
        crashes = CounterMetricFamily(
            "kitchen_camera_crashes", "Crashes of a worker at this camera since it was changed last.", labels=["camera"]
        )
        for camera_id, times in self._crew.crashes().items():
            crashes.add_metric([camera_id], times)
        yield from (looking, age, wanted, kept, stretch, pictures, dropped, reconnects, crashes)

    def _workers(self) -> Iterator[Metric]:
        seconds = CounterMetricFamily("kitchen_inference_seconds", "Seconds that the detector has looked.", labels=["worker"])
        looks = CounterMetricFamily("kitchen_inference_pictures", "Pictures that the detector has looked at.", labels=["worker"])
        for number, beat in self._crew.beats().items():
            seconds.add_metric([str(number)], beat.look_s)
            looks.add_metric([str(number)], beat.looks)
        restarts = CounterMetricFamily("kitchen_worker_restarts", "Worker processes that had to be replaced.", labels=["worker"])
        for number, times in self._crew.restarts().items():
            restarts.add_metric([str(number)], times)
        yield from (seconds, looks, restarts)

    def _processes(self) -> Iterator[Metric]:
        """From /proc; empty where there is none."""
        cpu = CounterMetricFamily("kitchen_process_cpu_seconds", "User and system seconds.", labels=["process"])
        memory = GaugeMetricFamily("kitchen_process_resident_memory_bytes", "Resident memory.", labels=["process"])
        processes = {"edge": os.getpid()} | {f"worker{number}": pid for number, pid in self._crew.pids().items()}
        for name, pid in processes.items():
            with suppress(OSError):
                # What follows the name, which may hold anything: state, parent, ... (proc(5)).
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                cpu.add_metric([name], (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"))
                memory.add_metric([name], int(fields[21]) * os.sysconf("SC_PAGE_SIZE"))
        yield from (cpu, memory)


def _temperature() -> Iterator[Metric]:
    temperature = GaugeMetricFamily("kitchen_temperature_celsius", "What the box's sensors tell.", labels=["sensor"])
    for zone in sorted(Path("/sys/class/thermal").glob("thermal_zone*")):
        with suppress(OSError, ValueError):
            temperature.add_metric([zone.name], int((zone / "temp").read_text()) / 1000)
    yield temperature
