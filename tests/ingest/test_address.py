from pathlib import Path

import pytest

from ingest.address import BadAddress, parse_address, redact

NASTY = "p%@:/#?[]&;é密 码\\\"'"


@pytest.mark.parametrize(
    ("text", "url", "username", "password", "ambiguous"),
    [
        ("rtsp://10.0.0.1/x", "rtsp://10.0.0.1/x", None, None, False),
        ("  rtsp://10.0.0.1/x\n", "rtsp://10.0.0.1/x", None, None, False),
        ("RTSP://10.0.0.1/x", "rtsp://10.0.0.1/x", None, None, False),
        ("rtsp://a:b@10.0.0.1:8554/x?y=1&z=2", "rtsp://10.0.0.1:8554/x?y=1&z=2", "a", "b", False),
        ("rtsp://admin:pa%40ss@camera/x", "rtsp://camera/x", "admin", "pa@ss", False),
        ("rtsp://admin@camera/x", "rtsp://camera/x", "admin", None, False),
        ("rtsp://admin:@camera/x", "rtsp://camera/x", "admin", "", False),
        ("rtsp://u:100%@camera/x", "rtsp://camera/x", "u", "100%", False),
        ("rtsp://u:密码@摄像头.local/x", "rtsp://摄像头.local/x", "u", "密码", False),
        ("rtsp://u:p w@camera/x", "rtsp://camera/x", "u", "p w", False),
        ("rtsp://[fe80::1]:554/x", "rtsp://[fe80::1]:554/x", None, None, False),
        ("rtsp://u:p@[fe80::1]/x", "rtsp://[fe80::1]/x", "u", "p", False),
        # Not encoded, as people type them: the last @ that can end a password wins.
        ("rtsp://admin:p@ss@10.0.0.1/x", "rtsp://10.0.0.1/x", "admin", "p@ss", True),
        ("rtsp://admin:p/w@10.0.0.1/x", "rtsp://10.0.0.1/x", "admin", "p/w", True),
        ("rtsp://admin:p@s/w@camera:554/x", "rtsp://camera:554/x", "admin", "p@s/w", True),
        ("rtsp://admin:12/34@camera/x", "rtsp://camera/x", "admin", "12/34", True),
        ("rtsp://admin:1#2?3:4@1.2.3.4/live", "rtsp://1.2.3.4/live", "admin", "1#2?3:4", True),
        # An @ in the path.
        ("rtsp://10.0.0.1:554/live@main", "rtsp://10.0.0.1:554/live@main", None, None, False),
        ("rtsp://camera/live@main", "rtsp://camera/live@main", None, None, False),
        ("rtsp://a:b@10.0.0.1/live@main", "rtsp://10.0.0.1/live@main", "a", "b", True),
    ],
)
def test_an_address_is_taken_apart(text: str, url: str, username: str | None, password: str | None, ambiguous: bool) -> None:
    address = parse_address(text)

    assert (address.url, address.username, address.password, address.ambiguous) == (url, username, password, ambiguous)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "kitchen",
        "192.168.1.64/stream",
        "rtsp:",
        "rtsp://",
        "rtsp:///x",
        "rtsp://:554/x",
        "rtsp://camera:0/x",
        "rtsp://camera:99999/x",
        "rtsp://camera:http/x",
        "rtsp://[fe80::g]/x",
        "rtsp://-x-/x",
        "rtsp://u:p@/x",
        "rtsp://camera/a b",
        "rtsp://camera/a\r\nSession: 1",
        "rtsp://u:p\r\nq@camera/x",
        "http://camera/x",
        "javascript://camera/x",
        "rtsp://u:" + 128 * "x" + "@camera/x",
        "no\0file",
        5000 * "x",
        256 * "x",
        "rtsp://camera/" + 1000 * "x",
    ],
)
def test_what_is_no_address_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(BadAddress, match=r"^[A-Z].*\.$"):
        parse_address(text)


@pytest.mark.parametrize("text", ["rtsp://u:hunter2@camera:http/x", "rtsp://u:hunter2@ca mera/x", "rtsp://hunter2@:99999/"])
def test_a_refusal_does_not_repeat_the_password(text: str) -> None:
    with pytest.raises(BadAddress) as refusal:
        parse_address(text)

    assert "hunter2" not in str(refusal.value)


def test_an_ambiguous_password_gives_a_hint() -> None:
    with pytest.raises(BadAddress, match="apart from the address"):
        parse_address("rtsp://u:p@q@camera:http/x")


def test_credentials_given_apart_win() -> None:
    address = parse_address("rtsp://a:b@camera/x", "c", "d")

    assert (address.username, address.password) == ("c", "d")


def test_a_nasty_password_survives_being_put_into_the_url() -> None:
    address = parse_address("rtsp://camera/x", "käse@haus", NASTY)

    assert parse_address(address.with_credentials()) == address


def test_printing_an_address_shows_no_password() -> None:
    address = parse_address("rtsp://admin:hunter2@camera/user=admin&password=hunter2&channel=1")

    assert "hunter2" not in f"{address} {address!r}"


def test_host_and_port() -> None:
    address = parse_address("rtsp://u:p@[fe80::1]/x")

    assert (address.host, address.port) == ("fe80::1", 554)


def test_a_file_and_a_webcam_are_addresses(tmp_path: Path) -> None:
    file = tmp_path / "a:b@c.mp4"
    file.touch()

    assert (parse_address(str(file)).kind, parse_address("/dev/video0").kind) == ("file", "webcam")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rtsp://h:554/x said a@b", "rtsp://h:554/x said a@b"),
        ("open 'rtsp://u:hunter2@h/x': refused", "open 'rtsp://***@h/x': refused"),
        ("rtsp://u:hunter2@ss@h/x", "rtsp://***@h/x"),
        ("rtsp://u:hunter2/x@h/x", "rtsp://***@h/x"),
        ("rtsp://u:hunter2 x@h/x", "rtsp://***@h/x"),
        ("rtsp://u:hun%40ter2@h/x and https://v:hunter2@k/b", "rtsp://***@h/x and https://***@k/b"),
        ("rtsp://h/user=u&password=hunter2&channel=1", "rtsp://h/user=***&password=***&channel=1"),
        ("Authorization: Basic hunter2==\r\nCSeq: 1", "Authorization: ***\r\nCSeq: 1"),
    ],
)
def test_redact(text: str, expected: str) -> None:
    assert redact(text) == expected


def test_redact_knows_a_given_secret_in_every_form() -> None:
    assert redact("hun@ter2 hun%40ter2", "hun@ter2") == "*** ***"
