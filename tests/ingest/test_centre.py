import io
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from structlog.testing import capture_logs

from api.kit import connections
from api.server import IDLE_S
from contract.edge_auth import EdgeTokenError, claimed_edge_id, content_digest, verify_edge_token
from contract.edges import Heartbeat, StreamFault
from contract.trials import TrialAnswer
from ingest import heartbeat
from ingest.centre import KEPT_S, Centre, CentreUrlError, checked_centre_url
from ingest.centre_errors import (
    CentreError,
    CentreFailed,
    CentreRefused,
    CentreUnavailable,
    CentreUnreachable,
    WrongCertificate,
    WrongClock,
)
from tests.ingest.edge_world import EDGE_ID, KEY, START, CentreInMemory, Clock, camera, edge_config, multipart, problem

BEAT = Heartbeat(sent_at=START, software_version="1", config_version=None, outbox_waiting=0, minutes=[])


def centre_that(answer: httpx.Response | Exception) -> Centre:
    def respond(request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    transport = httpx.MockTransport(respond)
    return Centre("https://centre.test", EDGE_ID, KEY, transport=transport, clock=START.timestamp, uptime=float)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(status, CentreRefused) for status in (400, 403, 409, 410, 413, 415, 422)]
    + [(status, CentreUnavailable) for status in (301, 401, 408, 411, 429, 502, 503, 504, 507)]
    + [(status, CentreFailed) for status in (500, 501)],
)
def test_kind_of_failure(status: int, kind: type[CentreError]):
    with pytest.raises(kind, match=r"^Because\.$") as raised:
        centre_that(problem(status, "Because.")).beat(BEAT)
    assert type(raised.value) is kind


@pytest.mark.parametrize("error", [httpx.ConnectError("x"), httpx.ReadTimeout("x"), httpx.RemoteProtocolError("x")])
def test_no_answer(error: Exception):
    with pytest.raises(CentreUnavailable, match="cannot be reached"):
        centre_that(error).beat(BEAT)


def test_a_centre_that_is_newer_is_understood():
    """Boxes stand in shops, and are upgraded after their centre."""
    config = edge_config(camera())
    told = config.model_dump(mode="json")
    for part in (told, told["cameras"][0], told["catalogue"], told["catalogue"]["rules"][0]):
        part["of_a_later_version"] = 1
    answer = httpx.Response(200, json=told)
    assert centre_that(answer).config(None) == config


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0), ("0", 0.0), ("-5", 0.0), ("999999", 3600.0), ("Fri, 01 May 2026 03:01:30 GMT", 90.0),
        ("Fri, 01 May 2026 03:01:30", None), ("soon", None), ("01 May 2026 03:01:30 +99999999999", None), ("nan", 0.0),
    ],
)
def test_retry_after(value: str, seconds: float | None):
    answer = problem(503, "Busy.", Retry_After=value, Date="Fri, 01 May 2026 03:00:00 GMT")
    with pytest.raises(CentreUnavailable) as raised:
        centre_that(answer).beat(BEAT)
    assert raised.value.retry_after_s == seconds


def test_login_page_of_a_network_is_no_success():
    """A captive portal answers everything with 200 and a page: taking that for a receipt would lose the report."""
    page = httpx.Response(200, html="<html>Please log in</html>")
    with pytest.raises(CentreUnavailable, match="no centre of ours"):
        centre_that(page).report(uuid4(), b"{}", {})


def test_address_at_which_there_is_no_centre_is_told():
    """As when somebody copies a page of the console."""
    with pytest.raises(CentreUnavailable, match=r"no centre of ours.*address"):
        centre_that(problem(404, "Not Found.")).config(None)


@pytest.mark.parametrize("status", [400, 403])
def test_refusal_of_somebody_on_the_way_is_not_the_centre_s(status: int):
    """A firewall's or a proxy's page: for the centre's own, evidence would be set aside, and cameras forgotten."""
    page = httpx.Response(status, html="<html>Blocked</html>")
    with pytest.raises(CentreUnavailable, match="no centre of ours"):
        centre_that(page).config(None)


