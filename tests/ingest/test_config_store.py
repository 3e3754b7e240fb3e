import errno
import json
import os
from pathlib import Path

import pytest

from ingest.config_store import ConfigStore
from tests.ingest.edge_world import camera, edge_config


def test_nothing_yet(tmp_path: Path):
    assert ConfigStore(tmp_path).load() is None


def test_list_comes_back(tmp_path: Path):
    config = edge_config(camera("a", username="admin", password_sealed="c2VhbGVk"), camera("b"))
    ConfigStore(tmp_path).save(config)
    assert ConfigStore(tmp_path).load() == config


def test_only_the_owner_can_read_it(tmp_path: Path):
    ConfigStore(tmp_path).save(edge_config(camera()))
    assert (tmp_path / "cameras.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"{", b'{"version": 1}', b"\xff\xfe"])
def test_damaged_list_counts_as_none(tmp_path: Path, content: bytes):
    (tmp_path / "cameras.json").write_bytes(content)
    assert ConfigStore(tmp_path).load() is None


def test_list_of_a_newer_version_is_used_after_a_downgrade(tmp_path: Path):
    config = edge_config(camera())
    told = config.model_dump(mode="json")
    told["cameras"][0]["new_word"] = told["new_word"] = 1
    (tmp_path / "cameras.json").write_text(json.dumps(told))
    assert ConfigStore(tmp_path).load() == config


def test_full_disk_leaves_the_list_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    store = ConfigStore(tmp_path)
    store.save(edge_config(version="old"))

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            store.save(edge_config(version="new"))
    kept = store.load()
    assert kept is not None
    assert kept.version == "old"
    store.save(edge_config(version="new"))


def test_forgotten(tmp_path: Path):
    store = ConfigStore(tmp_path)
    store.save(edge_config(camera()))
    store.forget()
    assert store.load() is None
    store.forget()
