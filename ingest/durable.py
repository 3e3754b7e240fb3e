"""Writing that survives a power cut: what was written is on the disk before it gets its name. And what its errors mean."""

import errno
import os
import sqlite3
from pathlib import Path

from contract.edges import EdgeTrouble


def write_file(path: Path, content: bytes | memoryview) -> None:
    """Write a new file and wait until the disk has it. Raises OSError, FileExistsError when the name is taken."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def link_file(path: Path, source: Path) -> None:
    """A new name for what is on the disk already; a copy where the file system has no such links. Raises OSError."""
    try:
        os.link(source, path)
    except FileNotFoundError:
        raise
    except OSError:
        write_file(path, source.read_bytes())


def replace_file(path: Path, content: bytes) -> None:
    """Give `path` new content as a whole: a reader, also after a power cut, sees the old or the new one. Raises OSError."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    write_file(fresh, content)
    os.replace(fresh, path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder (a rename, a new file) survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def disk_trouble(error: OSError | sqlite3.Error) -> EdgeTrouble:
    """What an error of the disk, or of the database on it, means for the edge."""
    code = error.errno if isinstance(error, OSError) else getattr(error, "sqlite_errorcode", None)
    if code == errno.ETIMEDOUT and isinstance(error, OSError):
        return EdgeTrouble.DISK_HANGS
    full = (errno.ENOSPC, errno.EDQUOT) if isinstance(error, OSError) else (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE)
    return EdgeTrouble.DISK_FULL if code in full else EdgeTrouble.DISK_FAILED
