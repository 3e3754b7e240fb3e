"""A camera is tried: what the edge opens, what it does not, and what it tells."""

import base64
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from contract.credentials import seal_credential
from contract.edges import StreamFault
from contract.trials import PICTURE_SIDE_PX, Trial, TrialAnswer
from detector.observation import Attribute, Hand, Head, Observation, Person
from ingest.check import Report
from ingest.frames import Frame
from ingest.pipe import Errand, Setup
from ingest.rtsp_connection import Request, Response
from ingest.trial import attempt, sighting

KEY = X25519PrivateKey.generate()
SETUP = Setup(KEY.private_bytes_raw(), None, 1)
HEAD = (260.0, 150.0, 400.0, 300.0)
ODD = "p%@:/ s&s#'\"密码"


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.check.ENOUGH_S", 0.5)


class OneCook:
    """Sees a cook whose head is where the bright square of the clip is."""

    models = ()

    def look(self, images: list[np.ndarray], asked: object = None) -> list[Observation]:
        unknown = Attribute("unknown", 0.5)
        head = Head(HEAD, 0.9, Attribute("missing", 0.95), unknown, Attribute("no", 0.1))
        hand = Hand((10.0, 20.0, 30.0, 44.0), 0.8, Attribute("worn", 0.2), Attribute("yes", 0.9))
        height, width = images[0].shape[:2]
        return [Observation(width, height, (Person((200.0, 140.0, 460.0, 358.0), 0.9, head, (hand,)),))]


def tried(*urls: str, password: str | None = None, allow_loopback: bool = True) -> TrialAnswer:
    sealed = None if password is None else seal_credential(KEY.public_key(), "camera-1", password)
    username = None if password is None else "admin"
    trial = Trial(id="trial-1", camera_id="camera-1", urls=list(urls), username=username, password_sealed=sealed)
    return attempt(Errand(SETUP, trial, allow_loopback), OneCook)


def test_what_came_is_told(serve: Callable[..., Any], clips: Callable[..., Path]) -> None:
    url = serve(clips(gop=10)).url

    answer = tried(url)

    seen = answer.sighting
    assert (answer.fault, answer.url) == (None, url)
    assert seen is not None
    assert (seen.codec, seen.width, seen.height, seen.look) == ("h264", 640, 360, "good")
    assert seen.key_interval_s == pytest.approx(0.5, abs=0.05)
    assert 20 < seen.brightness < 120
    assert seen.burnt == 0
    [cook] = seen.people
    assert (cook.head, cook.cap, cook.mask, cook.smoking) == (HEAD, "missing", "unknown", "yes")
    assert [hand.glove for hand in cook.hands] == ["worn"]


