"""What the workers ask of the edge's recorder is answered: a slow disk holds up neither them nor what they have to tell."""

import contextlib
import queue
import threading
from collections import Counter
from collections.abc import Callable
from uuid import UUID

from contract.evidence import ClipFlaw, Manifest
from ingest.disk import Disk
from ingest.pipe import Answer, Call, Pipe
from ingest.recorder import Recorder


class Answering:
    """In a thread of its own, in the order in which they came, of all workers: a successor asks what its predecessor has told
    after that is kept. What was told of a camera of which nothing waits to be kept is known without the disk, and answered at
    once: a new camera does not wait for a disk that hangs. `on_evidence` is called for each violation or clip that is kept."""

    def __init__(self, recorder: Recorder, on_evidence: Callable[[], None], disk: Disk) -> None:
        self._recorder = recorder
        self._disk = disk
        self._on_evidence = on_evidence
        # Without a call: the worker is gone; without a pipe: all are.
        self._calls: queue.SimpleQueue[tuple[Pipe | None, Call | None]] = queue.SimpleQueue()
        # By camera, violations that are not kept yet.
        self._waiting: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="keep", daemon=True)
        self._thread.start()

    def ask(self, pipe: Pipe, call: Call) -> None:
        with self._lock:
            if call.method == "record":
                self._waiting[call.arguments[0].id] += 1
            at_once = call.method == "repeats" and not self._waiting[call.arguments[0]]
        if at_once:
            _send(pipe, self._answer(call))
        else:
            self._calls.put((pipe, call))

    def gone(self, pipe: Pipe) -> None:
        """Its worker will ask nothing more; the clips that it was gathering will not come."""
        self._calls.put((pipe, None))

    def stop(self, timeout_s: float) -> None:
        """After all that was asked, as far as there is time."""
        self._calls.put((None, None))
        self._thread.join(timeout_s)

    def _run(self) -> None:
        # Of each worker, the violations whose clips it is still gathering.
        gathering: dict[Pipe, dict[UUID, Manifest]] = {}
        while True:
            pipe, call = self._calls.get()
            if pipe is None:
                return
            if call is None:
                for lost in gathering.pop(pipe, {}).values():
                    self._answer(Call(0, "record_clip", (lost.camera_id, lost.violation_id, lost.digest(), ClipFlaw.STOPPED)))
                continue
            answer = self._answer(call)
            if call.method == "record":
                with self._lock:
                    self._waiting[call.arguments[0].id] -= 1
            if isinstance(answer.value, Manifest):
                gathering.setdefault(pipe, {})[answer.value.violation_id] = answer.value
            elif call.method == "record_clip":
                gathering.get(pipe, {}).pop(call.arguments[1], None)
            _send(pipe, answer)

    def _answer(self, call: Call) -> Answer:
        try:
            with self._disk.asked():
                value = getattr(self._recorder, call.method)(*call.arguments)
        except Exception as error:
            return Answer(call.number, error=_portable(error))
        if call.method in ("record", "record_clip"):
            self._on_evidence()
        return Answer(call.number, value)


def _send(pipe: Pipe, answer: Answer) -> None:
    with contextlib.suppress(OSError):  # the worker has died meanwhile; what it told is kept
        pipe.send(answer)


def _portable(error: Exception) -> Exception:
    """The disk's errors mean something to the fleet; of others the words are enough."""
    if isinstance(error, OSError):
        return OSError(error.errno, error.strerror)
    return RuntimeError(f"{type(error).__name__}: {error}")
