"""The worker processes of an edge: shares the cameras among them, keeps what they find, and replaces those that die or hang."""

import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import structlog

from contract.cameras import CameraConfig, EdgeConfig
from contract.catalogue import Text
from contract.edges import EdgeLoad, EdgeTrouble, StreamFault
from contract.faults import FAULT_TEXTS
from ingest.answering import Answering
from ingest.backoff import Backoff
from ingest.camera_state import StreamInfo
from ingest.disk import Disk
from ingest.findings import Latest
from ingest.logins import Logins
from ingest.minutes import MinuteBook
from ingest.overload import Overload
from ingest.pipe import STOP, Answer, Beat, Call, ClockOff, Knock, Notes, ProviderLost, Ready, Setup, Tried, Unfit
from ingest.recorder import Recorder
from ingest.shares import Shares
from ingest.worker_process import NO_ROOM, SHORT_OF_MEMORY, WorkerProcess

WORKER = (sys.executable, "-m", "ingest.worker")
# A worker tells of itself every second, and between two looks at the latest; a look takes less than a second on any box.
HANG_S = 60.0
# Loading the nets on a slow box with a cold disk.
READY_S = 120.0
# TensorRT builds its engines at the first start, minutes for each net.
BUILT_S = 1800.0
TICK_S = 0.5
# The centre's time is known to a second; hours are set to the minute.
CLOCK_STEP_S = 5.0
# A worker that has worked for so long had no trouble of its own. One that dies again and again is started ever more rarely, in
# the end every five minutes: an unattended box never gives up, and a picture that kills it does not heat it either.
STEADY_S = 600.0
LONGEST_PAUSE_S = 300.0
# How long it is told that memory was short: until somebody who looks once a day has seen it.
TOLD_S = 86_400.0
log = structlog.get_logger(__name__)


@dataclass
class _Worker:
    number: int
    backoff: Backoff = field(default_factory=lambda: Backoff(limit_s=LONGEST_PAUSE_S))
    process: WorkerProcess | None = None
    ready: Ready | None = None
    begun_at: float = 0.0
    beat_at: float = 0.0
    due_at: float = float("-inf")
    beat: Beat | None = None
    restarts: int = 0
    sent: EdgeConfig | None = None
    sent_off_s: float = 0.0