def test_a_proxy_that_lets_nothing_large_pass_holds_up_nothing_small():
    page = httpx.Response(413, html="<html>Request Entity Too Large</html>")
    with pytest.raises(CentreFailed, match=r"client_max_body_size.*请调大"):
        centre_that(page).report_clip(uuid4(), b"{}", io.BytesIO(b"clip"))


def test_receipt_for_another_report_is_no_success():
    receipt = {"violation_id": str(uuid4()), "case_id": 1, "result": "case_opened", "url": "https://x/1"}
    with pytest.raises(CentreUnavailable, match="another violation"):
        centre_that(httpx.Response(201, json=receipt)).report(uuid4(), b"{}", {})


def test_page_of_html_is_not_quoted():
    with pytest.raises(CentreUnavailable, match=r"^The centre answered HTTP 502\.$"):
        centre_that(httpx.Response(502, html="<html>" + "x" * 10_000)).beat(BEAT)


def test_config_is_asked_for_by_version():
    memory = CentreInMemory(edge_config(camera(), version="v7"))
    config = memory.client().config(None)
    assert config is not None
    assert config.version == "v7"
    assert memory.client().config("v7") is None
    assert "If-None-Match" not in memory.requests[0].headers
    assert memory.requests[1].headers["If-None-Match"] == '"v7"'


def test_report_carries_key_manifest_and_pictures():
    seen: list[httpx.Request] = []
    violation_id = uuid4()

    def respond(request: httpx.Request) -> httpx.Response:
        request.read()
        seen.append(request)
        return httpx.Response(
            200, json={"violation_id": str(violation_id), "case_id": 3, "result": "joined_case", "url": "https://x/3"}
        )

    centre = Centre("https://centre.test", EDGE_ID, KEY, transport=httpx.MockTransport(respond))
    answer = centre.report(violation_id, b'{"a": 1}', {"original.jpg": b"\xff\xd8one", "overlay.jpg": b"\xff\xd8two"})
    assert answer.case_id == 3
    assert seen[0].headers["Idempotency-Key"] == str(violation_id)
    assert multipart(seen[0]) == {"manifest": b'{"a": 1}', "original": b"\xff\xd8one", "overlay": b"\xff\xd8two"}


def test_requests_prove_who_sends():
    memory = CentreInMemory()
    memory.client(clock=lambda: datetime.now(UTC).timestamp()).beat(BEAT)
    request = memory.requests[0]
    scheme, _, token = request.headers["Authorization"].partition(" ")
    assert (scheme, claimed_edge_id(token)) == ("Bearer", EDGE_ID)
    assert verify_edge_token(token, KEY.public_key(), "POST", "/api/v1/edge/heartbeats") == content_digest(request.content)


