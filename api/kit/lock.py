"""One centre per data folder. The kernel drops the lock when the process ends, however it ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from api.kit.settings import Settings


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


def has_begun(settings: Settings) -> bool:
    """Whether a database may be there: what one of PostgreSQL holds only it knows."""
    database = settings.data / "sunshine.db"
    # An empty one is what a copy leaves that was put back on a full disk.
    return settings.database_url is not None or (database.exists() and database.stat().st_size > 0)


def must_have_begun(settings: Settings) -> None:
    """Raises DataFolderUnusable: of a folder that was mistyped, or whose disk is not mounted, there is nothing to tell."""
    if not has_begun(settings):
        raise DataFolderUnusable(
            f"There is no centre in {settings.data}. Name the folder that it uses with --data, or its database in "
            "SUNSHINE_DATABASE_URL."
        )


def may_begin(settings: Settings) -> None:
    """Raises DataFolderUnusable where a centre was whose database is gone: edges and people of that one would be turned away."""
    left = [name for name in ("sunshine.db.moved", "keys.json") if (settings.data / name).exists()]
    if left and not has_begun(settings):
        raise DataFolderUnusable(
            f"{settings.data} has a centre's {left[0]}, but no database. Name that in SUNSHINE_DATABASE_URL, or put a copy of "
            "sunshine.db back. For a new centre name another folder with --data."
        )


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
