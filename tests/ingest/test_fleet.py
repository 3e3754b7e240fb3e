import errno
from collections.abc import Collection, Sequence
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from structlog.testing import capture_logs

from contract.cameras import CameraConfig
from contract.catalogue import AreaKind, Catalogue, Post
from contract.credentials import seal_credential
from contract.edges import EdgeTrouble, StreamFault
from contract.evidence import Manifest
from detector.observation import AttributeName, Observation
from detector.violation import Repeat, Violation
from ingest import keeping, watched
from ingest.errors import SourceError
from ingest.evidence import EvidenceFolder
from ingest.findings import Latest
from ingest.fleet import Fleet
from ingest.keeping import DISK_INTERVAL_S, MOST_RECORDING
from ingest.minutes import MinuteBook
from ingest.preroll import Gathering
from ingest.shedding import INTERVAL_S
from ingest.timeline import ClockRecord
from ingest.watched import HEARTBEAT_LOOK_S, open_reader
from tests.ingest.edge_world import MODELS, FakeReader, Parts, RecorderAtHand, bareheaded, camera, edge_config, violation

BLACK = 0


class ScriptedDetector:
    """Sees somebody bareheaded in every picture, and breaks on black ones."""

    models = MODELS

    def __init__(self) -> None:
        self.asked: list[list[Collection[str]]] = []  # by call

    def look(
        self, images: Sequence[npt.NDArray[np.uint8]], asked: Sequence[Collection[AttributeName]] | None = None
    ) -> list[Observation]:
        self.asked.append([*(asked or [])])
        if not all(one.any() for one in images):
            raise RuntimeError("broken on this picture")
        return [bareheaded() for _ in images]


class ScriptedRules:
    """Tells a violation at every look until it is committed."""

    def __init__(self, camera: CameraConfig, catalogue: Catalogue, repeats: list[Repeat]) -> None:
        self.camera = camera
        self.told = bool(repeats)
        self.looks = 0
        self.clock_off_s = 0.0
        self.tracks: set[int | None] = set()

    def update(self, observation: Observation, time_s: float, wall_time: datetime, clock_off_s: float) -> list[Violation]:
        self.looks += 1
        self.clock_off_s = clock_off_s
        self.tracks |= {person.track for person in observation.people}
        return [] if self.told else [violation(wall_time)]

    def wanted_interval_s(self, time_s: float) -> float | None:
        return 5.0  # somebody is always suspected

    def wanted_at_s(self, time_s: float) -> float | None:
        return None

    def committed(self, violation: Violation) -> None:
        self.told = True

    def refused(self, violation: Violation) -> None:
        self.told = False


class RefusedClips:
    """In the place of the cutter: the disk had room for the pictures, and none for the clip."""

    def __init__(self) -> None:
        self.refused: tuple[str, OSError] | None = None

    def add(self, manifest: Manifest, gathering: Gathering | None) -> None:
        self.refused = manifest.camera_id, OSError(errno.ENOSPC, "No space left on device")


