"""RTP payloads for video: H.264 (RFC 6184), H.265 (RFC 7798) and MPEG-4 Visual (RFC 6416).

Pure functions on bytes and one small object per receiver; no socket, no clock.
"""

from __future__ import annotations

import base64
import secrets
import struct
from collections.abc import Iterator
from dataclasses import dataclass

CLOCK_HZ = 90_000  # the RTP clock of every video payload format (RFC 3551, section 4)
PAYLOAD_TYPE = 96  # the first dynamic payload type (RFC 3551, section 6)
# Ethernet's 1500 bytes less IPv6 (40), UDP (8) and RTP (12) headers, with room for a tunnel.
MAX_PAYLOAD = 1400
# Seconds between the NTP epoch (1900) and the Unix epoch (1970).
NTP_EPOCH_S = 2_208_988_800

ENCODING_NAMES = {"h264": "H264", "hevc": "H265", "mpeg4": "MP4V-ES"}
_START_CODE = b"\x00\x00\x01"


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """One coded picture on its way out: its NAL units (MPEG-4: one chunk), times in seconds on one running clock."""

    nals: list[bytes]
    pts_s: float
    dts_s: float
    keyframe: bool


def nal_length_size(codec: str, extradata: bytes) -> int:
    """Bytes of the length before each NAL unit; 0 where start codes separate them (Annex B)."""
    if codec == "h264" and extradata[:1] == b"\x01" and len(extradata) > 6:
        return (extradata[4] & 3) + 1
    if codec == "hevc" and extradata[:1] == b"\x01" and len(extradata) > 22:
        return (extradata[21] & 3) + 1
    return 0


def split_nals(data: bytes, length_size: int) -> list[bytes]:
    """The NAL units of one packet, without start codes or lengths; what is cut short is left out."""
    if not length_size:
        # A NAL unit never ends in a zero byte, so the zeros before a start code belong to the start code.
        return [nal for part in data.split(_START_CODE)[1:] if (nal := part.rstrip(b"\x00"))]
    nals, at = [], 0
    while at + length_size <= len(data):
        size = int.from_bytes(data[at : at + length_size], "big")
        at += length_size
        if not size or at + size > len(data):
            break
        nals.append(data[at : at + size])
        at += size
    return nals


def parameter_sets(codec: str, extradata: bytes) -> list[bytes]:
    """VPS, SPS and PPS from a decoder configuration record (avcC, hvcC) or from Annex B extradata."""
    if not nal_length_size(codec, extradata):
        return split_nals(extradata, 0)
    sets: list[bytes] = []
    if codec == "h264":
        at, groups = 5, [extradata[5] & 0x1F, None]
        for count in groups:
            if count is None:
                count = extradata[at]
            at += 1
            for _ in range(count):
                size = int.from_bytes(extradata[at : at + 2], "big")
                sets.append(extradata[at + 2 : at + 2 + size])
                at += 2 + size
        return sets
    at = 23
    for _ in range(extradata[22]):
        count = int.from_bytes(extradata[at + 1 : at + 3], "big")
        at += 3
        for _ in range(count):
            size = int.from_bytes(extradata[at : at + 2], "big")
            sets.append(extradata[at + 2 : at + 2 + size])
            at += 2 + size
    return sets


def is_parameter_set(codec: str, nal: bytes) -> bool:
    if codec == "h264":
        return nal[0] & 0x1F in (7, 8)
    return codec == "hevc" and (nal[0] >> 1) & 0x3F in (32, 33, 34)


def payloads(codec: str, nals: list[bytes], limit: int = MAX_PAYLOAD) -> Iterator[bytes]:
    """RTP payloads of one picture: whole NAL units where they fit, fragmentation units (FU-A, FU) where not."""
    for nal in nals:
        if len(nal) <= limit:
            yield nal
            continue
        if codec == "mpeg4":
            yield from (nal[at : at + limit] for at in range(0, len(nal), limit))
            continue
        if codec == "h264":
            head, kind = bytes([(nal[0] & 0xE0) | 28]), nal[0] & 0x1F
        else:
            head, kind = bytes([(nal[0] & 0x81) | (49 << 1), nal[1]]), (nal[0] >> 1) & 0x3F
        body = nal[len(head) :]
        step = limit - len(head) - 1
        for at in range(0, len(body), step):
            start, end = at == 0, at + step >= len(body)
            yield head + bytes([start << 7 | end << 6 | kind]) + body[at : at + step]


def describe(codec: str, extradata: bytes) -> list[str]:
    """The SDP lines (RFC 8866) `a=rtpmap` and `a=fmtp` of a video with this decoder configuration."""
    lines = [f"a=rtpmap:{PAYLOAD_TYPE} {ENCODING_NAMES[codec]}/{CLOCK_HZ}"]
    sets = parameter_sets(codec, extradata) if codec != "mpeg4" else []
    encoded = [base64.b64encode(nal).decode() for nal in sets]
    if codec == "h264":
        sps = next((nal for nal in sets if nal[0] & 0x1F == 7), None)
        profile = f"profile-level-id={sps[1:4].hex()};" if sps else ""
        lines.append(f"a=fmtp:{PAYLOAD_TYPE} packetization-mode=1;{profile}sprop-parameter-sets={','.join(encoded)}")
    elif codec == "hevc":
        names = {32: "sprop-vps", 33: "sprop-sps", 34: "sprop-pps"}
        kinds = [(names.get((nal[0] >> 1) & 0x3F), text) for nal, text in zip(sets, encoded, strict=True)]
        lines.append(f"a=fmtp:{PAYLOAD_TYPE} " + ";".join(f"{name}={text}" for name, text in kinds if name))
    else:
        lines.append(f"a=fmtp:{PAYLOAD_TYPE} profile-level-id=1;config={extradata.hex()}")
    return lines


class RtpSender:
    """Numbers and stamps the packets of one receiver (RFC 3550)."""

    def __init__(self, codec: str) -> None:
        self._codec = codec
        self.ssrc = secrets.randbits(32)
        self.sequence = secrets.randbits(16)
        self._clock_offset = secrets.randbits(32)
        self._packets = 0
        self._octets = 0

    def timestamp(self, time_s: float) -> int:
        return (self._clock_offset + round(time_s * CLOCK_HZ)) & 0xFFFF_FFFF

    def packets(self, unit: AccessUnit) -> list[bytes]:
        """The RTP packets of one picture; the last one carries the marker bit."""
        stamp = self.timestamp(unit.pts_s)
        bodies = list(payloads(self._codec, unit.nals))
        packets = []
        for number, body in enumerate(bodies, 1):
            marker = (number == len(bodies)) << 7
            packets.append(
                struct.pack("!BBHII", 0x80, marker | PAYLOAD_TYPE, self.sequence, stamp, self.ssrc) + body
            )
            self.sequence = (self.sequence + 1) & 0xFFFF
            self._octets += len(body)
        self._packets += len(packets)
        return packets

    def sender_report(self, time_s: float, unix_s: float) -> bytes:
        """An RTCP sender report: the moment `time_s` of the stream was `unix_s` on the wall clock."""
        seconds = unix_s + NTP_EPOCH_S
        return struct.pack(
            "!BBHIIIIII",
            0x80,
            200,
            6,
            self.ssrc,
            int(seconds) & 0xFFFF_FFFF,
            int((seconds % 1) * 2**32),
            self.timestamp(time_s),
            self._packets & 0xFFFF_FFFF,
            self._octets & 0xFFFF_FFFF,
        )
