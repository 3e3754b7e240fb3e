"""A demo as a user would run it: a real process tree, its terminal, its pages."""

import os
import pty
import queue
import re
import select
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from tests.ports import hold_port

MARK = "SUNSHINE_TEST_MARK"
# Seconds. Deadlines for a machine that is slow and busy: where all is well nobody waits for them.
START_S = 300
END_S = 60


class DemoProcess:
    """Starts the demo; ends whatever is left of it on leaving."""

    def __init__(
        self, data: Path, *arguments: str, python: str = sys.executable, cwd: Path | None = None, terminal: bool = False,
        **environment: str,
    ) -> None:
        """`terminal`: it runs in a terminal of its own, which `close_terminal` closes."""
        self._port = hold_port()
        self.port = self._port.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.lines: list[str] = []
        self._mark = uuid.uuid4().hex
        self._queue: queue.Queue[str | None] = queue.Queue()
        self._terminal = terminal
        self._closing = threading.Event()
        command = [python, "-u", "-m", "sunshine", "demo", "--port", str(self.port), "--data", str(data), *arguments]
        if terminal:
            self._screen, keyboard = pty.openpty()
            # So that Ctrl-C, and the end of the terminal, reach the process as signals.
            command = ["setsid", "--ctty", "--wait", *command]
        else:
            self._screen, keyboard = os.pipe()
        self.process = subprocess.Popen(
            command, stdin=keyboard if terminal else subprocess.DEVNULL, stdout=keyboard, stderr=keyboard, cwd=cwd,
            env=os.environ | environment | {MARK: self._mark}, start_new_session=not terminal,
        )
        os.close(keyboard)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        rest = b""
        with suppress(OSError):  # a terminal that nobody holds any more
            while not self._closing.is_set():
                if not select.select([self._screen], [], [], 0.1)[0]:
                    continue
                if not (piece := os.read(self._screen, 65536)):
                    break
                *whole, rest = (rest + piece).split(b"\n")
                # A prompt waits in the middle of its line.
                for line in [*whole, rest] if self._terminal else whole:
                    self._queue.put(line.decode(errors="replace").rstrip("\r"))
        os.close(self._screen)
        self._queue.put(None)

    def type(self, keys: str) -> None:
        os.write(self._screen, keys.encode())

    def close_terminal(self) -> None:
        self._closing.set()

    def __enter__(self) -> "DemoProcess":
        return self

    def __exit__(self, *_: object) -> None:
        wait_until(self._killed, END_S, "everything is killed")
        self.process.wait()
        self._port.close()
        self._closing.set()
        self._reader.join()

    def wait_for(self, pattern: str, seconds: float = START_S) -> re.Match[str]:
        """The first line of the terminal, from now on or earlier, that fits."""
        deadline = time.monotonic() + seconds
        seen = 0
        while True:
            for line in self.lines[seen:]:
                if match := re.search(pattern, line):
                    return match
            seen = len(self.lines)
            try:
                line = self._queue.get(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no line like {pattern!r} within {seconds} s, but:\n" + "\n".join(self.lines)) from None
            if line is None:
                self._queue.put(None)
                raise AssertionError(f"ended without a line like {pattern!r}:\n" + "\n".join(self.lines))
            self.lines.append(line)

    def login(self) -> tuple[str, str]:
        match = self.wait_for(r"Login +(\S+) / (\S+)")
        return match[1], match[2]

    @contextmanager
    def client(self) -> Iterator[httpx.Client]:
        """Signed in with the password that the terminal showed."""
        login, password = self.login()
        with httpx.Client(base_url=self.url, trust_env=False, timeout=60, headers={"Origin": self.url}) as client:
            client.post("/api/v1/login", json={"login": login, "password": password}).raise_for_status()
            yield client

    def pids(self) -> list[int]:
        """Every process that descends from this demo, whatever became of its parents."""
        mark = f"{MARK}={self._mark}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    if mark in (entry / "environ").read_bytes():
                        found.append(int(entry.name))
                except OSError:
                    continue  # it has just ended
        return found

    def maps_of(self, *words: str) -> str:
        """What the process of the demo with these words in its command line has mapped into its memory."""
        pattern = "\0".join(words).encode()
        (pid,) = [pid for pid in self.pids() if pattern in Path(f"/proc/{pid}/cmdline").read_bytes()]
        return Path(f"/proc/{pid}/maps").read_text()

    def _killed(self) -> bool:
        """Kills what is there; asked again, because some end by themselves meanwhile and some start others."""
        pids = self.pids()
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not pids

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(END_S)


def wait_until(condition: Callable[[], object], seconds: float, words: str) -> None:
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {words}"
        pause.wait(0.2)
