import socket
from pathlib import Path

import httpx
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from contract.edges import StreamFault
from ingest import metrics
from ingest.camera_state import CameraBeat, ReaderState, Status
from ingest.disk import Disk
from ingest.metrics import EdgeCollector, MetricsError, serve_metrics
from ingest.pipe import Beat
from tests.ingest.edge_world import Parts, camera

STATE = ReaderState(
    Status.LOOKING, None, 90, 80, 7, 3, {StreamFault.TIMEOUT: 2}, 0.25, None, kept_bytes=4096, outdated=2
)
TOLD_AT, NOW = 1000.0, 1003.0


class FakeCrew:
    """Of the worker of its second camera nothing is heard."""

    cameras = (camera("cam-1"), camera("cam-2"))
    disk = Disk()

    def beats(self) -> dict[int, Beat]:
        return {0: Beat({"cam-1": CameraBeat(STATE, 1.0, 1.25, 60, 20)}, 60, 4.5, None, TOLD_AT)}

    def restarts(self) -> dict[int, int]:
        return {0: 1}

    def crashes(self) -> dict[str, int]:
        return {"cam-2": 3}

    def pids(self) -> dict[int, int]:
        return {0: 999_999_999}


@pytest.fixture
def text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(metrics.time, "monotonic", lambda: NOW)
    parts = Parts(tmp_path)
    parts.recover()
    parts.record()
    registry = CollectorRegistry()
    registry.register(EdgeCollector(FakeCrew(), parts.outbox))  # type: ignore[arg-type]
    return generate_latest(registry).decode()


@pytest.mark.parametrize(
    "line",
    [
        'kitchen_camera_looking{camera="cam-1"} 1.0',
        'kitchen_camera_looking{camera="cam-2"} 0.0',
        'kitchen_camera_frame_age_seconds{camera="cam-1"} 3.25',  # as told, and what has gone by since
        'kitchen_camera_preroll_bytes{camera="cam-1"} 4096.0',
        "kitchen_disk_waiting_seconds 0.0",
        'kitchen_camera_crashes_total{camera="cam-2"} 3.0',
        'kitchen_camera_wanted_interval_seconds{camera="cam-1"} 1.0',
        'kitchen_camera_sampling_stretch_ratio{camera="cam-1"} 1.25',
        'kitchen_camera_pictures_total{camera="cam-1",use="looked"} 60.0',
        'kitchen_camera_pictures_total{camera="cam-1",use="still"} 20.0',
        'kitchen_camera_dropped_total{camera="cam-1",reason="newer"} 5.0',
        'kitchen_camera_dropped_total{camera="cam-1",reason="old"} 2.0',
        'kitchen_camera_dropped_total{camera="cam-1",reason="damaged"} 3.0',
        'kitchen_camera_reconnects_total{camera="cam-1",cause="timeout"} 2.0',
        'kitchen_inference_seconds_total{worker="0"} 4.5',
        'kitchen_inference_pictures_total{worker="0"} 60.0',
        'kitchen_worker_restarts_total{worker="0"} 1.0',
        'kitchen_outbox_reports{state="waiting"} 1.0',
        'kitchen_outbox_reports{state="parked"} 0.0',
    ],
)
def test_what_is_told(text: str, line: str):
    assert line in text.splitlines()


def test_all_of_them_are_explained(text: str):
    told = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    explained = (Path(__file__).parents[2] / "docs" / "performance.md").read_text()
    assert {name for name in told if f"`{name}" not in explained} == set()


def test_memory_and_cpu_of_living_processes_only(text: str):
    assert 'kitchen_process_resident_memory_bytes{process="edge"}' in text
    assert 'process="worker0"' not in text


def test_it_is_served(tmp_path: Path, closed_port: int):
    serve_metrics(f"127.0.0.1:{closed_port}", FakeCrew(), Parts(tmp_path).outbox)  # type: ignore[arg-type]
    answer = httpx.get(f"http://127.0.0.1:{closed_port}/metrics", trust_env=False)
    assert "kitchen_camera_looking" in answer.text


def test_an_address_that_somebody_else_uses(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(MetricsError, match=r"in use.*another port"):
        serve_metrics(f"127.0.0.1:{other.getsockname()[1]}", FakeCrew(), Parts(tmp_path).outbox)  # type: ignore[arg-type]


@pytest.mark.parametrize("address", ["9464", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:99999", ":9464"])
def test_an_address_that_is_none(tmp_path: Path, address: str):
    with pytest.raises(MetricsError, match="Give host and port"):
        serve_metrics(address, FakeCrew(), Parts(tmp_path).outbox)  # type: ignore[arg-type]
