"""Real processes: an edge that is killed at random moments, a centre that goes away, a camera over RTSP."""

import asyncio
import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import av
import cv2
import pytest

from api.bootstrap import prepare_demo
from api.kit.settings import Settings
from bench.processes import family
from contract.evidence import ClipFlaw, ClipManifest, SealedClip, SealedManifest
from ingest.enrol import enrol
from ingest.evidence import OF_CLIP
from tests.ingest.conftest import FPS, number_in

REPOSITORY = Path(__file__).parents[2]
DEADLINE_S = 120.0
# Bytes; more than the log has until then, so that the log can tell of it.
SMALLER_THAN_A_PICTURE = 5000
ENVIRONMENT = os.environ | {"PYTHONUNBUFFERED": "1"}
Wait = Callable[..., None]


class RealCentre:
    def __init__(self, data: Path, port: int) -> None:
        self.data = data
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.process: subprocess.Popen[str] | None = None

    def prepare(self, camera_url: str) -> str:
        """Set up a shop with this camera; returns an enrolment code."""
        place = asyncio.run(prepare_demo(Settings(data=self.data, port=self.port), camera_url))
        assert place.code is not None
        return place.code

    def start(self) -> None:
        command = [sys.executable, "-m", "sunshine", "serve", "--port", str(self.port), "--data", str(self.data)]
        self.process = subprocess.Popen(
            command, cwd=REPOSITORY, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("listening"):
                break
        # Its lines about cases must be read, or it waits for ever once the pipe is full.
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(DEADLINE_S)
            self.process = None

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return rows(self.data / "sunshine.db", query)

    def change(self, statement: str) -> None:
        """As an operator would through the console, for what this test is about."""
        with closing(sqlite3.connect(self.data / "sunshine.db", timeout=DEADLINE_S)) as connection:
            connection.execute(statement)
            connection.commit()


class RealEdge:
    def __init__(self, data: Path) -> None:
        self.data = data
        self.folder = data / "edge"
        self.process: subprocess.Popen[bytes] | None = None

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "sunshine", "edge", *arguments, "--data", str(self.data)]
        return subprocess.run(command, cwd=REPOSITORY, env=ENVIRONMENT, capture_output=True, text=True, check=False)

    def start(self, *options: str) -> None:
        command = [sys.executable, "-m", "tests.ingest.edge_main", str(self.data), *options]
        with (self.data / "edge.log").open("ab") as log:
            log.write(b"START\n")
            log.flush()
            self.process = subprocess.Popen(
                command, cwd=REPOSITORY, env=ENVIRONMENT, stdout=log, stderr=log, start_new_session=True
            )

    def works(self) -> bool:
        """The process that was started last is up; a killed one may not have come so far."""
        return self.log().rpartition("START")[2].count("edge_started") == 1

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(DEADLINE_S)

    def end(self) -> int:
        """As systemd and a container's runtime do it: all processes of the edge get the signal."""
        assert self.process is not None
        for pid in family(self.process.pid):
            os.kill(pid, signal.SIGTERM)
        return self.process.wait(DEADLINE_S)

    def log(self) -> str:
        return (self.data / "edge.log").read_text()

    def committed(self) -> list[SealedManifest]:
        """Violations, in the order of the chain."""
        paths = [path for path in self.folder.glob("evidence/*/0*/manifest.json") if not path.parent.name.endswith(OF_CLIP)]
        return [SealedManifest.model_validate_json(path.read_bytes()) for path in sorted(paths)]

    def clips(self) -> list[SealedClip]:
        paths = sorted(self.folder.glob(f"evidence/*/0*{OF_CLIP}/manifest.json"))
        return [SealedClip.model_validate_json(path.read_bytes()) for path in paths]

    def count(self, state: str) -> int:
        """How many reports are waiting, sent or parked."""
        return int(rows(self.folder / "edge.sqlite3", f"SELECT COUNT(*) FROM reports WHERE state = '{state}'")[0][0])


def rows(database: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=DEADLINE_S)) as connection:
        return connection.execute(query).fetchall()


