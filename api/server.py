"""Running the centre: one process, one data folder, a clean end."""

import asyncio
import errno
import logging
import shlex
import shutil
import signal
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import cast

import uvicorn

from api.accounts.actors import the_house
from api.bootstrap import prepare
from api.cameras.service import unreadable_passwords
from api.centre import Centre
from api.certificate import LOOK_EVERY_S, Renewing, check_files
from api.kit.connections import HttpProtocol, allow_many
from api.kit.lock import has_begun, hold_folder, may_begin
from api.kit.problems import Unavailable
from api.kit.repeating import repeating
from api.kit.settings import Settings
from contract.logs import log_to_stderr

# The demo ends its children within 15 s; a request that is not done by then will be repeated by its edge.
GRACE_S = 8
# Each statement of SQLite, each file and each picture goes to a thread and back, and each time a thread may wait this long for
# another one that computes. With Python's own 5 ms, reports that came together took 7 to 29 % longer on SQLite.
TURN_S = 0.0005
# How long an idle connection is kept: longer than edges do, whose heartbeats then need no new one.
IDLE_S = 25
# Connections that wait while all others are busy; what uvicorn itself asks for.
BACKLOG = 2048


class AddressUnusable(Exception):
    """Another program listens there, or it is no address of this machine."""


def run(settings: Settings, tell: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM. `tell` gets each line for people: the first login, the address, each case.

    Raises CertificateUnusable, DataFolderBusy, DataFolderUnusable or AddressUnusable.
    """
    if settings.tls_certificate is not None and settings.tls_key is not None:
        check_files(settings.tls_certificate, settings.tls_key)
    sys.setswitchinterval(TURN_S)
    log_to_stderr()
    allow_many()
    line = "timestamp=%(asctime)s level=%(levelname)s event=%(message)s"
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format=line)
    with hold_folder(settings.data), listening_socket(settings) as listener:
        may_begin(settings)
        asyncio.run(_serve(settings, listener, tell))


def reset_command(data: Path) -> str:
    """What makes a new first password, as it can be typed here: of a checkout no `sunshine` is on the path."""
    own = str(Path(sys.executable).with_name("sunshine"))
    return shlex.join(["sunshine" if shutil.which("sunshine") == own else own, "accounts", "reset", "--data", str(data)])


async def _serve(settings: Settings, listener: socket.socket, tell: Callable[[str], None]) -> None:
    from api.app import create_app  # takes seconds, which no other command needs

    settings = settings.model_copy(update={"port": listener.getsockname()[1]})
    app = create_app(settings)
    centre: Centre = app.state.centre
    is_new = not has_begun(settings)
    login = await prepare(centre)
    if is_new:
        tell(
            f"A new centre begins in {settings.data}: there was none. If another was to go on, stop this one: does --data name "
            "its folder, and is its disk mounted? 此处原无中心，现新建一个。若应沿用已有中心，请停止并检查 --data 与磁盘挂载。"
        )
    # Whatever is wrong with them is said now, not at the first request.
    _ = centre.keyring, centre.files, centre.deadlines, centre.retention, centre.alarm_formats
    await _tell_lost_passwords(centre, tell)
    await _tell_lost_store(centre, tell)
    for year in centre.deadlines.unknown_years(centre.clock()):
        tell(f"The holidays of {year} are not known; its working days count Monday to Friday. Enter them: docs/cases.md.")
    if login is not None:
        tell(
            f"first login: {login.login} password: {login.password} "
            f"(shown this once; `{reset_command(settings.data)}` makes a new one)"
        )
    centre.announce = tell
    config = uvicorn.Config(
        app, http=HttpProtocol, log_config=None, access_log=False, timeout_graceful_shutdown=GRACE_S, timeout_keep_alive=IDLE_S,
        server_header=False, proxy_headers=settings.trusted_proxies is not None, forwarded_allow_ips=settings.trusted_proxies,
        ssl_certfile=settings.tls_certificate, ssl_keyfile=settings.tls_key,
    )

    def let_go() -> None:
        centre.trial_bells.close()
        centre.bell.close()

    server = _Server(config, lambda: tell(f"listening {centre.public_url}"), let_go)
    if settings.tls_certificate is None or settings.tls_key is None:
        await server.serve(sockets=[listener])
        return
    config.load()
    renewing = Renewing(cast(ssl.SSLContext, config.ssl), settings.tls_certificate, settings.tls_key, centre.clock, tell)
    async with repeating(renewing.look, LOOK_EVERY_S, "the renewed certificate cannot be used; going on with the one before"):
        await server.serve(sockets=[listener])


async def _tell_lost_passwords(centre: Centre, tell: Callable[[str], None]) -> None:
    """No reason to stop: all other cameras work, and the passwords can be entered again."""
    async with centre.database.reading() as work:
        lost = await unreadable_passwords(work, the_house("start"), centre.keyring)
    if lost:
        names = ", ".join(camera.name for camera in lost[:5]) + (" ..." if len(lost) > 5 else "")
        tell(
            f"The key of {len(lost)} camera passwords is missing ({names}). Put the old keys.json back and start again, "
            "or enter these passwords again in the console."
        )


async def _tell_lost_store(centre: Centre, tell: Callable[[str], None]) -> None:
    """No reason to stop either: it may come back, and until then edges keep what they have to report."""
    if centre.settings.files_url is None:
        return
    try:
        await centre.files.folders_below("evidence")
    except Unavailable as error:
        tell(
            f"The store of SUNSHINE_FILES_URL cannot be read ({type(error.__cause__).__name__}). Does it run, are its name, its "
            "address and credentials right (docs/centre.md)? No evidence is taken before that."
        )


class _Server(uvicorn.Server):
    """Tells when it really listens, and ends with status 0 on a signal, since it was asked to."""

    def __init__(self, config: uvicorn.Config, on_listening: Callable[[], None], on_ending: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_listening = on_listening
        self._on_ending = on_ending

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.should_exit:
            self._on_listening()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Whoever waits is answered first, and streams end: they would be waited for."""
        self._on_ending()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A second Ctrl-C ends it no sooner. It ends within seconds; cut off, it would lose what it is about to write down, and
        end with a stack trace."""
        self.should_exit = True

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def listening_socket(settings: Settings) -> socket.socket:
    """Raises AddressUnusable."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
        listener.listen(BACKLOG)
    except (OSError, TypeError) as error:
        listener.close()
        if isinstance(error, OSError) and not isinstance(error, socket.gaierror) and error.errno != errno.EADDRNOTAVAIL:
            words = f"Port {settings.port} of {settings.host} cannot be used ({error.strerror}). Choose another one with --port."
        else:
            words = f"{settings.host!r} is no address of this machine. Give --host (SUNSHINE_HOST) 127.0.0.1 or 0.0.0.0."
        raise AddressUnusable(words) from error
    listener.setblocking(False)
    return listener


def print_line(line: str) -> None:
    """To standard output, at once. A terminal that is gone, or knows no Chinese, is no reason to stop."""
    with suppress(OSError, ValueError):
        print(line, flush=True)
