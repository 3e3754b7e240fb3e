"""The reader of one camera: with made-up sources where a fault must come at will, with real sockets for the rest."""

from __future__ import annotations

import contextlib
import gc
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from datetime import UTC, datetime

import av
import numpy as np
import pytest
from structlog.testing import capture_logs

from contract.edges import StreamFault
from ingest.address import parse_address
from ingest.backoff import Backoff
from ingest.camera_state import ReaderState, Status, StreamInfo
from ingest.errors import SourceError
from ingest.frames import Picture, Still
from ingest.logins import Door, Logins
from ingest.reader import MAX_STUCK, CameraReader
from ingest.source import camera_source, file_source

INFO = StreamInfo("h264", 64, 48, 25.0)


def picture(camera_time_s: float = 0.0) -> Picture:
    image = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="bgr24")
    return Picture(image, camera_time_s, datetime.now(UTC), 0)


class Script:
    """A source that does what its function does."""

    packets = kept_bytes = 0

    def __init__(self, play: Callable[[Script], Iterator[Picture]], live: bool = True) -> None:
        self._play = play
        self.live = live
        self.info: StreamInfo | None = INFO
        self.damaged = 0
        self.stopped = threading.Event()

    def pictures(self):
        yield from self._play(self)

    def want(self, interval_s: float | None, at_s: float | None) -> None:
        """It plays what it plays."""

    def stop(self) -> None:
        self.stopped.set()


class Lively(Script):
    """Packets come in whenever somebody asks for their number."""

    asked = 0

    @property
    def packets(self) -> int:
        self.asked += 1
        return self.asked


def fails(fault: StreamFault) -> Callable[[Script], Iterator[Picture]]:
    def play(_: Script) -> Iterator[Picture]:
        raise SourceError(fault, "rtsp://admin:hunter2@camera/x")
        yield

    return play


def looks(source: Script) -> Iterator[Picture]:
    """One picture, then nothing until it is stopped."""
    yield picture()
    source.stopped.wait(20)


def threads_of(reader: CameraReader) -> int:
    return sum(thread.name.endswith(reader.name) for thread in threading.enumerate())


def quick() -> Backoff:
    return Backoff(first_s=0.01, limit_s=0.02)


@pytest.fixture
def read(wait_until) -> Iterator[Callable[..., CameraReader]]:
    """Starts a reader that goes through the given plays (or sources), one for each attempt; the last play is repeated."""
    readers: list[CameraReader] = []

    def start(*plays: Callable[[Script], Iterator[Picture]] | Script, live: bool = True, **settings) -> CameraReader:
        left = list(plays)

        def make() -> Script:
            play = left.pop(0) if len(left) > 1 else left[0]
            return play if isinstance(play, Script) else Script(play, live)

        reader = CameraReader(
            f"camera {len(readers)}",
            make,
            **{"backoff": quick()} | settings,
        )
        reader.start()
        readers.append(reader)
        return reader

    yield start
    for reader in readers:
        reader.stop()


# Pauses


def test_pauses_double_up_to_the_limit() -> None:
    backoff = Backoff(first_s=1.0, limit_s=60.0, chance=lambda: 1.0)

    assert [backoff.pause_s(StreamFault.REFUSED) for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]


def test_pauses_are_spread_between_half_and_all() -> None:
    shares = iter([0.0, 0.5, 1.0])
    backoff = Backoff(first_s=8.0, limit_s=8.0, chance=lambda: next(shares))

    assert [backoff.pause_s(StreamFault.TIMEOUT) for _ in range(3)] == [4.0, 6.0, 8.0]


def test_pauses_begin_again_after_a_reset() -> None:
    backoff = Backoff(chance=lambda: 1.0)
    backoff.pause_s(StreamFault.TIMEOUT)
    backoff.reset()

    assert backoff.pause_s(StreamFault.TIMEOUT) == 1.0


