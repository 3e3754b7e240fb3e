"""How many cameras this box can carry: the edge's own reading, looking and judging, for some seconds, on cameras on loopback."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from importlib.resources import files
from pathlib import Path

import av
from av.video.frame import PictureType
from av.video.stream import VideoStream
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from contract.cameras import CameraConfig, EdgeConfig
from contract.catalogue import AreaKind, Catalogue, Post, load_catalogue
from contract.edges import StreamFault
from contract.evidence import Manifest
from contract.lifetime import ENDS_WITH_INPUT
from detector.rules import RuleEngine
from detector.violation import Repeat, Violation
from ingest.decoding import BURST_SHARE
from ingest.findings import Sight
from ingest.fleet import Fleet
from ingest.parts import Looker

# The measure of a camera: what most send as their main stream.
WIDTH, HEIGHT, FPS, BITS_A_SECOND = 1920, 1080, 25, 4_000_000
CAMERAS = 3
CLIP_S = 10
# Some key frames of each camera, after all have been found; then one of them is suspected of what needs a look every second.
MEASURE_S, SUSPECTED_S, SUSPICION_S = 12.0, 8.0, 1.0
FOUND_WITHIN_S = 30.0
# What a camera costs the whole edge, of what it costs here: its own process, and H.265. `sunshine bench density`, which has both,
# gave 43 cameras on the machine where this gave 52 (bench/RESULTS.md).
WHOLE_EDGE = 52 / 43
# What is left for the system, the sender, and a bad minute.
USABLE = 0.85


class CapacityError(RuntimeError):
    """The box could not be measured; the message says why."""


@dataclass(frozen=True)
class Capacity:
    """`cpu`: processor seconds of the whole edge for each second of a camera that bursts as much as it may; `cameras` that fit on
    all cores."""

    gop: int
    cores: int
    cpu: float
    cameras: int


def measure(detector: Looker, cores: int, gop: int, say: Callable[[str], None]) -> Capacity:
    """Raises CapacityError. Takes three quarters of a minute; other work on the box makes the figure smaller."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        say("Making a 1080p camera ...")
        clip = Path(folder) / "camera.mp4"
        try:
            _write_clip(clip, gop)
        except OSError as error:
            words = f"The film of that camera cannot be written ({error}). Make room there, or name another folder in TMPDIR."
            raise CapacityError(words) from error
        urls = [stack.enter_context(_camera(clip)) for _ in range(CAMERAS)]
        # Whatever a rule could ask is read, and none tells: what it costs to see, not what these people do.
        catalogue = load_catalogue()
        no_rules = catalogue.model_copy(update={"rules": []})
        rules: dict[str, _Suspicious] = {}

        def make_rules(camera: CameraConfig, _: Catalogue, repeats: list[Repeat]) -> RuleEngine:
            return rules.setdefault(camera.id, _Suspicious(camera, no_rules, repeats))

        fleet = Fleet(detector, _Forgetful(), _Forgetful(), X25519PrivateKey.generate(), make_rules=make_rules)
        stack.callback(fleet.stop)
        fleet.apply(EdgeConfig(version="capacity", catalogue=catalogue, cameras=[_config(*one) for one in enumerate(urls)]))
        say(f"Watching {CAMERAS} of them for {MEASURE_S + SUSPECTED_S:.0f} s ...")
        _look(fleet, FOUND_WITHIN_S, lambda: _are_found(fleet))
        if not _are_found(fleet):
            raise CapacityError("The cameras on this box's own loopback gave no pictures. Is the box busy with other work?")
        usual = _cpu_share(fleet, MEASURE_S)
        next(iter(rules.values())).suspects = True
        _look(fleet, 2 * gop / FPS, lambda: False)  # it is told at the next key frame, and the burst begins with the one after
        burst = max(0.0, _cpu_share(fleet, SUSPECTED_S) - usual)
        cpu = WHOLE_EDGE * (usual / CAMERAS + BURST_SHARE * burst)
    return Capacity(gop, cores, cpu, int(USABLE * cores / cpu))


def words(capacity: Capacity) -> str:
    seconds = capacity.gop / FPS
    return (
        f"This box ({capacity.cores} cores) can carry about {capacity.cameras} cameras of 1080p, 25 pictures a second, "
        f"a key frame every {seconds:g} s, in busy kitchens.\n"
        f"本机（{capacity.cores} 核）约可承载 {capacity.cameras} 路繁忙厨房的摄像头"
        f"（1080p、每秒 25 帧、关键帧间隔 {seconds:g} 秒）。"
    )


