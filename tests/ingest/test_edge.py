"""The edge as a whole, where it does not even begin; and what only the whole has."""

import errno
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from ingest.edge import LONGEST_REST_S, Edge, EdgeError, _kept_alive
from ingest.identity import Keys
from ingest.neighbours import Neighbours
from tests.ingest.edge_world import EDGE_ID, CentreInMemory, camera, edge_config, problem


@pytest.mark.parametrize(
    ("number", "trouble"), [(errno.ENOSPC, "disk_full"), (errno.EROFS, "disk_failed")]
)
def test_a_folder_that_cannot_be_used_is_told_at_the_centre(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, trouble: str
):
    centre = CentreInMemory()
    edge = Edge(tmp_path, EDGE_ID, Keys.generate(), centre.client())
    monkeypatch.setattr("ingest.edge.Database", refusing(number))
    with pytest.raises(EdgeError, match="cannot be used"):
        edge.run(threading.Event())
    assert [told["trouble"] for told in centre.heartbeats] == [trouble]


def test_a_folder_that_cannot_be_used_is_said_in_words_without_a_centre_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    centre = CentreInMemory()
    centre.before = lambda request: problem(503, "Not now.")
    monkeypatch.setattr("ingest.edge.Database", refusing(errno.ENOSPC))
    with pytest.raises(EdgeError, match="room on the disk"):
        Edge(tmp_path, EDGE_ID, Keys.generate(), centre.client()).run(threading.Event())


def refusing(number: int) -> Any:
    def refuse(*arguments: object, **options: object) -> None:
        raise OSError(number, "words")

    return refuse


def test_cameras_that_swap_addresses_are_told_at_the_centre(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wait_until: Callable[..., None]
):
    table = tmp_path / "arp"
    monkeypatch.setattr("ingest.edge.Neighbours", partial(Neighbours, table=table))
    monkeypatch.setattr("ingest.neighbours.EVERY_S", 0.05)
    centre = CentreInMemory(edge_config(camera("a", url="rtsp://10.0.0.1/1"), camera("b", url="rtsp://10.0.0.2/1")))
    centre.before = lambda request: httpx.Response(503) if request.url.path.endswith("/trials/next") else None
    idle = (sys.executable, "-c", "import time; time.sleep(600)")
    edge = Edge(tmp_path, EDGE_ID, Keys.generate(), centre.client(time.time), worker=idle, interval_s=0.05)
    stop = threading.Event()
    running = threading.Thread(target=edge.run, args=(stop,))
    running.start()
    try:
        table.write_text("\n10.0.0.1 0x1 0x2 02:00:00:00:00:01 * eth0\n10.0.0.2 0x1 0x2 02:00:00:00:00:02 * eth0\n")
        wait_until((tmp_path / "devices.json").exists)
        table.write_text("\n10.0.0.1 0x1 0x2 02:00:00:00:00:02 * eth0\n10.0.0.2 0x1 0x2 02:00:00:00:00:01 * eth0\n")
        wait_until(lambda: faults(centre) == ["other_device"] * 2)
    finally:
        stop.set()
        running.join()


def faults(centre: CentreInMemory) -> list[object]:
    return [minute["fault"] for beat in centre.heartbeats[-1:] for minute in beat["minutes"]]  # type: ignore[attr-defined]


class Stop(threading.Event):
    """Set after a dozen waits, which take no time."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0.0)
        if len(self.waits) == 12:
            self.set()
        return self.is_set()


@pytest.mark.parametrize(("works_s", "last"), [(0.0, (30.0, 60.0)), (2 * LONGEST_REST_S, (0.5, 1.0))])
def test_a_part_that_an_error_ends_at_once_begins_ever_more_rarely(monkeypatch: pytest.MonkeyPatch, works_s: float, last):
    """A trace each second would fill the disk; one that had worked for a while begins again at once."""
    now, stop = [0.0], Stop()
    monkeypatch.setattr("ingest.edge.time.monotonic", lambda: now[0])

    def part() -> None:
        now[0] += works_s
        raise ZeroDivisionError

    _kept_alive(part, stop)
    assert 0.5 <= stop.waits[0] <= 1.0
    assert last[0] <= stop.waits[-1] <= last[1]
