"""Sources against real files and a real RTSP server."""

from __future__ import annotations

import gc
import itertools
import logging
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest
from av.video.codeccontext import VideoCodecContext
from structlog.testing import capture_logs

from contract.edges import StreamFault
from ingest import source as source_module
from ingest import timeline
from ingest.address import parse_address
from ingest.clip import Clip
from ingest.decoding import Decoder, Decoding
from ingest.errors import SourceError
from ingest.frames import Picture
from ingest.rtsp_connection import Request, Response
from ingest.source import REST_S, AvSource, camera_source, file_source, open_source
from ingest.timeline import ClockRecord, Stamps, Timeline
from tests.ingest.conftest import FPS, number_in

BACKGROUND = (120, 60, 40)
EVERYTHING = Decoding(keyframes_only=False)
NASTY = "p%@:/#?&密 码"


def watch(url: str, username: str | None = None, password: str | None = None, **settings) -> AvSource:
    return camera_source(parse_address(url, username, password), **{"open_timeout_s": 60.0, "read_timeout_s": 60.0} | settings)


def first(source: AvSource, count: int) -> list[Picture]:
    with closing(source.pictures()) as pictures:
        return list(itertools.islice(pictures, count))


def fault_of(source: AvSource) -> StreamFault:
    with pytest.raises(SourceError) as failure:
        for _ in source.pictures():
            pass
    return failure.value.fault


def times(pictures: list[Picture]) -> list[float]:
    return [round(picture.camera_time_s, 2) for picture in pictures]


# Files


def test_a_file_gives_its_key_frames(clips) -> None:
    pictures = list(file_source(clips(), realtime=False).pictures())

    assert times(pictures) == [0.0, 0.25, 0.5, 0.75, 1.0, 1.25]
    assert [picture.index for picture in pictures] == [0, 1, 2, 3, 4, 5]


def test_every_frame_on_request(clips) -> None:
    pictures = list(file_source(clips(options={"bf": "2", "preset": "veryfast"}), realtime=False, decoding=EVERYTHING).pictures())

    assert times(pictures) == [n / 20 for n in range(30)]


@pytest.mark.parametrize("keyframes_only", [True, False])
def test_a_picture_every_interval(clips, keyframes_only: bool) -> None:
    decoding = Decoding(keyframes_only=keyframes_only, interval_s=0.5)

    assert times(list(file_source(clips(), realtime=False, decoding=decoding).pictures())) == [0.0, 0.5, 1.0]


def test_an_interval_between_key_frames_takes_the_next_one(clips) -> None:
    decoding = Decoding(interval_s=0.4)

    assert times(list(file_source(clips(), realtime=False, decoding=decoding).pictures())) == [0.0, 0.5, 1.0, 1.25]


def test_rare_key_frames_make_it_decode_everything(clips) -> None:
    clip = clips(gop=10)
    decoding = Decoding(max_key_gap_s=0.45, interval_s=0.25)

    # From the second key frame on, when it is known how rare they are.
    assert times(list(file_source(clip, realtime=False, decoding=decoding).pictures())) == [0.0, 0.5, 0.75, 1.0, 1.25]


def test_a_burst_gives_what_is_wanted_from_the_next_key_frame_on(clips) -> None:
    source = file_source(clips(gop=10, seconds=3.0), realtime=False)
    seen = []
    for picture in source.pictures():
        seen.append(picture.camera_time_s)
        if picture.camera_time_s == 0.5:
            source.want(0.2)
        if picture.camera_time_s >= 1.7:
            source.want(None)

    # Twice as often as wanted; and key frames alone again as soon as nothing is wanted any more.
    assert seen == pytest.approx([0, 0.5, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 2.0, 2.5])


def test_a_burst_ends_when_key_frames_come_often_enough_for_what_is_still_wanted(clips) -> None:
    source = file_source(clips(gop=10, seconds=3.0), realtime=False)
    source.want(0.2)
    seen = []
    for picture in source.pictures():
        seen.append(picture.camera_time_s)
        if picture.camera_time_s >= 0.9:
            source.want(0.5)  # the cigarette was told of, the bare head was not yet

    assert seen == pytest.approx([0, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.5, 2.0, 2.5])


def test_no_burst_where_key_frames_come_often_enough(clips) -> None:
    source = file_source(clips(gop=10), realtime=False)
    source.want(0.5)

    assert times(list(source.pictures())) == [0.0, 0.5, 1.0]


@pytest.mark.parametrize("options", [{}, {"bf": "2", "preset": "veryfast"}])
def test_a_picture_at_a_time_between_key_frames(clips, options: dict[str, str]) -> None:
    source = file_source(clips(gop=10, seconds=2.2, options=options), realtime=False)
    source.want(0.5, 1.3)

    # And nothing else of what had to be decoded for it.
    assert times(list(source.pictures())) == pytest.approx([0, 0.5, 1.0, 1.3, 1.5, 2.0])