class World:
    def __init__(self, folder: Path, latest_every_s: float = 600.0, clips: RefusedClips | None = None) -> None:
        self.parts = Parts(folder)
        self.book = MinuteBook(self.parts.database, self.parts.clock)
        self.key = X25519PrivateKey.generate()
        self.readers: dict[str, list[FakeReader]] = {}
        self.passwords: dict[str, str | None] = {}
        self.rules: dict[str, ScriptedRules] = {}
        self.latest: list[Latest] = []
        self.detector = ScriptedDetector()
        self.recorder = RecorderAtHand(self.parts.recorder)
        self.fleet = Fleet(
            self.detector, self.recorder, self.book, self.key,
            open_reader=self._open, make_rules=self._make_rules, clock=self.parts.clock.moment, timer=self.parts.timer,
            on_latest=self.latest.append, latest_every_s=latest_every_s, clips=clips,
        )

    def _open(self, camera: CameraConfig, password: str | None) -> FakeReader:
        self.passwords[camera.id] = password
        self.readers.setdefault(camera.id, []).append(FakeReader())
        return self.readers[camera.id][-1]

    def _make_rules(self, camera: CameraConfig, catalogue: Catalogue, repeats: list[Repeat]) -> ScriptedRules:
        self.rules[camera.id] = ScriptedRules(camera, catalogue, repeats)
        return self.rules[camera.id]

    def apply(self, *cameras: CameraConfig) -> None:
        for one in cameras:
            self.book.watch(one.id)  # as the edge does
        self.fleet.apply(edge_config(*cameras))
        self.fleet.look_round()

    def reader(self, camera_id: str) -> FakeReader:
        return self.readers[camera_id][-1]

    def evidence(self) -> list[str]:
        return [entry.manifest.camera_id for entry in self.parts.evidence.committed(set())]

    def minute(self, camera_id: str) -> tuple[int, StreamFault | None]:
        """Looks and fault of the minute that runs."""
        self.parts.timer.now += 2
        self.fleet.look_round()
        (minute,) = (one for one in self.book.running() if one.camera_id == camera_id)
        return minute.looks, minute.fault


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def sealed(world: World, camera_id: str, password: str) -> str:
    return seal_credential(world.key.public_key(), camera_id, password)


def test_rules_are_told_by_how_much_the_clock_is_off(world: World):
    world.fleet.clock_off_s = 3600.0
    world.apply(camera("a"))
    world.reader("a").show()
    world.fleet.look_round()
    assert world.rules["a"].clock_off_s == 3600.0


def test_violation_becomes_evidence(world: World):
    world.apply(camera("a"))
    world.reader("a").show()
    assert world.fleet.look_round() == 1
    assert world.evidence() == ["a"]


def test_hands_are_read_only_where_a_rule_asks_for_gloves(world: World):
    world.apply(camera("a"), camera("b", posts=frozenset({Post.GLOVES_REQUIRED})))
    world.reader("a").show()
    world.reader("b").show()
    world.fleet.look_round()
    assert world.detector.asked == [[{"cap", "mask", "smoking"}, {"cap", "mask", "smoking", "glove"}]]


def test_committed_is_told_to_the_rules(world: World):
    world.apply(camera("a"))
    for _ in range(3):
        world.reader("a").show()
        world.fleet.look_round()
    assert world.evidence() == ["a"]


def test_cameras_come_and_go_without_a_restart(world: World):
    world.apply(camera("a"))
    world.apply(camera("a"), camera("b"))
    world.apply(camera("b"))
    assert (world.reader("a").stopped, world.reader("b").stopped) == (1, 0)
    assert (len(world.readers["a"]), len(world.readers["b"])) == (1, 1)


def test_unchanged_camera_is_not_touched(world: World):
    """Also not when its password comes sealed anew, as it does with every list."""
    world.apply(camera("a", username="u", password_sealed=sealed(world, "a", "p%@:/")))
    rules = world.rules["a"]
    world.apply(camera("a", username="u", password_sealed=sealed(world, "a", "p%@:/")), camera("b"))
    assert (len(world.readers["a"]), world.reader("a").stopped) == (1, 0)
    assert world.rules["a"] is rules


def test_how_far_the_chain_has_come_reaches_the_evidence_and_changes_nothing_else(world: World):
    world.apply(camera("a"))
    rules = world.rules["a"]
    world.apply(camera("a", chain_length=8, chain_start="a" * 64))
    assert world.rules["a"] is rules
    world.reader("a").show()
    world.fleet.look_round()
    assert [entry.manifest.sequence for entry in world.parts.evidence.committed(set())] == [9]


def test_changed_zone_gives_new_rules_on_the_same_stream(world: World):
    world.apply(camera("a"))
    rules = world.rules["a"]
    world.apply(camera("a", zone=[(0, 0), (1, 0), (1, 1)]))
    assert len(world.readers["a"]) == 1
    assert world.rules["a"] is not rules


