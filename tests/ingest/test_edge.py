"""The edge as a whole, where it does not even begin."""

import errno
import threading
from pathlib import Path
from typing import Any

import pytest

from ingest.edge import Edge, EdgeError
from ingest.identity import Keys
from tests.ingest.edge_world import EDGE_ID, CentreInMemory, problem


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
