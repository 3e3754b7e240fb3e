"""Trying cameras that somebody is about to add: asks the centre for one, looks at it once, tells what came. Or for which ones
there are."""

import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

import structlog
from pydantic import ValidationError

from contract.edges import StreamFault
from contract.trials import Trial, TrialAnswer
from ingest.backoff import Backoff
from ingest.centre import Centre
from ingest.centre_errors import CentreError, CentreRefused
from ingest.finding import find
from ingest.pipe import Errand, Setup

TRIAL = (sys.executable, "-m", "ingest.trial")
# Opening takes 10 s at most, the first picture 20, watching 8; then the detector looks, on a slow box that is busy.
TRIAL_S = 75.0
# The centre keeps a request open until there is something to try. One that answers at once is not asked in a loop.
LEAST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 15.0
TELL_TIMES = 3
log = structlog.get_logger(__name__)


class Trials:
    """`run` works in a thread of its own until `stop`. `command` starts the process that looks."""

    def __init__(
        self, centre: Centre, setup: Setup, command: Sequence[str] = TRIAL, *, allow_loopback: bool = False,
        limit_s: float = TRIAL_S,
    ) -> None:
        self._centre = centre
        self._setup = setup
        self._command = [*command]
        self._allow_loopback = allow_loopback
        self._limit_s = limit_s
        self._stop = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None

    def stop(self) -> None:
        """What is being asked or tried ends with the process of the edge; the centre notices by its own clock."""
        self._stop.set()
        process = self._process
        if process is not None:
            process.kill()

    def run(self) -> None:
        backoff = Backoff(limit_s=LONGEST_PAUSE_S)
        while not self._stop.is_set():
            asked = time.monotonic()
            try:
                trial = self._centre.next_trial()
            except CentreError as error:
                self._stop.wait(backoff.pause_s(wish_s=error.retry_after_s))  # told by `Centre`, once per change
                continue
            backoff.reset()
            if trial is not None and not self._stop.is_set():
                self._tell(self._attempt(trial) if trial.urls else self._find(trial))
            elif trial is None:
                self._stop.wait(LEAST_PAUSE_S - (time.monotonic() - asked))

    def _find(self, trial: Trial) -> TrialAnswer:
        try:
            found = find(allow_loopback=self._allow_loopback)
        except OSError as error:
            log.error("cameras_not_looked_for", trial=trial.id, cause=str(error))
            found = []
        log.info("cameras_looked_for", trial=trial.id, found=len(found))
        return TrialAnswer(trial_id=trial.id, found=found)

    def _attempt(self, trial: Trial) -> TrialAnswer:
        errand = pickle.dumps(Errand(self._setup, trial, self._allow_loopback))
        try:
            # In a group of its own: Ctrl-C at a terminal is for the edge, which ends its trial itself.
            process = self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=2, process_group=0
            )
        except OSError as error:
            log.error("trial_not_started", trial=trial.id, cause=str(error))
            return _failed(trial, StreamFault.OTHER)
        if self._stop.is_set():  # it found no process to end
            process.kill()
        try:
            told, _ = process.communicate(errand, timeout=self._limit_s)
            answer = TrialAnswer.model_validate_json(told)
        except subprocess.TimeoutExpired:
            answer = _failed(trial, StreamFault.TIMEOUT)
        except (OSError, ValidationError):  # what it told is not quoted
            answer = _failed(trial, StreamFault.OTHER)
        finally:
            process.kill()
            process.communicate()
            self._process = None
        log.info("camera_tried", trial=trial.id, fault=answer.fault)
        return answer

    def _tell(self, answer: TrialAnswer) -> None:
        backoff = Backoff()
        for _ in range(TELL_TIMES):
            try:
                self._centre.tell_trial(answer)
            except CentreRefused as error:
                log.info("trial_not_taken", trial=answer.trial_id, reason=str(error))
                return
            except CentreError as error:
                if self._stop.wait(backoff.pause_s(wish_s=error.retry_after_s)):
                    return
            else:
                return


def _failed(trial: Trial, fault: StreamFault) -> TrialAnswer:
    return TrialAnswer(trial_id=trial.id, url=trial.urls[0], fault=fault)
