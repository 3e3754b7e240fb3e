"""Real worker processes with scripted eyes: shared, killed, hung, and unfit ones."""

import errno
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from structlog.testing import capture_logs

from contract.edges import EdgeTrouble, StreamFault
from contract.evidence import ClipFlaw, ClipManifest, Manifest
from ingest import crew as crew_module
from ingest import disk, memory, worker_process
from ingest.camera_state import CameraBeat, ReaderState, Status, StreamInfo
from ingest.crew import Crew
from ingest.keeping import MOST_RECORDING
from ingest.minutes import MinuteBook
from ingest.pipe import HEAD, Beat, ClockOff, Pipe, Ready, Setup
from ingest.worker_process import WorkerProcess
from tests.ingest.conftest import DEADLINE_S
from tests.ingest.edge_world import Parts, camera, edge_config

SCRIPTED = (sys.executable, "-m", "tests.ingest.edge_worker")
Wait = Callable[..., None]


class World:
    def __init__(self, folder: Path, url: str) -> None:
        self.url = url
        self.parts = Parts(folder)
        self.book = MinuteBook(self.parts.database)
        self.woken = threading.Event()
        self.started: list[tuple[Crew, threading.Thread]] = []

    def start(
        self, *options: str, most: int = 2, command: tuple[str, ...] = SCRIPTED, clock_off_s: Callable[[], float] = float,
        **setting: Any,
    ) -> Crew:
        setup = Setup(X25519PrivateKey.generate().private_bytes_raw(), **({"weights": None, "threads": 1} | setting))
        crew = Crew(self.parts.recorder, self.book, self.woken.set, setup, most, [*command, *options], clock_off_s=clock_off_s)
        thread = threading.Thread(target=crew.run, daemon=True)
        thread.start()
        self.started.append((crew, thread))
        return crew

    def watch(self, crew: Crew, *names: str) -> None:
        crew.apply(edge_config(*[camera(name, url=self.url) for name in names]))

    def committed(self) -> int:
        return len(self.told())

    def told(self) -> list[Manifest]:
        """Violations; their clips are links of the chain too."""
        return [one.manifest for one in self.parts.evidence.committed(set()) if isinstance(one.manifest, Manifest)]

    def close(self) -> None:
        for crew, thread in self.started:
            crew.stop(10.0)
            thread.join(10.0)


@pytest.fixture
def world(tmp_path: Path, serve: Callable[..., Any]) -> Iterator[World]:
    world = World(tmp_path, serve().url)
    yield world
    world.close()


def shares(crew: Crew) -> list[set[str]]:
    return [set(beat.cameras) for _, beat in sorted(crew.beats().items())]


def looked(crew: Crew) -> dict[str, int]:
    return {name: one.looks + one.stills for beat in crew.beats().values() for name, one in beat.cameras.items()}


def test_cameras_are_shared_and_stay_where_they_are(world: World, wait_until: Wait):
    crew = world.start("--quiet")
    world.watch(crew, "a", "b", "c")
    wait_until(lambda: shares(crew) == [{"a", "c"}, {"b"}])
    pids = crew.pids()
    world.watch(crew, "b", "c", "d")
    wait_until(lambda: shares(crew) == [{"c"}, {"b", "d"}] or shares(crew) == [{"c", "d"}, {"b"}])
    wait_until(lambda: len(looked(crew)) == 3 and all(looked(crew).values()))
    assert crew.pids() == pids


def test_cameras_that_are_left_are_shared_anew_and_no_two_workers_read_one(world: World, wait_until: Wait):
    crew = world.start("--quiet")
    world.watch(crew, "a", "b", "c", "d")
    wait_until(lambda: shares(crew) == [{"a", "c"}, {"b", "d"}])
    pids = crew.pids()
    os.kill(pids[1], signal.SIGSTOP)
    try:
        world.watch(crew, "b", "d")
        wait_until(lambda: shares(crew)[0] != {"a", "c"})
        assert shares(crew) == [set(), {"b", "d"}], "it reads what the other one has not let go of"
    finally:
        os.kill(pids[1], signal.SIGCONT)
    wait_until(lambda: sorted(map(len, shares(crew))) == [1, 1])
    wait_until(lambda: len(looked(crew)) == 2 and all(looked(crew).values()))
    assert crew.pids() == pids