def test_a_report_is_proved_by_its_key():
    seen: list[httpx.Request] = []
    violation_id = uuid4()

    def respond(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(503)

    centre = Centre("https://centre.test/behind", EDGE_ID, KEY, transport=httpx.MockTransport(respond))
    with pytest.raises(CentreUnavailable):
        centre.report(violation_id, b"{}", {"original.jpg": b"one", "overlay.jpg": b"two"})
    token = seen[0].headers["Authorization"].removeprefix("Bearer ")
    proved = content_digest(str(violation_id).encode())
    assert verify_edge_token(token, KEY.public_key(), "POST", "/api/v1/edge/violations") == proved


def test_a_clip_that_takes_an_hour_to_a_proxy_that_keeps_it_until_it_is_whole_is_proved_still():
    """As nginx does, unless it is told otherwise: the centre sees the token when the last byte is there."""
    memory = CentreInMemory()
    client = memory.client(clock=lambda: datetime.now(UTC).timestamp() - 3600)
    memory.before = lambda _: problem(503)
    with pytest.raises(CentreUnavailable):
        client.report_clip(uuid4(), b"{}", None)
    token = memory.requests[0].headers["Authorization"].removeprefix("Bearer ")
    verify_edge_token(token, KEY.public_key(), "POST", "/api/v1/edge/clips")


def test_a_violation_tells_its_age_when_it_begins_so_it_must_not_take_long():
    memory = CentreInMemory()
    memory.before = lambda _: problem(503)
    with pytest.raises(CentreUnavailable):
        memory.client(clock=lambda: datetime.now(UTC).timestamp() - 400).report(uuid4(), b"{}", {})
    token = memory.requests[0].headers["Authorization"].removeprefix("Bearer ")
    with pytest.raises(EdgeTokenError):
        verify_edge_token(token, KEY.public_key(), "POST", "/api/v1/edge/violations")


def test_clocks_are_compared():
    centre = centre_that(httpx.Response(204, headers={"Date": "Fri, 01 May 2026 02:59:00 GMT"}))
    assert centre.clock_offset_s is None
    centre.beat(BEAT)
    assert centre.clock_offset_s == 60.0


def test_a_clock_that_is_set_while_the_centre_is_away_changes_nothing_of_its_time():
    away = httpx.Response(204, headers={"Date": "Fri, 01 May 2026 03:00:00 GMT"})
    clock, uptime = Clock(START.timestamp() - 36_000.0), Clock(50.0)
    centre = Centre(
        "https://centre.test", EDGE_ID, KEY, transport=httpx.MockTransport(lambda _: away), clock=clock, uptime=uptime
    )
    centre.beat(BEAT)
    assert (centre.clock_offset_s, centre.now()) == (-36_000.0, START.timestamp())
    clock.now += 36_060.0  # by the network's time, a minute later
    uptime.now += 60.0
    assert (centre.clock_offset_s, centre.wrong_by_s, centre.now()) == (0.0, 0.0, START.timestamp() + 60.0)


@pytest.mark.parametrize("clock", [datetime(1970, 1, 1, 0, 3, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)])
def test_with_a_clock_that_is_wrong_the_second_request_is_heard(clock: datetime):
    def respond(request: httpx.Request) -> httpx.Response:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        try:
            verify_edge_token(token, KEY.public_key(), "POST", "/api/v1/edge/heartbeats")
        except EdgeTokenError as error:
            answer = problem(401, str(error))
        else:
            answer = httpx.Response(204)
        answer.headers["Date"] = format_datetime(datetime.now(UTC), usegmt=True)
        return answer

    centre = Centre("https://centre.test", EDGE_ID, KEY, transport=httpx.MockTransport(respond), clock=clock.timestamp)
    with pytest.raises(CentreUnavailable, match="Set its clock"):
        centre.beat(BEAT)
    centre.beat(BEAT)
    assert abs(centre.now() - time.time()) < 5


ServeTls = Callable[[datetime, datetime], tuple[str, httpx.HTTPTransport]]


@pytest.fixture
def serve_tls(tmp_path: Path) -> Iterator[ServeTls]:
    """The address of an HTTPS server whose certificate holds between two moments, and a transport that trusts whoever made it."""
    servers: list[ThreadingHTTPServer] = []

    def serve(begins: datetime, ends: datetime) -> tuple[str, httpx.HTTPTransport]:
        key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "centre")])
        made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), begins, ends)
        made = made.add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        pem = tmp_path / "centre.pem"
        pem.write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            + made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
        )
        server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
        own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        own.load_cert_chain(pem)
        server.socket = own.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        transport = httpx.HTTPTransport(verify=ssl.create_default_context(cafile=pem))
        return f"https://127.0.0.1:{server.server_port}", transport

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("begins_in", "words"), [(1, "clock of this box is wrong: it says 1970-01-01"), (-2, "has run out. If that time is right")]
)
def test_a_certificate_that_does_not_hold_by_this_clock(
    serve_tls: ServeTls, begins_in: int, words: str
):
    begins = datetime.now(UTC) + timedelta(days=begins_in)
    url, transport = serve_tls(begins, begins + timedelta(days=1))
    centre = Centre(url, EDGE_ID, KEY, transport=transport, clock=lambda: 43200.0)
    with pytest.raises(WrongClock, match=words) as told:
        centre.beat(BEAT)
    assert "timedatectl set-ntp true" in str(told.value)
    assert "SSL" not in str(told.value)


