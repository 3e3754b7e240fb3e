import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest

from ingest.identity import (
    EdgeBusy,
    Identity,
    IdentityError,
    Keys,
    Registration,
    read_identity,
    sole_user,
    write_identity,
)

REGISTRATION = Registration("edge-1", "https://centre.test", "Centre")


def test_nothing_yet(tmp_path: Path):
    assert read_identity(tmp_path) is None


def test_keys_and_registration_come_back(tmp_path: Path):
    keys = Keys.generate()
    write_identity(tmp_path, Identity(keys, REGISTRATION))
    read = read_identity(tmp_path)
    assert read is not None
    assert read.registration == REGISTRATION
    assert read.keys.signing.private_bytes_raw() == keys.signing.private_bytes_raw()
    assert read.keys.encryption.private_bytes_raw() == keys.encryption.private_bytes_raw()


def test_keys_that_a_newer_version_kept_are_not_damaged(tmp_path: Path):
    write_identity(tmp_path, Identity(Keys.generate(), REGISTRATION))
    kept = json.loads((tmp_path / "identity.json").read_text())
    (tmp_path / "identity.json").write_text(json.dumps(kept | {"new_word": 1}))
    read = read_identity(tmp_path)
    assert read is not None
    assert read.registration == REGISTRATION


def test_keys_without_registration(tmp_path: Path):
    write_identity(tmp_path, Identity(Keys.generate()))
    read = read_identity(tmp_path)
    assert read is not None
    assert read.registration is None


def test_only_the_owner_can_read_the_keys(tmp_path: Path):
    write_identity(tmp_path / "edge", Identity(Keys.generate()))
    assert (tmp_path / "edge" / "identity.json").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "edge").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("content", ["", "no json", '{"signing_key": "c2VjcmV0", "encryption_key": "c2VjcmV0"}'])
def test_damaged_keys_are_a_sentence_without_the_keys(tmp_path: Path, content: str):
    (tmp_path / "identity.json").write_text(content)
    with pytest.raises(IdentityError, match=r"damaged\. Restore") as raised:
        read_identity(tmp_path)
    assert "c2VjcmV0" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_keys_of_another_user_are_told_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Enrolled with sudo, started without."""

    def closed(path: Path) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", closed)
    with pytest.raises(IdentityError, match=r"Permission denied.*as the user who enrolled it"):
        read_identity(tmp_path)


def test_keys_are_not_shown():
    assert repr(Keys.generate()) == "Keys()"


def test_second_user_of_a_folder_is_refused(tmp_path: Path):
    with sole_user(tmp_path), pytest.raises(EdgeBusy, match="own folder with --data"), sole_user(tmp_path):
        pass


def test_folder_is_free_again_after_its_user(tmp_path: Path):
    with sole_user(tmp_path):
        pass
    with sole_user(tmp_path):
        pass


def test_folder_is_free_again_when_its_user_was_killed(tmp_path: Path):
    code = (
        "import os, signal, sys; from pathlib import Path; from ingest.identity import sole_user\n"
        "with sole_user(Path(sys.argv[1])): os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)]).returncode == -9
    with sole_user(tmp_path):
        pass