def test_a_wrong_password_is_not_tried_often_enough_to_lock_the_account() -> None:
    """Five wrong ones in half an hour would; and then the right one would not be taken either, of nobody."""
    backoff = Backoff(chance=lambda: 0.0)  # the shortest pauses
    pauses = [backoff.pause_s(StreamFault.WRONG_PASSWORD) for _ in range(20)]
    assert min(sum(pauses[first : first + 4]) for first in range(17)) > 30 * 60
    assert pauses[-1] <= 3600, "a camera that only had too many connected is looked at again"
    backoff.reset()
    assert backoff.pause_s(StreamFault.WRONG_PASSWORD) == pauses[0]


# Looking


def test_the_latest_picture_is_taken_once(read, wait_until) -> None:
    def play(source: Script) -> Iterator[Picture]:
        yield from (picture(t) for t in (0.0, 1.0, 2.0))
        source.stopped.wait(20)

    reader = read(play)
    wait_until(lambda: reader.state().pictures == 3)

    frame = reader.take()

    assert (frame.camera_time_s, frame.index) == (2.0, 2)
    assert reader.take() is None
    state = reader.state()
    assert (state.pictures, state.taken, state.dropped, state.outdated) == (3, 1, 2, 0)


def test_whoever_looks_is_woken_by_each_picture_once_it_can_be_taken(read) -> None:
    taken: list[float] = []
    woken = threading.Event()

    def take() -> None:
        taken.append(reader.take().camera_time_s)
        if len(taken) == 2:
            woken.set()

    def play(source: Script) -> Iterator[Picture]:
        started.wait(20)
        yield from (picture(t) for t in (0.0, 1.0))
        source.stopped.wait(20)

    started = threading.Event()
    reader = read(play, on_picture=take)
    started.set()
    assert woken.wait(20)
    reader.stop()
    assert taken == [0.0, 1.0]


def test_take_waits_for_a_picture(read) -> None:
    assert read(looks).take(timeout_s=60).image.shape == (48, 64, 3)


def test_a_picture_that_grew_old_is_thrown_away(read, wait_until) -> None:
    reader = read(looks)
    wait_until(lambda: (reader.state().picture_age_s or 0) > 0.02)

    assert reader.take(max_age_s=0.01) is None
    assert (reader.state().dropped, reader.state().outdated) == (1, 1)


def test_the_state_while_looking(read, wait_until) -> None:
    reader = read(looks)
    wait_until(lambda: reader.state().pictures)

    state = reader.state()

    assert (state.status, state.fault, state.stream) == (Status.LOOKING, None, INFO)
    assert state.picture_age_s < 10


def test_camera_time_goes_on_over_a_reconnect(read) -> None:
    def breaks(_: Script) -> Iterator[Picture]:
        yield picture(0.0)
        yield picture(100.0)
        raise SourceError(StreamFault.DISCONNECTED)

    reader = read(breaks, looks)
    times = []
    while len(times) < 1 or times[-1].index < 2:
        if frame := reader.take(timeout_s=60):
            times.append(frame)

    assert times[-1].camera_time_s >= 100.0


def test_a_picture_that_nobody_will_look_at_is_not_converted(read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Picture, "frame", lambda _: pytest.fail("it was converted"))
    reader = read(looks)

    shown = reader.take(timeout_s=60, wanted=lambda _: False)

    assert isinstance(shown, Still)
    assert reader.state().taken == 1


def test_a_picture_that_cannot_be_converted_is_counted(read) -> None:
    decoded = av.VideoFrame(64, 48, "gray32le")  # FFmpeg knows it, and converts nothing from it

    def broken(source: Script) -> Iterator[Picture]:
        yield Picture(decoded, 0.0, datetime.now(UTC), 0)
        source.stopped.wait(20)

    reader = read(broken)

    assert reader.take(timeout_s=60) is None
    assert reader.state().damaged == 1


# Not looking


def test_it_comes_back_and_counts_the_causes(read, wait_until) -> None:
    reader = read(fails(StreamFault.REFUSED), fails(StreamFault.TIMEOUT), fails(StreamFault.TIMEOUT), looks)
    wait_until(lambda: reader.state().status is Status.LOOKING)

    assert reader.state().reconnects == {StreamFault.REFUSED: 1, StreamFault.TIMEOUT: 2}