def test_a_certificate_that_is_not_the_centres_is_told_in_words(serve_tls: ServeTls):
    url, _ = serve_tls(datetime.now(UTC) - timedelta(days=1), datetime.now(UTC) + timedelta(days=1))
    with pytest.raises(WrongCertificate, match=r"login page.*SSL_CERT_FILE.*要求登录认证"):
        Centre(url, EDGE_ID, KEY).beat(BEAT)


def test_a_wrong_clock_is_logged_also_after_the_network_was_away():
    failures: list[Exception] = [httpx.ConnectError("No route"), httpx.ConnectError("ssl"), httpx.ConnectError("ssl")]
    for one in failures[1:]:
        one.__cause__ = ssl.SSLCertVerificationError()
        one.__cause__.verify_code = 9

    def respond(request: httpx.Request) -> httpx.Response:
        raise failures.pop(0)

    centre = Centre("https://centre.test", EDGE_ID, KEY, transport=httpx.MockTransport(respond))
    with capture_logs() as logs:
        for _ in range(3):
            with pytest.raises(CentreUnreachable):
                centre.beat(BEAT)
    assert ["clock of this box is wrong" in entry["reason"] for entry in logs] == [False, True]


@pytest.mark.parametrize("status", [302, 307, 401, 405, 407, 511])
def test_what_the_network_answers_is_not_laid_to_the_centre(status: int):
    centre = centre_that(httpx.Response(status, headers={"Location": "http://login.example"}))
    with pytest.raises(CentreUnavailable, match=f"no centre of ours.*HTTP {status}.*login page"):
        centre.beat(BEAT)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>", headers={"Content-Type": "text/html"}),
        httpx.Response(302, headers={"Location": "http://login.example"}),
        httpx.Response(200),
        httpx.Response(502),
        httpx.Response(503, json={"error": "upstream"}),
    ],
)
def test_the_clock_of_a_login_page_or_gateway_counts_for_nothing(answer: httpx.Response):
    answer.headers["Date"] = "Fri, 01 May 2037 02:59:00 GMT"
    centre = centre_that(answer)
    with pytest.raises(CentreUnavailable):
        centre.beat(BEAT)
    assert (centre.clock_offset_s, centre.now()) == (None, START.timestamp())


def test_the_latest_picture_is_told_by_the_time_of_the_centre():
    taken: list[str] = []

    def respond(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/pictures"):
            taken.append(json.loads(request.read())["taken_at"])
        return httpx.Response(204, headers={"Date": "Fri, 01 May 2026 03:00:00 GMT"})

    clock = datetime(1970, 1, 1, tzinfo=UTC)
    transport = httpx.MockTransport(respond)
    centre = Centre("https://centre.test", EDGE_ID, KEY, transport=transport, clock=clock.timestamp, uptime=float)
    centre.beat(BEAT)
    centre.show("a", clock + timedelta(seconds=3), b"jpeg")
    assert taken == ["2026-05-01T03:00:03Z"]


@pytest.mark.parametrize("date", ["soon", "01 May 2026 03:00:00 +99999999999"])
def test_a_date_that_is_none_says_nothing_of_the_clock(date: str):
    centre = centre_that(httpx.Response(204, headers={"Date": date}))
    centre.beat(BEAT)
    assert centre.clock_offset_s is None


@pytest.mark.parametrize("off_s", [299, -299])
def test_a_clock_that_is_nearly_right_is_the_edges_own(off_s: int):
    date = format_datetime(START - timedelta(seconds=off_s), usegmt=True)
    centre = centre_that(httpx.Response(204, headers={"Date": date}))
    centre.beat(BEAT)
    assert centre.now() == START.timestamp()


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("https://centre.example/", "https://centre.example"),
        (" http://127.0.0.1:8000 ", "http://127.0.0.1:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("https://centre.example/sunshine", "https://centre.example/sunshine"),
    ],
)
def test_address_of_a_centre(given: str, url: str):
    assert checked_centre_url(given) == url


