"""Cameras are found by WS-Discovery: who is asked, who is believed, and how much."""

import errno
import json

import pytest
import typer
from typer.testing import CliRunner, Result

from contract.trials import LONGEST_WORDS, MOST_FOUND, FoundCamera
from ingest import cli, finding
from ingest.finding import find, read_answer
from tests.ingest.onvif_device import HIKVISION, in_the_network, matches

DAHUA = "onvif://www.onvif.org/name/Dahua onvif://www.onvif.org/hardware/IPC-HDW2431T onvif://www.onvif.org/manufacturer/Dahua"


def test_what_answers_is_found_once_by_address(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [("127.0.0.10", matches()), ("127.0.0.9", matches(DAHUA)), ("127.0.0.10", matches(DAHUA))]
    with in_the_network(monkeypatch, *answers):
        found = find(0.5, allow_loopback=True)
    assert found == [
        FoundCamera(address="127.0.0.9", name="Dahua", maker="Dahua", hardware="IPC-HDW2431T"),
        FoundCamera(address="127.0.0.10", name="HIKVISION DS-2CD2032-I", hardware="DS-2CD2032-I"),
    ]


def test_a_question_that_got_lost_is_asked_again_under_the_same_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "ASK_AGAIN_S", 0.2)
    with in_the_network(monkeypatch, ("127.0.0.9", matches()), deaf=1) as devices:
        found = find(1.0, allow_loopback=True)
    assert len(found) == 1
    assert len(devices.asked) == 2
    assert len(set(devices.asked)) == 1


def test_this_machine_itself_is_no_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    with in_the_network(monkeypatch, ("127.0.0.9", matches())) as devices:
        assert find(0.5) == []
    assert devices.asked != []


def test_a_flood_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    flood = [(f"127.0.1.{number}", matches()) for number in range(1, MOST_FOUND + 10)]
    with in_the_network(monkeypatch, *flood):
        assert len(find(5.0, allow_loopback=True)) == MOST_FOUND


def test_what_nobody_can_read_does_not_hide_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    with in_the_network(monkeypatch, ("127.0.0.8", b"\xff\xfe\x00"), ("127.0.0.8", b""), ("127.0.0.9", matches())):
        assert [camera.address for camera in find(0.5, allow_loopback=True)] == ["127.0.0.9"]


def test_without_a_network_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding.socket, "if_nameindex", lambda: [(2**20, "gone")])
    with pytest.raises(OSError, match="Cannot assign requested address"):
        find(0.5)


@pytest.mark.parametrize(
    "answer",
    [
        "no xml", "", "<a/>", matches()[:400], "\x00" * 20,
        '<!DOCTYPE a [<!ENTITY b "bbbb">]>' + matches("onvif://www.onvif.org/name/&b;").partition("?>")[2],
        '<!DOCTYPE a SYSTEM "http://198.51.100.9/">' + matches().partition("?>")[2],
        matches("ldap:///printers", "wsdp:Device"), "<a>" * 5000,
    ],
    ids=["text", "nothing", "other", "cut-off", "zeros", "entity", "remote", "printer", "deep"],
)
def test_what_is_no_answer_of_a_camera(answer: str) -> None:
    assert read_answer(answer.encode(), "192.168.1.64") is None


@pytest.mark.parametrize(
    ("scopes", "name"),
    [
        ("onvif://www.onvif.org/name/%E5%90%8E%E5%8E%A8", "后厨"),
        ("onvif://www.onvif.org/name/a%1B%5B31m%0A%E2%80%AEb%00%FF", "a [31m b \N{REPLACEMENT CHARACTER}"),
        ("onvif://www.onvif.org/name/" + "x" * 5000, "x" * LONGEST_WORDS),
        ("onvif://www.onvif.org/name/first onvif://www.onvif.org/name/second", "first"),
        ("onvif://www.onvif.org/name onvif://www.onvif.org/", ""),
        ("", ""),
    ],
    ids=["chinese", "steers-a-terminal", "long", "twice", "empty", "none"],
)
def test_words_are_plain(scopes: str, name: str) -> None:
    found = read_answer(matches(scopes).encode(), "192.168.1.64")
    assert found is not None
    assert found.name == name


def test_urls_of_the_answer_are_not_kept() -> None:
    found = read_answer(matches(HIKVISION).encode(), "192.168.1.64")
    assert found is not None
    assert "198.51.100.9" not in found.model_dump_json()


def run(monkeypatch: pytest.MonkeyPatch, answer: list[FoundCamera] | OSError, *arguments: str) -> Result:
    def found(seconds: float) -> list[FoundCamera]:
        if isinstance(answer, OSError):
            raise answer
        return answer

    monkeypatch.setattr(cli, "find", found)
    app = typer.Typer()
    app.command()(cli.find_cameras)
    return CliRunner().invoke(app, arguments)


FOUND = FoundCamera(address="192.168.1.64", name="HIKVISION DS-2CD2032-I", hardware="DS-2CD2032-I")


def test_the_command_tells_them(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, [FOUND])
    assert (result.exit_code, result.stdout) == (0, "192.168.1.64  HIKVISION DS-2CD2032-I  DS-2CD2032-I\n")


def test_the_command_tells_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    assert json.loads(run(monkeypatch, [FOUND], "--json").stdout)[0]["address"] == "192.168.1.64"


@pytest.mark.parametrize(("language", "words"), [("zh", "没有摄像头应答"), ("en", "No camera answered")])
def test_the_command_says_what_to_do_when_nothing_answers(monkeypatch: pytest.MonkeyPatch, language: str, words: str) -> None:
    result = run(monkeypatch, [], "--lang", language)
    assert result.exit_code == 1
    assert words in result.stderr


def test_the_command_says_that_there_is_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, OSError(errno.ENETUNREACH, "Network is unreachable"), "--lang", "en")
    assert result.exit_code == 1
    assert "There is no network on this machine" in result.stderr