def test_a_picture_that_the_budget_has_no_time_for_waits_for_the_next_key_frame(clips, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.decoding.BURST_MOST_S", 0.2)
    source = file_source(clips(gop=10, seconds=3.0), realtime=False)
    source.want(0.5, 1.3)

    assert times(list(source.pictures())) == pytest.approx([0, 0.5, 1.0, 1.5, 2.0, 2.5])


def test_rare_key_frames_give_a_picture_at_its_time_too(clips) -> None:
    source = file_source(clips(gop=10), realtime=False, decoding=Decoding(max_key_gap_s=0.45, interval_s=0.4))
    source.want(0.8, 1.15)

    assert times(list(source.pictures())) == pytest.approx([0, 0.5, 0.8, 1.15, 1.2])


def test_a_burst_ends_when_its_budget_is_spent(clips, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.decoding.BURST_MOST_S", 0.6)
    source = file_source(clips(gop=10, seconds=4.0), realtime=False)
    source.want(0.2)
    seen = times(list(source.pictures()))

    # From the second key frame on, 0.6 s and the tenth that is added meanwhile; not again before 0.4 s are saved.
    assert seen == pytest.approx([0, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.5, 2, 2.5, 3, 3.5])


def test_rare_key_frames_give_what_is_wanted_without_a_burst(clips) -> None:
    source = file_source(clips(gop=10), realtime=False, decoding=Decoding(max_key_gap_s=0.45, interval_s=0.4))
    source.want(0.2)

    assert times(list(source.pictures())) == pytest.approx([0, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4])


def test_ten_seconds_between_key_frames_keep_the_promised_sampling(clips) -> None:
    source = file_source(clips(gop=200, seconds=25.0), realtime=False, decoding=Decoding(interval_s=1.0))

    seen = times(list(source.pictures()))

    # From where the second one would have come at the latest.
    assert seen[:2] == [0.0, 3.05]
    assert seen[-1] >= 24
    assert all(0.9 < b - a <= 1.0 for a, b in pairwise(seen[1:]))


@pytest.mark.parametrize("options", [{}, {"bf": "2", "preset": "veryfast"}], ids=["", "b-frames"])
def test_a_camera_that_sends_one_key_frame_and_no_more(clips, options: dict[str, str]) -> None:
    clip = clips(gop=1000, seconds=6.0, numbered=True, options=options | {"sc_threshold": "0"})
    decoded: list[tuple[int, bool]] = []
    source = file_source(clip, realtime=False, decoding=Decoding(interval_s=1.0))
    source._on_decode = lambda *told: decoded.append(told)
    pictures = [(picture.camera_time_s, number_in(picture.decoded.to_ndarray(format="gray"))) for picture in source.pictures()]

    assert [at_s for at_s, _ in pictures[:4]] == pytest.approx([0, 3, 4, 5], abs=0.11)
    assert all(at_s == pytest.approx(number / FPS) for at_s, number in pictures)
    assert decoded == [(0, True), *((number, False) for number in range(6 * FPS))]


def test_a_burst_of_a_camera_with_b_frames_is_in_order(clips) -> None:
    source = file_source(clips(gop=20, seconds=4.0, options={"bf": "2", "preset": "veryfast"}), realtime=False)
    source.want(0.5)
    seen = times(list(source.pictures()))

    assert seen == sorted(set(seen))
    assert seen[:2] == [0.0, 1.0]
    assert max(b - a for a, b in pairwise(seen[1:])) <= 0.3


def test_a_burst_of_a_camera_with_eight_pictures_a_second(clips) -> None:
    source = file_source(clips(gop=16, seconds=6.0, fps=8), realtime=False)
    source.want(0.5)

    assert times(list(source.pictures())) == [0.0, *(2 + 0.25 * number for number in range(16))]


def test_a_stretched_source_leaves_key_frames_out(clips) -> None:
    source = file_source(clips(gop=10, seconds=4.0), realtime=False)
    source.stretch(2.0)

    # From the second key frame on, when their distance is known.
    assert times(list(source.pictures())) == [0.0, 0.5, 1.0, 2.0, 3.0]


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuvj420p", "yuv420p10le"])
def test_the_luma_plane_is_the_brightness_of_the_picture(clips, pix_fmt: str) -> None:
    codec = "libx265" if pix_fmt.endswith("10le") else "libx264"
    (picture, *_) = file_source(clips(codec, pix_fmt=pix_fmt, size=(650, 362)), realtime=False).pictures()

    luma = picture.luma()
    if pix_fmt.endswith("10le"):
        assert luma is None
        return
    grey = picture.decoded.to_ndarray(format="gray")
    assert np.shares_memory(luma, picture.luma()), "it is a copy"
    assert luma.shape == grey.shape == (362, 650)
    assert np.abs(luma.astype(int) - grey).max() <= 20  # the range of brightness differs, the places do not
    assert np.corrcoef(luma.ravel(), grey.ravel())[0, 1] > 0.99


def test_a_file_plays_in_its_own_time(clips) -> None:
    arrivals = []
    started = time.monotonic()
    for _ in file_source(clips(seconds=0.5)).pictures():
        arrivals.append(time.monotonic() - started)

    assert len(arrivals) == 2
    assert arrivals[1] >= 0.25


def test_a_gap_in_a_recording_is_not_waited_for(clips, tmp_path: Path) -> None:
    path = tmp_path / "gap.mkv"
    with av.open(str(clips(seconds=0.5))) as recorded, av.open(str(path), "w") as gappy:
        stream = gappy.add_stream_from_template(recorded.streams.video[0])
        for number, packet in enumerate(packet for packet in recorded.demux(video=0) if packet.size):
            if number >= 5:
                packet.pts += round(3600 / packet.time_base)
                packet.dts += round(3600 / packet.time_base)
            packet.stream = stream
            gappy.mux(packet)
    started = time.monotonic()

    assert times(list(file_source(path, decoding=Decoding(max_key_gap_s=None)).pictures())) == [0.0, 3600.25]
    assert time.monotonic() - started < 60


def test_a_file_that_plays_can_be_stopped(clips) -> None:
    source = file_source(clips(gop=100, seconds=30))
    pictures = source.pictures()
    next(pictures)
    threading.Timer(0.1, source.stop).start()
    started = time.monotonic()

    assert list(pictures) == []
    assert time.monotonic() - started < 25


def test_a_frame_is_bgr_with_both_times(clips) -> None:
    frame = first(file_source(clips(), realtime=False), 2)[1].frame()

    assert (frame.image.shape, frame.image.dtype) == ((360, 640, 3), np.uint8)
    assert np.abs(frame.image[20, 20].astype(int) - BACKGROUND).max() <= 6
    assert frame.camera_time_s == pytest.approx(0.25)
    assert frame.wall_time.utcoffset().total_seconds() == 0
    assert abs(frame.wall_time.timestamp() - time.time()) < 60


@pytest.mark.parametrize("width", [640, 322, 64])
def test_rows_that_are_padded_in_memory_come_out_whole(width: int) -> None:
    planes = np.random.default_rng(0).integers(0, 256, (36 * 3 // 2, width)).astype(np.uint8)
    decoded = av.VideoFrame.from_ndarray(planes, format="yuv420p")
    image = Picture(decoded, 0.0, datetime.now(UTC), 0).frame().image

    assert np.array_equal(image, decoded.to_ndarray(format="bgr24"))


@pytest.mark.parametrize(
    ("codec", "settings"),
    [
        ("libx264", {"pix_fmt": "yuvj420p", "full_range": True}),
        ("libx264", {"pix_fmt": "yuv444p"}),
        ("libx265", {"pix_fmt": "yuv420p"}),
        ("libx265", {"pix_fmt": "yuv420p10le"}),
        ("libx265", {"pix_fmt": "yuv420p10le", "full_range": True, "options": {"x265-params": "range=full"}}),
    ],
    ids=["h264-full-range", "h264-444", "h265", "h265-10-bit", "h265-10-bit-full-range"],
)
def test_every_pixel_format_gives_the_same_colours(clips, codec: str, settings: dict) -> None:
    image = first(file_source(clips(codec, **settings), realtime=False), 1)[0].frame().image

    assert np.abs(image[20, 20].astype(int) - BACKGROUND).max() <= 6
    assert np.abs(image[200, 40].astype(int) - 230).max() <= 6


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_key_frames_of_open_groups_are_read(clips, codec: str) -> None:
    settings = "x264-params" if codec == "libx264" else "x265-params"
    clip = clips(codec, options={settings: "open-gop=1:bframes=2", "preset": "veryfast"})

    assert len(list(file_source(clip, realtime=False).pictures())) == 6


def test_a_sideways_film_is_turned_upright(clips, tmp_path: Path) -> None:
    data = bytearray(clips().read_bytes())
    # The identity matrix of the track header (ISO 14496-12, 8.3.2) becomes a turn by 90 degrees clockwise.
    identity = b"".join(n.to_bytes(4, "big") for n in (0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000))
    at = data.index(identity, data.index(b"tkhd"))
    turned = (0, 0x10000, 0, 0xFFFF0000, 0, 0, 360 << 16, 0, 0x40000000)
    data[at : at + 36] = b"".join(n.to_bytes(4, "big") for n in turned)
    path = tmp_path / "sideways.mp4"
    path.write_bytes(data)

    upright = first(file_source(path, realtime=False), 1)[0].frame().image
    original = first(file_source(clips(), realtime=False), 1)[0].frame().image

    assert np.array_equal(upright, np.rot90(original, -1))


def test_a_name_with_a_colon_is_a_file(clips, tmp_path: Path) -> None:
    path = tmp_path / "rtsp:10.mp4"
    path.write_bytes(clips().read_bytes())

    assert len(list(file_source(path, realtime=False).pictures())) == 6


def test_a_title_that_is_not_utf_8_is_no_reason_to_refuse_a_file(clips, tmp_path: Path) -> None:
    path = tmp_path / "titled.mkv"
    with av.open(str(clips())) as given, av.open(str(path), "w") as container:
        stream = container.add_stream_from_template(given.streams.video[0])
        container.metadata["title"] = "kitchen1"
        for packet in given.demux(video=0):
            if packet.size:
                packet.stream = stream
                container.mux(packet)
    path.write_bytes(path.read_bytes().replace(b"kitchen1", "后厨一号".encode("gbk")))

    assert len(list(file_source(path, realtime=False).pictures())) == 6
    assert next(Clip(path).units()).keyframe


@pytest.mark.parametrize("content", [b"", b"hello" * 1000, bytes(range(256)) * 100], ids=["empty", "text", "noise"])
def test_a_file_that_is_no_video(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(content)

    assert fault_of(file_source(path)) is StreamFault.NOT_A_VIDEO


def test_a_folder_is_no_video(tmp_path: Path) -> None:
    assert fault_of(file_source(tmp_path)) is StreamFault.NOT_A_VIDEO


def test_a_file_cut_off_before_its_index(clips, tmp_path: Path) -> None:
    path = tmp_path / "torn.mp4"
    path.write_bytes(clips().read_bytes()[:3000])

    assert fault_of(file_source(path)) is StreamFault.NOT_A_VIDEO


def test_a_torn_recording_is_read_as_far_as_it_goes(clips, tmp_path: Path) -> None:
    whole, torn = tmp_path / "whole.mkv", tmp_path / "torn.mkv"
    with av.open(str(clips())) as given, av.open(str(whole), "w") as container:
        stream = container.add_stream_from_template(given.streams.video[0])
        for packet in given.demux(video=0):
            if packet.size:
                packet.stream = stream
                container.mux(packet)
    torn.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])

    assert 1 <= len(list(file_source(torn, realtime=False).pictures())) < 6


def test_a_sound_file_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))

    assert fault_of(file_source(path)) is StreamFault.NOT_A_VIDEO


def test_a_file_or_a_webcam_that_is_not_there(tmp_path: Path) -> None:
    for make in (lambda: file_source(tmp_path / "none.mp4"), lambda: open_source(parse_address("/dev/video99"))):
        with pytest.raises(SourceError) as failure:
            make()
        assert failure.value.fault is StreamFault.DEVICE_MISSING


# Cameras


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_a_camera_gives_its_key_frames(serve, clips, codec: str, transport: str) -> None:
    served = serve(clips(codec))
    source = watch(served.url, transport=transport)

    pictures = first(source, 4)

    assert times(pictures) == [0.0, 0.25, 0.5, 0.75]
    assert (source.info.codec, source.info.width, source.info.height) == ({"libx264": "h264"}.get(codec, "hevc"), 640, 360)
    setups = [request.headers["transport"] for request in served.server.asked if request.method == "SETUP"]
    assert ["TCP" in setup for setup in setups] == [transport == "tcp"]


@pytest.mark.parametrize(("taken", "asked"), [("udp", "tcp"), ("tcp", "udp")])
def test_a_camera_that_refuses_a_transport_gets_the_other_one(serve, taken: str, asked: str) -> None:
    served = serve()
    own = served.server.answer

    def answer(request: Request) -> Response | None:
        refused = request.method == "SETUP" and ("TCP" in request.headers["transport"]) != (taken == "tcp")
        return Response(461) if refused else own(request)

    served.server.answer = answer
    assert len(first(watch(served.url, transport=asked), 2)) == 2


def test_a_camera_that_refuses_both_transports_is_not_asked_for_ever(serve) -> None:
    served = serve()
    served.server.answers["SETUP"] = Response(461)
    assert fault_of(watch(served.url)) is StreamFault.NO_PICTURE
    assert [request.method for request in served.server.asked].count("SETUP") == 2


@pytest.mark.parametrize(
    ("transport", "decoding", "rested"),
    [
        ("tcp", Decoding(interval_s=1.0), {REST_S}),
        # Two pictures out of one rest: the first would give way to the second, and never be looked at.
        ("tcp", Decoding(interval_s=0.1), {0.05}),
        ("tcp", Decoding(keyframes_only=False, interval_s=1.0), {REST_S}),
        ("tcp", Decoding(keyframes_only=False), set()),
        # What comes while nobody reads fills a small buffer of the kernel, and is gone.
        ("udp", Decoding(interval_s=1.0), set()),
    ],
)
def test_a_reader_rests_where_nothing_is_lost_meanwhile(
    serve, transport: str, decoding: Decoding, rested: set[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    rests: list[float] = []
    monkeypatch.setattr(source_module, "time", SimpleNamespace(monotonic=time.monotonic, sleep=rests.append))
    first(watch(serve().url, transport=transport, decoding=decoding), 4)
    assert set(rests) == rested


def test_sound_is_never_fetched(serve) -> None:
    served = serve()
    sound = "m=audio 0 RTP/AVP 0\r\na=control:trackID=1\r\n"
    headers = {"Content-Type": "application/sdp", "Content-Base": served.url + "/"}
    served.server.answers["DESCRIBE"] = Response(200, headers, served.server.sdp() + sound)

    assert len(first(watch(served.url), 1)) == 1
    assert [request.url[-9:] for request in served.server.asked if request.method == "SETUP"] == ["trackID=0"]


@pytest.mark.parametrize("auth", ["basic", "digest"])
def test_a_camera_with_a_password(serve, auth: str) -> None:
    served = serve(auth=auth, username="käse@haus", password=NASTY)

    assert len(first(watch(served.url, "käse@haus", NASTY), 1)) == 1


@pytest.mark.parametrize("auth", ["basic", "digest"])
@pytest.mark.parametrize("given", [None, "wrong"])
def test_a_wrong_password(serve, auth: str, given: str | None) -> None:
    served = serve(auth=auth, username="admin", password=NASTY)

    assert fault_of(watch(served.url, "admin" if given else None, given)) is StreamFault.WRONG_PASSWORD


@pytest.mark.parametrize(
    ("status", "fault"),
    [(403, StreamFault.WRONG_PASSWORD), (404, StreamFault.NOT_FOUND), (453, StreamFault.NO_PICTURE), (503, StreamFault.REFUSED)],
)
def test_a_camera_that_says_no(serve, status: int, fault: StreamFault) -> None:
    served = serve()
    served.server.answers["DESCRIBE"] = Response(status)

    assert fault_of(watch(served.url)) is fault


def test_a_picture_of_a_size_that_no_camera_has_takes_no_memory(serve, clips) -> None:
    """A worker that is killed for its memory takes all its cameras with it, and nobody knows which was the cause."""
    large = clips(size=(8192, 4096), seconds=0.1)
    with pytest.raises(SourceError) as refused:
        first(watch(serve(large).url), 1)
    assert refused.value.fault is StreamFault.NO_PICTURE
    with av.open(str(large)) as container:
        stream = container.streams.video[0]
        decoder = Decoder(stream, Decoding(), Timeline(live=False))  # as where a stream only grows on its way
        assert not [picture for packet in container.demux(stream) for picture in decoder.decode(packet)]
        assert decoder.damaged


def test_another_path_is_not_found(serve) -> None:
    assert fault_of(watch(serve().url + "/other")) is StreamFault.NOT_FOUND


def test_nobody_listens(closed_port: int) -> None:
    assert fault_of(watch(f"rtsp://127.0.0.1:{closed_port}/x")) is StreamFault.REFUSED


def test_a_host_that_nobody_knows() -> None:
    assert fault_of(watch("rtsp://camera.invalid/x")) is StreamFault.HOST_NOT_FOUND


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n<html>",
        b"SSH-2.0-x\r\n",
        b"\x15\x03\x01\0\2\2F",
        b"",
    ],
    ids=["http-400", "http-200", "ssh", "tls", "hangs-up"],
)
def test_what_answers_is_no_rtsp_server(raw_server, answer: bytes) -> None:
    assert fault_of(watch(f"rtsp://127.0.0.1:{raw_server(answer)}/x")) is StreamFault.NOT_RTSP


def test_a_camera_that_takes_the_call_and_says_nothing(raw_server) -> None:
    assert fault_of(watch(f"rtsp://127.0.0.1:{raw_server(None)}/x", open_timeout_s=0.5)) is StreamFault.TIMEOUT


@pytest.mark.parametrize(
    ("sdp", "fault"),
    [
        ("m=audio 0 RTP/AVP 0\r\na=control:trackID=0\r\n", StreamFault.NO_PICTURE),
        ("no description at all", StreamFault.NO_PICTURE),
        ("m=video 0 RTP/AVP 96\r\na=rtpmap:96 X-WONDER/90000\r\na=control:trackID=0\r\n", StreamFault.UNSUPPORTED_CODEC),
    ],
    ids=["sound-only", "garbage", "unknown-codec"],
)
def test_a_description_without_a_picture_that_can_be_read(serve, sdp: str, fault: StreamFault) -> None:
    served = serve()
    head = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\n"
    served.server.answers["DESCRIBE"] = Response(200, {"Content-Type": "application/sdp"}, head + sdp)

    assert fault_of(watch(served.url, open_timeout_s=5.0)) is fault


class InGbk(Response):
    """Names the session as cameras of Chinese makers do, in as many bytes as before."""

    def encode(self, cseq: str) -> bytes:
        return Response.encode(self, cseq).replace(b"s=camera", b"s=" + "后厨一".encode("gbk"))


def test_a_camera_whose_name_is_not_utf_8(serve) -> None:
    served = serve()
    served.server.answers["DESCRIBE"] = InGbk(200, {"Content-Type": "application/sdp"}, served.server.sdp())

    assert len(first(watch(served.url), 1)) == 1


def test_a_camera_that_opens_and_sends_nothing(serve) -> None:
    served = serve()
    served.server.silent = True

    assert fault_of(watch(served.url, open_timeout_s=1.0, read_timeout_s=0.5)) is StreamFault.TIMEOUT


def test_a_camera_that_falls_silent(serve) -> None:
    served = serve()
    source = watch(served.url, read_timeout_s=3.0)
    pictures = source.pictures()
    next(pictures)
    served.server.silent = True

    with pytest.raises(SourceError) as failure:
        list(pictures)

    assert failure.value.fault is StreamFault.TIMEOUT


def test_a_camera_that_hangs_up(serve) -> None:
    served = serve()
    pictures = watch(served.url).pictures()
    next(pictures)
    served.cut()

    with pytest.raises(SourceError) as failure:
        list(pictures)

    assert failure.value.fault is StreamFault.DISCONNECTED


def test_a_camera_without_key_frames_gives_no_picture(serve, clips) -> None:
    served = serve(clips(seconds=3, gop=20))
    source = watch(served.url, picture_timeout_s=0.6)
    pictures = source.pictures()
    next(pictures)
    served.server.damage = lambda unit, packets: [] if unit.keyframe else packets

    with pytest.raises(SourceError) as failure:
        list(pictures)

    assert failure.value.fault is StreamFault.NO_PICTURE


def test_a_camera_without_another_key_frame_is_followed_from_where_it_fails_to_come(serve, clips) -> None:
    source = watch(serve(clips(gop=1000, seconds=6.0)).url, decoding=Decoding(interval_s=0.2, max_key_gap_s=0.5))

    assert times(first(source, 3))[1:] == pytest.approx([0.6, 0.8], abs=0.11)


def test_a_camera_whose_pictures_are_refreshed_bit_by_bit_is_decoded_in_full(serve, clips) -> None:
    """Intra refresh: after the first picture none stands alone, though with some of them, called key frames, one can begin."""
    served = serve(clips(options={"x264-params": "intra-refresh=1:keyint=10"}, seconds=6.0))

    pictures = first(watch(served.url, decoding=Decoding(interval_s=0.5)), 5)

    assert np.diff(times(pictures))[1:] == pytest.approx(0.5, abs=0.11)
    assert times(pictures)[-1] < 5.0
    assert np.abs(pictures[-1].frame().image[:100].astype(int) - BACKGROUND).max() < 12


def test_a_new_resolution_is_followed(serve, clips) -> None:
    served = serve(clips())
    served.server.then = serve(clips(size=(320, 192))).server
    served.server.then_after = 10
    source = watch(served.url)

    shapes = [picture.frame().image.shape for picture in first(source, 6)]

    assert shapes[0] == (360, 640, 3)
    assert shapes[-1] == (192, 320, 3)
    assert (source.info.width, source.info.height) == (320, 192)


def test_a_4k_camera_is_read_as_any_other(serve, tmp_path: Path) -> None:
    """Its key frames have hundreds of RTP packets, and a brightness that is read where it lies."""
    coarse = np.random.default_rng(1).integers(0, 256, (270, 480, 3), np.uint8)
    picture = av.VideoFrame.from_ndarray(cv2.resize(coarse, (3840, 2160)), format="bgr24")
    with av.open(str(tmp_path / "clip.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=2, options={"preset": "ultrafast", "g": "1"})
        stream.width, stream.height, stream.pix_fmt = 3840, 2160, "yuv420p"
        for number in range(2):
            picture.pts = number
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    source = watch(serve(tmp_path / "clip.mp4").url)

    pictures = first(source, 2)

    assert max(packet.size for packet in key_frames(tmp_path / "clip.mp4")) > 300_000
    assert np.diff(times(pictures)) == pytest.approx(0.5, abs=0.01)
    luma, image = pictures[-1].luma(), pictures[-1].frame().image
    assert (luma.shape, image.shape) == ((2160, 3840), (2160, 3840, 3))
    assert np.abs(image[::8, ::8].astype(int) - picture.to_ndarray(format="bgr24")[::8, ::8]).mean() < 20
    assert source.damaged == 0


def key_frames(path: Path) -> list[av.Packet]:
    with av.open(str(path)) as container:
        return [packet for packet in container.demux(video=0) if packet.is_keyframe]


def flip(packets: list[bytes]) -> list[bytes]:
    """The same packets with noise in the second half of the last one: the picture begins well."""
    last = packets[-1]
    return [*packets[:-1], last[: len(last) // 2] + bytes(b ^ 0x5A for b in last[len(last) // 2 :])]


@pytest.mark.parametrize("decoding", [Decoding(), EVERYTHING], ids=["key-frames", "everything"])
def test_a_damaged_key_frame_is_dropped_and_counted(serve, clips, decoding: Decoding) -> None:
    served = serve(clips(options={"qp": "4"}))
    source = watch(served.url, decoding=decoding)
    pictures = source.pictures()
    good = next(pictures).frame().image[:100].astype(int)
    left = 2

    def damage(unit, packets: list[bytes]) -> list[bytes]:
        nonlocal left
        if unit.keyframe and left:
            left -= 1
            return flip(packets)
        return packets

    served.server.damage = damage
    for picture in pictures:
        # Nothing moves in the upper part, so what gets through is as it was sent.
        assert np.abs(picture.frame().image[:100].astype(int) - good).max() < 12
        if source.damaged >= 2 and not left:
            break
    pictures.close()


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
@pytest.mark.parametrize("decoding", [Decoding(), EVERYTHING], ids=["key-frames", "everything"])
def test_reading_goes_on_after_lost_and_damaged_packets(serve, clips, codec: str, decoding: Decoding) -> None:
    served = serve(clips(codec, options={"qp": "4"} if codec == "libx264" else {"x265-params": "qp=4"}))
    spoilt: list[float] = []

    def damage(unit, packets: list[bytes]) -> list[bytes]:
        if 0.5 <= unit.pts_s < 1.0:
            spoilt.append(unit.pts_s)
            return flip(packets)[::2]
        return packets

    served.server.damage = damage
    source = watch(served.url, decoding=decoding)
    pictures = source.pictures()
    good = next(pictures).frame().image[:100].astype(int)

    after = next(picture for picture in pictures if spoilt and picture.camera_time_s > 1.3)

    pictures.close()
    assert np.abs(after.frame().image[:100].astype(int) - good).max() < 12


@pytest.mark.parametrize(
    ("decoding", "pictures", "damaged"), [(Decoding(), 5, 1), (EVERYTHING, 24, 2)], ids=["key-frames", "everything"]
)
def test_a_picture_that_the_container_flags_as_corrupt_is_dropped(
    clips, tmp_path: Path, decoding: Decoding, pictures: int, damaged: int
) -> None:
    path = tmp_path / "film.ts"
    with av.open(str(clips(options={"qp": "4"}))) as given, av.open(str(path), "w") as container:
        stream = container.add_stream_from_template(given.streams.video[0])
        for packet in given.demux(video=0):
            if packet.size:
                packet.stream = stream
                container.mux(packet)
    pieces = [path.read_bytes()[at : at + 188] for at in range(0, path.stat().st_size, 188)]
    # The counter of the pieces (ISO 13818-1, continuity_counter) jumps there and back at the end of the fifth key frame. FFmpeg
    # flags this picture and the one before it; of the others those of the fifth group cannot be decoded without it.
    key = [n for n, piece in enumerate(pieces) if piece[3] & 0x20 and piece[4] and piece[5] & 0x40][4]
    end = next(n for n in range(key + 1, len(pieces)) if pieces[n][1] & 0x40)
    piece = pieces[end]
    pieces[end] = piece[:3] + bytes([piece[3] & 0xF0 | (piece[3] + 5) & 0x0F]) + piece[4:]
    path.write_bytes(b"".join(pieces))
    source = file_source(path, realtime=False, decoding=decoding)

    assert len(list(source.pictures())) == pictures
    assert source.damaged == damaged


def test_a_stream_that_is_not_quite_by_the_book_is_read_all_the_same(serve, clips) -> None:
    served = serve(clips())
    # A broken user data message (SEI, type 5, longer than it is) before each picture: harmless.
    broken = bytes([0x06, 0x05, 0xFF, 0xFF, 0x01])
    units = served.server.clip.units

    def with_message() -> Iterator:
        for unit in units():
            unit.nals.insert(0, broken)
            yield unit

    served.server.units = with_message

    assert len(first(watch(served.url), 2)) == 2


def test_no_secret_in_errors_or_logs(serve, closed_port: int, caplog, capfd) -> None:
    caplog.set_level(logging.DEBUG)
    served = serve(auth="digest", username="admin", password="right")
    texts = []
    for url in (served.url, f"rtsp://127.0.0.1:{closed_port}/x", "rtsp://camera.invalid/x"):
        source = watch(url, "admin", "hunter2@x")
        texts.append(repr(source))
        with pytest.raises(SourceError) as failure:
            next(source.pictures())
        texts.append("".join(traceback.format_exception(failure.value)))
        assert failure.value.__context__ is None
    captured = capfd.readouterr()

    assert "hunter2" not in "".join([*texts, caplog.text, captured.out, captured.err])


# The camera's clock


def test_the_timeline_starts_at_zero_and_follows_the_stamps() -> None:
    timeline = Timeline(live=True, clock=lambda: 0.0)

    assert [timeline.at(stamp) for stamp in (100.0, 100.5, 101.0)] == [0.0, 0.5, 1.0]


def test_the_timeline_counts_a_missing_first_stamp_as_the_beginning() -> None:
    timeline = Timeline(live=True, clock=lambda: 0.0)

    assert [timeline.at(stamp) for stamp in (None, 2.0)] == [0.0, 2.0]


@pytest.mark.parametrize("stamp", [100.5, 5000.0, None], ids=["back", "leap", "missing"])
def test_the_timeline_goes_on_with_real_time_where_the_stamps_jump(stamp: float | None) -> None:
    moments = iter([10.0, 12.0, 13.5])
    timeline = Timeline(live=True, clock=lambda: next(moments))
    timeline.at(100.0)

    timeline.at(102.0)

    assert timeline.at(stamp) == pytest.approx(3.5)


def test_the_timeline_does_not_drift_where_stamps_are_out_of_order() -> None:
    moments = iter([0.0, 0.3, 0.3, 0.4])
    timeline = Timeline(live=True, clock=lambda: next(moments))

    assert [timeline.at(stamp) for stamp in (0.0, 0.3, 0.2, 0.4)] == [0.0, 0.3, 0.3, 0.4]


def seen(arrivals: list[tuple[float, float]], record: ClockRecord | None = None) -> list[float]:
    """The stamps of key frames that came in at so many seconds with these stamps, in seconds, after `Stamps` has seen them."""
    clock = iter([at for at, _ in arrivals])
    stamps = Stamps("camera", record, lambda: next(clock))
    told: list[float] = []
    before = 0.0
    for at, stamp in arrivals:
        stamps.waited(at - before)
        before = at
        packet = av.Packet(b"x")
        packet.time_base, packet.is_keyframe = Fraction(1, 90_000), True
        packet.pts = packet.dts = round(stamp * 90_000)
        stamps.see(packet)
        assert packet.pts is not None
        told.append(packet.pts / 90_000)
    return told


@pytest.mark.parametrize("speed", [0.0, 1 / 90, 0.5, 2.0, 5.0, 90.0, -1.0])
def test_a_camera_whose_clock_goes_at_another_speed_is_timed_by_what_comes_in(speed: float) -> None:
    told = seen([(second, speed * second) for second in range(60)])

    assert told[:20] == pytest.approx([speed * second for second in range(20)], abs=1e-4)
    assert np.diff(told[21:]) == pytest.approx(1.0)


@pytest.mark.parametrize(
    "arrivals",
    [
        [(second, 0.8 * second) for second in range(60)],
        [(second, 1.25 * second) for second in range(60)],
        [*((second, second) for second in range(15)), (30, 15), *((second, second + 3600) for second in range(31, 60))],
    ],
    ids=["slow", "fast", "stood still for a moment and was set"],
)
def test_a_camera_whose_clock_goes_is_believed(arrivals: list[tuple[float, float]]) -> None:
    assert seen(arrivals) == pytest.approx([stamp for _, stamp in arrivals], abs=1e-4)


def test_a_camera_without_a_clock_is_known_at_its_next_connection() -> None:
    record = ClockRecord()
    seen([(second, 0.0) for second in range(60)], record)

    assert np.diff(seen([(second, 0.0) for second in range(100, 105)], record)) == pytest.approx(1.0)


def test_two_short_connections_show_that_a_camera_has_no_clock() -> None:
    record = ClockRecord()
    for begin in (0, 100):
        seen([(begin + second, 0.0) for second in range(15)], record)

    assert record.is_useless


def test_a_camera_whose_clock_goes_again_is_believed_at_its_next_connection() -> None:
    record = ClockRecord(was_off=True, is_useless=True)
    seen([(second, second) for second in range(30)], record)

    assert seen([(second, 0.8 * second) for second in range(100, 105)], record) == pytest.approx([80, 80.8, 81.6, 82.4, 83.2])


def test_stamps_in_another_unit_than_the_stream_says(serve, clips, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the clock of RTP were that of a camera with milliseconds."""
    monkeypatch.setattr(timeline, "JUDGED_S", 0.5)
    served = serve(clips())
    served.server.damage = lambda unit, packets: [
        packet[:4] + (int.from_bytes(packet[4:8], "big") // 90).to_bytes(4, "big") + packet[8:] for packet in packets
    ]

    pictures = first(watch(served.url, decoding=Decoding(interval_s=0.5)), 6)

    assert np.diff(times(pictures))[-3:] == pytest.approx(0.5, abs=0.3)


def test_a_box_that_is_too_slow_does_not_blame_the_clock_of_the_camera(serve, clips, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it has no time for waits in the sockets, so it reads old pictures ever more slowly than they were taken."""
    monkeypatch.setattr(timeline, "JUDGED_S", 0.5)
    frames, pause = Decoder._frames, threading.Event()

    def slow(self: Decoder, packet: av.Packet, **how: object) -> list[av.VideoFrame]:
        pause.wait(4 / FPS)
        return frames(self, packet, **how)

    monkeypatch.setattr(Decoder, "_frames", slow)
    with capture_logs() as logs:
        pictures = first(watch(serve(clips()).url, decoding=EVERYTHING), 22)
    assert np.diff(times(pictures)) == pytest.approx(1 / FPS, abs=0.02)
    assert "camera_has_no_clock" not in [line["event"] for line in logs]


def test_the_timeline_of_a_file_keeps_its_gaps() -> None:
    timeline = Timeline(live=False, clock=lambda: 0.0)

    assert [timeline.at(stamp) for stamp in (0.0, 3600.0)] == [0.0, 3600.0]


def test_a_connection_that_has_ended_holds_no_decoder(serve) -> None:
    """Several megabytes, which would wait for the garbage collector."""
    gc.collect()
    source = watch(serve().url)
    assert first(source, 2)
    assert not any(isinstance(one, VideoCodecContext) and one.is_open for one in gc.get_objects())
