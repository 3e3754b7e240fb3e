from pathlib import Path

import pytest

from api.kit.settings import Settings


def test_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("SUNSHINE_DATA", str(tmp_path))
    monkeypatch.setenv("SUNSHINE_PUBLIC_URL", "https://kitchen.example/")
    settings = Settings()
    assert (settings.data, settings.public_url) == (tmp_path, "https://kitchen.example")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("postgresql://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("postgres://h/d", "postgresql+psycopg://h/d"),
        ("postgresql+psycopg://h/d", "postgresql+psycopg://h/d"),
        ("sqlite:////tmp/x.db", "sqlite+aiosqlite:////tmp/x.db"),
    ],
)
def test_database_urls_get_the_driver_that_is_shipped(given: str, expected: str):
    assert Settings.model_validate({"database_url": given}).async_database_url == expected


def test_without_a_url_it_is_sqlite_in_the_data_folder(tmp_path: Path):
    assert Settings(data=tmp_path).async_database_url == f"sqlite+aiosqlite:///{tmp_path}/sunshine.db"


def test_secrets_are_not_shown():
    settings = Settings.model_validate({"database_url": "postgresql://u:hunter2@h/d", "keys": "k:hunter2"})
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize("url", ["nonsense:hunter2", "mysql://u:hunter2@h/d", ""])
def test_a_database_that_is_not_shipped(url: str):
    with pytest.raises(ValueError, match="postgresql://") as error:
        Settings.model_validate({"database_url": url})
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("public_url", "kitchen.example", "begins with https://"), ("public_url", "kitchen.example:8000", "begins with https://"),
        ("public_url", "https://", "begins with https://"), ("public_url", "javascript://x", "begins with https://"),
        ("sms_url", "dysmsapi.aliyuncs.com", "begins with https://"), ("wecom_url", "", "begins with https://"),
        ("files_url", "s4://bucket", "s3://bucket/prefix"), ("files_url", "/srv/files", "s3://bucket/prefix"),
        ("files_url", "file:///srv/files", "s3://bucket/prefix"), ("files_url", "s3://", "s3://bucket/prefix"),
        ("mail_from", "Sunshine <centre@example.org>", "address alone"), ("mail_from", "nobody", "address alone"),
        ("mail_from", "a@example.org\nBcc: b@example.org", "address alone"),
    ],
)
def test_an_address_that_cannot_be_used(name: str, value: str, words: str):
    with pytest.raises(ValueError, match=words):
        Settings.model_validate({name: value})


@pytest.mark.parametrize(
    "value", ["*", "0.0.0.0/0", "::/0", "nginx", "192.168.7", "192.168.7.2:443", "172.16.0.1/12", "192.168.7.2;192.168.7.3"]
)
def test_proxies_that_are_no_addresses(value: str):
    with pytest.raises(ValueError, match=r"192\.168\.7\.2,172\.16\.0\.0/12"):
        Settings.model_validate({"trusted_proxies": value})


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("", None), (" , ", None), ("127.0.0.1", "127.0.0.1/32"), (" 172.16.0.0/12, fd00::/8 ", "172.16.0.0/12,fd00::/8"),
    ],
)
def test_proxies_that_are(value: str, read: str | None):
    assert Settings.model_validate({"trusted_proxies": value}).trusted_proxies == read


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("public_url", "http://192.168.1.5:8000"), ("files_url", "s3://bucket/prefix"), ("files_url", "az://container"),
        ("mail_from", "centre@sunshine.example"),
    ],
)
def test_an_address_that_can(name: str, value: str):
    assert getattr(Settings.model_validate({name: value}), name) == value
