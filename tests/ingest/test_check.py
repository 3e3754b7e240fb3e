"""`sunshine check-camera`, as an installer uses it."""

from __future__ import annotations

import json
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import typer
from typer.testing import CliRunner, Result

from contract.edges import StreamFault
from ingest.address import parse_address
from ingest.check import Report, check, judge, tell
from ingest.cli import PASSWORD_VARIABLE, check_camera
from ingest.errors import explain


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.check.ENOUGH_S", 0.5)


def run(*arguments: str, password: str | None = None, typed: str | None = None) -> Result:
    app = typer.Typer()
    app.command()(check_camera)
    return CliRunner().invoke(app, [*arguments, "--seconds", "30"], env={PASSWORD_VARIABLE: password or ""}, input=typed)


def noise(seed: int, level: int = 120) -> np.ndarray:
    return np.random.default_rng(seed).integers(level - 60, level + 60, (48, 64, 3)).astype(np.uint8)


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize(("codec", "name"), [("libx264", "h264"), ("libx265", "hevc")])
def test_a_good_camera(serve, clips, codec: str, name: str, transport: str) -> None:
    served = serve(clips(codec, gop=10))

    report, frame = check(parse_address(served.url), transport=transport)

    assert report.fault is None
    assert (report.codec, report.width, report.height, report.look) == (name, 640, 360, "good")
    assert report.fps == pytest.approx(20, abs=1)
    assert report.key_interval_s == pytest.approx(0.5, abs=0.05)
    assert 0 < report.first_picture_s < 10
    assert frame.image.shape == (360, 640, 3)


def test_rare_key_frames_are_told(clips) -> None:
    report, _ = check(parse_address(str(clips(gop=1000, seconds=2))), watch_s=1)

    assert report.key_interval_s is None
    assert "Only one key frame came in 1 s. Set the I-frame interval" in "\n".join(tell(report, "en"))


@pytest.mark.parametrize(
    ("images", "look"),
    [
        ([noise(1), noise(2), noise(3)], "good"),
        ([noise(1), noise(1), noise(1)], "frozen"),
        ([noise(1), noise(1)], "good"),
        ([np.full((48, 64, 3), 4, np.uint8)] * 3, "black"),
        ([np.full((48, 64, 3), (200, 60, 20), np.uint8)] * 3, "plain"),
        ([noise(1), noise(1)[:24], noise(1)], "good"),
    ],
    ids=["moves", "frozen", "too-few-to-tell", "black", "no-signal", "new-resolution"],
)
def test_judge(images: list[np.ndarray], look: str) -> None:
    assert judge(images) == look


def test_a_frozen_picture_is_told_and_has_its_own_status(clips) -> None:
    result = run(str(clips(still=True)), "--lang", "en")

    assert result.exit_code == 3
    assert "does not move at all" in result.output


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_good_camera_in_words(serve, language: str) -> None:
    result = run(serve().url, "--lang", language)

    assert result.exit_code == 0
    assert {"zh": "画面正常。", "en": "The picture is fine."}[language] in result.output


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_failure_is_the_sentence_of_its_cause(closed_port: int, language: str) -> None:
    result = run(f"rtsp://127.0.0.1:{closed_port}/x", "--lang", language)

    assert result.exit_code == 1
    assert explain(StreamFault.REFUSED, language) in result.output


def test_json(serve) -> None:
    result = run(serve().url, "--json")

    answer = json.loads(result.stdout)

    assert (answer["fault"], answer["codec"], answer["look"]) == (None, "h264", "good")


def test_json_of_a_failure(closed_port: int) -> None:
    answer = json.loads(run(f"rtsp://127.0.0.1:{closed_port}/x", "--json").stdout)

    assert answer["fault"] == "refused"
    assert answer["text"]


@pytest.mark.parametrize("where", ["environment", "address", "encoded"])
def test_the_password(serve, where: str) -> None:
    served = serve(auth="digest", username="admin", password="p@ss:w/rd")
    given = {"environment": "", "address": ":p@ss:w/rd", "encoded": ":p%40ss%3Aw%2Frd"}[where]

    result = run(served.url.replace("//", f"//admin{given}@"), password="p@ss:w/rd" if where == "environment" else None)

    assert result.exit_code == 0
    assert "p@ss" not in result.output


@pytest.mark.parametrize(
    ("userinfo", "typed"),
    [("admin@", "right\n"), ("admin:wrong@", "right\n"), ("", "admin\nright\n")],
    ids=["no-password", "wrong-password", "neither"],
)
def test_at_a_terminal_the_password_is_asked_for(serve, monkeypatch: pytest.MonkeyPatch, userinfo: str, typed: str) -> None:
    monkeypatch.setattr("ingest.cli._terminal", lambda: True)
    served = serve(auth="digest", username="admin", password="right")

    result = run(served.url.replace("//", f"//{userinfo}"), typed=typed)

    assert result.exit_code == 0
    assert "right" not in result.output


def test_a_wrong_password_is_not_shown(serve) -> None:
    served = serve(auth="basic", username="admin", password="right")

    result = run(served.url.replace("//", "//admin:hunter2@x@"), "--lang", "en")

    assert result.exit_code == 1
    assert explain(StreamFault.WRONG_PASSWORD, "en") in result.output
    assert "Give it apart from the address" in result.output
    assert "hunter2" not in result.output


@pytest.mark.parametrize("url", ["kitchen", "http://camera/x", "rtsp://", "rtsp://u:hunter2@camera:x/"])
def test_an_address_that_is_none(url: str) -> None:
    result = run(url, "--lang", "en")

    assert result.exit_code == 1
    assert explain(StreamFault.BAD_URL, "en") in result.output
    assert "hunter2" not in result.output


def test_a_webcam_that_is_not_there() -> None:
    assert explain(StreamFault.DEVICE_MISSING, "en") in run("/dev/video99", "--lang", "en").output


def test_a_file_that_is_no_video(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_text("hello")

    assert explain(StreamFault.NOT_A_VIDEO, "en") in run(str(tmp_path / "film.mp4"), "--lang", "en").output


@pytest.mark.parametrize("name", ["look.jpg", "look.png", "看.jpg"])
def test_a_snapshot(clips, tmp_path: Path, name: str) -> None:
    path = tmp_path / name

    run(str(clips()), "--snapshot", str(path))

    assert cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR).shape == (360, 640, 3)


@pytest.mark.parametrize("name", ["look.txt", "none/look.jpg"])
def test_a_snapshot_that_cannot_be_written(clips, tmp_path: Path, name: str) -> None:
    result = run(str(clips()), "--snapshot", str(tmp_path / name))

    assert result.exit_code == 2
    assert not (tmp_path / name).exists()


def test_a_camera_that_breaks_off_after_a_picture_is_told_all_the_same(clips, tmp_path: Path) -> None:
    path = tmp_path / "torn.mkv"
    with av.open(str(clips())) as given, av.open(str(path), "w") as container:
        stream = container.add_stream_from_template(given.streams.video[0])
        for packet in given.demux(video=0):
            if packet.size:
                packet.stream = stream
                container.mux(packet)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    assert check(parse_address(str(path)))[0].look is not None


def test_every_fault_has_sentences() -> None:
    for fault in StreamFault:
        assert all(tell(Report("camera", fault), language) for language in ("zh", "en"))