def test_nobody_gets_the_number_of_somebody_whom_an_earlier_run_told_of(world: World, tmp_path: Path):
    """The centre takes what comes with the same number for the same person, and so would lose a case."""
    (tmp_path / "again").mkdir()
    runs = [world, world, World(tmp_path / "again")]
    seen = []
    for run, name in zip(runs, ("before", "changed", "changed"), strict=True):
        run.apply(camera("a", name=name))
        run.reader("a").show()
        run.fleet.look_round()
        seen.append(run.rules["a"].tracks)
    assert len(set().union(*seen)) == 3


@pytest.mark.parametrize(
    "change", [{"url": "rtsp://10.0.0.6/a"}, {"transport": "udp"}, {"username": "other"}, {"interval_s": 2.0}]
)
def test_changed_stream_gives_a_new_reader(world: World, change: dict[str, object]):
    world.apply(camera("a"))
    world.apply(camera("a", **change))
    assert [reader.stopped for reader in world.readers["a"]] == [1, 0]


def test_changed_password_gives_a_new_reader(world: World):
    world.apply(camera("a", username="u", password_sealed=sealed(world, "a", "old")))
    world.apply(camera("a", username="u", password_sealed=sealed(world, "a", "new")))
    assert [reader.stopped for reader in world.readers["a"]] == [1, 0]
    assert world.passwords["a"] == "new"


def test_new_rules_know_what_was_told(world: World):
    world.apply(camera("a"))
    world.reader("a").show()
    world.fleet.look_round()
    world.apply(camera("a", name="New name"))
    world.reader("a").show()
    world.fleet.look_round()
    assert world.evidence() == ["a"]


def test_password_for_another_edge_stops_only_its_camera(world: World):
    other = seal_credential(X25519PrivateKey.generate().public_key(), "a", "geheim")
    world.apply(camera("a", username="u", password_sealed=other), camera("b"))
    world.reader("b").show()
    world.fleet.look_round()
    assert world.minute("a") == (0, StreamFault.WRONG_PASSWORD)
    assert world.evidence() == ["b"]


def test_password_is_in_no_log_line(world: World):
    with capture_logs() as logs:
        world.apply(camera("a", username="u", password_sealed=sealed(world, "a", "geheim%@:/")))
        world.reader("a").frames.append(RuntimeError("trouble"))
        world.fleet.look_round()
    assert logs
    assert "geheim" not in repr(logs)


def test_broken_detector_is_contained_told_once_and_recovers(world: World):
    world.apply(camera("a"), camera("b"))
    with capture_logs() as logs:
        for _ in range(3):
            world.reader("a").show(shade=BLACK)
            world.reader("b").show()
            assert world.fleet.look_round() == 1
        assert world.minute("a") == (0, StreamFault.DETECTOR_FAILED)
        world.reader("a").show()
        world.fleet.look_round()
    assert world.rules["b"].looks == 3
    assert [line["event"] for line in logs if line["event"].startswith("looking_")] == ["looking_failed", "looking_works_again"]


@pytest.mark.parametrize("method", ["update", "committed"])
def test_broken_rules_are_contained(world: World, monkeypatch: pytest.MonkeyPatch, method: str):
    world.apply(camera("a"), camera("b"))

    def broken(*args: object) -> list[Violation]:
        raise ZeroDivisionError

    monkeypatch.setattr(world.rules["a"], method, broken)
    world.reader("a").show()
    world.reader("b").show()
    world.fleet.look_round()
    assert "b" in world.evidence()
    assert world.minute("a")[1] == StreamFault.DETECTOR_FAILED


def test_broken_reader_is_contained(world: World):
    world.apply(camera("a"), camera("b"))
    world.reader("a").frames.append(MemoryError())
    world.reader("b").show()
    world.fleet.look_round()
    assert world.evidence() == ["b"]