class World:
    def __init__(self, folder: Path, port: int, camera_url: str) -> None:
        self.centre = RealCentre(folder / "centre", port)
        self.edge = RealEdge(folder / "edge")
        self.edge.data.mkdir()
        code = self.centre.prepare(camera_url)
        self.centre.start()
        enrol(self.edge.folder, self.centre.url, code, "test")

    def close(self) -> None:
        if self.edge.process is not None and self.edge.process.poll() is None:
            self.edge.kill()
        self.centre.stop(signal.SIGKILL)


@pytest.fixture
def world(tmp_path: Path, closed_port: int, serve: Callable[..., Any], clips: Callable[..., Path]) -> Iterator[World]:
    world = World(tmp_path, closed_port, serve(clips()).url)
    yield world
    world.close()


def kill_many_times(world: World, wait_until: Wait, kills: int, chance: random.Random) -> None:
    """The centre is away for the middle third of the kills."""
    for number in range(kills):
        if number == kills // 3:
            world.centre.stop(signal.SIGKILL)
        if number == 2 * kills // 3:
            world.centre.start()
        before = len(world.edge.committed())
        world.edge.start()
        # Some are killed before they have done anything, some after a few violations.
        wanted = chance.choice([0, 1, 3])
        wait_until(lambda: len(world.edge.committed()) >= before + wanted, DEADLINE_S)  # noqa: B023
        assert world.edge.process is not None
        try:
            world.edge.process.wait(chance.uniform(0.0, 1.5))
            pytest.fail(f"the edge ended by itself: {world.edge.log()}")
        except subprocess.TimeoutExpired:
            world.edge.kill()


def check_that_all_arrived_once(world: World, wait_until: Wait) -> None:
    world.edge.start("--quiet")
    wait_until(lambda: world.edge.works() and world.edge.count("waiting") == 0, DEADLINE_S)
    assert world.edge.end() == 0
    committed = [sealed.manifest for sealed in world.edge.committed()]
    arrived = [row[0] for row in world.centre.rows("SELECT violation_id FROM evidence ORDER BY sequence")]
    assert arrived == [str(manifest.violation_id) for manifest in committed]
    # Each has a clip, or the word that there is none; both are links of one chain.
    clips = {str(sealed.manifest.violation_id): sealed.manifest for sealed in world.edge.clips()}
    assert dict(world.centre.rows("SELECT violation_id, digest FROM clips")) == {
        violation_id: clip.digest() for violation_id, clip in clips.items()
    }
    assert clips.keys() == set(arrived)
    # Two that lie close together are one case, which counts them.
    assert world.centre.rows("SELECT SUM(observations) FROM cases") == [(len(arrived),)]
    assert {row[0] for row in world.centre.rows("SELECT chain FROM evidence UNION SELECT chain FROM clips")} == {"whole"}
    numbers = [manifest.sequence for manifest in (*committed, *clips.values())]
    assert sorted(numbers) == list(range(1, 2 * len(committed) + 1))
    spots = Counter((manifest.rule, manifest.boxes[-1].box if manifest.rule == "K02" else None) for manifest in committed)
    assert spots["K01", None] == 1, "the poster was told again after a restart"
    assert list(world.edge.folder.glob("evidence/*/.partial-*")) == []


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_the_clip_of_a_violation_shows_its_moment(
    tmp_path: Path, closed_port: int, serve: Callable[..., Any], clips: Callable[..., Path], wait_until: Wait, codec: str
):
    """A real camera, edge and centre: at the moment that the manifest tells, the clip has the very picture of the evidence."""
    path = clips(codec, size=(320, 192), seconds=24, gop=2 * FPS, numbered=True)
    world = World(tmp_path, closed_port, serve(path).url)
    try:
        world.edge.start()
        whole = "SELECT violation_id, manifest FROM clips WHERE manifest LIKE '%\"begins_late\":null%\"missing\":null%'"
        wait_until(lambda: world.centre.rows(whole), DEADLINE_S)
        violation_id, manifest = world.centre.rows(whole)[0]
        assert world.edge.end() == 0
        clip = ClipManifest.model_validate_json(manifest)
        ((folder,),) = world.centre.rows(f"SELECT folder FROM evidence WHERE violation_id = '{violation_id}'")
        files = world.centre.data / "files" / folder
        original = cv2.imread(str(files / "original.jpg"), cv2.IMREAD_GRAYSCALE)
        with av.open(str(next(files.glob("clip-*.mp4")))) as container:
            assert container.streams.video[0].codec_context.codec.canonical_name == clip.codec
            pictures = {round(float(frame.time), 3): frame.to_ndarray(format="gray") for frame in container.decode(video=0)}
        # From the key frame before -5 s to +10 s, or as long after another violation of up to 5 s later.
        assert 5.0 <= clip.moment_s <= 7.1
        assert 9.8 <= max(pictures) - clip.moment_s <= 15.2
        nearest = min(pictures, key=lambda at_s: abs(at_s - clip.moment_s))
        assert nearest == pytest.approx(clip.moment_s, abs=0.002)
        assert number_in(pictures[nearest]) == number_in(original)
    finally:
        world.close()