def _are_found(fleet: Fleet) -> bool:
    beats = fleet.report()[0].values()
    return len(beats) == CAMERAS and all(one.looks >= 2 for one in beats)


def _cpu_share(fleet: Fleet, seconds: float) -> float:
    """Of one core, for all cameras together. Raises CapacityError."""
    begun, before = time.monotonic(), time.process_time()
    _look(fleet, seconds, lambda: False)
    share = (time.process_time() - before) / (time.monotonic() - begun)
    if any(one.stretch > 1.0 for one in fleet.report()[0].values()):
        # What was left out costs nothing, and would make the box look larger than it is.
        raise CapacityError(
            f"This box did not keep up with {CAMERAS} cameras. Stop its other work (a running edge too) and measure again; "
            "if it stays so, the box is too small."
        )
    return share


def _look(fleet: Fleet, seconds: float, done: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and not done():
        if not fleet.look_round():
            time.sleep(0.05)


def _write_clip(path: Path, gop: int) -> None:
    """The bundled kitchen in 1080p: people at work, coded as a camera does."""
    with av.open(str(files("configs") / "demo" / "kitchen.mp4")) as kitchen, av.open(str(path), "w") as container:
        options = {
            # As cameras code. "ultrafast" leaves out CABAC and the loop filter: a camera cost 0.8 of this, and a box that
            # carries 52 promised 64.
            "preset": "veryfast", "profile": "high", "x264-params": f"bframes=0:scenecut=0:keyint={gop}:min-keyint={gop}",
        }
        stream: VideoStream = container.add_stream("libx264", rate=FPS, options=options)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = WIDTH, HEIGHT, "yuv420p", BITS_A_SECOND
        stream.codec_context.thread_count = os.cpu_count() or 1
        number = 0
        for frame in kitchen.decode(video=0):
            for _ in range(2):  # it has 12 pictures a second
                if number >= CLIP_S * FPS:
                    break
                picture = frame.reformat(WIDTH, HEIGHT, "yuv420p")
                picture.pict_type = PictureType.NONE  # else where it has key frames there would be more of them
                picture.pts, picture.time_base = number, Fraction(1, FPS)
                container.mux(stream.encode(picture))
                number += 1
        container.mux(stream.encode(None))


@contextmanager
def _camera(clip: Path) -> Iterator[str]:
    """The address of a camera that plays the clip in a process of its own, so that its cost is not counted."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ingest.rtsp_server", str(clip), "--port", "0"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ | {ENDS_WITH_INPUT: "1"}, text=True,
    )
    try:
        url = process.stdout.readline().strip() if process.stdout is not None else ""
        if not url:
            raise CapacityError("A camera on this box's own loopback could not be started.")
        yield url
    finally:
        process.terminate()
        process.communicate()


def _config(number: int, url: str) -> CameraConfig:
    return CameraConfig(
        id=f"capacity{number}", name=url, shop_id="capacity", shop_name="", area=AreaKind.SPECIAL_ROOM,
        posts=frozenset({Post.GLOVES_REQUIRED}), url=url,
    )


class _Suspicious(RuleEngine):
    """Nothing is ever told; while it `suspects`, looks are wanted as often as for a cigarette."""

    suspects = False

    def wanted_interval_s(self, time_s: float) -> float | None:
        return SUSPICION_S if self.suspects else None


class _Forgetful:
    """In the place of recorder and book: what is seen here is nobody's business."""

    def repeats(self, camera_id: str, catalogue: Catalogue, now: object) -> Future[list[Repeat]]:
        nothing: Future[list[Repeat]] = Future()
        nothing.set_result([])
        return nothing

    def record(self, camera: CameraConfig, catalogue_version: str, sight: Sight, violation: Violation) -> Future[Manifest]:
        raise AssertionError("no rule is in force")

    def try_out(self, camera_id: str) -> Future[None]:
        raise AssertionError("nothing was refused")

    def looked(self, camera_id: str, width: int, height: int) -> None:
        pass

    def still(self, camera_id: str) -> None:
        pass

    def state(self, camera_id: str, fault: StreamFault | None) -> None:
        pass
