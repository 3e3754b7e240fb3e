"""Typed causes: why a camera could not be looked at, from FFmpeg's errors."""

from __future__ import annotations

import errno
from typing import Literal

import av
import av.error

from contract.edges import StreamFault
from contract.faults import FAULT_TEXTS
from ingest.address import redact

Language = Literal["zh", "en"]


class SourceError(Exception):
    """A camera, webcam or file could not be looked at.

    Attributes:
        fault: why, in the words that edge and centre share.
        detail: what the library said, without credentials; for logs.
    """

    def __init__(self, fault: StreamFault, detail: str = "") -> None:
        self.fault = fault
        self.detail = redact(detail)
        super().__init__(f"{FAULT_TEXTS[fault].en} ({self.detail})" if self.detail else FAULT_TEXTS[fault].en)


def explain(fault: StreamFault, language: Language) -> str:
    """A sentence for people: what is wrong, and what to do next."""
    return FAULT_TEXTS[fault].zh if language == "zh" else FAULT_TEXTS[fault].en


# The first row that fits decides; the built-in classes come last, since FFmpeg's own errors derive from them.
_BY_TYPE: tuple[tuple[type[BaseException], StreamFault], ...] = (
    (av.error.HTTPUnauthorizedError, StreamFault.WRONG_PASSWORD),
    (av.error.HTTPForbiddenError, StreamFault.WRONG_PASSWORD),
    (av.error.HTTPNotFoundError, StreamFault.NOT_FOUND),
    # The login was taken, but there is no video to set up (454), the transport does not suit (461), and the like.
    (av.error.HTTPOtherClientError, StreamFault.NO_PICTURE),
    (av.error.HTTPServerError, StreamFault.REFUSED),
    (av.error.HTTPBadRequestError, StreamFault.NOT_RTSP),
    (av.error.DecoderNotFoundError, StreamFault.UNSUPPORTED_CODEC),
    (av.error.PatchWelcomeError, StreamFault.UNSUPPORTED_CODEC),
    (av.error.ExitError, StreamFault.TIMEOUT),  # PyAV's own time-out interrupts FFmpeg, which then says "exit"
    (av.error.EOFError, StreamFault.DISCONNECTED),
    (ConnectionRefusedError, StreamFault.REFUSED),
    (ConnectionError, StreamFault.DISCONNECTED),
    (TimeoutError, StreamFault.TIMEOUT),
    (FileNotFoundError, StreamFault.DEVICE_MISSING),
    (IsADirectoryError, StreamFault.NOT_A_VIDEO),
    (PermissionError, StreamFault.DEVICE_MISSING),
)
_BY_ERRNO = {
    errno.EHOSTUNREACH: StreamFault.UNREACHABLE,
    errno.ENETUNREACH: StreamFault.UNREACHABLE,
    errno.EHOSTDOWN: StreamFault.UNREACHABLE,
    errno.ENETDOWN: StreamFault.UNREACHABLE,
    errno.ENODEV: StreamFault.DEVICE_MISSING,
    errno.ENXIO: StreamFault.DEVICE_MISSING,
    errno.EBUSY: StreamFault.DEVICE_MISSING,
    errno.ETIMEDOUT: StreamFault.TIMEOUT,
}


def classify(error: BaseException) -> StreamFault | None:
    """The cause that an error of FFmpeg or of the operating system names; None where it names none."""
    for kind, fault in _BY_TYPE:
        if isinstance(error, kind):
            return fault
    return _BY_ERRNO.get(getattr(error, "errno", None) or 0)


def describe(error: BaseException) -> str:
    """The library's words, without the address that FFmpeg's errors carry."""
    return str(getattr(error, "strerror", None) or type(error).__name__)