def test_what_is_gathered_when_the_edge_is_killed_is_told_as_missing(world: World, wait_until: Wait):
    world.edge.start()
    wait_until(lambda: len(world.edge.committed()) >= 2, DEADLINE_S)
    world.edge.kill()
    assert world.edge.clips() == []
    check_that_all_arrived_once(world, wait_until)
    assert {sealed.manifest.missing for sealed in world.edge.clips()} == {ClipFlaw.STOPPED}


def test_an_edge_that_is_ended_sends_what_it_has_gathered(world: World, wait_until: Wait):
    world.edge.start()
    wait_until(lambda: len(world.edge.committed()) >= 2, DEADLINE_S)
    assert world.edge.end() == 0
    check_that_all_arrived_once(world, wait_until)
    assert ClipFlaw.STOPPED in {sealed.manifest.ends_early for sealed in world.edge.clips()}


def test_killed_edge_and_absent_centre_lose_and_double_nothing(world: World, wait_until: Wait):
    kill_many_times(world, wait_until, 3, random.Random(1))
    check_that_all_arrived_once(world, wait_until)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_edge_killed_very_often(world: World, wait_until: Wait):
    kill_many_times(world, wait_until, 40, random.Random(2))
    check_that_all_arrived_once(world, wait_until)


def test_second_edge_on_the_same_folder_is_refused(world: World, wait_until: Wait):
    world.edge.start("--quiet")
    wait_until(world.edge.works, DEADLINE_S)
    second = world.edge.command("run")
    assert (second.returncode, second.stderr.count("\n")) == (1, 1)
    assert "Another edge already works on" in second.stderr
    assert world.edge.end() == 0


def test_starts_without_the_centre_and_tells_it_later(world: World, wait_until: Wait):
    world.edge.start("--quiet")
    wait_until((world.edge.folder / "cameras.json").exists, DEADLINE_S)
    assert world.edge.end() == 0
    world.centre.stop()
    world.edge.start()
    wait_until(lambda: len(world.edge.committed()) >= 2, DEADLINE_S)
    world.centre.start()
    wait_until(lambda: world.centre.rows("SELECT COUNT(*) FROM evidence")[0][0] >= 2, DEADLINE_S)
    assert world.edge.end() == 0


def test_heartbeat_and_latest_picture_reach_the_centre(world: World, wait_until: Wait):
    world.edge.start("--quiet")
    wait_until(lambda: (world.centre.rows("SELECT last_looks FROM cameras")[0][0] or 0) > 0, DEADLINE_S)
    wait_until(lambda: world.centre.rows("SELECT pictured_at FROM cameras")[0][0] is not None, DEADLINE_S)
    assert world.edge.end() == 0


def test_revoked_edge_stops_looking_and_keeps_what_it_has(world: World, wait_until: Wait):
    world.edge.start()
    wait_until(lambda: world.edge.committed(), DEADLINE_S)
    world.centre.change("UPDATE edges SET revoked_at = '2026-01-01 00:00:00'")
    wait_until(lambda: "edge_turned_away" in world.edge.log(), DEADLINE_S)
    wait_until(lambda: not (world.edge.folder / "cameras.json").exists(), DEADLINE_S)
    assert world.edge.end() == 0
    kept = len(world.edge.committed()) + len(world.edge.clips())
    assert kept == world.edge.count("sent") + world.edge.count("parked") + world.edge.count("waiting")


