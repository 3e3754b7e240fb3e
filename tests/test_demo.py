import json
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import zipfile
from importlib.resources import files
from pathlib import Path

import httpx
import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

import demo
from api.kit.settings import Settings
from tests.demo_process import END_S, START_S, DemoProcess, wait_until
from tests.ports import hold_port
from tests.wheels import build_wheel

pytestmark = pytest.mark.timeout(4 * START_S)
CASE = r"^case (\d+) (K0[1267]) .* (http\S+/cases/\d+)$"


def test_a_camera_goes_in_and_a_case_comes_out(tmp_path):
    data = tmp_path / "data"
    with DemoProcess(data) as demo:
        demo.wait_for("Ctrl-C")
        case = demo.wait_for(CASE)
        with demo.client() as client:
            page = client.get(case[3].removeprefix(demo.url))
            assert page.status_code == 200
            assert "/original.jpg" in page.text
            told = client.get(f"/api/v1/cases/{case[1]}").raise_for_status().json()
            assert told["state"] == "pending_review"
            picture = client.get(told["evidence"][0]["files"]["original.jpg"]["url"])
            assert picture.headers["content-type"] == "image/jpeg"
            assert picture.content.startswith(b"\xff\xd8")
        libraries = re.findall(r"/(av|cv2|numpy|onnxruntime)/", demo.maps_of("edge", "run"))
        assert not libraries, "a process without pictures has loaded them"
        assert demo.end(signal.SIGINT) == 0
        assert demo.pids() == []
        told_first = {line.split()[2] for line in demo.lines if line.startswith("case ")}
    assert not [path for path in data.rglob("*") if path.suffix in {".tmp", ".part"}]
    # What was told stays told, and the second start neither shows a password nor opens the same case again.
    with DemoProcess(data) as demo:
        demo.wait_for("Ctrl-C")
        demo.wait_for("camera_looking")
        assert demo.end() == 0
        assert not [line for line in demo.lines if "Login" in line]
        assert not told_first & {line.split()[2] for line in demo.lines if line.startswith("case ")}


def test_an_untrained_net_opens_no_case(tmp_path):
    weights = tmp_path / "weights"
    subprocess.run([sys.executable, "-m", "models.untrained", str(weights)], check=True, timeout=START_S)
    with DemoProcess(tmp_path / "data", "--weights", str(weights)) as demo, demo.client() as client:
        demo.wait_for("Ctrl-C")

        def looks():
            cameras = client.get("/api/v1/cameras").raise_for_status().json()["items"]
            return sum(camera["looks_last_5_minutes"] for camera in cameras)

        wait_until(lambda: looks() >= 45, START_S - 20, "45 looks")
        assert client.get("/api/v1/cases").raise_for_status().json()["items"] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--camera", "not a url"], "rtsp://"),
        (["--camera", "http://127.0.0.1/stream"], "rtsp"),
        (["--camera", "rtsp://cook@127.0.0.1/kitchen"], "SUNSHINE_CAMERA_PASSWORD"),
        (["--video", "/nowhere.mp4"], "/nowhere.mp4"),
        (["--data", "/dev/null/kitchen"], "--data"),
        (["--video", "/nowhere.mp4", "--camera", "rtsp://127.0.0.1/kitchen"], "Choose one"),
    ],
)
def test_bad_input_is_answered_with_a_sentence(tmp_path, monkeypatch, arguments, words):
    refused(tmp_path, monkeypatch, arguments, words)


def refused(tmp_path, monkeypatch, arguments, words):
    monkeypatch.setattr(demo, "end_on_signals", lambda *_: None)
    app = typer.Typer()
    app.command()(demo.demo)
    with hold_port() as held:
        port = held.getsockname()[1]
        done = CliRunner().invoke(app, ["--data", str(tmp_path), "--port", str(port), *arguments])
    assert done.exit_code == 1
    assert words in done.output
    assert isinstance(done.exception, SystemExit)


@pytest.mark.parametrize(("host", "url"), [("0.0.0.0", "http://127.0.0.1:8000"), ("::1", "http://[::1]:8000")])
def test_a_centre_for_the_whole_network_is_called_on_this_machine(tmp_path, host, url):
    settings = Settings(data=tmp_path, host=host, port=8000)
    assert demo.Demo(Console(), settings, None, threading.Event()).url == url


def test_a_host_that_is_no_address_of_this_machine_is_answered_with_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("SUNSHINE_HOST", "192.0.2.1")
    refused(tmp_path, monkeypatch, [], "SUNSHINE_HOST")


def test_a_database_that_is_locked_is_answered_with_a_sentence(tmp_path):
    database = sqlite3.connect(tmp_path / "sunshine.db")
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("BEGIN EXCLUSIVE")
    with DemoProcess(tmp_path) as demo:
        demo.wait_for("busy with another program")
        assert demo.process.wait(END_S) == 1
        assert not [line for line in demo.lines if "Traceback" in line]
    database.close()


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_signal_while_it_starts_ends_it(tmp_path, step):
    with DemoProcess(tmp_path) as demo:
        demo.wait_for(rf"\[{step}/3\]")
        assert demo.end() == 0
        assert demo.pids() == []


