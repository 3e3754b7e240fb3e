import os
import socket
import time
from pathlib import Path

import pytest
from obstore.exceptions import GenericError
from obstore.store import LocalStore

from api.kit.files import Files
from api.kit.problems import NotFound, StorageFull, Unavailable


class BrokenStore(LocalStore):
    words = ""

    async def put_async(self, *_: object, **__: object) -> object:  # type: ignore[override]
        raise GenericError(self.words)


async def test_in_a_folder(tmp_path: Path):
    files = Files.in_folder(tmp_path / "files")
    await files.put("a/b/c.jpg", b"content")
    assert await files.get("a/b/c.jpg") == b"content"
    assert [path.name for path in (tmp_path / "files").rglob("*") if path.is_file()] == ["c.jpg"]


async def test_in_an_object_store():
    files = Files.at_url("memory:///")
    await files.put("a/c.jpg", b"content")
    assert await files.get("a/c.jpg") == b"content"


async def test_it_is_on_the_disk_when_put_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    synced: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.readlink(f"/proc/self/fd/{handle}")))
    await Files.in_folder(tmp_path).put("a/b/c.jpg", b"content")
    assert sorted(synced) == sorted(str(tmp_path / name) for name in ("a/b/c.jpg", "a/b", "a", ""))


async def test_only_what_is_new_is_written_to_the_disk_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    files = Files.in_folder(tmp_path)
    await files.put("a/b/c.jpg", b"1")
    synced: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.readlink(f"/proc/self/fd/{handle}")))
    await files.put_all({"a/d/1.jpg": b"1", "a/d/2.jpg": b"2"})
    assert sorted(synced) == sorted(str(tmp_path / name) for name in ("a/d/1.jpg", "a/d/2.jpg", "a/d", "a"))


async def test_what_is_not_there(tmp_path: Path):
    with pytest.raises(NotFound):
        await Files.in_folder(tmp_path).get("a/c.jpg")


async def test_a_full_disk(tmp_path: Path):
    BrokenStore.words = "Generic LocalFileSystem error: No space left on device (os error 28)"
    with pytest.raises(StorageFull, match="Make room"):
        await Files(BrokenStore(tmp_path)).put("a", b"")


async def test_a_store_that_does_not_answer(tmp_path: Path):
    BrokenStore.words = "connection refused"
    with pytest.raises(Unavailable):
        await Files(BrokenStore(tmp_path)).put("a", b"")


@pytest.mark.slow
async def test_an_object_store_that_says_nothing_is_given_up_when_who_asked_gives_up(monkeypatch: pytest.MonkeyPatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        for name, value in (("ENDPOINT", endpoint), ("ALLOW_HTTP", "true"), ("ACCESS_KEY_ID", "a"), ("SECRET_ACCESS_KEY", "b")):
            monkeypatch.setenv(f"AWS_{name}", value)
        began = time.monotonic()
        with pytest.raises(Unavailable):
            await Files.at_url("s3://bucket/prefix").put("a.jpg", b"content")
    assert 1 < time.monotonic() - began < 60
