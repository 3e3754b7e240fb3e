"""One receiver of the RTSP server: its requests (RFC 2326), and the packets on their way to it."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ingest import rtp
from ingest.rtp import AccessUnit

if TYPE_CHECKING:
    from ingest.rtsp_server import RtspServer

REPORT_EVERY_S = 5.0  # the usual RTCP interval (RFC 3550, section 6.2)
SESSION_TIMEOUT_S = 60  # the default of RFC 2326, section 12.37
MAX_BODY = 64 * 1024
# A receiver that is this far behind (several seconds of a 4 Mb/s camera) misses pictures up to the next key frame.
MAX_UNSENT = 4 * 1024 * 1024

REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Request Entity Too Large",
    454: "Session Not Found",
    461: "Unsupported Transport",
}
METHODS = ("OPTIONS", "DESCRIBE", "SETUP", "PLAY", "GET_PARAMETER", "SET_PARAMETER", "TEARDOWN")


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    url: str
    headers: dict[str, str]  # names in lower case


@dataclass(slots=True)
class Response:
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""

    def encode(self, cseq: str) -> bytes:
        headers = {"CSeq": cseq, **self.headers}
        if self.body:
            headers["Content-Length"] = str(len(self.body.encode()))
        lines = [f"RTSP/1.0 {self.status} {REASONS.get(self.status, 'Error')}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n" + self.body).encode()


class Connection:
    """One receiver: its requests, and the packets on their way to it."""

    def __init__(self, server: RtspServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer
        self._nonce = secrets.token_hex(16)
        self._session = secrets.token_hex(8)
        self._channels: tuple[int, int] | None = None
        self._udp: tuple[tuple[str, int], tuple[str, int]] | None = None
        self._sender = rtp.RtpSender(server.clip.codec)
        self._needs_keyframe = True
        self._reported = float("-inf")
        self.playing = False

    def close(self) -> None:
        self.playing = False
        self._writer.close()

    def abort(self) -> None:
        self.playing = False
        self._writer.transport.abort()

    async def serve(self) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
            while not self._writer.is_closing():
                # A receiver over UDP must say now and then that it is there; over TCP a dead one is noticed by itself.
                async with asyncio.timeout(None if self.playing and self._channels else 2 * SESSION_TIMEOUT_S):
                    request = await self._read()
                if request is None:
                    self._writer.write(Response(400).encode("0"))
                    return
                self._writer.write(self._answer(request).encode(request.headers.get("cseq", "0")))
                if request.method == "PLAY":
                    self._server.watch_changed()
                if request.method == "TEARDOWN":
                    return

    async def _read(self) -> Request | None:
        first = await self._reader.readexactly(1)
        while first == b"$":  # the receiver's own RTCP, interleaved
            head = await self._reader.readexactly(3)
            await self._reader.readexactly(int.from_bytes(head[1:], "big"))
            first = await self._reader.readexactly(1)
        text = (first + await self._reader.readuntil(b"\r\n\r\n")).decode("utf-8", "replace").lstrip()
        line, *rest = text.split("\r\n")
        words = line.split(" ")
        if len(words) != 3 or words[2] != "RTSP/1.0":
            return None
        headers = {name.strip().lower(): value.strip() for name, _, value in (h.partition(":") for h in rest) if name}
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > MAX_BODY:
            return None
        await self._reader.readexactly(int(length))
        return Request(words[0], words[1], headers)

    def _answer(self, request: Request) -> Response:
        server = self._server
        if (own := server.answer(request)) is not None:
            return own
        if request.method not in METHODS:
            return Response(405, {"Allow": ", ".join(METHODS)})
        if request.method == "OPTIONS":
            return Response(headers={"Public": ", ".join(METHODS)})
        if not server.authorised(request, self._nonce):
            return Response(401, {"WWW-Authenticate": server.challenge(self._nonce)})
        try:
            path = urlsplit(request.url).path.rstrip("/")
        except ValueError:  # "rtsp://["
            return Response(404)
        if path not in (server.mount.rstrip("/"), server.mount.rstrip("/") + "/trackID=0"):
            return Response(404)
        if request.method == "DESCRIBE":
            headers = {"Content-Type": "application/sdp", "Content-Base": server.url + "/"}
            return Response(headers=headers, body=server.sdp())
        if request.method == "SETUP":
            return self._set_up(request.headers.get("transport", ""))
        if request.headers.get("session", "").partition(";")[0] != self._session:
            return Response(454)
        headers = {"Session": self._session}
        if request.method == "PLAY":
            self.playing = True
            headers |= {"Range": "npt=now-", "RTP-Info": f"url={server.url}/trackID=0;seq={self._sender.sequence}"}
        return Response(headers=headers)

    def _set_up(self, transport: str) -> Response:
        session = {"Session": f"{self._session};timeout={SESSION_TIMEOUT_S}"}
        for offer in transport.split(","):
            profile, *rest = offer.strip().split(";")
            options = dict(part.partition("=")[::2] for part in rest)
            try:
                if profile.upper() == "RTP/AVP/TCP":
                    first, second = _pair(options.get("interleaved", "0-1"), 255)
                    self._channels, self._udp = (first, second), None
                    chosen = f"RTP/AVP/TCP;unicast;interleaved={first}-{second}"
                    return Response(headers=session | {"Transport": chosen})
                if profile.upper() in ("RTP/AVP", "RTP/AVP/UDP") and "client_port" in options:
                    first, second = _pair(options["client_port"], 65_535)
                    host = self._writer.get_extra_info("peername")[0]
                    self._channels, self._udp = None, ((host, first), (host, second))
                    mine = "-".join(map(str, self._server.udp_ports))
                    chosen = f"RTP/AVP;unicast;client_port={first}-{second};server_port={mine}"
                    return Response(headers=session | {"Transport": chosen})
            except ValueError:
                continue
        return Response(461)

    def send(self, unit: AccessUnit) -> None:
        if not self.playing or self._writer.is_closing():
            return
        if self._writer.transport.get_write_buffer_size() > MAX_UNSENT:
            self._needs_keyframe = True
        if self._needs_keyframe and not unit.keyframe:
            return
        self._needs_keyframe = False
        packets = self._server.outgoing(self._sender.packets(unit), unit)
        report = b""
        if unit.pts_s - self._reported >= REPORT_EVERY_S:
            self._reported = unit.pts_s
            report = self._sender.sender_report(unit.pts_s, time.time())
        if self._channels:
            framed = [_interleaved(self._channels[0], packet) for packet in packets]
            if report:
                framed.append(_interleaved(self._channels[1], report))
            self._writer.write(b"".join(framed))
        elif self._udp and self._server.rtp_socket and self._server.rtcp_socket:
            for packet in packets:
                self._server.rtp_socket.sendto(packet, self._udp[0])
            if report:
                self._server.rtcp_socket.sendto(report, self._udp[1])


def _pair(text: str, limit: int) -> tuple[int, int]:
    first, _, second = text.partition("-")
    pair = int(first), int(second or int(first) + 1)
    if not all(0 <= number <= limit for number in pair):
        raise ValueError(text)
    return pair


def _interleaved(channel: int, packet: bytes) -> bytes:
    return b"$" + bytes([channel]) + len(packet).to_bytes(2, "big") + packet
