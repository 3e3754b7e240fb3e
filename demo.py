"""`sunshine demo`: everything on this machine as in earnest: a camera, an edge and a centre, each a process of its own."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console

from api.bootstrap import DemoPlace, prepare_demo
from api.centre import for_people
from api.cli import read_settings
from api.cli_errors import told_in_words
from api.kit.lock import DataFolderUnusable, make_folder
from api.kit.settings import Settings
from api.server import AddressUnusable, listening_socket, reset_command
from contract.catalogue import load_catalogue
from contract.lifetime import ENDS_WITH_INPUT
from ingest.address import BadAddress, CameraAddress, parse_address
from ingest.cli import PASSWORD_VARIABLE
from ingest.edge_cli import edge_folder
from ingest.ending import end_on_signals
from ingest.identity import IdentityError, read_identity

# Ctrl-C ends everything within 15 s: first the edge, then the rest gets this long to finish by itself.
STOP_WITHIN_S = 6.5
# Migrating an empty database and loading the web framework takes some seconds on an old PC.
CAMERA_WITHIN_S = 60.0
CENTRE_WITHIN_S = 60.0
ENROL_WITHIN_S = 60.0


class DemoError(RuntimeError):
    """The demo cannot go on; the message says what to do."""


class _Stopped(Exception):
    """Somebody asked for the end while things were still starting."""


class _Terminal(Console):
    """A terminal that is gone must not keep the demo from ending its children."""

    def print(self, *objects: Any, **options: Any) -> None:
        with suppress(OSError):
            super().print(*objects, **options)

    def on_broken_pipe(self) -> None:
        pass


class Process:
    """A child in a session of its own (Ctrl-C reaches only the demo, which ends its children in order), its output in a log.

    Its input stays open for as long as the demo lives, by which it notices that the demo was killed.
    """

    def __init__(self, name: str, arguments: list[str], log: Path, on_line: Callable[[str], None] = lambda _: None) -> None:
        """Raises OSError when the log cannot be kept."""
        self.name = name
        self.log = log
        log.parent.mkdir(exist_ok=True)
        self._file = log.open("ab", buffering=0)
        environment = {name: value for name, value in os.environ.items() if name != PASSWORD_VARIABLE}
        self._child = subprocess.Popen(
            [sys.executable, "-u", "-m", *arguments],
            # The demo's camera is on this machine; one that somebody adds may be too.
            # What it says is read as UTF-8, whatever the terminal's encoding is.
            env=environment | {ENDS_WITH_INPUT: "1", "SUNSHINE_LOOPBACK_CAMERAS": "1", "PYTHONIOENCODING": "utf-8"},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, encoding="utf-8", errors="replace", start_new_session=True,
        )
        self._on_line = on_line
        self._reader = threading.Thread(target=self._read, name=f"{name} output", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with self._file:
            for line in self._child.stdout or ():
                with suppress(OSError):  # a full disk: whoever is not listened to any more would come to a standstill
                    self._file.write(line.encode())
                self._on_line(line.rstrip("\n"))

    def ended(self) -> int | None:
        return self._child.poll()

    def last_words(self) -> str:
        self._reader.join(timeout=1.0)
        return "\n".join(self.log.read_text(encoding="utf-8").splitlines()[-12:])

    def ask_to_stop(self) -> None:
        if self.ended() is None:
            self._child.send_signal(signal.SIGTERM)

    def stop(self, deadline: float) -> None:
        try:
            self._child.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._reader.join(timeout=1.0)


class Demo:
    """Its steps raise DemoError, and _Stopped once `stopped` is set."""

    def __init__(self, console: Console, settings: Settings, weights: Path | None, stopped: threading.Event) -> None:
        self._console = console
        self._stopped = stopped
        self._settings = settings
        self._weights = weights
        self._processes: list[Process] = []

    def start_camera(self) -> CameraAddress:
        """The demo camera: a real RTSP server on loopback that plays the bundled clip."""
        told = threading.Event()
        lines: list[str] = []

        def on_line(line: str) -> None:
            lines.append(line)
            if "rtsp://" in line:
                told.set()

        clip = str(files("configs") / "demo" / "kitchen.mp4")
        camera = self._start("camera", ["ingest.rtsp_server", clip, "--port", "0"], on_line)
        self._wait(camera, told.is_set, CAMERA_WITHIN_S, "The demo camera did not start.")
        line = next(line for line in lines if "rtsp://" in line)
        return parse_address(next(word for word in line.split() if word.startswith("rtsp://")))

    def start_centre(self) -> None:
        def on_line(line: str) -> None:
            if line.startswith("case "):
                self._console.print(line, markup=False, highlight=False, soft_wrap=True)

        arguments = ["sunshine", "serve", "--host", self._settings.host, "--port", str(self._settings.port)]
        centre = self._start("centre", [*arguments, "--data", str(self._settings.data)], on_line)
        self._wait(centre, self._healthy, CENTRE_WITHIN_S, "The centre did not start.")

    def start_edge(self, place: DemoPlace) -> None:
        try:
            identity = read_identity(edge_folder(self._settings.data))
        except IdentityError as error:
            raise DemoError(str(error)) from error
        if place.code is not None or identity is None or identity.registration is None:
            if place.code is None:
                raise DemoError("The edge's folder was removed. Choose another --data folder, or remove this one as a whole.")
            arguments = ["sunshine", "edge", "enroll", "--centre", self.url, "--code", place.code, "--name", "演示边缘盒"]
            enrolling = self._start("enrolment", [*arguments, "--data", str(self._settings.data)])
            self._wait(enrolling, lambda: enrolling.ended() == 0, ENROL_WITHIN_S, "The edge could not be enrolled.")
            self._processes.remove(enrolling)

        def on_line(line: str) -> None:
            # How the cameras fare, and whatever goes wrong; the rest is in the log.
            told = re.search(r"level='(\w+)' event='(\w+)' ?(.*)", line)
            if told and told[2] == "camera_ended":
                self._console.print("视频已放完，案件在控制台里。 The video has ended; its cases are in the console.")
            elif told and (told[2].startswith("camera_") or told[1] in ("warning", "error", "critical")):
                self._console.print(f"{told[2]} {told[3]}", style="dim", markup=False)

        weights = [] if self._weights is None else ["--weights", str(self._weights)]
        # A later start may use another port than the one that the edge was enrolled at.
        arguments = ["sunshine", "edge", "run", "--centre", self.url, "--data", str(self._settings.data), *weights]
        self._start("edge", arguments, on_line)

    @property
    def url(self) -> str:
        return f"http://{for_people(self._settings.host)}:{self._settings.port}"

    def watch(self) -> None:
        """Until somebody asks for the end. Raises DemoError when a process ends by itself."""
        while not self._stopped.wait(0.5):
            for process in self._processes:
                if process.ended() is not None:
                    raise DemoError(f"The {process.name} stopped by itself. Its log {process.log} ends:\n{process.last_words()}")

    def stop(self) -> None:
        """The edge first, while the centre still takes what it has to send; then the rest."""
        for group in ([p for p in self._processes if p.name == "edge"], [p for p in self._processes if p.name != "edge"]):
            deadline = time.monotonic() + STOP_WITHIN_S
            for process in group:
                process.ask_to_stop()
            for process in group:
                process.stop(deadline)

    def _start(self, name: str, arguments: list[str], on_line: Callable[[str], None] = lambda _: None) -> Process:
        log = self._settings.data / "logs" / f"{name}.log"
        try:
            process = Process(name, arguments, log, on_line)
        except OSError as error:
            words = f"The log {log} cannot be written ({error.strerror}). Make room, or choose another folder: --data."
            raise DemoError(words) from error
        self._processes.append(process)
        return process

    def _healthy(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=2.0, trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def _wait(self, process: Process, ready: Callable[[], bool], seconds: float, words: str) -> None:
        deadline = time.monotonic() + seconds
        while not ready():
            if (process.ended() is not None and not ready()) or time.monotonic() > deadline:
                raise DemoError(f"{words} Its log {process.log} ends:\n{process.last_words()}")
            if self._stopped.wait(0.1):
                raise _Stopped


def demo(
    camera: Annotated[str | None, typer.Option(help="Watch this camera: rtsp://user@host/path. 用自己的摄像头")] = None,
    video: Annotated[Path | None, typer.Option(help="Watch this video file. 用视频文件")] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the console. 端口")] = 8000,
    data: Annotated[Path | None, typer.Option(envvar="SUNSHINE_DATA", help="Folder for all that is kept. 数据文件夹")] = None,
    weights: Annotated[Path | None, typer.Option(help="Folder of other weights with their cards.")] = None,
) -> None:
    """Run centre, edge and a camera on this machine. 在本机运行中心、边缘端和摄像头。

    The camera's password comes from the URL, from SUNSHINE_CAMERA_PASSWORD, or from a prompt.
    """
    console = _Terminal(highlight=False, soft_wrap=True)
    stopped = threading.Event()
    running: Demo | None = None
    try:
        own = _own_camera(camera, video)
        # Not before the prompt for the password, which Ctrl-C shall end as it does everywhere.
        end_on_signals(stopped, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        settings = read_settings(data, port=port)
        listening_socket(settings).close()  # whatever is in the way there is told before anything is started
        make_folder(settings.data)
        running = Demo(console, settings, weights, stopped)
        console.print("阳光厨房 Sunshine Kitchen")
        console.print("[1/3] 摄像头 camera ...")
        watched = own or running.start_camera()
        console.print(f"      {watched}", markup=False)
        console.print("[2/3] 中心 centre ...")
        place = _prepare(settings, watched)
        running.start_centre()
        console.print("[3/3] 边缘端 edge ...")
        running.start_edge(place)
        _tell(console, running, place, settings)
        running.watch()
    except (DemoError, DataFolderUnusable, AddressUnusable, BadAddress) as error:
        console.print(str(error), style="red", markup=False)
        raise typer.Exit(1) from error
    except _Stopped:
        pass
    finally:
        if running is not None:
            if stopped.is_set():
                console.print("\n正在结束 ending ...")
            running.stop()


def _prepare(settings: Settings, watched: CameraAddress) -> DemoPlace:
    with told_in_words():
        return asyncio.run(prepare_demo(settings, watched.url, watched.username, watched.password))


def _own_camera(camera: str | None, video: Path | None) -> CameraAddress | None:
    if camera is not None and video is not None:
        raise DemoError("Choose one of --camera and --video.")
    if video is not None:
        if not os.path.isfile(video):  # not video.is_file(), which fails on a name that is too long
            raise DemoError(f"There is no video file {video}.")
        return parse_address(str(video.absolute()))
    if camera is None:
        return None
    address = parse_address(camera)
    if address.username is None or address.password is not None:
        return address
    password = os.environ.get(PASSWORD_VARIABLE)
    if password is None:
        if not sys.stdin.isatty():
            raise DemoError(f"The password of {address} is missing: set {PASSWORD_VARIABLE}, or run this in a terminal.")
        password = typer.prompt(f"Password of {address} 密码", hide_input=True)
    return parse_address(address.url, address.username, password)


def _tell(console: Console, running: Demo, place: DemoPlace, settings: Settings) -> None:
    rules = [rule for rule in load_catalogue(settings.catalogue).rules if rule.code in place.rules]
    console.print(f"\n  控制台 Console   {running.url}", markup=False)
    if place.first_login is not None:
        console.print(f"  登录   Login     {place.first_login.login} / {place.first_login.password}", markup=False)
        console.print("                   密码只显示这一次；忘了这样重设。 Shown this once; this makes a new one:", markup=False)
        console.print(f"                   {reset_command(settings.data)}", markup=False)
    console.print(f"  生效规则 Rules   {'，'.join(f'{rule.code} {rule.name.zh}' for rule in rules)}", markup=False)
    console.print("                   专间、全画面、全天、手套必戴；可在控制台“摄像头”里点开该摄像头修改。", markup=False)
    console.print("                   A 专间, whole picture, all hours, gloves required; change it under Cameras.", markup=False)
    console.print(f"  数据   Data      {settings.data}", markup=False)
    console.print("  按 Ctrl-C 结束。 Ctrl-C ends it.\n", markup=False)
