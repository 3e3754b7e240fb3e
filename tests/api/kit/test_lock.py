from pathlib import Path

import pytest

from api.kit.lock import DataFolderBusy, DataFolderUnusable, hold_folder


def test_a_second_one_is_told_who_was_first(tmp_path: Path):
    with hold_folder(tmp_path), pytest.raises(DataFolderBusy, match=r"process \d+.*--data"), hold_folder(tmp_path):
        pass


def test_the_folder_is_free_again_afterwards(tmp_path: Path):
    for _ in range(2):
        with hold_folder(tmp_path):
            pass


def test_a_new_folder_is_for_its_owner_only(tmp_path: Path):
    with hold_folder(tmp_path / "data"):
        assert (tmp_path / "data").stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_made(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(DataFolderUnusable, match="Choose another folder"), hold_folder(tmp_path / "file"):
        pass
