"""The last seconds of a stream in memory, and clips cut from them."""

import io
import itertools
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from fractions import Fraction
from pathlib import Path

import av
import pytest
from av.video.stream import VideoStream

from contract.evidence import LARGEST_CLIP, ClipFlaw, Manifest
from ingest.cutting import Cutter, cut
from ingest.findings import Clip
from ingest.preroll import AFTER_S, BEFORE_S, KEPT_S, PACKET_BYTES, Gathering, NoFootage, PreRoll
from tests.ingest.conftest import FPS, number_in
from tests.ingest.edge_world import Parts

SECONDS = 40
GOP_S = 2.0
Clips = Callable[..., Path]


@pytest.fixture
def long_clip(clips: Clips) -> Callable[..., Path]:
    def made(codec: str = "libx264", **settings: object) -> Path:
        given = {"size": (160, 96), "seconds": SECONDS, "gop": int(GOP_S * FPS), "numbered": True, **settings}
        return clips(codec, **given)

    return made


class Stream:
    """A camera that sends when a test says so."""

    def __init__(self, path: Path, most_bytes: int = 10**9) -> None:
        self.container = av.open(str(path))
        self.stream: VideoStream = self.container.streams.video[0]
        self.packets = deque(one for one in self.container.demux(self.stream) if one.size)
        self.preroll = PreRoll(most_bytes)
        self.preroll.begin(self.stream)

    def stamp(self, at_s: float) -> int:
        return round(Fraction(at_s).limit_denominator(1000) / self.stream.time_base)

    def play(self, until_s: float, each: Callable[[], None] = lambda: None) -> None:
        while self.packets and self.packets[0].pts * self.packets[0].time_base < until_s:
            self.preroll.add(self.packets.popleft())
            each()


def seen(clip: Clip) -> list[tuple[float, av.VideoFrame]]:
    """Of its pictures, all decoded, the times in it."""
    with av.open(io.BytesIO(clip.content)) as container:
        return [(float(frame.time), frame) for frame in container.decode(video=0)]


def number_at(clip: Clip, at_s: float) -> int:
    return number_in(next(frame for time_s, frame in seen(clip) if time_s >= at_s - 1e-3).to_ndarray(format="gray"))


@pytest.mark.parametrize(
    ("codec", "options"),
    [("libx264", {"bf": "0"}), ("libx265", {"x265-params": "bframes=0"}), ("libx264", {"bf": "3"}),
     ("libx265", {"x265-params": "bframes=3"})],
    ids=["h264", "h265", "h264 with B frames", "h265 with B frames"],
)
def test_a_clip_holds_the_moment_and_what_is_around_it(long_clip: Clips, codec: str, options: dict[str, str]):
    path = long_clip(codec, options=options)
    stream = Stream(path)
    stream.play(17.3)
    gathering = stream.preroll.gather(stream.stamp(17.0))
    stream.play(27.2)
    clip = cut(gathering.footage())
    pictures = seen(clip)
    # The key frame before 12.0 s: there is one just then.
    assert clip.moment_s == pytest.approx(5.0, abs=0.11)
    assert clip.duration_s == pytest.approx(15.0, abs=0.2)
    assert len(pictures) == pytest.approx(15 * FPS, abs=3)
    assert (clip.codec, clip.begins_late, clip.ends_early) == ("hevc" if codec == "libx265" else "h264", None, None)
    assert number_at(clip, clip.moment_s) == 17 * FPS
    assert [at_s for at_s, _ in pictures] == sorted(at_s for at_s, _ in pictures)


def test_nothing_is_coded_anew_and_nothing_is_copied(long_clip: Clips):
    path = long_clip()
    with av.open(str(path)) as container:
        coded = {bytes(packet) for packet in container.demux(video=0) if packet.size}
    stream = Stream(path)
    added = list(stream.packets)
    stream.play(25.0)
    footage = stream.preroll.gather(stream.stamp(14.0)).footage()
    assert {id(packet) for packet in footage.packets} <= {id(packet) for packet in added}
    with av.open(io.BytesIO(cut(footage).content)) as container:
        assert {bytes(packet) for packet in container.demux(video=0) if packet.size} <= coded


