"""A copy of all that a centre keeps, made while it runs."""

import fcntl
import os
import re
import shlex
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.engine import make_url

from api.kit.settings import Settings

_NAMED = re.compile(r"\d{4}-\d\d-\d\dT\d{6}Z")
_UNFINISHED = ".unfinished"
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_NO_COPY = "The copy could not be made ({}). Earlier copies are as they were. Make room there, or name another folder."
_PUT_BACK = "Earlier copies are as they were: put the newest one back (docs/centre.md)."


class BackupError(Exception):
    """What is wrong, and what to do about it, in words."""


@dataclass(frozen=True)
class BackedUp:
    folder: Path
    files: int
    new: int
    """of them, copied now; the others are the same as in the copy before and share its place on the disk"""
    removed: int
    """older copies"""


def back_up(settings: Settings, target: Path, keep: int, now: datetime, tell: Callable[[str], None]) -> BackedUp:
    """Copy database, files and keys into a new folder below ``target``, which is there, and remove all but the newest ``keep``
    copies.

    ``now``, in UTC, names it. The database comes first, so whatever it names is among the files, but for what is lawfully
    deleted meanwhile. What lies elsewhere (PostgreSQL, S3) is told of, and left to its own tools. Nothing takes an earlier copy's
    place before it is whole and on the disk. Raises BackupError.
    """
    source, target = settings.data.resolve(), target.resolve()
    if not source.is_dir():
        raise BackupError(f"There is no data folder {source}. Name the one that the centre uses: --data.")
    if target == source or source in target.parents:
        raise BackupError("Name a folder outside the data folder, best on another disk: one that does not fail with this one.")
    if not target.exists():
        # Made by us, it would lie in the mount point of a disk that is not there, and fill the disk of the centre every night.
        words = f"There is no folder {target}. Is its disk mounted? Before the first copy make it: "
        raise BackupError(words + shlex.join(["mkdir", "-m", "700", str(target)]))
    try:
        with _alone(target):
            earlier = sorted(place for place in target.iterdir() if _NAMED.fullmatch(place.name))
            draft = target / _UNFINISHED
            shutil.rmtree(draft, ignore_errors=True)  # of one that was killed
            try:
                draft.mkdir(mode=0o700)
                _copy_database(settings, draft, tell)
                if (source / "keys.json").is_file():
                    shutil.copy2(source / "keys.json", draft)
                files, new = _copy_files(source / "files", draft / "files", earlier[-1] / "files" if earlier else None)
                os.sync()
                folder = draft.rename(target / f"{now:%Y-%m-%dT%H%M%SZ}")
            finally:
                shutil.rmtree(draft, ignore_errors=True)  # or a disk that is full would stay so until the next copy
            removed = earlier[: max(0, len(earlier) + 1 - keep)]
            for place in removed:
                shutil.rmtree(place)
    except OSError as error:
        raise BackupError(_NO_COPY.format(error)) from error
    if settings.files_url is not None:
        tell("The files lie in an object store: copy them with its own tools, after this.")
    return BackedUp(folder, files, new, len(removed))


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    handle = os.open(target, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise BackupError(f"Another copy is being made in {target}. Wait until it is done.") from None
    finally:
        os.close(handle)


def _copy_database(settings: Settings, folder: Path, tell: Callable[[str], None]) -> None:
    url = make_url(settings.async_database_url)
    if url.get_backend_name() != "sqlite" or url.database is None:
        tell("The database is PostgreSQL: copy it with pg_dump before this, so that all files that it names are in here.")
        return
    if not Path(url.database).is_file() or not Path(url.database).stat().st_size:
        raise BackupError(f"There is no database {url.database}. Name the data folder that the centre uses: --data.")
    live = f"{Path(url.database).absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(live, uri=True)) as database, closing(sqlite3.connect(folder / "sunshine.db")) as copy:
            database.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")  # all in one file
            found = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED:  # the low byte
            raise BackupError(f"The database is damaged ({error}). {_PUT_BACK}") from error
        raise BackupError(_NO_COPY.format(error)) from error
    if found != "ok":
        raise BackupError(f"The database is damaged ({found}). {_PUT_BACK}")
    # Empty: it takes the place of one that a killed centre has left where the copy is put back, and which SQLite would write into
    # a database that it does not belong to.
    (folder / "sunshine.db-wal").touch()


def _copy_files(source: Path, target: Path, earlier: Path | None) -> tuple[int, int]:
    """How many files there are, and how many of them the earlier copy had not."""
    files = new = 0
    for path in source.rglob("*"):
        if "#" in path.name or not path.is_file():  # obstore's name for what it is still writing
            continue
        name = path.relative_to(source)
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        if earlier is None or not _share(earlier / name, target / name, path):
            try:
                shutil.copy2(path, target / name)
            except FileNotFoundError:
                continue  # lawfully deleted just now
            new += 1
        files += 1
    return files, new


def _share(earlier: Path, target: Path, source: Path) -> bool:
    """Whether the earlier copy has the same file, and lends it."""
    try:
        old, live = earlier.stat(), source.stat()
        if (old.st_size, old.st_mtime_ns) != (live.st_size, live.st_mtime_ns):
            return False
        os.link(earlier, target)
    except OSError:  # it has not, or its file system knows no links
        return False
    return True