def test_the_log_has_one_line_for_each_change_of_state(read, wait_until) -> None:
    with capture_logs() as lines:
        reader = read(*[fails(StreamFault.REFUSED)] * 5, fails(StreamFault.TIMEOUT), fails(StreamFault.REFUSED), looks)
        wait_until(lambda: reader.state().status is Status.LOOKING)

    assert [(line["event"], line.get("fault")) for line in lines] == [
        ("camera_not_looking", "refused"),
        ("camera_not_looking", "timeout"),
        ("camera_looking", None),
    ]
    assert "hunter2" not in str(lines)


def test_an_error_nobody_thought_of_is_a_fault_like_any_other(read, wait_until) -> None:
    def play(_: Script) -> Iterator[Picture]:
        raise ZeroDivisionError("rtsp://admin:hunter2@camera/x")
        yield

    with capture_logs() as lines:
        reader = read(play, looks)
        wait_until(lambda: reader.state().status is Status.LOOKING)

    assert reader.state().reconnects == {StreamFault.OTHER: 1}
    assert "hunter2" not in str(lines)


def test_a_source_that_cannot_even_be_made_is_tried_again(wait_until) -> None:
    made = []

    def make() -> Script:
        made.append(None)
        if len(made) < 3:
            raise SourceError(StreamFault.DEVICE_MISSING)
        return Script(looks)

    with CameraReader("webcam", make, backoff=quick()) as reader:
        wait_until(lambda: reader.state().status is Status.LOOKING)

        assert reader.state().reconnects == {StreamFault.DEVICE_MISSING: 2}


def test_a_file_ends(read, wait_until) -> None:
    def play(_: Script) -> Iterator[Picture]:
        yield picture()

    reader = read(play, live=False)
    wait_until(lambda: reader.state().status is Status.ENDED)

    assert reader.take(timeout_s=60) is not None
    assert reader.take(timeout_s=60) is None
    assert reader.state().fault is StreamFault.ENDED


def test_a_file_that_is_no_video_is_not_tried_again(read, wait_until) -> None:
    reader = read(fails(StreamFault.NOT_A_VIDEO), live=False)
    wait_until(lambda: reader.state().status is Status.ENDED)

    assert reader.state().fault is StreamFault.NOT_A_VIDEO


# The watchdog

# Seconds without a sign of life: more than it takes a busy machine to start a thread.
HANG_S = 1.0


def hangs(release: threading.Event) -> Callable[[Script], Iterator[Picture]]:
    def play(_: Script) -> Iterator[Picture]:
        release.wait(30)  # deaf to stop(), as a driver is
        yield picture(7.0)

    return play


def test_a_reader_that_hangs_is_replaced(read, wait_until) -> None:
    release = threading.Event()
    reader = read(hangs(release), Lively(looks), hang_s=HANG_S)
    wait_until(lambda: reader.state().status is Status.LOOKING)

    state = reader.state()

    assert state.reconnects == {StreamFault.TIMEOUT: 1}
    assert threads_of(reader) == 3  # that which watches, and one that was left behind
    release.set()


def test_a_replaced_reader_that_wakes_up_delivers_nothing(read, wait_until) -> None:
    release = threading.Event()
    reader = read(hangs(release), Lively(looks), hang_s=HANG_S)
    wait_until(lambda: reader.state().status is Status.LOOKING)
    reader.take()
    release.set()
    wait_until(lambda: threads_of(reader) == 2)

    assert reader.state().pictures == 1
    assert reader.take() is None


def test_packets_without_a_picture_are_a_sign_of_life(read, wait_until) -> None:
    def play(source: Lively) -> Iterator[Picture]:
        while source.asked < 4 and not source.stopped.wait(0.01):
            pass
        yield picture()
        source.stopped.wait(20)

    reader = read(Lively(play), hang_s=HANG_S)
    wait_until(lambda: reader.state().pictures == 1)

    assert reader.state().reconnects == {}


def test_stuck_threads_do_not_grow_without_limit(read, wait_until) -> None:
    release = threading.Event()
    reader = read(hangs(release), hang_s=0.02)
    wait_until(lambda: threads_of(reader) == MAX_STUCK + 1)
    assert not threading.Event().wait(0.3)

    assert threads_of(reader) <= MAX_STUCK + 1
    release.set()
    wait_until(lambda: reader.state().pictures > 0)