@pytest.mark.parametrize(
    "given",
    [
        "", "centre.example", "ftp://centre.example", "https://", "https://a:b", "http://[::1", "https://..", "https://xn--/",
        "https://a\udcff/", "https://a/\udcff", "https://a\x01b/", "https://" + 64 * "a", "https://a/" + 70_000 * "b",
    ],
    ids=lambda given: ascii(given)[:20],
)
def test_no_address_of_a_centre(given: str):
    with pytest.raises(CentreUrlError, match="must look like"):
        checked_centre_url(given)


@pytest.mark.parametrize("proxy", ["socks5://me:hunter2@127.0.0.1:7890", "socks://me:hunter2@127.0.0.1:7890/", "http://[::1"])
def test_a_proxy_that_cannot_be_used_is_told_in_a_sentence(proxy: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(CentreUrlError, match="ALL_PROXY") as failure:
        Centre("https://centre.example")
    assert "hunter2" not in str(failure.value)
    Centre("http://127.0.0.1:8000").close()


def test_certificates_that_are_not_there_are_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    with pytest.raises(CentreUrlError, match="SSL_CERT_FILE"):
        Centre("https://centre.example")


def test_address_with_a_password():
    with pytest.raises(CentreUrlError, match="must not hold") as raised:
        checked_centre_url("https://user:geheim@centre.example")
    assert "geheim" not in str(raised.value)


@pytest.mark.parametrize("host", ["10.0.0.5", "centre.example", "localhost.example.com"])
def test_plain_http_elsewhere_only_when_asked_for(host: str):
    with pytest.raises(CentreUrlError, match="Use https, or add --allow-http"):
        checked_centre_url(f"http://{host}:8000")
    assert checked_centre_url(f"http://{host}:8000", allow_http=True) == f"http://{host}:8000"


def logged(*answers: httpx.Response | Exception) -> list[str]:
    """The log of as many heartbeats."""
    left = list(answers)

    def respond(request: httpx.Request) -> httpx.Response:
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    centre = Centre("https://centre.test", EDGE_ID, KEY, transport=httpx.MockTransport(respond), clock=START.timestamp)
    with capture_logs() as logs:
        for _ in answers:
            with suppress(CentreError):
                centre.beat(BEAT)
    return [line["event"] for line in logs]


def test_centre_that_goes_away_is_logged_once_and_once_when_it_is_back():
    away = httpx.ConnectError("refused")
    ok = httpx.Response(204)
    assert logged(ok, away, away, httpx.ReadTimeout("slow"), ok, ok) == ["centre_unreachable", "centre_reachable_again"]


def test_an_open_question_that_a_router_cuts_off_does_not_say_that_the_centre_is_away():
    """It would be said twice a minute, and taken back at once by the next heartbeat."""
    centre = centre_that(httpx.ReadTimeout("cut off"))
    with capture_logs() as logs, pytest.raises(CentreUnreachable):
        centre.next_trial()
    assert logs == []


def test_an_older_centre_is_told_nothing_that_it_does_not_know():
    """It refuses fields that it has no name for."""
    centre = CentreInMemory(before=lambda request: httpx.Response(204))
    centre.client().tell_trial(TrialAnswer(trial_id="trial-1", url="rtsp://192.0.2.7/x", fault=StreamFault.TIMEOUT))
    assert json.loads(centre.requests[0].content) == {"trial_id": "trial-1", "url": "rtsp://192.0.2.7/x", "fault": "timeout"}


def test_obstacle_is_logged_once_for_each_change():
    assert logged(problem(507, "Full."), problem(507, "Full."), problem(503, "Busy."), httpx.Response(204)) == [
        "centre_does_not_take", "centre_does_not_take", "centre_takes_again",
    ]


def test_refusal_is_no_obstacle():
    assert logged(problem(422), problem(500), httpx.Response(204)) == []


def test_a_connection_lasts_from_one_heartbeat_to_the_next_and_the_centre_does_not_close_it_meanwhile():
    assert heartbeat.INTERVAL_S < KEPT_S < IDLE_S < connections.HEAD_S
