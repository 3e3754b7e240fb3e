"""The server as FFmpeg and plain sockets see it."""

from __future__ import annotations

import hashlib
import itertools
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import pytest

from contract.lifetime import ENDS_WITH_INPUT
from ingest.rtsp_server import PASSWORD_VARIABLE, REALM, RtspServer

QUICK = {"fpsprobesize": "0", "allowed_media_types": "video"}


def stamps(url: str, count: int, transport: str = "tcp") -> list[float]:
    """The times of the first pictures, all decoded without an error."""
    found: list[float] = []
    with av.open(url, options=QUICK | {"rtsp_transport": transport}, timeout=60) as container:
        for frame in container.decode(container.streams.video[0]):
            assert not frame.is_corrupt
            found.append(0.0 if frame.pts is None else float(frame.pts * frame.time_base))
            if len(found) == count:
                break
    return found


class Talk:
    """A receiver by hand."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._stream = self._socket.makefile("rwb")

    def send(self, data: bytes) -> None:
        self._stream.write(data)
        self._stream.flush()

    def ask(self, method: str, url: str, **headers: str) -> tuple[int, dict[str, str], str]:
        lines = [f"{method} {url} RTSP/1.0", "CSeq: 7", *(f"{name}: {value}" for name, value in headers.items())]
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode())
        return self.answer()

    def answer(self) -> tuple[int, dict[str, str], str]:
        status = int(self._stream.readline().split()[1])
        headers = {}
        while line := self._stream.readline().strip():
            name, _, value = line.decode().partition(": ")
            headers[name] = value
        body = self._stream.read(int(headers.get("Content-Length", 0)))
        return status, headers, body.decode()

    def rest(self) -> bytes:
        return self._stream.read()

    def interleaved(self) -> tuple[int, bytes]:
        head = self._stream.read(4)
        assert head[:1] == b"$"
        return head[1], self._stream.read(int.from_bytes(head[2:], "big"))

    def close(self) -> None:
        self._stream.close()
        self._socket.close()


@pytest.fixture
def talk() -> Iterator[Callable[[int], Talk]]:
    talks: list[Talk] = []

    def start(port: int) -> Talk:
        talks.append(Talk(port))
        return talks[-1]

    yield start
    for each in talks:
        each.close()


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize(
    ("codec", "options"),
    [("libx264", {}), ("libx264", {"bf": "2", "preset": "veryfast"}), ("libx265", {}), ("mpeg4", {})],
    ids=["h264", "h264-b-frames", "h265", "mpeg4"],
)
def test_a_clip_loops_without_a_seam(serve, clips, codec: str, options: dict[str, str], transport: str) -> None:
    served = serve(clips(codec, seconds=0.5, options=options))

    found = stamps(served.url, 13, transport)

    assert [round(b - a, 3) for a, b in itertools.pairwise(found)] == [0.05] * 12


def test_large_pictures_arrive_whole_in_fragments(serve, clips) -> None:
    served = serve(clips(options={"qp": "1"}, seconds=0.5, size=(1280, 720)))
    sizes: list[int] = []
    served.server.damage = lambda unit, packets: sizes.append(len(packets)) or packets

    stamps(served.url, 5)

    assert max(sizes) > 3


def test_several_receivers_see_the_same_moment(serve, talk) -> None:
    served = serve()
    packets = []
    for _ in range(2):
        receiver = talk(served.server.port)
        _, headers, _ = receiver.ask("SETUP", served.url + "/trackID=0", Transport="RTP/AVP/TCP;unicast;interleaved=0-1")
        session = headers["Session"].partition(";")[0]
        assert receiver.ask("PLAY", served.url, Session=session)[0] == 200
        packets.append(receiver)

    channel, first = packets[1].interleaved()

    assert channel == 0
    assert (first[0], first[1] & 0x7F) == (0x80, 96)


def test_a_sender_report_comes_with_the_first_picture(serve, talk) -> None:
    served = serve()
    receiver = talk(served.server.port)
    _, headers, _ = receiver.ask("SETUP", served.url + "/trackID=0", Transport="RTP/AVP/TCP;unicast;interleaved=4-5")
    receiver.ask("PLAY", served.url, Session=headers["Session"].partition(";")[0])

    while (packet := receiver.interleaved())[0] == 4:
        pass

    assert packet[0] == 5
    assert packet[1][:4] == bytes([0x80, 200, 0, 6])


@pytest.mark.parametrize("auth", ["basic", "digest"])
def test_authentication(serve, talk, auth: str) -> None:
    served = serve(auth=auth, username="admin", password="s3cret")

    with av.open(served.url.replace("//", "//admin:s3cret@"), options=QUICK | {"rtsp_transport": "tcp"}, timeout=60):
        pass
    with pytest.raises(av.error.HTTPUnauthorizedError):
        av.open(served.url.replace("//", "//admin:wrong@"), timeout=60)
    status, headers, _ = talk(served.server.port).ask("DESCRIBE", served.url)
    assert status == 401
    assert headers["WWW-Authenticate"].lower().startswith(auth)


@pytest.mark.parametrize("header", ["Digest", "Digest username", 'Digest username="admin", nonce=""', "Basic !!!", "Bearer x"])
def test_a_broken_login_is_refused(serve, talk, header: str) -> None:
    served = serve(auth="digest", username="admin", password="s3cret")

    assert talk(served.server.port).ask("DESCRIBE", served.url, Authorization=header)[0] == 401


def test_a_login_cannot_be_used_on_another_connection(serve, talk) -> None:
    served = serve(auth="digest", username="admin", password="s3cret")
    first, second = talk(served.server.port), talk(served.server.port)
    nonce = first.ask("DESCRIBE", served.url)[1]["WWW-Authenticate"].split('nonce="')[1].rstrip('"')

    def digest(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    response = digest(f"{digest(f'admin:{REALM}:s3cret')}:{nonce}:{digest(f'DESCRIBE:{served.url}')}")
    login = f'Digest username="admin", realm="{REALM}", nonce="{nonce}", uri="{served.url}", response="{response}"'

    assert second.ask("DESCRIBE", served.url, Authorization=login)[0] == 401
    assert first.ask("DESCRIBE", served.url, Authorization=login)[0] == 200


def test_the_answers_of_a_session(serve, talk) -> None:
    served = serve()
    receiver = talk(served.server.port)

    assert "DESCRIBE" in receiver.ask("OPTIONS", served.url)[1]["Public"]
    assert receiver.ask("DESCRIBE", served.url + "x")[0] == 404
    assert receiver.ask("RECORD", served.url)[0] == 405
    assert receiver.ask("SETUP", served.url, Transport="RAW/RAW/UDP;unicast")[0] == 461
    assert receiver.ask("SETUP", served.url, Transport="RTP/AVP/TCP;interleaved=900-901")[0] == 461
    assert receiver.ask("PLAY", served.url, Session="other")[0] == 454
    status, headers, sdp = receiver.ask("DESCRIBE", served.url)
    assert (status, headers["Content-Type"]) == (200, "application/sdp")
    assert "a=rtpmap:96 H264/90000" in sdp
    session = receiver.ask("SETUP", served.url + "/trackID=0", Transport="RTP/AVP;client_port=5000-5001")[1]["Session"]
    session = session.partition(";")[0]
    assert receiver.ask("GET_PARAMETER", served.url, Session=session)[0] == 200
    assert receiver.ask("TEARDOWN", served.url, Session=session)[0] == 200
    assert receiver.rest() == b""


def test_the_highest_channel_twice_stops_nobody(serve, talk) -> None:
    served = serve()
    odd = talk(served.server.port)
    session = odd.ask("SETUP", served.url + "/trackID=0", Transport="RTP/AVP/TCP;interleaved=255-255")[1]["Session"]
    odd.ask("PLAY", served.url, Session=session.partition(";")[0])

    assert {odd.interleaved()[0] for _ in range(3)} == {255}
    assert len(stamps(served.url, 3)) == 3


@pytest.mark.parametrize(
    "data", [b"hello\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"DESCRIBE x RTSP/1.0\r\nContent-Length: -1\r\n\r\n"]
)
def test_what_is_no_request_ends_the_connection(serve, talk, data: bytes) -> None:
    receiver = talk(serve().server.port)
    receiver.send(data)

    assert receiver.answer()[0] == 400
    assert receiver.rest() == b""


def test_a_url_that_is_no_url_is_not_found(serve, talk) -> None:
    assert talk(serve().server.port).ask("DESCRIBE", "rtsp://[")[0] == 404


def test_an_endless_header_ends_the_connection(serve, talk) -> None:
    receiver = talk(serve().server.port)
    receiver.send(b"OPTIONS * RTSP/1.0\r\nX: " + b"x" * 70_000)

    assert receiver.rest() == b""


def test_the_clip_stands_still_while_nobody_watches(serve, wait_until) -> None:
    served = serve()
    sent = []
    served.server.damage = lambda unit, packets: sent.append(unit.dts_s) or packets
    stamps(served.url, 3)
    wait_until(lambda: served.server.receivers == 0)
    assert not threading.Event().wait(0.5)

    stamps(served.url, 3)

    # A receiver begins at a key frame: at most one GOP (0.25 s) and the picture that waited lie between the two.
    gaps = [b - a for a, b in itertools.pairwise(sent)]
    assert max(gaps) <= 0.35


def test_a_file_that_is_no_video_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("hello")

    with pytest.raises(ValueError, match="cannot be read as a video"):
        RtspServer(tmp_path / "text.mp4")


def test_authentication_without_a_password_is_refused(clips) -> None:
    with pytest.raises(ValueError, match="needs a username and a password"):
        RtspServer(clips(), auth="digest", username="admin")


def command(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "ingest.rtsp_server", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {PASSWORD_VARIABLE: "s3cret"},
        cwd=Path(__file__).parents[2],
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_prints_the_url_and_ends_at_a_signal(clips, number: int) -> None:
    with command(str(clips()), "--port", "0", "--auth", "digest", "--username", "admin") as process:
        url = process.stdout.readline().strip()
        with av.open(url.replace("//", "//admin:s3cret@"), options=QUICK | {"rtsp_transport": "tcp"}, timeout=60):
            process.send_signal(number)
            assert process.wait(60) == 0
        assert process.stderr.read() == ""


def test_the_command_ends_with_its_parent(clips) -> None:
    script = (
        "import os, signal, subprocess, sys;"
        "child = subprocess.Popen([sys.executable, '-m', 'ingest.rtsp_server', sys.argv[1], '--port', '0'],"
        " stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True);"
        "child.stdout.readline();"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    # The child keeps our end of stderr open; it is closed when the child is gone.
    parent = subprocess.Popen(
        [sys.executable, "-c", script, str(clips())],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env=os.environ | {ENDS_WITH_INPUT: "1"},
        cwd=Path(__file__).parents[2],
    )
    assert parent.communicate(timeout=60)[1] == b""


def test_the_command_says_what_is_wrong(tmp_path: Path) -> None:
    with command(str(tmp_path / "none.mp4")) as process:
        assert process.wait(60) == 1
        assert process.stderr.read() == f"{tmp_path / 'none.mp4'} cannot be read as a video: No such file or directory.\n"
