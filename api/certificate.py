"""The files with which the centre itself speaks HTTPS: checked at the start, and taken up again when they were renewed."""

import asyncio
import ssl
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from cryptography import x509

log = structlog.get_logger(__name__)
LOOK_EVERY_S = 60.0
# What renews certificates by itself does so a month before their end.
_SOON = timedelta(days=14)


class CertificateUnusable(Exception):
    """HTTPS cannot be spoken with these files."""


def check_files(certificate: Path, key: Path) -> None:
    """Raises CertificateUnusable: told before anything else is done, in words."""
    try:
        for path in (certificate, key):
            path.read_bytes()
        # With a password, so that none is asked for: a centre starts without anybody there.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except ssl.SSLError as error:
        raise CertificateUnusable(
            f"{certificate} and {key} cannot be used: name a certificate and its key, two PEM files "
            "that belong together, the key without a password (--tls-certificate, --tls-key)."
        ) from error
    except OSError as error:
        words = f"{error.filename} cannot be read ({error.strerror}). Name another file, or let it be read."
        raise CertificateUnusable(words) from error


def said_of_its_end(certificate: Path, at: datetime) -> str | None:
    """What is to be told about when it ends; None where that is some time yet."""
    end = x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc
    if end - at > _SOON:
        return None
    ends = "ended" if end <= at else "ends"
    return f"The certificate {certificate} {ends} on {end:%Y-%m-%d}; then browsers and edges refuse the centre. Renew it."


class Renewing:
    """Has connections that begin from now on use the files as they are, once they were changed; `tell` gets a line when their end
    comes near, and when it has come: what renews them may have failed for months."""

    def __init__(
        self, context: ssl.SSLContext, certificate: Path, key: Path, clock: Callable[[], datetime], tell: Callable[[str], None]
    ) -> None:
        self._context = context
        self._files = certificate, key
        self._seen = self._stamps()
        self._clock, self._tell = clock, tell
        self._told: str | None = None

    async def look(self, _stopping: asyncio.Event | None = None) -> None:
        """Raises CertificateUnusable or OSError, and keeps to what it has: one of the two may be written a moment later."""
        stamps = self._stamps()
        if stamps != self._seen:
            check_files(*self._files)
            self._context.load_cert_chain(*self._files)
            self._seen = stamps
            log.info("the certificate was renewed", file=str(self._files[0]))
        before, self._told = self._told, said_of_its_end(self._files[0], self._clock())
        if self._told is not None and self._told != before:
            self._tell(self._told)

    def _stamps(self) -> list[tuple[int, int]]:
        return [(found.st_ino, found.st_mtime_ns) for found in (path.stat() for path in self._files)]
