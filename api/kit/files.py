"""Where evidence files lie: a folder by default, S3 and the like by URL (obstore)."""

import os
from contextlib import suppress
from pathlib import Path

import anyio.to_thread
import structlog
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import LocalStore, ObjectStore, from_url

from api.kit.problems import DISK_FULL, NotFound, StorageFull, Unavailable

log = structlog.get_logger(__name__)


class Files:
    """Keys are made by us, never taken from a caller. `put` has happened when it returns, also when the power fails."""

    def __init__(self, store: ObjectStore, folder: Path | None = None) -> None:
        self._store = store
        self._folder = folder

    @classmethod
    def in_folder(cls, folder: Path) -> "Files":
        return cls(LocalStore(folder, mkdir=True), folder)

    @classmethod
    def at_url(cls, url: str) -> "Files":
        return cls(from_url(url))

    async def put(self, key: str, content: bytes) -> None:
        """All of it or nothing. Raises StorageFull or Unavailable; the caller may try again."""
        try:
            await self._store.put_async(key, content)
            if self._folder is not None:
                await anyio.to_thread.run_sync(_sync_to_disk, self._folder, key)
        except (BaseError, OSError) as error:
            # A full disk fails at the first byte or at the last; either way the draft is not the file.
            if "no space left" in str(error).lower() or "quota" in str(error).lower():
                raise StorageFull(DISK_FULL) from error
            log.error("evidence file cannot be stored", key=key, error=type(error).__name__)
            raise Unavailable("The evidence could not be stored at the centre. Try again later.", retry_after_s=30) from error

    async def get(self, key: str) -> bytes:
        """Raises NotFound or Unavailable."""
        try:
            result = await self._store.get_async(key)
            return bytes(await result.bytes_async())
        except (NotFoundError, FileNotFoundError) as error:
            raise NotFound("The evidence file is no longer there.") from error
        except (BaseError, OSError) as error:
            raise Unavailable("The evidence store does not answer. Try again later.") from error


    async def delete(self, key: str) -> None:
        """No matter whether it is there. Raises Unavailable."""
        try:
            await self._store.delete_async(key)
        except (NotFoundError, FileNotFoundError):
            pass
        except (BaseError, OSError) as error:
            raise Unavailable("The evidence store does not answer. Try again later.") from error

    async def delete_folder(self, key: str) -> int:
        """Every file below it; returns how many there were. Raises Unavailable."""
        try:
            listed = [item["path"] async for page in self._store.list(key) for item in page]
            if listed:
                await self._store.delete_async(listed)
            if self._folder is not None:
                await anyio.to_thread.run_sync(_remove_empty, self._folder / key)
            return len(listed)
        except (NotFoundError, FileNotFoundError):
            return 0
        except (BaseError, OSError) as error:
            raise Unavailable("The evidence store does not answer. Try again later.") from error


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


def _sync_to_disk(folder: Path, key: str) -> None:
    """The file and every folder on the way to it: each of them may be new."""
    path = folder / key
    for place in (path, *(parent for parent in path.parents if parent.is_relative_to(folder))):
        handle = os.open(place, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
