"""One centre per data folder. The kernel drops the lock when the process ends, however it ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class DataFolderBusy(Exception):
    """Another process uses the data folder."""


class DataFolderUnusable(Exception):
    """Nothing can be kept there."""


def make_folder(folder: Path) -> None:
    """Raises DataFolderUnusable."""
    try:
        # Nobody else on the machine needs to look at evidence.
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(folder, error) from error


def _unusable(folder: Path, error: OSError) -> DataFolderUnusable:
    return DataFolderUnusable(f"The data folder {folder} cannot be used ({error.strerror}). Choose another folder with --data.")


@contextmanager
def hold_folder(folder: Path) -> Iterator[None]:
    """Raises DataFolderBusy or DataFolderUnusable."""
    make_folder(folder)
    try:
        lock = open(folder / "centre.lock", "a+")  # noqa: SIM115 - closed below
    except OSError as error:
        raise _unusable(folder, error) from error
    with lock as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            owner = file.read().strip() or "unknown"
            raise DataFolderBusy(
                f"Another centre (process {owner}) already uses {folder}. Stop it, or choose another folder with --data."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
