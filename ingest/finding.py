"""Finds cameras in the box's own networks by WS-Discovery (2005/04), as ONVIF's core specification has it in chapter 7.

One question by multicast, the answers by datagram. Whoever answers may be hostile: of an answer only a few words are kept, for
people to read, and the address that it came from. The URLs in it are not read at all.
"""

import select
import socket
import struct
import time
import uuid
from urllib.parse import unquote
from xml.etree import ElementTree

from contract.camera_hosts import is_forbidden_address, is_local_address
from contract.trials import LONGEST_WORDS, MOST_FOUND, FoundCamera

GROUP = ("239.255.255.250", 3702)
# A device waits half a second at most before it answers (APP_MAX_DELAY); slow ones take longer.
LISTEN_S = 4.0
# Datagrams get lost: the same question is asked again, and answered once (SOAP over UDP, appendix I).
ASK_AGAIN_S = 1.0
# An answer has 1 to 3 kB. What is longer is cut off, and so no XML any more.
_LONGEST = 16_384
# Cameras answer once, each way that they are reached. More than that is a flood.
_MOST_ANSWERS = 4 * MOST_FOUND
_SCOPES = "onvif://www.onvif.org/"
_PROBE = """<?xml version="1.0" encoding="UTF-8"?>
<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" \
xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" xmlns:dn="http://www.onvif.org/ver10/network/wsdl"><s:Header>\
<a:MessageID>urn:uuid:{id}</a:MessageID><a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To>\
<a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</a:Action></s:Header>\
<s:Body><d:Probe><d:Types>dn:NetworkVideoTransmitter</d:Types></d:Probe></s:Body></s:Envelope>"""


def find(listen_s: float = LISTEN_S, *, allow_loopback: bool = False) -> list[FoundCamera]:
    """What answered within `listen_s`, at most 64, by address. Raises OSError when this machine lets nobody ask."""
    found: dict[str, FoundCamera] = {}
    probe = _PROBE.format(id=uuid.uuid4()).encode()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.setblocking(False)
        started = time.monotonic()
        _ask(asking, probe)
        again, answers = started + ASK_AGAIN_S, 0
        while (now := time.monotonic()) < started + listen_s and answers < _MOST_ANSWERS and len(found) < MOST_FOUND:
            if now >= again:
                _ask(asking, probe)
                again = started + listen_s
            if not select.select([asking], [], [], min(again, started + listen_s) - now)[0]:
                continue
            try:
                answer, (address, _) = asking.recvfrom(_LONGEST)
            except OSError:  # somebody could not be reached
                continue
            answers += 1
            if address not in found and is_local_address(address) and (allow_loopback or not is_forbidden_address(address)):
                camera = read_answer(answer, address)
                if camera is not None:
                    found[address] = camera
    return sorted(found.values(), key=lambda camera: socket.inet_aton(camera.address))


def read_answer(answer: bytes, address: str) -> FoundCamera | None:
    """None where it is no answer of a camera's."""
    text = answer.decode("utf-8-sig", "replace")
    if "<!DOCTYPE" in text:  # without one there are no entities
        return None
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - see above
    except (ElementTree.ParseError, ValueError):
        return None
    match = root.find(".//{*}ProbeMatch")
    if match is None:
        return None
    scopes = (match.findtext("{*}Scopes") or "").split()
    told = [scope[len(_SCOPES):].partition("/") for scope in scopes if scope.lower().startswith(_SCOPES)]
    if not told and "NetworkVideoTransmitter" not in (match.findtext("{*}Types") or ""):
        return None
    words: dict[str, str] = {}
    for category, _, value in told:
        words.setdefault(category.lower(), _words(value))
    return FoundCamera(
        address=address, name=words.get("name", ""), hardware=words.get("hardware", ""),
        maker=words.get("manufacturer") or words.get("mfr") or "",
    )


def _words(value: str) -> str:
    """For people to read, in a terminal too: nothing that steers it, or turns the line round."""
    plain = "".join(letter if letter.isprintable() else " " for letter in unquote(value, errors="replace"))
    return " ".join(plain.split())[:LONGEST_WORDS]


def _ask(asking: socket.socket, probe: bytes) -> None:
    """On every interface; without one that takes it, raises what the last one failed with."""
    failure: OSError | None = None
    asked = 0
    for index, _ in socket.if_nameindex():
        try:
            # struct ip_mreqn: the interface is chosen by its number, so that its addresses need not be known.
            chosen = struct.pack("4s4si", bytes(4), bytes(4), index)
            asking.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, chosen)
            asking.sendto(probe, GROUP)
            asked += 1
        except OSError as error:  # it is down, or has no IPv4
            failure = error
    if failure is not None and not asked:
        raise failure
