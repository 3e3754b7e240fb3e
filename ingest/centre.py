"""The centre as an edge sees it: its eight requests."""

import base64
import ipaddress
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import BinaryIO, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import BaseModel

from contract.cameras import EdgeConfig
from contract.edge_auth import CLIP_LIFETIME_S, CLOCK_LEEWAY_S, LIFETIME_S, make_edge_token
from contract.edges import AGE, ClipAnswer, EnrolAnswer, EnrolRequest, Heartbeat, LatestPicture, ReportAnswer
from contract.evidence import CLIP
from contract.trials import Trial, TrialAnswer, TrialQuestion
from ingest.centre_errors import (
    CentreError,
    CentreUnavailable,
    CentreUnreachable,
    WrongCertificate,
    WrongClock,
    failure,
    is_own,
    not_a_centre,
    parsed,
)
from ingest.uptime import uptime_s

API = "/api/v1"
TIMEOUT = httpx.Timeout(10, read=30, write=60)
# A connection lasts from one heartbeat to the next: a new one costs 3 kB with its certificates, 34 MB a day of somebody's mobile
# data (two requests every 15 s). Shorter than centres and proxies keep one, so that none is used just as it is being closed.
KEPT_S = 20.0
# Many a router cuts it off before the centre answers: whether that is there, the requests show that are sent four times a minute.
OPEN_QUESTION = "/edge/trials/next"
HEARTBEATS = "/edge/heartbeats"
SET_THE_CLOCK = (
    "Set the clock of this box and let the network keep it (NTP; Linux: timedatectl set-ntp true, Windows: w32tm /resync); where "
    "it is wrong after every power cut, the battery on its board is empty. Nothing is lost: all is sent when the clock is right. "
    "请校准本机时钟并开启网络校时（NTP）；若每次断电后都不准，请更换主板电池。证据不会丢失，时钟校准后自动补传。"
)
# X509_V_ERR_CERT_NOT_YET_VALID and _HAS_EXPIRED of OpenSSL.
_OUT_OF_TIME = {
    9: "The clock of this box is wrong: it says {here}, when the certificate of the centre at {url} does not hold yet.",
    10: "By the clock of this box, which says {here}, the certificate of the centre at {url} has run out. If that time is right, "
    "whoever runs the centre must renew it.",
}
_NOT_TRUSTED = (
    "What answers at {url} does not show a certificate of the centre that this box trusts. Look on the way there for a login "
    "page of the network, or a firewall that opens encrypted connections. If the centre's certificate is of an authority of your "
    "own, name its file in SSL_CERT_FILE; whoever runs the centre checks that the chain is complete. "
    "应答方没有出示本机信任的中心证书。请检查网络是否要求登录认证，或途中有解密流量的防火墙；"
    "如中心使用自建机构的证书，请在 SSL_CERT_FILE 中指定该机构的证书文件；并请中心管理员检查证书链是否完整。"
)

OfViolation = TypeVar("OfViolation", ReportAnswer, ClipAnswer)
log = structlog.get_logger(__name__)


class CentreUrlError(ValueError):
    """An address that is no usable address of a centre, or a way there that is none; the message says what to do."""


def checked_centre_url(url: str, allow_http: bool = False) -> str:
    """The address without a trailing slash. Raises CentreUrlError.

    Plain http is taken on this machine only: elsewhere pictures of people and the edge's tokens would travel in the clear.
    """
    try:
        parts = urlsplit(url.strip())
        host, _ = parts.hostname, parts.port
        # What httpx, or the socket below it, would only refuse at the first request.
        httpx.URL(url.strip()).host.encode("idna")
    except (ValueError, httpx.InvalidURL):
        host = None
    if not host or parts.scheme not in ("http", "https"):
        raise CentreUrlError("The centre's address must look like https://centre.example or http://127.0.0.1:8000.")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise CentreUrlError("The centre's address must not hold a user, a password, a query or a fragment.")
    if parts.scheme == "http" and not is_loopback(host) and not allow_http:
        raise CentreUrlError(
            f"{host} would be reached over plain http, where anyone on the way can read pictures and take the edge's place. "
            "Use https, or add --allow-http in a network of your own."
        )
    return url.strip().rstrip("/")


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


