"""Where evidence files lie: a folder by default, S3 and the like by URL (obstore)."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio.to_thread
import structlog
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import LocalStore, ObjectStore, from_url

from api.kit.problems import DISK_FULL, NotFound, StorageFull, Unavailable

log = structlog.get_logger(__name__)
_NO_ANSWER = "The evidence store does not answer. Try again later."


class Files:
    """Keys are made by us, never taken from a caller. `put` has happened when it returns, also when the power fails."""

    def __init__(self, store: ObjectStore, folder: Path | None = None) -> None:
        self._store = store
        self._folder = folder
        # Folders whose own entry, in the one above, is on the disk.
        self._on_disk: set[Path] = set()

    @classmethod
    def in_folder(cls, folder: Path) -> "Files":
        return cls(LocalStore(folder, mkdir=True), folder)

    @classmethod
    def at_url(cls, url: str) -> "Files":
        # By itself obstore tries for three minutes, while who asked gives up after 30 s and asks again; a try may take 30 s.
        # Not by client options: with them, those of the environment (AWS_ALLOW_HTTP) would count no more.
        return cls(from_url(url, retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=5)}))

    async def put(self, key: str, content: bytes) -> None:
        """All of it or nothing. Raises StorageFull or Unavailable; the caller may try again."""
        await self.put_all({key: content})

    async def put_all(self, contents: Mapping[str, bytes]) -> None:
        """The same for several at once, each of them whole or not there; waiting for a disk costs as much as all the rest."""
        key = next(iter(contents), "")
        try:
            puts = (self._store.put_async(key, content) for key, content in contents.items())
            # All of them have come to an end then: who takes back what was stored misses none.
            for done in await asyncio.gather(*puts, return_exceptions=True):
                if isinstance(done, BaseException):
                    raise done
            if self._folder is not None:
                await self._sync_to_disk(self._folder, list(contents))
        except (BaseError, OSError) as error:
            # A full disk fails at the first byte or at the last; either way the draft is not the file.
            if "no space left" in str(error).lower() or "quota" in str(error).lower():
                raise StorageFull(DISK_FULL) from error
            log.error("evidence file cannot be stored", key=key, error=type(error).__name__)
            raise Unavailable("The evidence could not be stored at the centre. Try again later.", retry_after_s=30) from error

    async def _sync_to_disk(self, folder: Path, keys: Sequence[str]) -> None:
        """The files, the folders that they are in, and the folders above as far as one below is new. All at once: waiting for a
        disk four times takes three times as long as asking it for four things and waiting once."""
        paths = [folder / key for key in keys]
        new: list[Path] = []
        for path in paths:
            below = path.parent
            while below != folder and below not in self._on_disk:
                new.append(below)
                below = below.parent
        inside = [path.parent for path in paths]
        places = dict.fromkeys([*paths, *inside, *(below.parent for below in new)])
        await asyncio.gather(*(anyio.to_thread.run_sync(_sync, place) for place in places))
        # Not those of the files themselves: each report has one of its own.
        self._on_disk |= set(new) - set(inside)

    async def get(self, key: str) -> bytes:
        """Raises NotFound or Unavailable."""
        try:
            result = await self._store.get_async(key)
            return bytes(await result.bytes_async())
        except (NotFoundError, FileNotFoundError) as error:
            raise NotFound("The evidence file is no longer there.") from error
        except (BaseError, OSError) as error:
            raise Unavailable(_NO_ANSWER) from error


    async def delete(self, key: str) -> None:
        """No matter whether it is there. Raises Unavailable."""
        await self._delete([key])

    async def delete_folder(self, key: str) -> int:
        """Every file below it; returns how many there were. Raises Unavailable."""
        listed = list(await self.files_below(key))
        await self._delete(listed)
        if self._folder is not None:
            await anyio.to_thread.run_sync(_remove_empty, self._folder / key)
        return len(listed)

    async def files_below(self, key: str) -> dict[str, datetime]:
        """Every file below it, and when it was stored. In a folder with the drafts of files that a process was killed over, which
        obstore does not tell of. Raises Unavailable."""
        try:
            if self._folder is not None:
                return await anyio.to_thread.run_sync(_list, self._folder, key)
            return {item["path"]: item["last_modified"] async for page in self._store.list(key) for item in page}
        except (BaseError, OSError) as error:
            raise Unavailable(_NO_ANSWER) from error

    async def folders_below(self, key: str) -> list[str]:
        """Those just below it, in order. Raises Unavailable."""
        try:
            listed = await self._store.list_with_delimiter_async(key)
        except (BaseError, OSError) as error:
            raise Unavailable(_NO_ANSWER) from error
        return sorted(listed["common_prefixes"])

    async def _delete(self, keys: Sequence[str]) -> None:
        try:
            if self._folder is not None:
                await anyio.to_thread.run_sync(_unlink, self._folder, keys)
            elif keys:
                await self._store.delete_async(keys)
        except (NotFoundError, FileNotFoundError):
            pass
        except (BaseError, OSError) as error:
            raise Unavailable(_NO_ANSWER) from error


def _list(folder: Path, key: str) -> dict[str, datetime]:
    found = {}
    for path in (folder / key).rglob("*"):
        with suppress(FileNotFoundError):  # deleted just now
            if path.is_file():
                found[path.relative_to(folder).as_posix()] = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return found


def _unlink(folder: Path, keys: Sequence[str]) -> None:
    for key in keys:
        (folder / key).unlink(missing_ok=True)


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


def _sync(place: Path) -> None:
    handle = os.open(place, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