def test_it_begins_at_the_key_frame_before(long_clip: Clips):
    stream = Stream(long_clip())
    stream.play(20.0)
    gathering = stream.preroll.gather(stream.stamp(17.9))  # the key frame before 12.9 s is at 12.0 s
    stream.play(30.0)
    assert cut(gathering.footage()).moment_s == pytest.approx(5.9, abs=0.06)


def test_little_is_kept_while_nothing_happens(long_clip: Clips):
    stream = Stream(long_clip())
    kept: list[float] = []

    def measure() -> None:
        groups = stream.preroll._groups
        kept.append(float((groups[-1].packets[-1].pts - groups[0].start) * stream.stream.time_base))

    stream.play(SECONDS, measure)
    assert max(kept) < KEPT_S + 2 * GOP_S
    assert min(kept[15 * FPS :]) >= KEPT_S - GOP_S


def test_the_bound_is_kept_while_clips_are_gathered(long_clip: Clips):
    most = 12_000
    stream = Stream(long_clip(), most)
    largest = 0

    def measure() -> None:
        nonlocal largest
        largest = max(largest, stream.preroll.bytes)
        really = sum(packet.size + PACKET_BYTES for group in stream.preroll._groups for packet in group.packets)
        assert stream.preroll.bytes == really

    gatherings: list[Gathering] = []
    for second in range(5, SECONDS - 1, 3):
        stream.play(second, measure)
        gatherings.append(stream.preroll.gather(stream.stamp(second - 0.5)))
    assert 0 < largest <= most
    assert all(one.is_ready for one in gatherings)


def test_a_clip_that_was_shortened_for_the_bound_says_so_and_has_the_moment(long_clip: Clips):
    stream = Stream(long_clip(), 60 * (PACKET_BYTES + 150))  # about three seconds
    stream.play(20.0)
    gathering = stream.preroll.gather(stream.stamp(19.0))
    stream.play(35.0)
    assert gathering.is_ready
    clip = cut(gathering.footage())
    assert (clip.begins_late, clip.ends_early) == (ClipFlaw.MEMORY, ClipFlaw.MEMORY)
    assert number_at(clip, clip.moment_s) == 19 * FPS


def test_after_a_full_memory_the_next_clip_is_gathered_again(long_clip: Clips):
    stream = Stream(long_clip(), 60 * (PACKET_BYTES + 150))
    stream.play(10.0)
    first = stream.preroll.gather(stream.stamp(9.0))
    stream.play(20.0)
    first.release()
    stream.play(24.0)
    assert stream.preroll.gather(stream.stamp(23.0)).footage().packets


def test_a_group_of_pictures_that_does_not_fit_gives_no_clip(long_clip: Clips):
    stream = Stream(long_clip(gop=SECONDS * FPS), 20_000)
    stream.play(30.0)
    gathering = stream.preroll.gather(stream.stamp(29.0))
    assert gathering.is_ready
    with pytest.raises(NoFootage) as told:
        gathering.footage()
    assert told.value.flaw is ClipFlaw.MEMORY
    assert stream.preroll.bytes <= 20_000


def test_a_stream_that_had_just_begun(long_clip: Clips):
    stream = Stream(long_clip())
    stream.play(3.0)
    gathering = stream.preroll.gather(stream.stamp(2.0))
    stream.play(14.0)
    clip = cut(gathering.footage())
    assert (clip.moment_s, clip.begins_late, clip.ends_early) == (2.0, ClipFlaw.STREAM, None)


def test_a_stream_that_breaks_off(long_clip: Clips):
    stream = Stream(long_clip())
    stream.play(20.0)
    gathering = stream.preroll.gather(stream.stamp(19.0))
    stream.play(23.0)
    assert not gathering.is_ready
    stream.preroll.end(ClipFlaw.STREAM)
    stream.container.close()  # what is gathered outlives the connection
    assert gathering.is_ready
    clip = cut(gathering.footage())
    assert clip.ends_early is ClipFlaw.STREAM
    assert clip.duration_s == pytest.approx(23.0 - 14.0, abs=0.1)
    gathering.release()
    assert stream.preroll.bytes == 0


