import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from detector.card import Figure, default_weights, load_model
from models.data import DataError
from models.durable import replace_file, sole_user, write_picture
from models.publish import record


@contextmanager
def full_disk() -> Iterator[None]:
    """As if 100 bytes were left on the disk: no file of this process can grow beyond that."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_file_keeps_what_it_holds_where_the_disk_is_full(tmp_path: Path) -> None:
    path = tmp_path / "finder.onnx"
    path.write_bytes(b"old")
    with full_disk(), pytest.raises(OSError, match="large"):
        replace_file(path, bytes(1000))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_picture_that_cannot_be_written_is_no_silent_loss(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3)).astype(np.uint8)
    with full_disk(), pytest.raises(OSError, match="large"):
        write_picture(tmp_path / "worst.png", noise)


def test_a_folder_that_a_run_works_in_is_refused_to_another(tmp_path: Path) -> None:
    with sole_user(tmp_path / "work"), pytest.raises(DataError, match="Another run"), sole_user(tmp_path / "work"):
        pass
    with sole_user(tmp_path / "work"):
        pass


def test_cards_stay_whole_where_the_disk_is_full(tmp_path: Path) -> None:
    weights = shutil.copytree(default_weights(), tmp_path / "weights")
    figure = Figure(subject="person", measure="AP", part="all", value=0.5, count=12)
    with full_disk(), pytest.raises(OSError, match="large"):
        record(weights, "drawn", "sunshine model eval", [figure])
    assert load_model(weights, "finder") == load_model(default_weights(), "finder")
