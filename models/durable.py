"""Files that are whole or stay what they were, and folders that one run at a time works in."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
from numpy.typing import NDArray

from models.data import DataError


def replace_file(path: Path, content: bytes) -> None:
    """Give ``path`` new content as a whole: after a kill, or with a full disk, it has the old one. Raises OSError."""
    partial = path.with_name(f"{path.name}.partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_picture(path: Path, image: NDArray[Any], quality: int = 95) -> None:
    """Write a picture in the form that its name says; ``quality`` is WebP's. Raises OSError, where ``cv2.imwrite`` is silent."""
    _, packed = cv2.imencode(path.suffix, image, [cv2.IMWRITE_WEBP_QUALITY, quality] if path.suffix == ".webp" else [])
    path.write_bytes(packed.tobytes())


@contextmanager
def sole_user(folder: Path) -> Iterator[None]:
    """Hold a folder for this process; the lock goes away with the process, however it ends. Raises DataError."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataError(f"Another run is at work in {folder}. Wait until it ends, or name another folder.") from None
        yield