class Crew:
    """`run` works in a thread of its own until `stop`; `apply` may be called by any thread."""

    def __init__(
        self, recorder: Recorder, book: MinuteBook, on_evidence: Callable[[], None], setup: Setup, most: int,
        command: Sequence[str] = WORKER, on_latest: Callable[[Latest], None] = lambda _: None,
        disk: Disk | None = None, clock_off_s: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """`most` workers, no more than there are cameras; `command` starts one, and is given the descriptor to talk over."""
        self.disk = disk or Disk()
        self._answering = Answering(recorder, on_evidence, self.disk)
        self._book = book
        self._on_latest = on_latest
        self._clock_off_s = clock_off_s
        self._setup = setup
        self._command = [*command]
        # Held for whatever changes workers or shares; never while something is sent or recorded.
        self._lock = threading.Lock()
        self._workers: list[_Worker] = []
        self._shares = Shares(most)
        self._config: EdgeConfig | None = None
        self._stop = threading.Event()
        self._running = threading.Lock()
        self._wake = threading.Event()
        self._overload = Overload()
        self._logins = Logins()
        self._provider_lost = False
        self._short_until = float("-inf")  # of memory
        self.unfit: str | None = None

    @property
    def trouble(self) -> EdgeTrouble | None:
        told = next((beat.trouble for beat in self.beats().values() if beat.trouble is not None), None)
        return told or (EdgeTrouble.MEMORY_SHORT if time.monotonic() < self._short_until else None)

    @property
    def cameras(self) -> list[CameraConfig]:
        return self._shares.cameras

    def load(self) -> EdgeLoad:
        with self._lock:
            told = [worker.ready for worker in self._workers if worker.ready is not None]
        return EdgeLoad(
            watched=len(self.cameras), carries=self._overload.carries, is_exact=any(one.is_exact for one in told),
            no_provider=self._provider_lost or any(one.no_provider for one in told),
            no_decoder=any(one.no_decoder for one in told) or any(stream.lost_hardware for stream in self._streams()),
        )

    def _streams(self) -> list[StreamInfo]:
        cameras = [camera for beat in self.beats().values() for camera in beat.cameras.values()]
        return [camera.reader.stream for camera in cameras if camera.reader.stream is not None]

    def beats(self) -> dict[int, Beat]:
        """What each worker last told of itself, by its number."""
        with self._lock:
            return {worker.number: worker.beat for worker in self._workers if worker.beat is not None and worker.ready}

    def restarts(self) -> dict[int, int]:
        with self._lock:
            return {worker.number: worker.restarts for worker in self._workers}

    def crashes(self) -> dict[str, int]:
        """How often cameras have crashed their worker since they were changed last."""
        with self._lock:
            return self._shares.crashes()

    def pids(self) -> dict[int, int]:
        """Process ids of the living workers, by number."""
        with self._lock:
            processes = {worker.number: worker.process for worker in self._workers}
        return {number: process.pid for number, process in processes.items() if process is not None and process.status() is None}

    def apply(self, config: EdgeConfig) -> None:
        """Make the cameras those of the list."""
        with self._lock:
            gone = self._shares.apply(config.cameras)
            self._workers += [_Worker(number) for number in range(len(self._workers), self._shares.workers)]
            self._config = config
        for camera in config.cameras:
            self._book.watch(camera.id)
        for camera_id in gone:
            # Told here: a worker that is just starting never knew of it.
            log.info("camera_removed", camera=camera_id)
            self._book.unwatch(camera_id)
        self._wake.set()

    def leave_out(self, taken: set[str]) -> None:
        """At the addresses of these cameras another one's device answers. They are told so each time: what their worker has told
        just before may come in later."""
        with self._lock:
            self._shares.taken = taken
        for camera_id in taken:
            self._book.state(camera_id, StreamFault.OTHER_DEVICE)

    def run(self) -> None:
        """Until `stop`, or until a worker says that it cannot work, which then stands in `unfit`."""
        with self._running:
            while not self._stop.is_set() and self.unfit is None:
                with self._lock:
                    workers = list(self._workers)
                for worker in workers:
                    self._look_after(worker)
                stretches = [camera.stretch for beat in self.beats().values() for camera in beat.cameras.values()]
                self._overload.judge(stretches, len(self.cameras))
                self.disk.tell()
                self._wake.wait(TICK_S)
                self._wake.clear()

    def stop(self, timeout_s: float) -> None:
        """Ends `run` and all workers; after the time-out those that have not ended are killed."""
        self._stop.set()
        self._wake.set()
        until = time.monotonic() + timeout_s
        with self._running:  # or it might be starting a worker just now
            for worker in self._workers:
                if worker.process is not None:
                    worker.process.send(STOP)
        for worker in self._workers:
            if worker.process is not None:
                worker.process.end(max(0.0, until - time.monotonic()))
        # What they told last is kept too, as far as there is time; a clip that is not is told as missing at the next start.
        self._answering.stop(max(0.0, until - time.monotonic()))
        for camera in self.cameras:
            self._book.unwatch(camera.id)

    # In the thread that runs.

    def _look_after(self, worker: _Worker) -> None:
        now = time.monotonic()
        if worker.process is None:
            if now >= worker.due_at:
                try:
                    self._start(worker)
                except (OSError, RuntimeError) as error:  # RuntimeError: there is no room for a thread
                    self._put_off(worker, "worker_not_started", cause=str(error), words=NO_ROOM)
            return
        code = worker.process.status()
        limit_s = HANG_S if worker.ready else BUILT_S if self._setup.provider == "tensorrt" else READY_S
        if code is not None:
            self._ended(worker, code, worker.process.crashed_at(), worker.process.killed())
        elif now - worker.beat_at > limit_s:
            log.error("worker_hangs", worker=worker.number, pid=worker.process.pid, seconds=limit_s)
            worker.process.kill()
            worker.beat_at = now  # said once, and again where it does not even die
        elif worker.ready:
            self._tell_cameras(worker)

    def _start(self, worker: _Worker) -> None:
        """Raises OSError or RuntimeError where there is no room for one more process or thread."""
        process = WorkerProcess(f"worker {worker.number}", self._command, partial(self._handle, worker), self._gone)
        with self._lock:
            worker.process, worker.ready, worker.sent, worker.sent_off_s = process, None, None, 0.0
            worker.begun_at = worker.beat_at = time.monotonic()
        process.set_up(self._setup)
        log.info("worker_started", worker=worker.number, pid=process.pid)

    def _ended(self, worker: _Worker, code: int, camera_id: str | None, killed: Text | None = None) -> None:
        """Signals are negative; `camera_id`: at which it crashed, if that is known; `killed`: the words, if it was. What it had
        told is kept; what it was about to tell, its successor sees again."""
        if self._stop.is_set():
            return
        if camera_id is not None:
            self._set_aside(camera_id)
        if camera_id is not None or time.monotonic() - worker.begun_at > STEADY_S:
            worker.backoff.reset()
        worker.restarts += 1
        if killed is SHORT_OF_MEMORY:
            self._short_until = time.monotonic() + TOLD_S
        words = {} if killed is None else {"words": f"{killed.en} {killed.zh}"}
        self._put_off(worker, "worker_ended", status=code, camera=camera_id, **words)

    def _set_aside(self, camera_id: str) -> None:
        with self._lock:
            found = self._shares.set_aside(camera_id)
        if found is None:
            return  # it was taken out meanwhile
        camera, pause_s = found
        text = FAULT_TEXTS[StreamFault.CRASHES]
        log.error(
            "camera_set_aside", camera=camera_id, name=camera.name, again_in_s=round(pause_s, 1), words=f"{text.en} {text.zh}"
        )
        self._book.state(camera_id, StreamFault.CRASHES)

    def _put_off(self, worker: _Worker, event: str, **why: object) -> None:
        pause_s = worker.backoff.pause_s()
        log.error(event, worker=worker.number, **why, again_in_s=round(pause_s, 1))
        with self._lock:
            worker.process, worker.ready, worker.beat = None, None, None
            worker.due_at = time.monotonic() + pause_s
            mine = self._shares.of(worker.number)
        for camera in mine:
            self._book.state(camera.id, StreamFault.DETECTOR_FAILED)

    def _tell_cameras(self, worker: _Worker) -> None:
        off_s = self._clock_off_s()
        if worker.process is not None and abs(off_s - worker.sent_off_s) > CLOCK_STEP_S:
            worker.sent_off_s = off_s
            worker.process.send(ClockOff(off_s))
        with self._lock:
            if self._config is None or worker.process is None:
                return
            # What another worker still reads it lets go of first: many a camera serves but one, and nothing shall be told twice.
            others = [one.beat for one in self._workers if one is not worker and one.beat is not None]
            taken = {camera_id for beat in others for camera_id in beat.cameras}
            share = self._config.model_copy(update={"cameras": self._shares.of(worker.number, taken)})
        if share != worker.sent:
            worker.sent = share
            worker.process.send(share)

    # In the thread of a worker.

    def _gone(self, process: WorkerProcess) -> None:
        self._wake.set()
        self._answering.gone(process.pipe)
        self._logins.gone(lambda who: isinstance(who, tuple) and who[0] is process)

    def _handle(self, worker: _Worker, process: WorkerProcess, message: object) -> None:
        match message:
            case Notes(calls):
                for method, arguments in calls:
                    getattr(self._book, method)(*arguments)
                worker.beat_at = time.monotonic()  # a round of many cameras on a slow box may take longer than `HANG_S`
            case Call():
                self._answering.ask(process.pipe, message)
            case Knock(number, login, camera_id):
                answer = self._logins.ask(login, (process, camera_id))
                answer.add_done_callback(lambda told: process.send(Answer(number, told.result())))
            case Tried(login, camera_id, outcome):
                self._logins.tell(login, (process, camera_id), outcome)
            case Latest():
                self._on_latest(message)
            case Beat() | Ready():
                with self._lock:
                    if worker.process is process:  # else it is of one that has died, and was told of meanwhile
                        worker.beat_at = time.monotonic()
                        if isinstance(message, Beat):
                            worker.beat = message
                        else:
                            worker.ready = message
                            self._wake.set()
            case ProviderLost(cause):
                self._lose_provider(cause)
            case Unfit(words):
                self.unfit = words

    def _lose_provider(self, cause: str) -> None:
        """A graphics card that failed under one worker would fail under its successor: the kitchens are watched without it."""
        if self._provider_lost:
            return  # another worker has told it
        self._provider_lost = True
        self._setup = replace(self._setup, provider="cpu")
        log.error(
            "provider_lost", cause=cause,
            words="The graphics card or provider that the detector computed with has stopped working. The processor computes "
            "until the edge is started again. 用于推理的显卡或推理后端已停止工作，改由处理器计算，直至边缘端重新启动。",
        )