def test_workers_are_told_by_how_much_the_clock_is_off_and_when_that_changes(
    world: World, wait_until: Wait, monkeypatch: pytest.MonkeyPatch
):
    told: list[float] = []
    send = WorkerProcess.send

    def watched(process: WorkerProcess, message: object) -> None:
        if isinstance(message, ClockOff):
            told.append(message.seconds)
        send(process, message)

    monkeypatch.setattr(WorkerProcess, "send", watched)
    off_s = [0.0]
    crew = world.start("--quiet", most=1, clock_off_s=lambda: off_s[0])
    world.watch(crew, "a")
    wait_until(crew.beats)
    for off_s[0] in (-3600.0, -3601.0, 0.0):  # one second is rounding
        wait_until(lambda: told[-1:] == [round(off_s[0], -1)])
    assert told == [-3600.0, 0.0]
    wait_until(lambda: any(looked(crew).values()))
    assert crew.restarts() == {0: 0}


def test_no_more_workers_than_cameras(world: World, wait_until: Wait):
    crew = world.start("--quiet", most=8)
    world.watch(crew, "a")
    wait_until(lambda: shares(crew) == [{"a"}])
    assert len(crew.pids()) == 1


def test_ctrl_c_at_a_terminal_is_for_the_edge_alone(world: World, wait_until: Wait):
    """A worker that is still loading would end with a traceback on it."""
    crew = world.start("--quiet", most=1)
    world.watch(crew, "a")
    wait_until(crew.pids)
    (pid,) = crew.pids().values()
    assert os.getpgid(pid) == pid


def test_what_workers_find_is_kept_and_wakes_the_sender(world: World, wait_until: Wait):
    crew = world.start()
    world.watch(crew, "a", "b")
    wait_until(lambda: {entry.manifest.camera_id for entry in world.parts.evidence.committed(set())} == {"a", "b"})
    assert world.woken.is_set()


def test_a_killed_worker_is_replaced_and_nothing_queued_is_lost(world: World, wait_until: Wait):
    crew = world.start(most=1)
    world.watch(crew, "a")
    wait_until(lambda: world.committed() >= 2)
    with capture_logs() as logs:
        (pid,) = crew.pids().values()
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: crew.restarts() == {0: 1})
        wait_until(lambda: crew.pids().get(0, pid) != pid)
        before = world.committed()
        wait_until(lambda: world.committed() > before)
        crew.stop(10.0)  # or more is found while this counts
    (told,) = (line for line in logs if line["event"] == "worker_ended")
    assert told["status"] == -signal.SIGKILL
    assert "was killed from outside" in told["words"]
    assert "被外部强行结束" in told["words"]
    assert crew.trouble is None
    chain = [entry.manifest for entry in world.parts.evidence.committed(set())]
    assert [manifest.sequence for manifest in chain] == list(range(1, len(chain) + 1))
    assert world.parts.outbox.known() == {manifest.violation_id for manifest in chain}
    assert [manifest.rule for manifest in world.told()].count("K01") == 1, "what was told before is told again"
    # What the killed worker was gathering is told as missing.
    assert any(isinstance(manifest, ClipManifest) and manifest.missing is ClipFlaw.STOPPED for manifest in chain)


def test_a_worker_that_is_killed_for_want_of_memory_is_told_in_words_and_at_the_centre(
    world: World, wait_until: Wait, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    counts = tmp_path / "vmstat"
    counts.write_text("pgfault 7\noom_kill 1\noom_kill_other 0\n")
    monkeypatch.setattr(memory, "COUNTS", counts)
    crew = world.start("--quiet", most=1)
    world.watch(crew, "a")
    wait_until(crew.beats)
    (pid,) = crew.pids().values()
    with capture_logs() as logs:
        counts.write_text("pgfault 9\noom_kill 2\noom_kill_other 0\n")
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: crew.restarts() == {0: 1})
    (told,) = (line for line in logs if line["event"] == "worker_ended")
    assert "short of memory" in told["words"]
    assert "内存不足" in told["words"]
    assert crew.trouble is EdgeTrouble.MEMORY_SHORT


def test_where_memory_runs_out_a_worker_is_killed_before_the_edge(world: World, wait_until: Wait):
    crew = world.start("--quiet", most=1)
    world.watch(crew, "a")
    wait_until(crew.beats)
    (pid,) = crew.pids().values()
    rank = Path(f"/proc/{pid}/oom_score_adj")
    assert int(rank.read_text()) > int(Path("/proc/self/oom_score_adj").read_text())


def test_a_disk_that_takes_its_time_keeps_no_worker_from_looking(
    world: World, wait_until: Wait, monkeypatch: pytest.MonkeyPatch
):
    gate, record = threading.Event(), world.parts.recorder.record

    def slow(*arguments: Any) -> Any:
        gate.wait(30.0)
        return record(*arguments)

    monkeypatch.setattr(world.parts.recorder, "record", slow)
    crew = world.start(most=1)
    world.watch(crew, "a")
    wait_until(lambda: looked(crew).get("a", 0) >= 3)
    assert world.committed() == 0
    gate.set()
    wait_until(lambda: world.committed() >= 2)


