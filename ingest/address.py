"""Camera addresses: taken apart, with user and password kept away from the URL, and made harmless for logs."""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass, field, replace
from typing import Literal
from urllib.parse import quote, unquote

from contract.cameras import LONGEST_URL

Kind = Literal["rtsp", "file", "webcam"]

HIDDEN = "***"
RTSP_SCHEMES = ("rtsp", "rtsps")
MAX_PORT = 65_535
# FFmpeg keeps "user:password", percent-encoded, in a buffer of 128 bytes (libavformat/rtsp.c, ff_rtsp_connect).
MAX_CREDENTIALS = 127
# The bytes that would end or split user and password in a URL, or that FFmpeg would take for an escape.
_RESERVED = "%@:/?#[]\\\"'<>&;"

_WEBCAM = re.compile(r"/dev/video\d+")
_HOST_NAME = re.compile(r"(?!-)[\w.-]{1,253}(?<![-.])\.?", re.UNICODE)
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f]")
# From the scheme to the last @ of the word, or of "user:pass word@": rather too much than a part of a password.
_USERINFO = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)(?:[^\s/:@]+:[^\n/]*@|\S*@)")
# Some makers put the login into the path or the query: rtsp://host/user=admin&password=x&channel=1
_FIELDS = re.compile(r"(?i)\b(user(?:name)?|passw(?:or)?d|pwd|token|auth)=[^&\s\"'<>]*")
_AUTHORISATION = re.compile(r"(?i)\b((?:proxy-)?authorization:\s*)[^\r\n]*")


def redact(text: str, *secrets: str | None) -> str:
    """The text without credentials: those of any URL in it, of login headers and fields, and the given secrets."""
    # A secret of one to three characters would shred every word; outside of a URL it gives nothing away.
    for secret in sorted((s for s in secrets if s and len(s) > 3), key=len, reverse=True):
        for form in {secret, quote(secret, safe=""), _escape(secret)}:
            text = text.replace(form, HIDDEN)
    text = _USERINFO.sub(rf"\1{HIDDEN}@", text)
    text = _AUTHORISATION.sub(rf"\1{HIDDEN}", text)
    return _FIELDS.sub(rf"\1={HIDDEN}", text)


class BadAddress(ValueError):
    """The text is no camera address; the message says what is wrong with it, without credentials."""


@dataclass(frozen=True, slots=True, repr=False)
class CameraAddress:
    """Where a camera is. `str()` and `repr()` are safe to print.

    Attributes:
        url: rtsp://host:port/path without user and password, a file path, or /dev/videoN.
        ambiguous: user and password were cut out of an address that can be read in more than one way.
    """

    kind: Kind
    url: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ambiguous: bool = False

    @property
    def host(self) -> str:
        """Host of an rtsp address, without brackets; "" for other kinds."""
        return _host_and_port(_authority(self.url))[0] if self.kind == "rtsp" else ""

    @property
    def port(self) -> int:
        default = 322 if self.url.lower().startswith("rtsps:") else 554  # IANA
        return _host_and_port(_authority(self.url))[1] or default

    def at(self, ip: str) -> CameraAddress:
        """The same, with the host of an rtsp address replaced by one of its IP addresses."""
        scheme, _, rest = self.url.partition("://")
        authority = _authority(self.url)
        port = _host_and_port(authority)[1]
        host = f"[{ip}]" if ":" in ip else ip
        return replace(self, url=f"{scheme}://{host}{'' if port is None else f':{port}'}{rest[len(authority):]}")

    def with_credentials(self) -> str:
        """The URL as FFmpeg needs it. For FFmpeg alone: never print it."""
        if self.kind != "rtsp" or self.username is None:
            return self.url
        scheme, _, rest = self.url.partition("://")
        return f"{scheme}://{_escape(self.username)}:{_escape(self.password or '')}@{rest}"

    def __str__(self) -> str:
        return _FIELDS.sub(rf"\1={HIDDEN}", self.url)

    def __repr__(self) -> str:
        return f"CameraAddress({str(self)!r})"