def test_the_picture_is_small_and_shows_no_face() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (1080, 1920, 3), np.uint8)
    report = Report("", codec="h264", first_picture_s=1.0, watched_s=8.0, look="good")

    seen = sighting(report, Frame(noise, 0.0, datetime.now(UTC), 0), OneCook())

    picture = cv2.imdecode(np.frombuffer(base64.b64decode(seen.jpeg), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture.shape == (540, PICTURE_SIDE_PX)
    x1, y1, x2, y2 = (round(edge / 2) for edge in HEAD)
    assert picture[y1:y2, x1:x2].std() < picture[y1:y2, 400:].std() / 5


@pytest.mark.parametrize("auth", ["basic", "digest"])
def test_odd_characters_in_the_password(serve: Callable[..., Any], auth: str) -> None:
    served = serve(auth=auth, username="admin", password=ODD.replace(" ", ""))

    answer = tried(served.url, password=ODD.replace(" ", ""))

    assert answer.fault is None
    assert "密码" not in answer.model_dump_json()


def test_wrong_password_ends_the_trying(serve: Callable[..., Any]) -> None:
    served = serve(auth="digest", username="admin", password="right")

    answer = tried(served.url, served.url + "2", password="wrong")

    assert (answer.fault, answer.url) == (StreamFault.WRONG_PASSWORD, served.url)
    assert not any(request.url.endswith("2") for request in served.server.asked)


def test_addresses_of_other_makers_are_tried_in_turn(serve: Callable[..., Any]) -> None:
    served = serve()
    base = served.url.removesuffix("/kitchen")

    answer = tried(f"{base}/Streaming/Channels/101", f"{base}/cam/realmonitor?channel=1&subtype=0", served.url)

    assert (answer.fault, answer.url) == (None, served.url)


def test_a_camera_that_calls_an_unknown_path_a_bad_request_is_asked_for_the_next(serve: Callable[..., Any]) -> None:
    served = serve()
    answer_of = served.server.answer

    def answer(request: Request) -> Response | None:
        unknown = request.method == "DESCRIBE" and not request.url.endswith("/kitchen")
        return Response(400) if unknown else answer_of(request)

    served.server.answer = answer
    base = served.url.removesuffix("/kitchen")

    assert tried(f"{base}/Streaming/Channels/101", served.url).fault is None
    assert tried(f"{base}/Streaming/Channels/101").fault is StreamFault.NOT_FOUND


def test_none_of_the_addresses_fits(serve: Callable[..., Any]) -> None:
    base = serve().url.removesuffix("/kitchen")

    answer = tried(f"{base}/a", f"{base}/b")

    assert (answer.fault, answer.url) == (StreamFault.NOT_FOUND, f"{base}/b")


def test_sound_alone(serve: Callable[..., Any]) -> None:
    served = serve()
    sdp = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=audio 0 RTP/AVP 0\r\na=control:trackID=0\r\n"
    served.server.answers["DESCRIBE"] = Response(200, {"Content-Type": "application/sdp"}, sdp)

    assert tried(served.url).fault is StreamFault.NO_PICTURE


def test_rare_key_frames_are_told(serve: Callable[..., Any], clips: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.check.check.__kwdefaults__", {"transport": "tcp", "watch_s": 1})

    answer = tried(serve(clips("libx265", gop=1000, seconds=30, size=(160, 96))).url)

    assert answer.sighting is not None
    assert answer.sighting.key_interval_s is None


def test_nobody_listens(closed_port: int) -> None:
    assert tried(f"rtsp://127.0.0.1:{closed_port}/x").fault is StreamFault.REFUSED


def test_a_web_server(raw_server: Callable[[bytes | None], int]) -> None:
    port = raw_server(b"HTTP/1.0 400 Bad Request\r\n\r\n")

    assert tried(f"rtsp://127.0.0.1:{port}/x").fault is StreamFault.NOT_RTSP


@pytest.mark.parametrize("url", ["http://192.168.1.64/", "file:///etc/passwd", "/etc/passwd", "/dev/video0"])
def test_nothing_but_rtsp(url: str) -> None:
    assert tried(url).fault is StreamFault.BAD_URL


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "169.254.169.254", "127.1"])
def test_addresses_that_are_no_camera(host: str) -> None:
    assert tried(f"rtsp://{host}/x", allow_loopback=False).fault is StreamFault.FORBIDDEN_ADDRESS


def test_metadata_services_stay_closed_in_the_demo() -> None:
    assert tried("rtsp://169.254.169.254/x").fault is StreamFault.FORBIDDEN_ADDRESS


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> None:
    """`camera.lan` has these addresses when it is asked for the first time, the second time and so on."""
    real, left = socket.getaddrinfo, list(answers)

    def resolve(host: str, port: int, *rest: Any, **options: Any) -> list[Any]:
        if host != "camera.lan":
            return real(host, port, *rest, **options)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in left.pop(0)]

    monkeypatch.setattr("socket.getaddrinfo", resolve)


def test_a_name_is_judged_by_all_that_it_leads_to(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, ["192.168.1.64", "169.254.169.254"])

    assert tried("rtsp://camera.lan/x").fault is StreamFault.FORBIDDEN_ADDRESS


def test_of_several_addresses_one_at_which_somebody_listens_is_taken(
    serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As FFmpeg does for a camera that is added: one with IPv6 may serve RTSP over IPv4 alone."""
    served = serve()
    resolving(monkeypatch, ["::1", "127.0.0.1"])

    assert tried(served.url.replace("127.0.0.1", "camera.lan")).fault is None


def test_the_address_that_was_checked_is_connected_to(serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    served = serve()
    resolving(monkeypatch, ["127.0.0.1"])  # a second question would find no answer

    answer = tried(served.url.replace("127.0.0.1", "camera.lan"))

    assert answer.fault is None
    assert {request.url.split("/")[2] for request in served.server.asked if "//" in request.url} == {
        served.url.split("/")[2]
    }


@pytest.mark.parametrize("status", [301, 302])
@pytest.mark.parametrize("method", ["OPTIONS", "DESCRIBE"])
def test_a_camera_that_redirects_to_the_box_itself_shows_nothing_of_it(
    serve: Callable[..., Any], method: str, status: int
) -> None:
    inner, camera = serve(host="127.0.0.2"), serve()
    camera.server.answers[method] = Response(status, {"Location": inner.url})

    answer = tried(camera.url)

    assert (answer.fault, answer.sighting) == (StreamFault.FORBIDDEN_ADDRESS, None)
    assert "DESCRIBE" in [request.method for request in inner.server.asked], "FFmpeg no longer follows: the check can go"


def test_a_camera_that_redirects_to_another_one_is_followed(serve: Callable[..., Any]) -> None:
    other, camera = serve(), serve()
    camera.server.answers["DESCRIBE"] = Response(302, {"Location": other.url})

    assert tried(camera.url).fault is None


def test_a_name_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(*_: Any, **__: Any) -> None:
        raise socket.gaierror

    monkeypatch.setattr("socket.getaddrinfo", nobody)

    assert tried("rtsp://camera.lan/x").fault is StreamFault.HOST_NOT_FOUND


def test_a_password_for_another_edge() -> None:
    sealed = seal_credential(X25519PrivateKey.generate().public_key(), "camera-1", "secret")
    trial = Trial(id="trial-1", camera_id="camera-1", urls=["rtsp://192.0.2.7/x"], username="admin", password_sealed=sealed)

    assert attempt(Errand(SETUP, trial), OneCook).fault is StreamFault.WRONG_PASSWORD