def test_camera_that_cannot_be_set_up_does_not_keep_others_out(world: World, monkeypatch: pytest.MonkeyPatch):
    make_rules = world._make_rules

    def broken(camera: CameraConfig, catalogue: Catalogue, repeats: list[Repeat]) -> ScriptedRules:
        if camera.id == "a":
            raise ValueError("cannot be")
        return make_rules(camera, catalogue, repeats)

    monkeypatch.setattr(world.fleet._roster, "_make_rules", broken)
    world.apply(camera("a"), camera("b"))
    assert list(world.readers) == ["b"]
    assert world.minute("a") == (0, StreamFault.OTHER)


@pytest.fixture
def attempts(world: World, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Setting up a camera in the special area fails for the first three times: when it was tried."""
    tried: list[str] = []
    make_rules = world._make_rules

    def broken(camera: CameraConfig, catalogue: Catalogue, repeats: list[Repeat]) -> ScriptedRules:
        if camera.area is AreaKind.SPECIAL_AREA:
            tried.append(camera.id)
            if len(tried) <= 3:
                raise OSError("the disk does not answer")
        return make_rules(camera, catalogue, repeats)

    monkeypatch.setattr(world.fleet._roster, "_make_rules", broken)
    return tried


def rounds(world: World, seconds: float) -> None:
    """Ten a second."""
    for _ in range(round(10 * seconds)):
        world.parts.timer.now += 0.1
        world.fleet.look_round()


def test_camera_that_cannot_be_set_up_is_tried_again_ever_more_rarely(world: World, attempts: list[str]):
    with capture_logs() as logs:
        world.apply(camera("a", area=AreaKind.SPECIAL_AREA))
        rounds(world, 0.4)  # the first pause is half a second to one
        assert len(attempts) == 1
        rounds(world, 0.8)
        assert len(attempts) == 2
        rounds(world, 0.2)  # then one second to two
        assert len(attempts) == 2
        rounds(world, 10.0)
    assert len(attempts) == 4
    assert [line["event"] for line in logs] == ["camera_not_set_up", "camera_added"]
    world.parts.clock.now += 60  # a minute keeps the fault that it has seen
    world.reader("a").show()
    assert world.minute("a") == (1, None)


def test_change_that_cannot_be_made_is_told_and_tried_again(world: World, attempts: list[str]):
    world.apply(camera("a"))
    world.apply(camera("a", area=AreaKind.SPECIAL_AREA))
    assert world.minute("a") == (0, StreamFault.OTHER)
    rounds(world, 10.0)
    assert world.rules["a"].camera.area is AreaKind.SPECIAL_AREA
    world.parts.clock.now += 60
    world.reader("a").show()
    assert world.minute("a") == (1, None)


def test_camera_that_was_never_set_up_and_is_taken_off_the_list_is_not_tried_again(world: World, attempts: list[str]):
    world.apply(camera("a", area=AreaKind.SPECIAL_AREA))
    world.apply()
    rounds(world, 10.0)
    assert len(attempts) == 1


def test_fault_of_a_stream_is_told(world: World):
    world.apply(camera("a"))
    world.reader("a").fault = StreamFault.NOT_FOUND
    assert world.minute("a") == (0, StreamFault.NOT_FOUND)


def test_what_was_is_not_told_as_what_is(world: World):
    """A detector that fell behind looks at no picture of half a minute ago."""
    world.apply(camera("a"))
    assert world.reader("a").max_age_s == 30.0


def test_looks_are_counted(world: World):
    world.apply(camera("a"))
    for number in range(3):
        world.reader("a").show(number)
        world.fleet.look_round()
    assert world.minute("a") == (3, None)


class Unsuspecting(ScriptedRules):
    def wanted_interval_s(self, time_s: float) -> float | None:
        return None


def test_a_still_picture_is_looked_at_once_and_then_at_every_heartbeat(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(world.fleet._roster, "_make_rules", lambda *given: world.rules.setdefault("a", Unsuspecting(*given)))
    world.apply(camera("a"))
    for second in range(0, 25, 3):
        world.reader("a").show(second)
        assert world.fleet.look_round() == 1
    assert world.rules["a"].looks == 1 + 24 // HEARTBEAT_LOOK_S
    assert len(world.rules["a"].tracks) == 1, "who stands still has one number, however long ago the last look is"
    assert world.minute("a") == (9, None)


def test_a_picture_that_changes_is_looked_at(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(world.fleet._roster, "_make_rules", lambda *given: world.rules.setdefault("a", Unsuspecting(*given)))
    world.apply(camera("a"))
    for second in range(4):
        world.reader("a").show(second, shade=60 + 40 * (second % 2))
        world.fleet.look_round()
    assert world.rules["a"].looks == 4


def test_a_suspicion_keeps_it_looking_and_reaches_the_reader(world: World):
    world.apply(camera("a"))
    for second in range(4):
        world.reader("a").show(second)
        world.fleet.look_round()
    assert world.rules["a"].looks == 4
    assert world.reader("a").wanted == [None, 5.0]


def lose(world: World, share: float) -> None:
    """Ten seconds in which this share of the pictures gave way to newer ones."""
    world.reader("a").pictures += 100
    world.reader("a").dropped += round(100 * share)
    world.parts.timer.now += INTERVAL_S
    world.fleet.look_round()


def test_too_small_a_box_lengthens_the_sampling_and_gives_no_bursts(world: World):
    world.apply(camera("a"))
    lose(world, 0.3)
    lose(world, 0.3)
    assert world.reader("a").stretches == [1.0, 1.25, 1.25**2]
    world.reader("a").show()
    world.fleet.look_round()
    assert world.reader("a").wanted[-1] is None
    assert world.fleet.report()[0]["a"].stretch == 1.25**2


def test_the_sampling_comes_back_when_there_is_time_again(world: World):
    world.apply(camera("a"))
    lose(world, 0.3)
    world.reader("a").show()
    world.fleet.look_round()
    lose(world, 0.0)
    assert world.reader("a").stretches == [1.0, 1.25, 1.0]
    assert world.reader("a").wanted[-1] == 5.0


def test_a_few_lost_pictures_are_no_reason(world: World):
    world.apply(camera("a"))
    lose(world, 0.05)
    assert world.reader("a").stretches == [1.0]


@pytest.mark.parametrize("goes", [True, False], ids=["taken out", "at a new address"])
@pytest.mark.parametrize(("had_lost", "share", "stretches"), [(0, 0.05, [1.0]), (500, 0.3, [1.0, 1.25])])
def test_a_camera_that_goes_neither_is_a_loss_nor_hides_one(
    world: World, had_lost: int, share: float, stretches: list[float], goes: bool
):
    world.apply(camera("a"), camera("b"))
    world.reader("b").pictures, world.reader("b").dropped = 10_000, had_lost
    lose(world, 0.0)
    world.fleet.apply(edge_config(camera("a"), *([] if goes else [camera("b", url="rtsp://10.0.0.6/b")])))
    lose(world, share)
    assert world.reader("a").stretches == stretches


def test_pictures_of_a_round_are_looked_at_together(world: World):
    world.apply(*[camera(name) for name in "abcde"])
    for name in "abcde":
        world.reader(name).show()
    assert world.fleet.look_round() == 5
    assert [len(asked) for asked in world.detector.asked] == [4, 1]


def test_a_changed_camera_wants_nothing_more(world: World):
    world.apply(camera("a"))
    world.reader("a").show()
    world.fleet.look_round()
    world.apply(camera("a", zone=[(0, 0), (1, 0), (1, 1)]))
    assert world.reader("a").wanted == [None, 5.0, None]


def test_full_disk_is_told_once_and_the_violation_comes_again(world: World, monkeypatch: pytest.MonkeyPatch):
    world.apply(camera("a"), camera("b"))

    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with capture_logs() as logs:
        with monkeypatch.context() as patch:
            patch.setattr(EvidenceFolder, "commit", full)
            for number in range(3):
                world.reader("a").show(number)
                world.fleet.look_round()
        assert world.fleet.trouble is EdgeTrouble.DISK_FULL
        world.reader("a").show(3)
        world.fleet.look_round()
    assert (world.evidence(), world.fleet.trouble) == (["a"], None)
    assert [line["event"] for line in logs if line["event"].startswith("evidence_")] == [
        "evidence_cannot_be_written", "evidence_can_be_written_again",
    ]
    assert world.rules["a"].looks == 4


def test_a_disk_that_is_too_full_for_clips_alone_is_told_too(tmp_path: Path):
    world = World(tmp_path, clips=RefusedClips())
    world.apply(camera("a"))
    with capture_logs() as logs:
        world.reader("a").show()
        for _ in range(2):
            world.fleet.look_round()
        assert world.fleet.trouble is EdgeTrouble.DISK_FULL
        world.parts.timer.now += DISK_INTERVAL_S
        world.fleet.look_round()
    assert world.fleet.trouble is None
    assert [line["event"] for line in logs] == ["violation", "evidence_cannot_be_written", "evidence_can_be_written_again"]


def test_nobody_waits_for_what_is_being_recorded(world: World, monkeypatch: pytest.MonkeyPatch):
    """It is not told again meanwhile; and again once it turns out that it could not be kept."""
    futures: list[Future[Manifest]] = []

    def slow(*args: object) -> Future[Manifest]:
        futures.append(Future())
        return futures[-1]

    monkeypatch.setattr(world.recorder, "record", slow)
    world.apply(camera("a"))
    for second in range(3):
        world.reader("a").show(second)
        world.fleet.look_round()
    assert (world.rules["a"].looks, len(futures)) == (3, 1)
    futures[0].set_exception(OSError(errno.ENOSPC, "No space left on device"))
    world.fleet.look_round()
    assert world.fleet.trouble is EdgeTrouble.DISK_FULL
    world.reader("a").show(3)
    world.fleet.look_round()
    assert len(futures) == 2


def test_a_disk_that_hangs_keeps_nobody_from_looking_and_is_told(world: World, monkeypatch: pytest.MonkeyPatch):
    """What no longer finds room in memory is told again as long as it lasts."""
    monkeypatch.setattr(keeping, "PATIENCE_S", 0.0)
    cameras = [camera(f"cam-{number}") for number in range(MOST_RECORDING + 2)]
    world.apply(*cameras)
    world.recorder.waiting = []
    for second in range(3):
        for one in cameras:
            world.reader(one.id).show(second)
        world.fleet.look_round()
    for _ in range(2):
        world.parts.timer.now += DISK_INTERVAL_S  # when the disk is tried
        world.fleet.look_round()
    assert {rules.looks for rules in world.rules.values()} == {3}
    assert world.fleet.trouble is EdgeTrouble.DISK_HANGS
    assert [method.__name__ for _, method, _ in world.recorder.waiting] == ["record"] * MOST_RECORDING + ["try_out"]
    world.recorder.answer()
    for one in cameras:
        world.reader(one.id).show(3)
    world.fleet.look_round()
    assert sorted(world.evidence()) == sorted(one.id for one in cameras)
    world.fleet.look_round()
    assert world.fleet.trouble is None


def test_a_camera_is_looked_at_as_before_until_the_disk_has_said_what_it_told(world: World):
    world.apply(camera("a"))
    world.recorder.waiting = []
    world.apply(camera("a", name="The kitchen"), camera("b"))
    rules = world.rules["a"]
    world.reader("a").show()
    world.fleet.look_round()
    assert rules.looks == 1
    assert world.minute("a") == (1, None)
    assert "b" not in world.readers, "what it has told could be told again"
    world.recorder.answer()
    for _ in range(2):
        world.fleet.look_round()
    assert world.rules["a"] is not rules
    assert world.rules["a"].told, "what it told meanwhile would be told again"
    assert world.evidence() == ["a"]
    assert world.reader("b").started == 1


def test_room_on_the_disk_is_noticed_without_new_evidence(world: World, monkeypatch: pytest.MonkeyPatch):
    """Also when what could not be kept never comes again."""
    world.apply(camera("a"))

    def full(*args: object, **keywords: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with capture_logs() as logs:
        with monkeypatch.context() as patch:
            patch.setattr("ingest.evidence.write_file", full)
            world.reader("a").show()
            for _ in range(2):
                world.fleet.look_round()
                world.parts.timer.now += DISK_INTERVAL_S
            world.fleet.look_round()
            assert world.fleet.trouble is EdgeTrouble.DISK_FULL
        world.parts.timer.now += DISK_INTERVAL_S
        world.fleet.look_round()
    assert world.fleet.trouble is None
    assert [line["event"] for line in logs] == ["evidence_cannot_be_written", "evidence_can_be_written_again"]
    assert list((world.parts.evidence.folder / "a").iterdir()) == []


def test_stop_lets_go_of_all_cameras(world: World):
    world.apply(camera("a"), camera("b"))
    world.fleet.stop()
    assert all(reader.stopped for readers in world.readers.values() for reader in readers)


def test_a_camera_that_the_edge_has_taken_out_does_not_come_back_into_its_book(world: World):
    """Its worker does not know yet, and takes in an earlier change of it."""
    world.apply(camera("a"))
    world.book.unwatch("a")
    world.fleet.apply(edge_config(camera("a", zone=[(0, 0), (1, 0), (1, 1)])))
    world.fleet.look_round()
    world.book.state("a", StreamFault.OTHER)
    assert world.book.running() == []


def test_reader_of_a_url_that_is_none_tells_its_fault():
    reader = open_reader(camera("a", url="rtsp://[not a url/"), None)
    reader.start()
    try:
        assert reader.take(timeout_s=0.0) is None
        while (fault := reader.state().fault) is None:
            reader.take(timeout_s=0.01)
        assert fault == StreamFault.BAD_URL
    finally:
        reader.stop()


def test_what_a_connection_showed_of_the_clock_of_a_camera_is_known_to_the_next(monkeypatch: pytest.MonkeyPatch, wait_until):
    records: list[ClockRecord] = []

    def fail(*_: object, clock: ClockRecord, **__: object) -> None:
        records.append(clock)
        raise SourceError(StreamFault.TIMEOUT)

    monkeypatch.setattr(watched, "open_source", fail)
    with open_reader(camera("a"), None):
        wait_until(lambda: len(records) > 1)
    assert records[0] is records[1]


class TestLatestPicture:
    def test_one_of_each_camera_now_and_then(self, world: World):
        world.apply(camera("a"), camera("b"))
        for _ in range(3):
            world.reader("a").show()
            world.reader("b").show()
            world.fleet.look_round()
            world.parts.timer.now += 250.0
        assert sorted(one.camera_id for one in world.latest) == ["a", "b"]
        world.reader("a").show()
        world.fleet.look_round()
        assert [one.camera_id for one in world.latest][2:] == ["a"]

    def test_none_where_it_is_switched_off(self, tmp_path: Path):
        world = World(tmp_path, latest_every_s=0.0)
        world.apply(camera("a"))
        world.reader("a").show()
        assert world.fleet.look_round() == 1
        assert world.latest == []

    def test_what_fails_of_it_costs_neither_evidence_nor_the_next_look(self, world: World, monkeypatch: pytest.MonkeyPatch):
        def broken(picture: Latest) -> None:
            raise ConnectionError("nobody takes it")

        monkeypatch.setattr(world.fleet, "_on_latest", broken)
        world.apply(camera("a"))
        for _ in range(2):
            world.reader("a").show()
            assert world.fleet.look_round() == 1
        assert world.evidence() == ["a"]
        assert world.minute("a") == (2, None)
