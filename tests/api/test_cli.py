"""The commands; `serve` as an operator starts it, in a process of its own."""

import asyncio
import errno
import json
import os
import shlex
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, Queue
from uuid import uuid4

import httpx
import pytest
import typer
from click.testing import Result
from cryptography.hazmat.primitives import serialization
from typer.testing import CliRunner

from api import cli
from api.app import create_app
from api.bootstrap import DEMO_ID, prepare_demo
from api.clients.cli import app as clients
from api.kit.settings import Settings
from api.server import reset_command
from tests.api.certificates import self_signed
from tests.api.world import EdgeBox, Place
from tests.ports import hold_port

# Seconds until a server on a slow and busy machine listens, answers, or has ended.
READY_WITHIN_S = 300
PATIENCE_S = 60


def sunshine(data: Path, *arguments: str) -> Result:
    """A command in this process."""
    app = typer.Typer()
    app.add_typer(cli.accounts, name="accounts")
    app.add_typer(cli.keys, name="keys")
    app.add_typer(clients, name="clients")
    app.command("serve")(cli.serve)
    app.command("enrol-code")(cli.enrol_code)
    return CliRunner().invoke(app, [*arguments, "--data", str(data)])


class Serving:
    """`sunshine serve` on a free port."""

    def __init__(self, data: Path, *options: str) -> None:
        command = [sys.executable, "-m", "sunshine", "serve", "--port", "0", "--data", str(data), *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self._lines: Queue[str] = Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.told: list[str] = []
        self.url = self.line("listening ").split()[1]

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self._lines.put(line.rstrip("\n"))

    def line(self, start: str) -> str:
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline:
            try:
                line = self._lines.get(timeout=0.5)
            except Empty:
                assert self.process.poll() is None, self.process.stderr and self.process.stderr.read()
                continue
            self.told.append(line)
            if line.startswith(start):
                return line
        raise AssertionError(f"no line that starts with {start!r}")

    def stop(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join()
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def serving(data: Path) -> Iterator[Serving]:
    started = Serving(data)
    yield started
    started.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_ends_cleanly(serving: Serving, data: Path, number: signal.Signals):
    assert httpx.get(f"{serving.url}/healthz", trust_env=False, timeout=PATIENCE_S).status_code == 200
    assert serving.stop(number) == 0
    assert not list(data.glob("*-wal")), "the journal was written back"


def test_serve_ends_as_cleanly_when_it_is_asked_twice(serving: Serving):
    serving.process.send_signal(signal.SIGINT)
    assert serving.stop(signal.SIGINT) == 0
    assert serving.process.stderr is not None
    assert serving.process.stderr.read() == ""


def test_serve_ends_although_somebody_follows_its_events(serving: Serving, data: Path):
    password = sunshine(data, "accounts", "reset").stdout.split()[1]
    with httpx.Client(base_url=serving.url, trust_env=False, timeout=PATIENCE_S) as client:
        assert client.post("/api/v1/login", json={"login": "admin", "password": password}).status_code == 200
        with client.stream("GET", "/api/v1/events/stream") as response:
            assert response.status_code == 200
            assert serving.stop(signal.SIGTERM) == 0
    assert serving.process.stderr is not None
    assert serving.process.stderr.read() == ""


@pytest.mark.parametrize(("trusted", "address"), [(None, "127.0.0.1"), ("127.0.0.1", "203.0.113.9")])
def test_only_a_trusted_proxy_says_where_a_request_comes_from(
    data: Path, monkeypatch: pytest.MonkeyPatch, trusted: str | None, address: str
):
    if trusted is not None:
        monkeypatch.setenv("SUNSHINE_TRUSTED_PROXIES", trusted)
    serving = Serving(data)
    password = sunshine(data, "accounts", "reset").stdout.split()[1]
    forwarded = {"X-Forwarded-For": "203.0.113.9"}
    with httpx.Client(base_url=serving.url, headers=forwarded, trust_env=False, timeout=PATIENCE_S) as client:
        client.post("/api/v1/login", json={"login": "admin", "password": password}).raise_for_status()
        newest = client.get("/api/v1/audit", params={"limit": 1}).json()["items"][0]
    serving.close()
    assert newest["address"] == address


class TestHttps:
    def test_with_a_certificate_it_is_spoken_and_cookies_are_secure(self, data: Path, tmp_path: Path):
        certificate, key = self_signed(tmp_path)
        serving = Serving(data, "--tls-certificate", str(certificate), "--tls-key", str(key))
        try:
            assert serving.url.startswith("https://127.0.0.1:")
            password = sunshine(data, "accounts", "reset").stdout.split()[1]
            trusting = ssl.create_default_context(cafile=certificate)
            with httpx.Client(base_url=serving.url, verify=trusting, trust_env=False, timeout=PATIENCE_S) as client:
                assert client.get("/healthz").status_code == 200
                answer = client.post("/api/v1/login", json={"login": "admin", "password": password})
            assert "; Secure" in answer.headers["set-cookie"]
        finally:
            serving.close()

    def test_files_that_cannot_be_used_are_told_before_anything_is_made(self, data: Path, tmp_path: Path):
        certificate, key = map(str, self_signed(tmp_path))
        _, other = map(str, self_signed(tmp_path / "other"))
        _, locked = map(str, self_signed(tmp_path / "locked", serialization.BestAvailableEncryption(b"secret")))
        missing = str(tmp_path / "missing.pem")
        for files, words in (
            ((certificate, other), "that belong together"),
            ((key, key), "that belong together"),
            ((certificate, locked), "without a password"),
            ((missing, key), f"{missing} cannot be read (No such file"),
            ((certificate, str(tmp_path)), f"{tmp_path} cannot be read (Is a directory"),
        ):
            answer = sunshine(data, "serve", "--port", "0", "--tls-certificate", files[0], "--tls-key", files[1])
            assert (answer.exit_code, words in answer.stderr, answer.stdout) == (1, True, ""), (files, answer.stderr)
        assert not data.exists()

    def test_one_without_the_other(self, data: Path, tmp_path: Path):
        answer = sunshine(data, "serve", "--port", "0", "--tls-certificate", str(tmp_path / "certificate.pem"))
        assert (answer.exit_code, "go together" in answer.stderr) == (2, True), answer.stderr


def test_a_second_one_on_the_same_folder(serving: Serving, data: Path):
    second = sunshine(data, "serve", "--port", "0")
    assert second.exit_code == 1
    assert second.stderr.strip().endswith("choose another folder with --data.")
    assert httpx.get(f"{serving.url}/healthz", trust_env=False, timeout=PATIENCE_S).status_code == 200


def test_a_port_that_is_taken(serving: Serving, tmp_path: Path):
    second = sunshine(tmp_path / "other", "serve", "--port", serving.url.rpartition(":")[2])
    assert second.exit_code == 1
    assert "--port" in second.stderr


@pytest.mark.parametrize("host", ["203.0.113.1", "\udcff"])
def test_a_host_that_is_not_this_machine(data: Path, host: str):
    answer = sunshine(data, "serve", "--port", "0", "--host", host)
    assert (answer.exit_code, "Give --host" in answer.stderr) == (1, True)


@pytest.mark.parametrize("table", ["DEADLINES", "ALARMS"])
def test_a_table_that_is_not_there(data: Path, monkeypatch: pytest.MonkeyPatch, table: str):
    monkeypatch.setenv(f"SUNSHINE_{table}", str(data / "mine.yaml"))
    answer = sunshine(data, "serve", "--port", "0")
    assert (answer.exit_code, "mine.yaml cannot be used" in answer.stderr) == (1, True)


def test_a_case_is_one_line(serving: Serving, data: Path):
    added = httpx.Client(base_url=serving.url, trust_env=False, timeout=PATIENCE_S)
    password = sunshine(data, "accounts", "reset").stdout.split()[1]
    added.post("/api/v1/login", json={"login": "admin", "password": password}).raise_for_status()

    def add(noun: str, **body: str) -> str:
        answer = added.post(f"/api/v1/{noun}", json=body, headers={"Idempotency-Key": str(uuid4())})
        return str(answer.raise_for_status().json()["id"])

    district = add("districts", name="D")
    shop = add("shops", district_id=district, name="S")
    area = add("areas", shop_id=shop, kind="special_room", name="A")
    camera = add("cameras", area_id=area, name="C", url="rtsp://192.0.2.1/")
    added.close()
    place = Place(district, shop, area, camera)
    code = sunshine(data, "enrol-code").stdout.strip()

    async def report() -> int:
        async with httpx.AsyncClient(base_url=serving.url, trust_env=False, timeout=PATIENCE_S) as client:
            box = EdgeBox(client, place)
            await box.enrol(code)
            return (await box.report()).status_code

    assert asyncio.run(report()) == 201
    assert serving.line("case ") == f"case 1 K01 未戴工作帽 2026-11-22 20:00:00 {serving.url}/cases/1"


def test_the_first_login_is_told_once_and_a_reset_makes_a_new_one(data: Path):
    first = Serving(data)
    first.close()
    second = Serving(data)
    listed = sunshine(data, "accounts", "list").stdout
    new = sunshine(data, "accounts", "reset", "admin").stdout.split()
    body = {"login": new[0], "password": new[1]}
    answer = httpx.post(f"{second.url}/api/v1/login", json=body, trust_env=False, timeout=PATIENCE_S)
    second.close()
    assert listed.startswith("admin\tofficer+admin")
    assert answer.status_code == 200


def test_what_makes_a_new_password_can_be_typed_where_no_sunshine_is_on_the_path(data: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    command = shlex.split(reset_command(data))
    assert os.access(command[0], os.X_OK), command


def test_a_data_folder_that_is_a_file(data: Path):
    data.touch()
    answer = sunshine(data, "serve", "--port", "0")
    assert (answer.exit_code, answer.stderr.strip().endswith("Choose another folder with --data.")) == (1, True)


@pytest.mark.parametrize(
    "command", [["accounts", "list"], ["accounts", "add", "li", "--role", "reviewer"], ["keys", "rotate"], ["clients", "list"]]
)
def test_a_folder_that_was_mistyped_is_told_and_not_made(data: Path, command: list[str]):
    answer = sunshine(data, *command)
    assert (answer.exit_code, answer.stderr.startswith(f"There is no centre in {data}.")) == (1, True)
    assert not data.exists()


def test_a_new_centre_says_that_it_begins(data: Path):
    first, second = Serving(data), None
    try:
        assert first.told[0].startswith(f"A new centre begins in {data}")
        first.close()
        second = Serving(data)
        assert not any(line.startswith("A new centre") for line in second.told)
    finally:
        (second or first).close()


@pytest.mark.parametrize("left", ["keys.json", "sunshine.db.moved"])
def test_a_centre_whose_database_is_elsewhere_does_not_begin_anew_where_that_was_forgotten(data: Path, left: str):
    data.mkdir()
    (data / left).touch()
    answer = sunshine(data, "serve", "--port", "0")
    assert (answer.exit_code, "SUNSHINE_DATABASE_URL" in answer.stderr) == (1, True)
    assert not (data / "sunshine.db").exists()


def test_a_centre_whose_database_was_emptied_does_not_begin_anew(data: Path):
    """As a copy leaves it that was put back on a full disk: the centre's edges and people would be turned away."""
    Serving(data).close()
    os.truncate(data / "sunshine.db", 0)
    answer = sunshine(data, "serve", "--port", "0")
    assert (answer.exit_code, "put a copy of sunshine.db back" in answer.stderr) == (1, True)


def test_a_disk_that_is_full_when_the_keys_are_written(data: Path, monkeypatch: pytest.MonkeyPatch):
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    answer = sunshine(data, "serve", "--port", "0")
    assert (answer.exit_code, answer.stderr.startswith("The data folder cannot be used ([Errno 28] No space left")) == (1, True)
    assert not (data / "keys.json").exists()


@pytest.mark.parametrize("name", ["files", "sunshine.db"])
def test_a_data_folder_that_holds_something_else(data: Path, name: str):
    data.mkdir()
    (data / name).write_bytes(b"no database, and no folder")
    answer = sunshine(data, "serve", "--port", "0")
    assert (answer.exit_code, answer.stderr.startswith("The da")) == (1, True)
    assert answer.stderr.rstrip().endswith("--data.")


def test_a_database_that_cannot_be_opened(data: Path):
    (data / "sunshine.db").mkdir(parents=True)
    answer = sunshine(data, "accounts", "list")
    assert (answer.exit_code, answer.stderr.startswith("The database in the data folder cannot be used (unable")) == (1, True)


def test_a_setting_that_cannot_be_used(data: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SUNSHINE_DATABASE_URL", "mysql://u:hunter2@h/d")
    answer = sunshine(data, "accounts", "list")
    assert answer.exit_code == 2
    assert "SUNSHINE_DATABASE_URL" in answer.stderr
    assert "hunter2" not in answer.stderr


@pytest.fixture
def begun(data: Path) -> Path:
    """The folder of a centre that has no account."""
    asyncio.run(cli._upgrade(Settings(data=data)))
    return data


def test_the_folder_of_a_centre_is_for_its_owner_only(begun: Path):
    assert begun.stat().st_mode & 0o077 == 0


def test_accounts_are_added(begun: Path):
    data = begun
    assert sunshine(data, "accounts", "add", "li", "--role", "reviewer").stdout.startswith("li  ")
    again = sunshine(data, "accounts", "add", "li", "--role", "reviewer")
    assert again.exit_code == 1
    assert "taken" in again.stderr


def test_an_argument_that_is_no_text(begun: Path):
    answer = sunshine(begun, "accounts", "add", "li", "--role", "reviewer", "--district", "d\udcff")
    assert (answer.exit_code, answer.stderr.startswith("An argument holds characters that are no text.")) == (1, True)


def test_accounts_are_disabled_and_enabled(begun: Path):
    data = begun
    sunshine(data, "accounts", "add", "li", "--role", "reviewer")
    assert sunshine(data, "accounts", "disable", "li").exit_code == 0
    assert "(disabled)" in sunshine(data, "accounts", "list").stdout
    assert sunshine(data, "accounts", "enable", "li").exit_code == 0
    assert "(disabled)" not in sunshine(data, "accounts", "list").stdout
    assert sunshine(data, "accounts", "disable", "wang").exit_code == 1


def test_whoever_disables_the_last_administrator_is_told(begun: Path):
    data = begun
    for login in ("li", "wang"):
        sunshine(data, "accounts", "add", login, "--role", "admin")
    assert sunshine(data, "accounts", "disable", "li").stderr == ""
    assert sunshine(data, "accounts", "disable", "wang").stderr.startswith("No administrator can sign in now.")


def test_a_folder_without_any_account_is_told_apart_from_a_wrong_login(begun: Path):
    data = begun
    assert "Does --data name the folder" in sunshine(data, "accounts", "reset").stderr
    sunshine(data, "accounts", "add", "li", "--role", "admin")
    assert "There is no account 'admin'" in sunshine(data, "accounts", "reset").stderr


def test_keys_are_rotated_only_while_nothing_runs(data: Path):
    serving = Serving(data)
    before = json.loads((data / "keys.json").read_text())
    refused = sunshine(data, "keys", "rotate")
    serving.stop(signal.SIGTERM)
    serving.close()
    assert refused.exit_code == 1
    assert json.loads((data / "keys.json").read_text()) == before
    assert sunshine(data, "keys", "rotate").exit_code == 0
    after = json.loads((data / "keys.json").read_text())
    assert list(after["keys"]) == [after["current"]] != [before["current"]]


def test_lost_keys_are_told_at_the_start(data: Path):
    asyncio.run(prepare_demo(Settings(data=data), "rtsp://192.0.2.1/", "viewer", "secret"))
    (data / "keys.json").unlink()
    serving = Serving(data)
    serving.close()
    told = [line for line in serving.told if line.startswith("The key of 1 camera passwords is missing")]
    assert len(told) == 1
    assert "Put the old keys.json back" in told[0]


def test_a_store_that_cannot_be_reached_is_told_at_the_start(data: Path, monkeypatch: pytest.MonkeyPatch):
    with hold_port() as holder:  # nobody listens there
        endpoint = f"http://127.0.0.1:{holder.getsockname()[1]}"
        environment = {"ENDPOINT": endpoint, "ALLOW_HTTP": "true", "ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b"}
        for name, value in environment.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        monkeypatch.setenv("SUNSHINE_FILES_URL", "s3://bucket/prefix")
        serving = Serving(data)
        serving.close()
    assert [line for line in serving.told if line.startswith("The store of SUNSHINE_FILES_URL cannot be read")]


def test_openapi_is_printed_without_a_database(tmp_path: Path):
    environment = {**os.environ, "SUNSHINE_DATA": str(tmp_path / "untouched"), "SUNSHINE_DATABASE_URL": "postgresql://nowhere/x"}
    printed = subprocess.run(
        [sys.executable, "-m", "sunshine", "openapi"],
        capture_output=True,
        text=True,
        timeout=READY_WITHIN_S,
        check=True,
        env=environment,
    )
    assert json.loads(printed.stdout) == json.loads(json.dumps(create_app(Settings(data=tmp_path)).openapi()))
    assert not (tmp_path / "untouched").exists()


def test_programs_of_other_systems(data: Path):
    asyncio.run(prepare_demo(Settings(data=data), "rtsp://192.0.2.1/"))
    added = sunshine(data, "clients", "add", "County app", "--scope", "cases:read", "--district", DEMO_ID)
    assert added.exit_code == 0, added.output
    client_id, secret = (line.split()[1] for line in added.output.splitlines())
    assert secret not in sunshine(data, "clients", "rotate", client_id).output
    assert sunshine(data, "clients", "list").output == f"{client_id}\tCounty app\tcases:read\n"
    assert sunshine(data, "clients", "revoke", client_id).output == "County app is revoked.\n"
    assert "(revoked)" in sunshine(data, "clients", "list").output
    refused = sunshine(data, "clients", "add", "County app", "--scope", "cases:read")
    assert (refused.exit_code, "name a district or a shop" in refused.output) == (1, True)