def test_camera_that_went_to_another_edge(world: World, wait_until: Wait):
    """What it saw before is refused with a reason, and kept; and it is no longer looked at."""
    world.edge.start("--quiet")
    wait_until((world.edge.folder / "cameras.json").exists, DEADLINE_S)
    assert world.edge.end() == 0
    world.centre.stop()
    world.edge.start()
    wait_until(lambda: len(world.edge.committed()) >= 2, DEADLINE_S)
    world.edge.kill()
    violations = len(world.edge.committed())
    waiting = 2 * violations  # and the word that the clip of each was lost
    world.centre.change("UPDATE cameras SET edge_id = NULL, version = version + 1")
    world.centre.start()
    world.edge.start("--quiet")
    wait_until(lambda: world.edge.count("parked") == waiting, DEADLINE_S)
    reason = "The centre refused it (HTTP 403): This camera does not belong to this edge."
    wait_until(lambda: world.edge.log().count(reason) == violations, DEADLINE_S)
    wait_until(lambda: "camera_removed" in world.edge.log(), DEADLINE_S)
    assert len(world.edge.committed()) + len(world.edge.clips()) == waiting
    assert world.edge.end() == 0


def test_clock_that_is_off_loses_nothing(world: World, wait_until: Wait):
    world.edge.start("--quiet")
    wait_until((world.edge.folder / "cameras.json").exists, DEADLINE_S)
    assert world.edge.end() == 0
    world.edge.start("--clock-ahead", "3600")
    wait_until(lambda: "The clock of the edge is more than five minutes off" in world.edge.log(), DEADLINE_S)
    wait_until(lambda: world.edge.count("sent"), DEADLINE_S)  # by the centre's time, once it has told it
    assert world.edge.end() == 0
    assert world.edge.count("parked") == 0
    check_that_all_arrived_once(world, wait_until)


def test_full_disk_is_told_and_survived(world: World, wait_until: Wait):
    """The kernel lets the edge write no file beyond a few bytes, and later lets it again."""
    world.edge.start()
    wait_until(lambda: world.edge.committed(), DEADLINE_S)
    assert world.edge.process is not None
    _, hard = resource.prlimit(world.edge.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(world.edge.process.pid, resource.RLIMIT_FSIZE, (SMALLER_THAN_A_PICTURE, hard))
    wait_until(lambda: "evidence_cannot_be_written" in world.edge.log(), DEADLINE_S)
    before = len(world.edge.committed())
    resource.prlimit(world.edge.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
    wait_until(lambda: len(world.edge.committed()) > before + 1, DEADLINE_S)
    assert world.edge.log().count("evidence_cannot_be_written") == 1
    assert world.edge.end() == 0
    check_that_all_arrived_once(world, wait_until)


def test_the_edges_own_process_has_no_library_for_pictures():
    """They take 35 MB; its workers have them. `tests/test_demo.py` sees that it stays so at work."""
    program = "import sys, ingest.edge_cli; print({'av', 'cv2', 'numpy', 'onnxruntime'} & sys.modules.keys())"
    loaded = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert loaded.stdout == "set()\n"


def test_enrolling_from_the_command_line(world: World, tmp_path: Path):
    other = RealEdge(tmp_path / "other")
    unknown = other.command("enroll", "--centre", world.centre.url, "--code", "ABCDEFGHJK")
    assert unknown.returncode == 1
    assert "The code is unknown, used or too old. Make a new one in the console." in unknown.stderr
    code = subprocess.run(
        [sys.executable, "-m", "sunshine", "enrol-code", "--data", str(world.centre.data)],
        cwd=REPOSITORY, env=ENVIRONMENT, capture_output=True, text=True, check=True,
    ).stdout.strip()
    enrolled = other.command("enroll", "--centre", world.centre.url, "--code", code, "--name", "凉菜间")
    assert (enrolled.returncode, enrolled.stderr) == (0, "")
    assert ("凉菜间",) in world.centre.rows("SELECT name FROM edges")