def parse_address(text: str, username: str | None = None, password: str | None = None) -> CameraAddress:
    """Takes an address apart.

    Args:
        text: rtsp:// or rtsps://, /dev/videoN, or the path of a file; may hold user and password, percent-encoded
            or, as people type them, plain. Of several @ the last one that can end a password does.
        username, password: given apart; they win over those in the address.

    Raises:
        BadAddress: it is none of these.
    """
    text = text.strip()
    # Of the whole text, so that nothing longer is taken apart; a password is far shorter.
    if len(text) > LONGEST_URL:
        raise BadAddress(f"It is longer than the {LONGEST_URL} characters that can be kept.")
    if _WEBCAM.fullmatch(text):
        return CameraAddress("webcam", text)
    scheme, separator, rest = text.partition("://")
    if not separator:
        # Not Path.is_file(): that fails on a name too long for the file system, or in a folder that is closed to us.
        if os.path.isfile(text):
            return CameraAddress("file", text)
        raise BadAddress("It is neither an rtsp:// address, nor a webcam such as /dev/video0, nor a file that exists.")
    if scheme.lower() not in RTSP_SCHEMES:
        raise BadAddress(f"Addresses that begin with {redact(scheme)[:20]}:// are not read; give one with rtsp://.")
    userinfo, location, ambiguous = _split_userinfo(rest)
    if userinfo is not None:
        name, colon, secret = userinfo.partition(":")
        username = unquote(name) if username is None else username
        password = unquote(secret) if password is None and colon else password
    if not _is_authority(_authority("//" + location)):
        raise BadAddress("The host or the port is missing or wrong." + (_HINT if ambiguous else ""))
    if _UNPRINTABLE.search(location) or any(_UNPRINTABLE.search(word.replace(" ", "")) for word in (username, password) if word):
        raise BadAddress("It holds a space or a control character." + (_HINT if ambiguous else ""))
    address = CameraAddress("rtsp", f"{scheme.lower()}://{location}", username or None, password, ambiguous)
    if len(f"{_escape(username or '')}:{_escape(password or '')}".encode()) > MAX_CREDENTIALS:
        raise BadAddress(f"User and password are longer than the {MAX_CREDENTIALS} bytes that can be sent; choose shorter ones.")
    return address


_HINT = " A password with @ : / # ? is best given apart from the address."


def _escape(text: str) -> str:
    # Bytes above ASCII stay as they are: FFmpeg takes them, and escaping would use up its small buffer.
    return "".join(f"%{ord(c):02X}" if c in _RESERVED or c <= " " or c == "\x7f" else c for c in text)


def _authority(url: str) -> str:
    return re.split(r"[/?#]", url.partition("//")[2], maxsplit=1)[0]


def _host_and_port(authority: str) -> tuple[str, int | None]:
    if authority.startswith("["):
        host, _, port = authority[1:].partition("]")
        port = port.removeprefix(":")
    else:
        host, _, port = authority.partition(":")
    return host, int(port) if port.isdecimal() else None


def _is_authority(text: str) -> bool:
    """Whether a text can be host or host:port."""
    if match := re.fullmatch(r"\[([0-9A-Fa-f:.]+)\](?::(\d{1,5}))?", text):
        try:
            ipaddress.IPv6Address(match[1])
        except ValueError:
            return False
        return match[2] is None or 0 < int(match[2]) <= MAX_PORT
    host, colon, port = text.partition(":")
    if colon and not (port.isdecimal() and len(port) <= 5 and 0 < int(port) <= MAX_PORT):
        return False
    return bool(_HOST_NAME.fullmatch(host))


def _split_userinfo(rest: str) -> tuple[str | None, str, bool]:
    """(user and password, host and path, whether other readings are possible) of what follows the scheme."""
    authority = _authority("//" + rest)
    userinfo, at, host = authority.rpartition("@")
    standard = (userinfo if at else None), rest[len(userinfo) + len(at) :]
    later = [i for i, c in enumerate(rest) if c == "@" and i >= len(authority)]
    if not later:
        return *standard, "@" in userinfo
    # An @ behind the first slash is a part of the path where a full host name or an address stands before that slash
    # (with no user before it, any host will do); else the slash is taken for a part of the password.
    surely_host = _is_authority(host) and ("." in host or host[:1] == "[" or host.startswith("localhost"))
    if surely_host or (not at and _is_authority(host) and ":" not in host):
        return *standard, bool(at)
    for index in reversed(later):
        if _is_authority(_authority("//" + rest[index + 1 :])):
            return rest[:index], rest[index + 1 :], True
    return *standard, True