def test_nothing_outlives_a_demo_that_is_killed(tmp_path):
    with DemoProcess(tmp_path) as demo:
        demo.wait_for("Ctrl-C")
        demo.process.kill()
        wait_until(lambda: demo.pids() == [], END_S, "all children have ended")


def test_nothing_outlives_the_terminal(tmp_path):
    with DemoProcess(tmp_path, terminal=True) as demo:
        demo.wait_for("Ctrl-C")
        demo.close_terminal()
        wait_until(lambda: demo.pids() == [], END_S, "all processes have ended")


def test_ctrl_c_at_the_prompt_for_the_password_ends_it(tmp_path):
    with DemoProcess(tmp_path, "--camera", "rtsp://cook@127.0.0.1:9/kitchen", terminal=True) as demo:
        demo.wait_for("Password")
        demo.type("\x03")
        assert demo.process.wait(END_S) == 1


def test_a_setting_that_cannot_be_used_is_named(tmp_path):
    with DemoProcess(tmp_path, SUNSHINE_SESSION_IDLE_HOURS="long") as demo:
        demo.wait_for("SUNSHINE_SESSION_IDLE_HOURS")
        assert demo.process.wait(END_S) == 2
        assert not [line for line in demo.lines if "Traceback" in line]


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A demo that nobody ends, and its folder."""
    data = tmp_path_factory.mktemp("running") / "data"
    with DemoProcess(data) as demo:
        demo.wait_for("Ctrl-C")
        yield demo, data


def test_nobody_else_on_the_machine_may_look_into_the_data(running):
    assert running[1].stat().st_mode & 0o077 == 0


def test_a_second_instance_on_the_same_folder_is_refused(running):
    first, data = running
    with DemoProcess(data) as second:
        assert second.process.wait(START_S) == 1
        second.wait_for("(?i)another|already|其他")
    assert httpx.get(f"{first.url}/healthz", trust_env=False).status_code == 200


def test_a_port_in_use_is_named(running, tmp_path):
    port = str(running[0].port)
    done = subprocess.run(
        [sys.executable, "-m", "sunshine", "demo", "--port", port, "--data", str(tmp_path)],
        capture_output=True, text=True, timeout=START_S, stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 1
    assert port in done.stdout + done.stderr


def test_a_camera_password_never_shows(tmp_path):
    secret = "pa%ss@w:o/rd"
    with DemoProcess(tmp_path, "--camera", "rtsp://cook@127.0.0.1:9/kitchen", SUNSHINE_CAMERA_PASSWORD=secret) as demo:
        demo.wait_for("Ctrl-C")
        with demo.client() as client:
            wait_until(lambda: "refused" in client.get("/api/v1/cameras").text, START_S, "the camera's fault")
            assert secret not in client.get("/api/v1/cameras").text
        assert demo.end() == 0
        terminal = "\n".join(demo.lines)
    kept = b"\n".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert secret not in terminal
    assert secret.encode() not in kept


def test_the_wheel_runs_the_demo_without_the_checkout(tmp_path):
    """An empty environment that shares only the installed libraries; scripts/test --slow installs those too."""
    environment = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True, timeout=START_S)
    site = next(environment.glob("lib/python*/site-packages"))
    with zipfile.ZipFile(build_wheel(tmp_path / "wheel")) as wheel:
        wheel.extractall(site)
        assert {"guide/shop.zh-CN.md", "screenshots/phone-notice.zh.webp"} <= {
            name.removeprefix("api/console/docs/") for name in wheel.namelist()
        }
    (site / "libraries.pth").write_text(str(Path(httpx.__file__).parent.parent))
    python = str(environment / "bin" / "python")
    code = "import detector, configs, json; print(json.dumps([detector.__file__, configs.__file__]))"
    where = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path, timeout=START_S)
    assert all(path.startswith(str(environment)) for path in json.loads(where.stdout))
    with DemoProcess(tmp_path / "data", python=python, cwd=tmp_path) as demo:
        demo.wait_for(CASE)
        assert demo.end() == 0


@pytest.mark.slow
def test_the_wheel_runs_in_an_empty_environment(tmp_path):
    environment = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True, timeout=START_S)
    python = str(environment / "bin" / "python")
    pip = [python, "-m", "pip", "install", "-q"]
    lock = Path(__file__).parent.parent / "requirements" / "run.txt"
    subprocess.run([*pip, "--require-hashes", "--only-binary", ":all:", "-r", str(lock)], check=True, timeout=600)
    subprocess.run([*pip, "--no-deps", str(build_wheel(tmp_path / "wheel"))], check=True, timeout=START_S)
    with DemoProcess(tmp_path / "data", python=python, cwd=tmp_path) as demo:
        demo.wait_for(CASE)
        assert demo.end() == 0


def test_the_demo_clip_is_package_data():
    clip = files("configs") / "demo" / "kitchen.mp4"
    assert 0 < len(clip.read_bytes()) <= 3_000_000


def test_what_its_processes_say_is_understood_whatever_the_terminal_speaks(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "gb18030")
    lines = []
    process = demo.Process("front door", ["sunshine", "--help"], tmp_path / "logs" / "door.log", lines.append)
    wait_until(lambda: process.ended() is not None, START_S, "the command has ended")
    process.stop(deadline=0)
    assert any("阳光厨房" in line for line in lines)
