"""A small ONVIF device: a real socket that checks the probe, and answers as makers do."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from xml.etree import ElementTree

import pytest

from ingest import finding

LOOPBACK = [(socket.if_nametoindex("lo"), "lo")]
S, A, D = "{http://www.w3.org/2003/05/soap-envelope}", "{http://schemas.xmlsoap.org/ws/2004/08/addressing}", (
    "{http://schemas.xmlsoap.org/ws/2005/04/discovery}"
)
HIKVISION = (
    "onvif://www.onvif.org/type/video_encoder onvif://www.onvif.org/location/country/china "
    "onvif://www.onvif.org/name/HIKVISION%20DS-2CD2032-I onvif://www.onvif.org/hardware/DS-2CD2032-I"
)


def matches(scopes: str = HIKVISION, types: str = "dn:NetworkVideoTransmitter", relates_to: str = "urn:uuid:0") -> str:
    """As DS-2CD cameras write it."""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<env:Envelope xmlns:env="{S[1:-1]}" xmlns:wsadis="{A[1:-1]}" xmlns:d="{D[1:-1]}" xmlns:dn="http://www.onvif.org/ver10/network/wsdl">
<env:Header><wsadis:MessageID>urn:uuid:1</wsadis:MessageID><wsadis:RelatesTo>{relates_to}</wsadis:RelatesTo>
<wsadis:Action>{D[1:-1]}/ProbeMatches</wsadis:Action></env:Header>
<env:Body><d:ProbeMatches><d:ProbeMatch><wsadis:EndpointReference><wsadis:Address>urn:uuid:2</wsadis:Address>
</wsadis:EndpointReference><d:Types>{types}</d:Types><d:Scopes>{scopes}</d:Scopes>
<d:XAddrs>http://198.51.100.9/onvif/device_service</d:XAddrs><d:MetadataVersion>10</d:MetadataVersion></d:ProbeMatch>
</d:ProbeMatches></env:Body></env:Envelope>"""


def asked_by(probe: bytes) -> str:
    """The id of the message. Raises AssertionError where ONVIF devices would not answer."""
    envelope = ElementTree.fromstring(probe)
    assert envelope.tag == S + "Envelope"
    assert envelope.findtext(f"{S}Header/{A}Action") == D[1:-1] + "/Probe"
    assert envelope.findtext(f"{S}Header/{A}To") == "urn:schemas-xmlsoap-org:ws:2005:04:discovery"
    assert envelope.findtext(f"{S}Body/{D}Probe/{D}Types") == "dn:NetworkVideoTransmitter"
    assert b'xmlns:dn="http://www.onvif.org/ver10/network/wsdl"' in probe
    message_id = envelope.findtext(f"{S}Header/{A}MessageID") or ""
    assert message_id.startswith("urn:uuid:")
    return message_id


@dataclass
class Devices:
    """`answers`: what comes from which address of this machine. The first `deaf` questions are not heard."""

    answers: list[tuple[str, str | bytes]]
    deaf: int = 0
    asked: list[str] = field(default_factory=list)
    wrong: list[AssertionError] = field(default_factory=list)

    def serve(self, group: socket.socket) -> None:
        while True:
            probe, whom = group.recvfrom(65_536)
            if not probe:
                return
            try:
                self.asked.append(asked_by(probe))
            except AssertionError as error:
                self.wrong.append(error)
                continue
            if len(self.asked) > self.deaf:
                for address, answer in self.answers:
                    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
                        device.bind((address, 0))
                        device.sendto(answer if isinstance(answer, bytes) else answer.encode(), whom)


@contextmanager
def in_the_network(
    monkeypatch: pytest.MonkeyPatch, *answers: tuple[str, str | bytes], deaf: int = 0
) -> Iterator[Devices]:
    """On loopback alone, and at a port of its own: not among what really answers around here."""
    devices = Devices([*answers], deaf)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as group:
        group.bind(("", 0))
        port = group.getsockname()[1]
        joined = struct.pack("4s4si", socket.inet_aton(finding.GROUP[0]), bytes(4), LOOPBACK[0][0])
        group.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, joined)
        monkeypatch.setattr(finding, "GROUP", (finding.GROUP[0], port))
        monkeypatch.setattr(finding.socket, "if_nameindex", lambda: LOOPBACK)
        thread = threading.Thread(target=devices.serve, args=(group,))
        thread.start()
        yield devices
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.sendto(b"", ("127.0.0.1", port))
        thread.join(10)
    assert not thread.is_alive()
    assert devices.wrong == []