def test_stop_does_not_wait_for_a_reader_that_hangs(read, wait_until) -> None:
    release = threading.Event()
    reader = read(hangs(release))
    wait_until(lambda: reader.state().stream is not None)

    reader.stop(timeout_s=0.05)

    assert reader.state().status is Status.STOPPED
    release.set()


def test_stop_leaves_no_thread(read, wait_until) -> None:
    reader = read(looks)
    reader.take(timeout_s=60)

    reader.stop(timeout_s=60)

    assert threads_of(reader) == 0
    assert reader.take(timeout_s=60) is None


def test_many_can_be_stopped_first_and_waited_for_afterwards(read) -> None:
    release = threading.Event()

    def slow(source: Script) -> Iterator[Picture]:
        yield picture()
        release.wait(60)

    reader = read(slow)
    reader.take(timeout_s=60)
    reader.stop(0.0)
    assert threads_of(reader) > 0
    release.set()

    reader.stop(60.0)

    assert threads_of(reader) == 0


def test_stop_while_a_thread_is_about_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    about, go = threading.Event(), threading.Event()
    start = threading.Thread.start

    def slowly(thread: threading.Thread) -> None:
        if thread.name.startswith("read "):
            about.set()
            go.wait(60)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", slowly)
    reader = CameraReader("camera", lambda: Script(looks))
    reader.start()
    assert about.wait(60)

    reader.stop(0.0)
    go.set()
    reader.stop(60.0)

    assert threads_of(reader) == 0


def test_a_box_that_has_no_room_for_a_thread_finds_the_camera_later(monkeypatch: pytest.MonkeyPatch, wait_until) -> None:
    start, refused = threading.Thread.start, [1, 2]

    def full(thread: threading.Thread) -> None:
        if thread.name.startswith("read ") and refused:
            refused.pop()
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", full)
    with CameraReader("camera", lambda: Script(looks), backoff=quick()) as reader:
        wait_until(lambda: reader.state().status is Status.LOOKING)
        assert dict(reader.state().reconnects) == {StreamFault.OTHER: 2}


def test_stop_ends_a_long_pause(read, wait_until) -> None:
    reader = read(fails(StreamFault.REFUSED), backoff=Backoff(first_s=60))
    wait_until(lambda: reader.state().status is Status.NOT_LOOKING)

    reader.stop(timeout_s=60)

    assert threads_of(reader) == 0


# Real sockets


def watch(url: str, timeout_s: float = 60.0) -> CameraReader:
    address = parse_address(url)
    reader = CameraReader(
        "camera",
        lambda: camera_source(address, open_timeout_s=timeout_s, read_timeout_s=timeout_s),
        backoff=quick(),
    )
    reader.start()
    return reader


def test_a_camera_that_restarts_is_found_again(serve, closed_port: int, wait_until) -> None:
    served = serve(port=closed_port)
    reader = watch(served.url)
    try:
        first = reader.take(timeout_s=60)
        served.stop()
        wait_until(lambda: reader.state().fault is StreamFault.REFUSED)
        serve(port=closed_port)
        second = reader.take(timeout_s=60)
    finally:
        reader.stop()

    assert second.index > first.index
    assert second.camera_time_s > first.camera_time_s
    assert reader.state().reconnects[StreamFault.DISCONNECTED] >= 1


def test_a_camera_that_stalls_is_found_again(serve, wait_until) -> None:
    served = serve()
    reader = watch(served.url, timeout_s=1.0)
    try:
        reader.take(timeout_s=60)
        served.server.silent = True
        wait_until(lambda: reader.state().fault is StreamFault.TIMEOUT)
        served.server.silent = False
        wait_until(lambda: reader.state().status is Status.LOOKING)
    finally:
        reader.stop()


def test_between_two_pictures_nobody_holds_one(serve, wait_until) -> None:
    served = serve()
    reader = watch(served.url, timeout_s=600.0)
    try:
        assert reader.take(timeout_s=60) is not None
        served.server.silent = True
        reader.take(timeout_s=1)

        # A decoder has one frame ready that is still empty.
        wait_until(lambda: not any(isinstance(one, av.VideoFrame) and one.width for one in gc.get_objects()))
    finally:
        reader.stop()