class Centre:
    """A client that several threads may share. What keeps its requests from getting through is logged once for each change.
    Raises CentreUrlError when the environment names a proxy or certificates that cannot be used.

    `machine_started`: when this machine was, by the centre's clock as it was at the last answer (seconds since 1970, resolution
    1 s, the Date header's); None until the centre has answered.
    """

    def __init__(
        self, url: str, edge_id: str | None = None, key: Ed25519PrivateKey | None = None,
        *, transport: httpx.BaseTransport | None = None, clock: Callable[[], float] = time.time,
        uptime: Callable[[], float] = uptime_s,
    ) -> None:
        self.url = url
        self.machine_started: float | None = None
        self._edge_id = edge_id
        self._key = key
        self._clock, self._uptime = clock, uptime
        self._lock = threading.Lock()
        self._away: type[CentreUnreachable] | None = None
        self._obstacles: dict[str, str] = {}
        self._client = _client(url, transport)

    def now(self) -> float:
        """The edge's clock; the centre's, once that one has shown it to be further off than the centre lets pass: an edge that is
        heard with a wrong clock loses nothing, and somebody can be told of it."""
        return self._clock() - self.wrong_by_s

    @property
    def clock_offset_s(self) -> float | None:
        """This box's clock minus the centre's, also where it was set since the centre has answered: days may go by until it does
        again. None until it has."""
        return None if self.machine_started is None else round(self._clock() - self._uptime() - self.machine_started, 3)

    @property
    def wrong_by_s(self) -> float:
        """By how much the edge's clock is ahead, where that is more than the centre lets pass."""
        offset_s = self.clock_offset_s or 0.0
        return offset_s if abs(offset_s) > CLOCK_LEEWAY_S else 0.0

    @property
    def is_away(self) -> bool:
        """Whether not even what is small gets through, such as a heartbeat."""
        with self._lock:
            return self._away is not None or HEARTBEATS in self._obstacles

    def enrol(self, request: EnrolRequest) -> EnrolAnswer:
        """Raises CentreError, which whoever enrols is shown: it is not logged as well."""
        return parsed(EnrolAnswer, self._send("POST", "/edges/enroll", json=request.model_dump(mode="json")))

    def config(self, known_version: str | None) -> EdgeConfig | None:
        """The cameras, zones and rules; None when `known_version` is still the current one. Raises CentreError."""
        headers = {"If-None-Match": f'"{known_version}"'} if known_version is not None else {}
        with self._link("/edge/config") as path:
            response = self._send("GET", path, headers=headers)
            return None if response.status_code == 304 else parsed(EdgeConfig, response)

    def report(self, violation_id: UUID, manifest: bytes, pictures: dict[str, bytes], age_s: float | None = None) -> ReportAnswer:
        """Send one violation; `pictures` are JPEG files by their names in the manifest, taken `age_s` ago. Raises CentreError."""
        parts = {"manifest": ("manifest.json", manifest, "application/json")}
        for name, content in pictures.items():
            parts[name.removesuffix(".jpg")] = (name, content, "image/jpeg")
        with self._link("/edge/violations") as path:
            headers = {"Idempotency-Key": str(violation_id)} | ({} if age_s is None else {AGE: f"{age_s:.3f}"})
            response = self._send("POST", path, headers=headers, files=parts)
            return _about(violation_id, parsed(ReportAnswer, response))

    def report_clip(self, violation_id: UUID, manifest: bytes, clip: BinaryIO | None) -> ClipAnswer:
        """Send the clip of a violation that was sent before, or the word that there is none (None). Raises CentreError."""
        parts: dict[str, tuple[str, bytes | BinaryIO, str]] = {"manifest": ("manifest.json", manifest, "application/json")}
        if clip is not None:
            parts["clip"] = (CLIP, clip, "video/mp4")
        with self._link("/edge/clips") as path:
            headers = {"Idempotency-Key": str(violation_id)}
            response = self._send("POST", path, headers, CLIP_LIFETIME_S, files=parts)
            return _about(violation_id, parsed(ClipAnswer, response))

    def beat(self, heartbeat: Heartbeat) -> None:
        """Raises CentreError."""
        self._tell(HEARTBEATS, heartbeat)

    def show(self, camera_id: str, taken_at: datetime, jpeg: bytes) -> None:
        """The latest picture of a camera. Raises CentreError."""
        taken_at -= timedelta(seconds=self.wrong_by_s)
        picture = LatestPicture(camera_id=camera_id, taken_at=taken_at, jpeg=base64.b64encode(jpeg))
        self._tell("/edge/pictures", picture)

    def next_trial(self) -> Trial | None:
        """A camera to try, or to find. The centre keeps the request open for a while; None when nobody wanted
        one. Raises CentreError."""
        with self._link(OPEN_QUESTION) as path:
            response = self._send("POST", path, json=TrialQuestion(finds=True).model_dump())
            return None if response.status_code == 204 else parsed(Trial, response)

    def tell_trial(self, answer: TrialAnswer) -> None:
        """Raises CentreError; CentreRefused when nobody waits for it any more."""
        with self._link("/edge/trials/answers") as path:
            # What an older centre does not know, such as `found`, is not told where it is nothing.
            self._send("POST", path, json=answer.model_dump(mode="json", exclude_none=True))

    def close(self) -> None:
        self._client.close()

    def _tell(self, address: str, message: BaseModel) -> None:
        """What is answered with nothing. Raises CentreError."""
        with self._link(address) as path:
            response = self._send("POST", path, json=message.model_dump(mode="json"))
            if response.status_code != 204:
                raise CentreUnavailable(not_a_centre(response))

    def _send(
        self, method: str, path: str, headers: dict[str, str] | None = None, lifetime_s: int = LIFETIME_S, **content: object
    ) -> httpx.Response:
        request = self._client.build_request(method, path, headers=headers, **content)  # type: ignore[arg-type]
        if self._edge_id is not None and self._key is not None:
            key = request.headers.get("Idempotency-Key")
            proved = request.read() if key is None else key.encode()
            token = make_edge_token(self._edge_id, self._key, method, API + path, proved, self.now(), lifetime_s)
            request.headers["Authorization"] = f"Bearer {token}"
        try:
            response = self._client.send(request)
        except httpx.HTTPError as error:
            if (code := _verify_code(error)) in _OUT_OF_TIME:
                here = datetime.fromtimestamp(self._clock()).astimezone()
                words = _OUT_OF_TIME[code].format(url=self.url, here=f"{here:%Y-%m-%d %H:%M %z}")
                raise WrongClock(f"{words} {SET_THE_CLOCK}") from error
            if code is not None:
                raise WrongCertificate(_NOT_TRUSTED.format(url=self.url)) from error
            raise CentreUnreachable(
                f"The centre at {self.url} cannot be reached ({type(error).__name__}: {error}). "
                "Check the address, the network and the clock of this box, and that the centre runs."
            ) from error
        self._compare_clocks(response)
        if response.is_success or response.status_code == 304:
            return response
        raise failure(response)

    @contextmanager
    def _link(self, path: str) -> Iterator[str]:
        """Watches one request."""
        try:
            yield path
        except CentreError as error:
            self._note(path, error)
            raise
        self._note(path, None)

    def _note(self, path: str, error: CentreError | None) -> None:
        with self._lock:
            if isinstance(error, CentreUnreachable):
                if path == OPEN_QUESTION:
                    return
                if self._away is not type(error):
                    log.warning("centre_unreachable", reason=str(error))
                self._away = type(error)
                return
            if self._away is not None:
                self._away = None
                log.info("centre_reachable_again")
            obstacle = str(error) if isinstance(error, CentreUnavailable) else None
            if obstacle == self._obstacles.get(path):
                return
            if obstacle is None:
                del self._obstacles[path]
                log.info("centre_takes_again", request=path)
            else:
                self._obstacles[path] = obstacle
                log.warning("centre_does_not_take", request=path, reason=obstacle)

    def _compare_clocks(self, response: httpx.Response) -> None:
        if not is_own(response):
            return  # of a login page of the network, or a gateway, with whatever time its box has
        try:
            centre_time = parsedate_to_datetime(response.headers["Date"]).timestamp()
        except (KeyError, ValueError, OverflowError):
            return
        self.machine_started = centre_time - self._uptime()


