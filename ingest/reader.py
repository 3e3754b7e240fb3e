"""One camera, looked at for ever: reconnects, replaces a reader that hangs, keeps only the latest picture."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import closing
from types import TracebackType
from typing import Self, overload

import av
import structlog

from contract.edges import StreamFault
from ingest.backoff import Backoff
from ingest.camera_state import ReaderState, Status, StreamInfo
from ingest.crash import at_camera
from ingest.errors import SourceError, describe
from ingest.frames import Frame, FrameSource, Picture, Still
from ingest.logins import Door

# No packet for so long means that the thread is stuck where no time-out reaches (a name server, a driver):
# longer than opening (10 s) and asking what is wrong (6 s) take together.
HANG_S = 30.0
# Stuck threads cannot be ended, only left behind. With so many of them a new one waits until one comes back.
MAX_STUCK = 4
# After this time of looking a break is a new trouble, and the pauses begin from the shortest again.
STEADY_S = 10.0

_log = structlog.get_logger("ingest.reader")


class _Attempt:
    """One connection, in a thread of its own."""

    def __init__(self) -> None:
        self.source: FrameSource | None = None
        self.pictures = 0
        self.first_at = 0.0
        self.shift_s = 0.0
        self.finished = False
        self.fault = StreamFault.OTHER
        self.detail = ""

    @property
    def progress(self) -> tuple[int, int]:
        return self.pictures, self.source.packets if self.source else -1


class CameraReader:
    """Reads one camera in the background. Nothing that happens here reaches another camera.

    Args:
        name: names the camera in the log.
        make_source: makes the source of one connection; may raise SourceError.
        on_drop: called for each picture that gives way to a newer one or grows old.
        on_picture: called for each picture that can be taken, in the reader's thread.
        camera_id: stands in the stack of a thread that FFmpeg crashes.
        door: is asked before each connection, and told how it ended; the source tells it when it is in.
    """

    def __init__(
        self,
        name: str,
        make_source: Callable[[], FrameSource],
        *,
        backoff: Backoff | None = None,
        hang_s: float = HANG_S,
        on_drop: Callable[[], None] | None = None,
        on_picture: Callable[[], None] | None = None,
        camera_id: str = "",
        door: Door | None = None,
    ) -> None:
        self.name = name
        self._on_drop = on_drop
        self._on_picture = on_picture
        self._camera_id = camera_id
        self._door = door
        self._make_source = make_source
        self._backoff = backoff or Backoff()
        self._hang_s = hang_s
        self._changed = threading.Condition()
        self._supervisor: threading.Thread | None = None
        self._worker: threading.Thread | None = None
        self._current: _Attempt | None = None
        self._stuck: list[_Attempt] = []
        self._slot: Picture | None = None
        self._slot_at = 0.0
        self._status = Status.STARTING
        self._fault: StreamFault | None = None
        self._told: set[StreamFault] = set()
        self._pictures = self._taken = self._dropped = self._outdated = self._damaged = 0
        self._reconnects: Counter[StreamFault] = Counter()
        self._first_at: float | None = None
        self._last_camera_time_s = 0.0
        self._stream: StreamInfo | None = None
        self._stopping = False
        self._wanted: tuple[float | None, float | None] = (None, None)
        self._stretch = 1.0

    def start(self) -> None:
        self._supervisor = threading.Thread(target=self._supervise, name=f"watch {self.name}", daemon=True)
        self._supervisor.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        """Ends the reading, and waits so long for it; a thread that waits for a dead camera is left to end by itself."""
        with self._changed:
            self._stopping = True
            attempt, self._current = self._current, None
            self._slot = None
            if self._status is not Status.ENDED:
                self._set(Status.STOPPED, None)
            self._changed.notify_all()
        if attempt and attempt.source:
            attempt.source.stop()
        until = time.monotonic() + timeout_s
        if self._supervisor:
            self._supervisor.join(timeout_s)
        if self._worker:  # asked for only now: the supervisor may just have started it
            self._worker.join(max(0.0, until - time.monotonic()))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def want(self, interval_s: float | None, at_s: float | None = None) -> None:
        """For a while a picture is needed this often, and one at this time, in camera time; None: no longer."""
        with self._changed:
            self._wanted = (interval_s, at_s)
            self._tell_wanted()

    def _tell_wanted(self) -> None:
        attempt, (interval_s, at_s) = self._current, self._wanted
        if attempt is not None and attempt.source is not None:
            attempt.source.want(interval_s, None if at_s is None else at_s - attempt.shift_s)

    def stretch(self, factor: float) -> None:
        """Lengthen the distance of pictures by so much from now on; 1.0 as configured."""
        with self._changed:
            self._stretch = factor
            if self._current is not None and self._current.source is not None:
                self._current.source.stretch(factor)

    @overload
    def take(self, timeout_s: float = 0.0, max_age_s: float | None = None) -> Frame | None: ...

    @overload
    def take(
        self, timeout_s: float = 0.0, max_age_s: float | None = None, *, wanted: Callable[[Picture], bool]
    ) -> Frame | Still | None: ...

    def take(
        self, timeout_s: float = 0.0, max_age_s: float | None = None, *, wanted: Callable[[Picture], bool] | None = None
    ) -> Frame | Still | None:
        """The latest picture, each one only once.

        Args:
            timeout_s: how long to wait for one.
            max_age_s: an older one is thrown away.
            wanted: says whether somebody will look at it; the conversion is saved where nobody will.

        Returns:
            None when none came in time, or none will come any more.
        """
        until = time.monotonic() + timeout_s
        with self._changed:
            while True:
                if self._slot and max_age_s is not None and time.monotonic() - self._slot_at > max_age_s:
                    self._slot = None
                    self._outdated += 1
                    self._drop()
                left = until - time.monotonic()
                if self._slot or left <= 0 or self._status in (Status.ENDED, Status.STOPPED):
                    break
                self._changed.wait(left)
            picture, self._slot = self._slot, None
        if picture is None:
            return None
        frame: Frame | Still
        try:
            needed = wanted is None or wanted(picture)
            frame = picture.frame() if needed else Still(picture.camera_time_s, picture.wall_time)
        except (av.FFmpegError, ValueError):
            with self._changed:
                self._damaged += 1
            return None
        with self._changed:
            self._taken += 1
        return frame

    def _drop(self) -> None:
        self._dropped += 1
        if self._on_drop is not None:
            self._on_drop()

    def state(self) -> ReaderState:
        with self._changed:
            source = self._current.source if self._current else None
            return ReaderState(
                status=self._status,
                fault=self._fault,
                pictures=self._pictures,
                taken=self._taken,
                dropped=self._dropped,
                damaged=self._damaged + (source.damaged if source else 0),
                reconnects=dict(self._reconnects),
                picture_age_s=time.monotonic() - self._slot_at if self._pictures else None,
                stream=source.info if source and source.info else self._stream,
                kept_bytes=source.kept_bytes if source else 0,
                outdated=self._outdated,
            )

    # In the supervisor's thread.

    def _supervise(self) -> None:
        while self._may_connect():
            attempt = _Attempt()
            with self._changed:
                if not self._stopping:  # else the attempt ends before it connects
                    self._current = attempt
            work = at_camera(self._camera_id, self._work)
            worker = threading.Thread(target=work, args=(attempt,), name=f"read {self.name}", daemon=True)
            try:
                worker.start()
                self._worker = worker  # not before: `stop` joins it, and only a thread that has started can be joined
            except RuntimeError as error:  # there is no room for one more thread
                attempt.finished, attempt.detail = True, str(error)
            self._wait_for(attempt)
            if self._door is not None:
                self._door.tell("refused" if attempt.fault is StreamFault.WRONG_PASSWORD else "over")
            with self._changed:
                if self._stopping:
                    return
                self._current = None
                if attempt.source:
                    self._damaged += attempt.source.damaged
                    self._stream = attempt.source.info or self._stream
                    if not attempt.source.live and attempt.finished:
                        self._set(Status.ENDED, attempt.fault, attempt.detail)
                        return
                if not attempt.finished:
                    self._stuck.append(attempt)
                self._set(Status.NOT_LOOKING, attempt.fault, attempt.detail)
            if attempt.source and not attempt.finished:
                attempt.source.stop()
            if attempt.pictures and time.monotonic() - attempt.first_at > STEADY_S:
                self._backoff.reset()
            if not self._pause(self._backoff.pause_s(attempt.fault)):
                return
            with self._changed:
                self._reconnects[attempt.fault] += 1

    def _may_connect(self) -> bool:
        """Waits for its turn with this login; False when it is time to stop."""
        door = self._door
        while door is not None:
            seconds = self._answered(door, door.ask())
            if not seconds:
                return seconds is not None
            with self._changed:
                if not self._stopping:
                    self._set(Status.NOT_LOOKING, StreamFault.WRONG_PASSWORD, "other channels were refused; it is not tried now")
                self._changed.wait_for(lambda: self._stopping, seconds)
        return True

    def _answered(self, door: Door, answer: Future[float]) -> float | None:
        """None when it is time to stop."""
        answer.add_done_callback(self._wake)
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or answer.done())
            if not self._stopping:
                return answer.result()
        answer.add_done_callback(lambda _: door.tell("over"))
        return None

    def _wake(self, _: object) -> None:
        with self._changed:
            self._changed.notify_all()

    def _wait_for(self, attempt: _Attempt) -> None:
        """Until the attempt is over, hangs, or is no longer wanted."""
        with self._changed:
            while not (attempt.finished or self._stopping):
                before = attempt.progress
                over = self._changed.wait_for(lambda: attempt.finished or self._stopping, self._hang_s)
                if not over and attempt.progress == before:
                    attempt.fault = StreamFault.TIMEOUT
                    attempt.detail = f"no sign of life for {self._hang_s:g} s; the reader is replaced"
                    return

    def _pause(self, pause_s: float) -> bool:
        """Waits, also for a free place among the stuck threads; False when it is time to stop."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopping, pause_s)
            self._changed.wait_for(lambda: self._stopping or self._count_stuck() < MAX_STUCK)
            return not self._stopping

    def _count_stuck(self) -> int:
        self._stuck = [attempt for attempt in self._stuck if not attempt.finished]
        return len(self._stuck)

    def _set(self, status: Status, fault: StreamFault | None, detail: str = "") -> None:
        """Changes the status; one line in the log for each change, and for each new cause while the camera is away."""
        new = status is not self._status
        self._status, self._fault = status, fault
        if status is Status.LOOKING:
            if new:
                self._told.clear()
                _log.info("camera_looking", camera=self.name, stream=str(self._stream) if self._stream else None)
        elif fault and (new or fault not in self._told):
            self._told.add(fault)
            if fault is StreamFault.ENDED:
                _log.info("camera_ended", camera=self.name)
            else:
                _log.warning("camera_not_looking", camera=self.name, fault=fault.value, detail=detail, status=status.value)
        self._changed.notify_all()

    # In the attempt's own thread.

    def _work(self, attempt: _Attempt) -> None:
        fault, detail = StreamFault.ENDED, ""
        try:
            source = self._make_source()
            with self._changed:
                if self._current is not attempt:
                    return
                attempt.source = source
                self._tell_wanted()
                if self._stretch != 1.0:
                    source.stretch(self._stretch)
            with closing(source.pictures()) as pictures:
                for picture in pictures:
                    if not self._deliver(attempt, source, picture):
                        return
                    del picture  # three megabytes, until the next one comes
        except SourceError as error:
            fault, detail = error.fault, error.detail
        except Exception as error:  # whatever a library throws, this camera is tried again and no other one suffers
            fault, detail = StreamFault.OTHER, describe(error)
        finally:
            with self._changed:
                if self._current is attempt:
                    attempt.fault, attempt.detail = fault, detail
                attempt.finished = True
                self._changed.notify_all()

    def _deliver(self, attempt: _Attempt, source: FrameSource, picture: Picture) -> bool:
        """Puts a picture into the slot; False when the attempt has been given up, and must end."""
        now = time.monotonic()
        with self._changed:
            if self._current is not attempt:
                return False
            if self._first_at is None:
                self._first_at = now
            if not attempt.pictures:
                attempt.first_at = now
                # Each connection counts from 0; here the time goes on where it was, with the time that went by.
                if self._pictures:
                    attempt.shift_s = max(now - self._first_at, self._last_camera_time_s) - picture.camera_time_s
                    self._tell_wanted()
                self._stream = source.info
                self._set(Status.LOOKING, None)
            attempt.pictures += 1
            if self._slot is not None:
                self._drop()
            camera_time_s = picture.camera_time_s + attempt.shift_s
            self._slot = dataclasses.replace(picture, camera_time_s=camera_time_s, index=self._pictures)
            self._slot_at = now
            self._last_camera_time_s = camera_time_s
            self._pictures += 1
            self._changed.notify_all()
        if self._on_picture is not None:
            self._on_picture()
        return True