def test_a_new_camera_does_not_wait_for_a_disk_that_hangs(world: World, wait_until: Wait, monkeypatch: pytest.MonkeyPatch):
    gate, asked, record = threading.Event(), threading.Event(), world.parts.recorder.record

    def slow(*arguments: Any) -> Any:
        asked.set()
        gate.wait(DEADLINE_S)
        return record(*arguments)

    monkeypatch.setattr(world.parts.recorder, "record", slow)
    crew = world.start(most=1)
    world.watch(crew, "a")
    assert asked.wait(DEADLINE_S)
    world.watch(crew, "a", "b")
    wait_until(lambda: looked(crew).get("b", 0) > 0)
    assert not gate.is_set()
    assert world.committed() == 0
    gate.set()


def test_a_disk_that_hangs_gets_no_worker_killed_and_is_told_in_words(
    world: World, wait_until: Wait, monkeypatch: pytest.MonkeyPatch
):
    """With more found than there is room for in memory, and longer than a worker may be silent."""
    gate, record = threading.Event(), world.parts.recorder.record

    def slow(*arguments: Any) -> Any:
        gate.wait(DEADLINE_S)
        return record(*arguments)

    monkeypatch.setattr(world.parts.recorder, "record", slow)
    monkeypatch.setattr(disk, "HANGS_S", 1.0)
    with capture_logs() as logs:
        crew = world.start("--patience", "1", most=1)
        world.watch(crew, "a")
        wait_until(lambda: any(beat.trouble is EdgeTrouble.DISK_HANGS for beat in crew.beats().values()))
        monkeypatch.setattr(crew_module, "HANG_S", 5.0)
        (told,) = (line for line in logs if line["event"] == "disk_hangs")
        assert "does not answer" in told["words"]
        assert "没有响应" in told["words"]
        before, at = looked(crew)["a"], time.monotonic()
        wait_until(lambda: time.monotonic() > at + 6.0)
        assert looked(crew)["a"] > before
        gate.set()
        wait_until(lambda: world.committed() > MOST_RECORDING and crew.trouble is None)
        wait_until(lambda: "disk_answers_again" in [line["event"] for line in logs])
    assert crew.restarts() == {0: 0}


def test_what_a_worker_told_before_it_was_killed_is_kept(world: World, wait_until: Wait, monkeypatch: pytest.MonkeyPatch):
    """Even if nothing of it was recorded by then, and nothing of it is told twice."""
    gate, asked, record = threading.Event(), threading.Event(), world.parts.recorder.record

    def slow(*arguments: Any) -> Any:
        asked.set()
        gate.wait(30.0)
        return record(*arguments)

    monkeypatch.setattr(world.parts.recorder, "record", slow)
    crew = world.start(most=1)
    world.watch(crew, "a")
    wait_until(asked.is_set)
    (pid,) = crew.pids().values()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: crew.restarts() == {0: 1})
    gate.set()
    wait_until(lambda: len(looked(crew)) == 1 and world.committed() >= 3)
    crew.stop(10.0)
    assert [manifest.rule for manifest in world.told()].count("K01") == 1


def test_a_worker_that_hangs_is_replaced(world: World, wait_until: Wait, monkeypatch: pytest.MonkeyPatch):
    crew = world.start("--quiet", most=1)
    world.watch(crew, "a")
    wait_until(lambda: any(looked(crew).values()))
    (pid,) = crew.pids().values()
    os.kill(pid, signal.SIGSTOP)
    monkeypatch.setattr(crew_module, "HANG_S", 1.0)
    with capture_logs() as logs:
        wait_until(lambda: crew.restarts() == {0: 1})
    assert [line.keys() & {"words"} for line in logs if line["event"] == "worker_ended"] == [set()], "nobody else has killed it"
    monkeypatch.undo()
    wait_until(lambda: any(looked(crew).values()))


def test_a_worker_that_takes_nothing_more_is_replaced(world: World, wait_until: Wait, monkeypatch: pytest.MonkeyPatch):
    """Its list of cameras no longer goes into the pipe, and the other workers are not looked after until it does."""
    monkeypatch.setattr(worker_process, "SEND_S", 0.2)
    crew = world.start("--quiet", most=1)
    world.watch(crew, "a")
    wait_until(lambda: any(looked(crew).values()))
    (pid,) = crew.pids().values()
    os.kill(pid, signal.SIGSTOP)
    try:
        crew.apply(edge_config(*[camera("a", url=world.url, name="x" * 2_000_000)]))
        # Its successor too, where the machine is so busy that it takes 2 MB in no less than that.
        wait_until(lambda: crew.restarts().get(0, 0) >= 1, 20.0)
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