def test_the_trouble_of_one_camera_does_not_touch_another(serve, closed_port: int, raw_server, wait_until) -> None:
    served = serve()
    bad = [f"rtsp://127.0.0.1:{port}/x" for port in (closed_port, raw_server(None), raw_server(b"HTTP/1.0 400\r\n\r\n"))]
    readers = [watch(url, timeout_s=60.0 if url == served.url else 2.0) for url in [*bad, served.url]]
    try:
        states: list[ReaderState] = []

        def all_known() -> bool:
            states[:] = [reader.state() for reader in readers]
            return states[-1].pictures >= 6 and all(state.fault for state in states[:-1])

        wait_until(all_known)
    finally:
        for reader in readers:
            reader.stop(timeout_s=5)

    assert [state.fault for state in states] == [StreamFault.REFUSED, StreamFault.TIMEOUT, StreamFault.NOT_RTSP, None]
    assert states[-1].reconnects == {}


def test_streams_that_all_restart_at_once_all_come_back(serve, wait_until) -> None:
    served = serve()
    readers = [CameraReader(f"camera {i}", lambda: camera_source(parse_address(served.url))) for i in range(6)]
    with contextlib.ExitStack() as stack:
        for reader in readers:
            stack.enter_context(reader)
        wait_until(lambda: all(reader.state().pictures for reader in readers))
        before = [reader.state().pictures for reader in readers]
        served.cut()
        wait_until(lambda: all(sum(reader.state().reconnects.values()) for reader in readers))
        wait_until(lambda: all(reader.state().status is Status.LOOKING for reader in readers))
        assert all(reader.state().pictures > seen for reader, seen in zip(readers, before, strict=True))


def test_a_file_is_read_to_its_end(clips, wait_until) -> None:
    with CameraReader("film", lambda: file_source(clips(seconds=0.5))) as reader:
        wait_until(lambda: reader.state().status is Status.ENDED)

        assert reader.state().pictures == 2


# At the door of a recorder


def test_a_camera_that_is_stopped_while_it_waits_for_its_turn_takes_nobodys(read) -> None:
    logins = Logins()
    for other in ("ch1", "ch2"):
        logins.ask("admin", other)
    reader = read(looks, door=Door(logins, "admin", "ch3"))
    reader.stop()
    assert reader.state().reconnects == {}
    for other in ("ch1", "ch2"):
        logins.tell("admin", other, "over")
    after = [logins.ask("admin", other) for other in ("ch4", "ch5")]
    assert [one.result(20) for one in after] == [0, 0]


def test_what_other_channels_were_refused_is_told_and_not_tried(read, wait_until) -> None:
    logins = Logins()
    for other in ("ch1", "ch2"):
        logins.ask("admin", other)
        logins.tell("admin", other, "refused")
    reader = read(looks, door=Door(logins, "admin", "ch3"))
    wait_until(lambda: reader.state().fault is StreamFault.WRONG_PASSWORD)
    assert reader.state().pictures == 0


def test_a_camera_that_breaks_off_is_connected_to_again_through_the_same_door(read, wait_until) -> None:
    reader = read(fails(StreamFault.REFUSED), fails(StreamFault.TIMEOUT), looks, door=Door(Logins(), "admin", "ch1"))
    wait_until(lambda: reader.state().status is Status.LOOKING)


def test_a_camera_that_is_stopped_just_as_it_is_let_in_leaves_again(read, wait_until) -> None:
    told: list[str] = []

    class Late(Future):
        def result(self, timeout: float | None = None) -> float:
            reader._stopping = True
            return 0.0

    class Gate:
        def ask(self, login: str, who: object) -> Future[float]:
            started.wait(20)
            answer = Late()
            answer.set_result(0.0)
            return answer

        def tell(self, login: str, who: object, outcome: str) -> None:
            told.append(outcome)

    started = threading.Event()
    reader = read(looks, door=Door(Gate(), "admin", "ch1"))
    started.set()
    wait_until(lambda: not reader._supervisor.is_alive())
    assert told == ["over"]
