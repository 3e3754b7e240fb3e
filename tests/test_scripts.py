"""The set-up on a bare machine, with a Python that only pretends: what it does is written down, nothing is downloaded."""

import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DEADLINE_S = 120
PYTHON = """#!/bin/sh
here=$(dirname "$0")
case "$*" in
  *version_info*) exit 0 ;;
  --version) echo "Python 3.11.0" ;;
  "-m venv "*) test "$PYTHONUTF8" = 1 || exit 1
    echo venv >> "$CALLS"; mkdir -p "$3/bin" "$3/lib"; cp "$0" "$3/bin/python"; touch "$3/lib/pip" ;;
  "-m pip --version") test -e "$here/../lib/pip" ;;
  "-m pip install"*) echo pip >> "$CALLS"; test "${PIP_USER:-0} $PYTHONUTF8" = "0 1" || exit 1
    echo "$PIP_SAYS"; sleep "${PIP_TAKES:-0}"; exit "${PIP_STATUS:-0}" ;;
  "-m sunshine"*) echo "$PWD: $*" ;;
  "-"*) if [ -z "$REAL" ]; then cat > /dev/null; exit; fi
    ln -s "$REAL" "$here/real"; touch "$here/../pyvenv.cfg"
    "$here/real" -c 'import os, sysconfig; os.makedirs(sysconfig.get_path("purelib"))'; exec "$here/real" "$@" ;;
esac
"""


class Checkout:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        for part in ("scripts", "requirements"):
            shutil.copytree(ROOT / part, folder / part)
        self.python = folder / "a python"
        self.python.write_text(PYTHON)
        self.python.chmod(0o755)
        self.calls = folder / "calls"
        self.mark = uuid.uuid4().hex

    def start(self, *command: str, cwd: Path | None = None, **environment: str) -> subprocess.Popen[str]:
        told = {"PYTHON": str(self.python), "CALLS": str(self.calls), "MARK": self.mark, "PATH": "/usr/bin:/bin"}
        return subprocess.Popen(
            [str(self.folder / command[0]), *command[1:]], cwd=cwd, env=told | environment, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )

    def run(self, *command: str, cwd: Path | None = None, **environment: str) -> tuple[int, str]:
        process = self.start(*command, cwd=cwd, **environment)
        words, _ = process.communicate(timeout=DEADLINE_S)
        return process.returncode, words

    def done(self) -> list[str]:
        return self.calls.read_text().split() if self.calls.exists() else []

    def pids(self) -> list[int]:
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    if f"MARK={self.mark}".encode() in (entry / "environ").read_bytes():
                        found.append(int(entry.name))
                except OSError:
                    continue  # it has just ended
        return found


@pytest.fixture
def checkout(tmp_path):
    there = Checkout(tmp_path / "a folder 厨房")
    yield there
    for pid in there.pids():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_the_second_start_installs_nothing(checkout):
    assert checkout.run("scripts/setup")[0] == 0
    status, words = checkout.run("scripts/setup")
    assert (status, words, checkout.done()) == (0, "", ["venv", "pip"])


def test_the_checkout_is_found_without_the_letters_of_its_path(checkout):
    """Python reads this file in the encoding of the locale, and does not start where it cannot: `LC_ALL=C` knows no Chinese."""
    assert checkout.run("scripts/setup", REAL=str(Path(sys.executable).resolve()))[0] == 0
    file, = checkout.folder.glob(".venv/lib/python*/site-packages/sunshine-checkout.pth")
    named = file.read_text()
    assert named.isascii()
    assert (file.parent / named.strip()).samefile(checkout.folder)


def test_run_becomes_the_demo_in_the_callers_folder(checkout, tmp_path):
    status, words = checkout.run("scripts/run", "--video", "a b.mp4", cwd=tmp_path)
    assert status == 0
    assert words.splitlines()[-1] == f"{tmp_path}: -m sunshine demo --video a b.mp4"


def test_an_environment_that_was_half_made_is_made_anew(checkout):
    binaries = checkout.folder / ".venv" / "bin"
    binaries.mkdir(parents=True)
    shutil.copy(checkout.python, binaries / "python")
    assert checkout.run("scripts/setup")[0] == 0
    assert checkout.done() == ["venv", "pip"]


def test_a_checkout_that_was_moved_is_set_up_again(checkout):
    checkout.run("scripts/setup")
    checkout.folder = checkout.folder.rename(checkout.folder.with_name("moved"))
    checkout.python, checkout.calls = checkout.folder / "a python", checkout.folder / "calls"
    assert checkout.run("scripts/setup")[0] == 0
    assert checkout.done() == ["venv", "pip", "pip"]


def test_a_pip_that_is_set_to_install_for_the_user_installs_here_all_the_same(checkout):
    assert checkout.run("scripts/setup", PIP_USER="1")[0] == 0


def test_an_index_out_of_reach_is_said_in_words(checkout):
    says = "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError'"
    status, words = checkout.run("scripts/run", PIP_SAYS=says, PIP_STATUS="1")
    assert status == 1
    assert "Check the network" in words
    assert checkout.run("scripts/setup")[0] == 0
    assert checkout.done() == ["venv", "pip", "pip"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("script", ["scripts/run", "scripts/setup"])
def test_a_signal_to_the_script_alone_ends_what_it_installs(checkout, script, number):
    process = checkout.start(script, PIP_TAKES="600")
    deadline = time.monotonic() + DEADLINE_S
    while "pip" not in checkout.done():
        assert time.monotonic() < deadline, "pip was not called"
        assert process.poll() is None
    process.send_signal(number)
    process.communicate(timeout=DEADLINE_S)
    assert process.returncode in (128 + number, -number)
    assert checkout.pids() == []