def _client(url: str, transport: httpx.BaseTransport | None) -> httpx.Client:
    # A company proxy is used for a centre far away, never for one on this machine.
    trust_env = not is_loopback(urlsplit(url).hostname or "")
    try:
        limits = httpx.Limits(keepalive_expiry=KEPT_S)
        return httpx.Client(base_url=url + API, timeout=TIMEOUT, transport=transport, trust_env=trust_env, limits=limits)
    except OSError as error:
        raise CentreUrlError(f"The certificates that SSL_CERT_FILE or SSL_CERT_DIR names cannot be used: {error}.") from error
    except (ImportError, ValueError, httpx.InvalidURL):  # the cause would quote the proxy, perhaps with a password
        raise CentreUrlError(
            "The proxy that HTTPS_PROXY, HTTP_PROXY or ALL_PROXY names cannot be used to reach the centre. Name one that begins "
            "with http:// or https://, or take the variable out; SOCKS is not spoken."
        ) from None


def _verify_code(error: BaseException | None) -> int | None:
    """Why OpenSSL does not take the certificate; None where that is not what went wrong."""
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return None if error is None else error.verify_code


def _about(violation_id: UUID, answer: OfViolation) -> OfViolation:
    if answer.violation_id != violation_id:
        raise CentreUnavailable("The centre answered about another violation than the one it was told.")
    return answer