BUSY = """
import socket, sys, threading
from ingest.pipe import Notes, Pipe, Ready
pipe = Pipe(socket.socket(fileno=int(sys.argv[1])))
pipe.receive()
pipe.send(Ready(is_exact=False))
while not threading.Event().wait(0.05):
    pipe.send(Notes([("looked", ("a", 640, 360))]))
"""


def test_a_worker_that_is_long_in_one_round_does_not_hang(world: World, wait_until: Wait, monkeypatch: pytest.MonkeyPatch):
    """One with many cameras on a slow box tells of itself after all of them, but of each look at once."""
    monkeypatch.setattr(crew_module, "HANG_S", 1.0)
    crew = world.start(most=1, command=(sys.executable, "-c", BUSY))
    world.watch(crew, "a")
    wait_until(lambda: sum(minute.looks for minute in world.book.running()) >= 60 or crew.restarts() != {0: 0})
    assert crew.restarts() == {0: 0}


def test_a_worker_that_is_told_nonsense_ends_so_that_another_takes_its_place():
    """Half a message, after one that a stopped process had not taken in time, makes nonsense of all that follow."""
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen([*SCRIPTED, "--quiet", str(theirs.fileno())], pass_fds=[theirs.fileno()])
    try:
        with ours:
            pipe = Pipe(ours)
            pipe.send(Setup(X25519PrivateKey.generate().private_bytes_raw(), None, 1))
            while not isinstance(pipe.receive(), Ready):
                pass
            ours.sendall(HEAD.pack(8, 0) + b"nonsense")
            assert process.wait(60) == 1
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("where", ["opens", "decodes", "aborts", "converts"])
def test_a_camera_that_crashes_its_worker_is_set_aside_and_the_others_go_on(world: World, wait_until: Wait, where: str):
    with capture_logs() as logs:
        crew = world.start("--quiet", "--crash", where, "b", most=1)
        world.watch(crew, "a", "b", "c")
        wait_until(lambda: looked(crew).keys() == {"a", "c"} and all(looked(crew).values()))
        faults = {minute.camera_id: minute.fault for minute in world.book.running()}
    assert faults["b"] is StreamFault.CRASHES
    (told,) = (line for line in logs if line["event"] == "camera_set_aside")
    assert (told["camera"], told["name"]) == ("b", "Kitchen b")
    assert "firmware" in told["words"]
    assert "固件" in told["words"]
    (ended,) = (line for line in logs if line["event"] == "worker_ended")
    assert ended["again_in_s"] <= 1.0, "the others wait for its sake"
    assert (crew.restarts(), crew.crashes()) == ({0: 1}, {"b": 1})


def test_a_camera_at_whose_address_another_one_answers_is_left_out_and_says_so(world: World, wait_until: Wait):
    crew = world.start("--quiet", most=1)
    world.watch(crew, "a", "b")
    wait_until(lambda: all(looked(crew).get(name) for name in "ab"))
    crew.leave_out({"b"})
    wait_until(lambda: shares(crew) == [{"a"}])
    crew.leave_out({"b"})  # after the last that its worker told of it
    assert {one.camera_id: one.fault for one in world.book.running()} == {"a": None, "b": StreamFault.OTHER_DEVICE}
    crew.leave_out(set())
    wait_until(lambda: shares(crew) == [{"a", "b"}])


def test_cameras_of_a_dead_worker_say_why(world: World, wait_until: Wait):
    crew = world.start(command=(sys.executable, "-c", "import sys; sys.exit(3)"))
    world.watch(crew, "a")
    wait_until(lambda: crew.restarts().get(0, 0) >= 1)
    wait_until(lambda: [(one.camera_id, one.fault) for one in world.book.running()] == [("a", StreamFault.DETECTOR_FAILED)])


