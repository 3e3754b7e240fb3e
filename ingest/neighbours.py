"""Which device answers at a camera's address. After a power cut a router may give it to another camera (DHCP), whose pictures
would pass for those of the first one."""

import json
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import structlog

from contract.cameras import CameraConfig
from contract.edges import StreamFault
from contract.faults import FAULT_TEXTS
from ingest.address import BadAddress, parse_address
from ingest.durable import replace_file

# What Linux knows of the neighbours that it talks to (proc(5)): empty where a router is between, or the system is another one.
TABLE = Path("/proc/net/arp")
COMPLETE = 0x2
FILE = "devices.json"
# Of rules that are over sooner than this nothing is told yet: the shortest has to be seen for longer.
EVERY_S = 2.0
DISCARD_PORT = 9
# Linux remembers a device that has moved away for up to 45 s, and takes 8 s to find out (arp(7)). One that answers at both
# addresses for longer is a repeater, which shows its own for all that is behind it.
DOUBT_S = 90.0
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Device:
    """What answered at a camera's address when it was known to be this camera; `taken`: the one that has its address now."""

    host: str
    mac: str
    taken: str | None = None


def ask(host: str) -> None:
    """Make the system find out whether the device that it remembers is still there."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.sendto(b"", (host, DISCARD_PORT))


class Neighbours:
    """`run` works in a thread of its own until `stop`. `on_taken` is told at which cameras' addresses another camera's device
    answers. What it knows is kept in the edge's `folder`: boxes and routers lose their power together."""

    def __init__(
        self, folder: Path, cameras: Callable[[], Sequence[CameraConfig]], on_taken: Callable[[set[str]], None],
        table: Path = TABLE, ask: Callable[[str], None] = ask, timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = folder / FILE
        self._cameras = cameras
        self._on_taken = on_taken
        self._table = table
        self._ask = ask
        self._timer = timer
        # Cameras of which it is not known yet whether their address is taken, and since when.
        self._doubts: dict[str, float] = {}
        self._devices = self._kept = _read(self._path)
        self._stop = threading.Event()

    def stop(self) -> None:
        self._stop.set()

    def run(self) -> None:
        while not self._stop.wait(EVERY_S):
            self.look()

    def look(self) -> None:
        cameras = {camera.id: camera for camera in self._cameras()}
        if not cameras:
            return  # not listed yet
        there = _neighbours(self._table)
        before, devices = self._devices, dict[str, Device]()
        doubts, self._doubts = self._doubts, {}
        for camera in cameras.values():
            known, host = before.get(camera.id), _host(camera)
            if known is not None and known.host != host:
                known = None  # somebody has given it another address
            if known is not None and known.taken is not None:
                self._ask(host)  # nobody else does
            if (mac := there.get(host)) is not None:
                # Not those with the same address: the channels of a recorder.
                others = {one: before[one] for one in before.keys() & cameras.keys() if before[one].host != host}
                known = self._judged(camera, known, Device(host, mac), others, there, doubts)
            if known is not None:
                devices[camera.id] = known
        taken = {camera_id for camera_id, device in devices.items() if device.taken is not None}
        self._on_taken(taken | self._doubts.keys())
        self._devices = devices
        if devices != self._kept:
            with suppress(OSError):  # tried again the next time; the disk's own trouble is told elsewhere
                replace_file(self._path, json.dumps({name: asdict(one) for name, one in devices.items()}).encode())
                self._kept = devices

    def _judged(
        self, camera: CameraConfig, known: Device | None, now: Device, others: Mapping[str, Device], there: Mapping[str, str],
        doubts: Mapping[str, float],
    ) -> Device:
        if known is None or now.mac == known.mac:
            if known is not None and known.taken is not None:
                log.info("camera_has_its_address_again", camera=camera.id, name=camera.name)
            return now
        homes = {camera_id: other.host for camera_id, other in others.items() if other.mac == now.mac}
        for home in homes.values():
            self._ask(home)
        if any(there.get(home) == now.mac for home in homes.values()):
            since = doubts.get(camera.id, self._timer())
            if self._timer() - since > DOUBT_S:
                return now
            self._doubts[camera.id] = since
            return known
        if known.taken == now.mac:
            return known
        if homes:
            text = FAULT_TEXTS[StreamFault.OTHER_DEVICE]
            log.error("camera_address_taken", camera=camera.id, name=camera.name, by=sorted(homes), words=f"{text.en} {text.zh}")
            return Device(known.host, known.mac, now.mac)
        log.warning(
            "camera_is_another_device", camera=camera.id, name=camera.name,
            words="Another device than before answers at this camera's address. If nobody has replaced the camera, look at its "
            "picture and put the address right. 该摄像头地址上的设备已更换；如未更换过摄像头，请核对画面并更正地址。",
        )
        return now


def _host(camera: CameraConfig) -> str:
    try:
        return parse_address(camera.url).host
    except BadAddress:
        return ""


def _neighbours(table: Path) -> dict[str, str]:
    """Hardware addresses by IPv4 address; without those that more than one device has."""
    found: dict[str, set[str]] = {}
    with suppress(OSError, ValueError):
        for line in table.read_text().splitlines()[1:]:
            host, _, flags, mac, *_ = line.split()
            if int(flags, 16) & COMPLETE:
                found.setdefault(host, set()).add(mac)
    return {host: macs.pop() for host, macs in found.items() if len(macs) == 1}


def _read(path: Path) -> dict[str, Device]:
    """What cannot be read is learned anew."""
    try:
        return {str(name): Device(**kept) for name, kept in json.loads(path.read_bytes()).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
