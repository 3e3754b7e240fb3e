"""The edge asks for cameras to try, looks in a process of its own, and tells."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from contract.credentials import seal_credential
from contract.edges import StreamFault
from contract.trials import Trial, TrialAnswer
from ingest import finding, trying
from ingest.pipe import Setup
from ingest.trying import Trials
from tests.ingest.edge_world import CentreInMemory, problem
from tests.ingest.onvif_device import in_the_network, matches

KEY = X25519PrivateKey.generate()
SCRIPTED = (sys.executable, "-m", "tests.ingest.trial_main")
SECRET = "p%@:/ss-öfter"


class Asked:
    """A centre that hands out one trial and keeps what it is told."""

    def __init__(self, trial: Trial | None, refusal: httpx.Response | None = None) -> None:
        self.trial, self.refusal = trial, refusal
        self.questions = 0
        self.answers: list[TrialAnswer] = []
        self.told = threading.Event()
        self.client = CentreInMemory(before=self.answer).client()

    def answer(self, request: httpx.Request) -> httpx.Response | None:
        if request.url.path.endswith("/trials/next"):
            self.questions += 1
            trial, self.trial = self.trial, None
            return httpx.Response(204) if trial is None else httpx.Response(200, content=trial.model_dump_json())
        if request.url.path.endswith("/trials/answers"):
            self.answers.append(TrialAnswer.model_validate_json(request.content))
            self.told.set()
            return self.refusal or httpx.Response(204)
        return None


@pytest.fixture
def run() -> Iterator[Callable[..., Trials]]:
    started: list[tuple[Trials, threading.Thread]] = []

    def start(asked: Asked, command: tuple[str, ...] = SCRIPTED, **options: Any) -> Trials:
        trials = Trials(asked.client, Setup(KEY.private_bytes_raw(), None, 1), command, allow_loopback=True, **options)
        thread = threading.Thread(target=trials.run)
        thread.start()
        started.append((trials, thread))
        return trials

    yield start
    for trials, thread in started:
        trials.stop()
        thread.join(30)
        assert not thread.is_alive()


def trial(url: str) -> Trial:
    sealed = seal_credential(KEY.public_key(), "camera-1", SECRET)
    return Trial(id="trial-1", camera_id="camera-1", urls=[url], username="admin", password_sealed=sealed)


def test_a_camera_is_tried_and_told_of(
    serve: Callable[..., Any], run: Callable[..., Trials], capfd: pytest.CaptureFixture[str]
) -> None:
    asked = Asked(trial(serve(auth="digest", username="admin", password=SECRET).url))

    run(asked)

    assert asked.told.wait(60)
    [answer] = asked.answers
    assert answer.fault is None
    assert answer.sighting is not None
    assert answer.sighting.people[0].cap == "missing"
    told = answer.model_dump_json() + "".join(capfd.readouterr())
    assert SECRET not in told
    assert "fter" not in told


def test_cameras_are_looked_for_and_told_of(monkeypatch: pytest.MonkeyPatch, run: Callable[..., Trials]) -> None:
    asked = Asked(Trial(id="trial-1", camera_id="camera-1", urls=[]))

    with in_the_network(monkeypatch, ("127.0.0.9", matches())):
        run(asked, ("/no/process/for/it",))
        assert asked.told.wait(60)

    [answer] = asked.answers
    assert (answer.trial_id, answer.url) == ("trial-1", "")
    assert [camera.address for camera in answer.found or []] == ["127.0.0.9"]


def test_where_nobody_can_be_asked_nothing_is_found(monkeypatch: pytest.MonkeyPatch, run: Callable[..., Trials]) -> None:
    asked = Asked(Trial(id="trial-1", camera_id="camera-1", urls=[]))
    monkeypatch.setattr(finding.socket, "if_nameindex", lambda: [(2**20, "gone")])

    run(asked)

    assert asked.told.wait(60)
    assert asked.answers[0].found == []


def test_wrong_password_is_told_without_it(
    serve: Callable[..., Any], run: Callable[..., Trials], capfd: pytest.CaptureFixture[str]
) -> None:
    asked = Asked(trial(serve(auth="basic", username="admin", password="another").url))

    run(asked)

    assert asked.told.wait(60)
    assert asked.answers[0].fault is StreamFault.WRONG_PASSWORD
    told = asked.answers[0].model_dump_json() + "".join(capfd.readouterr())
    assert "fter" not in told


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        ("import time; time.sleep(600)", StreamFault.TIMEOUT),
        ("raise SystemExit(1)", StreamFault.OTHER),
        ("print('{}')", StreamFault.OTHER),
    ],
    ids=["hangs", "dies", "talks-nonsense"],
)
def test_a_look_that_fails_is_told_too(run: Callable[..., Trials], command: str, fault: StreamFault) -> None:
    asked = Asked(trial("rtsp://192.0.2.7/x"))

    run(asked, (sys.executable, "-c", command), limit_s=1.0)

    assert asked.told.wait(60)
    assert asked.answers[0].fault is fault


def test_a_look_that_cannot_be_started_is_told_too(run: Callable[..., Trials]) -> None:
    asked = Asked(trial("rtsp://192.0.2.7/x"))

    run(asked, ("/no/room/for/it",))

    assert asked.told.wait(60)
    assert asked.answers[0].fault is StreamFault.OTHER


def test_the_end_does_not_wait_for_a_camera(run: Callable[..., Trials], wait_until: Callable[..., None]) -> None:
    asked = Asked(trial("rtsp://192.0.2.7/x"))

    trials = run(asked, (sys.executable, "-c", "import time; time.sleep(600)"))
    wait_until(lambda: trials._process is not None)
    process = trials._process
    trials.stop()

    assert process is not None
    wait_until(lambda: process.poll() is not None)


def test_the_end_does_not_wait_for_a_look_that_was_just_being_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else would end it: it is in a group of its own."""
    started = trying.subprocess.Popen

    def popen(*arguments: Any, **options: Any) -> Any:
        trials.stop()
        return started(*arguments, **options)

    sleeper = (sys.executable, "-c", "import time; time.sleep(600)")
    trials = Trials(Asked(None).client, Setup(KEY.private_bytes_raw(), None, 1), sleeper, limit_s=10.0)
    monkeypatch.setattr(trying.subprocess, "Popen", popen)
    assert trials._attempt(trial("rtsp://192.0.2.7/x")).fault is StreamFault.OTHER  # not a time-out


def test_a_centre_that_answers_at_once_is_asked_slowly(run: Callable[..., Trials], wait_until: Callable[..., None]) -> None:
    asked = Asked(None)

    run(asked)
    wait_until(lambda: asked.questions == 2)

    assert not asked.told.wait(0.3)
    assert asked.questions == 2


def test_an_answer_that_nobody_waits_for_is_not_repeated(run: Callable[..., Trials], wait_until: Callable[..., None]) -> None:
    asked = Asked(trial("rtsp://192.0.2.7/x"), problem(409))

    run(asked, (sys.executable, "-c", "raise SystemExit(1)"))
    wait_until(lambda: asked.questions == 2)

    assert len(asked.answers) == 1


def test_a_centre_that_wants_to_be_left_alone_is(run: Callable[..., Trials], wait_until: Callable[..., None]) -> None:
    asked = Asked(None)
    times: list[float] = []

    def answer(request: httpx.Request) -> httpx.Response | None:
        times.append(time.monotonic())
        return problem(429, Retry_After="2") if len(times) == 1 else asked.answer(request)

    asked.client = CentreInMemory(before=answer).client()
    run(asked)
    wait_until(lambda: asked.questions == 1)

    assert times[1] - times[0] >= 2.0  # our own first pause is one second at most
