"""Opening a camera or a file with FFmpeg: over the transport that the camera speaks, decoded in hardware where that works, and
where it cannot be opened, why."""

from __future__ import annotations

import errno
from typing import Literal

import av
import structlog
from av.codec.hwaccel import HWAccel
from av.container import InputContainer

from contract.edges import StreamFault
from ingest.address import CameraAddress
from ingest.decoding import BOUNDED
from ingest.errors import SourceError, classify, describe
from ingest.probe import probe

# A camera on the same network answers within a second; on a mobile link or while it starts up it takes several.
OPEN_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 10.0
PROBE_TIMEOUT_S = 3.0
# Of one camera; a channel of a recorder may come with its sub-stream.
MOST_STREAMS = 4
# A key frame of a 4K camera comes in one burst; the usual 208 KiB of the kernel would lose parts of it.
UDP_BUFFER = 2 * 1024 * 1024
log = structlog.get_logger(__name__)


class Opening:
    """What is to be opened, and how; used once.

    Attributes:
        live: a camera; else a file.
        shown: names it where people read it: `url` may hold a password.
        transport: of RTSP, as it is used in the end; None of what is no RTSP.
        has_lost_device: what was to decode it did not start, or decodes as many streams as it can.
    """

    def __init__(
        self, url: str, *, live: bool, shown: str | None = None, address: CameraAddress | None = None,
        format_name: str | None = None, options: dict[str, str] | None = None, transport: Literal["tcp", "udp"] | None = None,
        device: str | None = None, timeouts_s: tuple[float, float] = (OPEN_TIMEOUT_S, READ_TIMEOUT_S),
    ) -> None:
        """`address` is asked what is wrong; `timeouts_s`: for opening, and for each read."""
        self.live = live
        self.shown = shown or url
        self.transport = transport
        self.has_lost_device = False
        self._has_changed_transport = False
        self._url = url
        self._address = address
        self._format = format_name
        self._options = options or {}
        self._device = device
        self._timeouts_s = timeouts_s

    def open(self) -> InputContainer:
        """Raises SourceError."""
        # FFmpeg's errors carry the URL with the password: none of them may stay attached to ours.
        failure: Exception
        try:
            return self._connect(self._device)
        except (av.FFmpegError, OSError, ValueError) as error:
            failure = error
        # The camera does not speak this transport (461).
        if getattr(failure, "errno", None) == errno.EPROTONOSUPPORT and not self._has_changed_transport:
            self._has_changed_transport = True
            self.transport = "udp" if self.transport == "tcp" else "tcp"
            return self.open()
        # Nothing of the network: the device has gone, or decodes as many streams as it can; if it opens without it.
        if self._device is not None and classify(failure) in (None, StreamFault.DEVICE_MISSING):
            device, self._device, self.has_lost_device = self._device, None, True
            container = self.open()
            log.warning(
                "camera_not_decoded_in_hardware", camera=self.shown, device=device, cause=describe(failure),
                words="The device that was to decode this camera does not start, or decodes as many streams as it can. The "
                "processor decodes until the camera is connected anew. "
                "硬件解码设备无法启动或已达上限，本路改由处理器解码，直至重新连接。",
            )
            return container
        raise self._error(failure)

    def _connect(self, device: str | None) -> InputContainer:
        # What the device cannot decode, it leaves to the processor.
        hardware = None if device is None else HWAccel(device, allow_software_fallback=True)
        over: dict[str, str] = {} if self.transport is None else {"rtsp_transport": self.transport}
        if self.transport == "udp":
            over["buffer_size"] = str(UDP_BUFFER)
        return av.open(
            self._url, format=self._format, options=self._options | over, timeout=self._timeouts_s, hwaccel=hardware,
            # To learn what a stream is, FFmpeg decodes a picture of it.
            stream_options=[BOUNDED] * MOST_STREAMS,  # type: ignore[list-item]  # PyAV documents it, but says it is of text
            metadata_errors="replace",  # cameras and recorders name themselves in GBK as often as in UTF-8
        )

    def _error(self, failure: Exception) -> SourceError:
        fault = classify(failure)
        if self._address and self._address.kind == "rtsp" and fault in (None, StreamFault.TIMEOUT, StreamFault.NOT_RTSP):
            cause = probe(self._address, min(PROBE_TIMEOUT_S, self._timeouts_s[0]))
            if cause is None and fault is StreamFault.NOT_RTSP and not self._address.url.startswith("rtsps:"):
                cause = StreamFault.NOT_FOUND  # it speaks RTSP: cheap cameras say 400 of a path that they do not have
            # An RTSP server that answers, but no stream that FFmpeg understands: there is nothing to see.
            fault = cause or fault or StreamFault.NO_PICTURE
        elif fault is None and not self.live:
            fault = StreamFault.NOT_A_VIDEO
        return SourceError(fault or StreamFault.OTHER, describe(failure))