def test_a_worker_that_dies_again_and_again_is_started_ever_more_rarely_until_it_has_worked_for_a_while(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    crew = Crew(world.parts.recorder, world.book, world.woken.set, Setup(b"", None, 1), 1)
    worker = crew_module._Worker(0, begun_at=time.monotonic())
    monkeypatch.setattr(worker.backoff, "_chance", lambda: 1.0)

    def pause_s() -> int:
        crew._ended(worker, -signal.SIGSEGV, None)
        return round(worker.due_at - time.monotonic())

    assert [pause_s() for _ in range(11)] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    worker.begun_at -= crew_module.STEADY_S + 1
    assert pause_s() == 1
    assert worker.restarts == 12


def test_a_box_without_room_for_a_worker_says_so_and_tries_ever_more_rarely(
    world: World, wait_until: Wait, monkeypatch: pytest.MonkeyPatch
):
    started, refused = worker_process.subprocess.Popen, OSError(errno.ENOMEM, "Cannot allocate memory")
    attempts: list[None] = []

    def start(*arguments: Any, **options: Any) -> Any:
        attempts.append(None)
        if len(attempts) < 3:
            raise refused
        return started(*arguments, **options)

    monkeypatch.setattr(worker_process.subprocess, "Popen", start)
    with capture_logs() as logs:
        crew = world.start("--quiet", most=1)
        world.watch(crew, "a")
        wait_until(lambda: len(attempts) == 2)
        wait_until(lambda: [minute.fault for minute in world.book.running()] == [StreamFault.DETECTOR_FAILED])
        wait_until(lambda: "worker 0" not in [thread.name for thread in threading.enumerate()] or len(attempts) > 2)
        assert len(attempts) == 2, "a thread waits for a worker that never was"
        wait_until(lambda: looked(crew).get("a"))
    told = [line for line in logs if line["event"] == "worker_not_started"]
    assert [line["cause"] for line in told] == [str(refused)] * 2
    assert told[0]["again_in_s"] <= 1.0 <= told[1]["again_in_s"]
    assert crew.restarts() == {0: 0}


def test_weights_that_do_not_load_end_it_with_words(world: World, wait_until: Wait, tmp_path: Path):
    crew = world.start(command=crew_module.WORKER, weights=tmp_path / "no weights here")
    world.watch(crew, "a")
    wait_until(lambda: crew.unfit is not None)
    assert "no weights here" in str(crew.unfit)


def test_what_a_worker_has_to_do_without_is_told(world: World, wait_until: Wait):
    crew = world.start("--quiet", in_hardware=True, provider="tensorrt")
    world.watch(crew, "a")
    wait_until(lambda: crew.beats())
    assert (crew.load().no_provider, crew.load().no_decoder) == (True, True)


@pytest.mark.parametrize("is_lost", [False, True])
def test_a_device_that_no_longer_decodes_is_told(world: World, is_lost: bool):
    crew = Crew(world.parts.recorder, world.book, world.woken.set, Setup(b"", None, 1), 1)
    stream = StreamInfo("h264", 1920, 1080, 25.0, in_hardware=not is_lost, lost_hardware=is_lost)
    reader = ReaderState(Status.LOOKING, None, 1, 1, 0, 0, {}, 0.1, stream)
    beat = Beat({"a": CameraBeat(reader, 1.0, 1.0, 1, 0)}, 1, 0.1, None, 0.0)
    crew._workers = [crew_module._Worker(0, ready=Ready(is_exact=False), beat=beat)]
    assert crew.load().no_decoder == is_lost


def test_a_provider_that_stops_working_leaves_the_cameras_to_the_processor(world: World, wait_until: Wait):
    with capture_logs() as logs:
        crew = world.start("--quiet", provider="cuda")
        world.watch(crew, "a", "b")
        wait_until(lambda: len(looked(crew)) == 2 and all(looked(crew).values()))
    assert crew.load().no_provider
    lost = [line for line in logs if line["event"] == "provider_lost"]
    assert len(lost) == 1
    assert "the card fell off the bus" in lost[0]["cause"]
    assert "改由处理器计算" in lost[0]["words"]


def test_stop_leaves_no_process(world: World, wait_until: Wait):
    crew = world.start("--quiet")
    world.watch(crew, "a", "b")
    wait_until(lambda: len(crew.beats()) == 2)
    crew.stop(10.0)
    assert crew.pids() == {}


def test_channels_of_one_recorder_do_not_lock_it_together_by_a_wrong_password(
    world: World, serve: Callable[..., Any], wait_until: Wait
):
    recorder = serve(auth="digest", username="admin", password="right and long")
    crew = world.start("--quiet", most=2)
    channels = [camera(f"ch{number}", url=recorder.url, username="admin") for number in range(8)]
    crew.apply(edge_config(*channels))

    def faults() -> list[StreamFault | None]:
        return [one.reader.fault for beat in crew.beats().values() for one in beat.cameras.values()]

    wait_until(lambda: faults() == [StreamFault.WRONG_PASSWORD] * 8)
    assert len([request for request in recorder.server.asked if "authorization" in request.headers]) == 2