def test_a_camera_whose_clock_leaps(long_clip: Clips):
    stream = Stream(long_clip())
    stream.play(20.0)
    gathering = stream.preroll.gather(stream.stamp(19.0))
    leap = stream.stamp(3600.0)
    for packet in itertools.islice(stream.packets, 4 * FPS):
        packet.pts += leap
        packet.dts += leap
        stream.preroll.add(packet)
    clip = cut(gathering.footage())
    assert (clip.ends_early, clip.duration_s < 10.0) == (ClipFlaw.STREAM, True)


def test_a_violation_that_is_told_long_after(long_clip: Clips):
    stream = Stream(long_clip())
    stream.play(30.0)
    with pytest.raises(NoFootage) as told:
        stream.preroll.gather(stream.stamp(3.0)).footage()
    assert told.value.flaw is ClipFlaw.MEMORY


@pytest.mark.parametrize("stamp", [None, 0], ids=["no time stamp", "MPEG-4"])
def test_a_stream_of_which_no_clip_can_be_made(long_clip: Clips, stamp: int | None):
    stream = Stream(long_clip(*(["mpeg4"] if stamp == 0 else []), seconds=3))
    stream.play(2.0)
    with pytest.raises(NoFootage) as told:
        stream.preroll.gather(stamp).footage()
    assert told.value.flaw is ClipFlaw.FORMAT
    assert stamp is None or stream.preroll.bytes == 0


def test_lengths_are_those_that_were_agreed():
    assert (BEFORE_S, AFTER_S) == (5.0, 10.0)


