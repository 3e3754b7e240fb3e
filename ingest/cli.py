"""The commands of the reading side."""

from __future__ import annotations

import dataclasses
import json
import locale
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import cv2
import typer

from contract.edges import StreamFault
from ingest.address import BadAddress, CameraAddress, parse_address
from ingest.check import WATCH_S, Report, check, tell
from ingest.errors import Language
from ingest.finding import LISTEN_S, find
from ingest.frames import Frame

PASSWORD_VARIABLE = "SUNSHINE_CAMERA_PASSWORD"
FAILED, POOR_PICTURE = 1, 3
NOBODY_ASKED: dict[Language, str] = {
    "zh": "本机没有可用来查找的网络。请检查网线或无线网络。",
    "en": "There is no network on this machine in which to ask. Check its cable or its wireless network.",
}
NONE_FOUND: dict[Language, str] = {
    "zh": "没有摄像头应答。请检查摄像头是否通电、是否和本机在同一网络、设置里是否打开了 ONVIF，"
    "以及本机防火墙是否允许来自 UDP 3702 端口的数据。",
    "en": "No camera answered. Check that it is switched on, and in one network with this machine; that ONVIF is on in its "
    "settings; and that a firewall of this machine lets in UDP from port 3702.",
}


class Transport(StrEnum):
    TCP = "tcp"
    UDP = "udp"


class Tongue(StrEnum):
    ZH = "zh"
    EN = "en"


def check_camera(
    url: Annotated[str, typer.Argument(help="rtsp://user@host:554/path, /dev/videoN, or a file")],
    username: Annotated[str | None, typer.Option("--user", help="where it is not in the address")] = None,
    transport: Annotated[Transport, typer.Option(help="how the packets of an rtsp:// camera come")] = Transport.TCP,
    seconds: Annotated[int, typer.Option(min=1, max=3600, help="how long to watch at most")] = WATCH_S,
    snapshot: Annotated[Path | None, typer.Option(help="write the last picture to this file (.jpg, .png)")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object instead of sentences")] = False,
    language: Annotated[Tongue | None, typer.Option("--lang", help="default: as the terminal's")] = None,
) -> None:
    """Looks at a camera and tells what came, or what to do.

    The password is read from the address, from SUNSHINE_CAMERA_PASSWORD, or asked for.

    Exit status: 0 the picture is fine, 1 no picture came, 2 the command is wrong, 3 the picture is black, plain or frozen.
    """
    tongue: Language = "zh" if (language or _terminal_tongue()) is Tongue.ZH else "en"
    given = os.environ.get(PASSWORD_VARIABLE) or None
    interactive = _terminal() and not as_json
    try:
        address = parse_address(url, username, given)
        if interactive and address.username and address.password is None:
            address = _ask(address)
        report, frame = check(address, transport=transport.value, watch_s=seconds)
        if interactive and report.fault is StreamFault.WRONG_PASSWORD:
            typer.echo("\n".join(tell(report, tongue)), err=True)
            report, frame = check(_ask(address), transport=transport.value, watch_s=seconds)
    except BadAddress as error:
        report, frame = Report("", StreamFault.BAD_URL, str(error)), None
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(report) | {"text": tell(report, tongue)}, ensure_ascii=False))
    else:
        typer.echo("\n".join(tell(report, tongue)))
        if report.detail:
            typer.echo(f"({report.detail})")
    if frame and snapshot:
        _write(frame, snapshot)
    if report.fault:
        raise typer.Exit(FAILED)
    if report.look != "good":
        raise typer.Exit(POOR_PICTURE)


def find_cameras(
    seconds: Annotated[float, typer.Option(min=1, max=60, help="how long to wait for answers")] = LISTEN_S,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON list instead of lines")] = False,
    language: Annotated[Tongue | None, typer.Option("--lang", help="default: as the terminal's")] = None,
) -> None:
    """Asks the networks of this machine which cameras are there (ONVIF WS-Discovery): address, and what each says of itself.

    Exit status: 0 some answered, 1 none did or nobody could be asked, 2 the command is wrong.
    """
    tongue: Language = "zh" if (language or _terminal_tongue()) is Tongue.ZH else "en"
    try:
        found = find(seconds)
    except OSError as error:
        typer.echo(f"{NOBODY_ASKED[tongue]} ({error.strerror or error})", err=True)
        raise typer.Exit(FAILED) from None
    if as_json:
        typer.echo(json.dumps([camera.model_dump() for camera in found], ensure_ascii=False))
    for camera in [] if as_json else found:
        typer.echo("  ".join(word for word in (camera.address, camera.maker, camera.name, camera.hardware) if word))
    if not found:
        typer.echo(NONE_FOUND[tongue], err=True)
        raise typer.Exit(FAILED)


def _terminal() -> bool:
    return sys.stdin.isatty()


def _terminal_tongue() -> Tongue:
    name = os.environ.get("LC_ALL") or os.environ.get("LANG") or locale.getlocale()[0] or ""
    return Tongue.ZH if name.lower().startswith(("zh", "chinese")) else Tongue.EN


def _ask(address: CameraAddress) -> CameraAddress:
    username = address.username or typer.prompt("User", err=True)
    return parse_address(address.url, username, typer.prompt("Password", hide_input=True, err=True))


def _write(frame: Frame, path: Path) -> None:
    try:
        done, data = cv2.imencode(path.suffix or ".jpg", frame.image)
        if not done:
            raise ValueError
        path.write_bytes(data.tobytes())
    except (cv2.error, ValueError) as error:
        raise typer.BadParameter(f"{path} must end in .jpg or .png.", param_hint="--snapshot") from error
    except OSError as error:
        raise typer.BadParameter(f"{path} cannot be written: {error.strerror}.", param_hint="--snapshot") from error
