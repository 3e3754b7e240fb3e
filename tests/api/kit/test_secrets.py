import base64
import os
from pathlib import Path

import pytest
from pydantic import SecretStr

from api.kit.secrets import Keyring, KeyringError

SECRET = SecretStr("p%@:/ss 密码")


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    return Keyring.from_file(tmp_path / "keys.json")


def test_what_was_encrypted_comes_back(keyring: Keyring):
    token = keyring.encrypt(SECRET, "camera 1")
    assert SECRET.get_secret_value() not in token
    assert token.startswith(f"{keyring.current}.")
    assert keyring.decrypt(token, "camera 1") == SECRET


def test_equal_secrets_look_different(keyring: Keyring):
    assert keyring.encrypt(SECRET, "camera 1") != keyring.encrypt(SECRET, "camera 1")


def test_a_token_that_was_changed(keyring: Keyring):
    name, _, value = keyring.encrypt(SECRET, "camera 1").partition(".")
    raw = bytearray(base64.b64decode(value))
    raw[-1] ^= 1
    with pytest.raises(KeyringError, match="was changed"):
        keyring.decrypt(f"{name}.{base64.b64encode(raw).decode()}", "camera 1")


def test_the_file_is_for_its_owner_only(tmp_path: Path):
    path = tmp_path / "keys.json"
    Keyring.from_file(path)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_what_root_saves_stays_the_file_of_the_user_who_runs_the_centre(tmp_path: Path):
    os.chown(tmp_path, 65534, 65534)
    first = Keyring.from_file(tmp_path / "keys.json")
    assert (tmp_path / "keys.json").stat().st_uid == 65534
    os.chown(tmp_path, 0, 0)
    first.with_new_key().save(tmp_path / "keys.json")
    assert (tmp_path / "keys.json").stat().st_uid == 65534


def test_a_file_of_another_user_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refused(*_: object) -> str:
        raise PermissionError(13, "Permission denied")

    Keyring.from_file(tmp_path / "keys.json")
    monkeypatch.setattr(Path, "read_text", refused)
    with pytest.raises(KeyringError, match="chown"):
        Keyring.from_file(tmp_path / "keys.json")


def test_the_file_is_read_again(tmp_path: Path):
    path = tmp_path / "keys.json"
    token = Keyring.from_file(path).encrypt(SECRET, "x")
    assert Keyring.from_file(path).decrypt(token, "x") == SECRET


def test_a_file_that_others_can_read_is_refused(tmp_path: Path):
    path = tmp_path / "keys.json"
    Keyring.from_file(path)
    path.chmod(0o644)
    with pytest.raises(KeyringError, match="chmod 600"):
        Keyring.from_file(path)


@pytest.mark.parametrize("content", ["", "{}", '{"current": "a", "keys": {}}', '{"current": "a", "keys": {"a": "AAAA"}}', "[]"])
def test_a_file_that_is_damaged(tmp_path: Path, content: str):
    path = tmp_path / "keys.json"
    path.touch(0o600)
    path.write_text(content)
    with pytest.raises(KeyringError):
        Keyring.from_file(path)
    assert path.read_text() == content, "it is never overwritten: it may be the only copy"


def test_old_tokens_can_be_read_after_a_new_key(keyring: Keyring):
    token = keyring.encrypt(SECRET, "x")
    newer = keyring.with_new_key()
    assert newer.decrypt(token, "x") == SECRET
    assert not newer.encrypt(SECRET, "x").startswith(f"{keyring.current}.")


def test_a_key_that_is_missing(keyring: Keyring):
    token = keyring.encrypt(SECRET, "x")
    with pytest.raises(KeyringError, match="is missing"):
        keyring.with_new_key().only_current().decrypt(token, "x")


def test_keys_from_the_settings_the_first_is_current():
    one, two = (base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2))
    keyring = Keyring.from_setting(SecretStr(f"new:{two},old:{one}"))
    token = Keyring.from_setting(SecretStr(f"old:{one}")).encrypt(SECRET, "x")
    assert keyring.current == "new"
    assert keyring.decrypt(token, "x") == SECRET


@pytest.mark.parametrize("setting", ["", "k", "k:", "k:AAAA", ":AAAA", "k:not base64"])
def test_keys_from_the_settings_that_are_none(setting: str):
    with pytest.raises(KeyringError):
        Keyring.from_setting(SecretStr(setting))


def test_no_key_is_ever_shown(keyring: Keyring):
    shown = repr(keyring) + str(keyring)
    assert all(base64.b64encode(key).decode() not in shown and repr(key) not in shown for key in keyring._keys.values())


def test_a_key_without_its_id_is_not_quoted():
    key = base64.b64encode(bytes(32)).decode()
    with pytest.raises(KeyringError) as caught:
        Keyring.from_setting(SecretStr(key))
    assert key not in str(caught.value)
