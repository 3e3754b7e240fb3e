"""A worker as the process that it is: started, talked to, and asked what it died of."""

import os
import signal
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from contract.catalogue import Text
from contract.edges import EdgeTrouble
from contract.faults import TROUBLE_TEXTS
from ingest.crash import camera_in
from ingest.memory import kills
from ingest.pipe import Pipe, Setup

# A thread of its own empties its pipe of 200 kB: one that takes nothing for so long is stopped, or holds that thread up.
SEND_S = 10.0
# glibc keeps a heap for each of up to eight threads a core; two heaps for all the readers' threads are plenty.
FRUGAL = {"MALLOC_ARENA_MAX": "2"}
# One that is killed and does not die waits for a disk, and ends with that.
DYING_S = 1.0
NO_ROOM = (
    "A worker could not be started, so its cameras are not looked at; it is tried again. Free memory on this box, or give the "
    "edge fewer workers (--workers). "
    "无法启动工作进程，其摄像头暂停查看，稍后自动重试。请释放本机内存，或减少工作进程（--workers）。"
)
SHORT_OF_MEMORY = TROUBLE_TEXTS[EdgeTrouble.MEMORY_SHORT]
KILLED = Text(
    zh="工作进程被外部强行结束（可能是人为，也可能是内存耗尽，可用 journalctl -k 查看系统日志），其摄像头由新进程接管。",
    en="A worker was killed from outside, by somebody, or by the system for want of memory (its log says so: journalctl -k). "
    "Another takes its cameras over.",
)
# The stack of one thread, a hundred calls deep at most; it fits into a pipe.
STACK_BYTES = 64 * 1024


class WorkerProcess:
    """`on_message` and, when nothing more will come, `on_end` are called in a thread of its own."""

    def __init__(
        self, name: str, command: Sequence[str], on_message: Callable[["WorkerProcess", object], None],
        on_end: Callable[["WorkerProcess"], None],
    ) -> None:
        """`command` is given the descriptor to talk over. Raises OSError or RuntimeError where there is no room for one more
        process or thread."""
        self._on_message = on_message
        self._on_end = on_end
        self._is_read = threading.Event()
        self._is_killed = False
        self._kills = kills()
        ours, theirs = socket.socketpair()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", int(SEND_S), int(SEND_S % 1 * 1e6)))
        self.pipe = Pipe(ours)
        reading, writing = os.pipe()
        self._stack, self._stack_there = os.fdopen(reading, "rb", buffering=0), writing
        try:
            with theirs:
                # Before the process: where that cannot be started, this ends with `theirs`.
                threading.Thread(target=self._serve, name=name, daemon=True).start()
                # Its own code and settings, and nothing of this process but standard error and the two descriptors. In a group of
                # its own: Ctrl-C at a terminal is for the edge alone, also while a worker is still loading.
                self._process = subprocess.Popen(
                    [*command, str(theirs.fileno())], pass_fds=[theirs.fileno(), writing], stdin=subprocess.DEVNULL, stdout=2,
                    env=os.environ | FRUGAL, process_group=0,
                )
        except BaseException:
            self._stack.close()
            raise
        finally:
            os.close(writing)
        self.pid = self._process.pid

    def set_up(self, setup: Setup) -> None:
        """The first that it is told; nothing comes from it before."""
        self.send(replace(setup, stack=self._stack_there))

    def send(self, message: object) -> None:
        try:
            self.pipe.send(message)
        except OSError:
            self.kill()  # it has died, or takes nothing more and has half a message now

    def kill(self) -> None:
        """Not waited for: one that waits for a disk that hangs does not die before that answers."""
        self._is_killed = self._is_killed or self._process.poll() is None
        self._process.kill()

    def status(self) -> int | None:
        """None while it lives, and until all that it told has been taken in; signals are negative."""
        status = self._process.poll()
        return status if self._is_read.is_set() else None

    def end(self, timeout_s: float) -> None:
        """It is given so long to end by itself."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(DYING_S)
        self._stack.close()

    def crashed_at(self) -> str | None:
        """Once it has ended, and only once: the camera that it was at when it crashed."""
        with self._stack:
            return camera_in((self._stack.read(STACK_BYTES) or b"").decode(errors="replace"))

    def killed(self) -> Text | None:
        """Once it has ended: the words for it, if it was killed from outside. Of those that it kills because memory ran out, the
        system tells how many they are, not which."""
        if self._is_killed or self._process.returncode != -signal.SIGKILL:
            return None
        return SHORT_OF_MEMORY if kills() > self._kills else KILLED

    def _serve(self) -> None:
        try:
            while True:
                self._on_message(self, self.pipe.receive())
        except (EOFError, OSError):
            pass
        finally:
            self.pipe.close()
            self._is_read.set()
            self._on_end(self)
