"""What is told where a process that helps was killed from outside."""

from collections.abc import Iterator
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager

from models.data import DataError


@contextmanager
def with_all_processes() -> Iterator[None]:
    """Where one that helps is killed from outside, that is told in words. Raises DataError."""
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, BrokenExecutor) and not str(error).startswith("DataLoader worker"):  # so torch tells it
            raise
        raise DataError(
            "A process that helped was killed, mostly because no memory was left. Close other programs, or learn from fewer "
            "pictures, and start this again: it goes on where it was."
        ) from error