class Told:
    """What a cutter hands over."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.told: list[Clip | ClipFlaw] = []

    def __call__(self, manifest: Manifest, clip: Clip | ClipFlaw) -> Future[None]:
        self.told.append(clip)
        future: Future[None] = Future()
        future.set_exception(self.error) if self.error else future.set_result(None)
        return future


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    return manifests(Parts(tmp_path), 1)[0]


def test_a_clip_is_cut_when_it_is_complete(long_clip: Clips, manifest: Manifest):
    stream, told = Stream(long_clip()), Told()
    cutter = Cutter(told)
    stream.play(17.0)
    cutter.add(manifest, stream.preroll.gather(stream.stamp(16.0)))
    stream.play(26.0)
    cutter.step()
    assert told.told == []
    stream.play(26.5)
    cutter.step()
    assert [type(clip) for clip in told.told] == [Clip]


def manifests(parts: Parts, number: int) -> list[Manifest]:
    for _ in range(number):
        parts.record()
    found = [entry.manifest for entry in parts.evidence.committed(set())]
    return [manifest for manifest in found if isinstance(manifest, Manifest)]


def test_violations_within_seconds_share_a_clip(long_clip: Clips, tmp_path: Path):
    stream, told = Stream(long_clip(), LARGEST_CLIP), Told()
    one, two, three, four = manifests(Parts(tmp_path), 4)
    cutter = Cutter(told)
    stream.play(23.0)
    for manifest, at_s in ((one, 17.0), (two, 17.0), (three, 20.0), (four, 22.5)):
        cutter.add(manifest, stream.preroll.gather(stream.stamp(at_s)))
    stream.play(28.0)
    cutter.step()
    assert told.told == []
    stream.play(30.0 + 1 / FPS)
    cutter.step()
    first, second, third = told.told
    assert isinstance(first, Clip)
    assert isinstance(second, Clip)
    assert isinstance(third, Clip)
    assert [second.content, third.content] == [one.violation_id, two.violation_id]
    assert [clip.moment_s for clip in (first, second, third)] == pytest.approx([5.0, 5.0, 8.0], abs=0.11)
    assert {(clip.begins_late, clip.ends_early) for clip in (first, second, third)} == {(None, None)}
    assert first.duration_s == pytest.approx(18.0, abs=0.2)
    assert [number_at(first, clip.moment_s) for clip in (first, third)] == [17 * FPS, 20 * FPS]
    pictures = [number_in(frame.to_ndarray(format="gray")) for _, frame in seen(first)]
    assert pictures == list(range(pictures[0], pictures[0] + len(pictures)))
    stream.play(33.0)
    cutter.step()
    assert isinstance(told.told[3], Clip)
    assert told.told[3].moment_s == pytest.approx(6.5, abs=0.11)


def test_a_clip_is_not_kept_waiting_for_another_where_memory_is_short(long_clip: Clips, tmp_path: Path):
    whole = Stream(long_clip())
    stream, told = Stream(long_clip(), sum(one.size + PACKET_BYTES for one in whole.packets) * 18 // SECONDS), Told()
    one, two = manifests(Parts(tmp_path), 2)
    cutter = Cutter(told)
    stream.play(20.5)
    cutter.add(one, stream.preroll.gather(stream.stamp(17.0)))
    cutter.add(two, stream.preroll.gather(stream.stamp(20.0)))
    stream.play(27.0 + 1 / FPS)
    cutter.step()
    (clip,) = told.told
    assert isinstance(clip, Clip)
    assert (clip.begins_late, clip.ends_early) == (None, None)


def test_what_no_centre_would_take_is_not_shared(long_clip: Clips):
    small, large = Stream(long_clip(), LARGEST_CLIP), Stream(long_clip(), LARGEST_CLIP + 1)
    for stream, together in ((small, True), (large, False)):
        stream.play(20.0)
        first, second = (stream.preroll.gather(stream.stamp(at_s)) for at_s in (17.0, 17.0))
        assert second.is_with(first) is together


def test_the_next_one_has_the_clip_where_the_disk_did_not_take_that_of_the_first(long_clip: Clips, tmp_path: Path):
    stream, told = Stream(long_clip(), LARGEST_CLIP), Told(OSError(28, "No space left on device"))
    cutter = Cutter(told)
    stream.play(30.0)
    for manifest in manifests(Parts(tmp_path), 2):
        cutter.add(manifest, stream.preroll.gather(stream.stamp(19.0)))
    cutter.step()
    assert [isinstance(clip, Clip) and len(seen(clip)) > 100 for clip in told.told] == [True, True]


def test_whatever_fails_is_told_and_the_next_clip_is_cut(long_clip: Clips, manifest: Manifest, monkeypatch: pytest.MonkeyPatch):
    stream, told = Stream(long_clip()), Told()
    cutter = Cutter(told)
    stream.play(30.0)
    with monkeypatch.context() as patch:
        patch.setattr("ingest.cutting.cut", lambda footage: 1 / 0)
        cutter.add(manifest, stream.preroll.gather(stream.stamp(19.0)))
        cutter.step()
    cutter.add(manifest, None)
    cutter.step()
    cutter.add(manifest, stream.preroll.gather(stream.stamp(19.0)))
    cutter.step()
    assert told.told[:2] == [ClipFlaw.FAILED, ClipFlaw.FORMAT]
    assert isinstance(told.told[2], Clip)
    assert stream.preroll._gatherings == []


def test_a_disk_that_refuses_one_clip_keeps_no_other_from_being_cut(long_clip: Clips, manifest: Manifest):
    stream, told = Stream(long_clip()), Told(OSError(28, "No space left on device"))
    cutter = Cutter(told)
    stream.play(30.0)
    for _ in range(2):
        cutter.add(manifest, stream.preroll.gather(stream.stamp(19.0)))
    cutter.step()
    assert len(told.told) == 2
    assert cutter.refused == (manifest.camera_id, told.error)


def test_at_the_end_what_is_there_is_cut(long_clip: Clips, manifest: Manifest):
    stream, told = Stream(long_clip()), Told()
    cutter = Cutter(told)
    cutter.start()
    stream.play(20.0)
    cutter.add(manifest, stream.preroll.gather(stream.stamp(19.0)))
    cutter.stop(30.0)
    (clip,) = told.told
    assert isinstance(clip, Clip)
    assert (clip.begins_late, clip.ends_early) == (None, ClipFlaw.STOPPED)


def test_a_stream_that_stands_still_is_not_waited_for_for_ever(long_clip: Clips, monkeypatch: pytest.MonkeyPatch):
    stream = Stream(long_clip())
    stream.play(20.0)
    gathering = stream.preroll.gather(stream.stamp(19.0))
    assert not gathering.is_ready
    monkeypatch.setattr("ingest.preroll.time.monotonic", lambda: gathering.until + 1.0)
    assert gathering.is_ready
    assert gathering.footage().ends_early is ClipFlaw.STREAM
